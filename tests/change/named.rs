//! One change of one app, there and back, undisturbed and killed halfway.

use std::collections::BTreeSet;

use support::{Value, json, list, text};

use crate::killed::there_and_back;
use crate::layout::{App, Layout};
use crate::world::{CONFIRM, World, fresh};

fn two() -> Layout {
    Layout::web_and_api()
}

#[test]
fn a_port_changes() {
    there_and_back(&two(), &two().with("web", |web| web.port = 8080), 5);
}

#[test]
fn the_port_of_a_called_app_changes() {
    there_and_back(&two(), &two().with("api", |api| api.port = 8080), 7);
}

#[test]
fn a_health_path_changes() {
    there_and_back(&two(), &two().with("api", |api| api.health = "/healthz"), 6);
}

#[test]
fn what_counts_as_healthy_changes() {
    let codes = two().with("api", |api| api.more = "--health-codes 200-399");
    there_and_back(&two(), &codes, 6);
}

#[test]
fn a_way_to_a_database_is_opened_and_closed() {
    let reach = "--reach tcp:5432=10.9.0.0/16 --reach udp:53=10.9.0.2/32";
    there_and_back(&two(), &two().with("api", |api| api.more = reach), 1);
}

#[test]
fn how_requests_are_sent_changes() {
    let more = "--health-interval 6 --slow-start 30 --sticky 60 --drain 0 --idle-timeout 5";
    there_and_back(&two(), &two().with("web", |web| web.more = more), 2);
}

#[test]
fn an_app_becomes_a_worker_and_gets_its_load_balancer_back() {
    let mut jobs = two().with("api", |api| api.worker = true);
    jobs.keep_to_the_rules();
    there_and_back(&two(), &jobs, 5);
}

#[test]
fn an_app_comes_behind_another_and_gets_its_load_balancer_back() {
    let mut apart = two();
    apart.apps.push(App::public("docs"));
    let behind = "--behind web --path '/docs/*'";
    let together = apart.with("docs", |docs| docs.more = behind);
    there_and_back(&apart, &together, 7);
}

#[test]
fn what_is_behind_a_called_app_changes() {
    let mut inside = two();
    inside.apps.push(App::private("more"));
    let web = inside.app("web").unwrap();
    web.calls.push("more");
    let paths = "--behind api --path /more --path '/more/*'";
    let from = inside.with("more", |more| more.more = paths);
    let other = from.with("more", |more| more.port = 8080);
    there_and_back(&from, &other, 5);
}

#[test]
fn a_port_changes_and_there_are_fewer_tasks() {
    let four = two().with("web", |web| web.count = 4);
    let one = four.with("web", |web| web.port = 8080);
    there_and_back(&four, &one.with("web", |web| web.count = 1), 5);
}

#[test]
fn a_public_app_becomes_private_and_public_again() {
    there_and_back(&two(), &two().with("web", |web| web.public = false), 8);
}

#[test]
fn a_private_app_becomes_public_and_private_again() {
    let mut public = two().with("api", |api| api.public = true);
    public.keep_to_the_rules();
    there_and_back(&two(), &public, 4);
}

#[test]
fn a_call_is_added_and_taken_away() {
    let from = Layout {
        apps: vec![App::public("web"), App::private("api")],
        network: "",
    };
    there_and_back(&from, &two(), 3);
}

#[test]
fn a_called_app_is_renamed() {
    there_and_back(&two(), &renamed_api(), 9);
}

#[test]
fn a_public_app_is_renamed() {
    let site = Layout {
        apps: vec![App::public("site").calling("api"), App::private("api")],
        network: "",
    };
    there_and_back(&two(), &site, 2);
}

#[test]
fn an_app_is_dropped_and_added() {
    there_and_back(&two(), &two().without("api"), 8);
}

