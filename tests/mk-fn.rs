//! mk-fn: its command line, the function it makes in the local AWS, and the function's own code in a
//! real Python.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{ENV, Faults, LocalAws, Output, Value, clean, json, root, text};

const NAME: &str = "function-web-production-pr1";
const CONNECTION: &str = r#"{"type":"connection","name":"github","arn":"arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b","status":"AVAILABLE"}"#;
const SOURCE: &str = r#"{"type":"source","name":"web","repository":"owner/web"}"#;
/// A zip with nothing in it: what someone else may have put there.
const EMPTY: &str = "PK\u{5}\u{6}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// What must never be seen again.
const SECRET: &str = "wJalrSECRETACCESSKEY";

/// The records that mk-fn reads, of a role and a group that are there.
fn records(aws: &LocalAws) -> String {
    aws.pipe_with("mk-role | mk-logs", &wishes("pr1"))
        .ok()
        .stdout
}

fn wishes(suffix: &str) -> String {
    format!("{}\n{SOURCE}\n{CONNECTION}\n", ENV.replace("pr1", suffix))
}

fn make(aws: &LocalAws, records: &str) -> Output {
    aws.pipe_with("mk-fn", records)
}

fn configuration(aws: &LocalAws) -> Value {
    aws.call(
        "lambda",
        "get_function_configuration",
        json!({"FunctionName": NAME}),
    )
}

fn tags(aws: &LocalAws) -> Value {
    aws.call("lambda", "get_function", json!({"FunctionName": NAME}))["Tags"].clone()
}

fn functions(aws: &LocalAws) -> usize {
    aws.call("lambda", "list_functions", json!({}))["Functions"]
        .as_array()
        .unwrap()
        .len()
}

