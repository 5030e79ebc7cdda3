//! The client of Lambda, and what several of its calls are refused with.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use plumbing::{Aws, Error, aws_error, code, message};

/// A role just made is not known to Lambda for some seconds. Lambda says the same of a role that does
/// not trust it or lacks permissions: only the end of this time tells which it is.
pub(super) const ROLE_UNKNOWN: [(&str, &str); 2] = [
    (
        "InvalidParameterValueException",
        "role defined for the function cannot be assumed by Lambda",
    ),
    (
        "InvalidParameterValueException",
        "execution role does not have permissions",
    ),
];
pub(super) const ROLE_BUDGET: Duration = Duration::from_secs(120);
/// Another change of the same function is under way.
pub(super) const CONFLICT: (&str, &str) = ("ResourceConflictException", "");
pub(super) const CONFLICT_BUDGET: Duration = Duration::from_secs(120);

/// Lambda, for one environment.
pub struct Lambda {
    pub(super) client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Lambda {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Lambda {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

/// The error of a call that gives a function its role; with the role, where it may be the role's
/// fault.
pub(super) fn error_of_role<E>(
    operation: &str,
    what: String,
    role: &str,
    error: SdkError<E>,
) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    if !is_about_role(&error) {
        return aws_error(operation, what, error);
    }
    let name = role.rsplit('/').next().unwrap_or_default();
    let hint = format!("aws iam get-role --role-name {name} shows whom it trusts");
    aws_error(operation, format!("{what} with role {role}"), error).hint(hint)
}

fn is_about_role<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    for (known, text) in ROLE_UNKNOWN {
        if code(error) == known && message(error).contains(text) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::config::http::HttpResponse;
    use aws_sdk_lambda::error::ErrorMetadata;
    use aws_sdk_lambda::primitives::SdkBody;

    use super::*;

    fn error(message: &str) -> Error {
        let metadata = ErrorMetadata::builder()
            .code("InvalidParameterValueException")
            .message(message)
            .build();
        let answer = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
        let error = SdkError::service_error(metadata, answer);
        let role = "arn:aws:iam::123456789012:role/a/b";
        error_of_role(
            "lambda:CreateFunction",
            "create function x".into(),
            role,
            error,
        )
    }

    #[test]
    fn a_refusal_of_the_role_shows_the_role() {
        let of_role = error("The role defined for the function cannot be assumed by Lambda.");
        assert_eq!(
            of_role.message,
            "cannot create function x with role arn:aws:iam::123456789012:role/a/b: The role defined for the function cannot be assumed by Lambda (lambda:CreateFunction, InvalidParameterValueException)"
        );
        assert_eq!(
            of_role.hint.as_deref(),
            Some("aws iam get-role --role-name b shows whom it trusts")
        );
        let other = error("Memory");
        assert!(
            !other.message.contains("role") && other.hint.is_none(),
            "{other:?}"
        );
    }
}
