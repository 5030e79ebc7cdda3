//! What the function's own code does with a job.

use support::{LocalAws, Value, json};

use crate::invoke::{
    DOCKER, answers, assert_failed, assert_succeeded, job, job_with, make_repository, put_image,
    run, tags_of,
};
use crate::{NAME, SECRET, make, records};

#[test]
fn the_code_tags_what_was_built_among_older_and_newer_images_by_digest_and_by_tag() {
    let aws = LocalAws::start();
    make_repository(&aws);
    let images: Vec<String> = (0..5)
        .map(|number| put_image(&aws, number, &format!("commit{number}"), DOCKER))
        .collect();

    aws.forget();
    let both =
        json!({"repository": "repo", "tag": "commit2", "digest": images[2], "more": "is not read"});
    let lines = run(&aws, &[job_with(both)], None);
    let beginning = format!("repo: {} is tagged production", images[2]);
    assert!(lines[0].starts_with(&beginning), "{lines:?}");
    assert_eq!(tags_of(&aws, &images[2]), ["commit2", "production"]);
    let calls = aws.calls();
    let put = calls.iter().find(|call| call["action"] == "PutImage");
    let params = &put.unwrap()["params"];
    assert_eq!(params["imageManifestMediaType"], DOCKER);
    assert_eq!(params["imageDigest"], images[2].as_str());
    for call in calls {
        let action = &call["action"];
        assert_ne!(action, "DescribeImages", "nothing is found by its age");
    }
    assert_succeeded(&aws, &images[2]);

    // The tag moves, also back to an older image; the one that had it keeps its own.
    let by_tag = json!({"repository": "repo", "tag": "commit4"});
    run(&aws, &[job_with(by_tag)], None);
    assert_eq!(tags_of(&aws, &images[2]), ["commit2"]);
    assert_eq!(tags_of(&aws, &images[4]), ["commit4", "production"]);
    assert_succeeded(&aws, &images[4]);
    let by_digest = json!({"repository": "repo", "digest": images[0]});
    run(&aws, &[job_with(by_digest)], None);
    assert_eq!(tags_of(&aws, &images[4]), ["commit4"]);
    assert_eq!(tags_of(&aws, &images[0]), ["commit0", "production"]);
    assert_succeeded(&aws, &images[0]);

    // Once more is no failure.
    let again =
        json!({"repository": "repo", "tag": "commit0", "digest": images[0], "more": "is not read"});
    let lines = run(&aws, &[job_with(again)], None);
    let line = &lines[0];
    assert!(line.contains("was tagged production already"), "{line}");
    assert_succeeded(&aws, &images[0]);
}

#[test]
fn the_code_takes_every_kind_of_manifest_as_it_is() {
    let aws = LocalAws::start();
    make_repository(&aws);
    let kinds = [
        DOCKER,
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let tag = format!("commit{number}");
        let digest = put_image(&aws, number, &tag, kind);
        aws.forget();
        let event = job_with(json!({"repository": "repo", "tag": tag, "digest": digest}));
        run(&aws, &[event], None);
        let put = params_of(&aws, "PutImage");
        assert_eq!(put["imageManifestMediaType"], kind);
        let accepted = params_of(&aws, "BatchGetImage")["acceptedMediaTypes"].clone();
        let accepted = accepted.as_array().unwrap();
        assert!(accepted.contains(&json!(kind)), "{accepted:?}");
        assert_eq!(tags_of(&aws, &digest), [tag.as_str(), "production"]);
    }
}

/// The parameters of the first call of an action.
fn params_of(aws: &LocalAws, action: &str) -> Value {
    let calls = aws.calls();
    let call = calls.iter().find(|call| call["action"] == action);
    call.unwrap()["params"].clone()
}

#[test]
fn the_code_tells_the_pipeline_why_an_image_is_not_tagged() {
    let aws = LocalAws::start();
    make_repository(&aws);
    let one = put_image(&aws, 1, "one", DOCKER);
    let other = put_image(&aws, 2, "other", DOCKER);
    let unknown = format!("sha256:{}", "0".repeat(64));
    for (parameters, image, why) in [
        (
            json!({"repository": "repo", "tag": "none"}),
            "repo none",
            "ImageNotFound",
        ),
        (
            json!({"repository": "repo", "digest": unknown}),
            unknown.as_str(),
            "ImageNotFound",
        ),
        (
            json!({"repository": "repo", "tag": "one", "digest": other}),
            "one",
            "do not name one image",
        ),
        (
            json!({"repository": "nobodys", "tag": "one"}),
            "nobodys one",
            "RepositoryNotFoundException",
        ),
    ] {
        aws.forget();
        let lines = run(&aws, &[job_with(parameters)], None);
        let message = assert_failed(&aws);
        assert!(message.starts_with("not tagged production: "), "{message}");
        assert!(
            message.contains(image) && message.contains(why),
            "{message}"
        );
        assert!(lines[0].starts_with(&message), "{lines:?}");
        assert!(!tags_of(&aws, &one).contains(&"production".into()));
    }
}

