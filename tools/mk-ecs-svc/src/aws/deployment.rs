//! What became of the deployments of a service, which ECS keeps for 90 days.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ServiceDeploymentBrief, ServiceDeploymentStatus, StopServiceDeploymentStopType,
};
use plumbing::{Result, aws_error, wait};

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

    /// The ARN of the deployment of a service that is under way.
    async fn current_deployment(&self, service: &str) -> Result<Option<String>> {
        let request = self
            .client
            .list_service_deployments()
            .cluster(&self.cluster)
            .service(service)
            .status(ServiceDeploymentStatus::InProgress);
        match request.send().await {
            Ok(answer) => {
                let found = answer.service_deployments.unwrap_or_default().into_iter();
                Ok(found.filter_map(|one| one.service_deployment_arn).next())
            }
            Err(error) => {
                let what = format!("find the deployment of service {service}");
                Err(aws_error("ecs:ListServiceDeployments", what, error))
            }
        }
    }

    /// What ECS does in the deployment of a service that is under way: `BAKE_TIME`.
    pub async fn stage(&self, service: &str) -> Result<Option<String>> {
        let Some(arn) = self.current_deployment(service).await? else {
            return Ok(None);
        };
        let request = self.client.describe_service_deployments();
        match request.service_deployment_arns(arn).send().await {
            Ok(answer) => {
                let found = answer.service_deployments.unwrap_or_default();
                let stage = found.first().and_then(|one| one.lifecycle_stage());
                Ok(stage.map(|stage| stage.as_str().into()))
            }
            Err(error) => {
                let what = format!("look at the deployment of service {service}");
                Err(aws_error("ecs:DescribeServiceDeployments", what, error))
            }
        }
    }

    /// Has ECS end the deployment of a service that is under way, and give what ran before all requests
    /// back. Answers false where none is under way any more.
    pub async fn stop_deployment(&self, service: &str) -> Result<bool> {
        let Some(arn) = self.current_deployment(service).await? else {
            return Ok(false);
        };
        let request = self
            .client
            .stop_service_deployment()
            .service_deployment_arn(arn)
            .stop_type(StopServiceDeploymentStopType::Rollback);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecs:StopServiceDeployment", send).await {
            Ok(_) => Ok(true),
            Err(error) => {
                let what = format!("stop the deployment of service {service}");
                Err(aws_error("ecs:StopServiceDeployment", what, error))
            }
        }
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
