//! An app whose port, health path or scheme changes while it runs: what is made beside what it has,
//! how the requests follow its tasks, and what goes at the end.

use std::sync::Arc;
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use support::{ENV, LocalAws, Output, Value, json, recipe, text};

use crate::elb::{call, listeners, load_balancers, pairs, target_groups};
use crate::input::{UPSTREAM, dry_run, upstream};

const RM_ENV: &str = "rm-env --confirm production-pr1";
/// What a test waits for at the most.
const PATIENCE: Duration = Duration::from_secs(60);

/// The input with another value of a field of app web.
fn with_web(input: &str, old: &str, new: &str) -> String {
    let mut changed = String::new();
    for line in input.lines() {
        if line.contains(r#""type":"app","name":"web""#) {
            assert!(line.contains(old), "{line}");
            changed += &line.replace(old, new);
        } else {
            changed += line;
        }
        changed.push('\n');
    }
    changed
}

fn with_port(input: &str) -> String {
    with_web(input, r#""port":5000"#, r#""port":8080"#)
}

/// Makes a task of an app as ECS does.
fn register(aws: &LocalAws, target_group: &Value, address: &str) {
    let targets = json!([{"Id": address, "Port": 5000}]);
    let params = json!({"TargetGroupArn": target_group, "Targets": targets});
    call(aws, "register_targets", params);
}

fn deregister(aws: &LocalAws, target_group: &Value, address: &str) {
    let targets = json!([{"Id": address}]);
    let params = json!({"TargetGroupArn": target_group, "Targets": targets});
    call(aws, "deregister_targets", params);
}

/// The shares of the target groups that the listener on port 80 forwards to, by the names of the groups.
fn shares(aws: &LocalAws, load_balancer: &Value) -> Vec<(String, i64)> {
    let found = listeners(aws, load_balancer);
    let serving = found
        .iter()
        .find(|listener| listener["Port"] == 80)
        .unwrap();
    let action = &serving["DefaultActions"][0];
    let mut shares = Vec::new();
    if let Some(groups) = action["ForwardConfig"]["TargetGroups"].as_array() {
        for group in groups {
            let weight = group["Weight"].as_i64().unwrap_or(1);
            shares.push((name_in(&group["TargetGroupArn"]), weight));
        }
    }
    if shares.is_empty() {
        shares.push((name_in(&action["TargetGroupArn"]), 1));
    }
    shares.sort();
    shares
}

fn name_in(arn: &Value) -> String {
    text(arn).rsplit('/').nth(1).unwrap().to_string()
}

/// Waits until the shares are these.
fn wait_shares(aws: &LocalAws, load_balancer: &Value, expected: &[(&str, i64)]) {
    let begun = Instant::now();
    loop {
        let now = shares(aws, load_balancer);
        let now: Vec<(&str, i64)> = now.iter().map(|(name, share)| (&**name, *share)).collect();
        if now == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{now:?}, not {expected:?}");
        sleep(Duration::from_millis(50));
    }
}

/// The ARN of the target group of a name.
fn arn_of(aws: &LocalAws, name: &str) -> Value {
    let all = target_groups(aws);
    let mut all = all.as_array().unwrap().iter();
    let found = all.find(|group| group["TargetGroupName"] == name);
    found.unwrap_or_else(|| panic!("no {name}"))["TargetGroupArn"].clone()
}

/// Runs a pipe beside the test.
fn begin(aws: &Arc<LocalAws>, pipe: &str, input: &str) -> JoinHandle<Output> {
    let here = aws.clone();
    let pipe = pipe.to_string();
    let input = input.to_string();
    std::thread::spawn(move || here.pipe_with(&pipe, &input))
}

/// All load balancers, listeners and target groups, without IDs and times, to compare with those that a
/// fresh run makes.
fn state(aws: &LocalAws) -> Vec<String> {
    let mut state = Vec::new();
    for load_balancer in load_balancers(aws).as_array().unwrap() {
        let name = text(&load_balancer["LoadBalancerName"]);
        state.push(format!("{name} {}", load_balancer["Scheme"]));
        for listener in listeners(aws, &load_balancer["LoadBalancerArn"]) {
            let shares = shares(aws, &load_balancer["LoadBalancerArn"]);
            let action = listener["DefaultActions"][0].as_object().unwrap();
            let fields: Vec<&String> = action.keys().collect();
            state.push(format!("{name}:{} {shares:?} {fields:?}", listener["Port"]));
        }
    }
    for group in target_groups(aws).as_array().unwrap() {
        let name = text(&group["TargetGroupName"]);
        let used_by = group["LoadBalancerArns"].as_array().unwrap();
        let used_by: Vec<String> = used_by.iter().map(name_in).collect();
        let path = &group["HealthCheckPath"];
        state.push(format!("{name} {} {path} {used_by:?}", group["Port"]));
    }
    state.sort();
    state
}

/// What a fresh run makes of an input with other names of what is upstream.
fn fresh(change: impl Fn(&str) -> String) -> Vec<String> {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = change(&upstream(&aws, UPSTREAM));
    aws.pipe_with("mk-alb", &input).ok();
    state(&aws)
}

/// The surplus records, by their names.
fn surplus(output: &Output) -> Vec<String> {
    names_of(output, "surplus")
}

fn names_of(output: &Output, kind: &str) -> Vec<String> {
    let mut names = Vec::new();
    for record in output.records() {
        if record["type"] == kind {
            names.push(text(&record["name"]).to_string());
        }
    }
    names.sort();
    names.dedup();
    names
}

const OLD: &str = "tg-web-5000-production-pr1";
const NEW: &str = "tg-web-8080-production-pr1";

/// What mk-ecs-svc tells of web's service: it moves the tasks, here the test itself.
fn service_of_web(count: u32) -> String {
    let service = json!({
        "type": "service", "name": "web", "count": count, "task_definition": "x",
        "arn": "arn:aws:ecs:us-east-1:123456789012:service/cluster-production-pr1/service-web-production-pr1",
        "cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/cluster-production-pr1",
    });
    format!("{service}\n")
}

#[test]
fn requests_follow_the_tasks_to_a_target_group_of_another_port() {
    let aws = Arc::new(LocalAws::start_with(&["--moment", "0"]));
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let alb = &made.record("alb", "web")["arn"];
    let old = &made.record("target_group", "web")["arn"];
    register(&aws, old, "10.0.0.1");
    register(&aws, old, "10.0.0.2");
    // ECS takes the new one, since it is attached; nobody is in there, so it gets no request.
    let moved = aws.pipe_with("mk-alb", &with_port(&input)).ok();
    assert_eq!(shares(&aws, alb), [(OLD.into(), 1), (NEW.into(), 0)]);
    let new = arn_of(&aws, NEW);
    let listener = moved.record("listener", "web");
    assert_eq!(listener["target_group"], new);
    assert_eq!(listener["moves_from"], json!([old]));
    assert_eq!(surplus(&moved), [format!("target_group/{OLD}")]);

    let run = begin(&aws, "prune-env", &(moved.stdout + &service_of_web(2)));
    register(&aws, &new, "10.0.0.3");
    wait_shares(&aws, alb, &[(OLD, 2), (NEW, 1)]);
    // Still there: ECS stops none of the old ones before all new ones are healthy.
    register(&aws, &new, "10.0.0.4");
    wait_shares(&aws, alb, &[(OLD, 0), (NEW, 1)]);
    assert!(!run.is_finished());
    // A deployment that fails after all goes back.
    deregister(&aws, &new, "10.0.0.3");
    deregister(&aws, &new, "10.0.0.4");
    wait_shares(&aws, alb, &[(OLD, 1), (NEW, 0)]);
    register(&aws, &new, "10.0.0.5");
    register(&aws, &new, "10.0.0.6");
    wait_shares(&aws, alb, &[(OLD, 0), (NEW, 1)]);
    deregister(&aws, old, "10.0.0.1");
    deregister(&aws, old, "10.0.0.2");
    let pruned = run.join().unwrap().ok();
    let record = pruned.record("surplus", &format!("target_group/{OLD}"));
    assert_eq!(record["change"], "deleted");
    assert_eq!(state(&aws), fresh(with_port));
    aws.forget();
    aws.pipe_with("mk-alb | prune-env", &with_port(&input)).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn an_app_that_is_to_have_fewer_tasks_gets_its_requests_with_these() {
    let aws = Arc::new(LocalAws::start_with(&["--moment", "0"]));
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let alb = &made.record("alb", "web")["arn"];
    let old = &made.record("target_group", "web")["arn"];
    let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    addresses.iter().for_each(|one| register(&aws, old, one));
    let moved = aws.pipe_with("mk-alb", &with_port(&input)).ok();
    let run = begin(&aws, "prune-env", &(moved.stdout + &service_of_web(1)));
    register(&aws, &arn_of(&aws, NEW), "10.0.0.4");
    wait_shares(&aws, alb, &[(OLD, 0), (NEW, 1)]);
    addresses.iter().for_each(|one| deregister(&aws, old, one));
    run.join().unwrap().ok();
}

#[test]
fn where_nothing_moves_the_tasks_nobody_waits_for_them() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let alb = &made.record("alb", "web")["arn"];
    let old = &made.record("target_group", "web")["arn"];
    register(&aws, old, "10.0.0.1");
    let begun = Instant::now();
    let stays = aws.pipe_with("mk-alb | prune-env", &with_port(&input));
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    let line = "prune-env: app web stays in its older target group: nothing in the pipe moves its tasks\n  try: mk-ecs-svc";
    assert!(stays.stderr.contains(line), "{}", stays.stderr);
    assert_eq!(stays.code, 75);
    assert_eq!(shares(&aws, alb), [(OLD.into(), 1), (NEW.into(), 0)]);
    // ECS moves them after all, and the next run finds it done.
    register(&aws, &arn_of(&aws, NEW), "10.0.0.3");
    deregister(&aws, old, "10.0.0.1");
    let mended = aws.pipe_with("mk-alb", &with_port(&input)).ok();
    assert_eq!(shares(&aws, alb), [(OLD.into(), 0), (NEW.into(), 1)]);
    assert_eq!(mended.record("listener", "web")["moves_from"], Value::Null);
    aws.forget();
    let again = aws.pipe_with("mk-alb", &with_port(&input)).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("listener", "web")["change"], "kept");
    aws.pipe_with("prune-env", &again.stdout).ok();
    assert_eq!(state(&aws), fresh(with_port));
}

