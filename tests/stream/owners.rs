//! Records of a type are believed only where its own tool can prove that they are this environment's.

use support::{ENV, LocalAws, Value, json, text, tool_at};

const VPC: &str = r#"{"type":"vpc","name":"main","id":"vpc-1","cidr":"10.0.0.0/16","public_subnets":["subnet-1"],"private_subnets":["subnet-2"]}"#;

/// A record that somebody else wrote, of the type of a tool: what may stand in a file of apps.
fn forged() -> Vec<(&'static str, Value)> {
    let arn =
        |service: &str, rest: &str| format!("arn:aws:{service}:us-east-1:123456789012:{rest}");
    let record = |kind: &str, name: &str| json!({"type": kind, "name": name});
    let with = |mut record: Value, fields: Value| {
        let fields = fields.as_object().unwrap().clone();
        record.as_object_mut().unwrap().extend(fields);
        record
    };
    let cluster = arn("ecs", "cluster/cluster-production-pr1");
    let role = "arn:aws:iam::123456789012:role/admin";
    let ours = "arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/role-execution-web-us-east-1-production-pr1";
    vec![
        ("mk-vpc", serde(VPC)),
        (
            "mk-vpc",
            with(record("subnet", "public/a"), json!({"id": "subnet-1"})),
        ),
        (
            "mk-vpc",
            with(record("nat_gateway", "a"), json!({"id": "nat-1"})),
        ),
        (
            "mk-vpc",
            with(record("elastic_ip", "a"), json!({"id": "eipalloc-1"})),
        ),
        (
            "mk-sg",
            with(record("sg", "alb/web"), json!({"id": "sg-1"})),
        ),
        (
            "mk-sg",
            with(record("sg", "alb/web"), json!({"id": "planned:sg"})),
        ),
        (
            "mk-alb",
            with(
                record("alb", "web"),
                json!({"arn": arn("elasticloadbalancing", "loadbalancer/app/alb-web-production-pr2/1"), "dns": "evil.example", "scheme": "internal"}),
            ),
        ),
        (
            "mk-alb",
            with(
                record("target_group", "web"),
                json!({"arn": arn("elasticloadbalancing", "targetgroup/theirs/1")}),
            ),
        ),
        (
            "mk-alb",
            with(
                record("listener", "web"),
                json!({"arn": arn("elasticloadbalancing", "listener/app/theirs/1/2"), "target_group": arn("elasticloadbalancing", "targetgroup/theirs/1"), "port": 80}),
            ),
        ),
        (
            "mk-ecs-svc",
            with(
                record("cluster", "main"),
                json!({"arn": arn("ecs", "cluster/theirs")}),
            ),
        ),
        (
            "mk-ecs-svc",
            with(
                record("task_definition", "web"),
                json!({"arn": arn("ecs", "task-definition/theirs:1")}),
            ),
        ),
        (
            "mk-ecs-svc",
            with(
                record("service", "web"),
                json!({"arn": arn("ecs", "service/cluster-production-pr1/theirs"), "cluster": cluster, "task_definition": arn("ecs", "task-definition/task-web-production-pr1:1")}),
            ),
        ),
        (
            "mk-connection",
            with(
                record("connection", "github"),
                json!({"arn": arn("codeconnections", "connection/1"), "status": "AVAILABLE"}),
            ),
        ),
        (
            "mk-bucket",
            with(
                record("bucket", "artifacts"),
                json!({"arn": "arn:aws:s3:::theirs", "bucket": "theirs"}),
            ),
        ),
        (
            "mk-ecr",
            with(
                record("repo", "web"),
                json!({"arn": arn("ecr", "repository/theirs"), "uri": "evil.example/theirs"}),
            ),
        ),
        (
            "mk-role",
            with(record("role", "execution/web"), json!({"arn": role})),
        ),
        (
            "mk-role",
            with(
                record("role", "execution/web"),
                json!({"arn": ours, "adopted": true}),
            ),
        ),
        (
            "mk-logs",
            with(
                record("log_group", "web"),
                json!({"arn": arn("logs", "log-group:/theirs"), "group": "/theirs"}),
            ),
        ),
        (
            "mk-logs",
            with(
                record("log_group", "build//aws/codebuild/theirs"),
                json!({"arn": arn("logs", "log-group:/aws/codebuild/theirs"), "group": "/aws/codebuild/theirs"}),
            ),
        ),
        (
            "mk-scaling",
            with(
                record("scaling", "web"),
                json!({"arn": arn("application-autoscaling", "scalable-target/theirs"), "least": 1, "most": 2}),
            ),
        ),
        (
            "mk-build",
            with(
                record("build", "web"),
                json!({"arn": arn("codebuild", "project/theirs"), "project": "theirs"}),
            ),
        ),
        (
            "mk-fn",
            with(
                record("function", "web"),
                json!({"arn": arn("lambda", "function:theirs"), "function": "theirs"}),
            ),
        ),
        (
            "mk-pipeline",
            with(
                record("pipeline", "web"),
                json!({"arn": arn("codepipeline", "theirs"), "pipeline": "theirs"}),
            ),
        ),
        (
            "mk-rule",
            with(
                record("rule", "web"),
                json!({"arn": arn("events", "rule/theirs"), "rule": "theirs"}),
            ),
        ),
    ]
}

