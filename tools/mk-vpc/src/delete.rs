//! The order in which a network goes: NAT gateways and their addresses, then route tables and
//! subnets, the internet gateway, the VPC. What is not ours is named and left alone.

mod egress;
mod guard_duty;
mod network;
mod run;

use plumbing::{Record, Result, Stream};

use self::run::Run;
use crate::aws::Ec2;
use crate::plan::ResourceType;

/// Deletes the NAT gateways and then the addresses that `records` name, if they are ours.
pub async fn egress(stream: &Stream, ec2: &Ec2, records: &[Record]) -> Result<()> {
    if !has_network(records) {
        return Ok(());
    }
    let run = Run {
        stream,
        ec2,
        records,
        have: ec2.find().await?,
    };
    run.wait_unused().await?;
    run.delete_nat_gateways().await?;
    run.release_addresses().await
}

/// Deletes what GuardDuty put into a VPC that `records` name, if a person said so.
pub async fn guard_duty(stream: &Stream, ec2: &Ec2, records: &[Record]) -> Result<()> {
    if !ec2.aws.remove_guard_duty || !has_network(records) {
        return Ok(());
    }
    let run = Run {
        stream,
        ec2,
        records,
        have: ec2.find().await?,
    };
    run.delete_guard_duty().await
}

/// Deletes the rest of the network that `records` name, if it is ours, when nothing uses it.
///
/// Errors: something that is not ours is in the way; it is named, and all else is deleted.
pub async fn network(stream: &Stream, ec2: &Ec2, records: &[Record]) -> Result<()> {
    if !has_network(records) {
        return Ok(());
    }
    let run = Run {
        stream,
        ec2,
        records,
        have: ec2.find().await?,
    };
    run.wait_unused().await?;
    let (tables, subnets, gateways) = tokio::join!(
        run.delete_route_tables(),
        run.delete_subnets(),
        run.delete_internet_gateways()
    );
    let contents = tables.and(subnets).and(gateways);
    run.delete_vpcs(contents.is_ok()).await.and(contents)
}

/// Whether there is anything of a network among records.
fn has_network(records: &[Record]) -> bool {
    let types = ResourceType::ALL.map(ResourceType::of_record);
    records.iter().any(|record| types.contains(&record.kind()))
}