#[test]
fn another_health_path_is_another_target_group_and_without_tasks_nothing_is_waited_for() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    let change = |input: &str| input.replace("/WeatherForecast", "/healthz");
    let moved = aws.pipe_with("mk-alb", &change(&input)).ok();
    let group = moved.record("target_group", "api");
    assert_eq!(
        (&group["change"], &group["health"]),
        (&json!("created"), &json!("/healthz"))
    );
    assert_eq!(moved.record("alb", "api")["change"], "kept");
    assert_eq!(
        moved.record("listener", "api")["target_group"],
        group["arn"]
    );
    let alb = &moved.record("alb", "api")["arn"];
    let total: i64 = shares(&aws, alb).iter().map(|(_, share)| share).sum();
    assert_eq!((shares(&aws, alb).len(), total), (2, 1));
    aws.pipe_with("prune-env", &moved.stdout).ok();
    assert_eq!(state(&aws), fresh(change));

    // And back.
    aws.pipe_with("mk-alb | prune-env", &input).ok();
    assert_eq!(state(&aws), fresh(str::to_string));
}

#[test]
fn another_scheme_is_another_load_balancer_and_the_older_one_goes_at_the_end() {
    let aws = Arc::new(LocalAws::start_with(&["--moment", "0"]));
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let private = |input: &str| with_web(input, r#""public":true"#, r#""public":false"#);
    aws.forget();
    let moved = aws.pipe_with("mk-alb", &private(&input)).ok();
    let of_elb = |kind: &str| format!("elasticloadbalancing:{kind}");
    let mut changes = aws.changes();
    changes.retain(|change| change.contains("Delete") || change.contains("Listener"));
    assert_eq!(changes, [of_elb("CreateListener")], "the older one stays");
    let alb = moved.record("alb", "web");
    assert_eq!(
        (&alb["change"], &alb["scheme"]),
        (&json!("created"), &json!("internal"))
    );
    let names = ["alb/alb-web-production-pr1", &format!("target_group/{OLD}")];
    assert_eq!(surplus(&moved), names);

    // A task has its last requests there: it is waited for.
    let old = &made.record("target_group", "web")["arn"];
    register(&aws, old, "10.0.0.1");
    let run = begin(&aws, "prune-env", &moved.stdout);
    sleep(Duration::from_secs(1));
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 3);
    deregister(&aws, old, "10.0.0.1");
    run.join().unwrap().ok();
    assert_eq!(state(&aws), fresh(private));

    // And back: private to public.
    let back = aws.pipe_with("mk-alb | prune-env", &input).ok();
    assert_eq!(back.record("alb", "web")["scheme"], "internet-facing");
    assert_eq!(state(&aws), fresh(str::to_string));
}

