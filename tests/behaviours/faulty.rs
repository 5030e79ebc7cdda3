//! A local AWS behind faults: calls that it refuses, and answers that say something else.

use std::collections::BTreeMap;

use support::{Faults, LocalAws, Output, Value, json, text};

/// A call, and what AWS answers instead of doing it: its code and message.
pub type Case = (&'static str, &'static str, &'static str);

/// Without the moment in which a role is unknown: it would be met instead of what a test is about.
pub fn start() -> (LocalAws, Faults) {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    (aws, faults)
}

/// What a pipe changes when nothing is in its way.
pub fn changes(faults: &Faults, pipe: &str) -> Vec<Value> {
    faults.end();
    faults.pipe(pipe).ok();
    let mut seen = faults.seen();
    seen.retain(|call| call["changing"] == true);
    seen
}

/// Each time this call comes, it is refused.
pub fn refusal((call, code, message): Case) -> Value {
    let status = match code {
        "NoSuchBucket" => 404,
        "BucketAlreadyOwnedByYou"
        | "BucketNotEmpty"
        | "OperationAborted"
        | "ResourceConflictException" => 409,
        "AccessDenied" | "AccessDeniedException" => 403,
        _ => 400,
    };
    json!({"do": "refuse", "of": call, "code": code, "message": message, "status": status})
}

/// Runs a pipe that ends well, although the calls of `passes` are refused twice, one case after the
/// other, and those of `done` are then done once and answered as if there had been nothing to do.
/// It meets all of that.
pub fn survives(faults: &Faults, pipe: &str, passes: &[Case], done: &[Case]) -> Output {
    let rules = refusals(passes, done);
    let wanted = count(rules.iter().map(|rule| &rule["of"]));
    faults.rules(rules.into());
    let output = faults.pipe(pipe);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let met = faults.done();
    let met = count(met.iter().map(|fault| &fault["call"]));
    assert_eq!(met, wanted, "{}", output.stderr);
    faults.end();
    output
}

fn refusals(passes: &[Case], done: &[Case]) -> Vec<Value> {
    let mut order: Vec<(Case, &str)> = Vec::new();
    for &case in passes {
        order.extend([(case, "before"), (case, "before")]);
    }
    for &case in done {
        order.push((case, "after"));
    }
    let mut calls: BTreeMap<&str, u64> = BTreeMap::new();
    let mut rules = Vec::new();
    for (case, when) in order {
        let nth = calls.entry(case.0).or_default();
        *nth += 1;
        let mut rule = refusal(case);
        rule["nth"] = json!(nth);
        rule["when"] = json!(when);
        rules.push(rule);
    }
    rules
}

fn count<'a>(calls: impl Iterator<Item = &'a Value>) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls {
        *counts.entry(text(call).to_string()).or_default() += 1;
    }
    counts
}

/// A pipe ends with this code and says this line once, where AWS answers by this rule.
pub fn says(faults: &Faults, pipe: &str, rule: Value, code: i32, line: &str) {
    faults.rules(json!([rule]));
    let output = faults.pipe(pipe);
    assert_eq!(output.code, code, "{line}: {}", output.stderr);
    let times = output.stderr.matches(line).count();
    assert_eq!(times, 1, "{line}: {}", output.stderr);
    faults.end();
}

/// A pipe fails and says this line, where AWS answers by this rule. The rule stays.
pub fn fails(faults: &Faults, pipe: &str, rule: Value, line: &str) {
    faults.rules(json!([rule]));
    let output = faults.pipe(pipe);
    assert!(
        output.code != 0 && output.stderr.contains(line),
        "{}",
        output.stderr
    );
}
