//! The function's own code in a real Python: what it is given, and what it answered.

use std::io::Write;
use std::process::{Command, Stdio};

use support::{LocalAws, Value, clean, json, root, text};

use crate::{NAME, SECRET};

pub const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Has the function handle each event of a list on stdin.
const HANDLE_EACH: &str = "import json, sys, types, index\nfor event in json.load(sys.stdin): assert index.handler(event, types.SimpleNamespace(aws_request_id='request-1')) is None";

/// Makes the repository `repo` in ECR.
pub fn make_repository(aws: &LocalAws) {
    let params = json!({"repositoryName": "repo"});
    aws.call("ecr", "create_repository", params);
}

/// Puts an image with one tag, and answers its digest; the number makes it another image.
pub fn put_image(aws: &LocalAws, number: usize, tag: &str, kind: &str) -> String {
    let digest = format!("sha256:{number:064x}");
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": {"mediaType": "x", "size": 1, "digest": digest}, "layers": []});
    let params = json!({"repositoryName": "repo", "imageManifest": manifest.to_string(), "imageManifestMediaType": kind, "imageTag": tag});
    let put = aws.call("ecr", "put_image", params);
    text(&put["image"]["imageId"]["imageDigest"]).to_string()
}

/// The tags that an image has.
pub fn tags_of(aws: &LocalAws, digest: &str) -> Vec<String> {
    let params = json!({"repositoryName": "repo", "imageIds": [{"imageDigest": digest}]});
    let images = aws.call("ecr", "describe_images", params)["imageDetails"].clone();
    let tags = images[0]["imageTags"].as_array().into_iter().flatten();
    let mut tags: Vec<String> = tags.map(|tag| text(tag).to_string()).collect();
    tags.sort_unstable();
    tags
}

/// A job as CodePipeline gives it, with its credentials.
pub fn job(configuration: Value) -> Value {
    let credentials =
        json!({"accessKeyId": SECRET, "secretAccessKey": SECRET, "sessionToken": SECRET});
    let artifact = json!({"name": SECRET, "revision": SECRET, "location": {"type": "S3", "s3Location": {"bucketName": SECRET, "objectKey": SECRET}}});
    json!({"CodePipeline.job": {"id": "job-1", "accountId": "123456789012", "data": {
        "actionConfiguration": {"configuration": configuration},
        "inputArtifacts": [artifact], "outputArtifacts": [], "artifactCredentials": credentials,
    }}})
}

/// A job with these UserParameters: a text as it is, else as JSON.
pub fn job_with(parameters: Value) -> Value {
    let text = match parameters.as_str() {
        Some(text) => text.to_string(),
        None => parameters.to_string(),
    };
    job(json!({"FunctionName": NAME, "UserParameters": text}))
}

/// Runs the shipped code for each event in one Python, and answers its lines: one for each. An
/// endpoint of a service's own is given by its variable.
pub fn run(aws: &LocalAws, events: &[Value], endpoint: Option<(&str, &str)>) -> Vec<String> {
    let mut command = Command::new(root().join(".venv/bin/python"));
    command.args(["-c", HANDLE_EACH]);
    let mut child = clean(command, &aws.url)
        .env("PYTHONPATH", root().join("tools/mk-fn/function"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .envs(endpoint)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = Value::from(events).to_string();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    assert!(!out.contains(SECRET), "{out}");
    let lines: Vec<String> = out.lines().map(String::from).collect();
    assert_eq!(lines.len(), events.len(), "{out}");
    lines
}

/// What the pipeline was answered since the last time, each answer once: a refused one may be
/// repeated.
pub fn answers(aws: &LocalAws) -> Vec<(String, Value)> {
    let mut answers = Vec::new();
    for call in aws.calls() {
        if call["service"] == "codepipeline" {
            let action = text(&call["action"]).to_string();
            answers.push((action, call["params"].clone()));
        }
    }
    answers.dedup();
    aws.forget();
    assert!(!format!("{answers:?}").contains(SECRET), "{answers:?}");
    answers
}

/// Asserts that the pipeline was answered a success once, with this digest.
#[track_caller]
pub fn assert_succeeded(aws: &LocalAws, digest: &str) {
    let [(action, params)] = answers(aws).try_into().unwrap();
    assert_eq!(action, "PutJobSuccessResult");
    assert_eq!(params["jobId"], "job-1");
    assert_eq!(params["outputVariables"], json!({"digest": digest}));
    let details = &params["executionDetails"];
    assert_eq!(details["externalExecutionId"], "request-1");
    let summary = text(&details["summary"]);
    let beginning = format!("repo: {digest} ");
    assert!(
        summary.starts_with(&beginning) && summary.contains("tagged production"),
        "{summary}"
    );
}

/// Asserts that the pipeline was answered a failure once, and answers the message.
#[track_caller]
pub fn assert_failed(aws: &LocalAws) -> String {
    let [(action, params)] = answers(aws).try_into().unwrap();
    assert_eq!(action, "PutJobFailureResult");
    assert_eq!(params["jobId"], "job-1");
    let details = &params["failureDetails"];
    assert_eq!(details["type"], "JobFailed");
    assert_eq!(details["externalExecutionId"], "request-1");
    text(&details["message"]).to_string()
}
