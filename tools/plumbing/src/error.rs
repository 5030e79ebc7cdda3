//! What goes wrong, and the words for it.
//!
//! An error is a kind, a message and sometimes a hint. The kind alone decides the exit code.
//! Every SDK error is worded here, since printing one plainly says only "service error".

use std::error::Error as StdError;
use std::fmt::{Debug, Display};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::connection::{Told, page_title, page_words};
use crate::terminal::printable;
use crate::{hints, not_yet};

/// The result of everything that can fail in a tool.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a tool says when it cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// One line, lower case, no full stop, without the tool's name.
    pub message: String,
    /// What the reader can do, where there is something to do.
    pub hint: Option<String>,
    /// Whether every tool of the pipe meets the same fault: only the first is to tell it.
    pub pipe_wide: bool,
}

/// The kinds of failure, each with its exit code in `man/plumbline.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// AWS refused, or what exists is not what was asked for. Exit code 1.
    Refused,
    /// Stdout could not be written. Exit code 1.
    Output,
    /// The arguments contradict each other. Exit code 2, like clap's own errors.
    Usage,
    /// A record is missing because a tool upstream failed. Exit code 3, and no message.
    Skipped,
    /// Stdin is not a stream of records, or lacks one. Exit code 65.
    Input,
    /// Not finished: a deadline passed, AWS throttled, or a person must act. Exit code 75.
    Unfinished,
    /// Ctrl-C, a closed terminal or a polite kill. Exit code 130.
    Interrupted,
    /// Another part of this tool failed first, and its error is the one that is told.
    Stopped,
}

impl Kind {
    /// The exit code of a tool that ends with an error of this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Refused | Kind::Output | Kind::Stopped => 1,
            Kind::Usage => 2,
            Kind::Skipped => 3,
            Kind::Input => 65,
            Kind::Unfinished => 75,
            Kind::Interrupted => 130,
        }
    }
}

impl Error {
    /// An error of a kind, without a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            hint: None,
            pipe_wide: false,
        }
    }

    /// AWS refused, or what exists is not what was asked for.
    pub fn refused(message: impl Into<String>) -> Self {
        Error::new(Kind::Refused, message)
    }

    /// Stdin is not a stream of records, or lacks one, or one says something impossible.
    pub fn input(message: impl Into<String>) -> Self {
        Error::new(Kind::Input, message)
    }

    /// The arguments contradict each other.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(Kind::Usage, message)
    }

    /// Not finished; running the same pipe again continues.
    pub fn unfinished(message: impl Into<String>) -> Self {
        Error::new(Kind::Unfinished, message)
    }

    /// Adds what the reader can do, as a command or a short sentence.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Error {
    /// Marks a fault that lies in the credentials or the connection, not in one tool's work.
    pub(crate) fn pipe_wide(self) -> Self {
        Error {
            pipe_wide: true,
            ..self
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {}

/// The AWS error code of a failed call, or "" where there is none.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error
        .as_service_error()
        .and_then(|e| e.code())
        .unwrap_or_default()
}

/// The AWS error message of a failed call, or "" where there is none.
pub fn message<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error
        .as_service_error()
        .and_then(|e| e.message())
        .unwrap_or_default()
}

/// Words a failed AWS call: `cannot WHAT: why (OPERATION, CODE, request ID)`.
///
/// `operation` is written like in a policy, `ec2:CreateSubnet`; `what` is a verb, a kind and a
/// name, `create subnet subnet-public-a-production-pr123`.
pub fn aws_error<E>(operation: &str, what: impl Display, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    if let Some(ours) = find::<Error>(&error) {
        return ours.clone();
    }
    if let Some(Told(why)) = find(&error) {
        let message = format!("cannot {what}: {} ({operation})", why.message);
        return Error {
            message,
            ..why.clone()
        };
    }
    let Some(service) = error.as_service_error() else {
        return not_answered(operation, what, &error);
    };
    let meta = service.meta();
    let request = meta
        .extra("aws_request_id")
        .map(|id| format!(", request {id}"))
        .unwrap_or_default();
    let Some(code) = meta.code() else {
        let in_what = format!("{operation}{request}");
        return without_code(what, &in_what, error.raw_response());
    };
    let why = meta
        .message()
        .unwrap_or("no message")
        .trim()
        .trim_end_matches('.');
    let message = format!("cannot {what}: {why} ({operation}, {code}{request})");
    refusal(operation, code, why, message)
}

