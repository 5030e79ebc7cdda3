//! Every ECS call, by what it is about.

mod cluster;
mod container;
mod convert;
mod deployment;
mod deployment_configuration;
mod foreign;
mod have_container;
mod have_revision;
mod have_service;
mod revision;
mod service;
mod task;

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::Builder;
use plumbing::{Aws, Result, aws_error, wait};

/// A service drains for its targets' deregistration delay and its containers' stop timeout, which
/// are minutes; its name is free only then.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(20 * 60);
/// DescribeServices takes ten names, DeleteTaskDefinitions ten revisions.
const BATCH: usize = 10;

/// ECS, for one environment.
pub struct Ecs {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
    cluster: String,
}

/// The statuses by which revisions are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevisionStatus {
    /// They can be run.
    Active,
    /// They were deregistered.
    Inactive,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Ecs {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Ecs {
        client: Client::from_conf(config),
        aws: aws.clone(),
        cluster: aws.env.cluster_name(),
    }
}

impl Ecs {
    /// Sets the tags of a cluster, a service or a revision that are ours; others' tags stay.
    pub async fn set_tags(&self, arn: &str, name: &str, tags: &[(String, String)]) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(arn)
            .set_tags(convert::sdk_tags(tags));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecs:TagResource", send).await {
            Ok(_) => Ok(()),
            Err(error) => Err(aws_error("ecs:TagResource", format!("tag {name}"), error)),
        }
    }

    /// Takes a tag of a service that is ours away.
    pub async fn remove_tag(&self, arn: &str, name: &str, key: &str) -> Result<()> {
        let request = self.client.untag_resource().resource_arn(arn).tag_keys(key);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecs:UntagResource", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("take tag {key} of {name} away");
                Err(aws_error("ecs:UntagResource", what, error))
            }
        }
    }
}

/// Whether an error's code says that a service or the cluster does not exist, or was deleted.
fn is_missing(code: &str) -> bool {
    matches!(
        code,
        "ServiceNotFoundException" | "ServiceNotActiveException" | "ClusterNotFoundException"
    )
}
