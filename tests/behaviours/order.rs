//! The order of calls: what needs another thing is made after it and deleted before it.

use support::{Faults, recipe, replaced, text};

use crate::faulty::start;

#[test]
fn what_needs_another_comes_after_it_and_goes_before_it() {
    let (aws, faults) = start();
    an_environment_comes_in_order(&faults);
    rules_are_added_before_others_go(&faults);
    an_environment_goes_in_order(&faults);
    aws.connect("ap-southeast-1");
    faults.pipe(&recipe(&["pipeline-up"], "pr1")).ok();
    a_pipeline_goes_in_order(&faults);
}

/// A task without a way out pulls no image, and neither does one without rights.
fn an_environment_comes_in_order(faults: &Faults) {
    faults.pipe(&recipe(&["up"], "pr1")).ok();
    in_order(
        faults,
        &[
            ("ec2:CreateRoute", "ecs:CreateService"),
            ("iam:PutRolePolicy", "ecs:CreateService"),
        ],
    );
}

/// Traffic that goes on being allowed is at no moment refused.
fn rules_are_added_before_others_go(faults: &Faults) {
    faults.end();
    let up = recipe(&["up"], "pr1");
    faults.pipe(&replaced(&up, "5000", "5001")).ok();
    let seen = faults.seen();
    for way in ["Ingress", "Egress"] {
        let [first, then] =
            ["Authorize", "Revoke"].map(|verb| format!("ec2:{verb}SecurityGroup{way}"));
        let first_of = |call: &str| seen.iter().position(|one| one["call"] == call);
        assert!(
            first_of(&first).is_some() && first_of(&first) < first_of(&then),
            "{first}, {then}: {seen:?}"
        );
    }
}

fn an_environment_goes_in_order(faults: &Faults) {
    faults.end();
    faults.pipe(&recipe(&["down"], "pr1")).ok();
    in_order(
        faults,
        &[
            (
                "ecs:DeleteService",
                "elasticloadbalancing:DeleteLoadBalancer",
            ),
            (
                "elasticloadbalancing:DeleteLoadBalancer",
                "elasticloadbalancing:DeleteTargetGroup",
            ),
            ("ecs:DeleteService", "ec2:DeleteNatGateway"),
            ("ecs:DeleteService", "iam:DeleteRole"),
            ("ecs:DeleteCluster", "iam:DeleteRole"),
            ("ecs:DeleteService", "ecr:DeleteRepository"),
            ("ecs:DeleteService", "logs:DeleteLogGroup"),
            (
                "elasticloadbalancing:DeleteLoadBalancer",
                "ec2:DeleteSecurityGroup",
            ),
            ("ec2:RevokeSecurityGroupIngress", "ec2:DeleteSecurityGroup"),
            ("ec2:DeleteNatGateway", "ec2:ReleaseAddress"),
            ("ec2:DeleteNatGateway", "ec2:DeleteSubnet"),
            ("ec2:DisassociateRouteTable", "ec2:DeleteVpc"),
            ("ec2:DeleteSecurityGroup", "ec2:DeleteVpc"),
            ("ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"),
            ("ec2:DeleteInternetGateway", "ec2:DeleteVpc"),
            ("ec2:DeleteSubnet", "ec2:DeleteVpc"),
        ],
    );
}

fn a_pipeline_goes_in_order(faults: &Faults) {
    faults.end();
    faults.pipe(&recipe(&["pipeline-down"], "pr1")).ok();
    in_order(
        faults,
        &[
            ("events:RemoveTargets", "events:DeleteRule"),
            ("events:DeleteRule", "codepipeline:DeletePipeline"),
            ("codepipeline:DeletePipeline", "codebuild:DeleteProject"),
            ("codebuild:BatchDeleteBuilds", "codebuild:DeleteProject"),
            ("codepipeline:DeletePipeline", "lambda:DeleteFunction"),
            ("codebuild:DeleteProject", "logs:DeleteLogGroup"),
            ("lambda:DeleteFunction", "logs:DeleteLogGroup"),
            ("codebuild:DeleteProject", "iam:DeleteRole"),
            ("lambda:DeleteFunction", "iam:DeleteRole"),
            ("codebuild:DeleteProject", "s3:DeleteBucket"),
        ],
    );
}

/// All calls of the first kind came before any of the second.
fn in_order(faults: &Faults, pairs: &[(&str, &str)]) {
    let seen = faults.seen();
    let calls: Vec<&str> = seen.iter().map(|call| text(&call["call"])).collect();
    for (first, then) in pairs {
        let last = calls.iter().rposition(|call| call == first);
        let next = calls.iter().position(|call| call == then);
        assert!(
            last.is_some() && next.is_some() && last < next,
            "{first} before {then}: {calls:#?}"
        );
    }
}
