//! mk-ecr: its command line, and the repositories it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeSet;

use support::{APPS, LocalAws, Output, Value, json, text};

const WEB: &str = "repo-web-production-pr1";

fn make() -> String {
    format!("mk-env production pr1 | {APPS} | mk-ecr")
}

fn repository(aws: &LocalAws, name: &str) -> Value {
    aws.call(
        "ecr",
        "describe_repositories",
        json!({"repositoryNames": [name]}),
    )["repositories"][0]
        .clone()
}

fn tags(aws: &LocalAws, name: &str) -> Value {
    let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/{name}");
    support::tags(&aws.call("ecr", "list_tags_for_resource", json!({"resourceArn": arn}))["tags"])
}

fn lifecycle(aws: &LocalAws, name: &str) -> Value {
    let answer = aws.call(
        "ecr",
        "get_lifecycle_policy",
        json!({"repositoryName": name}),
    );
    serde_json::from_str(text(&answer["lifecyclePolicyText"])).unwrap()
}

fn keys(output: &Output) -> BTreeSet<String> {
    output
        .records()
        .iter()
        .map(|r| format!("{} {}", r["type"], r["name"]))
        .collect()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-ecr", &[]);
}

#[test]
fn it_makes_a_repository_for_each_app_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let env = aws.pipe("mk-env production pr1").ok().stdout;
    let apps = format!("{APPS} | mk-ecr");
    aws.forget();
    let made = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.calls().len(), 7, "{:?}", aws.calls());
    for app in ["web", "api"] {
        let name = format!("repo-{app}-production-pr1");
        let (repository, record) = (repository(&aws, &name), made.record("repo", app));
        assert_eq!(record["change"], "created");
        assert_eq!(
            (&record["arn"], &record["uri"]),
            (&repository["repositoryArn"], &repository["repositoryUri"])
        );
        assert_eq!(repository["imageScanningConfiguration"]["scanOnPush"], true);
        assert_eq!(repository["imageTagMutability"], "MUTABLE");
        assert_eq!(
            repository["encryptionConfiguration"]["encryptionType"],
            "AES256"
        );
        let rules = lifecycle(&aws, &name)["rules"].clone();
        assert_eq!(rules.as_array().unwrap().len(), 2);
        assert_eq!(
            rules[0]["selection"]["tagPatternList"],
            json!(["production"])
        );
        let last_ten =
            json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10});
        assert_eq!(
            (&rules[1]["selection"], &rules[1]["action"]),
            (&last_ten, &json!({"type": "expire"}))
        );
        let tags = tags(&aws, &name);
        assert_eq!(
            (&tags["plumbline:env"], &tags["Team"], &tags["Name"]),
            (&json!("production-pr1"), &json!("devops"), &json!(name))
        );
    }
    aws.forget();
    let again = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(aws.calls().len(), 7, "{:?}", aws.calls());
    assert_eq!(again.record("repo", "web")["change"], "kept");
    assert!(
        again.stderr.contains("mk-ecr: nothing to change (2 kept)"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let planned = aws
        .pipe(&make().replace("pr1 |", "pr1 --plan |"))
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let made = aws.pipe(&make()).ok();
    assert_eq!(keys(&planned), keys(&made));
    let (planned, made) = (planned.record("repo", "web"), made.record("repo", "web"));
    assert_eq!(
        (&planned["change"], &planned["uri"], &planned["arn"]),
        (&json!("create"), &made["uri"], &made["arn"])
    );
    aws.call(
        "ecr",
        "delete_lifecycle_policy",
        json!({"repositoryName": WEB}),
    );
    aws.forget();
    let planned = aws
        .pipe(&make().replace("pr1 |", "pr1 --plan |"))
        .would_change();
    assert_eq!(
        (&planned.record("repo", "web")["change"], aws.changes()),
        (&json!("update"), Vec::new())
    );
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    let arn = made.record("repo", "web")["arn"].clone();
    let mut policy = lifecycle(&aws, WEB);
    policy["rules"][1]["selection"]["countNumber"] = json!(3);
    aws.call(
        "ecr",
        "put_lifecycle_policy",
        json!({"repositoryName": WEB, "lifecyclePolicyText": policy.to_string()}),
    );
    let off = json!({"repositoryName": WEB, "imageScanningConfiguration": {"scanOnPush": false}});
    aws.call("ecr", "put_image_scanning_configuration", off);
    aws.call(
        "ecr",
        "put_image_tag_mutability",
        json!({"repositoryName": WEB, "imageTagMutability": "IMMUTABLE"}),
    );
    let theirs = json!([{"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    aws.call(
        "ecr",
        "tag_resource",
        json!({"resourceArn": arn, "tags": theirs}),
    );
    aws.forget();
    let again = aws.pipe(&make()).ok();
    let mut changes = aws.changes();
    changes.sort();
    assert_eq!(
        changes,
        [
            "ecr:PutImageScanningConfiguration",
            "ecr:PutImageTagMutability",
            "ecr:PutLifecyclePolicy",
            "ecr:TagResource"
        ]
    );
    assert!(
        again
            .stderr
            .contains("scan on push: false -> true; tag mutability: IMMUTABLE -> MUTABLE; tag Team: nobody -> devops)"),
        "{}",
        again.stderr
    );
    assert_eq!(again.record("repo", "web")["change"], "updated");
    assert_eq!(
        lifecycle(&aws, WEB)["rules"][1]["selection"]["countNumber"],
        10
    );
    assert_eq!(
        repository(&aws, WEB)["imageScanningConfiguration"]["scanOnPush"],
        true
    );
    let tags = tags(&aws, WEB);
    assert_eq!(
        (&tags["Team"], &tags["theirs"]),
        (&json!("devops"), &json!("x"))
    );
}

#[test]
fn what_hands_add_that_it_does_not_set_stays_and_another_encryption_is_told() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let rights = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]});
    aws.call(
        "ecr",
        "set_repository_policy",
        json!({"repositoryName": WEB, "policyText": rights.to_string()}),
    );
    aws.forget();
    assert_eq!(
        aws.pipe(&make()).ok().stderr,
        "mk-ecr: nothing to change (2 kept)\n"
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
    aws.call(
        "ecr",
        "get_repository_policy",
        json!({"repositoryName": WEB}),
    );

    let arn = repository(&aws, WEB)["repositoryArn"].clone();
    let own =
        aws.call("ecr", "list_tags_for_resource", json!({"resourceArn": arn}))["tags"].clone();
    aws.call("ecr", "delete_repository", json!({"repositoryName": WEB}));
    let kms = json!({"repositoryName": WEB, "tags": own, "encryptionConfiguration": {"encryptionType": "KMS"}});
    aws.call("ecr", "create_repository", kms);
    let again = aws.pipe(&make()).ok();
    let line = "mk-ecr: repository repo-web-production-pr1 has encryption KMS, wanted AES256; AWS cannot change that, and it stays: delete it with its images to have it made anew\n";
    assert!(again.stderr.starts_with(line), "{}", again.stderr);
    assert_eq!(
        again.record("repo", "web")["change"],
        "updated",
        "its lifecycle policy and scan on push"
    );
}

