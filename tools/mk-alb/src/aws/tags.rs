//! Tags, which Elastic Load Balancing answers apart from what they are on.

use std::collections::HashMap;

use aws_sdk_elasticloadbalancingv2::types::{Tag, TagDescription};
use futures_util::future::try_join_all;
use plumbing::{Result, aws_error, code, wait};

use super::{ABSENT, ARNS_AT_ONCE, Elb};
use crate::plan::tags::{self, Tags};
use crate::plan::want::Want;

impl Elb {
    /// The tags of each ARN; what was deleted has none.
    pub(super) async fn tags(&self, arns: &[String]) -> Result<HashMap<String, Tags>> {
        let chunks = arns.chunks(ARNS_AT_ONCE);
        let answers = try_join_all(chunks.map(|arns| self.tags_at_once(arns))).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// The tags of as many ARNs as one call takes.
    async fn tags_at_once(&self, arns: &[String]) -> Result<Vec<(String, Tags)>> {
        let request = self.client.describe_tags();
        let request = request.set_resource_arns(Some(arns.to_vec()));
        match request.send().await {
            Ok(answer) => {
                let descriptions = answer.tag_descriptions.unwrap_or_default();
                Ok(descriptions.into_iter().map(arn_and_tags).collect())
            }
            // One that was deleted since fails the call for all: then each is asked about alone.
            Err(error) if ABSENT.contains(&code(&error)) && arns.len() > 1 => {
                let each = arns.chunks(1);
                let each = each.map(|arn| Box::pin(self.tags_at_once(arn)));
                Ok(try_join_all(each).await?.concat())
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Vec::new()),
            Err(error) => {
                let operation = "elasticloadbalancing:DescribeTags";
                Err(aws_error(operation, "read tags", error))
            }
        }
    }

    /// Sets the tags that are ours; others' tags stay.
    pub(super) async fn set_tags(&self, want: &Want, arn: &str, name: &str) -> Result<()> {
        let request = self
            .client
            .add_tags()
            .resource_arns(arn)
            .set_tags(Some(self.tags_for(want, name)));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "elasticloadbalancing:AddTags", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag {name}");
                Err(aws_error("elasticloadbalancing:AddTags", what, error))
            }
        }
    }

    /// The tags of a resource that is to be called `name`.
    pub(super) fn tags_for(&self, want: &Want, name: &str) -> Vec<Tag> {
        let mut tags = Vec::new();
        for (key, value) in tags::tags(&self.aws.env, &want.app, name) {
            tags.push(Tag::builder().key(key).value(value).build());
        }
        tags
    }
}

fn arn_and_tags(description: TagDescription) -> (String, Tags) {
    let mut tags = Tags::new();
    for tag in description.tags.unwrap_or_default() {
        if let Some(key) = tag.key {
            tags.insert(key, tag.value.unwrap_or_default());
        }
    }
    (description.resource_arn.unwrap_or_default(), tags)
}
