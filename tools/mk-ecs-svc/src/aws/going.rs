//! The calls by which services, task definitions and clusters go, and those that tell why tasks
//! went. What is gone already counts as deleted.

use std::time::Duration;

use aws_sdk_ecs::types::{DesiredStatus, TaskDefinitionStatus};
use plumbing::{Error, Result, code, message, wait};

use super::have::have_stop;
use super::{BATCH, Ecs};
use crate::cause::Stop;
use crate::plan::{self, HaveService};

/// A deployment must end before its service can be deleted, and what it uses be let go.
const DELETE_BUDGET: Duration = Duration::from_secs(600);
const DELETE: &[(&str, &str)] = &[
    (
        "InvalidParameterException",
        "cannot be stopped while deployments are active",
    ),
    ("InvalidParameterException", "has a dependent object"),
    ("DependencyViolation", "has a dependent object"),
];
/// A cluster's services and tasks take minutes to leave it (Terraform waits 10).
const EMPTY_BUDGET: Duration = Duration::from_secs(600);
const EMPTY: [&str; 3] = [
    "ClusterContainsServicesException",
    "ClusterContainsTasksException",
    "UpdateInProgressException",
];
/// DescribeTasks takes a hundred.
const TASKS: usize = 100;

/// Which revisions of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// Those that can be run.
    Active,
    /// Those that were deregistered.
    Inactive,
}

impl Ecs {
    /// Has a service end all its tasks, and deletes it.
    pub async fn delete_service(&self, have: &HaveService) -> Result<()> {
        let name = &have.name;
        if have.settings.count > 0 {
            let request = self
                .client
                .update_service()
                .cluster(&self.cluster)
                .service(name)
                .desired_count(0);
            match request.send().await {
                Ok(_) => {}
                Err(e) if is_gone(code(&e)) => {} // or not seen for a moment: to delete it tells
                Err(e) => return Err(self.failed("UpdateService", "stop service", name, e)),
            }
        }
        let request = self
            .client
            .delete_service()
            .cluster(&self.cluster)
            .service(name)
            .force(true);
        match wait::retry(&self.aws.control, DELETE_BUDGET, DELETE, || {
            request.clone().send()
        })
        .await
        {
            Err(e) if !is_gone(code(&e)) => {
                Err(self.failed("DeleteService", "delete service", name, e))
            }
            _ => Ok(()),
        }
    }

    /// Stops the tasks that no service of the cluster keeps.
    pub async fn stop_tasks(&self) -> Result<()> {
        for task in self.tasks(None, DesiredStatus::Running).await? {
            let request = self
                .client
                .stop_task()
                .cluster(&self.cluster)
                .task(&task)
                .reason("the environment goes");
            match request.send().await {
                Ok(_) => {}
                Err(e) if code(&e) == "InvalidParameterException" => {} // it has ended by itself
                Err(e) => return Err(self.failed("StopTask", "stop task", &task, e)),
            }
        }
        Ok(())
    }

    async fn tasks(&self, service: Option<&str>, status: DesiredStatus) -> Result<Vec<String>> {
        let request = self
            .client
            .list_tasks()
            .cluster(&self.cluster)
            .desired_status(status);
        let pages = request
            .set_service_name(service.map(String::from))
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<_, _>>().await {
            Ok(tasks) => Ok(tasks),
            Err(e) if is_gone(code(&e)) => Ok(Vec::new()),
            Err(e) => Err(self.failed(
                "ListTasks",
                "list the tasks of",
                service.unwrap_or(&self.cluster),
                e,
            )),
        }
    }

