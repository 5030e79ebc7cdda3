//! The AWS configuration that every client is made from, and the guard on every call.
//!
//! Everything the AWS CLI takes from the environment works here too (profiles, SSO, assumed
//! roles, endpoints, proxies, CA bundles), except that the region is the environment record's.
//! No service client but STS is made here: a tool's crate lists the services that it may call.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, Metadata};
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::sync::Semaphore;

use crate::error::{Error, Result, aws_error};
use crate::record::Env;
use crate::stream::Stream;

/// The SDK's default is 3; with full jitter from 50 ms up to 1 s, 45 attempts last about 20 seconds.
const ATTEMPTS: u32 = 45;
/// A call that AWS throttles has its turn when its bucket fills, which a hundred others empty: ECS
/// registers one task definition a second. So many attempts last about ten minutes.
const THROTTLED_ATTEMPTS: u32 = 1200;
/// One unlucky call holds up all that needs it, so the SDK's 20 seconds between two attempts are too many.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// In which codes the services say that calls come too fast.
const TOO_FAST: [&str; 4] = ["Throttl", "RequestLimitExceeded", "TooManyRequests", "SlowDown"];
/// A quota of resources, which no other attempt changes; the SDK takes it for throttling.
const QUOTA: &str = "LimitExceededException";
/// How many calls of a tool are on the wire at once: more are throttled, and each costs a connection.
const AT_ONCE: usize = 24;
/// How long a connection may take, and one attempt of a call.
const CONNECT: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(60);

/// What the clients of a tool are made from.
#[derive(Clone, Debug)]
pub struct Aws {
    /// Region, credentials, endpoint, retries and time limits.
    pub config: SdkConfig,
    guard: Guard,
}

impl Aws {
    /// Reads the AWS settings, and has the account checked while the tool looks around.
    ///
    /// Answers once the input is quiet, so that bad input that is already there is refused
    /// before the first call.
    pub async fn connect(stream: &Stream, env: &Env) -> Result<Aws> {
        stream.settled().await?;
        let config = load(stream.tool(), Some(env.region.clone())).await?;
        let guard = Guard { stream: stream.clone() };
        let (checked, account, expected) = (stream.clone(), config.clone(), env.account.clone());
        if stream.account_is_checked() {
            return Ok(Aws { config, guard }); // the env record was made here, from these credentials
        }
        tokio::spawn(async move {
            match caller_account(&account).await {
                Ok(account) if account == expected => checked.account_is_right(),
                Ok(account) => checked.stop(
                    Error::refused(format!(
                        "the credentials are of account {account}, but the environment is in {expected}"
                    ))
                    .hint("set AWS_PROFILE to a profile of that account")
                    .everyones(),
                ),
                Err(error) => checked.stop(error),
            }
        });
        Ok(Aws { config, guard })
    }

    /// The interceptor that every client must carry: it refuses a changing call under `--plan`,
    /// before the account is checked, and after the tool has failed or was interrupted.
    pub fn guard(&self) -> impl Intercept + 'static {
        self.guard.clone()
    }
}

/// The region and account of the credentials, for the tool at the head of a pipe.
pub(crate) async fn whoami(tool: &str, region: Option<String>) -> Result<(String, String)> {
    let config = load(tool, region).await?;
    let region = config.region().map(|r| r.to_string()).unwrap_or_default();
    Ok((region, caller_account(&config).await?))
}

/// The region that the AWS settings name, else us-east-1.
pub(crate) async fn default_region(tool: &str) -> Result<String> {
    Ok(load(tool, None).await?.region().map(|r| r.to_string()).unwrap_or_default())
}

async fn caller_account(config: &SdkConfig) -> Result<String> {
    let config = aws_sdk_sts::config::Builder::from(config).retry_classifier(Refused).build();
    let identity = aws_sdk_sts::Client::from_conf(config)
        .get_caller_identity()
        .send()
        .await
        .map_err(|e| aws_error("sts:GetCallerIdentity", "find out the account of the credentials", e))?;
    Ok(identity.account.unwrap_or_default())
}

async fn load(tool: &str, region: Option<String>) -> Result<SdkConfig> {
    let time_limits = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
    let mut loader = aws_config::from_env()
        .http_client(http_client()?)
        .retry_config(retries(ATTEMPTS))
        // To wait for one's turn looks like a slow upload; an attempt has its time limit.
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().upload_enabled(false).build())
        .timeout_config(time_limits);
    if let Ok(name) = AppName::new(tool.to_string()) {
        loader = loader.app_name(name); // shows in CloudTrail which tool it was
    }
    Ok(with_region(loader, region).await.load().await)
}

fn retries(attempts: u32) -> RetryConfig {
    let retries = RetryConfig::standard().with_max_attempts(attempts);
    retries.with_initial_backoff(FIRST_BACKOFF).with_max_backoff(LONGEST_BACKOFF)
}