#[test]
fn a_run_that_is_killed_at_any_change_is_completed_by_the_next() {
    let change = |input: &str| {
        let input = with_port(input).replace("/WeatherForecast", "/healthz");
        with_web(&input, r#""public":true"#, r#""public":false"#)
    };
    let expected = fresh(change);
    for nth in 1..=12 {
        let aws = LocalAws::start_with(&["--moment", "0"]);
        let faults = support::Faults::between(&aws);
        let input = upstream(&aws, UPSTREAM);
        aws.pipe_with("mk-alb", &input).ok();
        let kill = json!({"do": "kill", "changing": true, "nth": nth, "when": "after"});
        faults.rules(json!([kill]));
        faults.pipe_with("mk-alb | prune-env", &change(&input));
        aws.pipe_with("mk-alb | prune-env", &change(&input)).ok();
        assert_eq!(state(&aws), expected, "killed at change {nth}");
    }
}

#[test]
fn a_dry_run_tells_what_is_made_and_what_goes_at_the_end() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    register(&aws, &made.record("target_group", "web")["arn"], "10.0.0.1");
    aws.forget();
    let other = dry_run(&with_port(&input));
    let planned = aws.pipe_with("mk-alb | prune-env", &other).would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("target_group", "web")["change"], "create");
    let listener = planned.record("listener", "web");
    assert_eq!(listener["change"], "update");
    assert_eq!(listener["changes"][0]["new"], format!("planned:{NEW}"));
    let older = planned.record("surplus", &format!("target_group/{OLD}"));
    assert_eq!(older["change"], "delete");
}

