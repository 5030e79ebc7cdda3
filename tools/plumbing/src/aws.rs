//! What every client is made from, and the guard on every call: whether it may go out, and how often
//! it is asked again.
//!
//! No service client but STS is made here: a tool's crate lists the services that it may call.

use std::time::Instant;

use aws_config::SdkConfig;
use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tokio::join;

use crate::control::Control;
use crate::error::{Error, Result, aws_error};
use crate::settings::{ATTEMPTS, load, retries};
use crate::stream::Stream;
use crate::types::Env;
use crate::voice::Voice;

/// A call that AWS throttles has its turn when its bucket fills, which a hundred others empty: ECS
/// registers one task definition a second. So many attempts last about ten minutes.
const THROTTLED_ATTEMPTS: u32 = 1200;
/// An endpoint that takes a call and does not answer takes the next one too. An attempt lasts a minute,
/// and a connection that is not made ten seconds.
const UNANSWERED_ATTEMPTS: u32 = 5;
/// In which codes the services say that calls come too fast.
const TOO_FAST: [&str; 4] = [
    "Throttl",
    "RequestLimitExceeded",
    "TooManyRequests",
    "SlowDown",
];
/// A quota of resources, which no other attempt changes; the SDK takes it for throttling.
const QUOTA: &str = "LimitExceededException";

/// What the clients of a tool are made from, and what they are about.
#[derive(Clone, Debug)]
pub struct Aws {
    /// Region, credentials, endpoint, retries and time limits.
    pub config: SdkConfig,
    /// The environment.
    pub env: Env,
    /// Whether the tool may go on.
    pub control: Control,
    /// How it speaks to people.
    pub voice: Voice,
    /// Whether a person said that protection from deletion is to be taken away: to `rm-env` alone.
    pub lift_protection: bool,
    /// Whether a person said that what GuardDuty put into the network goes with it: to `rm-env` alone.
    pub remove_guard_duty: bool,
}

impl Aws {
    /// Reads the AWS settings, and has the account checked while the tool looks around.
    ///
    /// Answers once the input is quiet, so that bad input that is already there is refused
    /// before the first call.
    pub async fn connect(stream: &Stream, env: &Env) -> Result<Aws> {
        // The settings are read meanwhile, which takes no call.
        let region = Some(env.region.clone());
        let (quiet, config) = join!(stream.input_quiet(), load(stream.tool(), region));
        quiet?;
        let aws = Aws {
            config: config?,
            env: env.clone(),
            control: stream.control.clone(),
            voice: stream.voice.clone(),
            lift_protection: false,
            remove_guard_duty: false,
        };
        // Where the env record was made here, it was made from these credentials.
        if !aws.control.account_is_checked() {
            aws.control.account_is_asked();
            tokio::spawn(check_account(aws.clone()));
        }
        Ok(aws)
    }

    /// The interceptor that every client must carry: it refuses a changing call under `--plan`,
    /// before the account is checked, and after the tool has failed or was interrupted.
    pub fn guard(&self) -> impl Intercept + 'static {
        Guard {
            control: self.control.clone(),
        }
    }
}

async fn check_account(aws: Aws) {
    let expected = &aws.env.account;
    match caller_account(&aws.control, &aws.config).await {
        Ok(account) if account == *expected => aws.control.account_is_right(),
        Ok(account) => {
            let message = format!(
                "the credentials are of account {account}, but the environment is in {expected}"
            );
            let hint = "set AWS_PROFILE to a profile of that account";
            aws.control
                .stop(Error::refused(message).hint(hint).pipe_wide());
        }
        Err(error) => aws.control.stop(error),
    }
}

/// The region and account of the credentials, for the tool at the head of a pipe.
pub(crate) async fn whoami(stream: &Stream, region: Option<String>) -> Result<(String, String)> {
    let config = load(stream.tool(), region).await?;
    let account = caller_account(&stream.control, &config).await?;
    Ok((region_of(&config), account))
}

/// The region that the AWS settings name, else us-east-1.
pub(crate) async fn default_region(stream: &Stream) -> Result<String> {
    Ok(region_of(&load(stream.tool(), None).await?))
}

fn region_of(config: &SdkConfig) -> String {
    config.region().map(|r| r.to_string()).unwrap_or_default()
}

async fn caller_account(control: &Control, config: &SdkConfig) -> Result<String> {
    let guard = Guard {
        control: control.clone(),
    };
    let config = aws_sdk_sts::config::Builder::from(config)
        .interceptor(guard)
        .build();
    let identity = aws_sdk_sts::Client::from_conf(config)
        .get_caller_identity()
        .send()
        .await
        .map_err(|e| {
            aws_error(
                "sts:GetCallerIdentity",
                "find out the account of the credentials",
                e,
            )
        })?;
    Ok(identity.account.unwrap_or_default())
}

#[derive(Clone, Debug)]
struct Guard {
    control: Control,
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
        let Some(call) = cfg.load::<Metadata>() else {
            return Ok(());
        };
        let voice = &self.control.voice;
        voice.detail(|| format!("calls {}", name_of(call)));
        if !reads_only(call.name()) {
            self.control.check_change()?;
        }
        Ok(())
    }

    /// The SDK counts all attempts of a call alike. Here to be throttled is to wait one's turn, which
    /// takes nothing from what the call bears of other faults. The SDK's quota for the retries of all
    /// calls does not count: it ends a run that has a hundred throttled calls at once, or many of them
    /// under way while a connection is gone for some seconds.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let met = match (context.response(), context.output_or_error()) {
            (Some(answer), _) if says(answer, &TOO_FAST) => Met::TooFast,
            (Some(answer), _) if says(answer, &[QUOTA]) => Met::Quota,
            (None, Some(Err(error))) if no_answer(error) => Met::Silence,
            _ => Met::Fault,
        };
        let mut attempts = cfg.load::<Attempts>().copied().unwrap_or_default();
        let again = attempts.again(met);
        let lasts = attempts.lasts(Instant::now()).filter(|_| again);
        if let (Some(lasts), Some(call)) = (lasts, cfg.load::<Metadata>()) {
            let line = format!(
                "waiting: {} {} ({lasts}s so far)",
                name_of(call),
                met.in_words()
            );
            self.control.voice.say(&line);
        }
        let state = cfg.interceptor_state();
        state
            .store_put(attempts)
            .store_put(retries(if again { u32::MAX } else { 1 }));
        state.store_put(TokenBucket::unlimited());
        Ok(())
    }

    /// A call that is being retried ends when the tool does.
    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(self.control.check_stopped()?)
    }
}