/// Changes something by hand, and waits until Lambda has done it.
fn by_hand(aws: &LocalAws, operation: &str, mut params: Value) {
    params["FunctionName"] = json!(NAME);
    aws.call("lambda", operation, params);
    while configuration(aws)["LastUpdateStatus"] != "Successful" {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn changed_fields(output: &Output) -> Vec<String> {
    let changes = output.record("function", "web")["changes"].clone();
    changes
        .as_array()
        .into_iter()
        .flatten()
        .map(|change| text(&change["field"]).to_string())
        .collect()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-fn", &[]);
}

#[test]
fn the_function_is_as_wanted_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let records = records(&aws);
    aws.forget();
    let made = make(&aws, &records).ok();
    let record = made.record("function", "web");
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{NAME}");
    assert_eq!(
        (&record["function"], &record["arn"], &record["change"]),
        (&json!(NAME), &json!(arn), &json!("created"))
    );
    let function = configuration(&aws);
    assert_eq!(
        function["State"], "Active",
        "it ended before the function was ready"
    );
    for (field, wanted) in [
        ("PackageType", json!("Zip")),
        ("Runtime", json!("python3.13")),
        ("Handler", json!("index.handler")),
        ("Architectures", json!(["x86_64"])),
        ("Timeout", json!(60)),
        ("MemorySize", json!(256)),
        (
            "Description",
            json!("Tags the image that pipeline-web-production-pr1 just built production"),
        ),
        ("Environment", json!(null)),
    ] {
        assert_eq!(function[field], wanted, "{field}");
    }
    assert!(
        text(&function["Role"]).contains(":role/plumbline/us-east-1/production-pr1/role-function-"),
        "{function}"
    );
    let invocation = aws.call(
        "lambda",
        "get_function_event_invoke_config",
        json!({"FunctionName": NAME}),
    );
    assert_eq!(
        (
            &invocation["MaximumRetryAttempts"],
            &invocation["MaximumEventAgeInSeconds"]
        ),
        (&json!(0), &json!(900))
    );
    let tags = tags(&aws);
    assert_eq!(
        (
            &tags["plumbline:env"],
            &tags["plumbline:source"],
            &tags["Team"],
            &tags["Name"]
        ),
        (
            &json!("production-pr1"),
            &json!("web"),
            &json!("devops"),
            &json!(NAME)
        )
    );

    aws.forget();
    let again = make(&aws, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let calls = aws.calls();
    let asked: Vec<&str> = calls
        .iter()
        .filter(|call| call["service"] == "lambda")
        .map(|c| text(&c["action"]))
        .collect();
    assert_eq!(asked, ["GetFunction", "GetFunctionEventInvokeConfig"]);
    assert_eq!(again.record("function", "web")["change"], "kept");
}

#[test]
fn it_looks_before_the_role_comes_and_needs_role_and_group() {
    let aws = LocalAws::start();
    let without = make(&aws, &format!("{ENV}\n{SOURCE}\n"));
    assert_eq!(without.code, 65);
    assert!(
        without
            .stderr
            .contains("no role record 'function/web' on stdin"),
        "{}",
        without.stderr
    );
    let all = records(&aws);
    let group = |line: &&str| !line.contains("log_group") || !line.contains("function/web");
    let without: Vec<&str> = all.lines().filter(group).collect();
    let without = make(&aws, &format!("{}\n", without.join("\n")));
    assert_eq!(without.code, 65);
    assert!(
        without
            .stderr
            .contains("no log_group record 'function/web' on stdin"),
        "{}",
        without.stderr
    );
    assert_eq!(functions(&aws), 0);

    // The role comes when it has looked, and not before.
    aws.forget();
    let mut command = clean(Command::new(support::bin().join("mk-fn")), &aws.url);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (early, late): (Vec<&str>, Vec<&str>) = all
        .lines()
        .partition(|line| !line.contains("\"role\"") && !line.contains("\"log_group\""));
    stdin
        .write_all(format!("{}\n", early.join("\n")).as_bytes())
        .unwrap();
    while !aws
        .calls()
        .iter()
        .any(|call| call["action"] == "GetFunction")
    {
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "it ended before the role came"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(aws.changes(), Vec::<String>::new());
    stdin
        .write_all(format!("{}\n", late.join("\n")).as_bytes())
        .unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(aws.changes()[0], "lambda:CreateFunction");
}

#[test]
fn a_role_that_lambda_cannot_assume_yet_is_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let faults = Faults::between(&aws);
    let spreads = json!({"do": "refuse", "of": "lambda:CreateFunction", "times": 2, "status": 400,
        "code": "InvalidParameterValueException", "message": "The role defined for the function cannot be assumed by Lambda."});
    faults.rules(json!([spreads]));
    faults.pipe_with("mk-fn", &records).ok();
    assert_eq!(
        (faults.changes(), functions(&aws)),
        (4, 1),
        "refused twice, made, and its retries: {}",
        faults.told()
    );
}

#[test]
fn one_that_someone_deletes_meanwhile_is_not_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let faults = Faults::between(&aws);
    let gone = |from: u32| {
        json!({"do": "refuse", "of": "lambda:GetFunction", "from": from, "status": 404,
        "code": "ResourceNotFoundException", "message": "Function not found"})
    };
    let pending = json!({"do": "rewrite", "of": "lambda:GetFunction", "match": "\"Active\"", "by": "\"Pending\""});
    let ends = |from: u32| {
        faults.rules(json!([pending, gone(from)]));
        let ended = faults.pipe_with("mk-fn", &records);
        let message = format!("mk-fn: function {NAME} was deleted while it was waited for");
        assert!(
            ended.code == 75 && ended.stderr.contains(&message),
            "{}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("try: run the pipeline again"),
            "{}",
            ended.stderr
        );
        let seen = faults.told()["seen"].clone();
        let looks = seen
            .as_array()
            .unwrap()
            .iter()
            .filter(|call| call["call"] == "lambda:GetFunction");
        assert_eq!(
            looks.count(),
            from as usize,
            "the first look that does not find it is the last: {seen}"
        );
    };
    ends(4); // it is absent, made, seen twice
    ends(2); // it is there, and still being made
    by_hand(&aws, "update_function_configuration", json!({"Timeout": 3}));
    ends(2); // it is there, and is to be changed
    faults.end();
    let mended = changed_fields(&make(&aws, &records).ok()); // its retries as well, if they were not yet set
    assert!(mended.contains(&"timeout".to_string()), "{mended:?}");
}

#[test]
fn a_dry_run_changes_nothing_and_announces_the_function() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let plan = records.replace(r#""region""#, r#""plan":true,"region""#);
    aws.forget();
    let planned = make(&aws, &plan).would_change();
    assert_eq!(planned.record("function", "web")["change"], "create");
    assert_eq!((aws.changes(), functions(&aws)), (Vec::new(), 0));
    make(&aws, &records).ok();
    by_hand(&aws, "update_function_configuration", json!({"Timeout": 3}));
    aws.forget();
    let planned = make(&aws, &plan).would_change();
    let record = planned.record("function", "web");
    assert_eq!(
        (&record["change"], &record["changes"]),
        (
            &json!("update"),
            &json!([{"field": "timeout", "old": "3", "new": "60"}])
        )
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line_and_others_tags_stay() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let made = make(&aws, &records).ok();
    let arn = made.record("function", "web")["arn"].clone();
    let (sha, role) = (
        configuration(&aws)["CodeSha256"].clone(),
        configuration(&aws)["Role"].clone(),
    );

    by_hand(&aws, "update_function_code", json!({"ZipFile": EMPTY}));
    aws.forget();
    assert_eq!(changed_fields(&make(&aws, &records).ok()), ["code"]);
    assert_eq!(aws.changes(), ["lambda:UpdateFunctionCode"]);
    assert_eq!(configuration(&aws)["CodeSha256"], sha);

    let other = text(&role).replace(":role/plumbline/", ":role/other/");
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}).to_string();
    aws.call(
        "iam",
        "create_role",
        json!({"RoleName": "other", "Path": "/other/", "AssumeRolePolicyDocument": trust}),
    );
    let other = format!("{}/other", other.split("/us-east-1/").next().unwrap());
    std::thread::sleep(Duration::from_millis(300)); // until Lambda can assume it
    by_hand(
        &aws,
        "update_function_configuration",
        json!({"Timeout": 3, "MemorySize": 128, "Runtime": "python3.12", "Handler": "a.b", "Description": "", "Role": other,
            "Environment": {"Variables": {"TOKEN": SECRET}}, "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}}),
    );
    aws.forget();
    let mended = make(&aws, &records).ok();
    assert_eq!(
        changed_fields(&mended),
        [
            "runtime",
            "handler",
            "role",
            "timeout",
            "memory",
            "description",
            "variables"
        ]
    );
    assert!(
        !format!("{}{}", mended.stdout, mended.stderr).contains(SECRET),
        "what a variable holds is nobody's"
    );
    assert_eq!(aws.changes(), ["lambda:UpdateFunctionConfiguration"]);
    assert_eq!(
        (
            &configuration(&aws)["Role"],
            &configuration(&aws)["Environment"]
        ),
        (&role, &Value::Null)
    );

    let queue = json!({"Destination": "arn:aws:sqs:us-east-1:123456789012:theirs"});
    let twice = json!({"FunctionName": NAME, "MaximumRetryAttempts": 2, "DestinationConfig": {"OnSuccess": queue, "OnFailure": {}}});
    aws.call("lambda", "put_function_event_invoke_config", twice);
    let nobody = json!({"Resource": arn, "Tags": {"Team": "nobody", "theirs": "x"}});
    aws.call("lambda", "tag_resource", nobody);
    aws.forget();
    assert_eq!(
        changed_fields(&make(&aws, &records).ok()),
        ["retries", "event age", "destinations", "tag Team"]
    );
    assert_eq!(
        aws.changes(),
        ["lambda:PutFunctionEventInvokeConfig", "lambda:TagResource"]
    );
    assert_eq!(
        (&tags(&aws)["Team"], &tags(&aws)["theirs"]),
        (&json!("devops"), &json!("x"))
    );

    // Code and configuration are two changes: the second waits for the first.
    by_hand(&aws, "update_function_code", json!({"ZipFile": EMPTY}));
    by_hand(&aws, "update_function_configuration", json!({"Timeout": 3}));
    aws.call(
        "lambda",
        "delete_function_event_invoke_config",
        json!({"FunctionName": NAME}),
    );
    aws.forget();
    assert_eq!(
        changed_fields(&make(&aws, &records).ok()),
        ["code", "timeout", "retries", "event age"]
    );
    assert!(
        !aws.calls()
            .iter()
            .any(|call| call["code"] == "ResourceConflictException"),
        "{:?}",
        aws.calls()
    );
    assert_eq!(configuration(&aws)["LastUpdateStatus"], "Successful");
    aws.forget();
    make(&aws, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn code_that_would_run_beside_ours_another_log_and_a_held_up_function_are_put_right() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    let made = configuration(&aws);
    let layer = json!({"LayerName": "theirs", "Content": {"ZipFile": EMPTY}});
    let layer = aws.call("lambda", "publish_layer_version", layer)["LayerVersionArn"].clone();
    by_hand(
        &aws,
        "update_function_configuration",
        json!({"Layers": [layer], "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/theirs"}}),
    );
    let reserved = json!({"FunctionName": NAME, "ReservedConcurrentExecutions": 1});
    aws.call("lambda", "put_function_concurrency", reserved);
    aws.forget();
    let mended = make(&aws, &records).ok();
    assert_eq!(
        changed_fields(&mended),
        [
            "log group",
            "log format",
            "settings",
            "reserved concurrency"
        ]
    );
    assert_eq!(
        aws.changes(),
        [
            "lambda:UpdateFunctionConfiguration",
            "lambda:DeleteFunctionConcurrency"
        ]
    );
    let now = configuration(&aws);
    assert_eq!(
        (&now["Layers"], &now["LoggingConfig"]),
        (&made["Layers"], &made["LoggingConfig"])
    );
    let function = aws.call("lambda", "get_function", json!({"FunctionName": NAME}));
    assert_eq!(function["Concurrency"], Value::Null);
    aws.forget();
    make(&aws, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_change_that_someone_else_has_under_way_is_waited_for() {
    let aws = LocalAws::start_with(&["--moment", "0.5"]);
    let records = records(&aws);
    make(&aws, &records).ok();
    aws.call(
        "lambda",
        "update_function_configuration",
        json!({"FunctionName": NAME, "Timeout": 3}),
    );
    assert_eq!(changed_fields(&make(&aws, &records).ok()), ["timeout"]);
    assert_eq!(configuration(&aws)["Timeout"], 60);
}

#[test]
fn two_runs_at_once_make_one_function() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let both = "records=$(cat); mk-fn <<<\"$records\" >/dev/null & one=$!; mk-fn <<<\"$records\"; wait $one";
    let made = aws.pipe_with(both, &records).ok();
    assert_eq!(made.record("function", "web")["function"], NAME);
    assert_eq!(functions(&aws), 1);
    aws.forget();
    make(&aws, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_function_of_that_name_that_is_not_ours_is_refused_and_stays_as_it_is() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let role = "arn:aws:iam::123456789012:role/theirs";
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}).to_string();
    aws.call(
        "iam",
        "create_role",
        json!({"RoleName": "theirs", "AssumeRolePolicyDocument": trust}),
    );
    std::thread::sleep(Duration::from_millis(300)); // until Lambda can assume it
    let theirs = json!({"FunctionName": NAME, "Runtime": "nodejs22.x", "Handler": "index.handler", "Role": role, "Code": {"ZipFile": EMPTY}, "Tags": {"Team": "theirs"}});
    aws.call("lambda", "create_function", theirs);
    aws.forget();
    let refused = make(&aws, &records);
    assert_eq!(refused.code, 1);
    let message = format!(
        "mk-fn: function {NAME} exists and is not tagged plumbline:env=production-pr1; it is left alone"
    );
    assert!(refused.stderr.contains(&message), "{}", refused.stderr);
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        (&configuration(&aws)["Runtime"], tags(&aws)),
        (&json!("nodejs22.x"), json!({"Team": "theirs"}))
    );
}

// What the function itself does.

/// Puts an image with one tag, and answers its digest; the number makes it another image.
fn image(aws: &LocalAws, number: u32, tag: &str, kind: &str) -> String {
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": {"mediaType": "x", "size": 1, "digest": format!("sha256:{number:064x}")}, "layers": []});
    let put = json!({"repositoryName": "repo", "imageManifest": manifest.to_string(), "imageManifestMediaType": kind, "imageTag": tag});
    text(&aws.call("ecr", "put_image", put)["image"]["imageId"]["imageDigest"]).to_string()
}

/// The tags that an image has.
fn tags_of(aws: &LocalAws, digest: &str) -> Vec<String> {
    let ask = json!({"repositoryName": "repo", "imageIds": [{"imageDigest": digest}]});
    let images = aws.call("ecr", "describe_images", ask)["imageDetails"].clone();
    let tags = images[0]["imageTags"].as_array().into_iter().flatten();
    let mut tags: Vec<String> = tags.map(|tag| text(tag).to_string()).collect();
    tags.sort_unstable();
    tags
}

/// A job as CodePipeline gives it, with its credentials.
fn job(id: &str, configuration: Value) -> Value {
    let credentials =
        json!({"accessKeyId": SECRET, "secretAccessKey": SECRET, "sessionToken": SECRET});
    let artifact = json!({"name": SECRET, "revision": SECRET, "location": {"type": "S3", "s3Location": {"bucketName": SECRET, "objectKey": SECRET}}});
    json!({"CodePipeline.job": {"id": id, "accountId": "123456789012", "data": {
        "actionConfiguration": {"configuration": configuration},
        "inputArtifacts": [artifact], "outputArtifacts": [], "artifactCredentials": credentials,
    }}})
}

fn asked(parameters: Value) -> Value {
    let parameters = parameters
        .as_str()
        .map_or_else(|| parameters.to_string(), String::from);
    job(
        "job-1",
        json!({"FunctionName": NAME, "UserParameters": parameters}),
    )
}

/// Runs the shipped code for each event in one Python, and answers its lines: one for each.
fn run(aws: &LocalAws, events: &[Value], more: &[(&str, &str)]) -> Vec<String> {
    let mut command = Command::new(root().join(".venv/bin/python"));
    command.args(["-c", "import json, sys, types, index\nfor event in json.load(sys.stdin): assert index.handler(event, types.SimpleNamespace(aws_request_id='request-1')) is None"]);
    let mut command = clean(command, &aws.url);
    command
        .env("PYTHONPATH", root().join("tools/mk-fn/function"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .envs(more.iter().copied());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(Value::from(events).to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, errors) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    assert!(!out.contains(SECRET), "{out}");
    let lines: Vec<String> = out.lines().map(String::from).collect();
    assert_eq!(lines.len(), events.len(), "{out}");
    lines
}

/// What the pipeline was told since the last look, each answer once: a refused one may be repeated.
fn answers(aws: &LocalAws) -> Vec<(String, Value)> {
    let calls = aws
        .calls()
        .into_iter()
        .filter(|call| call["service"] == "codepipeline");
    let mut answers: Vec<(String, Value)> = calls
        .map(|call| (text(&call["action"]).into(), call["params"].clone()))
        .collect();
    answers.dedup();
    aws.forget();
    assert!(!format!("{answers:?}").contains(SECRET), "{answers:?}");
    answers
}

fn succeeded(aws: &LocalAws, digest: &str) {
    let [(action, params)] = answers(aws).try_into().unwrap();
    assert_eq!(
        (action.as_str(), &params["jobId"]),
        ("PutJobSuccessResult", &json!("job-1"))
    );
    assert_eq!(
        params["executionDetails"]["externalExecutionId"],
        "request-1"
    );
    assert_eq!(params["outputVariables"], json!({"digest": digest}));
    let summary = text(&params["executionDetails"]["summary"]);
    assert!(
        summary.starts_with(&format!("repo: {digest} ")) && summary.contains("tagged production"),
        "{summary}"
    );
}

/// Asserts that the pipeline was told of a failure once, and answers the message.
fn failed(aws: &LocalAws) -> String {
    let [(action, params)] = answers(aws).try_into().unwrap();
    assert_eq!(
        (action.as_str(), &params["jobId"]),
        ("PutJobFailureResult", &json!("job-1"))
    );
    let details = &params["failureDetails"];
    assert_eq!(
        (&details["type"], &details["externalExecutionId"]),
        (&json!("JobFailed"), &json!("request-1"))
    );
    text(&details["message"]).to_string()
}

#[test]
fn the_code_tags_what_was_built_among_older_and_newer_images_by_digest_and_by_tag() {
    let aws = LocalAws::start();
    aws.call(
        "ecr",
        "create_repository",
        json!({"repositoryName": "repo"}),
    );
    let images: Vec<String> = (0..5)
        .map(|n| image(&aws, n, &format!("commit{n}"), DOCKER))
        .collect();
    let ask = |n: usize| {
        asked(
            json!({"repository": "repo", "tag": format!("commit{n}"), "digest": images[n], "more": "is not read"}),
        )
    };

    aws.forget();
    let lines = run(&aws, &[ask(2)], &[]);
    assert!(
        lines[0].starts_with(&format!("repo: {} is tagged production", images[2])),
        "{lines:?}"
    );
    assert_eq!(tags_of(&aws, &images[2]), ["commit2", "production"]);
    let calls = aws.calls();
    let put = calls
        .iter()
        .find(|call| call["action"] == "PutImage")
        .unwrap();
    assert_eq!(put["params"]["imageManifestMediaType"], DOCKER);
    assert_eq!(put["params"]["imageDigest"], images[2].as_str());
    assert!(
        !calls.iter().any(|call| call["action"] == "DescribeImages"),
        "nothing is found by its age"
    );
    succeeded(&aws, &images[2]);

    // It moves, also back to an older one; what had it keeps its own tag.
    run(
        &aws,
        &[asked(json!({"repository": "repo", "tag": "commit4"}))],
        &[],
    );
    assert_eq!(
        (tags_of(&aws, &images[2]), tags_of(&aws, &images[4])),
        (
            vec!["commit2".into()],
            vec!["commit4".into(), "production".into()]
        )
    );
    succeeded(&aws, &images[4]);
    run(
        &aws,
        &[asked(json!({"repository": "repo", "digest": images[0]}))],
        &[],
    );
    assert_eq!(
        (tags_of(&aws, &images[4]), tags_of(&aws, &images[0])),
        (
            vec!["commit4".into()],
            vec!["commit0".into(), "production".into()]
        )
    );
    succeeded(&aws, &images[0]);

    // Once more is no failure.
    let lines = run(&aws, &[ask(0)], &[]);
    assert!(
        lines[0].contains("was tagged production already"),
        "{lines:?}"
    );
    succeeded(&aws, &images[0]);
}

#[test]
fn the_code_takes_every_kind_of_manifest_as_it_is() {
    let aws = LocalAws::start();
    aws.call(
        "ecr",
        "create_repository",
        json!({"repositoryName": "repo"}),
    );
    for (n, kind) in [
        DOCKER,
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    ]
    .into_iter()
    .enumerate()
    {
        let digest = image(&aws, n as u32, &format!("commit{n}"), kind);
        aws.forget();
        run(
            &aws,
            &[asked(
                json!({"repository": "repo", "tag": format!("commit{n}"), "digest": digest}),
            )],
            &[],
        );
        let calls = aws.calls();
        let of = |action: &str| {
            calls.iter().find(|call| call["action"] == action).unwrap()["params"].clone()
        };
        assert_eq!(of("PutImage")["imageManifestMediaType"], kind);
        let accepted = of("BatchGetImage")["acceptedMediaTypes"].clone();
        assert!(
            accepted.as_array().unwrap().contains(&json!(kind)),
            "{accepted}"
        );
        assert_eq!(
            tags_of(&aws, &digest),
            [format!("commit{n}"), "production".into()]
        );
    }
}

#[test]
fn the_code_tells_the_pipeline_why_an_image_is_not_tagged() {
    let aws = LocalAws::start();
    aws.call(
        "ecr",
        "create_repository",
        json!({"repositoryName": "repo"}),
    );
    let (one, other) = (
        image(&aws, 1, "one", DOCKER),
        image(&aws, 2, "other", DOCKER),
    );
    let unknown = format!("sha256:{}", "0".repeat(64));
    for (parameters, parts) in [
        (
            json!({"repository": "repo", "tag": "none"}),
            ["repo none", "ImageNotFound"],
        ),
        (
            json!({"repository": "repo", "digest": unknown}),
            [unknown.as_str(), "ImageNotFound"],
        ),
        (
            json!({"repository": "repo", "tag": "one", "digest": other}),
            ["one", "do not name one image"],
        ),
        (
            json!({"repository": "nobodys", "tag": "one"}),
            ["nobodys one", "RepositoryNotFoundException"],
        ),
    ] {
        aws.forget();
        let lines = run(&aws, &[asked(parameters)], &[]);
        let message = failed(&aws);
        assert!(message.starts_with("not tagged production: "), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(lines[0].starts_with(&message), "{lines:?}");
        assert!(!tags_of(&aws, &one).contains(&"production".into()));
    }

    // ECR refuses: there the tag may not move.
    aws.call(
        "ecr",
        "put_image_tag_mutability",
        json!({"repositoryName": "repo", "imageTagMutability": "IMMUTABLE"}),
    );
    run(
        &aws,
        &[asked(json!({"repository": "repo", "tag": "one"}))],
        &[],
    );
    succeeded(&aws, &one);
    run(
        &aws,
        &[asked(
            json!({"repository": "repo", "tag": "other", "digest": other}),
        )],
        &[],
    );
    let message = failed(&aws);
    assert!(
        message.contains("ImageTagAlreadyExistsException") && message.contains(&other),
        "{message}"
    );
}

#[test]
fn the_code_survives_every_malformed_job_and_answers_it() {
    let aws = LocalAws::start();
    let only = |configuration: Value| job("job-1", configuration);
    for (event, why) in [
        (
            only(json!({"FunctionName": NAME})),
            "no UserParameters that are a JSON object",
        ),
        (
            only(json!({"UserParameters": null})),
            "no UserParameters that are a JSON object",
        ),
        (
            only(json!({"UserParameters": {"repository": SECRET}})),
            "no UserParameters that are a JSON object",
        ),
        (
            only(json!(null)),
            "no UserParameters that are a JSON object",
        ),
        (
            json!({"CodePipeline.job": {"id": "job-1"}}),
            "no UserParameters that are a JSON object",
        ),
        (
            json!({"CodePipeline.job": {"id": "job-1", "data": SECRET}}),
            "no UserParameters that are a JSON object",
        ),
        (asked(json!("")), "no UserParameters that are a JSON object"),
        (
            asked(json!(SECRET)),
            "no UserParameters that are a JSON object",
        ),
        (
            asked(json!("[1]")),
            "no UserParameters that are a JSON object",
        ),
        (
            asked(json!("null")),
            "no UserParameters that are a JSON object",
        ),
        (
            asked(json!("[".repeat(1000))),
            "no UserParameters that are a JSON object",
        ),
        (
            asked(json!("9".repeat(1000))),
            "no UserParameters that are a JSON object",
        ),
        (asked(json!({})), "name no repository"),
        (
            asked(json!({"repository": "repo"})),
            "neither digest nor tag",
        ),
        (
            asked(json!({"repository": "repo", "tag": "", "digest": ""})),
            "neither digest nor tag",
        ),
        (asked(json!({"tag": "one"})), "name no repository"),
        (
            asked(json!({"repository": 5, "tag": "one"})),
            "no valid repository",
        ),
        (
            asked(json!({"repository": SECRET, "tag": "one"})),
            "no valid repository",
        ),
        (
            asked(json!({"repository": "repo", "tag": [SECRET]})),
            "no valid tag",
        ),
        (
            asked(json!({"repository": "repo", "tag": "#{Build.COMMIT}"})),
            "no valid tag",
        ),
        (
            asked(json!({"repository": "repo", "tag": "one", "digest": "sha256:5"})),
            "no valid digest",
        ),
        (
            asked(json!({"repository": "repo", "tag": "one", "digest": [5]})),
            "no valid digest",
        ),
    ] {
        aws.forget();
        run(&aws, std::slice::from_ref(&event), &[]);
        assert!(
            !aws.calls().iter().any(|call| call["service"] == "ecr"),
            "{event}"
        );
        let message = failed(&aws);
        assert!(message.contains(why), "{event}: {message}");
    }
}

#[test]
fn without_a_job_there_is_nobody_to_answer() {
    let aws = LocalAws::start();
    let events = [
        json!({}),
        json!([SECRET]),
        json!(SECRET),
        json!(null),
        json!({"CodePipeline.job": null}),
        json!({"CodePipeline.job": {}}),
        json!({"CodePipeline.job": {"id": null, "data": SECRET}}),
        json!({"CodePipeline.job": {"id": 7}}),
        json!({"CodePipeline.job": {"id": ""}}),
    ];
    let lines = run(&aws, &events, &[]);
    assert!(
        lines
            .iter()
            .all(|line| line == "no job of CodePipeline in the event: nothing was done"),
        "{lines:?}"
    );
    assert_eq!(aws.calls(), Vec::<Value>::new());
}

/// An AWS that answers each request with the next of these, and then with the last for ever; it tells
/// how often it was asked.
fn scripted(
    answers: Vec<(u16, Value)>,
) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let asked = count.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            read_request(&mut connection);
            let at = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let (status, body) = &answers[at.min(answers.len() - 1)];
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {status} x\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let _ = connection.write_all(format!("{head}{body}").as_bytes());
        }
    });
    (url, count)
}