#[test]
fn what_is_ours_goes_with_its_images_whatever_their_tags() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    aws.call(
        "ecr",
        "put_image_tag_mutability",
        json!({"repositoryName": WEB, "imageTagMutability": "IMMUTABLE"}),
    );
    for tag in ["production", "0a1b2c3"] {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest =
            json!({"schemaVersion": 2, "mediaType": kind, "config": {"digest": tag}}).to_string();
        aws.call(
            "ecr",
            "put_image",
            json!({"repositoryName": WEB, "imageManifest": manifest, "imageTag": tag}),
        );
    }
    let gone = aws
        .pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    assert_eq!(gone.record("repo", "web")["change"], "deleted");
    assert_eq!(
        aws.call("ecr", "describe_repositories", json!({}))["repositories"],
        json!([])
    );
}

#[test]
fn a_repository_of_an_earlier_version_learns_to_keep_what_is_in_production() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let wanted = lifecycle(&aws, WEB);
    let earlier = json!({"rules": [wanted["rules"][1]]}).to_string();
    aws.call(
        "ecr",
        "put_lifecycle_policy",
        json!({"repositoryName": WEB, "lifecyclePolicyText": earlier}),
    );
    aws.forget();
    let again = aws.pipe(&make()).ok();
    assert_eq!(
        (aws.changes(), lifecycle(&aws, WEB)),
        (vec!["ecr:PutLifecyclePolicy".to_string()], wanted)
    );
    assert_eq!(
        again.record("repo", "web")["changes"][0]["field"],
        "lifecycle policy"
    );
}

