//! What other runs, other accounts and people do: they tag, lock, take names, and write late.

use support::{Faults, LocalAws, Output, Value, json, recipe, text};

use crate::faulty::{changes, says, start, survives};

#[test]
fn tags_that_another_run_sets_at_the_same_time_are_set_again() {
    let (aws, faults) = start();
    let up = "mk-env production pr1 | mk-app web --image x | mk-vpc --nat single | mk-sg";
    let made = aws.pipe(up).ok();
    let vpc = made.record("vpc", "main")["id"].clone();
    let group = made.record("sg", "alb/web")["id"].clone();
    let team = json!([{"Key": "Team", "Value": "nobody"}]);
    let tags = json!({"Resources": [vpc, group], "Tags": team});
    aws.call("ec2", "create_tags", tags);
    let busy = (
        "ec2:CreateTags",
        "ConcurrentTagAccess",
        "You can't run simultaneous commands to modify a tag",
    );
    survives(&faults, up, &[busy, busy], &[]);
    assert_eq!(changes(&faults, up), Vec::<Value>::new());
}

#[test]
fn what_only_a_person_can_take_away_is_named_and_asked_once() {
    let (aws, faults) = start();
    let down = recipe(&["down"], "pr1");
    let made = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    an_address_that_is_locked_is_told(&faults, &down);
    an_endpoint_of_somebody_else_is_named(&aws, &faults, &made, &down);
    faults.pipe(&down).ok();
}

/// An address with a name in reverse DNS.
fn an_address_that_is_locked_is_told(faults: &Faults, down: &str) {
    let locked = "The address with allocation id [eipalloc-1] cannot be released because it is locked to your account.";
    let rule = json!({"do": "refuse", "of": "ec2:ReleaseAddress", "code": "InvalidAddress.Locked", "message": locked});
    faults.rules(json!([rule]));
    let output = faults.pipe(down);
    let asked = faults.done().len();
    assert_eq!((output.code, asked), (1, 1), "{}", output.stderr);
    let line = "it is locked to your account (ec2:ReleaseAddress, InvalidAddress.Locked";
    assert!(output.stderr.contains(line));
    faults.end();
}

/// As GuardDuty's runtime monitoring makes one.
fn an_endpoint_of_somebody_else_is_named(
    aws: &LocalAws,
    faults: &Faults,
    made: &Output,
    down: &str,
) {
    let endpoint = json!({
        "VpcId": made.record("vpc", "main")["id"],
        "ServiceName": "com.amazonaws.us-east-1.guardduty-data",
        "VpcEndpointType": "Interface",
        "SubnetIds": [made.record("subnet", "private-a")["id"]],
    });
    let endpoint = aws.call("ec2", "create_vpc_endpoint", endpoint);
    let endpoint = &endpoint["VpcEndpoint"]["VpcEndpointId"];
    let output = faults.pipe(down);
    let named = format!("(VPC Endpoint Interface {}, managed by ", text(endpoint));
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains(&named), "{}", output.stderr);
    let gone = json!({"VpcEndpointIds": [endpoint]});
    aws.call("ec2", "delete_vpc_endpoints", gone);
}

#[test]
fn a_bucket_of_another_account_or_region_is_told_and_left_alone() {
    let (_aws, faults) = start();
    let bucket = "bucket-123456789012-us-east-1-production-pr1";
    for (call, status, code, line) in [
        (
            "s3:CreateBucket",
            409,
            "BucketAlreadyExists",
            format!("mk-bucket: bucket {bucket} is another account's\n"),
        ),
        (
            "s3:GetBucketTagging",
            301,
            "PermanentRedirect",
            format!("mk-bucket: bucket {bucket} exists in another region; it is left alone\n"),
        ),
        (
            "s3:GetBucketTagging",
            403,
            "AccessDenied",
            format!(
                "mk-bucket: cannot find bucket {bucket}: Told (s3:GetBucketTagging, AccessDenied"
            ),
        ),
    ] {
        let rule =
            json!({"do": "refuse", "of": call, "status": status, "code": code, "message": "Told."});
        says(&faults, "mk-env production pr1 | mk-bucket", rule, 1, &line);
    }
}

#[test]
fn of_log_groups_that_begin_alike_one_goes_and_again_where_a_late_writer_made_it_anew() {
    let (aws, faults) = start();
    let make = "mk-env production pr1 | mk-app web | mk-app web2 | mk-logs";
    let made = aws.pipe(make).ok();
    let web = made.stdout.lines();
    let web: Vec<&str> = web.filter(|line| !line.contains(r#""web2""#)).collect();
    let output = down_with_a_late_writer(&aws, &faults, &web.join("\n"));
    assert_eq!(output.code, 0, "{}", output.stderr);
    let mut deletions = faults.seen();
    deletions.retain(|call| text(&call["call"]).contains("DeleteLogGroup"));
    let left = aws.call("logs", "describe_log_groups", json!({}));
    let left = left["logGroups"].as_array().unwrap().iter();
    let left: Vec<&str> = left.map(|group| text(&group["logGroupName"])).collect();
    assert_eq!(
        (left, deletions.len()),
        (vec!["/ecs/production-pr1/web2"], 2),
        "{}",
        output.stderr
    );
}

/// Deletes what is in the records. After the deletion of the group a task that ends late writes a
/// last line, which makes the group anew, before rm-env is answered whether it is gone.
fn down_with_a_late_writer(aws: &LocalAws, faults: &Faults, records: &str) -> Output {
    faults.rules(json!([{"do": "delay", "of": "logs:DescribeLogGroups", "nth": 2, "ms": 2000}]));
    std::thread::scope(|scope| {
        let down = scope.spawn(|| faults.pipe_with("rm-env --confirm production-pr1", records));
        while !faults.told()["seen"].to_string().contains("DeleteLogGroup") && !down.is_finished() {
        }
        let group = json!({"logGroupName": "/ecs/production-pr1/web"});
        while !down.is_finished() {
            let made = aws.try_call("logs", "create_log_group", group.clone());
            if made.is_ok() {
                break;
            }
        }
        down.join().unwrap()
    })
}
