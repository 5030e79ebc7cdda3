//! What the errors of the client of a registry mean.

use std::io::{Error as IoError, ErrorKind};
use std::time::Duration;

use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};
use serde_json::Value;

/// How many words of an answer that is not in the words of OCI are shown.
const WORDS: usize = 30;

/// The error of a registry that does not answer.
pub(super) fn no_answer(limit: Duration) -> OciDistributionError {
    let seconds = limit.as_secs();
    let why = format!("the registry did not answer for {seconds} s");
    OciDistributionError::IoError(IoError::new(ErrorKind::TimedOut, why))
}

/// The client does not read what an upload is answered: where that is in the words of OCI, its
/// codes count.
pub(super) fn with_codes(error: OciDistributionError) -> OciDistributionError {
    match error {
        OciDistributionError::ServerError { code, url, message } if code < 500 => {
            match serde_json::from_str(&message) {
                Ok(envelope) => OciDistributionError::RegistryError { envelope, url },
                Err(_) => OciDistributionError::ServerError { code, url, message },
            }
        }
        other => other,
    }
}

/// The codes of an error, in the words of OCI.
pub(super) fn codes(error: &OciDistributionError) -> Vec<&OciErrorCode> {
    match error {
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().map(|error| &error.code).collect()
        }
        _ => Vec::new(),
    }
}

/// The HTTP status of an answer that has no more to say, as that to a HEAD.
pub(super) fn status(error: &OciDistributionError) -> Option<u16> {
    match error {
        OciDistributionError::UnauthorizedError { .. } => Some(401),
        OciDistributionError::RequestError(error) => Some(error.status()?.as_u16()),
        OciDistributionError::ServerError { code, .. } => Some(*code),
        _ => None,
    }
}

/// Whether an error says that something does not exist.
pub(super) fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        _ => has_code(
            error,
            &[OciErrorCode::ManifestUnknown, OciErrorCode::NotFound],
        ),
    }
}

/// Whether the credentials are at fault.
pub(super) fn is_denied(error: &OciDistributionError) -> bool {
    matches!(status(error), Some(401 | 403))
        || has_code(error, &[OciErrorCode::Denied, OciErrorCode::Unauthorized])
}

/// Whether there were too many requests.
pub(super) fn is_too_many(error: &OciDistributionError) -> bool {
    status(error) == Some(429) || has_code(error, &[OciErrorCode::Toomanyrequests])
}

/// Whether the same request may succeed in a moment.
pub(super) fn is_temporary(error: &OciDistributionError) -> bool {
    if let Some(status) = status(error) {
        return status >= 500 || status == 429;
    }
    match error {
        OciDistributionError::RequestError(error) => !error.is_builder(),
        OciDistributionError::IoError(error) => error.kind() == ErrorKind::TimedOut,
        _ => has_code(
            error,
            &[
                OciErrorCode::Toomanyrequests,
                OciErrorCode::BlobUploadUnknown,
                OciErrorCode::BlobUploadInvalid,
            ],
        ),
    }
}

/// What a registry or the network says, without the address of each request.
pub(super) fn reason(error: &OciDistributionError) -> String {
    match error {
        OciDistributionError::RegistryError { envelope, .. } => reason_of_envelope(envelope),
        OciDistributionError::UnauthorizedError { .. } => {
            "the registry does not accept the credentials".into()
        }
        OciDistributionError::ServerError { code, message, .. } => {
            let words: Vec<&str> = message.split_whitespace().take(WORDS).collect();
            let text = format!("the registry answered {code} {}", words.join(" "));
            text.trim_end().to_string()
        }
        OciDistributionError::RequestError(error) => match error.status() {
            Some(status) => format!("the registry answered {status}"),
            None => innermost(error),
        },
        other => other.to_string(),
    }
}

fn reason_of_envelope(envelope: &OciEnvelope) -> String {
    let mut reasons = Vec::new();
    for error in &envelope.errors {
        let code = match serde_json::to_value(&error.code) {
            Ok(Value::String(code)) => code,
            _ => "no code".into(),
        };
        let message = error.message.trim().trim_end_matches('.');
        if message.is_empty() {
            reasons.push(code);
        } else {
            reasons.push(format!("{message}, {code}"));
        }
    }
    reasons.join("; ")
}

/// The inner two of an error's layers: the outer ones say only that a request failed, and to where.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut layers = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        layers.push(error.to_string());
        next = error.source();
    }
    let first = layers.len().saturating_sub(2);
    layers[first..].join(": ")
}

fn has_code(error: &OciDistributionError, wanted: &[OciErrorCode]) -> bool {
    codes(error).iter().any(|code| wanted.contains(code))
}
