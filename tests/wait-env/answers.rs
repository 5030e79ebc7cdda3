//! Answers that the local AWS does not give by itself: some of AWS's, and those of an emulator.

use support::{LocalAws, Value, rewrite};

use crate::{records, rewrite_services, with_rules};

/// A rule by which no target is registered with any target group.
fn without_targets() -> Value {
    let targets = "(?s)<TargetHealthDescriptions>.*</TargetHealthDescriptions>";
    rewrite("elasticloadbalancing:DescribeTargetHealth", targets, "")
}

#[test]
fn what_ecs_tells_in_an_event_alone_is_told_while_it_is_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let reason = "was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.";
    let faults = with_rules(
        &aws,
        &[
            rewrite_services(r"has started 2 tasks\.", reason),
            rewrite_services("COMPLETED", "IN_PROGRESS"),
        ],
    );
    let output = faults.pipe_with("wait-env --timeout 1", &records.stdout);
    assert_eq!(output.code, 75, "{}", output.stderr);
    let line = format!("wait-env: (service service-web-production-pr1) {reason}\n");
    assert_eq!(output.stderr.matches(&line).count(), 1, "{}", output.stderr);
}

#[test]
fn of_two_services_none_counts_as_steady_before_it_is() {
    let aws = LocalAws::start();
    let records = records(&aws);
    // ECS starts tasks still, and none is registered with its target group yet.
    let in_progress = rewrite_services("COMPLETED", "IN_PROGRESS");
    let faults = with_rules(&aws, &[in_progress, without_targets()]);
    let output = faults.pipe_with("wait-env --timeout 1", &records.stdout);
    assert_eq!(output.code, 75, "{}", output.stderr);
    assert!(!output.stderr.contains(" is steady"), "{}", output.stderr);
}

#[test]
fn an_endpoint_that_has_no_targets_is_told_and_not_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let faults = with_rules(&aws, &[without_targets()]);
    let output = faults.pipe_with("wait-env", &records.stdout).ok();
    for app in ["web", "api"] {
        let line =
            format!("wait-env: app {app} is steady, but its target group tells of no targets\n");
        assert!(output.stderr.contains(&line), "{}", output.stderr);
    }
}

#[test]
fn an_endpoint_that_starts_no_tasks_is_not_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let rules = [
        rewrite_services("healthCheckGracePeriodSeconds", "forgotten"),
        rewrite_services("availabilityZoneRebalancing", "forgotten"),
        rewrite_services("deploymentCircuitBreaker", "forgotten"),
        rewrite_services("events", "forgotten"),
        rewrite_services(r#""runningCount": ?\d+"#, r#""runningCount": 0"#),
        rewrite_services("COMPLETED", "IN_PROGRESS"),
    ];
    let faults = with_rules(&aws, &rules);
    let output = faults.pipe_with("wait-env", &records.stdout).ok();
    for app in ["web", "api"] {
        let line = format!("wait-env: app {app} has no tasks: this endpoint starts none\n");
        assert!(output.stderr.contains(&line), "{}", output.stderr);
    }
}