fn read_request(connection: &mut TcpStream) {
    let (mut request, mut buffer) = (Vec::new(), [0; 65536]);
    loop {
        let read = connection.read(&mut buffer).unwrap_or_default();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap_or("0");
        if read == 0 || body.len() >= length.parse().unwrap() {
            return;
        }
    }
}

#[test]
fn the_code_answers_again_where_the_answer_is_throttled_and_ends_well_where_it_is_refused() {
    let aws = LocalAws::start();
    let throttled = (
        400,
        json!({"__type": "ThrottlingException", "message": "Rate exceeded"}),
    );
    let (url, asked_for) = scripted(vec![throttled, (200, json!({}))]);
    let lines = run(
        &aws,
        &[asked(json!("no"))],
        &[("AWS_ENDPOINT_URL_CODEPIPELINE", &url)],
    );
    assert_eq!(
        lines,
        ["not tagged production: the action has no UserParameters that are a JSON object"]
    );
    assert_eq!(asked_for.load(std::sync::atomic::Ordering::SeqCst), 2);

    let gone = (
        400,
        json!({"__type": "JobNotFoundException", "message": "no such job"}),
    );
    let (url, asked_for) = scripted(vec![gone]);
    let lines = run(
        &aws,
        &[asked(json!("no"))],
        &[("AWS_ENDPOINT_URL_CODEPIPELINE", &url)],
    );
    assert!(
        lines[0].ends_with("; the pipeline could not be told: JobNotFoundException: no such job"),
        "{lines:?}"
    );
    assert_eq!(asked_for.load(std::sync::atomic::Ordering::SeqCst), 1);

    let nowhere = [("AWS_ENDPOINT_URL_CODEPIPELINE", "http://127.0.0.1:9")];
    let lines = run(&aws, &[asked(json!("no"))], &nowhere);
    assert!(
        lines[0].ends_with("; the pipeline could not be told: EndpointConnectionError"),
        "{lines:?}"
    );
}

