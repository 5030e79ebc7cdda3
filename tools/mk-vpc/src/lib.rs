//! The network of an environment: VPC, subnets, route tables, internet gateway, NAT gateways and
//! their Elastic IP addresses.
//!
//! Found again by the identity tag, told apart by their `Name` tags and, for subnets, their
//! ranges. Where AWS keeps nothing unique (VPC, internet gateway, address) two runs at once elect
//! one: see [`plan::elect`]. Endpoints and flow logs are deliberately absent.

pub mod aws;
mod delete;
pub mod make;
pub mod plan;
pub mod range;

use plumbing::{Aws, Env, Record, Result, Stream};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's network as records, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let have = aws::client(aws).find().await?;
    Ok(plan::records(env, &have))
}

/// Deletes the NAT gateways and addresses among `records`, for `rm-env`: nothing needs the way
/// out any more once the services are gone.
pub async fn delete_egress(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    match any(records) {
        true => delete::egress(&aws::client(aws), records).await,
        false => Ok(()),
    }
}

/// Deletes the rest of the network among `records`, once nothing is in it.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    match any(records) {
        true => delete::network(&aws::client(aws), records).await,
        false => Ok(()),
    }
}

/// Whether there is anything of a network among records.
fn any(records: &[Record]) -> bool {
    const KINDS: [&str; 6] = [
        "vpc",
        "subnet",
        "route_table",
        "internet_gateway",
        "nat_gateway",
        "elastic_ip",
    ];
    records.iter().any(|record| KINDS.contains(&record.kind()))
}
