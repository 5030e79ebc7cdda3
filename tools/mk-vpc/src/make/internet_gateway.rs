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

    /// Attaches the gateway to the VPC, and deletes those that this run made and does not use; where
    /// the VPC has another one of ours already, answers that one.
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
        let has_made = self.ec2.has_made_any(ResourceType::InternetGateway);
        let mut used = is_attached.then_some(gateway);
        if !is_attached || has_made {
            let all = self.ec2.list_internet_gateways().await?;
            if used.is_none() {
                // The VPC has one already: a run at the same time was faster.
                let attached = all.iter().find(|one| one.vpc.as_deref() == Some(vpc));
                used = attached.cloned();
            }
            self.delete_made_gateways(&all, used.as_ref()).await?;
        }
        let Some(used) = used else {
            return Err(has_another_gateway(vpc, &first));
        };
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

    /// Deletes the gateways that this run made and does not use: another run's was attached first, or
    /// a call was repeated when its answer was lost.
    async fn delete_made_gateways(
        &self,
        all: &[InternetGateway],
        used: Option<&InternetGateway>,
    ) -> Result<()> {
        for other in all {
            let is_used = used.is_some_and(|used| used.id == other.id) || other.vpc.is_some();
            let is_made_here = self
                .ec2
                .has_made(ResourceType::InternetGateway, &other.tags);
            if !is_used && is_made_here && self.ec2.delete_internet_gateway(&other.id).await? {
                self.write_deleted(ResourceType::InternetGateway, &other.id)
                    .await?;
            }
        }
        Ok(())
    }
}

fn has_another_gateway(vpc: &str, instead_of: &str) -> Error {
    Error::unfinished(format!(
        "{vpc} has an internet gateway that is not this environment's, or another run deleted {instead_of}"
    ))
    .hint("run the pipeline again")
}
