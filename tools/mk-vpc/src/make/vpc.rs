//! The VPC, and what AWS makes with it.

use plumbing::{Change, Error, Result};

use super::run::{ElectedVpc, Run};
use crate::plan::{Name, ResourceType, Vpc, elect, records};

/// The VPCs that carry the environment's identity.
struct VpcCandidates {
    vpcs: Vec<Vpc>,
    /// Whether EC2 shows them.
    seen: bool,
}

impl Run<'_> {
    /// The VPC to work in; none where everything has to be found again.
    ///
    /// AWS keeps no two runs from making one each. Whoever made one looks again, elects the first,
    /// and deletes the others before it makes anything in its own: AWS refuses to delete one with
    /// something in it. So a run that looked before the first was there, and went on in its own,
    /// keeps that one; and if its own was deleted it notices at the next call.
    pub async fn vpc(&self) -> Result<Option<ElectedVpc>> {
        let is_new = self.have.vpcs.is_empty();
        let candidates = if is_new {
            self.create_vpc().await?
        } else {
            VpcCandidates {
                vpcs: self.have.vpcs.clone(),
                seen: true,
            }
        };
        let Some(elected) = elect::vpc(&candidates.vpcs) else {
            return Ok(None);
        };
        if !self.delete_others(&candidates.vpcs, elected).await? {
            return Ok(None);
        }
        self.ec2.work_in(&elected.id, candidates.seen);
        if is_new {
            self.write_new(elected).await?;
        }
        Ok(Some(ElectedVpc {
            vpc: elected.clone(),
            is_new,
        }))
    }

    /// Makes a VPC; answers it together with those of runs at the same time.
    async fn create_vpc(&self) -> Result<VpcCandidates> {
        let name = Name::main(ResourceType::Vpc);
        let made = self.ec2.create_vpc(&name, &self.layout.cidr).await?;
        let mut vpcs = match (self.ec2.list_vpcs().await, &made) {
            (Ok(vpcs), _) => vpcs,
            (Err(error), None) => return Err(error),
            (Err(error), Some(made)) => {
                // Which one would be elected is not known, but this one exists and must be written.
                self.write_new(made).await?;
                return Err(error);
            }
        };
        let mut seen = !vpcs.is_empty();
        if let Some(made) = made
            && vpcs.iter().all(|vpc| vpc.id != made.id)
        {
            seen = false; // EC2 shows what was just made with a delay
            vpcs.push(made);
        }
        Ok(VpcCandidates { vpcs, seen })
    }

    /// Deletes all VPCs but the elected one; where another is in use, that one instead. Answers
    /// whether the elected one is still there.
    ///
    /// Errors: both are in use.
    async fn delete_others(&self, vpcs: &[Vpc], elected: &Vpc) -> Result<bool> {
        for other in vpcs.iter().filter(|vpc| vpc.id != elected.id) {
            if self.ec2.delete_vpc(&other.id).await? {
                continue;
            }
            if self.ec2.delete_vpc(&elected.id).await? {
                return Ok(false);
            }
            return Err(Error::refused(format!(
                "two VPCs are tagged {}, and both are in use: {} {}",
                self.env().name,
                elected.id,
                other.id
            ))
            .hint("delete the one that is not used"));
        }
        Ok(true)
    }

    async fn write_new(&self, vpc: &Vpc) -> Result<()> {
        let record = records::vpc(&vpc.id, &vpc.cidr, Vec::new(), Vec::new());
        self.stream
            .write(record.changed(Change::Created, &[]))
            .await
    }

    /// Brings into line what AWS makes with a VPC: its DNS attributes and its default group.
    pub async fn vpc_settings(&self, elected: &ElectedVpc) -> Result<()> {
        let vpc = &elected.vpc.id;
        let group = if elected.is_new {
            self.ec2.get_default_group(vpc).await?
        } else {
            self.have.default_group.clone()
        };
        // First: without it AWS gives no names. A new VPC has it.
        if !elected.is_new && !self.have.dns_support {
            self.ec2.enable_dns(vpc).await?;
        }
        if !self.have.dns_hostnames {
            self.ec2.enable_hostnames(vpc).await?;
        }
        match group {
            Some(group) if group.ingress || group.egress => self.ec2.remove_rules(&group).await,
            _ => Ok(()),
        }
    }
}
