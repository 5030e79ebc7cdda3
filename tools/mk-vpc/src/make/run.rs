//! A run that makes a network, and how it writes what it made or found.

use plumbing::step::parts;
use plumbing::{Change, Differences, Env, Result, Stream};

use crate::aws::Ec2;
use crate::plan::compare::{self, Part};
use crate::plan::{Have, Layout, Name, ResourceType, Tags, Vpc, records};

/// One attempt to make a network.
pub struct Run<'a> {
    /// Where its records go.
    pub stream: &'a Stream,
    /// EC2.
    pub ec2: &'a Ec2,
    /// The network as it is to be.
    pub layout: &'a Layout,
    /// What existed when it began.
    pub have: &'a Have,
}

/// The VPC that a run works in.
pub struct ElectedVpc {
    /// The VPC.
    pub vpc: Vpc,
    /// Whether there was none when the run began.
    pub is_new: bool,
}

impl Run<'_> {
    /// The environment.
    pub fn env(&self) -> &Env {
        &self.ec2.aws.env
    }

    /// Runs futures side by side like [`Control::run_all`](plumbing::Control::run_all), but has
    /// nothing stop where another run deleted the VPC: then this one begins anew.
    pub async fn run_all<T, Fut>(&self, futures: impl IntoIterator<Item = Fut>) -> Result<Vec<T>>
    where
        Fut: Future<Output = Result<T>>,
    {
        let futures = futures.into_iter().map(|future| async {
            match future.await {
                Err(error) if self.ec2.vpc_is_deleted() => Ok(Err(error)),
                result => result.map(Ok),
            }
        });
        let results = self.stream.control.run_all(futures).await?;
        results.into_iter().collect()
    }

    /// Writes a resource that was made.
    pub async fn write_created(&self, name: &Name, id: &str) -> Result<()> {
        let record = name.record(id).changed(Change::Created, &[]);
        self.stream.write(record).await
    }

    /// Writes a resource that this run made and deleted, since another one is used. It is called by
    /// its ID: its name is the other one's.
    pub async fn write_deleted(&self, resource_type: ResourceType, id: &str) -> Result<()> {
        let record = Name::new(resource_type, id).record(id);
        self.stream
            .write(record.changed(Change::Deleted, &[]))
            .await
    }

    /// Writes a resource that was found, of which nothing but its tags can differ, after bringing
    /// these into line.
    pub async fn write_tagged(&self, name: &Name, id: &str, tags: &Tags) -> Result<()> {
        let differences = compare::tags(self.env(), name, tags);
        self.mend_tags(name, id, &differences).await?;
        let record = records::found(name.record(id), differences, false);
        self.stream.write(record).await
    }

    /// Brings a resource's tags into line, if they are among its differences.
    pub async fn mend_tags(
        &self,
        name: &Name,
        id: &str,
        differences: &Differences<Part>,
    ) -> Result<()> {
        if parts(differences).contains(&Part::Tags) {
            self.ec2.set_tags(id, name).await?;
        }
        Ok(())
    }
}
