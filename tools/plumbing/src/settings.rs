//! The AWS settings: everything that the AWS CLI takes from the environment works here too (profiles,
//! SSO, assumed roles, endpoints, proxies, CA bundles). What the SDK would panic over, or tell in a
//! dump of its request, is refused here in words.

use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::region::check_region;

/// The SDK's default is 3; with full jitter from 50 ms up to 1 s, 45 attempts last about 20 seconds.
pub(crate) const ATTEMPTS: u32 = 45;
/// One unlucky call holds up all that needs it, so the SDK's 20 seconds between two attempts are too many.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// How many calls of a tool are on the wire at once: more are throttled, and each costs a connection.
const AT_ONCE: usize = 24;
/// How long a connection may take, and one attempt of a call, or of getting at the credentials: a
/// `credential_process` may wait for a person, and the SDK would wait for it for an hour.
const CONNECT: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(60);

/// Reads the settings; the region is the one given, else theirs.
///
/// Errors: one of them cannot be used.
pub(crate) async fn load(tool: &str, region: Option<String>) -> Result<SdkConfig> {
    for (setting, value) in std::env::vars_os() {
        check(&setting.to_string_lossy(), &value.to_string_lossy())?;
    }
    let time_limits = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .build();
    let mut loader = aws_config::from_env()
        .http_client(http_client()?)
        .retry_config(retries(ATTEMPTS))
        // To wait for one's turn looks like a slow upload; an attempt has its time limit.
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled()
                .upload_enabled(false)
                .build(),
        )
        .identity_cache(IdentityCache::lazy().load_timeout(ATTEMPT).build())
        .timeout_config(time_limits);
    if let Ok(name) = AppName::new(tool.to_string()) {
        loader = loader.app_name(name); // shows in CloudTrail which tool it was
    }
    let config = with_region(loader, region).await.load().await;
    if let Some(url) = config.endpoint_url() {
        check("AWS_ENDPOINT_URL", url)?; // the profile's
    }
    let region = config
        .region()
        .map(|region| region.to_string())
        .unwrap_or_default();
    check_region(&region).map_err(|why| Error::usage(why).hint("set AWS_REGION").pipe_wide())?;
    Ok(config)
}

/// Refuses what the SDK would use as it is. Of a key nothing is told but which it is.
fn check(setting: &str, value: &str) -> Result<()> {
    let refused = match setting {
        "AWS_ACCESS_KEY_ID" | "AWS_SESSION_TOKEN" if value.contains(char::is_control) => {
            Error::usage(format!(
                "{setting} holds a control character, which no key does"
            ))
            .hint(format!("look for the end of a line in {setting}"))
        }
        url if url.starts_with("AWS_ENDPOINT_URL") && value.is_empty() => {
            Error::usage(format!("{setting} is empty")).hint(format!("unset {setting}"))
        }
        url if url.starts_with("AWS_ENDPOINT_URL") && !is_endpoint(value) => {
            Error::usage(format!("{setting} '{value}' is not the URL of an endpoint"))
                .hint(format!("{setting}=http://HOST:PORT"))
        }
        _ => return Ok(()),
    };
    Err(refused.pipe_wide())
}

fn is_endpoint(url: &str) -> bool {
    let host = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
        && url.bytes().all(|b| b.is_ascii_graphic())
}

pub(crate) fn retries(attempts: u32) -> RetryConfig {
    let retries = RetryConfig::standard().with_max_attempts(attempts);
    retries
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF)
}

/// As the AWS CLI looks for it: AWS_REGION, AWS_DEFAULT_REGION, the profile.
async fn with_region(loader: ConfigLoader, region: Option<String>) -> ConfigLoader {
    let mut named = region;
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let value = std::env::var(variable).unwrap_or_default();
        if named.is_none() && !value.is_empty() {
            named = Some(value);
        }
    }
    let chain = aws_config::meta::region::RegionProviderChain::first_try(named.map(Region::new))
        .or_else(aws_config::profile::ProfileFileRegionProvider::new())
        .or_else(Region::from_static("us-east-1"));
    loader.region(chain)
}

