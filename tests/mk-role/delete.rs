//! What is deleted with a role, and which roles are not deleted.

use support::{APPS, LocalAws, Value, json, text};

use crate::{PATH, WEB, call_of_web, make, ours, plan, policy, role, role_names};

#[test]
fn ls_env_finds_the_roles_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let long = "a-name-that-is-cut-in-iam";
    let ours = ours(&["web", "api", long]);
    let pipe = format!("mk-env production pr1 | {APPS} | mk-app {long} | {ours} | mk-role");
    let made = aws.pipe(&pipe).ok();
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    });
    let other =
        json!({"RoleName": "theirs", "Path": PATH, "AssumeRolePolicyDocument": trust.to_string()});
    let arn = aws.call("iam", "create_role", other)["Role"]["Arn"].clone();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    for app in ["web", "api", long] {
        let name = format!("execution/{app}");
        assert_eq!(
            made.record("role", &name)["arn"],
            listed.record("role", &name)["arn"]
        );
    }
    assert!(!listed.stdout.contains("theirs"), "{}", listed.stdout);
    let record = json!({"type": "role", "name": "theirs", "arn": arn});
    let remove = "rm-env --confirm production-pr1";
    let deleted = aws.pipe_with(remove, &format!("{}{record}\n", listed.stdout));
    assert_eq!(deleted.code, 1);
    assert!(
        deleted
            .stderr
            .contains("role theirs exists and is not tagged"),
        "{}",
        deleted.stderr
    );
    assert_eq!(deleted.record("role", "execution/web")["change"], "deleted");
    assert_eq!(role_names(&aws), ["theirs"]);
    // What does not exist any more counts as deleted.
    aws.pipe_with(remove, &listed.stdout).ok();
}

/// Gives web's role what people give one: policies, a boundary and longer sessions. Answers the ARN
/// of the managed policy.
fn give_more(aws: &LocalAws) -> Value {
    let rights = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    });
    let rights = rights.to_string();
    let managed = json!({"PolicyName": "managed", "PolicyDocument": rights});
    let managed = aws.call("iam", "create_policy", managed)["Policy"]["Arn"].clone();
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let attach = "attach_role_policy";
    call_of_web(aws, attach, json!({"PolicyArn": managed}));
    call_of_web(aws, attach, json!({"PolicyArn": administrator}));
    let inline = json!({"PolicyName": "more", "PolicyDocument": rights});
    call_of_web(aws, "put_role_policy", inline);
    let boundary = json!({"PermissionsBoundary": managed});
    call_of_web(aws, "put_role_permissions_boundary", boundary);
    let description = role(aws, WEB)["Description"].clone();
    let sessions = json!({"MaxSessionDuration": 7200, "Description": description});
    call_of_web(aws, "update_role", sessions);
    managed
}

#[test]
fn what_others_gave_a_role_is_told_stays_and_goes_with_it() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    let managed = give_more(&aws);
    aws.forget();
    let managed_arn = text(&managed);
    let told = format!(
        "mk-role: role {WEB} may do more than it is for: others gave it inline policy more, managed policy {managed_arn}, managed policy arn:aws:iam::aws:policy/AdministratorAccess\nmk-role: role {WEB} has by somebody's hand: permissions boundary {managed_arn}; it stays so\nmk-role: nothing to change (2 kept)\n"
    );
    assert_eq!(aws.pipe(&make()).ok().stderr, told);
    assert_eq!(aws.pipe(&plan()).ok().stderr, told);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let role = role(&aws, WEB);
    assert_eq!(role["MaxSessionDuration"], 7200);
    let boundary = &role["PermissionsBoundary"];
    assert_eq!(boundary["PermissionsBoundaryArn"], managed);
    let remove = "rm-env --confirm production-pr1";
    let deleted = aws.pipe_with(remove, &made.stdout).ok();
    assert_eq!(deleted.record("role", "execution/web")["change"], "deleted");
    assert_eq!(role_names(&aws), Vec::<Value>::new());
    aws.call("iam", "get_policy", json!({"PolicyArn": managed}));
}

#[test]
fn a_role_in_an_instance_profile_stays_and_the_profile_is_named() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    let profile = json!({"InstanceProfileName": "theirs"});
    aws.call("iam", "create_instance_profile", profile.clone());
    call_of_web(&aws, "add_role_to_instance_profile", profile);
    let deleted = aws.pipe_with("rm-env --confirm production-pr1", &made.stdout);
    assert_eq!(deleted.code, 1);
    let line = format!(
        "cannot delete role {WEB}: in the way, and not this environment's: instance profile theirs"
    );
    assert!(deleted.stderr.contains(&line), "{}", deleted.stderr);
    assert_eq!(role_names(&aws), [WEB]);
    assert_ne!(policy(&aws, WEB), json!(null));
}
