//! The client of S3, and what all calls about a bucket have in common.

use std::future::Future;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::{BuildError, ProvideErrorMetadata, SdkError};
use plumbing::{Aws, Error, Result, aws_error, code, wait};

/// S3, for one environment.
pub struct S3 {
    pub(super) client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool. An endpoint of one's own has no host name for each bucket.
pub fn client(aws: &Aws) -> S3 {
    let own_endpoint = aws.config.endpoint_url().is_some();
    let config = Builder::from(&aws.config)
        .interceptor(aws.guard())
        .force_path_style(own_endpoint)
        .build();
    S3 {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl S3 {
    /// Makes a call that sets something of a bucket, again while S3 does not know the bucket yet or
    /// another change is under way.
    pub(super) async fn put<T, E, Fut>(
        &self,
        operation: &str,
        bucket: &str,
        send: impl FnMut() -> Fut,
    ) -> Result<()>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        Fut: Future<Output = Result<T, SdkError<E>>>,
    {
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set up bucket {bucket}");
                Err(aws_error(operation, what, error))
            }
        }
    }
}

/// An answer about a bucket; nothing where the error's code says that this was never set.
pub(super) fn if_set<T, E>(
    operation: &str,
    bucket: &str,
    answer: Result<T, SdkError<E>>,
    never_set: &str,
) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if code(&error) == never_set => Ok(None),
        Err(error) => Err(read_error(operation, bucket, error)),
    }
}

/// The error of a call that reads something of a bucket.
pub(super) fn read_error<E>(operation: &str, bucket: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    aws_error(operation, format!("look at bucket {bucket}"), error)
}

/// The SDK's builders want fields, and get them.
pub(super) fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
