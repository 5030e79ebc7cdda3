//! The order in which a network goes: NAT gateways and their addresses, then route tables and
//! subnets, the internet gateway, the VPC. What is not ours is named and left alone.

use std::time::Duration;

use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::{Change, Env, Error, Record, Result, Stream, wait};

use crate::aws::{Ec2, Interface};
use crate::plan::{self, Have};

/// Interfaces of load balancers and tasks outlive their owners by 1 to 20 minutes.
const INTERFACES_GO: Duration = Duration::from_secs(20 * 60);
/// AWS may say for a while that a NAT gateway that is gone holds an address.
const RELEASE: Duration = Duration::from_secs(5 * 60);

/// Deletes the NAT gateways and then the addresses that `records` name, if they are ours.
pub async fn egress(stream: &Stream, ec2: &Ec2, records: &[Record]) -> Result<()> {
    let have = ec2.find().await?;
    let named = |kind: &str, id: &str| named(records, kind, id);
    let nats = have
        .nats
        .iter()
        .filter(|nat| nat.state != "deleted" && named("nat_gateway", &nat.id));
    let nats_gone = ec2.aws.control.try_all(nats, async |nat| {
        match nat.state.as_str() {
            "deleting" => ec2.nat_deleted(&nat.id).await?,
            _ => ec2.delete_nat(&nat.id).await?,
        }
        deleted(
            stream,
            "nat_gateway",
            &plan::part(&nat.tags, "nat", &ec2.aws.env),
            &nat.id,
        )
        .await
    });
    nats_gone.await?;
    // A gateway that was deleting before this run may still hold an address.
    ec2.aws
        .control
        .try_all(
            have.nats.iter().filter(|nat| nat.state == "deleting"),
            async |nat| ec2.nat_deleted(&nat.id).await,
        )
        .await?;
    let addresses = have
        .addresses
        .iter()
        .filter(|address| named("elastic_ip", &address.id));
    ec2.aws
        .control
        .try_all(addresses, async |address| {
            let what = format!("elastic ip {} is still in use", address.id);
            wait::until(&ec2.aws.control, &what, RELEASE, async || {
                if ec2.release(&address.id).await? {
                    return Ok(Some(()));
                }
                match ec2.nat_with(&address.id).await? {
                    Some(nat) => Err(Error::unfinished(format!(
                        "{nat} was made meanwhile, and has elastic ip {}",
                        address.id
                    ))
                    .hint("run it again when nothing else is at work")),
                    None => match ec2.user_of(&address.id).await? {
                        Some(user) if !passes(&user, &ec2.aws.env, &have) => {
                            Err(in_the_way(&address.id, &[user.to_string()]))
                        }
                        _ => Ok(None),
                    },
                }
            })
            .await?;
            deleted(
                stream,
                "elastic_ip",
                &plan::part(&address.tags, "eip", &ec2.aws.env),
                &address.id,
            )
            .await
        })
        .await
}

/// Deletes the rest of the network that `records` name, if it is ours, when nothing uses it.
///
/// Errors: something that is not ours is in the way; it is named, and all else is deleted.
pub async fn network(stream: &Stream, ec2: &Ec2, records: &[Record]) -> Result<()> {
    let have = ec2.find().await?;
    let tables = async {
        let ours = have
            .tables
            .iter()
            .filter(|table| named(records, "route_table", &table.id));
        ec2.aws
            .control
            .try_all(ours, async |table| {
                let ours = |user: &str| have.subnets.iter().any(|subnet| subnet.id == user);
                let (ours, theirs): (Vec<_>, Vec<_>) = table
                    .subnets
                    .iter()
                    .chain(&table.failed)
                    .partition(|(user, _)| ours(user));
                ec2.aws
                    .control
                    .try_all(ours, async |(_, association)| {
                        ec2.disassociate(association).await.map(drop)
                    })
                    .await?;
                if !theirs.is_empty() {
                    let theirs: Vec<String> = theirs
                        .iter()
                        .map(|(user, _)| format!("subnet {user}"))
                        .collect();
                    return Err(in_the_way(&table.id, &theirs));
                }
                gone(ec2, &have, &table.id, "", async || {
                    ec2.delete_table(&table.id).await
                })
                .await?;
                deleted(
                    stream,
                    "route_table",
                    &plan::part(&table.tags, "rtb", &ec2.aws.env),
                    &table.id,
                )
                .await
            })
            .await
    };
    let subnets = async {
        let ours = have
            .subnets
            .iter()
            .filter(|subnet| named(records, "subnet", &subnet.id));
        ec2.aws
            .control
            .try_all(ours, async |subnet| {
                gone(ec2, &have, &subnet.id, &subnet.id, async || {
                    ec2.delete_subnet(&subnet.id).await
                })
                .await?;
                deleted(
                    stream,
                    "subnet",
                    &plan::part(&subnet.tags, "subnet", &ec2.aws.env),
                    &subnet.id,
                )
                .await
            })
            .await
    };
    let gateways = async {
        let ours = have
            .gateways
            .iter()
            .filter(|gateway| named(records, "internet_gateway", &gateway.id));
        ec2.aws
            .control
            .try_all(ours, async |gateway| {
                if let Some(vpc) = &gateway.vpc {
                    gone(ec2, &have, &gateway.id, "", async || {
                        ec2.detach(&gateway.id, vpc).await
                    })
                    .await?;
                }
                gone(ec2, &have, &gateway.id, "", async || {
                    ec2.delete_gateway(&gateway.id).await
                })
                .await?;
                deleted(
                    stream,
                    "internet_gateway",
                    &plan::part(&gateway.tags, "igw", &ec2.aws.env),
                    &gateway.id,
                )
                .await
            })
            .await
    };
    let (tables, subnets, gateways) = tokio::join!(tables, subnets, gateways);
    let parts = tables.and(subnets).and(gateways);
    let vpcs = have
        .vpcs
        .iter()
        .filter(|vpc| named(records, "vpc", &vpc.id));
    let vpcs = ec2
        .aws
        .control
        .try_all(vpcs, async |vpc| {
            if parts.is_err() {
                // With a part in it the VPC stays as well; what else is in the way is told all the same.
                return match &foreign(ec2, &have, &vpc.id, "").await?[..] {
                    [] => Ok(()),
                    foreign => Err(in_the_way(&vpc.id, foreign)),
                };
            }
            gone(ec2, &have, &vpc.id, "", async || {
                ec2.delete_vpc(&vpc.id).await
            })
            .await?;
            deleted(stream, "vpc", "main", &vpc.id).await
        })
        .await;
    vpcs.and(parts)
}

