//! Why tasks stopped, and whether the next one will too. Pure.

/// How many tasks of one revision stop before any cause counts as lasting: where ECS's circuit breaker
/// begins to give up, too (ECS developer guide, "How the Amazon ECS deployment circuit breaker detects
/// failures").
const LASTING: usize = 3;

/// A task that stopped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stop {
    /// Its ID.
    pub task: String,
    /// The ARN of the revision it ran.
    pub task_definition: String,
    /// What ECS says of it and of its container.
    pub reason: String,
}

/// The stop by which a revision will not run however often ECS tries: the newest, where its cause is
/// one that lasts or so many tasks stopped already. `stops` are a service's, the newest first.
pub fn lasting<'a>(stops: &'a [Stop], revision: &str) -> Option<&'a Stop> {
    let of_it: Vec<&Stop> = stops.iter().filter(|stop| stop.task_definition == revision).collect();
    let certain = of_it.iter().copied().find(|stop| lasts(&stop.reason));
    certain.or_else(|| of_it.first().copied().filter(|_| of_it.len() >= LASTING))
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

    fn stop(task: &str, revision: &str, reason: &str) -> Stop {
        Stop { task: task.into(), task_definition: revision.into(), reason: reason.into() }
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
            assert!(lasting(&[stop("1", "web:2", reason)], "web:2").is_some(), "{reason}");
        }
    }

    #[test]
    fn what_may_pass_is_told_when_it_comes_again() {
        let crash = |task: &str| stop(task, "web:2", "Essential container in task exited: exit code 1");
        let stops = [crash("3"), crash("2"), stop("0", "web:1", "Scaling activity"), crash("1")];
        assert_eq!(lasting(&stops[..3], "web:2"), None);
        assert_eq!(lasting(&stops, "web:2").unwrap().task, "3");
        let denied = "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException";
        assert_eq!(lasting(&[stop("1", "web:2", denied)], "web:2"), None);
    }

    #[test]
    fn tasks_of_another_revision_do_not_count() {
        let missing = "CannotPullContainerError: web:1: not found";
        assert_eq!(lasting(&[stop("1", "web:1", missing)], "web:2"), None);
    }
}
