//! Why tasks stopped, and whether the next one will too.

use super::service::Deployment;

/// Parts of the reasons why an image can never be pulled.
const NO_SUCH_IMAGE: [&str; 6] = [
    "not found",
    "manifest unknown",
    "does not exist",
    "no matching manifest",
    "does not contain descriptor matching platform",
    "invalid reference format",
];
/// Parts of the reasons why a task can never get what it needs to start.
const NO_SUCH_RESOURCE: [&str; 5] = [
    "resourcenotfoundexception",
    "can't find the specified secret",
    "parameternotfound",
    "invalid ssm parameters",
    "log group does not exist",
];
/// Parts of the reasons why a container can never start, in the words of containerd and runc: what it
/// is to execute, where, and as whom. Of these, "permission denied" and "no such file or directory" are
/// said of other things as well, which may pass.
const NEVER_STARTS: [&str; 10] = [
    "exec format error",
    "executable file not found",
    "no space left on device",
    "is a directory",
    "not a directory",
    "unable to find user",
    "no matching entries in passwd",
    "no matching entries in group",
    "mkdir /", // the working directory, in a root that is read only
    "argument list too long",
];
const NOT_EXECUTABLE: [&str; 2] = ["permission denied", "no such file or directory"];
/// Who says these of what it is to execute, or of the directory in which to.
const OF_ITS_START: [&str; 5] = ["exec:", "exec ", "chdir", "cwd", "working directory"];

/// A task that stopped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoppedTask {
    /// Its ID.
    pub id: String,
    /// The ARN of the revision it ran.
    pub task_definition: String,
    /// The ID of the deployment that started it.
    pub deployment: String,
    /// Whether it was meant to go on: it did not start, ended by itself or was not healthy.
    pub failed: bool,
    /// The container for which it stopped, as far as ECS tells.
    pub container: String,
    /// What ECS says of it and of that container.
    pub reason: String,
}

/// The stopped task that shows that a deployment will not succeed however often ECS tries: the
/// newest whose reason is permanent, or the newest of all where too many have stopped already.
///
/// `stopped` are a service's, the newest first; `count` is how many tasks it is to have.
pub fn permanent_failure<'a>(
    stopped: &'a [StoppedTask],
    deployment: &Deployment,
    count: i32,
) -> Option<&'a StoppedTask> {
    let mut failed = Vec::new();
    for task in stopped {
        if task.failed && task.deployment == deployment.id {
            if is_permanent(&task.reason) {
                return Some(task);
            }
            failed.push(task);
        }
    }
    // ECS does not count tasks that ran for a while, and starts others for ever.
    let limit = if deployment.failed_tasks > 0 {
        threshold(count)
    } else {
        2 * threshold(count)
    };
    if failed.len() < limit {
        return None;
    }
    failed.first().copied()
}

/// How many tasks stop before any reason counts as permanent: where ECS's circuit breaker gives
/// up, too (ECS developer guide, "How the Amazon ECS deployment circuit breaker detects
/// failures").
fn threshold(count: i32) -> usize {
    let count = usize::try_from(count).unwrap_or_default();
    count.div_ceil(2).clamp(3, 200)
}

/// Whether it follows from a reason alone that the next task stops as well (ECS developer guide,
/// "Stopped task error messages"). Not so for a missing permission: a role that was just made has
/// it a moment later.
fn is_permanent(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    reason.contains("cannotpull") && contains_any(&reason, &NO_SUCH_IMAGE)
        || reason.contains("resourceinitializationerror")
            && contains_any(&reason, &NO_SUCH_RESOURCE)
        || contains_any(&reason, &NEVER_STARTS)
        || contains_any(&reason, &OF_ITS_START) && contains_any(&reason, &NOT_EXECUTABLE)
}

