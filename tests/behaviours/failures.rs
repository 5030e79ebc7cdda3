//! What failed although AWS answered the call: in a list of the answer, or later.

use support::{Faults, json, recipe, replaced, rewrite};

use crate::faulty::{fails, says, start};

#[test]
fn what_failed_in_an_answer_that_is_all_right_is_told() {
    let (aws, faults) = start();
    aws.connect("ap-southeast-1");
    targets_that_failed_are_told(&faults);
    builds_and_objects_that_stay_are_told(&faults);
    services_and_task_definitions_that_failed_are_told(&faults);
}

/// Leaves the pipeline as it was made.
fn targets_that_failed_are_told(faults: &Faults) {
    let up = pipeline_up();
    let down = recipe(&["pipeline-down"], "pr1");
    let busy = r#"{"FailedEntryCount":1,"FailedEntries":[{"TargetId":"x","ErrorCode":"ConcurrentModificationException","ErrorMessage":"Busy"}]}"#;
    let line = ": Busy (events:PutTargets, ConcurrentModificationException)\n";
    let rule = rewrite("events:PutTargets", "^.*$", busy);
    says(faults, &up, rule, 75, line);
    faults.pipe(&up).ok();
    let line = "rm-env: cannot remove the targets of rule rule-web-production-pr1: Busy (events:RemoveTargets, ConcurrentModificationException)\n";
    let rule = rewrite("events:RemoveTargets", "^.*$", busy);
    says(faults, &down, rule, 75, line);
}

/// Deletes the pipeline in the end.
fn builds_and_objects_that_stay_are_told(faults: &Faults) {
    let down = recipe(&["pipeline-down"], "pr1");
    let kept = r#"{"buildsNotDeleted":[{"id":"build-web:1","statusCode":"BUILD_IN_PROGRESS"}]}"#;
    let line = "rm-env: cannot delete build build-web:1: BUILD_IN_PROGRESS (codebuild:BatchDeleteBuilds)\n";
    let rule = rewrite("codebuild:BatchDeleteBuilds", "^.*$", kept);
    says(faults, &down, rule, 75, line);
    let bucket = "bucket-123456789012-ap-southeast-1-production-pr1";
    let locked = "<DeleteResult><Error><Key>late</Key><Code>AccessDenied</Code><Message>Access Denied because object protected by object lock</Message></Error></DeleteResult>";
    let line = format!(
        "rm-env: cannot delete late of bucket {bucket}: AccessDenied: Access Denied because object protected by object lock (s3:DeleteObjectVersion)\n"
    );
    let rule = rewrite("s3:DeleteObjectVersion", "^.*$", locked);
    says(faults, &down, rule, 1, &line);
    faults.pipe(&down).ok();
}

fn services_and_task_definitions_that_failed_are_told(faults: &Faults) {
    let up = recipe(&["up"], "pr1");
    let down = recipe(&["down"], "pr1");
    let denied = r#"{"services":[],"failures":[{"arn":"service-web-production-pr1","reason":"ACCESS_DENIED"}]}"#;
    let line =
        "cannot find service service-web-production-pr1: ACCESS_DENIED (ecs:DescribeServices)\n";
    let rule = rewrite("ecs:DescribeServices", "^.*$", denied);
    fails(faults, &up, rule, line);
    faults.end();
    faults.pipe(&up).ok();
    let kept = r#"{"taskDefinitions":[],"failures":[{"arn":"task-web-production-pr1:1","reason":"IN_USE"}]}"#;
    let line =
        "rm-env: cannot delete task-web-production-pr1:1: IN_USE (ecs:DeleteTaskDefinitions)\n";
    let rule = rewrite("ecs:DeleteTaskDefinitions", "^.*$", kept);
    says(faults, &down, rule, 1, line);
    faults.pipe(&down).ok();
}

#[test]
fn what_fails_after_its_call_was_answered_is_told() {
    let (aws, faults) = start();
    a_nat_gateway_that_fails_is_told(&faults);
    let made = a_load_balancer_that_fails_is_told(&faults);
    a_cluster_that_comes_or_goes_is_waited_for(&faults, &made);
    let down = recipe(&["down"], "pr1");
    // A revision that was deregistered still counts as ACTIVE.
    let mut late = rewrite("ecs:DescribeTaskDefinition", r#""INACTIVE""#, r#""ACTIVE""#);
    late["times"] = 12.into();
    faults.rules(json!([late]));
    faults.pipe(&down).ok();
    assert_eq!(faults.done().len(), 12);
    let inactive = json!({"status": "INACTIVE"});
    let left = aws.call("ecs", "list_task_definitions", inactive);
    assert_eq!(left["taskDefinitionArns"], json!([]));
    faults.end();

    aws.connect("ap-southeast-1");
    let up = pipeline_up();
    let failed = r#""State": "Failed", "StateReason": "No addresses.", "StateReasonCode": "EniLimitExceeded""#;
    let line = "mk-fn: function function-web-production-pr1 could not be made: No addresses (EniLimitExceeded)\n";
    let rule = rewrite("lambda:GetFunction", r#""State": ?"Active""#, failed);
    fails(&faults, &up, rule, line);
}

fn a_nat_gateway_that_fails_is_told(faults: &Faults) {
    let network = "mk-env production pr1 | mk-vpc --nat single";
    let failed = "<state>failed</state><failureCode>InsufficientFreeAddressesInSubnet</failureCode><failureMessage>Subnet has insufficient free addresses</failureMessage>";
    let line = " is failed: Subnet has insufficient free addresses (ec2:CreateNatGateway)\n";
    let available = "<state>available</state>";
    let rule = rewrite("ec2:DescribeNatGateways", available, failed);
    says(faults, network, rule, 1, line);
}

/// An impaired one serves; answers the records of the environment with it.
fn a_load_balancer_that_fails_is_told(faults: &Faults) -> String {
    let up = recipe(&["up"], "pr1");
    let call = "elasticloadbalancing:DescribeLoadBalancers";
    let state = "<Code>(active|provisioning)</Code>";
    let failed = "<Code>failed</Code><Reason>No capacity</Reason>";
    let line = " is failed: No capacity (elasticloadbalancing:CreateLoadBalancer)\n";
    fails(faults, &up, rewrite(call, state, failed), line);
    let impaired = "<Code>active_impaired</Code>";
    faults.rules(json!([rewrite(call, state, impaired)]));
    faults.pipe(&up).ok().stdout
}

/// One that is being made counts as made; one that is being deleted is another run's to wait for.
fn a_cluster_that_comes_or_goes_is_waited_for(faults: &Faults, made: &str) {
    for (state, code) in [("PROVISIONING", 0), ("DEPROVISIONING", 75)] {
        let by = format!(r#""status": "{state}""#);
        let rule = rewrite("ecs:DescribeClusters", r#""status": ?"ACTIVE""#, &by);
        faults.rules(json!([rule]));
        let output = faults.pipe_with("mk-ecs-svc", made);
        assert_eq!(output.code, code, "{state}: {}", output.stderr);
        let line = "mk-ecs-svc: cluster cluster-production-pr1 is deprovisioning\n";
        let told = output.stderr.contains(line);
        assert_eq!(told, code == 75, "{}", output.stderr);
    }
}

/// The recipe as far as its tools that make things: what ends it says only that one failed.
fn pipeline_up() -> String {
    let up = replaced(&recipe(&["pipeline-up"], "pr1"), "| wait-env", "");
    replaced(&up, "| prune-env", "")
}
