//! The network of an environment: VPC, subnets, route tables, internet gateway, NAT gateways and
//! their Elastic IP addresses.
//!
//! Found again by the identity tag, told apart by their `Name` tags and, for subnets, their
//! ranges. Where AWS keeps nothing unique (VPC, internet gateway, address) two runs at once elect
//! one: see [`plan::elect`]. Endpoints and flow logs are deliberately absent.

pub mod aws;
pub mod check;
mod delete;
pub mod make;
pub mod plan;
mod prune;
pub mod range;
pub mod report;

use plumbing::{Aws, Deletion, Half, Owner, Record, Result, Stream};

/// The network, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-vpc",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[
        // Once the services are deleted, nothing needs the way out any more.
        Deletion {
            kinds: &["nat_gateway", "elastic_ip"],
            delete: |stream, aws, records| Box::pin(delete_egress(stream, aws, records)),
        },
        // What GuardDuty put into it by itself, where a person says so.
        Deletion {
            kinds: &[plan::records::GUARD_DUTY],
            delete: |stream, aws, records| Box::pin(delete_guard_duty(stream, aws, records)),
        },
        // The rest goes once nothing is in it.
        Deletion {
            kinds: &["vpc", "subnet", "route_table", "internet_gateway"],
            delete: |stream, aws, records| Box::pin(delete_network(stream, aws, records)),
        },
    ],
    prune: Some(|stream, aws, records| Box::pin(prune(stream, aws, records))),
};

/// The environment's network as records.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let have = aws::client(aws).find().await?;
    Ok(plan::records::network(&aws.env, &have))
}

/// Deletes the NAT gateways and addresses among `records`.
async fn delete_egress(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    delete::egress(stream, &aws::client(aws), records).await
}

/// Deletes what GuardDuty put into the network among `records`, where a person said so.
async fn delete_guard_duty(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    delete::guard_duty(stream, &aws::client(aws), records).await
}

/// Deletes the rest of the network among `records`.
async fn delete_network(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    delete::network(stream, &aws::client(aws), records).await
}

/// Deletes the routes among the surplus of `records`.
async fn prune(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    prune::prune(stream, &aws::client(aws), records).await
}
