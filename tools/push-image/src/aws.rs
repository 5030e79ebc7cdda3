//! The one AWS call: ECR's token for its registry.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Builder;
use aws_sdk_ecr::types::AuthorizationData;
use plumbing::{Aws, Error, Result, aws_error};

/// What opens the account's registry for twelve hours. It goes into requests and nowhere else: no
/// log, no file, no argument of a process.
pub struct Token {
    /// Base64 of `AWS:PASSWORD`.
    pub basic: String,
    /// Where the registry answers: `https://123456789012.dkr.ecr.us-east-1.amazonaws.com`.
    pub endpoint: String,
    /// Where AWS was asked, if not at its own addresses.
    pub aws: Option<String>,
}

/// Asks for a token.
pub async fn get_token(aws: &Aws) -> Result<Token> {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    let request = Client::from_conf(config).get_authorization_token();
    let answer = request.send().await.map_err(|error| {
        aws_error(
            "ecr:GetAuthorizationToken",
            "sign in to the registry",
            error,
        )
    })?;
    let mut data = answer.authorization_data.unwrap_or_default().into_iter();
    let asked = aws.config.endpoint_url().map(String::from);
    match data.next().and_then(|data| token_of(data, asked)) {
        Some(token) => Ok(token),
        None => Err(Error::refused(
            "cannot sign in to the registry: the answer has no token (ecr:GetAuthorizationToken)",
        )),
    }
}

fn token_of(data: AuthorizationData, aws: Option<String>) -> Option<Token> {
    Some(Token {
        basic: data.authorization_token?,
        endpoint: data.proxy_endpoint?,
        aws,
    })
}
