//! The pipeline's recipes end to end: what `just pipeline-up` makes, what a push then does, and what
//! `just pipeline-down` leaves. Builds run the project's real buildspec and functions their real code;
//! only docker is a stand-in, which pushes to the local ECR.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use support::{
    Account, LocalAws, Output, Resource, Value, json, list, policies_allow_what_was_called, recipe,
    replaced, text, tools_of,
};

const REGION: &str = "ap-southeast-1";
const PIPELINE: &str = "pipeline-web-production-pr1";
const REPOSITORY: &str = "repo-web-production-pr1";
const BUCKET: &str = "bucket-123456789012-ap-southeast-1-production-pr1";

fn call(aws: &LocalAws, service: &str, operation: &str, params: Value) -> Value {
    aws.call_in(REGION, service, operation, params)
}

fn up(aws: &LocalAws) -> Output {
    aws.pipe(&recipe(&["pipeline-up"], "pr1"))
}

fn down(aws: &LocalAws) -> Output {
    aws.pipe(&recipe(&["pipeline-down"], "pr1"))
}

/// A local AWS with a connection that a person has finished.
fn connected(options: &[&str]) -> LocalAws {
    let aws = LocalAws::start_with(options);
    aws.connect(REGION);
    aws
}

/// The pipeline's runs, the newest first.
fn runs(aws: &LocalAws) -> Vec<Value> {
    let pipeline = json!({"pipelineName": PIPELINE});
    let runs = call(aws, "codepipeline", "list_pipeline_executions", pipeline);
    list(&runs["pipelineExecutionSummaries"]).to_vec()
}

