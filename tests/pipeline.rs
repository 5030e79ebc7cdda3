//! The pipeline's recipes end to end: what `just pipeline-up` makes, what a push then does, and what
//! `just pipeline-down` leaves. Builds run the project's real buildspec and functions their real code;
//! only docker is a stand-in, which pushes to the local ECR.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeSet;
use std::time::Duration;

use support::{LocalAws, Output, Value, json, recipe, tags, text};

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

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The pipeline's runs, the newest first.
fn runs(aws: &LocalAws) -> Vec<Value> {
    list(
        &call(
            aws,
            "codepipeline",
            "list_pipeline_executions",
            json!({"pipelineName": PIPELINE}),
        )["pipelineExecutionSummaries"],
    )
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

/// All that a pipeline leaves in a region and account, by kind and name.
fn left(aws: &LocalAws) -> Vec<String> {
    let mut found = Vec::new();
    for (service, operation, items, name) in [
        ("codepipeline", "list_pipelines", "pipelines", "name"),
        (
            "codeconnections",
            "list_connections",
            "Connections",
            "ConnectionName",
        ),
        ("lambda", "list_functions", "Functions", "FunctionName"),
        ("events", "list_rules", "Rules", "Name"),
        ("s3", "list_buckets", "Buckets", "Name"),
        (
            "ecr",
            "describe_repositories",
            "repositories",
            "repositoryName",
        ),
        ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        ("iam", "list_roles", "Roles", "RoleName"),
    ] {
        let all = list(&call(aws, service, operation, json!({}))[items]);
        found.extend(
            all.iter()
                .map(|item| format!("{service} {}", text(&item[name]))),
        );
    }
    for (operation, items) in [("list_projects", "projects"), ("list_builds", "ids")] {
        found.extend(
            list(&call(aws, "codebuild", operation, json!({}))[items])
                .iter()
                .map(|item| format!("codebuild {}", text(item))),
        );
    }
    found
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

    // Every resource that can be tagged carries the brief's tags, whatever shape they have.
    let of = |kind: &str, name: &str| made.record(kind, name)["arn"].clone();
    let iam = |role: &str| {
        call(
            &aws,
            "iam",
            "list_role_tags",
            json!({"RoleName": text(&of("role", role)).rsplit('/').next()}),
        )
    };
    for (what, found) in [
        (
            "bucket",
            tags(&call(&aws, "s3", "get_bucket_tagging", json!({"Bucket": BUCKET}))["TagSet"]),
        ),
        (
            "repository",
            tags(
                &call(
                    &aws,
                    "ecr",
                    "list_tags_for_resource",
                    json!({"resourceArn": of("repo", "web")}),
                )["tags"],
            ),
        ),
        ("build role", tags(&iam("build/web")["Tags"])),
        ("function role", tags(&iam("function/web")["Tags"])),
        ("pipeline role", tags(&iam("pipeline/web")["Tags"])),
        ("events role", tags(&iam("events/web")["Tags"])),
        (
            "build log",
            call(
                &aws,
                "logs",
                "list_tags_for_resource",
                json!({"resourceArn": of("log_group", "build/web")}),
            )["tags"]
                .clone(),
        ),
        (
            "function log",
            call(
                &aws,
                "logs",
                "list_tags_for_resource",
                json!({"resourceArn": of("log_group", "function/web")}),
            )["tags"]
                .clone(),
        ),
        (
            "project",
            tags(
                &call(
                    &aws,
                    "codebuild",
                    "batch_get_projects",
                    json!({"names": ["build-web-production-pr1"]}),
                )["projects"][0]["tags"],
            ),
        ),
        (
            "function",
            call(
                &aws,
                "lambda",
                "list_tags",
                json!({"Resource": of("function", "web")}),
            )["Tags"]
                .clone(),
        ),
        (
            "pipeline",
            tags(
                &call(
                    &aws,
                    "codepipeline",
                    "list_tags_for_resource",
                    json!({"resourceArn": of("pipeline", "web")}),
                )["tags"],
            ),
        ),
        (
            "rule",
            tags(
                &call(
                    &aws,
                    "events",
                    "list_tags_for_resource",
                    json!({"ResourceARN": of("rule", "web")}),
                )["Tags"],
            ),
        ),
        (
            "connection",
            tags(
                &call(
                    &aws,
                    "codeconnections",
                    "list_tags_for_resource",
                    json!({"ResourceArn": of("connection", "github")}),
                )["Tags"],
            ),
        ),
    ] {
        let wanted = [
            ("Environment", "production"),
            ("Team", "devops"),
            ("Suffix", "pr1"),
            ("plumbline:env", "production-pr1"),
        ];
        assert!(
            wanted.iter().all(|(key, value)| found[key] == *value),
            "{what}: {found}"
        );
    }
    // Every name ends in the environment and its suffix, and every log group forgets after 7 days.
    assert!(
        left(&aws)
            .iter()
            .filter(|name| !name.starts_with("logs /") && !name.contains(":"))
            .all(|name| name.ends_with("-production-pr1")),
        "{:?}",
        left(&aws)
    );
    for group in list(&call(&aws, "logs", "describe_log_groups", json!({}))["logGroups"]) {
        assert_eq!(group["retentionInDays"], 7, "{group}");
    }
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
    let by_events = recipe(&["pipeline-up"], "pr1").replace(
        "mk-source web 'owner/web'",
        "mk-source web 'owner/web' --trigger events",
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
    aws.pipe(&recipe(&["pipeline-up"], "pr1").replace("'owner/web'", "'owner/empty'"))
        .ok();
    down(&aws).ok();
    let made: BTreeSet<(String, String)> = aws
        .calls()
        .iter()
        .map(|call| {
            (
                text(&call["tool"]).to_string(),
                format!("{}:{}", text(&call["service"]), text(&call["action"])),
            )
        })
        .filter(|(tool, _)| tool.contains('-'))
        .collect();
    let tools: BTreeSet<&String> = made.iter().map(|(tool, _)| tool).collect();
    assert_eq!(tools.len(), 13, "{tools:?}"); // all of the recipes but mk-source
    for tool in tools {
        let policy: Value = support::tool(tool, &["--iam-policy"], "")
            .ok()
            .stdout
            .parse()
            .unwrap();
        let actions = list(&policy["Statement"]).into_iter().flat_map(
            |statement| match &statement["Action"] {
                Value::Array(actions) => actions.clone(),
                one => vec![one.clone()],
            },
        );
        let allowed: BTreeSet<String> = actions.map(|action| text(&action).to_string()).collect();
        let missing: Vec<_> = made
            .iter()
            .filter(|(by, action)| by == tool && !allowed.contains(action))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

#[test]
fn down_leaves_nothing_whatever_is_in_it_and_runs() {
    let aws = connected(&["--moment", "0.1"]);
    up(&aws).ok();
    let object = |key: &str| json!({"Bucket": BUCKET, "Key": key, "Body": "x"});
    for key in ["a/1", "a/1", "a/2"] {
        call(&aws, "s3", "put_object", object(key));
    }
    call(
        &aws,
        "s3",
        "delete_object",
        json!({"Bucket": BUCKET, "Key": "a/2"}),
    );
    call(
        &aws,
        "s3",
        "create_multipart_upload",
        json!({"Bucket": BUCKET, "Key": "half"}),
    );
    // A build that would take for ever, in a run that is under way.
    let project = call(
        &aws,
        "codebuild",
        "batch_get_projects",
        json!({"names": ["build-web-production-pr1"]}),
    )["projects"][0]
        .clone();
    let mut source = project["source"].clone();
    source["buildspec"] =
        json!("version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 1000\n");
    call(
        &aws,
        "codebuild",
        "update_project",
        json!({"name": project["name"], "source": source, "tags": project["tags"]}),
    );
    aws.push("owner/web", json!({"index.html": "third"}));
    let builds = || {
        list(
            &call(
                &aws,
                "codebuild",
                "list_builds_for_project",
                json!({"projectName": project["name"]}),
            )["ids"],
        )
    };
    while builds().len() < 2 {
        std::thread::sleep(Duration::from_millis(50));
    }
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
    assert!(
        others.contains(&"codeconnections team".to_string()),
        "{theirs}"
    );
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
