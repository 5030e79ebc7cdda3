//! How far a service is with what it was asked to run.

use plumbing::hints;

use super::definition::HaveRevision;
use super::revision::{is_newer, short};
use super::service::{Deployment, HaveService};

/// Parts of events that say why something is not well.
const PROBLEM: [&str; 4] = ["(error", "reason", "Reason", "because"];

/// What the C library calls the error of whoever writes where nobody can.
const READ_ONLY: &str = "read-only file system";

/// How far a service is.
#[derive(Debug, PartialEq)]
pub enum Progress {
    /// It runs what was asked for, in full.
    Steady,
    /// Not yet.
    Underway,
    /// It will not: why.
    Failed(String),
}

/// Whether a service runs the revision that was asked for. A rollback ends steady as well, but
/// with another revision; so that of the primary deployment is compared.
pub fn progress(have: &HaveService, asked: &str) -> Progress {
    if !have.is_active() {
        return Progress::Failed(format!("it is {}", have.status.to_lowercase()));
    }
    let Some(primary) = have.primary() else {
        return Progress::Underway;
    };
    let runs = if have.omits_settings {
        &have.settings.task_definition
    } else {
        &primary.task_definition
    };
    let failed = failed_deployment(have, asked);
    // To an older revision, ECS has gone back; for a newer one, another run has asked since.
    if runs != asked && (failed.is_some() || !is_newer(runs, asked)) {
        let reason = match failed {
            Some(failed) if !failed.reason.is_empty() => &failed.reason,
            _ => &primary.reason,
        };
        return Progress::Failed(format!(
            "it was to run {} and runs {}: {reason}",
            short(asked),
            short(runs)
        ));
    }
    match primary.rollout.as_str() {
        "FAILED" => Progress::Failed(primary.reason.clone()),
        "COMPLETED" if have.running == have.settings.count => Progress::Steady,
        _ => Progress::Underway,
    }
}

/// How often ECS has started tasks since the newest deployment began. ECS does not count a task
/// as failed that ran for a while before it ended, so after more than one start it is worth
/// asking why.
pub fn count_starts(have: &HaveService) -> usize {
    let events = newest_events(have);
    events
        .filter(|message| message.contains("has started"))
        .count()
}

/// The newest event of a service since its newest deployment began that says why something is not
/// well: of what has no task yet, ECS says it nowhere else.
pub fn newest_problem(have: &HaveService) -> Option<&str> {
    newest_events(have).find(|message| tells_a_problem(message))
}

fn tells_a_problem(message: &str) -> bool {
    PROBLEM.iter().any(|part| message.contains(part))
}

/// What to do about a service that failed: what follows from AWS's words, of a task or an event, or from
/// the last lines of a task's log, or else the app is to be mended.
pub fn what_helps(app: &str, words: [&str; 2], lines: &[String]) -> String {
    let of_words = |words: &&str| hints::of("ecs:CreateService", "", words);
    if let Some(hint) = words.iter().find_map(of_words) {
        return hint;
    }
    let is_read_only = |text: &str| text.to_lowercase().contains(READ_ONLY);
    if lines.iter().any(|line| is_read_only(line)) || words.into_iter().any(is_read_only) {
        return format!(
            "{app} writes outside of /tmp, and its containers cannot: mk-app {app} --writable lets them"
        );
    }
    format!("mend {app} and run the pipeline again; ECS returns to what ran before")
}

/// The messages of the events since the newest deployment began, the newest first.
fn newest_events(have: &HaveService) -> impl Iterator<Item = &str> {
    let begun = match have.primary() {
        Some(primary) => primary.created,
        None => 0,
    };
    let events = have.events.iter();
    events
        .filter(move |event| event.created >= begun)
        .map(|event| event.message.as_str())
}

/// The deployment of a revision that ECS gave up, as long as ECS describes it.
pub fn failed_deployment<'a>(have: &'a HaveService, revision: &str) -> Option<&'a Deployment> {
    have.deployments
        .iter()
        .find(|deployment| deployment.task_definition == revision && deployment.rollout == "FAILED")
}

