//! One change of one app, there and back, undisturbed and killed halfway.

use std::collections::BTreeSet;

use support::{Value, json, text};

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
    };
    there_and_back(&two(), &site, 2);
}

#[test]
fn an_app_is_dropped_and_added() {
    there_and_back(&two(), &two().without("api"), 8);
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