/// A refusal by its code and AWS's words, with what to do about it; some calls tell of one in an
/// answer that is no error.
pub fn refusal(operation: &str, code: &str, why: &str, message: String) -> Error {
    let passes = not_yet::find(operation, code, why);
    let kind = passes.map_or(kind_of(code), |_| Kind::Unfinished);
    let hint = passes.map(|passes| passes.hint.to_string());
    let hint = hint.or_else(|| hints::of(operation, code, why));
    Error {
        hint: hint.or_else(|| {
            hint_of_credentials(code, why)
                .or(hint_for(code))
                .map(String::from)
        }),
        pipe_wide: CREDENTIALS.contains(&code),
        ..Error::new(kind, message)
    }
}

/// An answer that is not in AWS's words: of a gateway before AWS, or of an emulator.
fn without_code(what: impl Display, in_what: &str, answer: Option<&HttpResponse>) -> Error {
    let status = answer.map_or(0, |answer| answer.status().as_u16());
    let page = answer.and_then(|answer| page_title(answer.body().bytes()?));
    let may_pass = status >= 500 || matches!(status, 408 | 429);
    let lacks = if page.is_none() {
        "; it may not support this call"
    } else {
        ""
    };
    let why = match &page {
        Some(title) => page_words(status, title),
        None => format!("the endpoint answered {status} without an AWS error code"),
    };
    if may_pass {
        let hint = match &page {
            Some(_) => {
                "run the pipeline again; if it lasts, look at what is before the endpoint (AWS_ENDPOINT_URL, a proxy)"
            }
            None => {
                "run the pipeline again; an emulator (AWS_ENDPOINT_URL) may not support this call"
            }
        };
        let error = Error::unfinished(format!("cannot {what}: {why} ({in_what})")).hint(hint);
        return Error {
            pipe_wide: page.is_some(),
            ..error
        };
    }
    let error = Error::refused(format!("cannot {what}: {why}{lacks} ({in_what})"));
    match page {
        Some(_) => error.hint("something answers in AWS's place: look at AWS_ENDPOINT_URL, a proxy, a gateway that wants to be signed in to").pipe_wide(),
        None => error,
    }
}

/// AWS's codes for credentials that AWS does not accept, whatever the call.
const CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "OptInRequired",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// AWS's codes for "too fast", service by service, and for faults of its own; all else is a refusal.
pub(crate) fn kind_of(code: &str) -> Kind {
    match code {
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "InternalError"
        | "InternalFailure"
        | "ServerException"
        | "InternalServerError"
        | "InternalException"
        | "InternalServerException"
        | "PendingVerification"
        | "RequestTimeout"
        | "ServiceException"
        | "ServiceFailure"
        | "ServiceFailureException"
        | "SlowDown"
        | "Unavailable" => Kind::Unfinished,
        _ => Kind::Refused,
    }
}

/// What to do where AWS does not accept the credentials.
pub(crate) fn hint_of_credentials(code: &str, message: &str) -> Option<&'static str> {
    let is_late = [
        "Signature expired",
        "Signature not yet current",
        "is later than",
    ];
    match code {
        "RequestTimeTooSkewed" | "RequestInTheFuture" => Some(CLOCK),
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "AuthFailure"
            if is_late.iter().any(|words| message.contains(words)) =>
        {
            Some(CLOCK)
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => {
            Some("renew the credentials (aws sso login) and run the pipeline again")
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => Some(
            "check the secret key: AWS_SECRET_ACCESS_KEY, or aws_secret_access_key of the profile",
        ),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidToken" | "AuthFailure" => {
            Some(
                "check the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN), and that the account has this region enabled",
            )
        }
        _ if CREDENTIALS.contains(&code) => {
            Some("check the credentials: AWS_PROFILE, AWS_ACCESS_KEY_ID")
        }
        _ => None,
    }
}

