//! What is refused: what AWS cannot change, and what has our name and is not ours.

use support::{Faults, LocalAws, Value, json};

use crate::elb::{
    attributes, create_their_target_group, create_theirs, listeners, tags_of, target_group,
};
use crate::input::{UPSTREAM, upstream};

#[test]
fn a_load_balancer_in_our_subnets_is_in_our_vpc_whatever_id_is_told() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    let other_vpc = rewrite("<VpcId>[^<]*", "<VpcId>vpc-00000001");
    faults.rules(json!([other_vpc]));
    aws.forget();
    faults.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let other_subnets = rewrite("<SubnetId>[^<]*", "<SubnetId>subnet-1");
    faults.rules(json!([other_vpc, other_subnets]));
    let output = faults.pipe_with("mk-alb", &input);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("has vpc vpc-00000001, wanted vpc-"),
        "{}",
        output.stderr
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

/// A rule by which AWS says something else of each load balancer.
fn rewrite(pattern: &str, replacement: &str) -> Value {
    json!({"do": "rewrite", "of": "elasticloadbalancing:DescribeLoadBalancers", "match": pattern, "by": replacement})
}

#[test]
fn a_load_balancer_of_the_same_name_but_not_ours_is_left_alone() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let theirs = create_theirs(&aws, &input, "alb-web-production-pr1");
    let output = aws.pipe_with("mk-alb", &input);
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains(
            "load balancer alb-web-production-pr1 is there, but not this environment's: it lacks the tag plumbline:env=production-pr1"
        ),
        "{}",
        output.stderr
    );
    assert_eq!(tags_of(&aws, &theirs), json!({}));
    assert_eq!(listeners(&aws, &theirs), Vec::<Value>::new());
    assert_eq!(
        attributes(&aws, &theirs)["routing.http.drop_invalid_header_fields.enabled"],
        "false"
    );
}

#[test]
fn a_target_group_of_the_same_name_but_not_ours_is_left_alone() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let theirs = create_their_target_group(&aws, &input, "tg-api-5000-1vx4-production-pr1", 5000);
    let output = aws.pipe_with("mk-alb", &input);
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains(
            "target group tg-api-5000-1vx4-production-pr1 is there, but not this environment's"
        ),
        "{}",
        output.stderr
    );
    let found = target_group(&aws, &theirs["TargetGroupArn"]);
    assert_eq!(
        found["HealthCheckIntervalSeconds"],
        theirs["HealthCheckIntervalSeconds"]
    );
}
