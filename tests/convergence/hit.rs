//! Runs that are hit at one change: the tools are killed, or the answer is lost.

use support::{Output, text};

use crate::torture::{Torture, at_all, environment, pipeline};

/// A kill meets a change before or after it is done.
const WHEN: [&str; 2] = ["before", "after"];

#[test]
fn an_environment_killed_anywhere_is_completed_and_removed_by_another_run() {
    at_all(environment, 6, |torture, n, (up, down)| {
        killed_at(torture, up, down, WHEN[n % 2])
    });
}

#[test]
fn an_environment_comes_and_goes_whichever_answer_is_lost() {
    at_all(environment, 6, |torture, _, (up, down)| {
        without_answer_to(torture, up, down)
    });
}

#[test]
fn a_pipeline_killed_anywhere_is_completed_and_removed_by_another_run() {
    at_all(pipeline, 6, |torture, n, (up, down)| {
        killed_at(torture, up, down, WHEN[n % 2])
    });
}

#[test]
fn a_pipeline_comes_and_goes_whichever_answer_is_lost() {
    at_all(pipeline, 6, |torture, _, (up, down)| {
        without_answer_to(torture, up, down)
    });
}

/// Killed at the nth change of each, `up` and `down` are completed by another.
fn killed_at(torture: &Torture, up: u64, down: u64, when: &str) {
    torture.connect();
    let what = format!("up, killed {when} change {up} of {}, and up", torture.ups);
    torture.faults.kill_at(up, when);
    let first = torture.up();
    was_killed(torture, up, &first, &what);
    let second = torture.up();
    assert_eq!(second.code, 0, "{what}: {}", second.stderr);
    torture.is_complete(&what);

    let what = format!(
        "down, killed {when} change {down} of {}, and down",
        torture.downs
    );
    torture.faults.kill_at(down, when);
    let first = torture.down();
    was_killed(torture, down, &first, &what);
    let second = torture.down();
    assert_eq!(second.code, 0, "{what}: {}", second.stderr);
    torture.is_empty(&what);
}

/// A run that was hit was killed, and one that needed fewer changes went well. No more faults.
fn was_killed(torture: &Torture, nth: u64, run: &Output, what: &str) {
    let code = if torture.was_hit(nth) { -1 } else { 0 };
    assert_eq!(run.code, code, "{what}: {}", run.stderr);
    torture.faults.end();
}

/// Where the answer to one change is lost, the run finds out what became of it.
fn without_answer_to(torture: &Torture, up: u64, down: u64) {
    torture.connect();
    torture.faults.cut_at(up, "after");
    let run = torture.up();
    torture.was_hit(up);
    let call = call_that_was_hit(torture);
    let what = format!(
        "up, without an answer to change {up} of {}, {call}",
        torture.ups
    );
    assert_eq!(run.code, 0, "{what}: {}", run.stderr);
    torture.is_complete(&what);

    torture.faults.cut_at(down, "after");
    let run = torture.down();
    torture.was_hit(down);
    let call = call_that_was_hit(torture);
    let what = format!(
        "down, without an answer to change {down} of {}, {call}",
        torture.downs
    );
    assert_eq!(run.code, 0, "{what}: {}", run.stderr);
    torture.is_empty(&what);
}

fn call_that_was_hit(torture: &Torture) -> String {
    text(&torture.faults.told()["done"][0]["call"]).to_string()
}
