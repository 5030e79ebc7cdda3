//! Tags that a person took away: nothing is lost sight of, nothing keeps the network from going, and
//! the next run puts them back.

use support::{DOWN, LocalAws, Output, Value, json, text};

use super::MAKE;

const LIST: &str = "ls-env --env production-pr1";

/// The records of a network's parts.
fn parts(output: &Output) -> Vec<Value> {
    let mut parts = output.records();
    parts.retain(|record| record.get("id").is_some());
    parts
}

/// Takes tags away, of everything that the network is made of.
fn take_away(aws: &LocalAws, keys: &[&str]) {
    let found = aws.pipe(LIST).ok();
    let ids: Vec<Value> = parts(&found)
        .iter()
        .map(|part| part["id"].clone())
        .collect();
    let tags: Vec<Value> = keys.iter().map(|key| json!({"Key": key})).collect();
    aws.call(
        "ec2",
        "delete_tags",
        json!({"Resources": ids, "Tags": tags}),
    );
}

#[test]
fn a_network_without_its_name_tags_is_listed_planned_mended_and_deleted() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    take_away(&aws, &["Name"]);
    let listed = aws.pipe(LIST).ok();
    assert_eq!(parts(&listed).len(), 13);
    // Which subnets are public, and that traffic can leave, does not hang on a name.
    for field in ["public_subnets", "private_subnets"] {
        let vpc = listed.record("vpc", "main");
        assert_eq!(vpc[field], made.record("vpc", "main")[field]);
    }
    assert_eq!(listed.record("egress", "main")["by"], "nat");
    let planned = aws.pipe(&format!("{LIST} | rm-env --plan")).would_change();
    assert_eq!(parts(&planned).len(), 26); // each as it is, and as it would be deleted

    let mended = aws.pipe(MAKE).ok();
    for part in parts(&made) {
        let again = mended.record(text(&part["type"]), text(&part["name"]));
        assert_eq!(again["id"], part["id"]);
        assert_eq!(again["change"], "updated", "{again}");
    }
    aws.forget();
    aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    take_away(&aws, &["Name"]);
    aws.pipe(DOWN).ok();
    assert_eq!(parts(&aws.pipe(LIST).ok()), Vec::<Value>::new());
}

#[test]
fn a_tag_of_the_environment_that_one_part_lost_is_still_the_environments() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let vpc = aws.pipe(MAKE).ok().record("vpc", "main")["id"].clone();
    let team = json!({"Resources": [vpc], "Tags": [{"Key": "Team"}]});
    aws.call("ec2", "delete_tags", team);
    let theirs = json!({"Resources": [vpc], "Tags": [{"Key": "theirs", "Value": "x"}]});
    aws.call("ec2", "create_tags", theirs);
    let env = aws.pipe(LIST).ok().record("env", "production-pr1");
    assert_eq!(env["tags"]["Team"], "devops", "{env}");
    assert_eq!(env["tags"].get("theirs"), None, "{env}");
    let mended = aws.pipe(MAKE).ok();
    let changes = mended.record("vpc", "main")["changes"].clone();
    assert_eq!(
        changes,
        json!([{"field": "tag Team", "old": "", "new": "devops"}])
    );
}

/// What does not carry the environment's identity is not touched, whatever else says that it is ours.
#[test]
fn a_part_without_the_identity_is_left_alone_and_named() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let subnet = aws.pipe(MAKE).ok().record("subnet", "private-a")["id"].clone();
    let identity = json!({"Resources": [subnet], "Tags": [{"Key": "plumbline:env"}]});
    aws.call("ec2", "delete_tags", identity);
    let again = aws.pipe(MAKE);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(
        again
            .stderr
            .contains("not of this environment, overlaps 10.0.128.0/20")
    );
    let down = aws.pipe(DOWN);
    assert_eq!(down.code, 1, "{}", down.stderr);
    assert!(down.stderr.contains(text(&subnet)), "{}", down.stderr);
    let found = json!({"SubnetIds": [subnet]});
    aws.call("ec2", "describe_subnets", found);
}
