//! mk-ecr: its command line, and the repositories it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{APPS, LocalAws, Value, json, text};

/// With a hyphen in the app's name, it ends in a hash.
const A_JOB: &str = "repo-a-job-production-pr1-d637b65a";
const WEB: &str = "repo-web-production-pr1";

fn make() -> String {
    format!("mk-env production pr1 | {APPS} | mk-ecr")
}

fn repository(aws: &LocalAws, name: &str) -> Value {
    let names = json!({"repositoryNames": [name]});
    aws.call("ecr", "describe_repositories", names)["repositories"][0].clone()
}

fn tags(aws: &LocalAws, name: &str) -> Value {
    let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/{name}");
    let params = json!({"resourceArn": arn});
    support::tags(&aws.call("ecr", "list_tags_for_resource", params)["tags"])
}

fn lifecycle(aws: &LocalAws, name: &str) -> Value {
    let params = json!({"repositoryName": name});
    let answer = aws.call("ecr", "get_lifecycle_policy", params);
    serde_json::from_str(text(&answer["lifecyclePolicyText"])).unwrap()
}

/// Calls ECR about web's repository.
fn call_of_web(aws: &LocalAws, operation: &str, mut params: Value) {
    params["repositoryName"] = json!(WEB);
    aws.call("ecr", operation, params);
}

/// Sets the lifecycle policy of web's repository.
fn put_lifecycle(aws: &LocalAws, text: &str) {
    let policy = json!({"lifecyclePolicyText": text});
    call_of_web(aws, "put_lifecycle_policy", policy);
}

/// The same as `make` in a dry run.
fn plan() -> String {
    make().replace("pr1 |", "pr1 --plan |")
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
    assert_eq!(aws.calls().len(), 8, "{:?}", aws.calls());
    for app in ["web", "api"] {
        check_repository(&aws, app, &made.record("repo", app));
    }
    aws.forget();
    let again = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let what = "a caller, a list, and of each repository four readings";
    assert_eq!(aws.calls().len(), 10, "{what}: {:?}", aws.calls());
    assert_eq!(again.record("repo", "web")["change"], "kept");
    assert!(
        again.stderr.contains("mk-ecr: nothing to change (2 kept)"),
        "{}",
        again.stderr
    );
}