#[test]
fn the_code_tells_the_pipeline_that_ecr_does_not_let_the_tag_move() {
    let aws = LocalAws::start();
    make_repository(&aws);
    let one = put_image(&aws, 1, "one", DOCKER);
    let other = put_image(&aws, 2, "other", DOCKER);
    let immutable = json!({"repositoryName": "repo", "imageTagMutability": "IMMUTABLE"});
    aws.call("ecr", "put_image_tag_mutability", immutable);
    let first = json!({"repository": "repo", "tag": "one"});
    aws.forget();
    run(&aws, &[job_with(first)], None);
    assert_succeeded(&aws, &one);
    let second = json!({"repository": "repo", "tag": "other", "digest": other});
    run(&aws, &[job_with(second)], None);
    let message = assert_failed(&aws);
    assert!(
        message.contains("ImageTagAlreadyExistsException") && message.contains(&other),
        "{message}"
    );
}

#[test]
fn the_code_survives_every_job_without_parameters_and_answers_it() {
    let aws = LocalAws::start();
    for event in [
        job(json!({"FunctionName": NAME})),
        job(json!({"UserParameters": null})),
        job(json!({"UserParameters": {"repository": SECRET}})),
        job(json!(null)),
        json!({"CodePipeline.job": {"id": "job-1"}}),
        json!({"CodePipeline.job": {"id": "job-1", "data": SECRET}}),
        job_with(json!("")),
        job_with(json!(SECRET)),
        job_with(json!("[1]")),
        job_with(json!("null")),
        job_with(json!("[".repeat(1000))),
        job_with(json!("9".repeat(1000))),
    ] {
        assert_refuses(&aws, event, "no UserParameters that are a JSON object");
    }
}

#[test]
fn the_code_survives_every_malformed_job_and_answers_it() {
    let aws = LocalAws::start();
    for (parameters, why) in [
        (json!({}), "name no repository"),
        (json!({"tag": "one"}), "name no repository"),
        (json!({"repository": "repo"}), "neither digest nor tag"),
        (
            json!({"repository": "repo", "tag": "", "digest": ""}),
            "neither digest nor tag",
        ),
        (
            json!({"repository": 5, "tag": "one"}),
            "no valid repository",
        ),
        (
            json!({"repository": SECRET, "tag": "one"}),
            "no valid repository",
        ),
        (
            json!({"repository": "repo", "tag": [SECRET]}),
            "no valid tag",
        ),
        (
            json!({"repository": "repo", "tag": "#{Build.COMMIT}"}),
            "no valid tag",
        ),
        (
            json!({"repository": "repo", "tag": "one", "digest": "sha256:5"}),
            "no valid digest",
        ),
        (
            json!({"repository": "repo", "tag": "one", "digest": [5]}),
            "no valid digest",
        ),
    ] {
        assert_refuses(&aws, job_with(parameters), why);
    }
}

/// Asserts that the pipeline is told why a job is refused, and that nothing is asked of ECR.
#[track_caller]
fn assert_refuses(aws: &LocalAws, event: Value, why: &str) {
    aws.forget();
    run(aws, std::slice::from_ref(&event), None);
    for call in aws.calls() {
        assert_ne!(call["service"], "ecr", "{event}");
    }
    let message = assert_failed(aws);
    assert!(message.contains(why), "{event}: {message}");
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
    for line in run(&aws, &events, None) {
        assert_eq!(
            line,
            "no job of CodePipeline in the event: nothing was done"
        );
    }
    assert_eq!(aws.calls(), Vec::<Value>::new());
}

#[test]
fn the_function_runs_as_it_was_made() {
    let aws = LocalAws::start();
    let records = records(&aws);
    make(&aws, &records).ok();
    make_repository(&aws);
    let digest = put_image(&aws, 1, "one", DOCKER);
    let event = job_with(json!({"repository": "repo", "tag": "one", "digest": digest}));
    aws.forget();
    let params = json!({"FunctionName": NAME, "Payload": event.to_string(), "LogType": "Tail"});
    let ran = aws.call("lambda", "invoke", params);
    assert_eq!(ran["FunctionError"], Value::Null, "{ran}");
    assert_eq!(ran["Payload"], "null", "{ran}");
    assert_eq!(tags_of(&aws, &digest), ["one", "production"]);
    let [(action, _)] = answers(&aws).try_into().unwrap();
    assert_eq!(action, "PutJobSuccessResult");
}
