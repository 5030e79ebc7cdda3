//! The calls about task definitions and their revisions.

use std::cell::Cell;

use aws_sdk_ecs::types::{
    Compatibility, CpuArchitecture, EphemeralStorage, NetworkMode, OsFamily, RuntimePlatform,
    TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus,
};
use plumbing::{Error, Result, aws_error, code, message, wait};

use super::container::{containers, volumes};
use super::convert::{have_tags, sdk_tags};
use super::have_revision::have_revision;
use super::{BATCH, Ecs, RevisionStatus};
use crate::plan::definition::{Definition, HaveRevision};
use crate::plan::revision::{app_of, family_of, short};

/// What ECS says of a revision that does not exist or was deleted.
const UNKNOWN: &str = "Unable to describe task definition";

impl Ecs {
    /// The newest ACTIVE revision of a family, or any one by its ARN if it is ACTIVE; ours or not.
    pub async fn get_active_revision(&self, name: &str) -> Result<Option<HaveRevision>> {
        let found = self.get_revision(name).await?;
        Ok(found.filter(|revision| revision.status == "ACTIVE"))
    }

    /// The newest ACTIVE revision of a family, or any one by its ARN; ours or not.
    pub async fn get_revision(&self, name: &str) -> Result<Option<HaveRevision>> {
        let request = self
            .client
            .describe_task_definition()
            .task_definition(name)
            .include(TaskDefinitionField::Tags);
        match request.send().await {
            Ok(answer) => {
                let tags = have_tags(answer.tags);
                let Some(described) = answer.task_definition else {
                    return Ok(None);
                };
                let family = described.family().unwrap_or_default();
                let app = app_of(&self.aws.env, "task", family, &tags);
                Ok(Some(have_revision(described, tags, app.as_deref())))
            }
            Err(error)
                if code(&error) == "ClientException" && message(&error).contains(UNKNOWN) =>
            {
                Ok(None)
            }
            Err(error) => {
                let what = format!("find task definition {name}");
                Err(aws_error("ecs:DescribeTaskDefinition", what, error))
            }
        }
    }

    /// Registers a new revision and answers its ARN. ECS makes one at each call, so this is called
    /// only where something differs, and where ECS asks to call again, `look` answers first whether
    /// another run has registered the same meanwhile.
    pub async fn register_revision(
        &self,
        app: &str,
        want: &Definition,
        tags: &[(String, String)],
        look: impl AsyncFn() -> Option<String>,
    ) -> Result<String> {
        let family = self.aws.env.family_name(app);
        let built = containers(want).and_then(|containers| Ok((containers, volumes(want)?)));
        let (containers, volumes) = built.map_err(|error| {
            Error::refused(format!("cannot register task definition {family}: {error}"))
        })?;
        let platform = RuntimePlatform::builder()
            .operating_system_family(OsFamily::Linux)
            .cpu_architecture(CpuArchitecture::from(want.architecture.as_str()))
            .build();
        let request = self
            .client
            .register_task_definition()
            .family(&family)
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu(&want.cpu)
            .memory(&want.memory)
            .runtime_platform(platform)
            .execution_role_arn(&want.execution_role)
            .set_task_role_arn(want.task_role.clone())
            .set_ephemeral_storage(want.storage.map(storage))
            .set_container_definitions(Some(containers))
            .set_volumes(Some(volumes).filter(|volumes| !volumes.is_empty()))
            .set_tags(sdk_tags(tags));
        let operation = "ecs:RegisterTaskDefinition";
        let has_tried = Cell::new(false);
        let send = async || {
            if has_tried.replace(true)
                && let Some(arn) = look().await
            {
                return Ok(arn);
            }
            let registered = request.clone().send().await?.task_definition;
            let arn = registered.and_then(|registered| registered.task_definition_arn);
            Ok(arn.unwrap_or_default())
        };
        let registered = wait::retry(&self.aws.control, operation, send).await;
        registered.map_err(|error| {
            let what = format!("register task definition {family}");
            aws_error(operation, what, error)
        })
    }

    /// The families whose names begin like ours, also those that have INACTIVE revisions alone.
    pub async fn list_families(&self) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_task_definition_families()
            .family_prefix("task-")
            .status(TaskDefinitionFamilyStatus::All)
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<_, _>>().await {
            Ok(families) => Ok(families),
            Err(error) => {
                let what = format!("list the task definitions of {}", self.aws.env.name);
                Err(aws_error("ecs:ListTaskDefinitionFamilies", what, error))
            }
        }
    }

    /// The ARNs of a family's revisions of a status.
    pub async fn list_revisions(
        &self,
        family: &str,
        status: RevisionStatus,
    ) -> Result<Vec<String>> {
        let status = match status {
            RevisionStatus::Active => TaskDefinitionStatus::Active,
            RevisionStatus::Inactive => TaskDefinitionStatus::Inactive,
        };
        let pages = self
            .client
            .list_task_definitions()
            .family_prefix(family)
            .status(status)
            .into_paginator()
            .items()
            .send();
        let mut arns: Vec<String> = match pages.collect::<Result<_, _>>().await {
            Ok(arns) => arns,
            Err(error) => {
                let what = format!("list the revisions of {family}");
                return Err(aws_error("ecs:ListTaskDefinitions", what, error));
            }
        };
        // The prefix is also that of longer families.
        arns.retain(|arn| family_of(arn) == family);
        Ok(arns)
    }

    /// Makes a revision INACTIVE.
    pub async fn deregister_revision(&self, arn: &str) -> Result<()> {
        let request = self
            .client
            .deregister_task_definition()
            .task_definition(arn);
        match request.send().await {
            Ok(_) => Ok(()),
            // Another run was faster.
            Err(error) if message(&error).contains(UNKNOWN) => Ok(()),
            Err(error) if message(&error).contains("is inactive") => Ok(()),
            Err(error) => {
                let what = format!("deregister {}", short(arn));
                Err(aws_error("ecs:DeregisterTaskDefinition", what, error))
            }
        }
    }

    /// Deletes INACTIVE revisions; each disappears once no task uses it any more.
    pub async fn delete_revisions(&self, arns: &[String]) -> Result<()> {
        for arns in arns.chunks(BATCH) {
            self.delete_batch(arns).await?;
        }
        Ok(())
    }

    async fn delete_batch(&self, arns: &[String]) -> Result<()> {
        let names: Vec<&str> = arns.iter().map(|arn| short(arn)).collect();
        let names = names.join(", ");
        let request = self
            .client
            .delete_task_definitions()
            .set_task_definitions(Some(arns.to_vec()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let what = format!("delete {names}");
                return Err(aws_error("ecs:DeleteTaskDefinitions", what, error));
            }
        };
        for failure in answer.failures() {
            let reason = failure.reason().unwrap_or_default();
            if !reason.to_lowercase().contains("does not exist") {
                return Err(Error::refused(format!(
                    "cannot delete {}: {} (ecs:DeleteTaskDefinitions)",
                    short(failure.arn().unwrap_or(&names)),
                    failure.reason().unwrap_or("no reason")
                )));
            }
        }
        Ok(())
    }
}

fn storage(gib: i32) -> EphemeralStorage {
    EphemeralStorage::builder().size_in_gib(gib).build()
}