#[test]
fn the_code_waits_its_turn_where_ecr_throttles_it_and_tells_the_pipeline_where_that_lasts() {
    let aws = LocalAws::start();
    let digest = format!("sha256:{}", "a".repeat(64));
    let ask = asked(json!({"repository": "repo", "tag": "one", "digest": digest}));
    let throttled = || {
        (
            400,
            json!({"__type": "ThrottlingException", "message": "Rate exceeded"}),
        )
    };
    let id = json!({"imageDigest": digest, "imageTag": "one"});
    let found = (
        200,
        json!({"images": [{"imageId": id, "imageManifest": "{}", "imageManifestMediaType": DOCKER}], "failures": []}),
    );
    let (url, asked_for) = scripted(vec![
        throttled(),
        throttled(),
        found,
        throttled(),
        (200, json!({"image": {}})),
    ]);
    aws.forget();
    run(
        &aws,
        std::slice::from_ref(&ask),
        &[("AWS_ENDPOINT_URL_ECR", &url)],
    );
    succeeded(&aws, &digest);
    assert_eq!(asked_for.load(std::sync::atomic::Ordering::SeqCst), 5);

    let (url, _) = scripted(vec![throttled()]);
    run(&aws, &[ask], &[("AWS_ENDPOINT_URL_ECR", &url)]);
    let message = failed(&aws);
    assert!(
        message.ends_with(": ThrottlingException: Rate exceeded"),
        "{message}"
    );
}