/// A call as a policy names it.
fn name_of(call: &Metadata) -> String {
    let service = call.service().to_lowercase().replace(' ', "");
    format!("{service}:{}", call.name())
}

/// After so many seconds of faults a person is told, and then again and again.
const TOLD_AFTER: u64 = 30;

/// What an attempt of a call met.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Met {
    TooFast,
    Quota,
    Silence,
    Fault,
}

impl Met {
    fn in_words(self) -> &'static str {
        match self {
            Met::TooFast | Met::Quota => "is throttled",
            Met::Silence => "gets no answer",
            Met::Fault => "meets a fault of AWS",
        }
    }
}

/// How often a call has met each.
#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    /// When it met the first, and how many seconds later that is to be told.
    begun: Option<Instant>,
    due: u64,
    too_fast: u32,
    silence: u32,
    fault: u32,
}

impl Storable for Attempts {
    type Storer = StoreReplace<Self>;
}

impl Attempts {
    /// For how many seconds the call has met such, where it is time to tell that: every half minute.
    fn lasts(&mut self, now: Instant) -> Option<u64> {
        let begun = *self.begun.get_or_insert(now);
        let seconds = now.saturating_duration_since(begun).as_secs();
        self.due = self.due.max(TOLD_AFTER);
        if seconds < self.due {
            return None;
        }
        self.due = seconds + TOLD_AFTER;
        Some(seconds)
    }

    /// Counts one more, and answers whether the call may be asked again, if the SDK sees a reason to.
    fn again(&mut self, met: Met) -> bool {
        let (count, limit) = match met {
            Met::TooFast => (&mut self.too_fast, THROTTLED_ATTEMPTS),
            Met::Silence => (&mut self.silence, UNANSWERED_ATTEMPTS),
            Met::Fault => (&mut self.fault, ATTEMPTS),
            Met::Quota => return false,
        };
        *count += 1;
        *count < limit
    }
}

/// Whether time was up before there was an answer, or even a connection.
fn no_answer<E>(error: &OrchestratorError<E>) -> bool {
    error.is_timeout_error()
        || error
            .as_connector_error()
            .is_some_and(|error| error.is_timeout())
}

/// Whether an answer is an error of one of these codes, in the words of any service.
fn says(answer: &HttpResponse, codes: &[&str]) -> bool {
    let kind = answer.headers().get("x-amzn-errortype").unwrap_or_default();
    let body = answer
        .body()
        .bytes()
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    !answer.status().is_success()
        && codes
            .iter()
            .any(|code| kind.contains(code) || body.contains(code))
}

/// Whether an operation changes nothing, by AWS's naming.
fn reads_only(operation: &str) -> bool {
    ["Describe", "Get", "List", "BatchGet", "Head"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn too_fast_is_told_from_other_refusals_in_any_services_words() {
        let answer = |status: u16, body: &'static str| {
            HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.as_bytes()))
        };
        for (status, body) in [
            (
                503,
                "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>",
            ),
            (
                400,
                "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
            ),
            (
                400,
                r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
            ),
            (429, r#"{"__type":"TooManyRequestsException"}"#),
            (503, "<Error><Code>SlowDown</Code></Error>"),
        ] {
            assert!(says(&answer(status, body), &TOO_FAST), "{body}");
        }
        let quota = answer(
            400,
            r#"{"__type":"LimitExceededException","message":"a quota"}"#,
        );
        assert!(says(&quota, &[QUOTA]) && !says(&quota, &TOO_FAST));
        assert!(
            !says(&answer(200, r#"{"name":"Throttling"}"#), &TOO_FAST)
                && !says(&answer(500, ""), &TOO_FAST)
        );
        let mut lambda = answer(429, "{}");
        lambda.headers_mut().insert(
            "x-amzn-errortype",
            "TooManyRequestsException:http://internal",
        );
        assert!(says(&lambda, &TOO_FAST));
    }

    #[test]
    fn a_call_bears_so_much_of_each_fault_whatever_else_it_met() {
        let last = |met| {
            let mut attempts = Attempts {
                too_fast: 7,
                ..Attempts::default()
            };
            (1..).find(|_| !attempts.again(met)).unwrap()
        };
        assert_eq!(
            [last(Met::Fault), last(Met::Silence), last(Met::Quota)],
            [45, 5, 1]
        );
        assert_eq!(last(Met::TooFast), 1200 - 7);
    }

    #[test]
    fn a_call_that_meets_faults_for_long_is_told_every_half_minute() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        let told = [0, 29, 30, 31, 59, 61, 90, 91]
            .map(|seconds| attempts.lasts(now + Duration::from_secs(seconds)).is_some());
        assert_eq!(told, [false, false, true, false, false, true, false, true]);
    }

    #[test]
    fn reads_are_told_from_changes() {
        assert!(reads_only("DescribeVpcs") && reads_only("BatchGetImage"));
        assert!(!reads_only("CreateVpc") && !reads_only("BatchDeleteImage"));
    }
}
