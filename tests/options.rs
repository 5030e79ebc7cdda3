//! All options of an app, together: each value of each with each of every other, in one environment, taken
//! through plan, up, once more, `ls-env`, and down.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::{BTreeMap, BTreeSet};

use support::{Account, ENV, LocalAws, UP, Value, json, list, text};

const DOWN: &str = "ls-env --env production-pr1 </dev/null | rm-env --confirm production-pr1";

/// The options, each with its values: the fields of an app that say it. The first says nothing.
fn options() -> Vec<Vec<Value>> {
    let none = || json!({});
    let statement = json!({"Effect": "Allow", "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:us-east-1:123456789012:jobs"});
    let agent = json!({"name": "agent", "image": "registry.example/agent:1", "essential": false,
        "check": "true", "memory": 64, "secrets": {"TOKEN": "/token"}, "set": {"A": "b"}});
    vec![
        vec![
            none(),
            json!({"public": true}),
            json!({"public": true, "from": ["203.0.113.0/24"]}),
            json!({"worker": true}),
            json!({"behind": "host"}),
        ],
        vec![
            none(),
            json!({"reach": ["tcp:5432=10.1.0.0/16", "udp:53=10.1.0.2/32"]}),
            json!({"reach": ["tcp:2049=10.1.0.0/16"],
                "mounts": ["fs-0a1b2c3d=/data", "fs-0a1b2c3d@fsap-0a1b2c3d=/own:ro"]}),
        ],
        vec![
            none(),
            json!({"health_codes": "200-399", "health_port": 9000}),
            json!({"health_interval": 30, "health_timeout": 10, "healthy_after": 3, "unhealthy_after": 5}),
        ],
        vec![
            none(),
            json!({"slow_start": 60, "sticky": 3600}),
            json!({"idle_timeout": 120, "drain": 5}),
        ],
        vec![none(), json!({"check": "true"}), json!({"live": "/live"})],
        vec![
            none(),
            json!({"command": ["serve", "--all"], "user": "1000:1000", "stop_timeout": 60}),
            json!({"entrypoint": ["/bin/app"], "own_init": true, "storage": 30}),
        ],
        vec![none(), json!({"writable": true}), json!({"tmp": 128})],
        vec![
            none(),
            json!({"containers": [agent], "after": {"agent": "HEALTHY"}}),
            json!({"ulimits": {"nofile": "4096:8192"}, "logs": "blocking"}),
        ],
        vec![
            none(),
            json!({"secrets": {"PASSWORD": "/password"}, "restart_on_change": true}),
            json!({"env_files": ["arn:aws:s3:::settings/app.env"]}),
        ],
        vec![none(), json!({"allow": [statement]})],
        vec![
            none(),
            json!({"scale": "2..4", "scale_on": {"cpu": 50, "memory": 70}}),
            json!({"scale": "2..6", "scale_on": {"requests": 100},
                "scale_at": ["cron(0 8 ? * MON-FRI *)=4..6"], "scale_zone": "Europe/Berlin"}),
            json!({"scale": "1..3", "scale_on": {"queue": "jobs:10"}}),
        ],
        vec![
            none(),
            json!({"spot": 50}),
            json!({"architecture": "ARM64", "set": {"A": "b"}}),
        ],
        vec![
            none(),
            json!({"rollback_on": ["5xx", "slow"]}),
            json!({"deploy": "blue-green", "bake": 0}),
            json!({"deploy": "linear", "deploy_percent": 50, "deploy_wait": 0, "bake": 1}),
            json!({"deploy": "canary", "deploy_wait": 1, "bake": 0, "rollback_on": ["5xx"]}),
        ],
    ]
}

/// Whether an app can have two fields at once: a worker has no load balancer, and an app behind another one
/// none of its own.
fn go_together(one: &Value, other: &Value) -> bool {
    let worker = json!({"worker": true});
    let of_load_balancer = |fields: &Value| {
        let fields = fields.to_string();
        [
            "health_",
            "slow_start",
            "idle_timeout",
            "requests",
            "deploy",
        ]
        .iter()
        .any(|word| fields.contains(word))
    };
    // AWS counts requests for one target group alone.
    let by_requests = |fields: &Value| fields.to_string().contains("requests");
    let shifts = |fields: &Value| fields.to_string().contains("deploy");
    if by_requests(one) && shifts(other) || by_requests(other) && shifts(one) {
        return false;
    }
    let behind = json!({"behind": "host"});
    let of_its_own =
        |fields: &Value| fields.get("idle_timeout").is_some() || fields.get("deploy").is_some();
    if *one == behind && of_its_own(other) || *other == behind && of_its_own(one) {
        return false;
    }
    !(*one == worker && of_load_balancer(other) || *other == worker && of_load_balancer(one))
}

