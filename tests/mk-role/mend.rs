//! What differs from what is wanted is brought into line, and what is somebody else's is refused.

use support::{LocalAws, json};

use crate::{PATH, WEB, call_of_web, delete_policy, make, policy, role};

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let before = role(&aws, WEB);
    let policy_before = policy(&aws, WEB);

    let mut trust = before["AssumeRolePolicyDocument"].clone();
    let statement = trust["Statement"][0].as_object_mut().unwrap();
    statement.remove("Condition");
    let trust = json!({"PolicyDocument": trust.to_string()});
    call_of_web(&aws, "update_assume_role_policy", trust);
    let mut wide = policy_before.clone();
    wide["Statement"][1]["Resource"] = json!("*");
    let wide = json!({"PolicyName": "execution", "PolicyDocument": wide.to_string()});
    call_of_web(&aws, "put_role_policy", wide);
    let theirs = json!([{"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    call_of_web(&aws, "tag_role", json!({"Tags": theirs}));
    let description = json!({"Description": "theirs"});
    call_of_web(&aws, "update_role_description", description);

    aws.forget();
    let again = aws.pipe(&make()).ok();
    assert_eq!(
        aws.changes(),
        [
            "iam:UpdateAssumeRolePolicy",
            "iam:PutRolePolicy",
            "iam:UpdateRoleDescription",
            "iam:TagRole"
        ]
    );
    let record = again.record("role", "execution/web");
    assert_eq!(record["change"], "updated");
    let changes = record["changes"].as_array().unwrap();
    let fields: Vec<_> = changes.iter().map(|change| &change["field"]).collect();
    assert_eq!(fields, ["trust", "policy", "description", "tag Team"]);
    let after = role(&aws, WEB);
    assert_eq!(
        after["AssumeRolePolicyDocument"],
        before["AssumeRolePolicyDocument"]
    );
    assert_eq!(policy(&aws, WEB), policy_before);
    assert_eq!(after["Description"], before["Description"]);
    let tags = support::tags(&after["Tags"]);
    assert_eq!(tags["Team"], "devops");
    assert_eq!(tags["theirs"], "x");
}

#[test]
fn what_is_stricter_stays_and_is_said() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let mut trust = role(&aws, WEB)["AssumeRolePolicyDocument"].clone();
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:SourceOrgID"] = json!("o-1");
    let denial = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
        "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}});
    trust["Statement"]
        .as_array_mut()
        .unwrap()
        .push(denial.clone());
    let document = json!({"PolicyDocument": trust.to_string()});
    call_of_web(&aws, "update_assume_role_policy", document);
    let deny = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}});
    let deny = json!({"PolicyName": "no-s3", "PolicyDocument": deny.to_string()});
    call_of_web(&aws, "put_role_policy", deny);
    let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let boundary = json!({"PolicyName": "bound", "PolicyDocument": all.to_string()});
    let boundary = aws.call("iam", "create_policy", boundary)["Policy"]["Arn"].clone();
    let set = json!({"PermissionsBoundary": boundary});
    call_of_web(&aws, "put_role_permissions_boundary", set);

    aws.forget();
    let line = format!(
        "mk-role: role {WEB} has by somebody's hand: a stricter trust, inline policy no-s3, which only denies, permissions boundary arn:aws:iam::123456789012:policy/bound; it stays so\n"
    );
    let kept = aws.pipe(&make()).ok();
    assert_eq!(kept.stderr.matches(&line).count(), 1, "{}", kept.stderr);
    assert!(!kept.stderr.contains("may do more"), "{}", kept.stderr);
    assert_eq!(aws.changes(), Vec::<String>::new());

    // Made wider as well, it is brought into line, and what denies stays.
    trust["Statement"][0]["Principal"] = json!({"AWS": "*"});
    let wide = json!({"PolicyDocument": trust.to_string()});
    call_of_web(&aws, "update_assume_role_policy", wide);
    aws.forget();
    let mended = aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), ["iam:UpdateAssumeRolePolicy"]);
    assert_eq!(mended.stderr.matches(&line).count(), 1, "{}", mended.stderr);
    let trust = role(&aws, WEB)["AssumeRolePolicyDocument"].clone();
    assert_eq!(trust["Statement"][1], denial);
    assert_eq!(
        trust["Statement"][0]["Principal"],
        json!({"Service": "ecs-tasks.amazonaws.com"})
    );
}

#[test]
fn an_instance_profile_whose_instances_may_use_it_is_named() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let profile = json!({"InstanceProfileName": "theirs"});
    aws.call("iam", "create_instance_profile", profile.clone());
    call_of_web(&aws, "add_role_to_instance_profile", profile);
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let trust = json!({"PolicyDocument": trust.to_string()});
    call_of_web(&aws, "update_assume_role_policy", trust);
    aws.forget();
    let mended = aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), ["iam:UpdateAssumeRolePolicy"]);
    let line = format!("mk-role: role {WEB} is in instance profile theirs, ");
    assert_eq!(mended.stderr.matches(&line).count(), 1, "{}", mended.stderr);
}

#[test]
fn a_policy_written_otherwise_is_the_same_policy() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let mut rights = policy(&aws, WEB);
    let actions = rights["Statement"][2]["Action"].as_array_mut().unwrap();
    actions.reverse();
    rights["Statement"][0]["Action"] = json!(["ecr:GetAuthorizationToken"]);
    let rights = json!({"PolicyName": "execution", "PolicyDocument": format!("{rights:#}")});
    call_of_web(&aws, "put_role_policy", rights);
    aws.forget();
    aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_missing_policy_is_set() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    delete_policy(&aws);
    aws.forget();
    aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), ["iam:PutRolePolicy"]);
}

#[test]
fn a_role_of_someone_else_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    });
    let document = json!({"AssumeRolePolicyDocument": trust.to_string()});
    call_of_web(&aws, "create_role", document);
    let output = aws.pipe(&make());
    assert_eq!(output.code, 1);
    let line = format!(
        "mk-role: role {WEB} exists and is not tagged plumbline:env=production-pr1; it is left alone"
    );
    assert!(output.stderr.contains(&line), "{}", output.stderr);
    assert_eq!(role(&aws, WEB)["AssumeRolePolicyDocument"], trust);
    let policies = aws.call("iam", "list_role_policies", json!({"RoleName": WEB}));
    assert_eq!(policies["PolicyNames"], json!([]));
}

#[test]
fn a_role_on_another_path_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let role = role(&aws, WEB);
    delete_policy(&aws);
    call_of_web(&aws, "delete_role", json!({}));
    let trust = role["AssumeRolePolicyDocument"].to_string();
    let without_path = json!({"AssumeRolePolicyDocument": trust, "Tags": role["Tags"]});
    call_of_web(&aws, "create_role", without_path);
    aws.forget();
    let output = aws.pipe(&make());
    assert_eq!(output.code, 1);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let line = format!("mk-role: role {WEB} has path /, wanted {PATH}; a path cannot be changed\n");
    assert!(output.stderr.contains(&line), "{}", output.stderr);
}