#[test]
fn what_is_of_no_app_is_named_and_goes_only_where_that_is_confirmed() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    let mut without_api = String::new();
    for line in input.lines() {
        if !line.contains(r#""name":"api""#) {
            without_api += &line.replace(r#","calls":["api"]"#, "");
            without_api.push('\n');
        }
    }
    let before = state(&aws);
    aws.forget();
    let named = aws.pipe_with("mk-alb | prune-env", &without_api).ok();
    let names = ["alb/api", "listener/api", "target_group/api"];
    assert_eq!(names_of(&named, "unwanted"), names);
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(state(&aws), before);
    assert_eq!(surplus(&named), Vec::<String>::new());
    let confirmed = "mk-alb | prune-env --confirm production-pr1";
    aws.pipe_with(confirmed, &without_api).ok();
    let names: Vec<String> = state(&aws);
    assert!(names.iter().all(|line| line.contains("web")), "{names:?}");
    assert_eq!(names.len(), 3);
}

#[test]
fn down_takes_all_that_a_cut_move_left() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    let other = with_web(&input, r#""public":true"#, r#""public":false"#);
    aws.pipe_with("mk-alb", &with_port(&other)).ok();
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 3);
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("alb", "web")["scheme"], "internal");
    assert_eq!(listed.record("app", "web")["port"], 8080);
    aws.pipe_with(RM_ENV, &listed.stdout);
    assert_eq!(load_balancers(&aws), json!([]));
    assert_eq!(target_groups(&aws), json!([]));
}

