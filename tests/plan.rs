//! Dry runs: what a plan announces is what the run then does, on nothing, on a part and on the whole;
//! it changes nothing, and its exit code tells whether anything would change.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeMap;

use support::{DOWN, LocalAws, Output, Value, json, recipe, replaced, text, tool, tools};

/// Types and names of resources, each with what is done about it and how it differs.
type Story = BTreeMap<String, (String, Vec<(String, String, String)>)>;

/// What an output tells, in the words of a plan. IDs that a plan cannot know yet are left out of
/// both: of what a run makes, and of what it then refers to.
fn story(output: &Output) -> Story {
    let mut story = Story::new();
    for record in output
        .records()
        .iter()
        .filter(|record| record.get("change").is_some())
    {
        let word = match text(&record["change"]) {
            "created" => "create",
            "updated" => "update",
            "deleted" => "delete",
            word => word,
        };
        let part = |difference: &Value, field: &str| text(&difference[field]).to_string();
        let differences = record["changes"].as_array().into_iter().flatten();
        let differences = differences
            .map(|d| (part(d, "field"), part(d, "old"), part(d, "new")))
            .collect();
        // A record may come again with more in it; the last one counts.
        story.insert(
            format!("{} {}", text(&record["type"]), text(&record["name"])),
            (word.into(), differences),
        );
    }
    story
}

/// Asserts that a plan and the run after it tell the same.
fn same(planned: &Output, done: &Output) {
    let (mut planned, mut done) = (story(planned), story(done));
    for (key, (_, differences)) in &mut planned {
        let others = done
            .get_mut(key)
            .map(|(_, differences)| differences)
            .into_iter()
            .flatten();
        for (ours, theirs) in differences.iter_mut().zip(others) {
            if ours.2.contains("planned:") {
                theirs.2.clone_from(&ours.2);
            }
        }
    }
    assert_eq!(planned, done);
}

/// How many resources a plan keeps, creates, updates and deletes.
fn counts(planned: &Output) -> [usize; 4] {
    let story = story(planned);
    ["kept", "create", "update", "delete"]
        .map(|word| story.values().filter(|(other, _)| other == word).count())
}

/// What is not kept, in the order of their types.
fn changes(story: &Story) -> Vec<(&str, &str)> {
    let changes = story.iter().filter(|(_, (word, _))| word != "kept");
    changes
        .map(|(key, (word, _))| (key.as_str(), word.as_str()))
        .collect()
}

/// Plans and runs a recipe; both tell the same. Answers the plan.
fn agreed(aws: &LocalAws, plan: &str, run: &str) -> Output {
    aws.forget();
    let planned = aws.pipe(plan);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let done = aws.pipe(run).ok();
    same(&planned, &done);
    let [_, creates, updates, deletes] = counts(&planned);
    let expected = if creates + updates + deletes > 0 {
        10
    } else {
        0
    };
    assert_eq!(
        planned.code, expected,
        "{}\n{}",
        planned.stdout, planned.stderr
    );
    // And the run left nothing to do.
    aws.forget();
    let again = aws.pipe(plan);
    assert_eq!(
        (again.code, aws.changes()),
        (0, Vec::new()),
        "{}",
        again.stderr
    );
    assert_eq!(counts(&again)[1..], [0, 0, 0], "{:?}", story(&again));
    planned
}

fn services(aws: &LocalAws) -> Output {
    agreed(aws, &recipe(&["plan"], "pr1"), &recipe(&["up"], "pr1"))
}

/// The pipeline's recipes, in us-east-1.
fn pipeline(aws: &LocalAws) -> Output {
    let recipe = |name: &str| recipe(&["pipeline_region=us-east-1", name], "pr1");
    agreed(aws, &recipe("pipeline-plan"), &recipe("pipeline-up"))
}

#[test]
fn of_nothing_all_of_an_environment_is_announced_and_made() {
    let aws = LocalAws::start();
    let planned = services(&aws);
    let [kept, creates, updates, deletes] = counts(&planned);
    assert_eq!((kept, updates, deletes), (0, 0, 0));
    assert_eq!(creates, 34, "{:?}", story(&planned));
}

