//! What mk-alb makes, and what a dry run announces.

use support::{LocalAws, Output, json, text};

use crate::elb::{
    actions, attributes, call, listeners, load_balancer, sorted, subnets_of, tags_of, target_group,
    target_group_attributes,
};
use crate::input::{UPSTREAM, dry_run, security_group_id, sg_record, upstream, vpc};

#[test]
fn it_makes_what_each_app_needs_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    aws.forget();
    let made = aws.pipe_with("mk-alb", &input).ok();
    assert_made_in_six_calls_with_their_tags(&aws.changes());
    for (app, scheme, subnets, health) in [
        ("web", "internet-facing", "public_subnets", "/"),
        ("api", "internal", "private_subnets", "/WeatherForecast"),
    ] {
        assert_load_balancer(&aws, &input, &made, app, scheme, subnets);
        assert_target_group(&aws, &input, &made, app, health);
        assert_listener(&aws, &made, app);
        assert_tags(&aws, &made, app);
    }

    assert!(aws.calls().len() <= 17, "{:?}", actions(&aws));
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        again.record("alb", "web")["arn"],
        made.record("alb", "web")["arn"]
    );
    let line = "mk-alb: nothing to change (6 kept)";
    assert!(again.stderr.contains(line), "{}", again.stderr);
    assert!(aws.calls().len() <= 13, "{:?}", actions(&aws));
}

fn assert_made_in_six_calls_with_their_tags(changes: &[String]) {
    for kind in ["LoadBalancer", "TargetGroup", "Listener"] {
        let create = format!("elasticloadbalancing:Create{kind}");
        let made = changes.iter().filter(|change| **change == create).count();
        assert_eq!(made, 2, "{kind}: {changes:?}");
    }
    assert!(
        !changes.contains(&"elasticloadbalancing:AddTags".to_string()),
        "tags go in the create calls: {changes:?}"
    );
}

fn assert_load_balancer(
    aws: &LocalAws,
    input: &str,
    made: &Output,
    app: &str,
    scheme: &str,
    subnets: &str,
) {
    let alb = made.record("alb", app);
    let found = load_balancer(aws, &alb["arn"]);
    assert_eq!(found["LoadBalancerName"], name_of("alb", app));
    assert_eq!(found["Scheme"], scheme);
    assert_eq!(found["Type"], "application");
    assert_eq!(found["Scheme"], alb["scheme"]);
    assert_eq!(found["DNSName"], alb["dns"]);
    assert_eq!(found["CanonicalHostedZoneId"], alb["zone"]);
    let group = security_group_id(input, app);
    assert_eq!(found["SecurityGroups"], json!([group]));
    assert_eq!(subnets_of(&found), sorted(&vpc(input)[subnets]));
    let attributes = attributes(aws, &alb["arn"]);
    assert_eq!(
        attributes["routing.http.drop_invalid_header_fields.enabled"],
        "true"
    );
    assert_eq!(
        attributes["routing.http.desync_mitigation_mode"],
        "defensive"
    );
    assert_ne!(attributes["deletion_protection.enabled"], "true");
}

fn assert_target_group(aws: &LocalAws, input: &str, made: &Output, app: &str, health: &str) {
    let record = made.record("target_group", app);
    let found = target_group(aws, &record["arn"]);
    assert_eq!(found["TargetGroupName"], name_of("target_group", app));
    assert_eq!(found["TargetType"], "ip");
    assert_eq!(found["Protocol"], "HTTP");
    assert_eq!(found["Port"], 5000);
    assert_eq!(found["VpcId"], vpc(input)["id"]);
    assert_eq!(found["HealthCheckPath"], health);
    assert_eq!(found["Matcher"]["HttpCode"], "200");
    assert_eq!(found["HealthCheckIntervalSeconds"], 15);
    assert_eq!(found["HealthCheckTimeoutSeconds"], 5);
    assert_eq!(found["HealthyThresholdCount"], 2);
    assert_eq!(found["UnhealthyThresholdCount"], 3);
    assert_eq!(record["port"], 5000);
    assert_eq!(record["health"], health);
    let attributes = target_group_attributes(aws, &record["arn"]);
    assert_eq!(attributes["deregistration_delay.timeout_seconds"], "30");
}

/// What of app web or api is called, by the type of its record.
fn name_of(kind: &str, app: &str) -> &'static str {
    match (kind, app) {
        ("alb", "web") => "alb-web-production-pr1",
        ("alb", "api") => "alb-api-int-production-pr1",
        ("target_group", "web") => "tg-web-5000-production-pr1",
        ("target_group", "api") => "tg-api-5000-1vx4-production-pr1",
        ("listener", "web") => "listener-web-production-pr1",
        _ => "listener-api-production-pr1",
    }
}

