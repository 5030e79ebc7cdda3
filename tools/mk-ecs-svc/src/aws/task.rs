//! The calls about tasks: stopping those that run, and why others stopped.

use std::cmp::Reverse;

use aws_sdk_ecs::types::{Container, DesiredStatus, Task, TaskStopCode};
use plumbing::{Result, aws_error, code};

use super::{Ecs, is_missing};
use crate::plan::stopped::StoppedTask;

/// DescribeTasks takes a hundred.
const BATCH: usize = 100;

impl Ecs {
    /// Stops all tasks of the cluster, also those that belong to no service.
    pub async fn stop_tasks(&self) -> Result<()> {
        for task in self.list_tasks(None, DesiredStatus::Running).await? {
            let request = self
                .client
                .stop_task()
                .cluster(&self.cluster)
                .task(&task)
                .reason("the environment goes");
            match request.send().await {
                Ok(_) => {}
                Err(error) if code(&error) == "InvalidParameterException" => {} // it has ended
                Err(error) => {
                    let what = format!("stop task {task}");
                    return Err(aws_error("ecs:StopTask", what, error));
                }
            }
        }
        Ok(())
    }

    /// The tasks of a service that stopped, the newest first, as long as AWS knows of them (an
    /// hour).
    pub async fn find_stopped_tasks(&self, service: &str) -> Result<Vec<StoppedTask>> {
        let arns = self
            .list_tasks(Some(service), DesiredStatus::Stopped)
            .await?;
        let mut tasks = Vec::new();
        for arns in arns.chunks(BATCH) {
            let request = self
                .client
                .describe_tasks()
                .cluster(&self.cluster)
                .set_tasks(Some(arns.to_vec()));
            match request.send().await {
                Ok(answer) => tasks.extend(answer.tasks.unwrap_or_default()),
                Err(error) => {
                    let what = format!("look at tasks of {service}");
                    return Err(aws_error("ecs:DescribeTasks", what, error));
                }
            }
        }
        tasks.sort_by_key(|task| Reverse(task.stopped_at().map(|at| at.secs())));
        Ok(tasks.iter().map(stopped_task).collect())
    }

    /// The ARNs of the tasks of a service, or of all in the cluster.
    async fn list_tasks(
        &self,
        service: Option<&str>,
        status: DesiredStatus,
    ) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_tasks()
            .cluster(&self.cluster)
            .desired_status(status)
            .set_service_name(service.map(String::from))
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<_, _>>().await {
            Ok(tasks) => Ok(tasks),
            Err(error) if is_missing(code(&error)) => Ok(Vec::new()),
            Err(error) => {
                let what = format!("list the tasks of {}", service.unwrap_or(&self.cluster));
                Err(aws_error("ecs:ListTasks", what, error))
            }
        }
    }
}

/// Reads a task that stopped.
fn stopped_task(task: &Task) -> StoppedTask {
    let arn = task.task_arn().unwrap_or_default();
    StoppedTask {
        id: arn.rsplit('/').next().unwrap_or_default().into(),
        task_definition: task.task_definition_arn().unwrap_or_default().into(),
        deployment: task.started_by().unwrap_or_default().into(),
        failed: has_failed(task),
        reason: reason(task),
    }
}

fn has_failed(task: &Task) -> bool {
    let failures = [
        TaskStopCode::TaskFailedToStart,
        TaskStopCode::EssentialContainerExited,
    ];
    let was_unhealthy = task
        .stopped_reason()
        .is_some_and(|reason| reason.contains("health checks"));
    was_unhealthy || task.stop_code().is_some_and(|code| failures.contains(code))
}

/// What GuardDuty puts beside an app's container by itself begins so (GuardDuty user guide, Runtime
/// Monitoring with Fargate); how that ended says nothing of the app.
const GUARD_DUTY: &str = "aws-guardduty-agent";

/// ECS's reason, the container's, and with which exit code that ended.
fn reason(task: &Task) -> String {
    let mut containers = task.containers().to_vec();
    containers.retain(|one| !one.name().unwrap_or_default().starts_with(GUARD_DUTY));
    let of_container = containers.iter().find_map(Container::reason);
    let exit_code = containers.iter().find_map(Container::exit_code);
    let mut reasons = Vec::new();
    for reason in [task.stopped_reason(), of_container].into_iter().flatten() {
        if !reason.is_empty() {
            reasons.push(reason.to_string());
        }
    }
    reasons.dedup(); // ECS may say the same of both
    if let Some(exit_code) = exit_code
        && exit_code != 0
    {
        reasons.push(format!("exit code {exit_code}"));
    }
    reasons.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_guard_duty_puts_beside_an_app_says_nothing_of_it() {
        let container = |name: &str, exit_code: i32| {
            let container = Container::builder().name(name).exit_code(exit_code);
            container.build()
        };
        let task = Task::builder()
            .stopped_reason("Essential container in task exited")
            .containers(container("aws-guardduty-agent-a1b2", 0))
            .containers(container("web", 3))
            .build();
        assert_eq!(
            reason(&task),
            "Essential container in task exited: exit code 3"
        );
    }
}
