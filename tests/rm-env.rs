//! rm-env: what it deletes, and what it does not.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{DOWN, ENV, LocalAws, json, recipe, text, tool};

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("rm-env", &["--confirm", "production-pr1"]);
}

#[test]
fn it_wants_the_name_of_what_it_deletes() {
    assert_eq!(tool("rm-env", &[], ENV).code, 2);
    let output = tool("rm-env", &["--confirm", "production-pr2"], ENV);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (
            2,
            "rm-env: --confirm production-pr2 is not the environment on stdin, production-pr1\n"
        )
    );
}

#[test]
fn a_list_that_is_not_whole_deletes_nothing() {
    let aws = LocalAws::start();
    let made = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    aws.forget();
    let input = format!(
        "{}{}\n",
        made.stdout, r#"{"type":"failed","name":"ls-env","message":"no"}"#
    );
    let output = aws.pipe_with("rm-env --confirm production-pr1", &input);
    assert_eq!((output.code, aws.changes()), (3, Vec::new()));
}

#[test]
fn of_nothing_it_deletes_nothing() {
    let aws = LocalAws::start();
    // One after the other: on a busy machine rm-env would say that it waits for ls-env.
    let listed = aws.pipe("ls-env --env production-pr1").ok().stdout;
    let output = aws.pipe_with("rm-env --confirm production-pr1", &listed);
    let output = output.ok();
    assert_eq!(
        (output.stderr.as_str(), aws.changes()),
        (
            "rm-env: nothing to delete of production-pr1 in us-east-1 of account 123456789012\n",
            Vec::new()
        )
    );
}

#[test]
fn a_record_of_something_without_our_tag_deletes_nothing() {
    let aws = LocalAws::start();
    let vpc = aws.call("ec2", "create_vpc", json!({"CidrBlock": "10.9.0.0/16"}));
    let repo = aws.call(
        "ecr",
        "create_repository",
        json!({"repositoryName": "repo-web-production-pr1"}),
    );
    let input = format!(
        "{ENV}\n{}\n{}\n",
        json!({"type": "vpc", "name": "main", "id": vpc["Vpc"]["VpcId"], "cidr": "10.9.0.0/16"}),
        json!({"type": "repo", "name": "web", "arn": repo["repository"]["repositoryArn"], "uri": repo["repository"]["repositoryUri"]}),
    );
    aws.forget();
    aws.pipe_with("rm-env --confirm production-pr1", &input);
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn something_foreign_in_the_vpc_is_named_and_left_and_all_else_goes() {
    let aws = LocalAws::start();
    let made = aws.pipe(&recipe(&["up"], "pr1")).ok();
    let vpc = made.record("vpc", "main")["id"].clone();
    let theirs = aws.call(
        "ec2",
        "create_security_group",
        json!({"GroupName": "theirs", "Description": "theirs", "VpcId": vpc}),
    );
    let output = aws.pipe(DOWN);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let named = format!(
        "rm-env: cannot delete {}: in the way, and not this environment's: security group {}\n",
        text(&vpc),
        text(&theirs["GroupId"])
    );
    assert!(output.stderr.contains(&named), "{}", output.stderr);
    let left = aws.pipe("ls-env --env production-pr1").ok().records();
    let left: Vec<_> = left
        .iter()
        .map(|record| text(&record["type"]).to_string())
        .collect();
    assert_eq!(left, ["env", "vpc"]);
    aws.call(
        "ec2",
        "delete_security_group",
        json!({"GroupId": theirs["GroupId"]}),
    );
    aws.pipe(DOWN).ok();
    assert_eq!(
        aws.pipe("ls-env --env production-pr1").ok().records().len(),
        1
    );
}

#[test]
fn a_foreign_interface_in_a_subnet_is_named_at_once() {
    let aws = LocalAws::start();
    let made = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    let subnet = made.record("subnet", "private-a")["id"].clone();
    let theirs = aws.call(
        "ec2",
        "create_network_interface",
        json!({"SubnetId": subnet, "Description": "theirs"}),
    );
    let output = aws.pipe(DOWN);
    assert_eq!(output.code, 1);
    let id = text(&theirs["NetworkInterface"]["NetworkInterfaceId"]);
    assert!(
        output
            .stderr
            .contains(&format!("network interface {id} (theirs)")),
        "{}",
        output.stderr
    );
}

#[test]
fn a_plan_deletes_nothing_and_says_what_would_go() {
    let aws = LocalAws::start();
    let made = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    aws.forget();
    let planned = made
        .stdout
        .replacen("\"tags\":", "\"plan\":true,\"tags\":", 1);
    let output = aws
        .pipe_with("rm-env --confirm production-pr1", &planned)
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(output.record("vpc", "main")["change"], "delete");
}

#[test]
fn what_a_person_chooses_with_grep_is_deleted_without_the_env_record() {
    let aws = LocalAws::start();
    let apps = "mk-env production pr1 | mk-app web --public --calls api | mk-app api";
    aws.pipe(&format!("{apps} | mk-ecr")).ok();
    let chosen = "ls-env --env production-pr1 | grep '\"repo\",\"name\":\"web\"'";
    let deleted = aws
        .pipe(&format!("{chosen} | rm-env --confirm production-pr1"))
        .ok();
    assert_eq!(deleted.record("repo", "web")["change"], "deleted");
    let left = aws.pipe("ls-env --env production-pr1").ok();
    let repositories = left.records();
    let repositories: Vec<&str> = repositories
        .iter()
        .filter(|record| record["type"] == "repo")
        .map(|record| text(&record["name"]))
        .collect();
    assert_eq!(repositories, ["api"]);
    // Nothing that was chosen is no wish to delete anything.
    let empty = aws.pipe("ls-env --env production-pr1 | grep nothing | rm-env --confirm production-pr1; exit ${PIPESTATUS[2]}");
    assert_eq!(empty.code, 65, "{}", empty.stderr);
}

#[test]
fn an_app_that_calls_another_is_deleted_without_it() {
    let aws = LocalAws::start();
    let apps = "mk-env production pr1 | mk-app web --public --calls api | mk-app api";
    let made = aws.pipe(&format!("{apps} | mk-ecr")).ok();
    let mut chosen = format!("{ENV}\n{}\n", made.record("app", "web"));
    chosen.push_str(&made.record("repo", "web").to_string());
    let deleted = aws
        .pipe_with("rm-env --confirm production-pr1", &chosen)
        .ok();
    assert_eq!(deleted.record("repo", "web")["change"], "deleted");
}
