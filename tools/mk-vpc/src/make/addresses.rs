//! The Elastic IP addresses of the NAT gateways. AWS keeps no two runs from allocating one each.

use plumbing::{Change, Result};

use super::run::Run;
use crate::plan::{Address, ResourceType, Zone, elect};

/// The addresses that a NAT gateway may have.
pub struct AddressCandidates {
    /// The one that every run takes first.
    pub elected: Address,
    /// The IDs of those that this run allocated and that nothing uses: more than one where a call was
    /// repeated when its answer was lost.
    pub made: Vec<String>,
}

impl Run<'_> {
    /// The addresses for each NAT gateway, in the order of the zones that have one.
    pub async fn addresses(&self) -> Result<Vec<AddressCandidates>> {
        let zones = self.layout.zones.iter().filter(|zone| zone.has_nat);
        let made = zones.clone().map(|zone| self.address(zone));
        let made = self.stream.control.run_all(made).await?;
        let made: Vec<Address> = made.into_iter().flatten().collect();
        let all = self.all_addresses(&made).await?;
        let mut candidates = Vec::new();
        for zone in zones {
            candidates.extend(self.candidates(zone, &made, &all).await?);
        }
        Ok(candidates)
    }

    /// Allocates the address of a zone's NAT gateway if there is none; answers the new one.
    async fn address(&self, zone: &Zone) -> Result<Option<Address>> {
        let name = zone.address_name();
        if let Some(found) = self.elected_address(zone, &self.have.addresses) {
            self.write_tagged(&name, &found.id, &found.tags).await?;
            return Ok(None);
        }
        let made = self.ec2.allocate(&name).await?;
        self.write_created(&name, &made.id).await?;
        Ok(Some(made))
    }

    /// All addresses, with those of runs at the same time, and with those that were just made, which
    /// EC2 may not show yet.
    async fn all_addresses(&self, made: &[Address]) -> Result<Vec<Address>> {
        if made.is_empty() {
            return Ok(self.have.addresses.clone());
        }
        let shown = self.ec2.list_addresses().await?;
        let mut all = shown.clone();
        for address in made {
            if shown.iter().all(|other| other.id != address.id) {
                all.push(address.clone());
            }
        }
        Ok(all)
    }

    /// The addresses that a zone's NAT gateway may have.
    async fn candidates(
        &self,
        zone: &Zone,
        made: &[Address],
        all: &[Address],
    ) -> Result<Option<AddressCandidates>> {
        let name = zone.address_name();
        let Some(elected) = self.elected_address(zone, all) else {
            return Ok(None);
        };
        let mut made = made
            .iter()
            .filter(|address| name.is_tag_of(&address.tags, self.env()));
        if made.next().is_some_and(|made| made.id != elected.id) {
            let record = name.record(&elected.id).changed(Change::Kept, &[]);
            self.stream.write(record).await?;
        }
        let mut made = Vec::new();
        for address in all {
            let is_made_here = self.ec2.has_made(ResourceType::ElasticIp, &address.tags);
            let is_candidate = name.is_tag_of(&address.tags, self.env()) && !address.used;
            if is_candidate && is_made_here {
                made.push(address.id.clone());
            }
        }
        Ok(Some(AddressCandidates {
            elected: elected.clone(),
            made,
        }))
    }

    fn elected_address<'a>(&self, zone: &Zone, addresses: &'a [Address]) -> Option<&'a Address> {
        let tag = zone.address_name().tag(self.env());
        elect::address(addresses, &tag, zone.nat_gateway(self.have))
    }
}
