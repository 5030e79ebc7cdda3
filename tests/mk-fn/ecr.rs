//! What the function's own code does where ECR or CodePipeline throttles it, refuses or is silent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use support::{LocalAws, Value, json};

use crate::invoke::{DOCKER, assert_failed, assert_succeeded, job_with, run};

/// The variables that name an endpoint of a service's own.
const CODEPIPELINE: &str = "AWS_ENDPOINT_URL_CODEPIPELINE";
const ECR: &str = "AWS_ENDPOINT_URL_ECR";
/// Where nobody answers.
const NOWHERE: &str = "http://127.0.0.1:9";

/// An AWS that answers each request with the next of some answers, and then with the last for ever.
struct Scripted {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Scripted {
    /// Answers these, each a status and a body.
    fn start(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                read_request(&mut connection);
                let index = count.fetch_add(1, Ordering::SeqCst);
                let (status, body) = &answers[index.min(answers.len() - 1)];
                write_answer(&mut connection, *status, &body.to_string());
            }
        });
        Scripted { url, asked }
    }

    /// How often it was asked.
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn read_request(connection: &mut TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let read = connection.read(&mut buffer).unwrap_or_default();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lines = head.lines();
        let length = lines.find_map(|line| line.strip_prefix("content-length: "));
        let length = length.unwrap_or("0").parse().unwrap();
        if read == 0 || body.len() >= length {
            return;
        }
    }
}

fn write_answer(connection: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    let _ = connection.write_all(format!("{head}{body}").as_bytes());
}

fn throttled() -> (u16, Value) {
    let body = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
    (400, body)
}

#[test]
fn the_code_answers_again_where_the_answer_is_throttled_and_ends_well_where_it_is_refused() {
    let aws = LocalAws::start();
    let malformed = [job_with(json!("no"))];
    let pipeline = Scripted::start(vec![throttled(), (200, json!({}))]);
    let lines = run(&aws, &malformed, Some((CODEPIPELINE, &pipeline.url)));
    assert_eq!(
        lines,
        ["not tagged production: the action has no UserParameters that are a JSON object"]
    );
    assert_eq!(pipeline.asked(), 2);

    let no_such_job = json!({"__type": "JobNotFoundException", "message": "no such job"});
    let pipeline = Scripted::start(vec![(400, no_such_job)]);
    let lines = run(&aws, &malformed, Some((CODEPIPELINE, &pipeline.url)));
    let end = "; the pipeline could not be told: JobNotFoundException: no such job";
    assert!(lines[0].ends_with(end), "{lines:?}");
    assert_eq!(pipeline.asked(), 1);

    let lines = run(&aws, &malformed, Some((CODEPIPELINE, NOWHERE)));
    let end = "; the pipeline could not be told: EndpointConnectionError";
    assert!(lines[0].ends_with(end), "{lines:?}");
}

#[test]
fn the_code_waits_its_turn_where_ecr_throttles_it_and_tells_the_pipeline_where_that_lasts() {
    let aws = LocalAws::start();
    let digest = format!("sha256:{}", "a".repeat(64));
    let event = [job_with(
        json!({"repository": "repo", "tag": "one", "digest": digest}),
    )];
    let id = json!({"imageDigest": digest, "imageTag": "one"});
    let image = json!({"imageId": id, "imageManifest": "{}", "imageManifestMediaType": DOCKER});
    let ecr = Scripted::start(vec![
        throttled(),
        throttled(),
        (200, json!({"images": [image], "failures": []})),
        throttled(),
        (200, json!({"image": {}})),
    ]);
    aws.forget();
    run(&aws, &event, Some((ECR, &ecr.url)));
    assert_succeeded(&aws, &digest);
    assert_eq!(ecr.asked(), 5);

    let ecr = Scripted::start(vec![throttled()]);
    run(&aws, &event, Some((ECR, &ecr.url)));
    let message = assert_failed(&aws);
    let end = ": ThrottlingException: Rate exceeded";
    assert!(message.ends_with(end), "{message}");
}

#[test]
fn the_code_tells_the_pipeline_what_else_ecr_may_answer() {
    let aws = LocalAws::start();
    let digest = format!("sha256:{}", "a".repeat(64));
    let event = [job_with(
        json!({"repository": "repo", "tag": "one", "digest": digest}),
    )];
    let id = json!({"imageDigest": digest, "imageTag": "one"});
    let failure = json!({"imageId": id, "failureCode": "ImageTagDoesNotMatchDigest", "failureReason": "not that"});
    let failure = json!({"images": [], "failures": [failure]});
    let no_manifest = json!({"images": [{"imageId": {"imageDigest": digest}}]});
    let long = format!("not authorized\n{}", "x".repeat(6000));
    let denied = json!({"__type": "AccessDeniedException", "message": long});
    for (status, body, why) in [
        (200, failure, "ImageTagDoesNotMatchDigest: not that"),
        (200, json!({"images": []}), "do not name one image"),
        (200, json!({}), "KeyError"),
        (200, no_manifest, "KeyError"),
        (400, denied, "AccessDeniedException: not authorized"),
    ] {
        let ecr = Scripted::start(vec![(status, body)]);
        aws.forget();
        run(&aws, &event, Some((ECR, &ecr.url)));
        let message = assert_failed(&aws);
        let beginning = format!("not tagged production: repo {digest} one: ");
        assert!(message.starts_with(&beginning), "{message}");
        assert!(message.contains(why), "{message}");
        assert!(message.len() <= 5000, "{message}");
    }
    run(&aws, &event, Some((ECR, NOWHERE)));
    assert!(assert_failed(&aws).contains("EndpointConnectionError"));
}
