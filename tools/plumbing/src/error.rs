//! What goes wrong, and the words for it.
//!
//! An error is a kind, a message and sometimes a hint. The kind alone decides the exit code.
//! Every SDK error is worded here, since printing one plainly says only "service error".

use std::error::Error as StdError;
use std::fmt::{Debug, Display};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

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
    if let Some(ours) = our_own(&error) {
        return ours;
    }
    let status = error.raw_response().map(|r| r.status().as_u16());
    let Some(service) = error.as_service_error() else {
        return not_answered(operation, what, &error);
    };
    let meta = service.meta();
    let request = meta
        .extra("aws_request_id")
        .map(|id| format!(", request {id}"))
        .unwrap_or_default();
    let Some(code) = meta.code() else {
        let status = status.unwrap_or_default();
        return Error::refused(format!(
            "cannot {what}: {} ({operation}{request})",
            codeless(status)
        ));
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
        hint: hint.or_else(|| hint_for(code).map(String::from)),
        pipe_wide: CREDENTIALS.contains(&code),
        ..Error::new(kind, message)
    }
}

/// An error that is not in AWS's words.
fn codeless(status: u16) -> String {
    format!(
        "the endpoint answered {status} without an AWS error code; it may not support this call"
    )
}

/// AWS's codes for credentials that AWS does not accept, whatever the call.
const CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// AWS's codes for "too fast", service by service, and for faults of its own; all else is a refusal.
fn kind_of(code: &str) -> Kind {
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

/// How much of a line that is not AWS's is told, in characters.
const SHOWN_OF_A_LINE: usize = 200;

fn hint_for(code: &str) -> Option<&'static str> {
    match code {
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
            Some("the tool's --iam-policy prints the permissions that it needs")
        }
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            Some("renew the credentials (aws sso login) and run the pipeline again")
        }
        "SignatureDoesNotMatch" => Some("check the credentials: AWS_PROFILE, AWS_ACCESS_KEY_ID"),
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
    if ["credential", "profile", "identity"]
        .iter()
        .any(|word| all.contains(word))
    {
        // Which ways to credentials there are, and how each failed, is long and tells little.
        let why = if all.contains("no credentials found in chain") {
            "there are none".into()
        } else {
            of_credential_process(&all).unwrap_or(why)
        };
        let message = format!("cannot {what}: no credentials: {why} ({operation})");
        let hint = credentials_hint(all.contains("SSO"));
        return Error::refused(message).hint(hint).pipe_wide();
    }
    let status = error
        .raw_response()
        .map(|answer| answer.status().as_u16())
        .filter(|status| *status >= 400);
    let text = format!(
        "cannot {what}: {} ({operation})",
        status.map_or(why, codeless)
    );
    match (error, status) {
        (SdkError::ConstructionFailure(_), _) | (_, Some(400..500)) => Error::refused(text),
        _ => Error::unfinished(text)
            .hint("check the region and the connection (AWS_ENDPOINT_URL, if set) and run the pipeline again")
            .pipe_wide(),
    }
}

/// What is said where a program that gets credentials failed: nothing of what it wrote, which may be
/// secret, and goes into records.
fn of_credential_process(all: &str) -> Option<String> {
    let (_, words) = all.split_once("external process")?;
    let status = words.strip_prefix(" exited with code ");
    let status = status.and_then(|rest| rest.split(". Stderr:").next());
    let profile = std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".into());
    let of_profile = format!("the credential_process of profile '{profile}'");
    Some(match status {
        Some(status) => format!("{of_profile} ended with {}", first_line(status)),
        None => format!("{of_profile} answered none"),
    })
}

fn credentials_hint(sso: bool) -> String {
    let profile = std::env::var("AWS_PROFILE").unwrap_or_default();
    if sso {
        "aws sso login, and run the pipeline again".into()
    } else if profile.is_empty() {
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".into()
    } else {
        format!("look for the profile '{profile}' (AWS_PROFILE) in ~/.aws/config")
    }
}

/// An error of ours that went through the SDK: a guard of `Aws` refused the call.
fn our_own(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours.clone());
        }
        next = error.source();
    }
    None
}

fn words(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut words = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        words.push(error.to_string());
        next = error.source();
    }
    words
}

/// The outer layers say only "dispatch failure" or "client error (Connect)".
fn innermost(words: &[String]) -> String {
    let last = &words[words.len().saturating_sub(2)..];
    let lines: Vec<String> = last.iter().map(|text| first_line(text)).collect();
    lines.join(": ").trim_end_matches('.').to_string()
}

/// The first line of a text, within a limit: a program that gets credentials may have said anything.
fn first_line(text: &str) -> String {
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
    fn a_500_without_a_code_is_said_to_be_unsupported() {
        let error = aws_error(
            "x:Y",
            "do it",
            answered(500, ErrorMetadata::builder().build()),
        );
        assert!(
            error
                .message
                .contains("answered 500 without an AWS error code"),
            "{error}"
        );
    }

    #[test]
    fn what_a_credential_process_wrote_is_not_told() {
        let failed = "Error retrieving credentials: external process exited with code exit status: 3. Stderr: hunter2";
        let told = of_credential_process(failed).unwrap();
        assert!(told.ends_with("' ended with exit status: 3"), "{told}");
        let odd =
            "Error retrieving credentials from external process, could not parse response: hunter2";
        let told = of_credential_process(odd).unwrap();
        assert!(told.ends_with("' answered none"), "{told}");
        assert_eq!(of_credential_process("no credentials"), None);
    }

    #[test]
    fn an_error_of_ours_comes_through_the_sdk_unchanged() {
        let ours = Error::input("no");
        let error: SdkError<ErrorMetadata, HttpResponse> =
            SdkError::construction_failure(ours.clone());
        assert_eq!(aws_error("x:Y", "do it", error), ours);
    }
}
