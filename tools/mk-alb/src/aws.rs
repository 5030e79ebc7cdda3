//! Every Elastic Load Balancing call about load balancers, target groups and listeners; each kind
//! has a file of its own in `aws/`. What to call with what is decided in `plan.rs`, and the order
//! of the calls in `make.rs` and `delete.rs`.

mod find;
mod health;
mod listener;
mod load_balancer;
mod rule;
mod tags;
mod target_group;

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::config::Builder;
use plumbing::Aws;

/// A resource whose name AWS says is taken shows in a listing within seconds.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(120);
/// What AWS says about something that does not exist.
const ABSENT: [&str; 4] = [
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "ListenerNotFound",
    "RuleNotFound",
];
/// DescribeTags takes this many ARNs, and so does DescribeLoadBalancers.
pub const ARNS_AT_ONCE: usize = 20;
/// DescribeLoadBalancers and DescribeTargetGroups answer this many at the most.
const PAGE: i32 = 400;

/// Elastic Load Balancing, for one environment.
pub struct Elb {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Elb {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Elb {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

/// The text of a value that AWS may leave out.
fn text(value: Option<impl AsRef<str>>) -> String {
    match value {
        Some(value) => value.as_ref().to_string(),
        None => String::new(),
    }
}

/// The name within an ARN: `…:loadbalancer/app/NAME/ID`, `…:targetgroup/NAME/ID`.
fn name_in(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or(arn)
}