fn http_client() -> Result<SharedHttpClient> {
    let mut trust = TrustStore::empty().with_native_roots(true);
    if let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        let shown = path.to_string_lossy();
        let pem = std::fs::read(&path).map_err(|why| {
            Error::usage(format!("cannot read AWS_CA_BUNDLE {shown}: {why}")).pipe_wide()
        })?;
        if !holds_certificates(&pem) {
            let why = format!("AWS_CA_BUNDLE {shown} holds no certificate, or a broken one");
            return Err(Error::usage(why).pipe_wide());
        }
        trust = TrustStore::empty().with_pem_certificate(pem);
    }
    let tls = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|why| Error::usage(format!("cannot use the certificates: {why}")))?;
    let secure = Builder::new().build_with_connector_fn(move |settings, components| {
        let builder =
            connector(settings, components).tls_provider(Provider::Rustls(CryptoMode::Ring));
        builder.tls_context(tls.clone()).build()
    });
    let plain = Builder::new().build_with_connector_fn(|settings, components| {
        connector(settings, components).build_http()
    });
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    Ok(http_client_fn(move |settings, components| {
        SharedHttpConnector::new(InTurn {
            secure: secure.clone(),
            plain: plain.clone(),
            settings: settings.clone(),
            components: components.clone(),
            turns: turns.clone(),
        })
    }))
}

fn connector(
    settings: Option<&HttpConnectorSettings>,
    components: Option<&RuntimeComponents>,
) -> ConnectorBuilder {
    let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
    connector.set_connector_settings(settings.cloned());
    connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
    connector
}

fn holds_certificates(pem: &[u8]) -> bool {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let sound = |one: CertificateDer<'static>| RootCertStore::empty().add(one).is_ok();
    certificates.is_ok_and(|all| !all.is_empty() && all.into_iter().all(sound))
}

/// A connector that keeps some calls waiting while enough are on the wire. It reads the machine's
/// certificates, which takes as long as all else before a first call, when there is something to check.
#[derive(Debug)]
struct InTurn {
    secure: SharedHttpClient,
    plain: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
    turns: Arc<Semaphore>,
}

impl HttpConnector for InTurn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = if request.uri().starts_with("http://") {
            &self.plain
        } else {
            &self.secure
        };
        let connector = client.http_connector(&self.settings, &self.components);
        let turns = self.turns.clone();
        HttpConnectorFuture::new(async move {
            let _turn = turns.acquire().await;
            connector.call(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sdk_would_panic_over_is_refused() {
        for (setting, value, why) in [
            ("AWS_ENDPOINT_URL", "", "AWS_ENDPOINT_URL is empty"),
            ("AWS_ENDPOINT_URL_S3", "", "AWS_ENDPOINT_URL_S3 is empty"),
            (
                "AWS_ENDPOINT_URL",
                "localhost:5000",
                "AWS_ENDPOINT_URL 'localhost:5000' is not the URL of an endpoint",
            ),
            (
                "AWS_ENDPOINT_URL",
                "http://",
                "AWS_ENDPOINT_URL 'http://' is not the URL of an endpoint",
            ),
            (
                "AWS_ENDPOINT_URL",
                "ftp://x",
                "AWS_ENDPOINT_URL 'ftp://x' is not the URL of an endpoint",
            ),
            (
                "AWS_ACCESS_KEY_ID",
                "secret\r",
                "AWS_ACCESS_KEY_ID holds a control character, which no key does",
            ),
        ] {
            assert_eq!(check(setting, value).unwrap_err().message, why);
        }
        for (setting, value) in [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
            ("AWS_ENDPOINT_URL_STS", "https://[::1]/x"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_REGION", ""),
        ] {
            assert_eq!(check(setting, value), Ok(()), "{setting}");
        }
    }

    #[test]
    fn a_bundle_without_certificates_is_no_bundle() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(
            [&b""[..], b"garbage", broken]
                .iter()
                .all(|pem| !holds_certificates(pem))
        );
    }
}
