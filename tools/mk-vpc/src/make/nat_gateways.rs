//! The NAT gateways, through which the private subnets reach out.

use plumbing::Result;

use super::addresses::AddressCandidates;
use super::run::Run;
use super::subnets::ZoneSubnets;
use crate::plan::{NatGateway, ResourceType, Subnet, Zone, elect};

impl Run<'_> {
    /// The IDs of the NAT gateways, zone by zone, once all of them work.
    pub async fn nat_gateways(
        &self,
        vpc: &str,
        subnets: &[ZoneSubnets],
        addresses: &[AddressCandidates],
    ) -> Result<Vec<String>> {
        let zones = self.layout.zones.iter().zip(subnets);
        let with_nat = zones.filter(|(zone, _)| zone.has_nat);
        let mut names = Vec::new();
        let mut nats = Vec::new();
        for ((zone, subnets), addresses) in with_nat.zip(addresses) {
            names.push(zone.name.as_str());
            nats.push(self.nat_gateway(zone, &subnets.public, addresses));
        }
        let nats = self.run_all(nats).await?;
        let mut ids = Vec::new();
        let mut pending = Vec::new();
        for (nat, zone) in nats.iter().zip(names) {
            ids.push(nat.id.clone());
            if !nat.is_available() {
                pending.push((nat.id.as_str(), zone));
            }
        }
        if !pending.is_empty() {
            self.ec2.wait_nat_gateways_available(vpc, &pending).await?;
        }
        Ok(ids)
    }

    /// A zone's NAT gateway, which may be pending still.
    async fn nat_gateway(
        &self,
        zone: &Zone,
        subnet: &Subnet,
        addresses: &AddressCandidates,
    ) -> Result<NatGateway> {
        let have = self.have;
        let found = elect::nat_gateway(&have.nat_gateways, &subnet.id, &have.route_tables);
        let nat = match found {
            Some(found) => {
                let name = zone.nat_gateway_name();
                self.write_tagged(&name, &found.id, &found.tags).await?;
                found.clone()
            }
            None => self.create_nat_gateway(zone, subnet, addresses).await?,
        };
        self.release_unused(&nat, addresses).await?;
        Ok(nat)
    }

    async fn create_nat_gateway(
        &self,
        zone: &Zone,
        subnet: &Subnet,
        addresses: &AddressCandidates,
    ) -> Result<NatGateway> {
        let name = zone.nat_gateway_name();
        let mut previous = Vec::new();
        for nat in &self.have.nat_gateways {
            if nat.subnet == subnet.id {
                previous.push(nat);
            }
        }
        for nat in &previous {
            if nat.state == "deleting" {
                self.ec2.wait_nat_gateway_deleted(&nat.id).await?; // it holds the address until then
            }
        }
        let address = &addresses.elected.id;
        let made = self
            .ec2
            .create_nat_gateway(&name, subnet, address, &previous)
            .await?;
        self.write_created(&name, &made.id).await?;
        Ok(made)
    }

    /// Releases those addresses that this run allocated and the gateway does not have: another run
    /// was faster, or a call was repeated when its answer was lost. Now that the gateway has one, no run
    /// can give it another. Where EC2 does not say which one it has, it may have any, and all stay.
    async fn release_unused(&self, nat: &NatGateway, addresses: &AddressCandidates) -> Result<()> {
        let mut used = nat.address.clone();
        if used.is_empty() && !addresses.made.is_empty() {
            used = self.ec2.get_nat_gateway_address(&nat.id).await?;
        }
        if used.is_empty() || addresses.made.iter().all(|address| *address == used) {
            return Ok(());
        }
        for address in self.ec2.list_addresses().await? {
            let id = &address.id;
            let is_unused = addresses.made.contains(id) && *id != used && !address.used;
            if is_unused && self.ec2.release(id).await? {
                self.write_deleted(ResourceType::ElasticIp, id).await?;
            }
        }
        Ok(())
    }
}
