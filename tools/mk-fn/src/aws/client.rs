//! The client of Lambda, and what several of its calls are refused with.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use plumbing::{Aws, Error, aws_error, message};

/// What Lambda says of a role that does not trust it or lacks permissions, and of one just made for
/// some seconds: only the end of that time tells which it is.
const ABOUT_ROLE: [&str; 2] = [
    "role defined for the function cannot be assumed by Lambda",
    "execution role does not have permissions",
];

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
    if !ABOUT_ROLE.iter().any(|text| message(&error).contains(text)) {
        return aws_error(operation, what, error);
    }
    let name = role.rsplit('/').next().unwrap_or_default();
    let hint = format!(
        "run the pipeline again; if it stays so: aws iam get-role --role-name {name} shows whom it trusts"
    );
    aws_error(operation, format!("{what} with role {role}"), error).hint(hint)
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
            Some(
                "run the pipeline again; if it stays so: aws iam get-role --role-name b shows whom it trusts"
            )
        );
        let other = error("Memory");
        assert!(
            !other.message.contains("role") && other.hint.is_none(),
            "{other:?}"
        );
    }
}