/// Waits until no run is under way; answers the newest run's status.
fn ended(aws: &LocalAws) -> String {
    for _ in 0..6000 {
        let runs = runs(aws);
        if runs
            .iter()
            .all(|run| !matches!(text(&run["status"]), "InProgress" | "Stopping"))
        {
            return text(&runs[0]["status"]).to_string();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("runs do not end: {:?}", runs(aws));
}

/// The digest of the image with a tag.
fn digest(aws: &LocalAws, tag: &str) -> Option<String> {
    let params = json!({"repositoryName": REPOSITORY, "imageIds": [{"imageTag": tag}]});
    let found = call(aws, "ecr", "batch_get_image", params);
    Some(text(&list(&found["images"]).first()?["imageId"]["imageDigest"]).to_string())
}

/// All that anybody made in the account and region.
fn left(aws: &LocalAws) -> Vec<String> {
    Account::new(aws, REGION).left()
}

#[test]
fn up_makes_all_of_it_tagged_and_the_first_run_ends_in_production() {
    let aws = connected(&["--moment", "0.1"]);
    let made = up(&aws).ok();
    assert!(
        made.stderr
            .ends_with("wait-env: pipeline web has run: succeeded\n"),
        "{}",
        made.stderr
    );
    let [run] = &runs(&aws)[..] else {
        panic!("{:?}", runs(&aws))
    };
    assert_eq!(run["trigger"]["triggerType"], "CreatePipeline");
    let commit = text(&run["sourceRevisions"][0]["revisionId"]).to_string();
    let production = digest(&aws, "production");
    assert!(
        production.is_some() && production == digest(&aws, &commit),
        "{commit}"
    );
    let all = Account::new(&aws, REGION).made();
    all_is_tagged(&all);
    all_is_named_after_the_environment(&all);
    for group in list(&call(&aws, "logs", "describe_log_groups", json!({}))["logGroups"]) {
        assert_eq!(group["retentionInDays"], 7, "{group}");
    }
}

/// Every resource that can be tagged carries its tags, whatever shape they have.
fn all_is_tagged(all: &[Resource]) {
    let mut tagged = BTreeMap::<&str, usize>::new();
    for resource in all {
        if ["image", "role policy", "build"].contains(&resource.kind) {
            continue; // AWS has no tags for them
        }
        *tagged.entry(resource.kind).or_default() += 1;
        let tags = resource.tags();
        for (key, value) in [
            ("Environment", "production"),
            ("Team", "devops"),
            ("Suffix", "pr1"),
            ("plumbline:env", "production-pr1"),
        ] {
            assert_eq!(tags[key], value, "{}: {tags}", resource.name());
        }
    }
    let expected = [
        ("bucket", 1),
        ("build project", 1),
        ("connection", 1),
        ("function", 1),
        ("log group", 2),
        ("pipeline", 1),
        ("repository", 1),
        ("role", 4),
        ("rule", 1),
    ];
    assert_eq!(tagged, BTreeMap::from(expected));
}

/// Names end in the environment and its suffix, but those of log groups and of what is part of
/// something else.
fn all_is_named_after_the_environment(all: &[Resource]) {
    for resource in all {
        if !["image", "role policy", "build", "log group"].contains(&resource.kind) {
            let name = resource.name();
            assert!(name.ends_with("-production-pr1"), "{name}");
        }
    }
}

#[test]
fn what_up_makes_is_of_kinds_that_the_tests_look_for() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    aws.connect(REGION);
    up(&aws).ok();
    let changes = aws.changes();
    Account::new(&aws, REGION).reads_what_was_made_by(&changes);
}

#[test]
fn a_second_up_changes_nothing() {
    let aws = connected(&["--moment", "0"]);
    up(&aws).ok();
    aws.forget();
    let again = up(&aws).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert!(!again.stdout.contains("created") && runs(&aws).len() == 1);
}

#[test]
fn a_push_is_one_run_that_moves_the_tag_to_its_own_image() {
    let aws = connected(&["--moment", "0"]);
    up(&aws).ok();
    let first = digest(&aws, "production").unwrap();
    let commit = aws.push("owner/web", json!({"index.html": "second"}));
    assert_eq!(ended(&aws), "Succeeded");
    assert_eq!(runs(&aws)[0]["trigger"]["triggerType"], "WebhookV2");
    assert_eq!(runs(&aws).len(), 2);
    let second = digest(&aws, "production").unwrap();
    assert_eq!(Some(&second), digest(&aws, &commit).as_ref());
    assert_ne!(first, second);
    // An event starts nothing while the connection does.
    put_event(&aws);
    assert_eq!((ended(&aws).as_str(), runs(&aws).len()), ("Succeeded", 2));
}

fn put_event(aws: &LocalAws) {
    let detail =
        json!({"ref": "refs/heads/main", "repository": {"full_name": "owner/web"}}).to_string();
    call(
        aws,
        "events",
        "put_events",
        json!({"Entries": [{"Source": "github", "DetailType": "push", "Detail": detail}]}),
    );
}

#[test]
fn with_events_as_the_trigger_a_push_is_one_run_too() {
    let aws = connected(&["--moment", "0"]);
    let by_events = replaced(
        &recipe(&["pipeline-up"], "pr1"),
        "mk-source 'web' 'owner/web'",
        "mk-source 'web' 'owner/web' --trigger events",
    );
    aws.pipe(&by_events).ok();
    aws.push("owner/web", json!({"index.html": "second"}));
    assert_eq!(
        (ended(&aws).as_str(), runs(&aws).len()),
        ("Succeeded", 1),
        "the connection starts nothing"
    );
    put_event(&aws);
    assert_eq!((ended(&aws).as_str(), runs(&aws).len()), ("Succeeded", 2));
    assert_eq!(runs(&aws)[0]["trigger"]["triggerType"], "CloudWatchEvent");
}

#[test]
fn a_failing_build_pushes_nothing_and_the_tag_stays() {
    let aws = connected(&["--moment", "0"]);
    up(&aws).ok();
    let before = digest(&aws, "production");
    let commit = aws.push(
        "owner/web",
        json!({"Dockerfile": "FROM scratch\nRUN exit 3\n"}),
    );
    assert_eq!(ended(&aws), "Failed");
    assert_eq!(
        (digest(&aws, &commit), digest(&aws, "production")),
        (None, before)
    );
}

#[test]
fn the_function_calls_nothing_that_its_role_does_not_allow() {
    let aws = connected(&["--moment", "0"]);
    let made = up(&aws).ok();
    let name = text(&made.record("role", "function/web")["arn"])
        .rsplit('/')
        .next()
        .unwrap()
        .to_string();
    let answer = call(
        &aws,
        "iam",
        "get_role_policy",
        json!({"RoleName": name, "PolicyName": "function"}),
    );
    let allowed = answer["PolicyDocument"].to_string();
    let called = |call: &Value| format!("{}:{}", text(&call["service"]), text(&call["action"]));
    let calls: BTreeSet<String> = aws
        .calls()
        .iter()
        .filter(|call| call["tool"] == "function")
        .map(called)
        .collect();
    let wanted = [
        "codepipeline:PutJobSuccessResult",
        "ecr:BatchGetImage",
        "ecr:PutImage",
    ];
    assert_eq!(calls, wanted.map(String::from).into());
    assert!(
        calls
            .iter()
            .all(|action| allowed.contains(&format!("\"{action}\""))),
        "{calls:?} {allowed}"
    );
}

#[test]
fn every_call_that_a_tool_makes_is_in_its_policy() {
    let aws = connected(&["--moment", "0"]);
    up(&aws).ok();
    up(&aws).ok();
    let pipe = recipe(&["pipeline-up"], "pr1");
    aws.pipe(&pipe.replace("'owner/web'", "'owner/empty'")).ok();
    aws.pipe(&recipe(&["source=site", "pipeline-prune"], "pr1"))
        .ok();
    down(&aws).ok();
    let mut tools = tools_of(&pipe);
    tools.extend(tools_of(&recipe(&["pipeline-down"], "pr1")));
    assert!(tools.remove("mk-source"), "it has something to call");
    policies_allow_what_was_called(&aws, &tools);
}

#[test]
fn a_source_that_is_renamed_is_named_and_goes_when_that_is_confirmed() {
    let aws = connected(&["--moment", "0"]);
    up(&aws).ok();
    let of_web = |aws: &LocalAws| {
        let mut left = left(aws);
        left.retain(|name| name.contains("web-production-pr1"));
        left
    };
    let before = of_web(&aws);
    let renamed = aws
        .pipe(&recipe(&["source=site", "pipeline-up"], "pr1"))
        .ok();
    for kind in ["pipeline", "build", "function", "rule", "repo"] {
        let line = format!("prune-env: no record wants {kind} web any more");
        assert!(renamed.stderr.contains(&line), "{line} {}", renamed.stderr);
    }
    assert_eq!(of_web(&aws), before);
    aws.pipe(&recipe(&["source=site", "pipeline-prune"], "pr1"))
        .ok();
    assert_eq!(of_web(&aws), Vec::<String>::new());
    let again = aws
        .pipe(&recipe(&["source=site", "pipeline-up"], "pr1"))
        .ok();
    assert!(
        !again.stderr.contains("no record wants"),
        "{}",
        again.stderr
    );
}

#[test]
fn down_leaves_nothing_whatever_is_in_it_and_runs() {
    let aws = connected(&["--moment", "0.1"]);
    up(&aws).ok();
    put_objects(&aws);
    start_a_build_without_end(&aws);
    let gone = down(&aws).ok();
    assert_eq!(left(&aws), Vec::<String>::new());
    assert_eq!(gone.record("connection", "github")["change"], "deleted");
    aws.forget();
    down(&aws).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    // And again from nothing.
    aws.connect(REGION);
    up(&aws).ok();
}

/// Objects of the bucket with more than one version, one that was deleted, and half an upload.
fn put_objects(aws: &LocalAws) {
    for key in ["a/1", "a/1", "a/2"] {
        let object = json!({"Bucket": BUCKET, "Key": key, "Body": "x"});
        call(aws, "s3", "put_object", object);
    }
    let object = json!({"Bucket": BUCKET, "Key": "a/2"});
    call(aws, "s3", "delete_object", object);
    let half = json!({"Bucket": BUCKET, "Key": "half"});
    call(aws, "s3", "create_multipart_upload", half);
}

/// A build that would take for ever, in a run that is under way.
fn start_a_build_without_end(aws: &LocalAws) {
    let name = "build-web-production-pr1";
    let projects = json!({"names": [name]});
    let projects = call(aws, "codebuild", "batch_get_projects", projects);
    let project = &projects["projects"][0];
    let mut source = project["source"].clone();
    source["buildspec"] =
        json!("version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 1000\n");
    let update = json!({"name": name, "source": source, "tags": project["tags"]});
    call(aws, "codebuild", "update_project", update);
    aws.push("owner/web", json!({"index.html": "third"}));
    let builds = || {
        let project = json!({"projectName": name});
        call(aws, "codebuild", "list_builds_for_project", project)
    };
    while list(&builds()["ids"]).len() < 2 {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn down_of_one_leaves_another_and_what_was_adopted() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let theirs = call(
        &aws,
        "codeconnections",
        "create_connection",
        json!({"ConnectionName": "team", "ProviderType": "GitHub"}),
    );
    aws.handshake("team");
    let adopting = |suffix: &str| recipe(&["connection=team", "pipeline-up"], suffix);
    aws.pipe(&adopting("pr1")).ok();
    aws.pipe(&adopting("pr2")).ok();
    let others: Vec<String> = left(&aws)
        .into_iter()
        .filter(|name| !name.contains("-pr1"))
        .collect();
    down(&aws).ok();
    assert_eq!(left(&aws), others);
    assert!(others.contains(&"connection team".to_string()), "{theirs}");
    aws.forget();
    aws.pipe(&adopting("pr2")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_pipeline_that_deploys_rolls_the_service_by_digest_and_up_keeps_what_it_deployed() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let us = |service: &str, operation: &str, params: Value| aws.call(service, operation, params);
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    aws.connect("us-east-1");
    let deploying = recipe(&["pipeline-up-deploy"], "pr1");
    let made = aws.pipe(&deploying).ok();
    Account::new(&aws, "us-east-1").reads_what_was_made_by(&aws.changes());
    assert!(
        made.stderr
            .contains("wait-env: pipeline web has run: succeeded"),
        "{}",
        made.stderr
    );
    let runs = || {
        let service = us(
            "ecs",
            "describe_services",
            json!({"cluster": "cluster-production-pr1", "services": ["service-web-production-pr1"]}),
        );
        let task = service["services"][0]["taskDefinition"].clone();
        let task = us(
            "ecs",
            "describe_task_definition",
            json!({"taskDefinition": task}),
        );
        text(&task["taskDefinition"]["containerDefinitions"][0]["image"]).to_string()
    };
    let production = us(
        "ecr",
        "batch_get_image",
        json!({"repositoryName": REPOSITORY, "imageIds": [{"imageTag": "production"}]}),
    );
    let wanted = format!(
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}@{}",
        text(&production["images"][0]["imageId"]["imageDigest"])
    );
    assert_eq!(runs(), wanted);
    let kept = aws.pipe(&recipe(&["up"], "pr1")).ok();
    assert!(
        kept.stderr.contains("web keeps 123456789012.dkr.ecr"),
        "{}",
        kept.stderr
    );
    assert_eq!(runs(), wanted);
    aws.forget();
    aws.pipe(&deploying).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    // The pipeline goes and the services stay, with the repository that both need.
    let gone = aws
        .pipe("ls-env --env production-pr1 --only pipelines | rm-env --confirm production-pr1")
        .ok();
    assert!(
        !gone.stdout.contains("\"type\":\"repo\""),
        "{}",
        gone.stdout
    );
    assert_eq!(runs(), wanted);
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    aws.pipe(&recipe(&["down"], "pr1")).ok();
    assert_eq!(
        us("ecr", "describe_repositories", json!({}))["repositories"],
        json!([])
    );
}
