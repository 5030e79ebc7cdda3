//! What belongs to a pipeline: its rule, the bucket, roles, log groups, the repository.

use support::{Value, json, text};

use crate::world::{Call, World, events};

const RULE: &str = "rule-web-production-pr1";
const BUCKET: &str = "bucket-123456789012-us-east-1-production-pr1";

#[test]
fn the_other_parts_of_a_pipeline_come_back() {
    let world = World::pipeline();
    the_rule_comes_back(&world);
    the_target_of_the_rule_comes_back(&world);
    a_rule_that_is_gone_is_made_again(&world);
    the_block_of_public_access_comes_back(&world);
    the_lifecycle_comes_back(&world);
    the_policy_of_the_bucket_comes_back(&world);
    policies_of_roles_come_back(&world);
    the_retention_of_logs_comes_back(&world);
    what_needs_the_repository_comes_back(&world);
}

fn the_rule_comes_back(world: &World) {
    let get = || events("describe_rule", json!({"Name": RULE}));
    let wanted = world.call(get());
    let put = |field: &str, value: &str| {
        let mut set = json!({
            "Name": wanted["Name"],
            "State": wanted["State"],
            "Description": wanted["Description"],
            "EventPattern": wanted["EventPattern"],
        });
        set[field] = json!(value);
        events("put_rule", set)
    };
    world.mends(
        &[put("Description", "theirs")],
        get(),
        "/Description",
        json!({"rule web": [["description", "theirs", wanted["Description"]]]}),
    );
    // Enabled, one push would start two runs.
    world.mends(
        &[put("State", "ENABLED")],
        get(),
        "/State",
        json!({"rule web": [["state", "ENABLED", "DISABLED"]]}),
    );
}

fn the_target_of_the_rule_comes_back(world: &World) {
    let get = || events("list_targets_by_rule", json!({"Rule": RULE}));
    let wanted = world.get(&get(), "/Targets/0");
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role = json!({"RoleName": "theirs", "AssumeRolePolicyDocument": trust.to_string()});
    let role = world.call(("iam", "create_role", role))["Role"]["Arn"].clone();
    let pipeline = json!("arn:aws:codepipeline:us-east-1:123456789012:theirs");
    for (parameter, field, other) in [
        ("Arn", "target", pipeline),
        ("RoleArn", "target role", role),
    ] {
        let mut target = wanted.clone();
        target[parameter] = other.clone();
        let set = json!({"Rule": RULE, "Targets": [target]});
        world.mends(
            &[events("put_targets", set)],
            get(),
            "/Targets",
            json!({"rule web": [[field, other, wanted[parameter]]]}),
        );
    }
}

fn a_rule_that_is_gone_is_made_again(world: &World) {
    let target = json!({"Rule": RULE, "Ids": ["pipeline"]});
    world.call(events("remove_targets", target));
    world.call(events("delete_rule", json!({"Name": RULE})));
    world.run_reports(json!({"rule web": "created"}));
    world.run_changes_nothing();
}

fn of_bucket(operation: &str) -> Call<'_> {
    ("s3", operation, json!({"Bucket": BUCKET}))
}

fn the_block_of_public_access_comes_back(world: &World) {
    let field = "PublicAccessBlockConfiguration";
    let pointer = format!("/{field}");
    let get = || of_bucket("get_public_access_block");
    for part in [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ] {
        let mut block = world.get(&get(), &pointer);
        block[part] = json!(false);
        let set = json!({"Bucket": BUCKET, field: block});
        world.mends(
            &[("s3", "put_public_access_block", set)],
            get(),
            &pointer,
            json!({"bucket artifacts": [["public access blocked", "false", "true"]]}),
        );
    }
}

fn the_lifecycle_comes_back(world: &World) {
    for (rule, pointer, value) in [
        ("plumbline-objects", "/Expiration/Days", json!(3)),
        (
            "plumbline-objects",
            "/NoncurrentVersionExpiration/NoncurrentDays",
            json!(1),
        ),
        (
            "plumbline-objects",
            "/AbortIncompleteMultipartUpload/DaysAfterInitiation",
            json!(1),
        ),
        ("plumbline-objects", "/Status", json!("Disabled")),
        ("plumbline-markers", "/Status", json!("Disabled")),
    ] {
        let get = || of_bucket("get_bucket_lifecycle_configuration");
        let mut rules = world.get(&get(), "/Rules");
        let mut each = rules.as_array_mut().unwrap().iter_mut();
        let rule = each.find(|other| other["ID"] == rule).unwrap();
        *rule.pointer_mut(pointer).unwrap() = value;
        let set = json!({"Bucket": BUCKET, "LifecycleConfiguration": {"Rules": rules}});
        world.mends(
            &[("s3", "put_bucket_lifecycle_configuration", set)],
            get(),
            "/Rules",
            json!({"bucket artifacts": [["lifecycle", "*", "*"]]}),
        );
    }
}

fn the_policy_of_the_bucket_comes_back(world: &World) {
    let get = of_bucket("get_bucket_policy");
    let open = text(&world.get(&get, "/Policy")).replace("\"false\"", "\"true\"");
    let set = json!({"Bucket": BUCKET, "Policy": open});
    world.mends(
        &[("s3", "put_bucket_policy", set)],
        get,
        "/Policy",
        json!({"bucket artifacts": [["policy", "*", "*"]]}),
    );
}

fn policies_of_roles_come_back(world: &World) {
    let wide = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    for role in ["build", "function", "pipeline", "events"] {
        let get = json!({
            "RoleName": format!("role-{role}-web-us-east-1-production-pr1"),
            "PolicyName": role,
        });
        let mut set = get.clone();
        set["PolicyDocument"] = Value::String(wide.to_string());
        world.mends(
            &[("iam", "put_role_policy", set)],
            ("iam", "get_role_policy", get),
            "/PolicyDocument",
            json!({format!("role {role}/web"): [["policy", "*", "*"]]}),
        );
    }
}

fn the_retention_of_logs_comes_back(world: &World) {
    for (group, record) in [
        (
            "/aws/codebuild/build-web-production-pr1",
            "log_group build/web",
        ),
        (
            "/aws/lambda/function-web-production-pr1",
            "log_group function/web",
        ),
    ] {
        let set = |days: u32| {
            let set = json!({"logGroupName": group, "retentionInDays": days});
            ("logs", "put_retention_policy", set)
        };
        let get = json!({"logGroupNamePrefix": group});
        world.mends(
            &[set(3)],
            ("logs", "describe_log_groups", get),
            "/logGroups/0/retentionInDays",
            json!({record: [["retention", "3", "7"]]}),
        );
        // Who keeps them longer has a reason.
        world.call(set(365));
        let kept = world.run_changes_nothing();
        let told = format!("log group {group} keeps events 365 days, longer than 7: it stays so");
        assert!(kept.stderr.contains(&told), "{}", kept.stderr);
        world.call(set(7));
    }
}

/// The tags of the repository say what needs it.
fn what_needs_the_repository_comes_back(world: &World) {
    let repository = world.id("repo", "web");
    let untag = json!({"resourceArn": repository, "tagKeys": ["plumbline:source"]});
    let get = json!({"resourceArn": repository});
    world.mends(
        &[("ecr", "untag_resource", untag)],
        ("ecr", "list_tags_for_resource", get),
        "/tags",
        json!({"repo web": [["tag plumbline:source", "", "web"]]}),
    );
}
