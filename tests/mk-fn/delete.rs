//! What ls-env finds, and what rm-env deletes.

use support::{ENV, LocalAws, json};

use crate::{NAME, functions, input, make, records};

const DOWN: &str = "rm-env --confirm production-pr1";

#[test]
fn ls_env_finds_the_functions_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let made = make(&aws, &records(&aws)).ok().record("function", "web");
    let records_of_pr2 = aws.pipe_with("mk-role | mk-logs", &input("pr2")).ok();
    make(&aws, &records_of_pr2.stdout).ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let found = listed.record("function", "web");
    assert_eq!(found["arn"], made["arn"]);
    assert_eq!(found["function"], made["function"]);
    let mut listed = listed.records();
    listed.retain(|record| record["type"] == "function");
    assert_eq!(listed.len(), 1);

    let theirs = NAME.replace("pr1", "pr2");
    let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{theirs}");
    let theirs = json!({"type": "function", "name": "theirs", "arn": arn, "function": theirs});
    let deleted = aws.pipe_with(DOWN, &format!("{ENV}\n{found}\n{theirs}\n"));
    assert_eq!(deleted.code, 1);
    let message = "function function-web-production-pr2 exists and is not tagged plumbline:env=production-pr1";
    assert!(deleted.stderr.contains(message), "{}", deleted.stderr);
    assert_eq!(deleted.record("function", "web")["change"], "deleted");
    assert_eq!(functions(&aws), 1, "that of pr2");
    // What does not exist any more counts as deleted.
    aws.pipe_with(DOWN, &format!("{ENV}\n{found}\n")).ok();
}
