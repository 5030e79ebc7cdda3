//! A record of something that is this environment's is still refused where it says otherwise what that is.

use support::{ENV, LocalAws, Output, Value, json, text, tool_at};

/// The second name is so long that those of its load balancer and target group are cut.
const APPS: &str = r#"
    {"type":"app","name":"web","public":true,"calls":["recommendations"],"set":{"Api":"http://{alb.recommendations.dns}/"}}
    {"type":"app","name":"recommendations"}"#;
const UP: &str = "mk-vpc --nat single | mk-sg | mk-alb";

fn up(aws: &LocalAws, env: &str) -> Output {
    aws.pipe_with(UP, &format!("{env}{APPS}")).ok()
}

fn with(record: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut record = record.clone();
    record[field] = value.into();
    record.as_object_mut().unwrap().remove("change");
    record
}

/// Records that lie in one field, each with the tool that refuses it.
fn lies(ours: &Output, theirs: &Output) -> Vec<(&'static str, Value)> {
    let api = "recommendations";
    let vpc = ours.record("vpc", "main");
    let alb = ours.record("alb", api);
    let listener = ours.record("listener", api);
    let id_of = |name: &str| ours.record("sg", name)["id"].clone();
    let arn_of = |kind: &str| ours.record(kind, "web")["arn"].clone();
    let swapped = with(&vpc, "public_subnets", vpc["private_subnets"].clone());
    let swapped = with(&swapped, "private_subnets", vpc["public_subnets"].clone());
    let alb_of_web = id_of("alb/web");
    let task_of_web = ours.record("sg", "task/web");
    let group_of_web = arn_of("target_group");
    vec![
        ("mk-vpc", with(&vpc, "cidr", "0.0.0.0/0")),
        ("mk-vpc", swapped),
        ("mk-vpc", with(&vpc, "name", "other")),
        ("mk-sg", with(&task_of_web, "id", alb_of_web)),
        (
            "mk-sg",
            with(&task_of_web, "id", id_of("task/recommendations")),
        ),
        ("mk-alb", with(&alb, "dns", "evil.example")),
        ("mk-alb", with(&alb, "scheme", "internet-facing")),
        ("mk-alb", with(&alb, "arn", arn_of("alb"))),
        ("mk-alb", with(&listener, "target_group", group_of_web)),
        ("mk-alb", with(&listener, "port", 8080)),
        ("mk-alb", with(&theirs.record("alb", api), "name", api)),
        ("mk-alb", with(&theirs.record("listener", api), "name", api)),
        (
            "mk-alb",
            with(&theirs.record("target_group", api), "name", api),
        ),
    ]
}

#[test]
fn what_is_ours_is_believed_only_as_it_is() {
    let aws = LocalAws::start();
    let ours = up(&aws, ENV);
    let theirs = up(&aws, &ENV.replace("pr1", "pr2"));
    aws.forget();
    for (tool, lie) in lies(&ours, &theirs) {
        let key = format!("{} '{}'", text(&lie["type"]), text(&lie["name"]));
        let vpc = ours.record("vpc", "main");
        // A dry run believes no more.
        for env in [ENV.into(), ENV.replace("}}", "},\"plan\":true}")] {
            let mut input = format!("{env}\n{lie}\n");
            if tool == "mk-sg" {
                input += &format!("{vpc}\n");
            }
            input += APPS;
            let output = tool_at(&aws.url, tool, &[], input.as_bytes());
            let told = format!("{tool} was given {lie} and said {output:?}");
            assert_eq!(output.code, 65, "{told}");
            assert!(output.stderr.contains(&key), "{told}");
            assert!(!output.stdout.contains(&lie.to_string()), "{told}");
            assert_eq!(aws.changes(), Vec::<String>::new(), "{told}");
        }
    }
}

#[test]
fn a_saved_stream_goes_on_working_when_an_app_was_moved_since() {
    let aws = LocalAws::start();
    let saved = up(&aws, ENV);
    let moved = APPS.replace("\"name\":\"web\"", "\"name\":\"web\",\"port\":8080");
    let again = aws.pipe_with(UP, &format!("{}{moved}", saved.stdout)).ok();
    // Now the listener forwards to another target group, and the older one is there still.
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert_ne!(
        again.record("listener", "web"),
        saved.record("listener", "web")
    );
    aws.forget();
    for stream in [&saved, &again, &listed] {
        aws.pipe_with(UP, &format!("{}{moved}", stream.stdout)).ok();
        assert_eq!(aws.changes(), Vec::<String>::new());
    }
}

#[test]
fn a_connection_is_called_github_and_a_bucket_is_private_only_if_it_is_there() {
    let aws = LocalAws::start();
    let arn = "arn:aws:codeconnections:us-east-1:123456789012:connection/1";
    let connection = json!({"type": "connection", "name": "evil", "arn": arn, "status": "AVAILABLE", "adopted": true});
    let bucket = "bucket-123456789012-us-east-1-production-pr1";
    let bucket = json!({"type": "bucket", "name": "artifacts", "arn": format!("arn:aws:s3:::{bucket}"), "bucket": bucket, "encryption": "aws:kms"});
    for (tool, record) in [("mk-connection", connection), ("mk-bucket", bucket)] {
        let output = aws.pipe_with(tool, &format!("{ENV}\n{record}\n"));
        assert_eq!(output.code, 65, "{tool}: {}", output.stderr);
        assert_eq!(aws.changes(), Vec::<String>::new(), "{tool}");
    }
}

#[test]
fn what_is_unwanted_is_said_by_the_tool_that_sees_it() {
    let aws = LocalAws::start();
    let made = up(&aws, ENV);
    let mut forged = String::new();
    for (kind, name) in [("vpc", "main"), ("sg", "task/web"), ("alb", "web")] {
        let record = made.record(kind, name);
        let unwanted =
            json!({"type": "unwanted", "name": format!("{kind}/{name}"), "record": record});
        forged += &format!("{unwanted}\n");
    }
    aws.forget();
    let prune = format!("{UP} | prune-env --confirm production-pr1");
    let output = aws
        .pipe_with(&prune, &format!("{ENV}\n{forged}{APPS}"))
        .ok();
    assert!(!output.stdout.contains("unwanted"), "{}", output.stdout);
    assert_eq!(aws.changes(), Vec::<String>::new(), "{}", output.stderr);
}