/// Asserts that the repository of a record is there, with its settings, its lifecycle policy and
/// its tags.
fn check_repository(aws: &LocalAws, app: &str, record: &Value) {
    let name = format!("repo-{app}-production-pr1");
    let repository = repository(aws, &name);
    assert_eq!(record["change"], "created");
    assert_eq!(record["arn"], repository["repositoryArn"]);
    assert_eq!(record["uri"], repository["repositoryUri"]);
    assert_eq!(repository["imageScanningConfiguration"]["scanOnPush"], true);
    assert_eq!(repository["imageTagMutability"], "MUTABLE");
    let encryption = &repository["encryptionConfiguration"];
    assert_eq!(encryption["encryptionType"], "AES256");
    let rules = lifecycle(aws, &name)["rules"].clone();
    assert_eq!(rules.as_array().unwrap().len(), 2);
    let patterns = &rules[0]["selection"]["tagPatternList"];
    assert_eq!(*patterns, json!(["production"]));
    let last_ten =
        json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10});
    assert_eq!(rules[1]["selection"], last_ten);
    assert_eq!(rules[1]["action"], json!({"type": "expire"}));
    let tags = tags(aws, &name);
    assert_eq!(tags["plumbline:env"], "production-pr1");
    assert_eq!(tags["Team"], "devops");
    assert_eq!(tags["Name"], name);
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let planned = aws.pipe(&plan()).would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let made = aws.pipe(&make()).ok();
    assert_eq!(planned.keys(), made.keys());
    let announced = planned.record("repo", "web");
    let record = made.record("repo", "web");
    assert_eq!(announced["change"], "create");
    assert_eq!(announced["uri"], record["uri"]);
    assert_eq!(announced["arn"], record["arn"]);
    call_of_web(&aws, "delete_lifecycle_policy", json!({}));
    aws.forget();
    let planned = aws.pipe(&plan()).would_change();
    assert_eq!(planned.record("repo", "web")["change"], "update");
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    let arn = made.record("repo", "web")["arn"].clone();
    let mut policy = lifecycle(&aws, WEB);
    policy["rules"][1]["selection"]["countNumber"] = json!(3);
    put_lifecycle(&aws, &policy.to_string());
    let off = json!({"imageScanningConfiguration": {"scanOnPush": false}});
    call_of_web(&aws, "put_image_scanning_configuration", off);
    let immutable = json!({"imageTagMutability": "IMMUTABLE"});
    call_of_web(&aws, "put_image_tag_mutability", immutable);
    let theirs = json!([{"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    let theirs = json!({"resourceArn": arn, "tags": theirs});
    aws.call("ecr", "tag_resource", theirs);
    aws.forget();
    let again = aws.pipe(&make()).ok();
    let mut changes = aws.changes();
    changes.sort();
    assert_eq!(
        changes,
        [
            "ecr:PutImageScanningConfiguration",
            "ecr:PutLifecyclePolicy",
            "ecr:TagResource"
        ]
    );
    assert!(
        again
            .stderr
            .contains("scan on push: false -> true; tag Team: nobody -> devops)"),
        "{}",
        again.stderr
    );
    assert!(
        again
            .stderr
            .contains("repository repo-web-production-pr1 has IMMUTABLE tags: it stays so"),
        "{}",
        again.stderr
    );
    assert_eq!(repository(&aws, WEB)["imageTagMutability"], "IMMUTABLE");
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
    assert_eq!(tags["Team"], "devops");
    assert_eq!(tags["theirs"], "x");
}

#[test]
fn what_hands_add_that_it_does_not_set_stays_and_another_encryption_is_told() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let rights = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Pull",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "ecr:BatchGetImage",
        }],
    });
    let rights = json!({"policyText": rights.to_string()});
    call_of_web(&aws, "set_repository_policy", rights);
    aws.forget();
    assert_eq!(
        aws.pipe(&make()).ok().stderr,
        "mk-ecr: repository repo-web-production-pr1 has a policy that somebody set, and that lets everyone at its images: it stays; aws ecr delete-repository-policy takes it away\nmk-ecr: nothing to change (2 kept)\n"
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
    call_of_web(&aws, "get_repository_policy", json!({}));

    let arn = json!({"resourceArn": repository(&aws, WEB)["repositoryArn"]});
    let own = aws.call("ecr", "list_tags_for_resource", arn)["tags"].clone();
    call_of_web(&aws, "delete_repository", json!({}));
    let kms = json!({"tags": own, "encryptionConfiguration": {"encryptionType": "KMS"}});
    call_of_web(&aws, "create_repository", kms);
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
    let immutable = json!({"imageTagMutability": "IMMUTABLE"});
    call_of_web(&aws, "put_image_tag_mutability", immutable);
    for tag in ["production", "0a1b2c3"] {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest =
            json!({"schemaVersion": 2, "mediaType": kind, "config": {"digest": tag}}).to_string();
        let image = json!({"imageManifest": manifest, "imageTag": tag});
        call_of_web(&aws, "put_image", image);
    }
    let remove = "rm-env --confirm production-pr1";
    let deleted = aws.pipe_with(remove, &made.stdout).ok();
    assert_eq!(deleted.record("repo", "web")["change"], "deleted");
    let left = aws.call("ecr", "describe_repositories", json!({}));
    assert_eq!(left["repositories"], json!([]));
}

#[test]
fn a_repository_of_an_earlier_version_learns_to_keep_what_is_in_production() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let wanted = lifecycle(&aws, WEB);
    let earlier = json!({"rules": [wanted["rules"][1]]}).to_string();
    put_lifecycle(&aws, &earlier);
    aws.forget();
    let again = aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), ["ecr:PutLifecyclePolicy"]);
    assert_eq!(lifecycle(&aws, WEB), wanted);
    assert_eq!(
        again.record("repo", "web")["changes"][0]["field"],
        "lifecycle policy"
    );
}

#[test]
fn a_lifecycle_that_keeps_more_and_a_policy_that_denies_stay_and_are_said() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let mut more = lifecycle(&aws, WEB);
    more["rules"][1]["selection"]["countNumber"] = json!(50);
    put_lifecycle(&aws, &more.to_string());
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository"}]});
    let deny = json!({"policyText": deny.to_string()});
    call_of_web(&aws, "set_repository_policy", deny);
    aws.forget();
    let kept = aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    for line in [
        "mk-ecr: repository repo-web-production-pr1 keeps the last 50 images, more than 10: it stays so until you change it\n",
        "mk-ecr: repository repo-web-production-pr1 has a policy that somebody set, and that only denies: it stays;",
    ] {
        assert_eq!(kept.stderr.matches(line).count(), 1, "{}", kept.stderr);
    }
    // Mended for another reason, it keeps as many.
    more["rules"].as_array_mut().unwrap().remove(0);
    put_lifecycle(&aws, &more.to_string());
    let mended = aws.pipe(&make()).ok();
    let change = &mended.record("repo", "web")["changes"][0];
    assert_eq!(change["field"], "lifecycle policy");
    let rules = lifecycle(&aws, WEB)["rules"].clone();
    assert_eq!(rules.as_array().unwrap().len(), 2);
    assert_eq!(rules[1]["selection"]["countNumber"], 50);
}

#[test]
fn a_policy_written_otherwise_is_the_same_policy() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let text = format!("{:#}", lifecycle(&aws, WEB));
    put_lifecycle(&aws, &text);
    aws.forget();
    aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_missing_lifecycle_policy_is_set() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    call_of_web(&aws, "delete_lifecycle_policy", json!({}));
    aws.forget();
    aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), ["ecr:PutLifecyclePolicy"]);
}

