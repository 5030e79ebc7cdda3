//! The VPC, and what AWS makes with it.

use std::cell::Cell;
use std::time::Duration;

use plumbing::step::parts;
use plumbing::{Change, Result, wait};

use super::run::{ElectedVpc, Run};
use crate::aws::now;
use crate::plan::compare::{self, Part};
use crate::plan::{DefaultGroup, Name, ResourceType, Vpc, elect, records};

/// A run that made another VPC gives it up, or puts something in it, within a second or two. One that
/// was killed does neither: after twice the time in which a VPC is young, that is certain.
const ELECTION_DEADLINE: Duration = Duration::from_secs(4 * 60);

/// The VPCs that carry the environment's identity.
struct VpcCandidates {
    vpcs: Vec<Vpc>,
    /// Whether EC2 shows the one that this run made.
    seen: bool,
}

/// How an election ended.
enum Election {
    /// This VPC is the one to work in.
    Of(ElectedVpc),
    /// Everything has to be found again.
    FindAgain,
}

impl Run<'_> {
    /// The VPC to work in; none where everything has to be found again.
    ///
    /// AWS keeps no two runs from making one each. Whoever made one looks again, and elects one with
    /// something in it, or else the first made. If that is another one, it deletes its own: nobody
    /// deletes what another run made. If it is its own, it waits until those that other runs just made
    /// are deleted, or until something is in one of them: then the run that made that one could not see
    /// this one yet, and went on.
    pub async fn vpc(&self) -> Result<Option<ElectedVpc>> {
        let is_new = self.have.vpcs.is_empty();
        let mut made = None;
        if is_new {
            let name = Name::main(ResourceType::Vpc);
            made = self.ec2.create_vpc(&name, &self.layout.cidr).await?;
        }
        let found = Cell::new((!is_new).then(|| VpcCandidates {
            vpcs: self.have.vpcs.clone(),
            seen: true,
        }));
        let what = "which of several VPCs to use is not decided";
        let control = &self.stream.control;
        let election = wait::until(control, what, ELECTION_DEADLINE, async || {
            let candidates = match found.take() {
                Some(found) => found,
                None => self.vpc_candidates(made.as_ref()).await?,
            };
            self.elect(candidates, is_new).await
        })
        .await;
        match election {
            Ok(Election::Of(elected)) => Ok(Some(elected)),
            Ok(Election::FindAgain) => Ok(None),
            Err(error) => {
                // Which one would be elected is not known, but this one exists and must be written.
                if let Some(made) = &made {
                    self.write_new(made).await?;
                }
                Err(error)
            }
        }
    }

    /// The VPCs by now, with the one that this run made.
    async fn vpc_candidates(&self, made: Option<&Vpc>) -> Result<VpcCandidates> {
        let mut vpcs = self.ec2.list_vpcs().await?;
        let mut seen = !vpcs.is_empty();
        if let Some(made) = made
            && vpcs.iter().all(|vpc| vpc.id != made.id)
        {
            seen = false; // EC2 shows what was just made with a delay
            vpcs.push(made.clone());
        }
        Ok(VpcCandidates { vpcs, seen })
    }

    /// Elects the VPC to work in, and deletes those that this run made if they are not elected. None
    /// while that is undecided.
    async fn elect(&self, candidates: VpcCandidates, is_new: bool) -> Result<Option<Election>> {
        let vpcs = &candidates.vpcs;
        let Some(elected) = elect::vpc(vpcs) else {
            return Ok(Some(Election::FindAgain));
        };
        let mut others = Vec::new();
        for other in vpcs.iter().filter(|vpc| vpc.id != elected.id) {
            if !self.is_made_here(other) {
                others.push(other.clone());
            } else if !self.delete_made(other).await? {
                return Ok(None); // another run put something in it before it saw the elected one
            }
        }
        let deleted_one = others.len() + 1 < vpcs.len();
        if deleted_one && !self.is_made_here(elected) {
            return Ok(Some(Election::FindAgain));
        }
        if elect::is_undecided(elected, &others, now()) {
            return Ok(None);
        }
        let is_known = if is_new {
            self.is_made_here(elected)
        } else {
            let before = elect::vpc(&self.have.vpcs);
            before.is_some_and(|before| before.id == elected.id)
        };
        if !is_known {
            return Ok(Some(Election::FindAgain));
        }
        self.ec2.work_in(&elected.id, candidates.seen);
        if is_new {
            self.write_new(elected).await?;
        }
        Ok(Some(Election::Of(ElectedVpc {
            vpc: elected.clone(),
            is_new,
        })))
    }

    fn is_made_here(&self, vpc: &Vpc) -> bool {
        self.ec2.has_made(ResourceType::Vpc, &vpc.tags)
    }

    /// Deletes a VPC that this run made; false while something is in it.
    async fn delete_made(&self, vpc: &Vpc) -> Result<bool> {
        if !self.ec2.delete_vpc(&vpc.id).await? {
            return Ok(false);
        }
        let record = records::other_vpc(vpc).changed(Change::Deleted, &[]);
        self.stream.write(record).await?;
        Ok(true)
    }

    async fn write_new(&self, vpc: &Vpc) -> Result<()> {
        let record = records::vpc(&vpc.id, &vpc.cidr, records::Subnets::default());
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
        if let Some(group) = group.as_ref().filter(|group| group.ingress || group.egress) {
            self.ec2.remove_rules(group).await?;
        }
        self.tag_vpc_defaults(elected, group.as_ref()).await
    }

    /// Brings the tags of what AWS made with a VPC into line.
    async fn tag_vpc_defaults(
        &self,
        elected: &ElectedVpc,
        group: Option<&DefaultGroup>,
    ) -> Result<()> {
        let vpc = &elected.vpc;
        if elected.is_new {
            let defaults = self.ec2.get_vpc_defaults(&vpc.id, group).await?;
            return self.ec2.tag_vpc_defaults(&defaults).await;
        }
        let name = Name::main(ResourceType::Vpc);
        let differences = compare::vpc(self.env(), &name, &vpc.tags, self.have);
        if parts(&differences).contains(&Part::VpcDefaults) {
            self.ec2.tag_vpc_defaults(&self.have.vpc_defaults).await?;
        }
        Ok(())
    }
}