/// As the AWS CLI looks for it: AWS_REGION, AWS_DEFAULT_REGION, the profile.
async fn with_region(loader: ConfigLoader, region: Option<String>) -> ConfigLoader {
    let named = |key: &str| std::env::var(key).ok().filter(|value| !value.is_empty());
    let named = region.or_else(|| named("AWS_REGION")).or_else(|| named("AWS_DEFAULT_REGION"));
    let chain = aws_config::meta::region::RegionProviderChain::first_try(named.map(Region::new))
        .or_else(aws_config::profile::ProfileFileRegionProvider::new())
        .or_else(Region::from_static("us-east-1"));
    loader.region(chain)
}

fn http_client() -> Result<SharedHttpClient> {
    let mut trust = TrustStore::empty().with_native_roots(true);
    if let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        let pem = std::fs::read(&path)
            .map_err(|why| Error::usage(format!("cannot read AWS_CA_BUNDLE {}: {why}", path.to_string_lossy())))?;
        trust = TrustStore::empty().with_pem_certificate(pem);
    }
    let tls = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|why| Error::usage(format!("cannot use the certificates: {why}")))?;
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls.clone())
            .proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|c| c.sleep_impl()));
        connector.build()
    });
    Ok(http_client_fn(move |settings, components| {
        let connector = client.http_connector(settings, components);
        SharedHttpConnector::new(InTurn { connector, turns: turns.clone() })
    }))
}

/// A connector that keeps some calls waiting while enough are on the wire.
#[derive(Debug)]
struct InTurn {
    connector: SharedHttpConnector,
    turns: Arc<Semaphore>,
}

impl HttpConnector for InTurn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, turns) = (self.connector.clone(), self.turns.clone());
        HttpConnectorFuture::new(async move {
            let _turn = turns.acquire().await;
            connector.call(request).await
        })
    }
}

/// An endpoint that refuses the first connection is a wrong one, which more attempts do not mend.
#[derive(Debug)]
struct Refused;

impl ClassifyRetry for Refused {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        let mut next = error.as_connector_error().and_then(|error| error.source());
        while let Some(error) = next {
            let io = error.downcast_ref::<std::io::Error>();
            if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
                return RetryAction::RetryForbidden;
            }
            next = error.source();
        }
        RetryAction::NoActionIndicated
    }

    fn name(&self) -> &'static str {
        "plumbline"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

#[derive(Clone, Debug)]
struct Guard {
    stream: Stream,
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "plumbline"
    }

    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(call) = cfg.load::<Metadata>() else { return Ok(()) };
        self.stream.detail(|| format!("calls {}:{}", call.service().to_lowercase().replace(' ', ""), call.name()));
        if !reads_only(call.name()) {
            self.stream.check_change()?;
        }
        Ok(())
    }

    /// The SDK's quota for retries ends a run that has a hundred throttled calls at once, and its
    /// attempts are for what passes sooner. To be throttled is to wait one's turn.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let state = cfg.interceptor_state();
        match context.response() {
            Some(answer) if says(answer, &TOO_FAST) => {
                state.store_put(retries(THROTTLED_ATTEMPTS)).store_put(TokenBucket::unlimited())
            }
            Some(answer) if says(answer, &[QUOTA]) => state.store_put(retries(1)),
            _ => state.store_put(retries(ATTEMPTS)),
        };
        Ok(())
    }

    /// A call that is being retried ends when the tool does.
    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(self.stream.go_on()?)
    }
}

/// Whether an answer is an error of one of these codes, in the words of any service.
fn says(answer: &HttpResponse, codes: &[&str]) -> bool {
    let kind = answer.headers().get("x-amzn-errortype").unwrap_or_default();
    let body = answer.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    !answer.status().is_success() && codes.iter().any(|code| kind.contains(code) || body.contains(code))
}

/// Whether an operation changes nothing, by AWS's naming.
fn reads_only(operation: &str) -> bool {
    ["Describe", "Get", "List", "BatchGet", "Head"].iter().any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn too_fast_is_told_from_other_refusals_in_any_services_words() {
        let answer = |status: u16, body: &'static str| {
            HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.as_bytes()))
        };
        for (status, body) in [
            (503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>"),
            (400, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"),
            (400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#),
            (429, r#"{"__type":"TooManyRequestsException"}"#),
            (503, "<Error><Code>SlowDown</Code></Error>"),
        ] {
            assert!(says(&answer(status, body), &TOO_FAST), "{body}");
        }
        let quota = answer(400, r#"{"__type":"LimitExceededException","message":"a quota"}"#);
        assert!(says(&quota, &[QUOTA]) && !says(&quota, &TOO_FAST));
        assert!(!says(&answer(200, r#"{"name":"Throttling"}"#), &TOO_FAST) && !says(&answer(500, ""), &TOO_FAST));
        let mut lambda = answer(429, "{}");
        lambda.headers_mut().insert("x-amzn-errortype", "TooManyRequestsException:http://internal");
        assert!(says(&lambda, &TOO_FAST));
    }

    #[test]
    fn reads_are_told_from_changes() {
        assert!(reads_only("DescribeVpcs") && reads_only("BatchGetImage"));
        assert!(!reads_only("CreateVpc") && !reads_only("BatchDeleteImage"));
    }
}
