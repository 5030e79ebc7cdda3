//! Runs among faults of many calls: a bad day of AWS's, and what AWS has not heard of everywhere.

use std::collections::BTreeMap;

use support::{Faults, Value, json, text};

use crate::torture::{Recipes, Torture, environment, pipeline};

#[test]
fn an_environment_comes_and_goes_in_the_noise() {
    comes_and_goes_in_the_noise(environment());
}

#[test]
fn a_pipeline_comes_and_goes_in_the_noise() {
    comes_and_goes_in_the_noise(pipeline());
}

/// A bad day: 30 % of all calls are throttled, 5 % fail with 500, and 2 % end without an answer; of
/// those that fail or end, half have been done.
fn noise(seed: u64) -> Value {
    json!([
        {"do": "throttle", "share": 0.3, "seed": seed},
        {"do": "fail", "share": 0.025, "seed": seed},
        {"do": "fail", "share": 0.025, "seed": seed, "when": "after"},
        {"do": "cut", "share": 0.01, "seed": seed, "changing": false},
        {"do": "cut", "share": 0.01, "seed": seed, "changing": false, "when": "after"},
    ])
}

fn comes_and_goes_in_the_noise(recipes: Recipes) {
    let torture = Torture::of(recipes);
    let mut met = BTreeMap::<String, usize>::new();
    for seed in torture.seeds() {
        torture.connect();
        torture.faults.rules(noise(seed));
        let what = format!("up in the noise of seed {seed}");
        let up = torture.up();
        assert_eq!(up.code, 0, "{what}: {}", up.stderr);
        count(&torture.faults, &mut met);
        torture.is_complete(&what);
        torture.faults.rules(noise(seed));
        let what = format!("down in the noise of seed {seed}");
        let down = torture.down();
        assert_eq!(down.code, 0, "{what}: {}", down.stderr);
        count(&torture.faults, &mut met);
        torture.faults.end();
        torture.is_empty(&what);
    }
    for (fault, least) in [("throttle", 40), ("fail", 4), ("cut", 1)] {
        let calls = met.get(fault).copied().unwrap_or_default();
        assert!(calls >= least, "{calls} calls met {fault}");
    }
}

/// Adds how many calls met each fault.
fn count(faults: &Faults, met: &mut BTreeMap<String, usize>) {
    for call in faults.done() {
        *met.entry(text(&call["do"]).to_string()).or_default() += 1;
    }
}

#[test]
fn an_environment_comes_and_goes_among_what_aws_has_not_heard_of() {
    comes_and_goes_among_the_young(
        environment(),
        &["not_found", "refuse_roles", "keep_interfaces"],
    );
}

#[test]
fn a_pipeline_comes_and_goes_among_what_aws_has_not_heard_of() {
    comes_and_goes_among_the_young(pipeline(), &["not_found", "refuse_roles"]);
}

/// What AWS has not heard of everywhere yet, or has not let go of: one rule each, for a second.
fn comes_and_goes_among_the_young(recipes: Recipes, rules: &[&str]) {
    let torture = Torture::of(recipes);
    for rule in rules {
        torture.connect();
        torture.faults.rules(json!([{"do": rule, "seconds": 1}]));
        let up = torture.up();
        assert_eq!(up.code, 0, "up, {rule}: {}", up.stderr);
        let met_by_up = torture.faults.done().len();
        torture.is_complete(&format!("up, {rule}"));
        torture.faults.rules(json!([{"do": rule, "seconds": 1}]));
        let down = torture.down();
        assert_eq!(down.code, 0, "down, {rule}: {}", down.stderr);
        let met_by_down = torture.faults.done().len();
        assert!(met_by_up + met_by_down > 0, "{rule}: nothing met it");
        torture.faults.end();
        torture.is_empty(&format!("down, {rule}"));
    }
}