const CLOCK: &str = "set this machine's clock: it is not AWS's";

/// How much of a line that is not AWS's is told, in characters.
const SHOWN_OF_A_LINE: usize = 200;

fn hint_for(code: &str) -> Option<&'static str> {
    match code {
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
            Some("the tool's --iam-policy prints the permissions that it needs")
        }
        _ if kind_of(code) == Kind::Unfinished => Some("run the pipeline again"),
        _ => None,
    }
}

/// The call never got an answer: no credentials, no connection, no time.
fn not_answered<E>(operation: &str, what: impl Display, error: &SdkError<E, HttpResponse>) -> Error
where
    E: StdError + Send + Sync + 'static,
{
    let words = words(error);
    let all = words.join("\n");
    let why = innermost(&words);
    let answer = error.raw_response();
    if let Some(answer) = answer
        && (answer.status().as_u16() >= 400 || answer.body().bytes().and_then(page_title).is_some())
    {
        return without_code(what, operation, Some(answer));
    }
    if ["credential", "profile", "identity"]
        .iter()
        .any(|word| all.contains(word))
    {
        let message = format!("cannot {what}: no credentials: {why} ({operation})");
        let hint = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Error::refused(message).hint(hint).pipe_wide();
    }
    let text = format!("cannot {what}: {why} ({operation})");
    if matches!(error, SdkError::ConstructionFailure(_)) {
        return Error::refused(text);
    }
    Error::unfinished(text)
        .hint("check the region and the connection (AWS_ENDPOINT_URL and HTTPS_PROXY, if set) and run the pipeline again")
        .pipe_wide()
}

/// An error of ours that went through the SDK: a guard of `Aws` refused the call, or a connection failed.
pub(crate) fn find<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

pub(crate) fn words(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut words = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        words.push(error.to_string());
        next = error.source();
    }
    words
}

/// The outer layers say only "dispatch failure" or "client error (Connect)".
pub(crate) fn innermost(words: &[String]) -> String {
    let last = &words[words.len().saturating_sub(2)..];
    let lines: Vec<String> = last.iter().map(|text| first_line(text)).collect();
    lines.join(": ").trim_end_matches('.').to_string()
}