#[test]
fn surplus_of_somebody_else_and_what_is_wanted_stay_whatever_a_record_says() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let theirs =
        crate::elb::create_their_target_group(&aws, &input, "tg-theirs-production-pr1", 80);
    let surplus = |name: &str, arn: &Value| {
        let record =
            json!({"type": "surplus", "name": name, "owner": "mk-alb", "what": "x", "arn": arn});
        format!("{record}\n")
    };
    let mut records = made.stdout.clone();
    records += &surplus("target_group/theirs", &theirs["TargetGroupArn"]);
    records += &surplus(
        "target_group/web",
        &made.record("target_group", "web")["arn"],
    );
    records += &surplus("alb/web", &made.record("alb", "web")["arn"]);
    aws.forget();
    aws.pipe_with("prune-env", &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_protected_load_balancer_is_pruned_by_nobody() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let protection = pairs(&[("deletion_protection.enabled", "true")]);
    let alb = &made.record("alb", "web")["arn"];
    let protect = json!({"LoadBalancerArn": alb, "Attributes": protection});
    call(&aws, "modify_load_balancer_attributes", protect);
    let private = with_web(&input, r#""public":true"#, r#""public":false"#);
    let pruned = aws.pipe_with("mk-alb | prune-env", &private).ok();
    let line = "prune-env: load balancer alb-web-production-pr1 has deletion protection; it stays until that is taken away\n";
    assert!(pruned.stderr.contains(line), "{}", pruned.stderr);
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 3);
    assert_eq!(target_groups(&aws).as_array().unwrap().len(), 3);
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("alb", "web")["protected"], true);
}

#[test]
fn rm_env_refuses_what_is_protected_and_its_plan_tells() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    let protection = pairs(&[("deletion_protection.enabled", "true")]);
    let alb = &made.record("alb", "web")["arn"];
    let protect = json!({"LoadBalancerArn": alb, "Attributes": protection});
    call(&aws, "modify_load_balancer_attributes", protect);
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let planned = aws
        .pipe_with("rm-env --plan", &listed.stdout)
        .would_change();
    let line = "rm-env: alb web has deletion protection, and nothing would be deleted without --lift-protection\n";
    assert!(planned.stderr.contains(line), "{}", planned.stderr);
    aws.forget();
    let refused = aws.pipe_with(RM_ENV, &listed.stdout);
    assert_eq!((refused.code, aws.changes()), (1, Vec::new()));
    let line = "rm-env: alb web: deletion protection is on, so nothing is deleted\n  try: rm-env --lift-protection, if it is to go all the same\n";
    assert_eq!(refused.stderr, line);
    // Records of before, which do not say so: AWS does.
    let only_web = format!("{ENV}\n{}\n", made.record("alb", "web"));
    let refused = aws.pipe_with(RM_ENV, &only_web);
    assert_eq!((refused.code, aws.changes()), (1, Vec::new()));
    let line = "load balancer alb-web-production-pr1 has deletion protection; it stays\n  try: rm-env --lift-protection";
    assert!(refused.stderr.contains(line), "{}", refused.stderr);
    let lifted = format!("{RM_ENV} --lift-protection");
    aws.pipe_with(&lifted, &made.stdout).ok();
    assert_eq!(load_balancers(&aws), json!([]));
}

/// Asserts that each target group that gets requests has a healthy target, unless the listener changed
/// while that was looked at.
fn assert_served(aws: &LocalAws, load_balancer: &Value) {
    let before = shares(aws, load_balancer);
    for (name, share) in &before {
        if *share == 0 {
            continue;
        }
        let params = json!({"TargetGroupArn": arn_of(aws, name)});
        let health = call(aws, "describe_target_health", params);
        let targets = health["TargetHealthDescriptions"].as_array().unwrap();
        let mut states = targets
            .iter()
            .map(|one| text(&one["TargetHealth"]["State"]));
        let is_served = states.any(|state| state == "healthy");
        let is_unchanged = shares(aws, load_balancer) == before;
        assert!(
            is_served || !is_unchanged,
            "{name} has no healthy target: {before:?}"
        );
    }
}