#[test]
fn on_the_network_alone_the_rest_is_announced_and_made() {
    let aws = LocalAws::start();
    aws.pipe(&format!(
        "mk-env production pr1 | {} | mk-vpc",
        support::APPS
    ))
    .ok();
    let [kept, creates, updates, _] = counts(&services(&aws));
    assert_eq!((kept, creates, updates), (13, 21, 0));
}

#[test]
fn after_hands_took_parts_away_their_return_is_announced() {
    let aws = LocalAws::start();
    let made = aws.pipe(&recipe(&["up"], "pr1")).ok();
    let id = |kind: &str, name: &str| made.record(kind, name)["id"].clone();
    let arn = |kind: &str, name: &str| made.record(kind, name)["arn"].clone();
    // A NAT gateway and a route; a log group, a repository, a rule; a listener; a service.
    aws.call(
        "ec2",
        "delete_nat_gateway",
        json!({"NatGatewayId": id("nat_gateway", "a")}),
    );
    let public = id("route_table", "public");
    aws.call(
        "ec2",
        "delete_route",
        json!({"RouteTableId": public, "DestinationCidrBlock": "0.0.0.0/0"}),
    );
    aws.call(
        "logs",
        "delete_log_group",
        json!({"logGroupName": "/ecs/production-pr1/web"}),
    );
    aws.call(
        "ecr",
        "delete_repository",
        json!({"repositoryName": "repo-api-production-pr1", "force": true}),
    );
    let http = json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    let group = id("sg", "alb/web");
    aws.call(
        "ec2",
        "revoke_security_group_ingress",
        json!({"GroupId": group, "IpPermissions": http}),
    );
    aws.call(
        "elbv2",
        "delete_listener",
        json!({"ListenerArn": arn("listener", "api")}),
    );
    let service =
        json!({"cluster": arn("cluster", "main"), "service": arn("service", "web"), "force": true});
    aws.call("ecs", "delete_service", service);
    std::thread::sleep(std::time::Duration::from_millis(300)); // the local AWS's moment
    let planned = services(&aws);
    let told = story(&planned);
    assert_eq!(
        changes(&told),
        [
            ("listener api", "create"),
            ("log_group web", "create"),
            ("nat_gateway a", "create"),
            ("repo api", "create"),
            ("route_table private-a", "update"),
            ("route_table public", "update"),
            ("service web", "create"),
            ("sg alb/web", "update"),
        ]
    );
}

#[test]
fn what_hands_changed_is_announced_field_by_field_with_old_and_new() {
    let aws = LocalAws::start();
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    aws.call(
        "logs",
        "put_retention_policy",
        json!({"logGroupName": "/ecs/production-pr1/web", "retentionInDays": 3}),
    );
    aws.call(
        "ecr",
        "delete_lifecycle_policy",
        json!({"repositoryName": "repo-web-production-pr1"}),
    );
    let tag = json!([{"Key": "Team", "Value": "nobody"}]);
    aws.call(
        "iam",
        "tag_role",
        json!({"RoleName": "role-execution-web-us-east-1-production-pr1", "Tags": tag}),
    );
    aws.call(
        "ecs",
        "update_service",
        json!({"cluster": "cluster-production-pr1", "service": "service-api-production-pr1", "desiredCount": 5}),
    );
    let planned = services(&aws);
    assert_eq!(counts(&planned)[1..], [0, 4, 0]);
    let told = story(&planned);
    let one = |field: &str, old: &str, new: &str| {
        vec![(field.to_string(), old.to_string(), new.to_string())]
    };
    assert_eq!(told["log_group web"].1, one("retention", "3", "30"));
    assert_eq!(
        told["role execution/web"].1,
        one("tag Team", "nobody", "devops")
    );
    assert_eq!(told["service api"].1, one("count", "5", "2"));
}

