//! The calls about task definitions and their revisions.

use std::cell::Cell;

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture, HealthCheck, KernelCapabilities,
    KeyValuePair, LinuxParameters, LogConfiguration, LogDriver, NetworkMode, OsFamily, PortMapping,
    RuntimePlatform, TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus,
    TransportProtocol,
};
use plumbing::{Error, Result, aws_error, code, message, wait};

use super::convert::{have_tags, sdk_tags};
use super::have_revision::{VARIABLES, have_revision};
use super::{BATCH, Ecs, RevisionStatus};
use crate::plan::definition::{Definition, HaveRevision};
use crate::plan::revision::{app_of, family_of, short};
use crate::plan::variables;

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
        task_role: Option<String>,
        look: impl AsyncFn() -> Option<String>,
    ) -> Result<String> {
        let family = self.aws.env.family_name(app);
        let container = match container_definition(app, want) {
            Ok(container) => container,
            Err(error) => {
                let message = format!("cannot register task definition {family}: {error}");
                return Err(Error::refused(message));
            }
        };
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
            .set_task_role_arn(task_role)
            .container_definitions(container)
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

fn container_definition(app: &str, want: &Definition) -> Result<ContainerDefinition, BuildError> {
    let ports = container_port(want).map(|port| {
        let port = PortMapping::builder().container_port(port);
        vec![port.protocol(TransportProtocol::Tcp).build()]
    });
    let hardening = &want.hardening;
    let read_only_root = hardening.read_only_root.then_some(true);
    let user = Some(hardening.user.clone()).filter(|user| !user.is_empty());
    let own_variables = want.own_variables.clone().unwrap_or_default();
    let mut environment = Vec::new();
    for (key, value) in &want.environment {
        environment.push(KeyValuePair::builder().name(key).value(value).build());
    }
    Ok(ContainerDefinition::builder()
        .name(app)
        .image(&want.image)
        .essential(want.essential)
        .set_port_mappings(ports)
        .set_environment(Some(environment))
        .log_configuration(log_configuration(want)?)
        .linux_parameters(linux_parameters(want))
        .docker_labels(VARIABLES, variables::label(&own_variables))
        .set_readonly_root_filesystem(read_only_root)
        .set_user(user)
        .set_health_check(health_check(want)?)
        .stop_timeout(want.stop_timeout)
        .build())
}

fn linux_parameters(want: &Definition) -> LinuxParameters {
    let dropped = want.hardening.dropped_capabilities.clone();
    let mut capabilities = None;
    if !dropped.is_empty() {
        let dropping = KernelCapabilities::builder().set_drop(Some(dropped));
        capabilities = Some(dropping.build());
    }
    LinuxParameters::builder()
        .init_process_enabled(want.init_process)
        .set_capabilities(capabilities)
        .build()
}

/// The number in `5000/tcp`.
fn container_port(want: &Definition) -> Option<i32> {
    want.ports.split('/').next()?.parse().ok()
}

fn log_configuration(want: &Definition) -> Result<LogConfiguration, BuildError> {
    LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options("awslogs-group", &want.log_group)
        .options("awslogs-region", &want.log_region)
        .options("awslogs-stream-prefix", &want.log_stream_prefix)
        .build()
}

fn health_check(want: &Definition) -> Result<Option<HealthCheck>, BuildError> {
    let Some(check) = &want.check else {
        return Ok(None);
    };
    let check = HealthCheck::builder()
        .command("CMD-SHELL")
        .command(&check.command)
        .start_period(check.start_period)
        .build()?;
    Ok(Some(check))
}