#[test]
fn up_moves_an_app_to_another_port_and_no_request_meets_an_empty_target_group() {
    // ECS stops the old tasks a moment after the new ones are healthy.
    let aws = Arc::new(LocalAws::start_with(&["--moment", "3"]));
    let up = recipe(&["up"], "pr1");
    let made = aws.pipe(&up).ok();
    let alb = &made.record("alb", "web")["arn"];
    let other = up.replace(
        "mk-app web --public --port 5000",
        "mk-app web --public --port 8080",
    );
    assert_ne!(up, other);
    assert_served(&aws, alb);
    let run = begin(&aws, &other, "");
    while !run.is_finished() {
        assert_served(&aws, alb);
        sleep(Duration::from_millis(50));
    }
    let moved = run.join().unwrap().ok();
    let line = format!("mk-ecs-svc: app web has moved to target group {NEW}\n");
    assert!(moved.stderr.contains(&line), "{}", moved.stderr);
    assert_eq!(shares(&aws, alb), [(NEW.to_string(), 1)]);
    assert_served(&aws, alb);
    let older = moved.record("surplus", &format!("target_group/{OLD}"));
    assert_eq!(older["change"], "deleted");
    aws.forget();
    aws.pipe(&other).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_deployment_that_fails_leaves_the_requests_where_they_were_and_the_next_run_moves_them() {
    let aws = LocalAws::start_with(&["--moment", "0.5"]);
    let up = recipe(&["up"], "pr1");
    let made = aws.pipe(&up).ok();
    let alb = &made.record("alb", "web")["arn"];
    let port_5000 = "mk-app web --public --port 5000";
    let good = up.replace(port_5000, "mk-app web --public --port 8080");
    let bad = good.replace("registry.example/web:1", "registry.example/unhealthy:1");
    assert!(good != up && bad != good);
    let failed = aws.pipe(&bad);
    let stays = format!(
        "mk-ecs-svc: app web stays in target group {OLD}, and has not moved to {NEW}: its deployment was given up\n"
    );
    assert!(failed.stderr.contains(&stays), "{}", failed.stderr);
    assert_ne!(failed.code, 0);
    wait_shares(&aws, alb, &[(OLD, 1), (NEW, 0)]);
    assert_served(&aws, alb);
    // As it was before, and as it should become.
    for (pipe, name) in [(&up, OLD), (&good, NEW)] {
        let again = aws.pipe(pipe).ok();
        assert_eq!(shares(&aws, alb), [(name.to_string(), 1)]);
        assert_served(&aws, alb);
        let arn = &again.record("listener", "web")["target_group"];
        assert_eq!(name_in(arn), name);
    }
}

#[test]
fn up_moves_an_app_to_another_scheme_and_one_of_both_load_balancers_serves_all_the_while() {
    let aws = Arc::new(LocalAws::start_with(&["--moment", "2"]));
    let public = recipe(&["up"], "pr1");
    let private = public.replace("mk-app web --public", "mk-app web");
    assert_ne!(public, private);
    aws.pipe(&public).ok();
    for (pipe, name) in [
        (&private, "alb-web-int-production-pr1"),
        (&public, "alb-web-production-pr1"),
    ] {
        let run = begin(&aws, pipe, "");
        while !run.is_finished() {
            assert!(serving(&aws) > 0);
            sleep(Duration::from_millis(50));
        }
        let done = run.join().unwrap().ok();
        assert_eq!(name_in(&done.record("alb", "web")["arn"]), name);
        assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 2);
        assert_eq!(serving(&aws), 1);
    }
}

/// How many load balancers of app web forward to a target group with a healthy target.
fn serving(aws: &LocalAws) -> usize {
    let mut serving = 0;
    for group in target_groups(aws).as_array().unwrap() {
        let is_of_web = text(&group["TargetGroupName"]).starts_with("tg-web-");
        if !is_of_web || group["LoadBalancerArns"] == json!([]) {
            continue;
        }
        let params = json!({"TargetGroupArn": group["TargetGroupArn"]});
        let Ok(health) = aws.try_call("elbv2", "describe_target_health", params) else {
            continue; // it was deleted meanwhile
        };
        let targets = health["TargetHealthDescriptions"].as_array().unwrap();
        let mut states = targets
            .iter()
            .map(|one| text(&one["TargetHealth"]["State"]));
        serving += usize::from(states.any(|state| state == "healthy"));
    }
    serving
}
