//! Zones that a load balancer cannot be in, and those that its network leaves.

use support::{Faults, LocalAws, Value, json, list, text};

use crate::elb::{load_balancer, sorted, subnets_of};
use crate::input::{UPSTREAM, dry_run, upstream, vpc};

/// The same input after its network has left the zone of its first subnets for another one.
fn moved(aws: &LocalAws, input: &str) -> String {
    let other = aws
        .pipe("mk-env production pr1 | mk-vpc --nat single --zone us-east-1b --zone us-east-1c")
        .ok();
    let vpc = other.record("vpc", "main");
    format!("{input}{vpc}\n")
}

#[test]
fn what_elb_refuses_in_a_zone_names_the_zones_and_the_flag() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let input = upstream(&aws, UPSTREAM);
    let message = "The following Availability Zones us-east-1a cannot be associated with a load balancer. Please try a different Availability Zone.";
    let refuse = |call: &str| json!([{"do": "refuse", "of": call, "code": "ValidationError", "message": message}]);
    faults.rules(refuse("elasticloadbalancing:CreateLoadBalancer"));
    let told = "\n  try: mk-vpc --zone NAME_OR_ID, once for each, takes other zones instead of us-east-1a, us-east-1b\n";
    let output = faults.pipe_with("mk-alb", &input);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains(told), "{}", output.stderr);
    faults.end();
    aws.pipe_with("mk-alb", &input).ok();
    let input = moved(&aws, &input);
    faults.rules(refuse("elasticloadbalancing:SetSubnets"));
    let output = faults.pipe_with("mk-alb", &input);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let told = told.replace("us-east-1a, us-east-1b", "us-east-1b, us-east-1c");
    assert!(output.stderr.contains(&told), "{}", output.stderr);
}

#[test]
fn a_zone_that_its_network_leaves_it_leaves_at_the_end() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let arn = |app: &str| made.record("alb", app)["arn"].clone();
    let input = moved(&aws, &input);
    let left = vpc(&input)["left_subnets"].clone();
    let planned = aws.pipe_with("mk-alb", &dry_run(&input)).would_change();
    for (app, side) in [("web", "public_subnets"), ("api", "private_subnets")] {
        assert_eq!(planned.record("alb", app)["change"], "update");
        let name = planned.record("surplus", &format!("zones/{}", name_of(&arn(app))));
        let [subnet] = &ours(&left, text(&name["what"]))[..] else {
            panic!("{name}");
        };
        let grown = aws.pipe_with("mk-alb", &input).ok();
        let mut all = list(&vpc(&input)[side]).to_vec();
        all.push(subnet.clone());
        assert_eq!(
            subnets_of(&load_balancer(&aws, &arn(app))),
            sorted(&json!(all))
        );
        assert_eq!(grown.record("surplus", text(&name["name"])), name);
    }
    aws.forget();
    let pruned = aws.pipe_with("mk-alb | prune-env", &input).ok();
    assert_eq!(aws.changes(), ["elasticloadbalancing:SetSubnets"; 2]);
    for (app, side) in [("web", "public_subnets"), ("api", "private_subnets")] {
        let found = load_balancer(&aws, &arn(app));
        assert_eq!(subnets_of(&found), sorted(&vpc(&input)[side]));
        let name = format!("zones/{}", name_of(&arn(app)));
        assert_eq!(pruned.record("surplus", &name)["change"], "deleted");
    }
    aws.forget();
    let again = aws.pipe_with("mk-alb | prune-env", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert!(!again.stdout.contains("surplus"), "{}", again.stdout);
}

/// The name in a load balancer's ARN.
fn name_of(arn: &Value) -> String {
    let mut parts = text(arn).rsplit('/').skip(1);
    parts.next().unwrap().to_string()
}

/// Those of some subnets that a text names.
fn ours(left: &Value, text_of: &str) -> Vec<Value> {
    let mut ours = list(left).to_vec();
    ours.retain(|subnet| text_of.contains(text(subnet)));
    ours
}
