//! Runs that follow one that was cut off, and runs at the same time.

use support::{Faults, LocalAws, Output, Value, depth, json, text};

use crate::elb::{attributes, call, listeners, load_balancers, pairs, tags_of, target_groups};
use crate::input::{UPSTREAM, records, security_group_id, upstream, vpc};

#[test]
fn what_a_run_before_left_provisioning_is_finished() {
    let aws = LocalAws::start_with(&["--moment", "1"]);
    let pipe = "mk-env production pr1 | mk-app web --public | mk-vpc --nat single";
    let input = upstream(&aws, pipe);
    let arn = create_without_attributes(&aws, &input);
    let made = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(made.record("alb", "web")["arn"], arn);
    assert_eq!(
        attributes(&aws, &arn)["routing.http.drop_invalid_header_fields.enabled"],
        "true"
    );
    // Its listener does not wait for it.
    let mut told = Vec::new();
    for record in made.records() {
        if record["name"] == "web" {
            told.push((record["type"].clone(), record["change"].clone()));
        }
    }
    let last = [("listener", "created"), ("alb", "updated")];
    let last = last.map(|(kind, change)| (json!(kind), json!(change)));
    assert_eq!(told[told.len() - 2..], last);
    let line = "mk-alb: updated alb web arn:";
    assert!(made.stderr.contains(line), "{}", made.stderr);
}

/// Makes the load balancer of app web as a run does that is cut off then; answers its ARN.
fn create_without_attributes(aws: &LocalAws, input: &str) -> Value {
    let name = "alb-web-production-pr1";
    let env = &records(input)[0];
    let mut tags = vec![
        ("Name", name),
        ("plumbline:app", "web"),
        ("plumbline:env", text(&env["name"])),
    ];
    for (key, value) in env["tags"].as_object().unwrap() {
        tags.push((key, text(value)));
    }
    let subnets = vpc(input)["public_subnets"].clone();
    let groups = [security_group_id(input, "web")];
    let params =
        json!({"Name": name, "Subnets": subnets, "SecurityGroups": groups, "Tags": pairs(&tags)});
    let answer = call(aws, "create_load_balancer", params);
    answer["LoadBalancers"][0]["LoadBalancerArn"].clone()
}

#[test]
fn two_runs_at_once_make_one_of_each() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let pipe = r#"in=$(cat); (mk-alb <<< "$in" > /dev/null) & mk-alb <<< "$in"; wait $!"#;
    let made = aws.pipe_with(pipe, &input).ok();
    assert_one_of_each(&aws, &made);
    aws.pipe_with("mk-alb", &input).ok();
    aws.forget();
    aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn two_runs_at_once_that_want_something_else_leave_what_the_next_one_wants() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let pipe = r#"in=$(cat); (sed 's|/WeatherForecast|/other|' <<< "$in" | mk-alb > /dev/null) & mk-alb <<< "$in"; wait $!"#;
    aws.pipe_with(pipe, &input).ok();
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 2);
    assert_eq!(target_groups(&aws).as_array().unwrap().len(), 3);
    let made = aws.pipe_with("mk-alb | prune-env", &input).ok();
    assert_one_of_each(&aws, &made);
    aws.forget();
    aws.pipe_with("mk-alb | prune-env", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

/// Asserts that each app has one load balancer, with one listener that forwards to its target group.
fn assert_one_of_each(aws: &LocalAws, made: &Output) {
    assert_eq!(load_balancers(aws).as_array().unwrap().len(), 2);
    assert_eq!(target_groups(aws).as_array().unwrap().len(), 2);
    for app in ["web", "api"] {
        let found = listeners(aws, &made.record("alb", app)["arn"]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0]["DefaultActions"][0]["TargetGroupArn"],
            made.record("target_group", app)["arn"]
        );
    }
}

#[test]
fn an_unchanged_load_balancer_is_looked_at_in_three_round_trips() {
    let aws = LocalAws::start_with(&["--moment", "0", "--latency", "300"]);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    // On a busy machine calls come one after the other that do not need each other: the best run counts.
    let mut depths = Vec::new();
    while depths.iter().all(|depth| *depth > 3) {
        assert!(depths.len() < 8, "{depths:?} deep");
        aws.forget();
        aws.pipe_with("mk-alb", &input).ok();
        depths.push(depth(&aws.calls()));
    }
}

#[test]
fn what_goes_while_it_is_looked_at_is_not_taken_for_anothers() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    // It is listed, and gone when its tags are read: all in one call, and then one of them alone.
    for code in [
        "LoadBalancerNotFound",
        "TargetGroupNotFound",
        "ListenerNotFound",
    ] {
        for nth in 2..=8 {
            faults.rules(json!([refuse_tags(1, code), refuse_tags(nth, code)]));
            let again = faults.pipe_with("mk-alb", &input);
            assert_eq!(again.code, 0, "{code} {nth}: {}", again.stderr);
        }
    }
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 2);
}

/// A rule by which the nth reading of tags answers that something was not found.
fn refuse_tags(nth: u64, code: &str) -> Value {
    json!({"do": "refuse", "of": "elasticloadbalancing:DescribeTags", "nth": nth, "code": code, "message": "not found"})
}

#[test]
fn a_listeners_tags_come_back_with_those_of_its_load_balancer_also_after_a_kill() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let alb = made.record("alb", "web")["arn"].clone();
    let listener = made.record("listener", "web")["arn"].clone();
    let before = (tags_of(&aws, &alb), tags_of(&aws, &listener));
    for cut in [1, 2] {
        let tags = pairs(&[("Team", "x")]);
        let params = json!({"ResourceArns": [alb, listener], "Tags": tags});
        call(&aws, "add_tags", params);
        faults.kill_at(cut, "before");
        assert_eq!(faults.pipe_with("mk-alb", &input).code, -1);
        faults.end();
        let again = faults.pipe_with("mk-alb", &input).ok();
        let arn = text(&alb);
        let line = format!("mk-alb: updated alb web {arn} (tag Team: x -> devops)\n");
        assert!(again.stderr.ends_with(&line), "{cut}: {}", again.stderr);
        let after = (tags_of(&aws, &alb), tags_of(&aws, &listener));
        assert_eq!(after, before, "killed at change {cut}");
    }
    aws.forget();
    aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}
