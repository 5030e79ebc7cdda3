//! A run that deletes a network, and what stands in its way: what AWS removes by itself is waited
//! for, and what is not ours is named.

use std::time::Duration;

use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::{Change, Env, Error, Record, Result, Stream, wait};

use crate::aws::Ec2;
use crate::plan::{Have, Interface, Name, ResourceType, Tags, elect};

/// Interfaces of load balancers and tasks outlive their owners by 1 to 20 minutes.
const INTERFACES_DEADLINE: Duration = Duration::from_secs(20 * 60);

/// A run that deletes a network.
pub struct Run<'a> {
    /// Where its records go.
    pub stream: &'a Stream,
    /// EC2.
    pub ec2: &'a Ec2,
    /// What it is to delete.
    pub records: &'a [Record],
    /// What was there when it began.
    pub have: Have,
}

/// What is to be deleted, by its ID: that tells where to look for what stands in the way.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// A VPC: all that is in it.
    Vpc(&'a str),
    /// A subnet: the interfaces in it.
    Subnet(&'a str),
    /// A route table or an internet gateway: the interfaces in the elected VPC.
    Other(&'a str),
}

impl<'a> Target<'a> {
    fn id(self) -> &'a str {
        match self {
            Target::Vpc(id) | Target::Subnet(id) | Target::Other(id) => id,
        }
    }
}

impl Run<'_> {
    /// Whether the run is to delete a resource.
    pub fn is_named(&self, resource_type: ResourceType, id: &str) -> bool {
        let mut of_type = self
            .records
            .iter()
            .filter(|record| record.kind() == resource_type.of_record());
        of_type.any(|record| record.text("id") == id)
    }

    /// Tries a deletion until it is done, as long as what stands in the way goes away by itself.
    pub async fn delete_when_unused(
        &self,
        target: Target<'_>,
        delete: impl AsyncFn() -> Result<bool>,
    ) -> Result<()> {
        let what = format!("{} is still in use", target.id());
        wait::until(
            &self.ec2.aws.control,
            &what,
            INTERFACES_DEADLINE,
            async || {
                if delete().await? {
                    return Ok(Some(()));
                }
                self.check_obstacles(target).await?;
                Ok(None)
            },
        )
        .await
    }

    /// Refuses to wait for what is not ours and keeps something from being deleted: interfaces in its
    /// subnet, or in the VPC; and in the way of the VPC itself, once no interface of ours is left in
    /// it, all else.
    pub async fn check_obstacles(&self, target: Target<'_>) -> Result<()> {
        let vpc = match (target, elect::vpc(&self.have.vpcs)) {
            (Target::Vpc(id), _) => id,
            (_, Some(elected)) => &elected.id,
            (_, None) => "",
        };
        let mut obstacles = Vec::new();
        let mut some_will_go = false;
        for interface in self.ec2.list_interfaces(vpc).await? {
            if let Target::Subnet(subnet) = target
                && interface.subnet != subnet
            {
                continue;
            }
            if self.will_go(&interface) {
                some_will_go = true;
            } else {
                obstacles.push(interface.to_string());
            }
        }
        if let Target::Vpc(vpc) = target
            && !some_will_go
        {
            obstacles.extend(self.ec2.list_not_ours(vpc).await?);
        }
        if obstacles.is_empty() {
            return Ok(());
        }
        Err(in_the_way(target.id(), &obstacles))
    }

    /// Whether AWS removes an interface by itself.
    pub fn will_go(&self, interface: &Interface) -> bool {
        will_go(interface, &self.ec2.aws.env, &self.have)
    }

    /// Writes a resource that is deleted, by the name that its tags tell.
    pub async fn write_deleted(
        &self,
        resource_type: ResourceType,
        id: &str,
        tags: &Tags,
    ) -> Result<()> {
        let name = Name::of(resource_type, tags, &self.ec2.aws.env);
        let record = name.record(id).changed(Change::Deleted, &[]);
        self.stream.write(record).await
    }
}

/// What is said of something that others' resources keep from being deleted.
pub fn in_the_way(id: &str, obstacles: &[String]) -> Error {
    Error::refused(format!(
        "cannot delete {id}: in the way, and not this environment's: {}",
        obstacles.join(", ")
    ))
    .hint("delete these, or move them, and run it again")
}

/// Whether an interface belongs to something of ours that is gone or going, so that AWS removes it.
fn will_go(interface: &Interface, env: &Env, have: &Have) -> bool {
    let description = interface.description.as_str();
    if let Some(rest) = description.strip_prefix("ELB app/") {
        let name = rest.split('/').next().unwrap_or_default();
        return could_be(name, "alb", &env.name, LOAD_BALANCER_LIMIT);
    }
    let mut nats = have.nat_gateways.iter();
    interface.ours
        || nats.any(|nat| description.ends_with(&nat.id))
        || description.starts_with(&env.arn("ecs", "attachment/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::NatGateway;

    fn will_go_with(description: &str, ours: bool) -> bool {
        let have = Have {
            nat_gateways: vec![NatGateway {
                id: "nat-1".into(),
                ..NatGateway::default()
            }],
            ..Have::default()
        };
        let interface = Interface {
            id: "eni-1".into(),
            subnet: "subnet-1".into(),
            description: description.into(),
            ours,
            ..Interface::default()
        };
        will_go(&interface, &Env::example(), &have)
    }

    #[test]
    fn interfaces_of_our_load_balancers_tasks_and_gateways_go() {
        assert!(will_go_with(
            "ELB app/alb-web-production-pr1/50dc6c495c0c9188",
            false
        ));
        assert!(will_go_with(
            "arn:aws:ecs:us-east-1:123456789012:attachment/1",
            false
        ));
        assert!(will_go_with("Interface for NAT Gateway nat-1", false));
        assert!(will_go_with("", true));
    }

    #[test]
    fn interfaces_of_others_stay() {
        assert!(!will_go_with("ELB app/theirs/50dc6c495c0c9188", false));
        assert!(!will_go_with("Primary network interface", false));
        assert!(!will_go_with("Interface for NAT Gateway nat-2", false));
    }
}