/// Choices of one value of each option, such that each two values of two options that go together are in
/// one of them. Each takes, option by option, the value with which it has most pairs that no earlier one has.
fn pairwise(options: &[Vec<Value>]) -> Vec<Vec<usize>> {
    let mut left = BTreeSet::new();
    for (a, values) in options.iter().enumerate() {
        for (b, others) in options.iter().enumerate().skip(a + 1) {
            for (i, one) in values.iter().enumerate() {
                for (j, other) in others.iter().enumerate() {
                    if go_together(one, other) {
                        left.insert(((a, i), (b, j)));
                    }
                }
            }
        }
    }
    let pair = |a: (usize, usize), b: (usize, usize)| (a.min(b), a.max(b));
    let mut choices = Vec::new();
    while let Some(((a, i), (b, j))) = left.first().copied() {
        let mut chosen = vec![(a, i), (b, j)];
        for option in (0..options.len()).filter(|option| *option != a && *option != b) {
            let fits = |value: &usize| {
                let fields = &options[option][*value];
                chosen
                    .iter()
                    .all(|(o, v)| go_together(fields, &options[*o][*v]))
            };
            let gain = |value: &usize| {
                let new = chosen
                    .iter()
                    .filter(|known| left.contains(&pair(**known, (option, *value))));
                new.count()
            };
            let values = (0..options[option].len()).filter(fits);
            chosen.push((option, values.max_by_key(gain).unwrap()));
        }
        for (n, one) in chosen.iter().enumerate() {
            for other in &chosen[n + 1..] {
                left.remove(&pair(*one, *other));
            }
        }
        chosen.sort_unstable();
        choices.push(chosen.into_iter().map(|(_, value)| value).collect());
    }
    choices
}

/// An environment with an app for each choice.
fn stream() -> String {
    let options = options();
    let host = json!({"type": "app", "name": "host", "image": "registry.example/app:1"});
    let mut stream = format!("{ENV}\n{host}\n");
    for (n, choice) in pairwise(&options).into_iter().enumerate() {
        let mut app =
            json!({"type": "app", "name": format!("app{n}"), "image": "registry.example/app:1"});
        for (values, value) in options.iter().zip(choice) {
            app.as_object_mut()
                .unwrap()
                .extend(values[value].as_object().unwrap().clone());
        }
        if app.get("behind").is_some() {
            app["path"] = json!([format!("/app{n}/*")]);
        }
        stream += &format!("{app}\n");
    }
    stream
}

/// What the apps use that is not ours.
fn with_others_things() -> LocalAws {
    let aws = LocalAws::start();
    for name in ["/password", "/token"] {
        let parameter = json!({"Name": name, "Value": "secret", "Type": "SecureString"});
        aws.call("ssm", "put_parameter", parameter);
    }
    aws.call("s3", "create_bucket", json!({"Bucket": "settings"}));
    let file = json!({"Bucket": "settings", "Key": "app.env", "Body": "A=b\n"});
    aws.call("s3", "put_object", file);
    aws.call("sqs", "create_queue", json!({"QueueName": "jobs"}));
    for name in ["5xx", "slow"] {
        aws.make_alarm(name);
    }
    aws
}

#[test]
fn each_two_values_of_two_options_are_in_one_choice() {
    let options = options();
    let choices = pairwise(&options);
    for (a, values) in options.iter().enumerate() {
        for (b, others) in options.iter().enumerate().skip(a + 1) {
            for (i, one) in values.iter().enumerate() {
                for (j, other) in others.iter().enumerate() {
                    let together = choices
                        .iter()
                        .any(|choice| (choice[a], choice[b]) == (i, j));
                    assert_eq!(together, go_together(one, other), "{one} {other}");
                }
            }
        }
    }
    assert!(choices.len() <= 30, "{}", choices.len());
}

