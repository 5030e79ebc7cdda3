//! The internet gateway. AWS keeps no two runs from making one each, but attaches only one.

use plumbing::{Error, Result};

use super::run::Run;
use crate::plan::{InternetGateway, Name, ResourceType, compare, elect, records};

impl Run<'_> {
    /// The internet gateway; makes one if there is none.
    pub async fn internet_gateway(&self) -> Result<InternetGateway> {
        let vpc = match elect::vpc(&self.have.vpcs) {
            Some(vpc) => &vpc.id,
            None => "",
        };
        if let Some(found) = elect::internet_gateway(&self.have.internet_gateways, vpc) {
            return Ok(found.clone());
        }
        let name = Name::main(ResourceType::InternetGateway);
        let made = self.ec2.create_internet_gateway(&name).await?;
        // The moment it exists, although another run's may be elected: then that one's follows.
        self.write_created(&name, &made.id).await?;
        Ok(made)
    }

    /// Attaches the gateway to the VPC, and deletes those that are not used; where the VPC has
    /// another one of ours already, answers that one.
    pub async fn attach(&self, gateway: InternetGateway, vpc: &str) -> Result<InternetGateway> {
        let name = Name::main(ResourceType::InternetGateway);
        let first = gateway.id.clone();
        let was_there = self
            .have
            .internet_gateways
            .iter()
            .any(|other| other.id == first);
        let is_attached =
            gateway.vpc.as_deref() == Some(vpc) || self.ec2.attach(&first, vpc).await?;
        let used = if is_attached {
            gateway
        } else {
            // The VPC has one already: a run at the same time was faster.
            self.ec2.delete_internet_gateway(&first).await?;
            self.attached_gateway(vpc, &first).await?
        };
        self.delete_unused_gateways(&used, was_there).await?;
        if was_there {
            let differences = compare::internet_gateway(self.env(), &name, &used, vpc);
            self.mend_tags(&name, &used.id, &differences).await?;
            let record = records::found(name.record(&used.id), differences, false);
            self.stream.write(record).await?;
        } else if used.id != first {
            self.write_created(&name, &used.id).await?; // the first one is written already
        }
        Ok(used)
    }

    /// The gateway of ours that a VPC has, instead of another one.
    async fn attached_gateway(&self, vpc: &str, instead_of: &str) -> Result<InternetGateway> {
        for gateway in self.ec2.list_internet_gateways().await? {
            if gateway.vpc.as_deref() == Some(vpc) {
                return Ok(gateway);
            }
        }
        Err(Error::unfinished(format!(
            "{vpc} has an internet gateway that is not this environment's, or another run deleted {instead_of}"
        ))
        .hint("run the pipeline again"))
    }

    async fn delete_unused_gateways(&self, used: &InternetGateway, was_there: bool) -> Result<()> {
        let mut others = self.have.internet_gateways.clone();
        if !was_there {
            let mut made = self.ec2.list_internet_gateways().await?;
            made.retain(|other| elect::are_of_one_call(&other.tags, &used.tags));
            others.extend(made);
        }
        for other in others {
            if other.id != used.id && other.vpc.is_none() {
                self.ec2.delete_internet_gateway(&other.id).await?;
            }
        }
        Ok(())
    }
}
