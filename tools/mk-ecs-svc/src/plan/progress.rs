//! How far a service is with what it was asked to run.

use super::revision::{newer, short};
use super::service::HaveService;
use super::task::HaveTask;

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

/// Whether a service runs the revision that was asked for. A rollback ends steady as well, on
/// another revision, so the primary deployment's is compared.
pub fn progress(have: &HaveService, asked: &str) -> Progress {
    if have.status != "ACTIVE" {
        return Progress::Failed(format!("it is {}", have.status.to_lowercase()));
    }
    let Some(primary) = have.primary() else {
        return Progress::Underway;
    };
    let failed = have
        .deployments
        .iter()
        .find(|d| d.task_definition == asked && d.rollout == "FAILED");
    // ECS goes back to the last good revision; to a newer one another run has asked for since.
    let runs = if have.forgets {
        &have.settings.task_definition
    } else {
        &primary.task_definition
    };
    let elsewhere = runs != asked;
    if elsewhere && (failed.is_some() || !newer(runs, asked)) {
        let why = failed
            .filter(|failed| !failed.reason.is_empty())
            .unwrap_or(primary);
        return Progress::Failed(format!(
            "it was to run {} and runs {}: {}",
            short(asked),
            short(runs),
            why.reason
        ));
    }
    match primary.rollout.as_str() {
        "FAILED" => Progress::Failed(primary.reason.clone()),
        "COMPLETED" if have.running == have.settings.count => Progress::Steady,
        _ => Progress::Underway,
    }
}

/// How often ECS has started tasks since the newest deployment began. It does not count as failed those
/// that ran before they ended, so that more than one start is worth asking why.
pub fn starts(have: &HaveService) -> usize {
    events_since(have)
        .filter(|event| event.contains("has started"))
        .count()
}

/// The newest event of a service since its newest deployment began that tells why something is not well:
/// of what has no task yet, ECS tells in no other way.
pub fn trouble(have: &HaveService) -> Option<&str> {
    let tells = |event: &&str| {
        ["(error", "reason", "Reason", "because"]
            .iter()
            .any(|word| event.contains(word))
    };
    events_since(have).find(tells)
}

fn events_since(have: &HaveService) -> impl Iterator<Item = &str> {
    let begun = have.primary().map_or(0, |primary| primary.begun);
    have.events
        .iter()
        .filter(move |(at, _)| *at >= begun)
        .map(|(_, event)| event.as_str())
}

/// Whether tasks of the revision that was asked for stop, so that it is worth asking why.
pub fn fails(have: &HaveService, asked: &str) -> bool {
    have.deployments
        .iter()
        .any(|deployment| deployment.task_definition == asked && deployment.failed > 0)
}

/// Whether ECS gave the newest deployment up: it starts no task any more until there is another.
pub fn gave_up(have: &HaveService) -> bool {
    have.primary()
        .is_some_and(|primary| primary.rollout == "FAILED")
}

/// Whether ECS gave a revision up, as long as it tells of it.
pub fn failed(have: &HaveService, revision: &str) -> bool {
    have.deployments
        .iter()
        .any(|deployment| deployment.task_definition == revision && deployment.rollout == "FAILED")
}

/// Whether a service came to what it runs after another revision was registered: ECS took it back from
/// that one. Else that one never ran.
pub fn came_back(have: &HaveService, newer: &HaveTask) -> bool {
    have.primary()
        .is_none_or(|primary| primary.moved >= newer.registered)
}