    /// The tasks of a service that stopped, the newest first, as long as AWS knows of them (an hour).
    pub async fn stops(&self, service: &str) -> Result<Vec<Stop>> {
        let mut tasks = Vec::new();
        for arns in self
            .tasks(Some(service), DesiredStatus::Stopped)
            .await?
            .chunks(TASKS)
        {
            let request = self
                .client
                .describe_tasks()
                .cluster(&self.cluster)
                .set_tasks(Some(arns.to_vec()));
            let answer = request.send().await;
            let answer =
                answer.map_err(|e| self.failed("DescribeTasks", "look at tasks of", service, e))?;
            tasks.extend(answer.tasks.unwrap_or_default());
        }
        tasks.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().map(|at| at.secs())));
        Ok(tasks.iter().map(have_stop).collect())
    }

    /// The ARNs of a family's revisions of a status.
    pub async fn revisions(&self, family: &str, status: TaskStatus) -> Result<Vec<String>> {
        let status = match status {
            TaskStatus::Active => TaskDefinitionStatus::Active,
            TaskStatus::Inactive => TaskDefinitionStatus::Inactive,
        };
        let pages = self
            .client
            .list_task_definitions()
            .family_prefix(family)
            .status(status)
            .into_paginator();
        let found = pages
            .items()
            .send()
            .collect::<Result<Vec<String>, _>>()
            .await;
        let found = found
            .map_err(|e| self.failed("ListTaskDefinitions", "list the revisions of", family, e))?;
        Ok(found
            .into_iter()
            .filter(|arn| plan::family_of(arn) == family)
            .collect())
    }

    /// Makes a revision INACTIVE.
    pub async fn deregister(&self, arn: &str) -> Result<()> {
        let request = self
            .client
            .deregister_task_definition()
            .task_definition(arn);
        match request.send().await {
            Ok(_) => Ok(()),
            // Another run was faster.
            Err(e) if message(&e).contains("Unable to describe task definition") => Ok(()),
            Err(e) if message(&e).contains("is inactive") => Ok(()),
            Err(e) => Err(self.failed(
                "DeregisterTaskDefinition",
                "deregister",
                plan::short(arn),
                e,
            )),
        }
    }

    /// Deletes INACTIVE revisions; ECS lets each vanish when no task uses it any more.
    pub async fn delete_revisions(&self, arns: &[String]) -> Result<()> {
        for arns in arns.chunks(BATCH) {
            let names = arns
                .iter()
                .map(|arn| plan::short(arn))
                .collect::<Vec<_>>()
                .join(", ");
            let request = self
                .client
                .delete_task_definitions()
                .set_task_definitions(Some(arns.to_vec()));
            let answer = request
                .send()
                .await
                .map_err(|e| self.failed("DeleteTaskDefinitions", "delete", &names, e))?;
            let odd = answer.failures().iter().find(|failure| {
                !failure
                    .reason()
                    .unwrap_or_default()
                    .to_lowercase()
                    .contains("does not exist")
            });
            if let Some(failure) = odd {
                return Err(Error::refused(format!(
                    "cannot delete {}: {} (ecs:DeleteTaskDefinitions)",
                    plan::short(failure.arn().unwrap_or(&names)),
                    failure.reason().unwrap_or("no reason")
                )));
            }
        }
        Ok(())
    }

    /// Deletes the cluster, once its services and tasks have left it.
    pub async fn delete_cluster(&self) -> Result<()> {
        let what = format!("cluster {} still has services or tasks", self.cluster);
        wait::until(&self.aws.control, &what, EMPTY_BUDGET, || async {
            match self
                .client
                .delete_cluster()
                .cluster(&self.cluster)
                .send()
                .await
            {
                Ok(_) => Ok(Some(())),
                Err(e) if is_gone(code(&e)) => Ok(Some(())),
                Err(e) if EMPTY.contains(&code(&e)) => {
                    // One that drains is not listed: this one was made meanwhile, or by somebody else.
                    match self.service_names().await?.first() {
                        Some(stays) => Err(Error::unfinished(format!(
                            "cannot delete cluster {}: {} is in it (ecs:DeleteCluster, {})",
                            self.cluster,
                            plan::short(stays),
                            code(&e)
                        ))
                        .hint(
                            "run it again, or delete the service if it is not this environment's",
                        )),
                        None => Ok(None),
                    }
                }
                Err(e) => Err(self.failed("DeleteCluster", "delete cluster", &self.cluster, e)),
            }
        })
        .await
    }
}

fn is_gone(code: &str) -> bool {
    matches!(
        code,
        "ServiceNotFoundException" | "ServiceNotActiveException" | "ClusterNotFoundException"
    )
}
