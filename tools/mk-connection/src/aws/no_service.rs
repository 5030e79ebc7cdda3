//! An endpoint of one's own that has no CodeConnections: an emulator.
//!
//! It answers each call with 500 and without AWS's code, which no other attempt changes, and
//! `ls-env` asks it for every environment. One such answer may be trouble of a proxy's that passes,
//! and a connection that is not listed is left behind: several in one call say that the service
//! does not exist.

use aws_sdk_codeconnections::config::http::HttpResponse;
use aws_sdk_codeconnections::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_codeconnections::config::retry::RetryConfig;
use aws_sdk_codeconnections::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_codeconnections::error::BoxError;

use aws_smithy_types::config_bag::{Storable, StoreReplace};

/// So many attempts take about a second.
const ATTEMPTS_WITHOUT_CODE: u32 = 6;

/// Ends a call after so many answers of that kind.
#[derive(Debug)]
pub struct NoService;

/// How many of them a call has had.
#[derive(Clone, Copy, Debug, Default)]
struct WithoutCode(u32);

impl Storable for WithoutCode {
    type Storer = StoreReplace<Self>;
}

impl Intercept for NoService {
    fn name(&self) -> &'static str {
        "plumbline"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(answer) = context.response() else {
            return Ok(());
        };
        if !answer.status().is_server_error() || has_code(answer) {
            return Ok(());
        }
        let WithoutCode(before) = cfg.load::<WithoutCode>().copied().unwrap_or_default();
        let count = before + 1;
        let state = cfg.interceptor_state();
        state.store_put(WithoutCode(count));
        if count >= ATTEMPTS_WITHOUT_CODE {
            state.store_put(RetryConfig::standard().with_max_attempts(1));
        }
        Ok(())
    }
}

/// Whether an error names one of AWS's codes, in a header or in its body.
fn has_code(answer: &HttpResponse) -> bool {
    let header = answer.headers().get("x-amzn-errortype");
    if header.is_some_and(|code| !code.is_empty()) {
        return true;
    }
    let field = b"\"__type\"";
    let body = answer.body().bytes().unwrap_or_default();
    body.windows(field.len()).any(|bytes| bytes == field)
}
