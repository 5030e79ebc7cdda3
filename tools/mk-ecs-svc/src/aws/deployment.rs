//! What became of the deployments of a service, which ECS keeps for 90 days.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ServiceDeploymentBrief, ServiceDeploymentStatus};
use plumbing::{Result, aws_error};

use super::Ecs;
use super::convert::millis;
use crate::plan::past::{Ending, PastDeployment};

/// DescribeServiceRevisions takes twenty.
const BATCH: usize = 20;

impl Ecs {
    /// The deployments of a service that have ended, the newest first. An emulator may not know them,
    /// and then there are none.
    pub async fn list_past_deployments(&self, service: &str) -> Result<Vec<PastDeployment>> {
        let request = self
            .client
            .list_service_deployments()
            .cluster(&self.cluster)
            .service(service);
        let mut listed = match request.send().await {
            Ok(answer) => answer.service_deployments.unwrap_or_default(),
            Err(_) if self.aws.config.endpoint_url().is_some() => return Ok(Vec::new()),
            Err(error) => {
                let what = format!("list the deployments of service {service}");
                return Err(aws_error("ecs:ListServiceDeployments", what, error));
            }
        };
        listed.sort_by_key(|one| Reverse(millis(one.created_at())));
        let revisions = self.task_definitions_of(&listed).await?;
        let mut past = Vec::new();
        for one in listed {
            let arn = one.target_service_revision_arn().unwrap_or_default();
            if let (Some(ending), Some(revision)) = (ending(&one), revisions.get(arn)) {
                past.push(PastDeployment {
                    revision: revision.clone(),
                    ending,
                });
            }
        }
        Ok(past)
    }

    /// The ARNs of the task definitions that deployments asked for, by those of service revisions.
    async fn task_definitions_of(
        &self,
        deployments: &[ServiceDeploymentBrief],
    ) -> Result<BTreeMap<String, String>> {
        let mut arns = Vec::new();
        for one in deployments {
            arns.extend(one.target_service_revision_arn().map(String::from));
        }
        arns.sort();
        arns.dedup();
        let mut found = BTreeMap::new();
        for arns in arns.chunks(BATCH) {
            let request = self
                .client
                .describe_service_revisions()
                .set_service_revision_arns(Some(arns.to_vec()));
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) => {
                    let what = "read what deployments asked for";
                    return Err(aws_error("ecs:DescribeServiceRevisions", what, error));
                }
            };
            for revision in answer.service_revisions.unwrap_or_default() {
                let arn = revision.service_revision_arn.unwrap_or_default();
                found.insert(arn, revision.task_definition.unwrap_or_default());
            }
        }
        Ok(found)
    }
}

/// How a deployment has ended, if it has.
fn ending(deployment: &ServiceDeploymentBrief) -> Option<Ending> {
    match deployment.status()? {
        ServiceDeploymentStatus::Successful => Some(Ending::Well),
        ServiceDeploymentStatus::RollbackSuccessful
        | ServiceDeploymentStatus::RollbackFailed
        | ServiceDeploymentStatus::RollbackInProgress
        | ServiceDeploymentStatus::RollbackRequested => Some(Ending::Badly),
        ServiceDeploymentStatus::Stopped | ServiceDeploymentStatus::StopRequested => {
            Some(Ending::Stopped)
        }
        _ => None,
    }
}
