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
        container: cause(&own_containers(task)).unwrap_or_default(),
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

/// ECS's reason, the container's that is the cause, and with which exit code that ended.
fn reason(task: &Task) -> String {
    let containers = own_containers(task);
    let cause = cause(&containers);
    let named = |one: &&&Container| one.name() == cause.as_deref();
    let container = containers.iter().find(named);
    let of_container = container.and_then(|one| one.reason());
    let exit_code = container.and_then(|one| one.exit_code());
    let mut reasons = Vec::new();
    for reason in [task.stopped_reason(), of_container].into_iter().flatten() {
        if !reason.is_empty() {
            reasons.push(reason.to_string());
        }
    }
    reasons.dedup(); // ECS may say the same of both
    if let Some(exit_code) = exit_code.filter(|code| *code != 0) {
        let whose = match cause.filter(|_| containers.len() > 1) {
            Some(name) => format!("container {name}: "),
            None => String::new(),
        };
        reasons.push(format!("{whose}exit code {exit_code}"));
    }
    reasons.join(": ")
}

/// The containers that an app's record names.
fn own_containers(task: &Task) -> Vec<&Container> {
    let all = task.containers().iter();
    all.filter(|one| !one.name().unwrap_or_default().starts_with(GUARD_DUTY))
        .collect()
}

/// The name of the container for which a task stopped: the one of which ECS says a reason, else one that
/// ended by itself. The others ECS ends by SIGTERM and SIGKILL, which are told by these exit codes.
fn cause(containers: &[&Container]) -> Option<String> {
    const ENDED_BY_ECS: [i32; 3] = [0, 143, 137];
    let has_reason = |one: &&&Container| one.reason().is_some_and(|reason| !reason.is_empty());
    let by_itself = |one: &&&Container| {
        let code = one.exit_code();
        code.is_some_and(|code| !ENDED_BY_ECS.contains(&code))
    };
    let badly = |one: &&&Container| one.exit_code().is_some_and(|code| code != 0);
    let mut all = containers.iter();
    let found = all.clone().find(has_reason);
    let found = found.or_else(|| all.clone().find(by_itself));
    let found = found.or_else(|| all.clone().find(badly));
    let found = found.or_else(|| all.next());
    found?.name().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_containers_the_one_that_ended_by_itself_is_the_cause() {
        let container = |name: &str, exit_code: i32| {
            let container = Container::builder().name(name).exit_code(exit_code);
            container.build()
        };
        let task = |web: i32, proxy: i32| {
            let task = Task::builder().stopped_reason("Essential container in task exited");
            let task = task.containers(container("web", web));
            stopped_task(&task.containers(container("proxy", proxy)).build())
        };
        for (web, proxy, of, code) in [
            (0, 3, "proxy", 3),
            (143, 3, "proxy", 3),
            (2, 143, "web", 2),
            (0, 137, "proxy", 137), // out of memory
        ] {
            let stopped = task(web, proxy);
            assert_eq!(stopped.container, of);
            let end = format!("exited: container {of}: exit code {code}");
            assert!(stopped.reason.ends_with(&end), "{}", stopped.reason);
        }
        let ended = task(0, 0);
        assert_eq!(ended.container, "web");
        assert_eq!(ended.reason, "Essential container in task exited");
    }

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
