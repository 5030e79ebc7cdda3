//! What ls-env, rm-env and wait-env do with load balancers.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use support::{ENV, Faults, LocalAws, Value, json, recipe, text};

use crate::elb::{
    actions, call, create_theirs, forward, listeners, load_balancers, pairs, target_groups,
};
use crate::input::{UPSTREAM, upstream};

const RM_ENV: &str = "rm-env --confirm production-pr1";

#[test]
fn ls_env_finds_what_was_made_and_what_it_tells_of_the_apps() {
    let aws = LocalAws::start();
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    for (kind, fields) in [
        ("alb", &["arn", "dns", "scheme", "zone"][..]),
        ("target_group", &["arn", "port", "health"]),
        ("listener", &["arn", "target_group", "port"]),
    ] {
        for app in ["web", "api"] {
            for field in fields {
                assert_eq!(
                    listed.record(kind, app)[field],
                    made.record(kind, app)[field],
                    "{kind} {app} {field}"
                );
            }
        }
    }
    let web = listed.record("app", "web");
    assert_eq!(web["public"], true);
    assert_eq!(web["health"], "/");
    let api = listed.record("app", "api");
    assert_eq!(api.get("public"), None);
    assert_eq!(api["health"], "/WeatherForecast");
}

#[test]
fn rm_env_ends_soon_where_another_run_makes_an_app_again_meanwhile() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    // As it counts for a while after its listener went; and then another one forwards to it.
    let faults = Faults::between(&aws);
    let in_use = json!({"do": "refuse", "of": "elasticloadbalancing:DeleteTargetGroup", "times": 1000, "code": "ResourceInUse", "message": "in use"});
    faults.rules(json!([in_use]));
    let mut ours = format!("{ENV}\n");
    for kind in ["alb", "listener", "target_group"] {
        ours += &format!("{}\n", made.record(kind, "web"));
    }
    let begun = Instant::now();
    let ended = scope(|scope| {
        let deletion = scope.spawn(|| faults.pipe_with(RM_ENV, &ours));
        while load_balancers(&aws).as_array().unwrap().len() == 2 {
            sleep(Duration::from_millis(20));
        }
        aws.pipe_with("mk-alb", &input).ok();
        deletion.join().unwrap()
    });
    assert!(begun.elapsed() < Duration::from_secs(60));
    let line = "target group tg-web-5000-production-pr1 cannot be deleted: made again meanwhile, another run's listener forwards to it\n  try: run it again";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    assert_eq!(ended.code, 75);
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 2);
}

#[test]
fn rm_env_deletes_what_is_ours_also_where_protection_is_lifted() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let protection = pairs(&[("deletion_protection.enabled", "true")]);
    let alb = &made.record("alb", "web")["arn"];
    let protect = json!({"LoadBalancerArn": alb, "Attributes": protection});
    call(&aws, "modify_load_balancer_attributes", protect);
    let theirs = create_theirs(&aws, &input, "theirs");
    let mut records = String::new();
    for record in made.records() {
        let kind = text(&record["type"]);
        if ["env", "alb", "listener", "target_group"].contains(&kind) {
            records += &format!("{record}\n");
        }
    }
    let record =
        json!({"type": "alb", "name": "theirs", "arn": theirs, "dns": "x", "scheme": "internal"});
    records += &format!("{record}\n");
    let lifted = format!("{RM_ENV} --lift-protection");
    let deleted = aws.pipe_with(&lifted, &records).ok();
    for kind in ["alb", "listener", "target_group"] {
        for app in ["web", "api"] {
            let record = deleted.record(kind, app);
            assert_eq!(record["change"], "deleted", "{kind} {app}");
        }
    }
    let left = load_balancers(&aws);
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["LoadBalancerArn"], theirs);
    assert_eq!(target_groups(&aws), json!([]));

    aws.forget();
    aws.pipe_with(RM_ENV, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_target_group_that_anothers_load_balancer_uses_stays_and_that_one_is_named() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let listener = json!({"ListenerArn": made.record("listener", "api")["arn"]});
    call(&aws, "delete_listener", listener);
    let theirs = create_theirs(&aws, &input, "theirs");
    let action = forward(&made.record("target_group", "api")["arn"]);
    let listener = json!({"LoadBalancerArn": theirs, "Port": 80, "Protocol": "HTTP", "DefaultActions": action});
    call(&aws, "create_listener", listener);
    aws.forget();
    let deleted = aws.pipe_with(RM_ENV, &made.stdout);
    assert_eq!(deleted.code, 1);
    let line = format!(
        "rm-env: cannot delete target group tg-api-5000-1vx4-production-pr1: in the way, and not this environment's: load balancer {}\n  try: delete its listener or rule and run it again\n",
        text(&theirs)
    );
    assert!(deleted.stderr.contains(&line), "{}", deleted.stderr);
    let changes = aws.changes();
    let delete = "elasticloadbalancing:DeleteTargetGroup";
    let asked = changes.iter().filter(|change| *change == delete).count();
    assert_eq!(asked, 2, "once for each: {changes:?}");
    assert_eq!(deleted.record("target_group", "web")["change"], "deleted");
    assert_eq!(listeners(&aws, &theirs).len(), 1);
    let params = json!({"LoadBalancerArn": theirs});
    call(&aws, "delete_load_balancer", params);
    aws.pipe_with(RM_ENV, &made.stdout).ok();
    assert_eq!(target_groups(&aws), json!([]));
}

