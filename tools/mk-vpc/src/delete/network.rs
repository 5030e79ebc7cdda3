//! Deleting the route tables and subnets, the internet gateway and the VPC.

use plumbing::Result;

use super::run::{Run, Target, in_the_way};
use crate::plan::{Association, InternetGateway, ResourceType, RouteTable, Subnet, Vpc};

impl Run<'_> {
    /// Deletes the route tables.
    pub async fn delete_route_tables(&self) -> Result<()> {
        let tables = self.have.route_tables.iter();
        let named = tables.filter(|table| self.is_named(ResourceType::RouteTable, &table.id));
        let control = &self.ec2.aws.control;
        control
            .try_all(named, async |table| self.delete_route_table(table).await)
            .await
    }

    /// Has our subnets not use a route table any more, and deletes it.
    ///
    /// Errors: a subnet of others uses it.
    async fn delete_route_table(&self, table: &RouteTable) -> Result<()> {
        let mut ours = Vec::new();
        let mut others = Vec::new();
        for association in table.associations.iter().chain(&table.failed_associations) {
            if self.is_our_subnet(&association.subnet) {
                ours.push(association);
            } else {
                others.push(format!("subnet {}", association.subnet));
            }
        }
        let control = &self.ec2.aws.control;
        control
            .try_all(ours, async |one: &Association| {
                self.ec2.disassociate(&one.id).await.map(drop)
            })
            .await?;
        if !others.is_empty() {
            return Err(in_the_way(&table.id, &others));
        }
        let delete = async || self.ec2.delete_route_table(&table.id).await;
        self.delete_when_unused(Target::Other(&table.id), delete)
            .await?;
        self.write_deleted(ResourceType::RouteTable, &table.id)
            .await
    }

    fn is_our_subnet(&self, id: &str) -> bool {
        self.have.subnets.iter().any(|subnet| subnet.id == id)
    }

    /// Deletes the subnets.
    pub async fn delete_subnets(&self) -> Result<()> {
        let subnets = self.have.subnets.iter();
        let named = subnets.filter(|subnet| self.is_named(ResourceType::Subnet, &subnet.id));
        let control = &self.ec2.aws.control;
        control
            .try_all(named, async |subnet| self.delete_subnet(subnet).await)
            .await
    }

    async fn delete_subnet(&self, subnet: &Subnet) -> Result<()> {
        let delete = async || self.ec2.delete_subnet(&subnet.id).await;
        self.delete_when_unused(Target::Subnet(&subnet.id), delete)
            .await?;
        self.write_deleted(ResourceType::Subnet, &subnet.id).await
    }

    /// Deletes the internet gateways.
    pub async fn delete_internet_gateways(&self) -> Result<()> {
        let gateways = self.have.internet_gateways.iter();
        let named = gateways.filter(|one| self.is_named(ResourceType::InternetGateway, &one.id));
        let control = &self.ec2.aws.control;
        control
            .try_all(named, async |gateway| {
                self.delete_internet_gateway(gateway).await
            })
            .await
    }

    async fn delete_internet_gateway(&self, gateway: &InternetGateway) -> Result<()> {
        let id = &gateway.id;
        let target = Target::Other(id);
        if let Some(vpc) = &gateway.vpc {
            let detach = async || self.ec2.detach(id, vpc).await;
            self.delete_when_unused(target, detach).await?;
        }
        let delete = async || self.ec2.delete_internet_gateway(id).await;
        self.delete_when_unused(target, delete).await?;
        self.write_deleted(ResourceType::InternetGateway, id).await
    }

    /// Deletes the VPCs, if what was in them is deleted and they are still ours: that may have taken
    /// long.
    pub async fn delete_vpcs(&self, are_empty: bool) -> Result<()> {
        let vpcs = self.ec2.list_vpcs().await?;
        let vpcs = vpcs.iter();
        let named = vpcs.filter(|vpc| self.is_named(ResourceType::Vpc, &vpc.id));
        let control = &self.ec2.aws.control;
        control
            .try_all(named, async |vpc| self.delete_vpc(vpc, are_empty).await)
            .await
    }

    async fn delete_vpc(&self, vpc: &Vpc, is_empty: bool) -> Result<()> {
        let target = Target::Vpc(&vpc.id);
        if !is_empty {
            // Something in it is left, so it cannot be deleted; what else is in the way is named.
            return self.check_obstacles(target).await;
        }
        let delete = async || self.ec2.delete_vpc(&vpc.id).await;
        self.delete_when_unused(target, delete).await?;
        self.write_deleted(ResourceType::Vpc, &vpc.id).await
    }
}
