//! What differs from what is wanted is brought into line.

use support::{LocalAws, Value, changed_fields, json, tags};

use crate::{NAME, changes, make, other_role, project};

/// A project of which everything is changed by hand.
fn changed_by_hand(role: &Value) -> Value {
    json!({
        "name": NAME,
        "description": "theirs",
        "serviceRole": role,
        "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}\n"},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {
            "type": "ARM_CONTAINER",
            "computeType": "BUILD_GENERAL1_LARGE",
            "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
            "privilegedMode": false,
            "imagePullCredentialsType": "SERVICE_ROLE",
            "environmentVariables": [
                {"name": "CONTAINER", "value": "web", "type": "PARAMETER_STORE"},
                {"name": "CONTEXT", "value": "elsewhere"},
                {"name": "PASSWORD", "value": "hunter2"},
            ],
        },
        "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480,
        "concurrentBuildLimit": 1,
        "encryptionKey": "arn:aws:kms:us-east-1:123456789012:key/theirs",
        "vpcConfig": {"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
        "cache": {"type": "NO_CACHE"},
        "logsConfig": {"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": {"status": "ENABLED", "location": "x/y"}},
        "tags": [
            {"key": "plumbline:env", "value": "production-pr1"},
            {"key": "Team", "value": "nobody"},
            {"key": "theirs", "value": "x"},
        ],
    })
}

/// What differs then, in the words of the record.
const DIFFERENCES: [&str; 23] = [
    "description",
    "role",
    "source",
    "artifacts",
    "buildspec",
    "environment",
    "compute",
    "image",
    "privileged",
    "timeout",
    "queued timeout",
    "cache",
    "log group",
    "log in S3",
    "settings",
    "variable CONTAINER",
    "variable CONTEXT",
    "variable DOCKERFILE",
    "variable PASSWORD",
    "tag Name",
    "tag Team",
    "tag plumbline:source",
    "tag plumbline:timeout",
];

/// What of a project is as before when it is brought into line, in the words of CodeBuild.
const MENDED: [&str; 9] = [
    "description",
    "serviceRole",
    "source",
    "artifacts",
    "environment",
    "cache",
    "logsConfig",
    "timeoutInMinutes",
    "queuedTimeoutInMinutes",
];

#[test]
fn what_was_changed_by_hand_is_brought_into_line_and_others_tags_stay() {
    let aws = LocalAws::start();
    make(&aws, "").ok();
    let before = project(&aws);
    let role = other_role(&aws);
    aws.call("codebuild", "update_project", changed_by_hand(&role));
    aws.forget();
    let mended = make(&aws, "").ok();
    assert_eq!(changes(&aws), ["codebuild:UpdateProject"]);

    let record = mended.record("build", "web");
    assert_eq!(record["change"], "updated");
    let fields = changed_fields(&record);
    for field in DIFFERENCES {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    let changes = record["changes"].as_array().unwrap();
    let settings = changes.iter().find(|change| change["field"] == "settings");
    assert_eq!(settings.unwrap()["old"], "pull credentials");
    let line = format!(
        "mk-build: build project {NAME} has by somebody's hand: VPC vpc-1, key arn:aws:kms:us-east-1:123456789012:key/theirs, concurrent build limit 1; it stays so\n"
    );
    assert_eq!(mended.stderr.matches(&line).count(), 1, "{}", mended.stderr);
    for output in [&mended.stdout, &mended.stderr] {
        assert!(!output.contains("hunter2"), "{output}");
    }

    let after = project(&aws);
    for field in ["concurrentBuildLimit", "encryptionKey", "vpcConfig"] {
        assert_eq!(after[field], changed_by_hand(&role)[field], "{field}");
    }
    for field in MENDED {
        assert_eq!(after[field], before[field], "{field}");
    }
    let tags_after = tags(&after["tags"]);
    assert_eq!(tags_after["theirs"], "x");
    for (key, value) in tags(&before["tags"]).as_object().unwrap() {
        assert_eq!(tags_after[key], *value, "{key}");
    }
    aws.forget();
    make(&aws, "").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn other_flags_are_an_update() {
    let aws = LocalAws::start();
    make(&aws, "").ok();
    let updated = make(&aws, "--build-timeout 45 --cache none").ok();
    assert_eq!(
        updated.record("build", "web")["changes"],
        json!([
            {"field": "timeout", "old": "30", "new": "45"},
            {"field": "cache", "old": "LOCAL LOCAL_DOCKER_LAYER_CACHE", "new": "NO_CACHE"},
            {"field": "tag plumbline:timeout", "old": "30", "new": "45"},
        ])
    );
    assert_eq!(project(&aws)["cache"], json!({"type": "NO_CACHE"}));
}

#[test]
fn lower_timeouts_stay_and_are_said_also_where_something_else_is_mended() {
    let aws = LocalAws::start();
    make(&aws, "").ok();
    let by_hand = |more: Value| {
        let tags = project(&aws)["tags"].clone();
        let mut update = json!({"name": NAME, "tags": tags, "timeoutInMinutes": 10, "queuedTimeoutInMinutes": 5});
        let update_fields = update.as_object_mut().unwrap();
        update_fields.extend(more.as_object().unwrap().clone());
        aws.call("codebuild", "update_project", update);
    };
    let line = format!(
        "mk-build: build project {NAME} has by somebody's hand: timeout 10, queued timeout 5; it stays so\n"
    );
    by_hand(json!({}));
    aws.forget();
    let kept = make(&aws, "").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(kept.stderr.matches(&line).count(), 1, "{}", kept.stderr);
    by_hand(json!({"description": "theirs"}));
    let mended = make(&aws, "").ok();
    assert_eq!(
        changed_fields(&mended.record("build", "web")),
        ["description"]
    );
    assert_eq!(mended.stderr.matches(&line).count(), 1, "{}", mended.stderr);
    let now = project(&aws);
    assert_eq!(
        (&now["timeoutInMinutes"], &now["queuedTimeoutInMinutes"]),
        (&json!(10), &json!(5))
    );
}