const BY_CPU: &str = "--scale 2..10 --scale-on cpu=60";
const BY_REQUESTS: &str = "--scale 3..12 --scale-on requests=1000 --scale-at 'rate(1 day)=3..5'";

#[test]
fn an_app_gets_a_range_and_loses_it() {
    let scaled = two().with("web", |web| web.more = BY_CPU);
    there_and_back(&two(), &scaled, 1);
}

#[test]
fn what_an_app_is_scaled_by_changes() {
    let by_cpu = two().with("web", |web| (web.more, web.count) = (BY_CPU, 3));
    there_and_back(
        &by_cpu,
        &by_cpu.with("web", |web| web.more = BY_REQUESTS),
        2,
    );
}

#[test]
fn an_app_moves_to_spot_and_back() {
    let on_spot = two().with("web", |web| web.more = "--spot 50");
    there_and_back(&two(), &on_spot, 1);
}

#[test]
fn an_app_heeds_an_alarm_and_no_longer() {
    let heeding = two().with("web", |web| web.more = "--rollback-on too-many-errors");
    there_and_back(&two(), &heeding, 1);
}

#[test]
fn an_app_is_deployed_blue_green_and_rolling_again() {
    let shifting = "--deploy blue-green --bake 1";
    there_and_back(&two(), &two().with("web", |web| web.more = shifting), 4);
}

#[test]
fn a_port_and_how_it_is_deployed_change_at_once() {
    let from = two().with("web", |web| {
        web.more = "--deploy canary --deploy-wait 1 --bake 0"
    });
    let to = two().with("web", |web| {
        (web.more, web.port) = ("--deploy blue-green --bake 0", 8080);
    });
    there_and_back(&from, &to, 6);
}

#[test]
fn a_public_app_that_is_deployed_blue_green_becomes_private() {
    let from = two().with("web", |web| web.more = "--deploy blue-green --bake 0");
    there_and_back(&from, &from.with("web", |web| web.public = false), 8);
}

#[test]
fn an_app_becomes_a_worker_and_back() {
    let mut from = two();
    from.apps.push(App::private("jobs").calling("api"));
    let to = from.with("jobs", |jobs| jobs.worker = true);
    there_and_back(&from, &to, 2);
}

const A_AND_B: &str = "--zone us-east-1a --zone us-east-1b";
const B_AND_C: &str = "--zone us-east-1b --zone use1-az2";
const C_AND_D: &str = "--zone us-east-1c --zone us-east-1d";

#[test]
fn a_zone_is_left_and_another_one_taken() {
    there_and_back(&two().within(A_AND_B), &two().within(B_AND_C), 9);
}

#[test]
fn all_zones_are_left_at_once_while_a_port_changes() {
    let other = two().with("web", |web| web.port = 8080).within(C_AND_D);
    there_and_back(&two().within(A_AND_B), &other, 14);
}

#[test]
fn three_zones_become_two() {
    there_and_back(&two().within("--zones 3"), &two().within("--zones 2"), 3);
}

#[test]
fn the_zone_of_the_only_nat_gateway_is_left() {
    let single = "--zone us-east-1a --zone us-east-1b --nat single";
    let other = "--zone us-east-1c --zone us-east-1d --nat single";
    there_and_back(&two().within(single), &two().within(other), 12);
}

