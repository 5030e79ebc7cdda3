//! Deleting what GuardDuty put into the VPC by itself: an endpoint in the private subnets, and its
//! security group. Only what carries GuardDuty's own tag, and only where the VPC goes.

use plumbing::{Change, Result};

use super::run::Run;
use crate::plan::{elect, records};

impl Run<'_> {
    /// Deletes GuardDuty's endpoint, waits until it is gone, and deletes its group.
    pub async fn delete_guard_duty(&self) -> Result<()> {
        let (true, Some(vpc)) = (self.deletes_vpc(), elect::vpc(&self.have.vpcs)) else {
            return Ok(());
        };
        let endpoints = self.have.other_endpoints.iter();
        let ids = endpoints
            .filter(|one| one.is_of_guard_duty)
            .map(|one| one.id.clone());
        let ids: Vec<String> = ids.collect();
        if !ids.is_empty() {
            self.ec2.delete_endpoints(&vpc.id, &ids).await?;
        }
        for id in &ids {
            self.write_guard_duty_deleted(id).await?;
        }
        for group in self.ec2.list_guard_duty_groups(&vpc.id).await? {
            self.ec2.delete_group_when_unused(&group).await?;
            self.write_guard_duty_deleted(&group).await?;
        }
        Ok(())
    }

    async fn write_guard_duty_deleted(&self, id: &str) -> Result<()> {
        let record = records::guard_duty(id).changed(Change::Deleted, &[]);
        self.stream.write(record).await
    }
}