/// The first line of a text, within a limit: a program that gets credentials may have said anything.
pub(crate) fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(SHOWN_OF_A_LINE).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    printable(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    fn answered(status: u16, meta: ErrorMetadata) -> SdkError<ErrorMetadata, HttpResponse> {
        let status = StatusCode::try_from(status).unwrap();
        SdkError::service_error(meta, HttpResponse::new(status, SdkBody::empty()))
    }

    #[test]
    fn an_aws_error_names_resource_operation_code_and_request() {
        let meta = ErrorMetadata::builder()
            .code("SecurityGroupLimitExceeded")
            .message("The maximum number of security groups has been reached.")
            .custom("aws_request_id", "7c1e")
            .build();
        let error = aws_error(
            "ec2:CreateSecurityGroup",
            "create security group x",
            answered(400, meta),
        );
        assert_eq!(
            error.message,
            "cannot create security group x: The maximum number of security groups has been reached (ec2:CreateSecurityGroup, SecurityGroupLimitExceeded, request 7c1e)"
        );
        assert_eq!(error.kind.exit_code(), 1);
    }

    #[test]
    fn throttling_invites_to_run_again() {
        let meta = ErrorMetadata::builder()
            .code("RequestLimitExceeded")
            .message("slow down")
            .build();
        assert_eq!(
            aws_error("ec2:CreateVpc", "create vpc x", answered(503, meta))
                .kind
                .exit_code(),
            75
        );
    }

    #[test]
    fn what_passes_is_unfinished_and_never_a_matter_of_rights() {
        let always = not_yet::rows().filter(|row| row.when == not_yet::When::Always);
        for row in always {
            for (operation, code) in row.operations.iter().zip(row.codes.iter().cycle()) {
                let code = code.trim_start_matches('*');
                let error = refusal(operation, code, row.text, "cannot".into());
                let hint = error.hint.unwrap_or_default();
                assert_eq!(error.kind, Kind::Unfinished, "{operation} {code}");
                assert!(
                    hint.starts_with("run the pipeline again"),
                    "{operation} {code}: {hint}"
                );
                assert!(!hint.contains("--iam-policy"), "{operation} {code}: {hint}");
            }
        }
        let denied = "is not authorized to perform: iam:PassRole on resource: x";
        let error = refusal(
            "ecs:CreateService",
            "AccessDeniedException",
            denied,
            "cannot".into(),
        );
        assert_eq!(error.kind, Kind::Refused, "no role is new");
        assert!(error.hint.unwrap_or_default().contains("--iam-policy"));
    }

    #[test]
    fn an_answer_without_a_code_passes_where_it_is_a_servers_fault() {
        for (status, code) in [(400, 1), (404, 1), (429, 75), (500, 75), (503, 75)] {
            let error = aws_error(
                "x:Y",
                "do it",
                answered(status, ErrorMetadata::builder().build()),
            );
            let why = format!("answered {status} without an AWS error code");
            assert!(error.message.contains(&why), "{error}");
            let all = format!("{error} {:?}", error.hint);
            assert!(all.contains("may not support this call"), "{all}");
            assert_eq!(error.kind.exit_code(), code);
        }
    }

    #[test]
    fn a_page_is_told_with_its_title() {
        let page = |status: u16| {
            let body = SdkBody::from("<html><title>Blocked</title>");
            let answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), body);
            SdkError::service_error(ErrorMetadata::builder().build(), answer)
        };
        for (status, code) in [(403, 1), (502, 75)] {
            let error = aws_error("x:Y", "do it", page(status));
            let why = format!(
                "cannot do it: a web page came instead of an answer (status {status}, 'Blocked') (x:Y)"
            );
            assert_eq!(
                (error.message.as_str(), error.kind.exit_code()),
                (why.as_str(), code)
            );
        }
    }

    #[test]
    fn credentials_that_are_not_accepted_have_a_hint_of_their_own() {
        for (code, message, hint) in [
            ("RequestTimeTooSkewed", "", "clock"),
            (
                "SignatureDoesNotMatch",
                "Signature expired: 1 is now earlier than 2",
                "clock",
            ),
            (
                "SignatureDoesNotMatch",
                "The request signature we calculated",
                "AWS_SECRET_ACCESS_KEY",
            ),
            ("ExpiredToken", "", "renew"),
            ("InvalidClientTokenId", "", "region enabled"),
            ("InvalidAccessKeyId", "", "AWS_ACCESS_KEY_ID"),
            ("OptInRequired", "", "subscribed"),
            ("AuthFailure", "", "region enabled"),
            ("AuthFailure", "Signature expired: 1", "clock"),
        ] {
            let meta = ErrorMetadata::builder().code(code).message(message).build();
            let error = aws_error("x:Y", "do it", answered(403, meta));
            assert!(
                error.pipe_wide && error.hint.unwrap().contains(hint),
                "{code}"
            );
        }
    }

    #[test]
    fn an_error_of_ours_comes_through_the_sdk_unchanged() {
        let ours = Error::input("no");
        let error: SdkError<ErrorMetadata, HttpResponse> =
            SdkError::construction_failure(ours.clone());
        assert_eq!(aws_error("x:Y", "do it", error), ours);
    }
}