#[test]
fn what_is_asked_for_otherwise_is_announced_too() {
    let aws = LocalAws::start();
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    let other = |words: &[&str]| {
        let mut pipe = recipe(words, "pr1");
        for (old, new) in [
            ("--health /WeatherForecast", "--health /health"),
            ("web:1", "web:2"),
            ("mk-logs", "mk-logs --retention 7"),
        ] {
            pipe = replaced(&pipe, old, new);
        }
        pipe
    };
    let planned = agreed(
        &aws,
        &other(&["up", "--plan", "--tag", "Team=web"]),
        &other(&["up", "--tag", "Team=web"]),
    );
    let told = story(&planned);
    assert_eq!(
        told["target_group web"].1[0],
        ("tag Team".into(), "devops".into(), "web".into())
    );
    // Another health path is another target group, which the listener forwards to; the older one goes.
    assert_eq!(told["target_group api"].0, "create");
    let listener = &told["listener api"].1;
    let forwards = listener.iter().find(|(field, ..)| field == "forwards to");
    let (_, old, new) = forwards.unwrap();
    assert!(old.contains("targetgroup/tg-api-5000-1vx4-production-pr1/"));
    assert!(new.starts_with("planned:tg-api-5000-"), "{new}");
    let older = &told["surplus target_group/tg-api-5000-1vx4-production-pr1"];
    assert_eq!(older.0, "delete");
    let image = (
        "image".to_string(),
        "registry.example/web:1".to_string(),
        "registry.example/web:2".to_string(),
    );
    assert_eq!(told["task_definition web"].1[0], image);
    let kept: Vec<_> = told
        .iter()
        .filter(|(_, (word, _))| word == "kept")
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(kept, Vec::<&str>::new(), "the tag is everywhere");
}

#[test]
fn a_plan_refuses_what_the_run_would_refuse_in_the_same_words() {
    let aws = LocalAws::start();
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    let group = aws.call("elbv2", "describe_target_groups", json!({}))["TargetGroups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["TargetGroupName"] == "tg-api-5000-1vx4-production-pr1")
        .unwrap()["TargetGroupArn"]
        .clone();
    let identity = json!({"ResourceArns": [group], "TagKeys": ["plumbline:env"]});
    aws.call("elbv2", "remove_tags", identity);
    aws.forget();
    let other = |words: &[&str]| recipe(words, "pr1");
    let (planned, refused) = (aws.pipe(&other(&["plan"])), aws.pipe(&other(&["up"])));
    let said = |output: &Output| {
        let mut lines: Vec<String> = output
            .stderr
            .lines()
            .filter(|line| line.starts_with("mk-alb: target group"))
            .map(String::from)
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(said(&planned), said(&refused));
    let expected = "mk-alb: target group tg-api-5000-1vx4-production-pr1 is there, but not this environment's: it lacks the tag plumbline:env=production-pr1";
    assert_eq!(said(&planned), [expected]);
    assert_eq!(
        (planned.code, refused.code),
        (3, 3),
        "a fault wins over changes"
    );
}

#[test]
fn of_nothing_all_of_a_pipeline_is_announced_and_made() {
    let aws = LocalAws::start();
    // The person's click comes between the two halves of the first run.
    let planned = aws.pipe(&recipe(
        &["pipeline_region=us-east-1", "pipeline-plan"],
        "pr1",
    ));
    assert_eq!((planned.code, aws.changes()), (10, Vec::new()));
    assert_eq!(counts(&planned), [0, 13, 0, 0], "{:?}", story(&planned));
    aws.connect("us-east-1");
    let [kept, creates, updates, _] = counts(&pipeline(&aws));
    assert_eq!((kept, creates, updates), (1, 12, 0));
}

#[test]
fn after_hands_took_parts_of_a_pipeline_away_their_return_is_announced() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    aws.connect("us-east-1");
    pipeline(&aws);
    aws.call(
        "lambda",
        "delete_function",
        json!({"FunctionName": "function-web-production-pr1"}),
    );
    let role = "role-events-web-us-east-1-production-pr1";
    aws.call(
        "iam",
        "delete_role_policy",
        json!({"RoleName": role, "PolicyName": "events"}),
    );
    let targets = json!({"Rule": "rule-web-production-pr1", "Ids": ["pipeline"]});
    aws.call("events", "remove_targets", targets);
    let bucket = "bucket-123456789012-us-east-1-production-pr1";
    aws.call("s3", "delete_bucket_lifecycle", json!({"Bucket": bucket}));
    aws.call(
        "codebuild",
        "delete_project",
        json!({"name": "build-web-production-pr1"}),
    );
    let told = story(&pipeline(&aws));
    assert_eq!(
        changes(&told),
        [
            ("bucket artifacts", "update"),
            ("build web", "create"),
            ("function web", "create"),
            ("role events/web", "update"),
            ("rule web", "update"),
        ]
    );
}

#[test]
fn of_a_way_down_all_is_announced_that_then_goes() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    aws.connect("us-east-1");
    aws.pipe(&recipe(
        &["pipeline_region=us-east-1", "pipeline-up"],
        "pr1",
    ))
    .ok();
    aws.forget();
    let planned = aws
        .pipe("ls-env --env production-pr1 | rm-env --plan")
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let gone = aws.pipe(DOWN).ok();
    same(&planned, &gone);
    // One repository serves both.
    assert_eq!(counts(&planned), [0, 0, 0, 34 + 13 - 1]);
    // One after the other: on a busy machine rm-env would say that it waits for ls-env.
    let listed = aws.pipe("ls-env --env production-pr1").ok().stdout;
    let nothing = aws.pipe_with("rm-env --plan", &listed).ok();
    assert_eq!(
        nothing.stderr,
        "rm-env: nothing to delete of production-pr1 in us-east-1 of account 123456789012\n"
    );
}

