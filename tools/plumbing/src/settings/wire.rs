//! The one HTTP client: its certificates, its proxies, and what it makes of what is no answer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Semaphore;

use crate::connection::{Told, Way, page_title};
use crate::error::{Error, Result};
use crate::settings::proxy::{Proxies, Proxy};

/// How many calls of a tool are on the wire at once: more are throttled, and each costs a connection.
const AT_ONCE: usize = 24;

/// What the client is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    /// A file of certificates, and the setting that names it.
    pub(super) bundle: Option<(String, String)>,
    pub(super) proxies: Proxies,
    /// The settings that name hosts, and their values: for words.
    pub(super) endpoints: Vec<(String, String)>,
}

/// Makes the client.
///
/// Errors: the certificates cannot be read.
pub(super) fn http_client(wire: Wire) -> Result<SharedHttpClient> {
    let Wire {
        bundle,
        proxies,
        endpoints,
    } = wire;
    let tls = TlsContext::builder()
        .with_trust_store(trust(bundle.as_ref())?)
        .build()
        .map_err(|why| Error::usage(format!("cannot use the certificates: {why}")))?;
    let [to_plain, to_secure] =
        [&proxies.http, &proxies.https].map(|proxy| config(proxy, &proxies));
    let [to_plain, to_secure] = [to_plain?, to_secure?];
    let needs_tls =
        |proxy: &Option<Proxy>| proxy.as_ref().is_some_and(|p| p.url.starts_with("https:"));
    let secure = {
        let tls = tls.clone();
        Builder::new().build_with_connector_fn(move |settings, components| {
            secure(connector(settings, components, &to_secure), &tls)
        })
    };
    let plain_by_tls = needs_tls(&proxies.http);
    let plain = Builder::new().build_with_connector_fn(move |settings, components| {
        let connector = connector(settings, components, &to_plain);
        if plain_by_tls {
            return self::secure(connector, &tls);
        }
        connector.build_http()
    });
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let reached = Arc::new(Mutex::new(HashSet::new()));
    Ok(http_client_fn(move |settings, components| {
        SharedHttpConnector::new(InTurn {
            secure: secure.clone(),
            plain: plain.clone(),
            settings: settings.clone(),
            components: components.clone(),
            proxies: proxies.clone(),
            endpoints: endpoints.clone(),
            turns: turns.clone(),
            reached: reached.clone(),
        })
    }))
}

fn trust(bundle: Option<&(String, String)>) -> Result<TrustStore> {
    let Some((path, setting)) = bundle else {
        return Ok(TrustStore::empty().with_native_roots(true));
    };
    let refuse = |why: String| {
        Err(Error::usage(why)
            .hint(format!("look at {setting}"))
            .pipe_wide())
    };
    let pem = match std::fs::read(path) {
        Ok(pem) => pem,
        Err(why) => return refuse(format!("cannot read {setting} {path}: {why}")),
    };
    if !holds_certificates(&pem) {
        return refuse(format!(
            "{setting} {path} holds no certificate, or a broken one"
        ));
    }
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

fn holds_certificates(pem: &[u8]) -> bool {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let sound = |one: CertificateDer<'static>| RootCertStore::empty().add(one).is_ok();
    certificates.is_ok_and(|all| !all.is_empty() && all.into_iter().all(sound))
}

fn config(proxy: &Option<Proxy>, proxies: &Proxies) -> Result<ProxyConfig> {
    let Some(proxy) = proxy else {
        return Ok(ProxyConfig::disabled());
    };
    let config = ProxyConfig::all(proxy.url.clone()).map_err(|_| {
        let why = format!("{} is not the URL of an HTTP proxy", proxy.variable);
        Error::usage(why).pipe_wide()
    })?;
    Ok(config.no_proxy(&proxies.except))
}

fn connector(
    settings: Option<&HttpConnectorSettings>,
    components: Option<&RuntimeComponents>,
    proxy: &ProxyConfig,
) -> ConnectorBuilder {
    let mut connector = Connector::builder().proxy_config(proxy.clone());
    connector.set_connector_settings(settings.cloned());
    connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
    connector
}

fn secure(connector: ConnectorBuilder, tls: &TlsContext) -> Connector {
    let connector = connector.tls_provider(Provider::Rustls(CryptoMode::Ring));
    connector.tls_context(tls.clone()).build()
}

/// A connector that keeps some calls waiting while enough are on the wire. It reads the machine's
/// certificates, which takes as long as all else before a first call, when there is something to check.
#[derive(Debug)]
struct InTurn {
    secure: SharedHttpClient,
    plain: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
    proxies: Proxies,
    endpoints: Vec<(String, String)>,
    turns: Arc<Semaphore>,
    /// The hosts that have answered.
    reached: Arc<Mutex<HashSet<String>>>,
}

impl HttpConnector for InTurn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_plain = request.uri().starts_with("http://");
        let client = if is_plain { &self.plain } else { &self.secure };
        let connector = client.http_connector(&self.settings, &self.components);
        let turns = self.turns.clone();
        let hosts = self.reached.clone();
        let mut way = self.way(request.uri(), is_plain);
        HttpConnectorFuture::new(async move {
            let _turn = turns.acquire().await;
            let answer = connector.call(request).await;
            // A set is whole whatever panicked.
            let known = || hosts.lock().unwrap_or_else(PoisonError::into_inner);
            way.reached = known().contains(&way.host);
            match answer {
                Ok(answer) => {
                    known().insert(way.host.clone());
                    checked(answer, &way).await
                }
                Err(error) => Err(way.lasting(&error).map_or(error, lasting)),
            }
        })
    }
}

impl InTurn {
    fn way(&self, uri: &str, is_plain: bool) -> Way {
        let (_, rest) = uri.split_once("://").unwrap_or_default();
        let host = rest
            .split(['/', '?'])
            .next()
            .unwrap_or_default()
            .to_string();
        let proxy = if is_plain {
            &self.proxies.http
        } else {
            &self.proxies.https
        };
        let proxy = proxy.as_ref().filter(|_| !self.proxies.spare(&host));
        let mut settings = self.endpoints.iter();
        let named = settings.find(|(_, url)| !host.is_empty() && url.contains(&host));
        let setting = match named {
            Some((setting, _)) => setting.clone(),
            None => "the region, and the connection".into(),
        };
        Way {
            host,
            setting,
            proxy: proxy.map(|proxy| proxy.variable.clone()),
            reached: false,
        }
    }
}

/// An error that the SDK does not retry.
fn lasting(why: Error) -> ConnectorError {
    ConnectorError::other(Box::new(Told(why)), None)
}

/// The answer, unless it is a page or the proxy's: a server's fault may pass, and is left to the SDK.
async fn checked(mut answer: HttpResponse, way: &Way) -> Result<HttpResponse, ConnectorError> {
    let status = answer.status().as_u16();
    if status == 407 {
        return Err(lasting(way.proxy_refuses("wants a user and a password")));
    }
    let kind = answer.headers().get("content-type").unwrap_or_default();
    if !kind.starts_with("text/html") || status >= 500 {
        return Ok(answer);
    }
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let body = ByteStream::new(body).collect().await;
    let body = body
        .map_err(|why| ConnectorError::io(Box::new(why)))?
        .into_bytes();
    if let Some(title) = page_title(&body) {
        return Err(lasting(way.page(status, &title)));
    }
    *answer.body_mut() = SdkBody::from(body);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

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