#[test]
fn a_target_group_that_our_own_load_balancer_used_is_waited_for_whatever_its_tags_say() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    let group = &made.record("target_group", "web")["arn"];
    let other = pairs(&[("plumbline:app", "other")]);
    let tags = json!({"ResourceArns": [group], "Tags": other});
    call(&aws, "add_tags", tags);
    let in_use = json!({"do": "refuse", "of": "elasticloadbalancing:DeleteTargetGroup", "times": 4, "code": "ResourceInUse", "message": "in use"});
    faults.rules(json!([in_use]));
    faults.pipe_with(RM_ENV, &made.stdout).ok();
    assert_eq!(target_groups(&aws), json!([]));
}

#[test]
fn rm_env_deletes_a_listener_alone() {
    let aws = LocalAws::start();
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    let listener = made.record("listener", "web");
    aws.forget();
    let records = format!("{ENV}\n{listener}\n");
    aws.pipe_with(RM_ENV, &records).ok();
    assert_eq!(aws.changes(), ["elasticloadbalancing:DeleteListener"]);
    let of_web = listeners(&aws, &made.record("alb", "web")["arn"]);
    assert_eq!(of_web, Vec::<Value>::new());
    let of_api = listeners(&aws, &made.record("alb", "api")["arn"]);
    assert_eq!(of_api.len(), 1);
}

#[test]
fn wait_env_waits_for_load_balancers_and_looks_at_targets() {
    let aws = LocalAws::start();
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    aws.forget();
    aws.pipe_with("wait-env", &made.stdout).ok();
    let actions = actions(&aws);
    let describe = "DescribeLoadBalancers";
    let looks = actions.iter().filter(|action| *action == describe).count();
    assert_eq!(looks, 1, "both in one call: {actions:?}");
}

#[test]
fn wait_env_ends_where_a_target_group_was_deleted_meanwhile() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let made = aws.pipe(&recipe(&["up"], "pr1")).ok();
    let gone = json!({"do": "refuse", "of": "elasticloadbalancing:DescribeTargetHealth", "code": "TargetGroupNotFound", "message": "One or more target groups not found"});
    faults.rules(json!([gone]));
    let output = faults.pipe_with("wait-env", &made.stdout);
    assert_eq!(output.code, 75, "{}", output.stderr);
    let of_web = cannot_become_healthy("web", "tg-web-5000-production-pr1");
    let of_api = cannot_become_healthy("api", "tg-api-5000-1vx4-production-pr1");
    assert!(
        output.stderr.contains(&of_web) || output.stderr.contains(&of_api),
        "{}",
        output.stderr
    );
}

/// What wait-env says of an app whose target group was deleted.
fn cannot_become_healthy(app: &str, target_group: &str) -> String {
    format!(
        "wait-env: app {app} cannot become healthy: target group {target_group} is gone\n  try: run the pipeline again: it makes another\n"
    )
}
