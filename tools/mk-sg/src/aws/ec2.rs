//! The client of EC2, and what all of its calls need: filters, tags, errors.
//!
//! EC2's API describes no errors, so the SDK has no types for them: only their codes differ.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use plumbing::{Aws, Result, aws_error, code};

use crate::plan::Tags;

/// EC2 shows what was just made to other calls with a delay.
pub(super) const VISIBLE_BUDGET: Duration = Duration::from_secs(300);

/// EC2, for one environment.
pub struct Ec2 {
    pub(super) client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Ec2 {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Ec2 {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

/// A filter of a call that describes something.
pub(super) fn filter(name: &str, values: &[&str]) -> Filter {
    let values = values.iter().map(|value| value.to_string()).collect();
    Filter::builder()
        .name(name)
        .set_values(Some(values))
        .build()
}

/// Tags that are set by the call that makes something, so that nothing is ever without them.
pub(super) fn tag_specification(made: ResourceType, tags: &[(String, String)]) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(made)
        .set_tags(Some(sdk_tags(tags)))
        .build()
}

/// Tags in the SDK's type.
pub(super) fn sdk_tags(tags: &[(String, String)]) -> Vec<Tag> {
    let tags = tags.iter();
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// Tags from the SDK's type.
pub(super) fn plain_tags(tags: Option<Vec<Tag>>) -> Tags {
    let mut plain = Tags::new();
    for tag in tags.unwrap_or_default() {
        if let Some(key) = tag.key {
            plain.insert(key, tag.value.unwrap_or_default());
        }
    }
    plain
}

/// Whether a call succeeded: true, or false where it failed with one of these codes.
///
/// Errors: it failed with another one.
pub(super) fn succeeded<T, E>(
    answer: Result<T, SdkError<E>>,
    codes: &[&str],
    operation: &str,
    what: String,
) -> Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) if codes.contains(&code(&error)) => Ok(false),
        Err(error) => Err(aws_error(operation, what, error)),
    }
}