#[test]
fn a_policy_written_otherwise_is_the_same_policy() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let text = format!("{:#}", lifecycle(&aws, WEB));
    aws.call(
        "ecr",
        "put_lifecycle_policy",
        json!({"repositoryName": WEB, "lifecyclePolicyText": text}),
    );
    aws.forget();
    aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_missing_lifecycle_policy_is_set() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    aws.call(
        "ecr",
        "delete_lifecycle_policy",
        json!({"repositoryName": WEB}),
    );
    aws.forget();
    aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), ["ecr:PutLifecyclePolicy"]);
}

#[test]
fn a_repository_of_someone_else_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    aws.call(
        "ecr",
        "create_repository",
        json!({"repositoryName": WEB, "tags": [{"Key": "Team", "Value": "theirs"}]}),
    );
    let output = aws.pipe(&make());
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains(&format!(
            "mk-ecr: repository {WEB} exists and is not tagged plumbline:env=production-pr1; it is left alone"
        )),
        "{}",
        output.stderr
    );
    assert_eq!(tags(&aws, WEB), json!({"Team": "theirs"}));
    assert!(
        aws.try_call(
            "ecr",
            "get_lifecycle_policy",
            json!({"repositoryName": WEB})
        )
        .is_err()
    );
}

#[test]
fn ls_env_finds_the_repositories_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    let other = "repo-theirs-production-pr1";
    let answer = aws.call("ecr", "create_repository", json!({"repositoryName": other}));
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    for app in ["web", "api"] {
        let (made, listed) = (made.record("repo", app), listed.record("repo", app));
        assert_eq!(
            (&made["arn"], &made["uri"]),
            (&listed["arn"], &listed["uri"])
        );
    }
    assert!(
        !keys(&listed).contains("\"repo\" \"theirs\""),
        "{}",
        listed.stdout
    );
    let arn = &answer["repository"]["repositoryArn"];
    let record = json!({"type": "repo", "name": "theirs", "arn": arn, "uri": "x"});
    let deleted = aws.pipe_with(
        "rm-env --confirm production-pr1",
        &format!("{}{record}\n", listed.stdout),
    );
    assert_eq!(deleted.code, 1);
    assert!(
        deleted
            .stderr
            .contains(&format!("repository {other} exists and is not tagged")),
        "{}",
        deleted.stderr
    );
    assert_eq!(deleted.record("repo", "web")["change"], "deleted");
    let left = aws.call("ecr", "describe_repositories", json!({}));
    let left: Vec<_> = left["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["repositoryName"].clone())
        .collect();
    assert_eq!(left, [other]);
    // What is gone already counts as deleted.
    aws.pipe_with("rm-env --confirm production-pr1", &listed.stdout)
        .ok();
}

#[test]
fn an_app_and_a_source_of_one_name_share_a_repository() {
    let aws = LocalAws::start();
    let pipe = "mk-env production pr1 | mk-app web | mk-source web owner/web | mk-source tool owner/tool | mk-ecr";
    let made = aws.pipe(pipe).ok();
    let repos: Vec<_> = made
        .records()
        .into_iter()
        .filter(|record| record["type"] == "repo")
        .collect();
    assert_eq!(repos.len(), 2, "{repos:?}");
    assert_eq!(
        (
            &made.record("repo", "web")["change"],
            &made.record("repo", "tool")["change"]
        ),
        (&json!("created"), &json!("created"))
    );
    aws.forget();
    aws.pipe(pipe).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_registry_that_decides_what_is_scanned_is_told() {
    let aws = LocalAws::start();
    let make = "mk-env production pr1 | mk-source web owner/web | mk-ecr";
    assert!(!aws.pipe(make).ok().stderr.contains("the registry decides"));
    aws.call(
        "ecr",
        "put_registry_scanning_configuration",
        json!({"scanType": "ENHANCED", "rules": []}),
    );
    let told = aws.pipe(make).ok();
    assert!(
        told.stderr
            .contains("mk-ecr: the registry decides what is scanned (enhanced, 0 rules)"),
        "{}",
        told.stderr
    );
}