/// Whether tasks of a revision that is being deployed stop.
fn has_failed_tasks(have: &HaveService, revision: &str) -> bool {
    have.deployments
        .iter()
        .any(|deployment| deployment.task_definition == revision && deployment.failed_tasks > 0)
}

/// Whether ECS took a service back from a revision: its deployment changed after that was
/// registered. Otherwise the service never ran it.
pub fn ecs_took_back(have: &HaveService, from: &HaveRevision) -> bool {
    match have.primary() {
        Some(primary) => primary.updated >= from.registered,
        None => true,
    }
}

/// Which revisions did not run well, when another is about to follow: the `newest`, where the
/// service does not run it, and the one that it tries to run.
pub fn failed_revisions(have: &HaveService, newest: &HaveRevision) -> Vec<String> {
    let runs = &have.settings.task_definition;
    let mut failed = Vec::new();
    if is_newer(&newest.arn, runs) {
        failed.push(newest.arn.clone());
    }
    if have.newest_deployment_failed() || has_failed_tasks(have, runs) {
        failed.push(runs.clone());
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::service::Event;

    fn running(deployments: &[(&str, &str, &str)]) -> HaveService {
        let mut have = HaveService {
            status: "ACTIVE".into(),
            running: 2,
            ..HaveService::default()
        };
        have.settings.count = 2;
        for (status, revision, rollout) in deployments {
            have.deployments.push(Deployment {
                status: status.to_string(),
                task_definition: revision.to_string(),
                rollout: rollout.to_string(),
                reason: format!("{rollout} {revision}"),
                ..Deployment::default()
            });
        }
        have
    }

    fn failed(why: &str) -> Progress {
        Progress::Failed(why.into())
    }

    fn event(created: i64, text: &str) -> Event {
        Event {
            created,
            message: format!("(service web) {text}"),
        }
    }

    #[test]
    fn a_service_is_steady_when_the_asked_revision_is_completed_and_all_its_tasks_run() {
        let completed = running(&[("PRIMARY", "t:2", "COMPLETED")]);
        assert_eq!(progress(&completed, "t:2"), Progress::Steady);
        let in_progress = running(&[("PRIMARY", "t:2", "IN_PROGRESS")]);
        assert_eq!(progress(&in_progress, "t:2"), Progress::Underway);
        let starting = HaveService {
            running: 1,
            ..completed
        };
        assert_eq!(progress(&starting, "t:2"), Progress::Underway);
    }

    #[test]
    fn an_emulator_without_deployments_tells_by_the_service_what_runs() {
        let mut have = running(&[("PRIMARY", "t:1", "COMPLETED")]);
        have.settings.task_definition = "t:2".into();
        assert!(matches!(progress(&have, "t:2"), Progress::Failed(_)));
        have.omits_settings = true;
        assert_eq!(progress(&have, "t:2"), Progress::Steady);
    }

    #[test]
    fn a_failed_rollout_and_a_rollback_are_failures() {
        let have = running(&[("PRIMARY", "t:2", "FAILED")]);
        assert_eq!(progress(&have, "t:2"), failed("FAILED t:2"));
        let have = running(&[("PRIMARY", "t:1", "COMPLETED"), ("ACTIVE", "t:2", "FAILED")]);
        assert_eq!(
            progress(&have, "t:2"),
            failed("it was to run t:2 and runs t:1: FAILED t:2")
        );
        let have = HaveService {
            status: "DRAINING".into(),
            ..running(&[])
        };
        assert_eq!(progress(&have, "t:2"), failed("it is draining"));
    }

    #[test]
    fn a_deployment_is_given_up_when_the_newest_one_failed() {
        let have = running(&[("PRIMARY", "t:1", "FAILED")]);
        assert!(have.newest_deployment_failed());
        let have = running(&[("PRIMARY", "t:1", "COMPLETED"), ("ACTIVE", "t:2", "FAILED")]);
        assert!(!have.newest_deployment_failed());
    }

    fn registered(arn: &str) -> HaveRevision {
        HaveRevision {
            arn: arn.into(),
            registered: 5,
            ..HaveRevision::default()
        }
    }

    fn deploying(revision: &str, rollout: &str, failed_tasks: i32) -> HaveService {
        let mut have = running(&[("PRIMARY", revision, rollout)]);
        have.settings.task_definition = revision.into();
        have.deployments[0].failed_tasks = failed_tasks;
        have
    }

    #[test]
    fn what_did_not_run_well_is_known_when_another_follows() {
        let nothing = Vec::<String>::new();
        let newest = registered("t:2");
        let well = deploying("t:1", "COMPLETED", 0);
        assert_eq!(failed_revisions(&well, &registered("t:1")), nothing);
        assert_eq!(failed_revisions(&well, &newest), ["t:2"]);
        let stopping = deploying("t:2", "IN_PROGRESS", 1);
        assert_eq!(failed_revisions(&stopping, &newest), ["t:2"]);
        let starting = deploying("t:2", "IN_PROGRESS", 0);
        assert_eq!(failed_revisions(&starting, &newest), nothing);
        let failed = deploying("t:1", "FAILED", 0);
        assert_eq!(failed_revisions(&failed, &newest), ["t:2", "t:1"]);

        let mut back = well;
        assert!(!ecs_took_back(&back, &newest));
        back.deployments[0].updated = 6;
        assert!(ecs_took_back(&back, &newest));
    }

    #[test]
    fn what_helps_follows_from_the_words_of_a_task_or_an_event() {
        let full = "was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.";
        let quota = "delete what nobody uses, or have Service Quotas raise 'Fargate On-Demand vCPU resource count', and run it again";
        assert_eq!(what_helps("web", ["", full], &[]), quota);
        let denied = "AccessDeniedException: with an explicit deny in a service control policy";
        assert!(what_helps("web", [denied, ""], &[]).contains("organisation"));
        assert!(what_helps("web", ["exit code 1", ""], &[]).starts_with("mend web"));
        let lines = [
            "OSError: [Errno 30] Read-only file system: '/app/cache'",
            "Error: EROFS: read-only file system, mkdir '/app/cache'",
        ];
        for line in lines.map(String::from) {
            let helps = what_helps("web", ["exit code 1", ""], &[line]);
            assert!(helps.contains("mk-app web --writable"), "{helps}");
        }
    }

    #[test]
    fn events_of_an_earlier_deployment_tell_nothing_of_the_newest() {
        let mut have = running(&[("PRIMARY", "t:2", "IN_PROGRESS")]);
        have.deployments[0].created = 5;
        have.events = vec![
            event(7, "has started 2 tasks."),
            event(4, "was unable to place a task. Reason: full."),
        ];
        assert_eq!(count_starts(&have), 1);
        assert_eq!(newest_problem(&have), None);
        let limit = "was unable to place a task. Reason: You've reached the limit.";
        have.events.insert(0, event(8, limit));
        have.events.insert(0, event(9, "has started 1 tasks."));
        assert_eq!(count_starts(&have), 2);
        assert_eq!(
            newest_problem(&have),
            Some("(service web) was unable to place a task. Reason: You've reached the limit.")
        );
        let role = "failed to launch a task with (error ECS was unable to assume the role).";
        have.events.insert(0, event(9, role));
        assert!(newest_problem(&have).unwrap().contains("assume the role"));
    }

    #[test]
    fn a_revision_that_another_run_asked_for_since_counts_as_ours() {
        let have = running(&[("PRIMARY", "t:3", "COMPLETED")]);
        assert_eq!(progress(&have, "t:2"), Progress::Steady);
        let have = running(&[("PRIMARY", "t:3", "IN_PROGRESS")]);
        assert_eq!(progress(&have, "t:2"), Progress::Underway);
    }
}