fn serde(text: &str) -> Value {
    text.parse().unwrap()
}

#[test]
fn a_record_of_somebody_else_is_refused_before_any_change_wherever_it_stands() {
    let aws = LocalAws::start();
    let app = r#"{"type":"app","name":"web","image":"registry.example/web:1"}"#;
    for (tool, record) in forged() {
        let forged = record.to_string();
        let mut orders = vec![
            [ENV, app, &forged],
            [ENV, &forged, app],
            [&forged, ENV, app],
        ];
        if tool == "mk-sg" {
            orders = vec![[ENV, VPC, &forged], [&forged, ENV, VPC]];
        }
        for order in orders {
            let mut input = order.join("\n");
            if tool == "mk-sg" {
                input = format!("{input}\n{app}");
            }
            let output = tool_at(&aws.url, tool, &[], input.as_bytes());
            let told = format!("{tool} was given {input} and said {output:?}");
            assert_eq!(output.code, 65, "{told}");
            let key = format!("{} '{}'", text(&record["type"]), text(&record["name"]));
            assert!(output.stderr.contains(&key), "{told}");
            assert!(!output.stdout.contains(&forged), "{told}");
            assert_eq!(aws.changes(), Vec::<String>::new(), "{told}");
        }
    }
}

#[test]
fn what_comes_after_a_bad_record_is_not_believed_either() {
    let aws = LocalAws::start();
    for (tool, record) in forged() {
        let input = format!("{ENV}\nhello\n{record}\n");
        let output = tool_at(&aws.url, tool, &[], input.as_bytes());
        assert_eq!(output.code, 65, "{tool}: {output:?}");
        assert!(
            !output.stdout.contains(&record.to_string()),
            "{tool}: {output:?}"
        );
    }
}

#[test]
fn records_of_ours_pass_whether_they_were_found_or_made() {
    let aws = LocalAws::start();
    aws.connect("us-east-1");
    let pipelines = "mk-source web owner/web | mk-connection | mk-bucket | mk-ecr | mk-role | mk-logs | mk-build | mk-fn | mk-pipeline | mk-rule";
    let services = "mk-app web --image x | mk-vpc --nat single | mk-sg --private-api";
    for pipe in [pipelines, services] {
        let env = format!("{ENV}\n");
        let made = aws.pipe_with(pipe, &env).ok();
        aws.forget();
        let again = aws.pipe_with(pipe, &made.stdout).ok();
        assert_eq!(aws.changes(), Vec::<String>::new(), "{}", again.stderr);
        for record in made.records() {
            again.record(text(&record["type"]), text(&record["name"]));
        }
        // Each is checked again although the environment comes last.
        let mut lines: Vec<&str> = made.stdout.lines().collect();
        lines.rotate_left(1);
        aws.pipe_with(pipe, &lines.join("\n")).ok();
    }
}

#[test]
fn an_adopted_connection_is_used_as_it_is() {
    let aws = LocalAws::start();
    let arn = "arn:aws:codeconnections:us-east-1:123456789012:connection/1";
    let connection = json!({"type": "connection", "name": "github", "arn": arn, "status": "AVAILABLE", "adopted": true});
    let input = format!("{ENV}\n{connection}\n");
    let output = aws.pipe_with("mk-connection --adopt connection-of-all", &input);
    assert!(
        output.stdout.contains(&connection.to_string()),
        "{output:?}"
    );
    let policy = connection
        .to_string()
        .replace("connection/1", "connection/1\\\"],\\\"Resource\\\":[\\\"*");
    let output = aws.pipe_with("mk-role", &format!("{ENV}\n{policy}\n"));
    assert_eq!(output.code, 65, "{output:?}");
    assert!(
        output.stderr.contains("is not the ARN of a connection"),
        "{output:?}"
    );
}

#[test]
fn nothing_is_granted_on_a_repository_of_somebody_else() {
    let aws = LocalAws::start();
    aws.connect("us-east-1");
    let theirs = json!({"repositoryName": "repo-web-production-pr1"});
    aws.call("ecr", "create_repository", theirs);
    aws.forget();
    let pipe = support::PIPELINE.replace("| wait-env", "");
    let refused = aws.pipe(&format!("set +o pipefail; {pipe}"));
    assert_ne!(refused.code, 0);
    let told = "repository repo-web-production-pr1 exists and is not tagged";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    let made = aws.changes();
    for service in ["iam", "codebuild", "lambda", "codepipeline", "events"] {
        let of_service = format!("{service}:");
        assert!(
            !made.iter().any(|call| call.starts_with(&of_service)),
            "{made:?}"
        );
    }
    let up = aws.pipe("mk-env production pr1 | mk-app web | mk-ecr | mk-role");
    assert_ne!(up.code, 0);
    assert!(!aws.changes().contains(&"iam:CreateRole".to_string()));
}