#[test]
fn the_code_tells_the_pipeline_what_else_ecr_may_answer() {
    let aws = LocalAws::start();
    let digest = format!("sha256:{}", "a".repeat(64));
    let ask = asked(json!({"repository": "repo", "tag": "one", "digest": digest}));
    let failure = json!({"images": [], "failures": [{"imageId": {"imageDigest": digest, "imageTag": "one"}, "failureCode": "ImageTagDoesNotMatchDigest", "failureReason": "not that"}]});
    let denied = json!({"__type": "AccessDeniedException", "message": format!("not authorized\n{}", "x".repeat(6000))});
    for (answer, why) in [
        ((200, failure), "ImageTagDoesNotMatchDigest: not that"),
        ((200, json!({"images": []})), "do not name one image"),
        ((200, json!({})), "KeyError"),
        (
            (
                200,
                json!({"images": [{"imageId": {"imageDigest": digest}}]}),
            ),
            "KeyError",
        ),
        ((400, denied), "AccessDeniedException: not authorized"),
    ] {
        let (url, _) = scripted(vec![answer]);
        aws.forget();
        run(
            &aws,
            std::slice::from_ref(&ask),
            &[("AWS_ENDPOINT_URL_ECR", &url)],
        );
        let message = failed(&aws);
        let names = format!("not tagged production: repo {digest} one: ");
        assert!(
            message.starts_with(&names) && message.contains(why) && message.len() <= 5000,
            "{message}"
        );
    }
    run(
        &aws,
        &[ask],
        &[("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:9")],
    );
    assert!(failed(&aws).contains("EndpointConnectionError"));
}