#[test]
fn all_options_together_are_planned_made_kept_listed_and_deleted() {
    let aws = with_others_things();
    let before = Account::new(&aws, "us-east-1").left();
    let stream = stream();
    let plan = stream.replacen("\"region\"", "\"plan\":true,\"region\"", 1);
    aws.pipe_with(UP, &plan).would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());

    let made = aws.pipe_with(UP, &stream).ok();
    aws.forget();
    let again = aws.pipe_with(UP, &stream).ok();
    assert_eq!(aws.changes(), Vec::<String>::new(), "{}", again.stderr);
    assert_eq!(made.keys(), again.keys());

    // What is found again from the name alone says the same of each app.
    let listed = format!("ls-env --env production-pr1 </dev/null | {UP}");
    let found = aws.pipe(&listed).ok();
    assert_eq!(aws.changes(), Vec::<String>::new(), "{}", found.stderr);

    aws.pipe(DOWN).ok();
    assert_eq!(Account::new(&aws, "us-east-1").left(), before);
}

/// How many of each kind an environment has, but of revisions: to older ones an app can be taken back.
fn kinds(aws: &LocalAws) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for one in Account::new(aws, "us-east-1").of_environment("production-pr1") {
        if !one.id.contains(":task-definition/") {
            *kinds.entry(one.kind).or_default() += 1;
        }
    }
    kinds
}

#[test]
fn options_that_are_left_out_are_taken_away() {
    let aws = with_others_things();
    let stream = stream();
    aws.pipe_with(UP, &stream).ok();
    let mut plain = format!("{ENV}\n");
    for line in stream.lines().skip(1) {
        let app: Value = line.parse().unwrap();
        let kept = [
            "type", "name", "image", "public", "from", "worker", "behind", "path",
        ];
        let mut fields = app.as_object().unwrap().clone();
        fields.retain(|field, _| kept.contains(&field.as_str()));
        plain += &format!("{}\n", Value::Object(fields));
    }
    let confirmed = UP.replace("prune-env", "prune-env --confirm production-pr1");
    aws.pipe_with(&confirmed, &plain).ok();
    let other = LocalAws::start();
    other.pipe_with(UP, &plain).ok();
    assert_eq!(kinds(&aws), kinds(&other));
    aws.forget();
    aws.pipe_with(UP, &plain).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

/// Who may come to the load balancer of app web, as the local AWS has it.
fn admitted(aws: &LocalAws) -> Vec<String> {
    let name = json!([{"Name": "group-name", "Values": ["security-group-alb-web-production-pr1"]}]);
    let found = aws.call("ec2", "describe_security_groups", json!({"Filters": name}));
    let rules = list(&found["SecurityGroups"][0]["IpPermissions"]).iter();
    let ranges = rules.flat_map(|rule| list(&rule["IpRanges"]));
    let mut ranges: Vec<String> = ranges.map(|one| text(&one["CidrIp"]).into()).collect();
    ranges.sort();
    ranges
}

#[test]
fn a_public_app_is_reached_from_the_ranges_alone_that_it_names() {
    let aws = LocalAws::start();
    let up = |more: &str| {
        let web = r#"{"type":"app","name":"web","image":"registry.example/app:1","public":true"#;
        aws.pipe_with(UP, &format!("{ENV}\n{web}{more}}}\n"))
    };
    up("").ok();
    assert_eq!(admitted(&aws), ["0.0.0.0/0"]);
    let some = r#","from":["203.0.113.0/24","198.51.100.7/32"]"#;
    up(some).ok();
    assert_eq!(admitted(&aws), ["198.51.100.7/32", "203.0.113.0/24"]);
    aws.forget();
    up(some).ok();
    let listed = aws
        .pipe(&format!("ls-env --env production-pr1 </dev/null | {UP}"))
        .ok();
    assert_eq!(aws.changes(), Vec::<String>::new(), "{}", listed.stderr);
    assert_eq!(
        listed.record("app", "web")["from"],
        json!(["198.51.100.7/32", "203.0.113.0/24"])
    );
    // What somebody opened by hand is closed again.
    let group = listed.record("sg", "alb/web")["id"].clone();
    let all = json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    let by_hand = json!({"GroupId": group, "IpPermissions": all});
    aws.call("ec2", "authorize_security_group_ingress", by_hand);
    up(some).ok();
    assert_eq!(admitted(&aws), ["198.51.100.7/32", "203.0.113.0/24"]);
    up("").ok();
    assert_eq!(admitted(&aws), ["0.0.0.0/0"]);
    let refused = up(r#","from":["sg-0a1b2c3d"]"#);
    assert!(
        refused.stderr.contains("is a security group"),
        "{}",
        refused.stderr
    );
}
