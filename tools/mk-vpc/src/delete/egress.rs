//! Deleting the NAT gateways and their addresses.

use std::cell::Cell;
use std::time::Duration;

use plumbing::{Error, Result, wait};

use super::run::{Run, in_the_way};
use crate::plan::{Address, NatGateway, ResourceType};

/// AWS may say for a while that a deleted NAT gateway holds an address.
const RELEASE_DEADLINE: Duration = Duration::from_secs(5 * 60);

impl Run<'_> {
    /// Deletes the NAT gateways, and waits until they hold no address any more.
    pub async fn delete_nat_gateways(&self) -> Result<()> {
        let mut named = Vec::new();
        let mut deleting = Vec::new();
        for nat in &self.have.nat_gateways {
            if nat.state != "deleted" && self.is_named(ResourceType::NatGateway, &nat.id) {
                named.push(nat);
            }
            if nat.state == "deleting" {
                deleting.push(nat);
            }
        }
        let control = &self.ec2.aws.control;
        let delete = async |nat: &NatGateway| self.delete_nat_gateway(nat).await;
        control.try_all(named, delete).await?;
        // A gateway that was deleting before this run may still hold an address.
        let wait = async |nat: &NatGateway| self.ec2.wait_nat_gateway_deleted(&nat.id).await;
        control.try_all(deleting, wait).await
    }

    async fn delete_nat_gateway(&self, nat: &NatGateway) -> Result<()> {
        if nat.state == "deleting" {
            self.ec2.wait_nat_gateway_deleted(&nat.id).await?;
        } else {
            self.ec2.delete_nat_gateway(&nat.id).await?;
        }
        self.write_deleted(ResourceType::NatGateway, &nat.id).await
    }

    /// Releases the addresses, if they are still ours: the NAT gateways may have taken long.
    pub async fn release_addresses(&self) -> Result<()> {
        let addresses = self.ec2.list_addresses().await?;
        let addresses = addresses.iter();
        let named = addresses.filter(|one| self.is_named(ResourceType::ElasticIp, &one.id));
        let control = &self.ec2.aws.control;
        control
            .try_all(named, async |address| self.release_address(address).await)
            .await
    }

    async fn release_address(&self, address: &Address) -> Result<()> {
        let id = &address.id;
        let what = format!("elastic ip {id} is still in use");
        let has_tried = Cell::new(false);
        wait::until(&self.ec2.aws.control, &what, RELEASE_DEADLINE, async || {
            if has_tried.replace(true) && self.ec2.is_ours(id).await? == Some(false) {
                return Err(self.ec2.aws.env.not_ours(id));
            }
            if self.ec2.release(id).await? {
                return Ok(Some(()));
            }
            self.check_user(id).await?;
            Ok(None)
        })
        .await?;
        self.write_deleted(ResourceType::ElasticIp, id).await
    }

    /// Refuses to wait where something has an address that AWS does not remove by itself.
    async fn check_user(&self, address: &str) -> Result<()> {
        if let Some(nat) = self.ec2.nat_gateway_with(address).await? {
            let message = format!(
                "{} was made meanwhile, and has elastic ip {address}",
                nat.id
            );
            let hint = "run it again when nothing else is at work";
            return Err(Error::unfinished(message).hint(hint));
        }
        match self.ec2.interface_with(address).await? {
            Some(user) if !self.is_removed_by_aws(&user) => {
                Err(in_the_way(address, &[user.to_string()]))
            }
            _ => Ok(()),
        }
    }
}