/// Without `--confirm` the services and load balancers leave a zone, and what it has stays. So it does
/// until the services have left, whoever is not in the pipe.
#[test]
fn a_zone_stays_until_that_is_confirmed_and_its_services_have_left() {
    let from = two().within(A_AND_B);
    let to = two().within(B_AND_C);
    let world = World::new(&from);
    world.begin();
    let alone = format!("mk-env production pr1 | mk-vpc {B_AND_C} | prune-env {CONFIRM}");
    let run = world.aws.pipe(&alone);
    assert_eq!(run.code, 75, "{}", run.stderr);
    let told = "of a zone that is left: nothing is taken away before it has moved\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let run = world.aws.pipe(&to.up("")).ok();
    world.reaches("without --confirm", &to.edges(), &run.stderr);
    world
        .story("without --confirm", &run.stderr)
        .keeps(&from.edges());
    let left = run.record("vpc", "main")["left_subnets"].clone();
    for balancer in list(
        &world
            .aws
            .call("elbv2", "describe_load_balancers", json!({}))["LoadBalancers"],
    ) {
        let zones = balancer["AvailabilityZones"].to_string();
        for subnet in list(&left) {
            assert!(!zones.contains(text(subnet)), "{zones}");
        }
    }
    // A deployment by what ls-env tells leaves them where they are.
    let listed =
        "ls-env --env production-pr1 | mk-ecs-svc --image web=registry.example/x:2 | wait-env";
    world.aws.pipe(listed).ok();
    world.story("a deployment", "").keeps(&from.edges());
    let back = world.aws.pipe(
        "ls-env --env production-pr1 | mk-ecs-svc --image web=registry.example/x:1 | wait-env",
    );
    back.ok();
    world.begin();
    let run = world.aws.pipe(&to.up(CONFIRM));
    world.has_changed(&from, &to, &fresh(&to), &run);
}

/// What runs on until it is confirmed that it may go, and then goes.
fn runs_on_until_confirmed(to: &Layout, left: &str) {
    let world = World::new(&two());
    world.begin();
    let run = world.aws.pipe(&to.up("")).ok();
    let both: BTreeSet<String> = two().edges().union(&to.edges()).cloned().collect();
    world.reaches("without --confirm", &both, &run.stderr);
    world
        .story("without --confirm", &run.stderr)
        .keeps(&two().edges());
    for kind in ["service", "alb"] {
        let line = format!("no record wants {kind} {left} any more");
        assert!(run.stderr.contains(&line), "{}", run.stderr);
    }
    world.begin();
    let run = world.aws.pipe(&to.up(CONFIRM));
    world.has_changed(&two(), to, &fresh(to), &run);
}

#[test]
fn a_dropped_app_runs_on_until_that_is_confirmed() {
    runs_on_until_confirmed(&two().without("api"), "api");
}

#[test]
fn the_older_name_of_a_called_app_runs_on_until_that_is_confirmed() {
    runs_on_until_confirmed(&renamed_api(), "api");
}

#[test]
fn a_dropped_caller_runs_on_until_that_is_confirmed() {
    runs_on_until_confirmed(&two().without("web"), "web");
}

fn renamed_api() -> Layout {
    Layout {
        apps: vec![
            App::public("web").calling("backend"),
            App::private("backend"),
        ],
        network: "",
    }
}

#[test]
fn what_shrinks_before_it_grows_is_seen() {
    let world = World::new(&two());
    world.begin();
    let to = two().with("api", |api| api.port = 8080);
    let all = to.up(CONFIRM);
    let (as_far_as_groups, _) = all.split_once(" | mk-alb").unwrap();
    let run = world.aws.pipe(as_far_as_groups).ok();
    for surplus in run.records() {
        if surplus["type"] == "surplus" {
            revoke(&world, &surplus);
        }
    }
    let story = world.story("with groups alone", &run.stderr);
    let (_, lost) = story.first_loss(&two().edges()).unwrap();
    assert!(lost.contains("ec2:RevokeSecurityGroup"), "{lost}");
    assert!(
        lost.contains("web -> api") && lost.contains("of api: "),
        "{lost}"
    );
}

/// Revokes a rule by hand, which prune-env does not before the service has moved.
fn revoke(world: &World, surplus: &Value) {
    let (way, _) = text(&surplus["what"]).split_once(' ').unwrap();
    let operation = format!("revoke_security_group_{way}");
    let rule = json!({"GroupId": surplus["group"], "SecurityGroupRuleIds": [surplus["rule"]]});
    world.aws.call("ec2", &operation, rule);
}