#[test]
fn the_function_runs_as_it_was_made() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    aws.call(
        "ecr",
        "create_repository",
        json!({"repositoryName": "repo"}),
    );
    let digest = image(&aws, 1, "one", DOCKER);
    let event = asked(json!({"repository": "repo", "tag": "one", "digest": digest})).to_string();
    aws.forget();
    let ran = aws.call(
        "lambda",
        "invoke",
        json!({"FunctionName": NAME, "Payload": event, "LogType": "Tail"}),
    );
    assert_eq!(
        (&ran["FunctionError"], &ran["Payload"]),
        (&Value::Null, &json!("null")),
        "{ran}"
    );
    assert_eq!(tags_of(&aws, &digest), ["one", "production"]);
    let [(action, _)] = answers(&aws).try_into().unwrap();
    assert_eq!(action, "PutJobSuccessResult");
}

#[test]
fn ls_env_finds_the_functions_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let made = make(&aws, &records).ok().record("function", "web");
    make(
        &aws,
        &aws.pipe_with("mk-role | mk-logs", &wishes("pr2"))
            .ok()
            .stdout,
    )
    .ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let found = listed.record("function", "web");
    assert_eq!(
        (&found["arn"], &found["function"]),
        (&made["arn"], &made["function"])
    );
    assert_eq!(
        listed
            .records()
            .iter()
            .filter(|record| record["type"] == "function")
            .count(),
        1
    );

    let theirs = NAME.replace("pr1", "pr2");
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{theirs}");
    let theirs = json!({"type": "function", "name": "theirs", "arn": arn, "function": theirs});
    let deleted = aws.pipe_with(
        "rm-env --confirm production-pr1",
        &format!("{ENV}\n{found}\n{theirs}\n"),
    );
    assert_eq!(deleted.code, 1);
    let message = "function function-web-production-pr2 exists and is not tagged plumbline:env=production-pr1";
    assert!(deleted.stderr.contains(message), "{}", deleted.stderr);
    assert_eq!(deleted.record("function", "web")["change"], "deleted");
    assert_eq!(functions(&aws), 1, "that of pr2");
    // What is gone already counts as deleted.
    aws.pipe_with(
        "rm-env --confirm production-pr1",
        &format!("{ENV}\n{found}\n"),
    )
    .ok();
}
