//! The route tables, where they send what leaves, and the subnets that use them.

use plumbing::{Record, Result};

use super::run::Run;
use super::subnets::ZoneSubnets;
use crate::plan::compare::{self, Part};
use crate::plan::{RouteTable, Subnet, WantedRouteTable, find_route_table, records};

/// For a day, a token answers with the table that it made, even if somebody deleted that. So often
/// in a day may the route table of one subnet be deleted; one that goes with its zone is another's.
const LAST_ATTEMPT: usize = 5;

/// A route table that was made or found.
pub struct MadeTable {
    /// The table.
    pub table: RouteTable,
    /// Its record, if that is to be written only when its route and its associations are in line.
    pub pending_record: Option<Record>,
}

impl Run<'_> {
    /// Each zone's private route table.
    pub async fn private_route_tables(
        &self,
        wants: &[WantedRouteTable],
        vpc: &str,
        subnets: &[ZoneSubnets],
    ) -> Result<Vec<MadeTable>> {
        let zones = wants.iter().zip(subnets);
        self.run_all(zones.map(|(want, zone)| self.route_table(want, vpc, &zone.private.id)))
            .await
    }

    /// A route table; `of` is what it goes with, its subnet or the VPC.
    pub async fn route_table(
        &self,
        want: &WantedRouteTable,
        vpc: &str,
        of: &str,
    ) -> Result<MadeTable> {
        let name = &want.name;
        let Some(found) = find_route_table(self.env(), &self.have.route_tables, want) else {
            let table = self.create_route_table(want, vpc, of).await?;
            self.write_created(name, &table.id).await?;
            return Ok(MadeTable {
                table,
                pending_record: None,
            });
        };
        let differences = compare::route_table(self.env(), want, found, self.have);
        self.mend_tags(name, &found.id, &differences).await?;
        let is_in_line = differences.iter().all(|(part, _)| *part == Part::Tags);
        let record = records::found(name.record(&found.id), differences, false);
        let mut made = MadeTable {
            table: found.clone(),
            pending_record: None,
        };
        if is_in_line {
            self.stream.write(record).await?;
        } else {
            made.pending_record = Some(record);
        }
        Ok(made)
    }

    /// Makes a route table. In a VPC that existed before, the token may be that of a table that
    /// somebody deleted: then another one is tried.
    async fn create_route_table(
        &self,
        want: &WantedRouteTable,
        vpc: &str,
        of: &str,
    ) -> Result<RouteTable> {
        let mut attempt = 0;
        loop {
            let made = self
                .ec2
                .create_route_table(vpc, &want.name, of, attempt)
                .await?;
            if self.have.vpcs.is_empty()
                || attempt == LAST_ATTEMPT
                || self.ec2.route_table_is_visible(&made.id).await?
            {
                return Ok(made);
            }
            attempt += 1;
        }
    }

    /// Has a route table send 0.0.0.0/0 to an internet gateway or a NAT gateway.
    pub async fn set_default_route(&self, table: &RouteTable, target: &str) -> Result<()> {
        let old = table.default_route.as_deref();
        if old == Some(target) {
            return Ok(());
        }
        self.ec2.set_default_route(&table.id, old, target).await
    }

    /// Has a subnet use a route table, whichever it used before.
    pub async fn associate(&self, subnet: &Subnet, table: &RouteTable) -> Result<()> {
        let subnet = &subnet.id;
        if table.association(subnet).is_some() {
            return Ok(());
        }
        for other in &self.have.route_tables {
            for failed in &other.failed_associations {
                if failed.subnet == *subnet {
                    self.ec2.disassociate(&failed.id).await?;
                }
            }
        }
        let used = self.have.route_table_of(subnet);
        let old = used.and_then(|used| used.association(subnet));
        let old = old.map(|association| association.id.as_str());
        self.ec2.associate(&table.id, subnet, old).await
    }
}