fn contains_any(reason: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| reason.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(id: &str, deployment: &str, reason: &str) -> StoppedTask {
        StoppedTask {
            id: id.into(),
            deployment: deployment.into(),
            reason: reason.into(),
            failed: true,
            ..StoppedTask::default()
        }
    }

    fn crashed(id: &str) -> StoppedTask {
        let reason = "Essential container in task exited: exit code 1";
        stopped(id, "new", reason)
    }

    fn deployment(failed_tasks: i32) -> Deployment {
        Deployment {
            id: "new".into(),
            failed_tasks,
            ..Deployment::default()
        }
    }

    #[test]
    fn what_cannot_pass_is_told_at_the_first_task() {
        for reason in [
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.us-east-1.amazonaws.com/repo-web@sha256:00: not found",
            "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'",
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): ResourceNotFoundException: Secrets Manager can't find the specified secret.",
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.",
            "CannotStartContainerError: exec /web: exec format error",
            "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/docker-entrypoint.sh\": stat /docker-entrypoint.sh: no such file or directory: unknown",
            "CannotStartContainerError: OCI runtime create failed: container_linux.go:370: starting container process caused: exec: \"./start.sh\": permission denied: unknown",
            "Task failed to start: exec /start.sh: no such file or directory",
            "CannotStartContainerError: OCI runtime create failed: exec: \"/app\": is a directory: unknown",
            "CannotPullContainerError: failed to register layer: write /var/lib/x: no space left on device",
            "CannotStartContainerError: unable to start container process: chdir to cwd (\"/srv/app\") set in config.json failed: no such file or directory",
            "CannotStartContainerError: unable to start container process: chdir to cwd (\"/root\") set in config.json failed: permission denied",
            "CannotCreateContainerError: failed to create container: unable to find user app: no matching entries in passwd file",
            "CannotStartContainerError: unable to find group staff: no matching entries in group file",
            "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'",
            "CannotPullContainerError: no match for platform in manifest: not found",
        ] {
            let stopped = [stopped("1", "new", reason)];
            let failure = permanent_failure(&stopped, &deployment(1), 2);
            assert!(failure.is_some(), "{reason}");
        }
    }

    #[test]
    fn what_may_pass_is_told_when_it_comes_again() {
        let of_old = stopped("0", "old", "Essential container in task exited");
        let tasks = [crashed("3"), crashed("2"), of_old, crashed("1")];
        assert_eq!(permanent_failure(&tasks[..3], &deployment(1), 2), None);
        let failure = permanent_failure(&tasks, &deployment(1), 2);
        assert_eq!(failure.unwrap().id, "3");
        assert_eq!(
            permanent_failure(&tasks, &deployment(1), 8),
            None,
            "of eight, ECS bears with three"
        );
        let denied = stopped(
            "1",
            "new",
            "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException",
        );
        assert_eq!(permanent_failure(&[denied], &deployment(1), 2), None);
        for reason in [
            "CannotPullContainerError: dial tcp: lookup registry: connection refused",
            "ResourceInitializationError: mount: permission denied",
            "Essential container in task exited: open /tmp/x: no such file or directory",
        ] {
            let stopped = [stopped("1", "new", reason)];
            assert_eq!(
                permanent_failure(&stopped, &deployment(1), 2),
                None,
                "{reason}"
            );
        }
    }

    #[test]
    fn what_ecs_does_not_count_is_told_when_it_comes_twice_as_often() {
        let crashes = ["0", "1", "2", "3", "4", "5"].map(crashed);
        assert_eq!(permanent_failure(&crashes[..5], &deployment(0), 2), None);
        let failure = permanent_failure(&crashes, &deployment(0), 2);
        assert_eq!(failure.unwrap().id, "0");
        let ended_by_ecs = crashes.map(|task| StoppedTask {
            failed: false,
            ..task
        });
        assert_eq!(
            permanent_failure(&ended_by_ecs, &deployment(0), 2),
            None,
            "ECS had them end"
        );
    }

    #[test]
    fn tasks_of_another_deployment_do_not_count() {
        let missing = stopped("1", "old", "CannotPullContainerError: web:1: not found");
        assert_eq!(permanent_failure(&[missing], &deployment(1), 2), None);
    }
}
