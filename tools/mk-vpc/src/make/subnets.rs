//! The subnets, and the VPC's record with them.

use plumbing::step::parts;
use plumbing::{Change, Result};
use tokio::join;

use super::run::{ElectedVpc, Run};
use crate::plan::compare::{self, Part};
use crate::plan::{self, Name, ResourceType, Subnet, records};

/// The subnets of a zone.
pub struct ZoneSubnets {
    /// The one routed to the internet gateway.
    pub public: Subnet,
    /// The one routed to a NAT gateway.
    pub private: Subnet,
}

impl Run<'_> {
    /// The subnets of each zone; when all are there, the VPC's record is written again.
    pub async fn subnets(&self, elected: &ElectedVpc) -> Result<Vec<ZoneSubnets>> {
        let vpc = &elected.vpc.id;
        let zones = self.layout.zones.iter().map(async |zone| {
            let (public, private) = join!(
                self.subnet(vpc, zone.public_name(), &zone.public, &zone.name),
                self.subnet(vpc, zone.private_name(), &zone.private, &zone.name)
            );
            Ok(ZoneSubnets {
                public: public?,
                private: private?,
            })
        });
        let subnets = self.run_all(zones).await?;
        self.mark_left().await?;
        self.write_vpc(elected, &subnets).await?;
        Ok(subnets)
    }

    /// Marks the subnets of zones that the network leaves, so that also a later run and `ls-env` know.
    async fn mark_left(&self) -> Result<()> {
        let mut unmarked = Vec::new();
        for subnet in self.layout.left_subnets(self.have) {
            if !subnet.is_left() {
                unmarked.push(subnet.id.clone());
            }
        }
        if unmarked.is_empty() {
            return Ok(());
        }
        self.ec2.mark_left(&unmarked).await
    }

    async fn subnet(&self, vpc: &str, name: Name, cidr: &str, zone: &str) -> Result<Subnet> {
        if let Some(found) = plan::find_subnet(&self.have.subnets, cidr, zone)? {
            self.mend_subnet(&name, found).await?;
            return Ok(found.clone());
        }
        let made = self.ec2.create_subnet(vpc, &name, cidr, zone).await?;
        self.write_created(&name, &made.id).await?;
        Ok(made)
    }

    /// Brings a subnet into line and writes it.
    async fn mend_subnet(&self, name: &Name, found: &Subnet) -> Result<()> {
        let differences = compare::subnet(self.env(), name, found);
        self.mend_tags(name, &found.id, &differences).await?;
        if parts(&differences).contains(&Part::PublicAddresses) {
            self.ec2.disable_public_addresses(&found.id).await?;
        }
        if parts(&differences).contains(&Part::Left) {
            self.ec2.unmark_left(&found.id).await?;
        }
        let record = records::found(name.record(&found.id), differences, false);
        self.stream.write(record).await
    }

    /// Writes the VPC's record with its subnets, after bringing its tags into line.
    async fn write_vpc(&self, elected: &ElectedVpc, subnets: &[ZoneSubnets]) -> Result<()> {
        let vpc = &elected.vpc;
        let mut network = records::Subnets::left(&self.layout.left_subnets(self.have));
        for zone in subnets {
            let ids = [&zone.public.id, &zone.private.id];
            network.add(&zone.public.zone, ids.map(String::as_str));
        }
        let record = records::vpc(&vpc.id, &vpc.cidr, network);
        if elected.is_new {
            let record = record.changed(Change::Created, &[]);
            return self.stream.write(record).await;
        }
        let name = Name::main(ResourceType::Vpc);
        let differences = compare::vpc(self.env(), &name, &vpc.tags, self.have);
        self.mend_tags(&name, &vpc.id, &differences).await?;
        let record = records::found(record, differences, false);
        self.stream.write(record).await
    }
}