fn assert_listener(aws: &LocalAws, made: &Output, app: &str) {
    let target_group = &made.record("target_group", app)["arn"];
    let record = made.record("listener", app);
    let found = &listeners(aws, &made.record("alb", app)["arn"])[0];
    assert_eq!(found["Port"], 80);
    assert_eq!(found["Protocol"], "HTTP");
    assert_eq!(found["DefaultActions"][0]["TargetGroupArn"], *target_group);
    assert_eq!(found["ListenerArn"], record["arn"]);
    assert_eq!(record["target_group"], *target_group);
}

fn assert_tags(aws: &LocalAws, made: &Output, app: &str) {
    for kind in ["alb", "target_group", "listener"] {
        let tags = tags_of(aws, &made.record(kind, app)["arn"]);
        assert_eq!(tags["Name"], name_of(kind, app));
        assert_eq!(tags["plumbline:env"], "production-pr1");
        assert_eq!(tags["plumbline:app"], app);
        assert_eq!(tags["Team"], "devops");
    }
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let plan =
        "mk-env production pr1 --plan | mk-app web --public | mk-app api | mk-vpc --nat single";
    let groups = sg_record("web", "planned:sg-alb-web") + &sg_record("api", "planned:sg-alb-api");
    let pipe = format!("({plan} || [ $? = 10 ]; echo '{groups}') | mk-alb");
    let planned = aws.pipe(&pipe).would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        planned.record("alb", "web")["arn"],
        "planned:alb-web-production-pr1"
    );
    assert_eq!(
        planned.record("listener", "web")["target_group"],
        "planned:tg-web-5000-production-pr1"
    );

    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(keys(&planned), keys(&made));

    // A dry run over what is there says what would change, and in what.
    aws.forget();
    let other = input.replace("/WeatherForecast", "/healthz");
    let planned = aws.pipe_with("mk-alb", &dry_run(&other)).would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let group = planned.record("target_group", "api");
    assert_eq!(group["change"], "create");
    assert_eq!(group["health"], "/healthz");
    assert_eq!(planned.record("listener", "api")["change"], "update");
    assert_eq!(planned.record("alb", "api")["change"], "kept");
}

/// The types and names of this tool's records.
fn keys(output: &Output) -> Vec<String> {
    let ours = ["alb", "target_group", "listener"];
    let mut keys = Vec::new();
    for record in output.records() {
        if ours.contains(&text(&record["type"])) {
            keys.push(format!("{} {}", record["type"], record["name"]));
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

#[test]
fn long_names_are_cut_and_found_again() {
    let aws = LocalAws::start();
    let app = "recommendations-of-the-day";
    let pipe = format!(
        "mk-env preproduction pull-request-123 | mk-app {app} --public | mk-vpc --nat single"
    );
    let input = upstream(&aws, &pipe);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let found = load_balancer(&aws, &made.record("alb", app)["arn"]);
    let name = text(&found["LoadBalancerName"]);
    assert!(name.len() <= 32, "{name}");
    assert!(name.starts_with("alb-recommendations-of-"), "{name}");
    let tags = tags_of(&aws, &found["LoadBalancerArn"]);
    assert_eq!(tags["plumbline:app"], app);
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("alb", app)["change"], "kept");

    // Another environment's load balancer, cut as well, is none of ours.
    let other = input.replace("pull-request-123", "pull-request-124");
    let listener = json!({"ListenerArn": made.record("listener", app)["arn"]});
    call(&aws, "delete_listener", listener);
    aws.forget();
    let other = aws.pipe_with("mk-alb", &other).ok();
    assert_eq!(other.record("alb", app)["change"], "created");
    assert_ne!(
        other.record("alb", app)["arn"],
        made.record("alb", app)["arn"]
    );
}

#[test]
fn the_target_group_does_not_wait_for_the_security_group() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let (groups, rest): (Vec<&str>, Vec<&str>) = input
        .lines()
        .partition(|line| line.contains(r#""type":"sg""#));
    let before = rest.join("\n");
    // The groups come when the target groups are there, and not before.
    let pipe = format!(
        r#"out=$(mktemp); (cat; until [ "$(grep -c '"target_group","name"' $out)" = 2 ]; do sleep 0.05; done; echo '{}') | mk-alb | tee $out"#,
        groups.join("\n")
    );
    let made = aws.pipe_with(&pipe, &before).ok();
    assert_eq!(made.record("listener", "web")["change"], "created");
}
