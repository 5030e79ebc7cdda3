//! A run that deletes a network, and what stands in its way: what AWS removes by itself is waited
//! for, and what is not ours is named.

use std::cell::Cell;
use std::time::Duration;

use plumbing::{Change, Error, Record, Result, Stream, wait};

use crate::aws::Ec2;
use crate::plan::{Endpoint, Have, Interface, Name, ResourceType, elect, managed};

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
    /// What existed when it began.
    pub have: Have,
}

/// What is to be deleted, by its ID, and what may stand in its way.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// A VPC: anything in it.
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
        self.record_of(resource_type, id).is_some()
    }

    fn record_of(&self, resource_type: ResourceType, id: &str) -> Option<&Record> {
        let mut of_type = self
            .records
            .iter()
            .filter(|record| record.kind() == resource_type.of_record());
        of_type.find(|record| record.text("id") == id)
    }

    /// Tries a deletion until it is done, as long as AWS removes by itself what stands in the way.
    pub async fn delete_when_unused(
        &self,
        target: Target<'_>,
        delete: impl AsyncFn() -> Result<bool>,
    ) -> Result<()> {
        let id = target.id();
        let what = format!("{id} is still in use");
        let has_tried = Cell::new(false);
        wait::until(
            &self.ec2.aws.control,
            &what,
            INTERFACES_DEADLINE,
            async || {
                // Somebody may have taken it over while it was waited for.
                if has_tried.replace(true) && self.ec2.is_ours(id).await? == Some(false) {
                    return Err(self.ec2.aws.env.not_ours(id));
                }
                if delete().await? {
                    return Ok(Some(()));
                }
                self.check_obstacles(target).await?;
                Ok(None)
            },
        )
        .await
    }

    /// Refuses to wait for what is not ours: interfaces in the subnet, or in the VPC; and for the VPC
    /// itself, once no interface of ours is left in it, everything else in it.
    pub async fn check_obstacles(&self, target: Target<'_>) -> Result<()> {
        let vpc = match (target, elect::vpc(&self.have.vpcs)) {
            (Target::Vpc(id), _) => id,
            (_, Some(elected)) => &elected.id,
            (_, None) => "",
        };
        let mut obstacles = Vec::new();
        let mut one_is_removed = false;
        for interface in self.ec2.list_interfaces(vpc).await? {
            if let Target::Subnet(subnet) = target
                && interface.subnet != subnet
            {
                continue;
            }
            if self.is_removed_by_aws(&interface) {
                one_is_removed = true;
            } else {
                obstacles.push(self.obstacle(&interface));
            }
        }
        if let Target::Vpc(vpc) = target
            && !one_is_removed
        {
            obstacles.extend(self.ec2.list_not_ours(vpc).await?);
        }
        obstacles.dedup();
        if obstacles.is_empty() {
            return Ok(());
        }
        let error = in_the_way(target.id(), &obstacles);
        let region = &self.ec2.aws.env.region;
        let endpoints = &self.have.other_endpoints;
        let left = match target {
            Target::Subnet(subnet) if !self.deletes_vpc() => Some(subnet),
            _ => None,
        };
        match managed::guard_duty_hint(region, endpoints, &obstacles, left) {
            Some(hint) => Err(error.hint(hint)),
            None => Err(error),
        }
    }

    /// What an interface is called that is in the way: by the endpoint that it is of, where that says
    /// more.
    fn obstacle(&self, interface: &Interface) -> String {
        let mut endpoints = self.have.other_endpoints.iter();
        let of = endpoints.find(|one| interface.endpoint() == Some(&one.id) && one.whose.is_some());
        of.map_or_else(|| interface.to_string(), Endpoint::text)
    }

    /// Whether the VPC in which all is goes as well, and not only parts of it.
    pub fn deletes_vpc(&self) -> bool {
        let elected = elect::vpc(&self.have.vpcs);
        elected.is_none_or(|vpc| self.is_named(ResourceType::Vpc, &vpc.id))
    }

    /// Where only parts of the network go: waits until nothing is in the subnets that go. Before that
    /// nothing is taken away, so that what runs there keeps its way out.
    ///
    /// Errors: something is in one of them that AWS does not remove by itself; or not in time.
    pub async fn wait_unused(&self) -> Result<()> {
        let subnets = self.named_subnets();
        let (false, Some(vpc)) = (self.deletes_vpc(), elect::vpc(&self.have.vpcs)) else {
            return Ok(());
        };
        if subnets.is_empty() {
            return Ok(());
        }
        let what = format!("{} is still in use", subnets.join(", "));
        let control = &self.ec2.aws.control;
        wait::until(control, &what, INTERFACES_DEADLINE, async || {
            let mut is_used = false;
            for interface in self.ec2.list_interfaces(&vpc.id).await? {
                is_used |= subnets.contains(&interface.subnet)
                    && !interface.is_of_nat_gateway(&self.have.nat_gateways);
            }
            if !is_used {
                return Ok(Some(()));
            }
            for subnet in &subnets {
                self.check_obstacles(Target::Subnet(subnet)).await?;
            }
            Ok(None)
        })
        .await
    }

    /// The IDs of the subnets that go.
    fn named_subnets(&self) -> Vec<String> {
        let mut subnets = Vec::new();
        for subnet in &self.have.subnets {
            if self.is_named(ResourceType::Subnet, &subnet.id) {
                subnets.push(subnet.id.clone());
            }
        }
        subnets
    }

    /// Whether AWS removes an interface by itself.
    pub fn is_removed_by_aws(&self, interface: &Interface) -> bool {
        interface.is_removed_by_aws(&self.ec2.aws.env, &self.have.nat_gateways)
    }

    /// Writes a resource that is deleted, under the name of the record that named it.
    pub async fn write_deleted(&self, resource_type: ResourceType, id: &str) -> Result<()> {
        let name = match self.record_of(resource_type, id) {
            Some(record) => record.name(),
            None => id,
        };
        let record = Name::new(resource_type, name).record(id);
        self.stream
            .write(record.changed(Change::Deleted, &[]))
            .await
    }
}

/// The error of a deletion that resources of others stand in the way of.
pub fn in_the_way(id: &str, obstacles: &[String]) -> Error {
    Error::refused(format!(
        "cannot delete {id}: in the way, and not this environment's: {}",
        obstacles.join(", ")
    ))
    .hint("delete these, or move them, and run it again")
}
