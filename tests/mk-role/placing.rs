//! What is said of all roles: a path, and a permissions boundary.

use support::{LocalAws, NOWHERE, Value, json, text, tool_at};

use crate::{PATH, WEB, make, role, role_names};

const TEAM: &str = "/team/plumbline/us-east-1/production-pr1/";

fn with(flags: &str) -> String {
    make().replace("| mk-role", &format!("| mk-role {flags}"))
}

fn policy(aws: &LocalAws, name: &str) -> String {
    let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let policy = json!({"PolicyName": name, "PolicyDocument": all.to_string()});
    text(&aws.call("iam", "create_policy", policy)["Policy"]["Arn"]).to_string()
}

fn boundary(aws: &LocalAws) -> Value {
    role(aws, WEB)["PermissionsBoundary"]["PermissionsBoundaryArn"].clone()
}

#[test]
fn a_boundary_is_set_changed_brought_back_and_never_taken_off() {
    let aws = LocalAws::start();
    let (one, other) = (policy(&aws, "one"), policy(&aws, "other"));
    aws.forget();
    aws.pipe(&with(&format!("--boundary {one}"))).ok();
    assert_eq!(boundary(&aws), one);
    assert!(
        !aws.changes()
            .contains(&"iam:PutRolePermissionsBoundary".into())
    );
    aws.forget();
    aws.pipe(&with(&format!("--boundary {one}"))).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    let changed = aws.pipe(&with(&format!("--boundary {other}"))).ok();
    assert_eq!(aws.changes(), ["iam:PutRolePermissionsBoundary"; 2]);
    let record = changed.record("role", "execution/web");
    let change = json!([{"field": "boundary", "old": one, "new": other}]);
    assert_eq!(record["changes"], change);
    assert_eq!(boundary(&aws), other);

    let by_hand = json!({"RoleName": WEB});
    aws.call("iam", "delete_role_permissions_boundary", by_hand);
    let planned = with(&format!("--boundary {other}")).replace("pr1 |", "pr1 --plan |");
    let planned = aws.pipe(&planned).would_change();
    assert_eq!(
        planned.record("role", "execution/web")["changes"][0]["old"],
        "none"
    );
    aws.pipe(&with(&format!("--boundary {other}"))).ok();
    assert_eq!(boundary(&aws), other);

    // Without it the role could do more.
    aws.forget();
    let left_out = aws.pipe(&make()).ok();
    let line =
        format!("role {WEB} has by somebody's hand: permissions boundary {other}; it stays so");
    assert!(left_out.stderr.contains(&line), "{}", left_out.stderr);
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn roles_on_a_path_are_found_by_everyone_and_stay_on_it() {
    let aws = LocalAws::start();
    let made = aws.pipe(&with("--path /team/")).ok();
    assert_eq!(role(&aws, WEB)["Path"], TEAM);
    let arn = &made.record("role", "execution/web")["arn"];
    assert_eq!(*arn, role(&aws, WEB)["Arn"]);
    aws.forget();
    aws.pipe(&with("--path /team/")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("role", "execution/web")["arn"], *arn);

    // A path cannot be changed.
    let moved = aws.pipe(&make());
    assert_eq!(moved.code, 1);
    let line = format!(" has path {TEAM}, wanted {PATH}; a path cannot be changed");
    assert!(moved.stderr.contains(&line), "{}", moved.stderr);
    assert!(
        moved.stderr.contains("mk-role --path /team/ goes on"),
        "{}",
        moved.stderr
    );

    // One that is dropped is named and pruned as others are.
    let apps = make();
    let web = apps.split("| mk-app api").next().unwrap();
    let web_alone = format!(
        "{} | {} | mk-role --path /team/ | prune-env --confirm production-pr1",
        web.replace("--calls api ", ""),
        crate::ours(&["web"])
    );
    let pruned = aws.pipe(&web_alone).ok();
    assert_eq!(pruned.record("role", "execution/api")["change"], "deleted");
    aws.pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1")
        .ok();
    assert_eq!(role_names(&aws), Vec::<Value>::new());
}

#[test]
fn what_iam_cannot_take_is_refused_before_the_first_call() {
    let env = support::ENV;
    let long = format!("/{}/", "a".repeat(500));
    for (flag, value, why) in [
        ("--boundary", "bound", "not the ARN of an IAM policy"),
        (
            "--boundary",
            "arn:aws:iam::123456789012:role/x",
            "not the ARN of an IAM policy",
        ),
        (
            "--boundary",
            "arn:aws:iam::210987654321:policy/x",
            "not of account 123456789012",
        ),
        (
            "--boundary",
            "arn:aws-cn:iam::123456789012:policy/x",
            "not of partition aws",
        ),
        ("--path", "team", "a path begins and ends with /"),
        ("--path", "/team", "a path begins and ends with /"),
        ("--path", "/a b/", "a path begins and ends with /"),
        ("--path", long.as_str(), "more than the 512"),
    ] {
        let refused = tool_at(
            NOWHERE,
            "mk-role",
            &[flag, value],
            format!("{env}\n").as_bytes(),
        );
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
}