/// Tries a deletion until it is done, as long as what stands in the way goes away by itself.
async fn gone(
    ec2: &Ec2,
    have: &Have,
    id: &str,
    subnet: &str,
    delete: impl AsyncFn() -> Result<bool>,
) -> Result<()> {
    wait::until(
        &ec2.aws.control,
        &format!("{id} is still in use"),
        INTERFACES_GO,
        async || {
            if delete().await? {
                return Ok(Some(()));
            }
            match &foreign(ec2, have, id, subnet).await?[..] {
                [] => Ok(None),
                foreign => Err(in_the_way(id, foreign)),
            }
        },
    )
    .await
}

/// What keeps something from being deleted and is not ours: interfaces in its subnet, or in the VPC,
/// and in the way of the VPC itself, once no interface of ours is left in it, all else.
async fn foreign(ec2: &Ec2, have: &Have, id: &str, subnet: &str) -> Result<Vec<String>> {
    let whole = id.starts_with("vpc-");
    let vpc = if whole {
        id
    } else {
        plan::first(&have.vpcs)
            .map(|vpc| vpc.id.as_str())
            .unwrap_or_default()
    };
    let interfaces = ec2.interfaces(vpc).await?;
    let here = interfaces
        .iter()
        .filter(|interface| subnet.is_empty() || interface.subnet == subnet);
    let (passing, staying): (Vec<_>, Vec<_>) =
        here.partition(|interface| passes(interface, &ec2.aws.env, have));
    let mut foreign: Vec<String> = staying
        .iter()
        .map(|interface| interface.to_string())
        .collect();
    if whole && passing.is_empty() {
        foreign.extend(ec2.foreign(vpc).await?);
    }
    Ok(foreign)
}

fn in_the_way(id: &str, foreign: &[String]) -> Error {
    Error::refused(format!(
        "cannot delete {id}: in the way, and not this environment's: {}",
        foreign.join(", ")
    ))
    .hint("delete these, or move them, and run it again")
}

/// Whether an interface belongs to something of ours that is gone or going, so that AWS removes it.
fn passes(interface: &Interface, env: &Env, have: &Have) -> bool {
    let description = interface.description.as_str();
    if let Some(rest) = description.strip_prefix("ELB app/") {
        let name = rest.split('/').next().unwrap_or_default();
        return could_be(name, "alb", &env.name, LOAD_BALANCER_LIMIT);
    }
    interface.ours
        || have.nats.iter().any(|nat| description.ends_with(&nat.id))
        || description.starts_with(&env.arn("ecs", "attachment/"))
}

fn named(records: &[Record], kind: &str, id: &str) -> bool {
    records
        .iter()
        .any(|record| record.kind() == kind && record.text("id") == id)
}

async fn deleted(stream: &Stream, kind: &str, name: &str, id: &str) -> Result<()> {
    stream
        .write(plan::part_record(kind, name, id).changed(Change::Deleted, &[]))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes_with(description: &str, ours: bool) -> bool {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        let env: Env = serde_json::from_str(text).unwrap();
        let have = Have {
            nats: vec![plan::NatGateway {
                id: "nat-1".into(),
                ..Default::default()
            }],
            ..Have::default()
        };
        let (id, subnet, instance) = ("eni-1".into(), "subnet-1".into(), String::new());
        let interface = Interface {
            id,
            subnet,
            description: description.into(),
            instance,
            ours,
        };
        passes(&interface, &env, &have)
    }

    #[test]
    fn interfaces_of_our_load_balancers_tasks_and_gateways_pass() {
        assert!(passes_with(
            "ELB app/alb-web-production-pr1/50dc6c495c0c9188",
            false
        ));
        assert!(passes_with(
            "arn:aws:ecs:us-east-1:123456789012:attachment/1",
            false
        ));
        assert!(passes_with("Interface for NAT Gateway nat-1", false));
        assert!(passes_with("", true));
    }

    #[test]
    fn interfaces_of_others_stay() {
        assert!(!passes_with("ELB app/theirs/50dc6c495c0c9188", false));
        assert!(!passes_with("Primary network interface", false));
        assert!(!passes_with("Interface for NAT Gateway nat-2", false));
    }
}