/// Which revisions did not run well, when another is about to follow: the `newest`, where the service
/// does not run it, and the one that it tries to run.
pub fn given_up(have: &HaveService, newest: &HaveTask) -> Vec<String> {
    let runs = &have.settings.task_definition;
    let newest = Some(&newest.arn).filter(|newest| newer(newest, runs));
    let tried = Some(runs).filter(|runs| gave_up(have) || fails(have, runs));
    newest.into_iter().chain(tried).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::service::{Deployment, Settings};

    fn running(deployments: &[(&str, &str, &str)]) -> HaveService {
        let deployments = deployments
            .iter()
            .map(|(status, task, rollout)| Deployment {
                status: status.to_string(),
                task_definition: task.to_string(),
                rollout: rollout.to_string(),
                reason: format!("{rollout} {task}"),
                ..Deployment::default()
            });
        HaveService {
            status: "ACTIVE".into(),
            settings: Settings {
                count: 2,
                ..Settings::default()
            },
            running: 2,
            deployments: deployments.collect(),
            ..HaveService::default()
        }
    }

    #[test]
    fn a_service_is_steady_when_the_asked_revision_is_completed_and_all_its_tasks_run() {
        assert_eq!(
            progress(&running(&[("PRIMARY", "t:2", "COMPLETED")]), "t:2"),
            Progress::Steady
        );
        assert_eq!(
            progress(&running(&[("PRIMARY", "t:2", "IN_PROGRESS")]), "t:2"),
            Progress::Underway
        );
        let starting = HaveService {
            running: 1,
            ..running(&[("PRIMARY", "t:2", "COMPLETED")])
        };
        assert_eq!(progress(&starting, "t:2"), Progress::Underway);
    }

    #[test]
    fn an_emulator_without_deployments_tells_by_the_service_what_runs() {
        let mut have = running(&[("PRIMARY", "t:1", "COMPLETED")]);
        have.settings.task_definition = "t:2".into();
        assert!(matches!(progress(&have, "t:2"), Progress::Failed(_)));
        have.forgets = true;
        assert_eq!(progress(&have, "t:2"), Progress::Steady);
    }

    #[test]
    fn a_failed_rollout_and_a_rollback_are_failures() {
        let failed =
            |have, why: &str| assert_eq!(progress(&have, "t:2"), Progress::Failed(why.into()));
        failed(running(&[("PRIMARY", "t:2", "FAILED")]), "FAILED t:2");
        let back = running(&[("PRIMARY", "t:1", "COMPLETED"), ("ACTIVE", "t:2", "FAILED")]);
        failed(back, "it was to run t:2 and runs t:1: FAILED t:2");
        let gone = HaveService {
            status: "DRAINING".into(),
            ..running(&[])
        };
        failed(gone, "it is draining");
    }

    #[test]
    fn a_deployment_is_given_up_when_the_newest_one_failed() {
        assert!(gave_up(&running(&[("PRIMARY", "t:1", "FAILED")])));
        assert!(!gave_up(&running(&[
            ("PRIMARY", "t:1", "COMPLETED"),
            ("ACTIVE", "t:2", "FAILED")
        ])));
    }

    #[test]
    fn what_did_not_run_well_is_known_when_another_follows() {
        let newest = |arn: &str| HaveTask {
            arn: arn.into(),
            registered: 5,
            ..HaveTask::default()
        };
        let runs = |deployment: (&str, &str, &str), failed: i32| {
            let mut have = running(&[deployment]);
            have.settings.task_definition = deployment.1.into();
            have.deployments[0].failed = failed;
            have
        };
        let well = runs(("PRIMARY", "t:1", "COMPLETED"), 0);
        assert_eq!(given_up(&well, &newest("t:1")), Vec::<String>::new());
        assert_eq!(given_up(&well, &newest("t:2")), ["t:2"]);
        assert_eq!(
            given_up(&runs(("PRIMARY", "t:2", "IN_PROGRESS"), 1), &newest("t:2")),
            ["t:2"]
        );
        assert_eq!(
            given_up(&runs(("PRIMARY", "t:2", "IN_PROGRESS"), 0), &newest("t:2")),
            Vec::<String>::new()
        );
        assert_eq!(
            given_up(&runs(("PRIMARY", "t:1", "FAILED"), 0), &newest("t:2")),
            ["t:2", "t:1"]
        );

        let mut back = well.clone();
        assert!(!came_back(&back, &newest("t:2")));
        back.deployments[0].moved = 6;
        assert!(came_back(&back, &newest("t:2")));
    }

    #[test]
    fn events_of_an_earlier_deployment_tell_nothing_of_the_newest() {
        let mut have = running(&[("PRIMARY", "t:2", "IN_PROGRESS")]);
        have.deployments[0].begun = 5;
        let event = |at: i64, text: &str| (at, format!("(service web) {text}"));
        have.events = vec![
            event(7, "has started 2 tasks."),
            event(4, "was unable to place a task. Reason: full."),
        ];
        assert_eq!((starts(&have), trouble(&have)), (1, None));
        have.events.insert(
            0,
            event(
                8,
                "was unable to place a task. Reason: You've reached the limit.",
            ),
        );
        have.events.insert(0, event(9, "has started 1 tasks."));
        let told = "(service web) was unable to place a task. Reason: You've reached the limit.";
        assert_eq!((starts(&have), trouble(&have)), (2, Some(told)));
        have.events.insert(
            0,
            event(
                9,
                "failed to launch a task with (error ECS was unable to assume the role).",
            ),
        );
        assert!(trouble(&have).unwrap().contains("assume the role"));
    }

    #[test]
    fn a_revision_that_another_run_asked_for_since_counts_as_ours() {
        assert_eq!(
            progress(&running(&[("PRIMARY", "t:3", "COMPLETED")]), "t:2"),
            Progress::Steady
        );
        assert_eq!(
            progress(&running(&[("PRIMARY", "t:3", "IN_PROGRESS")]), "t:2"),
            Progress::Underway
        );
    }
}
