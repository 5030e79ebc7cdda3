//! What AWS makes with a VPC: its default security group, default network ACL and main route table.
//! They cannot be tagged in the call that makes the VPC.

use std::time::Duration;

use plumbing::{Result, aws_error, wait};
use tokio::try_join;

use super::{Ec2, filter};
use crate::plan::compare::vpc_default_tags;
use crate::plan::{DefaultGroup, VpcDefault};

/// EC2 shows them with their VPC, or within seconds.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);

impl Ec2 {
    /// The main route table and default network ACL of a VPC that was just made, as soon as EC2 shows
    /// them; its default security group is known.
    ///
    /// Errors: they do not show within a minute.
    pub async fn get_vpc_defaults(
        &self,
        vpc: &str,
        group: Option<&DefaultGroup>,
    ) -> Result<Vec<VpcDefault>> {
        let what = format!("what AWS makes with {vpc} does not show");
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, async || {
            let (acls, table) = try_join!(self.list_network_acls(vpc), self.get_main_table(vpc))?;
            let acl = acls.iter().find(|acl| acl.is_default);
            let (Some(table), Some(acl)) = (table, acl) else {
                return if self.has_lost_vpc().await {
                    Ok(Some(Vec::new()))
                } else {
                    Ok(None)
                };
            };
            let mut all = vec![table, VpcDefault::of_acl(acl)];
            all.extend(group.map(VpcDefault::of_group));
            Ok(Some(all))
        })
        .await
    }

    async fn get_main_table(&self, vpc: &str) -> Result<Option<VpcDefault>> {
        let request = self
            .client
            .describe_route_tables()
            .filters(filter("vpc-id", vpc))
            .filters(filter("association.main", "true"));
        let pages = request.into_paginator().items().send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| {
            let what = format!("find the main route table of {vpc}");
            aws_error("ec2:DescribeRouteTables", what, error)
        })?;
        let tables = found.into_iter().map(super::list::route_table_from);
        let mut main = tables.filter(|table| table.is_main);
        Ok(main.next().as_ref().map(VpcDefault::of_table))
    }

    /// Sets the tags of what AWS made with a VPC; others' tags stay.
    pub async fn tag_vpc_defaults(&self, defaults: &[VpcDefault]) -> Result<()> {
        let mut ids = Vec::new();
        for default in defaults {
            ids.push(default.id.clone());
        }
        if ids.is_empty() {
            return Ok(());
        }
        self.add_tags(&ids, &vpc_default_tags(&self.aws.env)).await
    }
}