#[test]
fn a_repository_of_someone_else_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    let theirs = json!({"tags": [{"Key": "Team", "Value": "theirs"}]});
    call_of_web(&aws, "create_repository", theirs);
    let output = aws.pipe(&make());
    assert_eq!(output.code, 1);
    let line = format!(
        "mk-ecr: repository {WEB} exists and is not tagged plumbline:env=production-pr1; it is left alone"
    );
    assert!(output.stderr.contains(&line), "{}", output.stderr);
    assert_eq!(tags(&aws, WEB), json!({"Team": "theirs"}));
    let name = json!({"repositoryName": WEB});
    let policy = aws.try_call("ecr", "get_lifecycle_policy", name);
    assert!(policy.is_err());
}

#[test]
fn ls_env_finds_the_repositories_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    let other = "repo-theirs-production-pr1";
    let answer = aws.call("ecr", "create_repository", json!({"repositoryName": other}));
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    for app in ["web", "api"] {
        let made = made.record("repo", app);
        let listed = listed.record("repo", app);
        assert_eq!(made["arn"], listed["arn"]);
        assert_eq!(made["uri"], listed["uri"]);
    }
    assert!(!listed.keys().contains("repo theirs"), "{}", listed.stdout);
    let arn = &answer["repository"]["repositoryArn"];
    let record = json!({"type": "repo", "name": "theirs", "arn": arn, "uri": "x"});
    let remove = "rm-env --confirm production-pr1";
    let deleted = aws.pipe_with(remove, &format!("{}{record}\n", listed.stdout));
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
    let left = left["repositories"].as_array().unwrap();
    let names: Vec<_> = left.iter().map(|one| &one["repositoryName"]).collect();
    assert_eq!(names, [other]);
    // What does not exist any more counts as deleted.
    aws.pipe_with(remove, &listed.stdout).ok();
}

#[test]
fn an_app_and_a_source_of_one_name_share_a_repository() {
    let aws = LocalAws::start();
    let pipe = "mk-env production pr1 | mk-app web | mk-source web owner/web \
                | mk-source tool owner/tool | mk-ecr";
    let made = aws.pipe(pipe).ok();
    let mut repos = made.records();
    repos.retain(|record| record["type"] == "repo");
    assert_eq!(repos.len(), 2, "{repos:?}");
    assert_eq!(made.record("repo", "web")["change"], "created");
    assert_eq!(made.record("repo", "tool")["change"], "created");
    aws.forget();
    aws.pipe(pipe).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_registry_that_decides_what_is_scanned_is_told() {
    let aws = LocalAws::start();
    let make = "mk-env production pr1 | mk-source web owner/web | mk-ecr";
    assert!(!aws.pipe(make).ok().stderr.contains("the registry decides"));
    let enhanced = json!({"scanType": "ENHANCED", "rules": []});
    aws.call("ecr", "put_registry_scanning_configuration", enhanced);
    let told = aws.pipe(make).ok();
    assert!(
        told.stderr
            .contains("mk-ecr: the registry decides what is scanned (enhanced, 0 rules)"),
        "{}",
        told.stderr
    );
}

#[test]
fn the_repository_of_a_dropped_app_is_told_and_stays_while_a_source_may_need_it() {
    let aws = LocalAws::start();
    let up = |apps: &str| format!("mk-env production pr1 | {apps} | mk-ecr");
    aws.pipe(&up(
        "mk-app web | mk-app a-job | mk-app both | mk-source both owner/both",
    ))
    .ok();
    aws.forget();
    let unwanted = |output: &support::Output| {
        let records = output.records().into_iter();
        let of_type = records.filter(|record| record["type"] == "unwanted");
        let mut names: Vec<Value> = of_type.map(|record| record["name"].clone()).collect();
        names.sort_by_key(Value::to_string);
        names
    };
    let dropped = aws.pipe(&up("mk-app web")).ok();
    assert_eq!(unwanted(&dropped), ["repo/a-job"]);
    let record = &dropped.record("unwanted", "repo/a-job")["record"];
    assert_eq!(record["arn"], repository(&aws, A_JOB)["repositoryArn"]);
    assert_eq!(
        unwanted(&aws.pipe(&up("mk-source web owner/web")).ok()),
        [""; 0]
    );
    let of_both = aws.pipe(&up("mk-app web | mk-source web owner/web")).ok();
    assert_eq!(unwanted(&of_both), ["repo/a-job", "repo/both"]);
    let planned = aws.pipe(&up("mk-app web").replace("pr1 |", "pr1 --plan |"));
    assert_eq!(unwanted(&planned), ["repo/a-job"]);
    let nothing = aws.pipe("mk-env production pr1 | mk-ecr").ok();
    assert_eq!(unwanted(&nothing), [""; 0]);
}