#[test]
fn a_plan_of_the_way_down_calls_nothing_leaves_what_was_adopted_and_holds_for_what_follows() {
    let env = support::ENV;
    let adopted = r#"{"type":"connection","name":"github","arn":"arn:aws:codeconnections:us-east-1:123456789012:connection/1","status":"AVAILABLE","adopted":true}"#;
    let note = r#"{"type":"note","name":"mine","id":"1"}"#;
    let repo = r#"{"type":"repo","name":"web","arn":"arn:aws:ecr:us-east-1:123456789012:repository/r","uri":"u"}"#;
    let input = format!("{env}\n{adopted}\n{note}\n{repo}\n");
    let planned = support::tool("rm-env", &["--plan"], &input).would_change(); // every call would be refused
    let told: Vec<_> = story(&planned).into_keys().collect();
    assert_eq!(told, ["repo web"]);
    assert_eq!(planned.record("env", "production-pr1")["plan"], json!(true));
    let other = support::tool("rm-env", &["--plan", "--confirm", "production-pr2"], &input);
    assert_eq!(other.code, 2);
}

#[test]
fn each_partition_has_its_own_arns_and_hosts() {
    let aws = LocalAws::start();
    for (region, partition, suffix) in [
        ("ap-southeast-1", "aws", "amazonaws.com"),
        ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ] {
        let planned = aws.pipe(&format!(
            "mk-env production pr1 --plan --region {region} | mk-app web \
             | mk-ecr | mk-role | mk-logs"
        ));
        assert_eq!(planned.code, 10, "{region}: {planned:?}");
        let repo = planned.record("repo", "web");
        let host = format!("123456789012.dkr.ecr.{region}.{suffix}/");
        assert!(text(&repo["uri"]).starts_with(&host), "{repo}");
        let ours = format!("arn:{partition}:");
        for kind in ["repo", "role", "log_group"] {
            let records = planned.records();
            let record = records.iter().find(|record| record["type"] == kind);
            let arn = text(&record.unwrap()["arn"]);
            assert!(arn.starts_with(&ours), "{arn}");
        }
        for name in tools() {
            let policy = tool(&name, &["--iam-policy", "--region", region], "").ok();
            let arns = policy.stdout.split("\"arn:").skip(1);
            for arn in arns {
                assert!(arn.starts_with(&ours[4..]), "{name}: {arn}");
            }
        }
    }
}

#[test]
fn a_misspelt_field_of_an_app_is_told_once_and_passes_through() {
    let aws = LocalAws::start();
    let app = r#"{"type":"app","name":"web","pubilc":true,"image":"registry.example/web:1"}"#;
    let pipe = "mk-env production pr1 --plan | mk-vpc | mk-sg | mk-alb | mk-ecr | mk-role \
                | mk-logs | mk-ecs-svc";
    let planned = aws.pipe_with(pipe, app);
    assert_eq!(planned.code, 10, "{}", planned.stderr);
    let told = "app 'web': no tool knows the field 'pubilc' (did you mean 'public'?)";
    assert_eq!(
        planned.stderr.matches(told).count(),
        1,
        "{}",
        planned.stderr
    );
    assert_eq!(planned.record("app", "web")["pubilc"], json!(true));
}
