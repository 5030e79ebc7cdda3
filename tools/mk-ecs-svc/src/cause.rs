//! Why tasks stopped, and whether the next one will too. Pure.

use crate::plan::Deployment;

/// A task that stopped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stop {
    /// Its ID.
    pub task: String,
    /// The ARN of the revision it ran.
    pub task_definition: String,
    /// The ID of the deployment that started it.
    pub deployment: String,
    /// Whether it was to go on: it did not start, ended by itself or was not well.
    pub failed: bool,
    /// What ECS says of it and of its container.
    pub reason: String,
}

/// The stop by which a deployment will not succeed however often ECS tries: the newest, where its cause is
/// one that lasts or too many tasks stopped already. `stops` are a service's, the newest first; `count` is
/// how many tasks it is to have.
pub fn lasting<'a>(stops: &'a [Stop], deployment: &Deployment, count: i32) -> Option<&'a Stop> {
    let mut failed = stops
        .iter()
        .filter(|stop| stop.failed && stop.deployment == deployment.id);
    let certain = failed.clone().find(|stop| lasts(&stop.reason));
    // Tasks that ran for a while ECS does not count, and starts them again for ever.
    let enough = if deployment.failed > 0 {
        threshold(count)
    } else {
        2 * threshold(count)
    };
    certain.or_else(|| failed.next().filter(|_| failed.count() + 1 >= enough))
}

/// How many tasks stop before any cause counts as lasting: where ECS's circuit breaker gives up, too (ECS
/// developer guide, "How the Amazon ECS deployment circuit breaker detects failures").
fn threshold(count: i32) -> usize {
    usize::try_from(count)
        .unwrap_or_default()
        .div_ceil(2)
        .clamp(3, 200)
}

/// Whether a reason alone tells that the next task stops as well (ECS developer guide, "Stopped task
/// error messages"). A missing permission does not: a role that was just made gets it in a moment.
fn lasts(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let image = reason.contains("cannotpull")
        && says(&[
            "not found",
            "manifest unknown",
            "does not exist",
            "no matching manifest",
            "does not contain descriptor matching platform",
            "invalid reference format",
        ]);
    let beginning = reason.contains("resourceinitializationerror")
        && says(&[
            "resourcenotfoundexception",
            "can't find the specified secret",
            "parameternotfound",
            "invalid ssm parameters",
            "log group does not exist",
        ]);
    image || beginning || says(&["exec format error", "executable file not found"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(task: &str, deployment: &str, reason: &str) -> Stop {
        let (task, deployment) = (task.into(), deployment.into());
        Stop {
            task,
            deployment,
            reason: reason.into(),
            failed: true,
            ..Stop::default()
        }
    }

    fn deployment(failed: i32) -> Deployment {
        Deployment {
            id: "new".into(),
            failed,
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
        ] {
            assert!(
                lasting(&[stop("1", "new", reason)], &deployment(1), 2).is_some(),
                "{reason}"
            );
        }
    }

    #[test]
    fn what_may_pass_is_told_when_it_comes_again() {
        let crash = |task: &str| {
            stop(
                task,
                "new",
                "Essential container in task exited: exit code 1",
            )
        };
        let stops = [
            crash("3"),
            crash("2"),
            stop("0", "old", "Essential container in task exited"),
            crash("1"),
        ];
        assert_eq!(lasting(&stops[..3], &deployment(1), 2), None);
        assert_eq!(lasting(&stops, &deployment(1), 2).unwrap().task, "3");
        assert_eq!(
            lasting(&stops, &deployment(1), 8),
            None,
            "of eight, ECS bears with three"
        );
        let denied = "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException";
        assert_eq!(
            lasting(&[stop("1", "new", denied)], &deployment(1), 2),
            None
        );
    }

    #[test]
    fn what_ecs_does_not_count_is_told_when_it_comes_twice_as_often() {
        let crashes: Vec<Stop> = (0..6)
            .map(|task| stop(&task.to_string(), "new", "exit code 1"))
            .collect();
        assert_eq!(lasting(&crashes[..5], &deployment(0), 2), None);
        assert_eq!(lasting(&crashes, &deployment(0), 2).unwrap().task, "0");
        let scaled: Vec<Stop> = crashes
            .iter()
            .map(|stop| Stop {
                failed: false,
                ..stop.clone()
            })
            .collect();
        assert_eq!(
            lasting(&scaled, &deployment(0), 2),
            None,
            "ECS had them end"
        );
    }

    #[test]
    fn tasks_of_another_deployment_do_not_count() {
        let missing = "CannotPullContainerError: web:1: not found";
        assert_eq!(
            lasting(&[stop("1", "old", missing)], &deployment(1), 2),
            None
        );
    }
}
