//! Route tables, their default routes, and the subnets that use them.

use std::time::Duration;

use aws_sdk_ec2::types::{
    ResourceType, RouteTableAssociation, RouteTableAssociationState, RouteTableAssociationStateCode,
};
use plumbing::{Error, Kind, Result, aws_error, code, wait};

use super::create::{is_already_associated, tag_specification};
use super::{Ec2, filter};
use crate::plan::{Name, RouteTable};

/// A route table shows within a second or two.
const TABLE_DEADLINE: Duration = Duration::from_secs(10);
/// A subnet uses its table at once, or soon (Terraform's limit).
const ASSOCIATE_DEADLINE: Duration = Duration::from_secs(5 * 60);

impl Ec2 {
    /// Makes a route table; the token keeps a run at the same time from making another. `of` is what
    /// the table goes with: the subnet that comes and goes with its zone, or the VPC.
    pub async fn create_route_table(
        &self,
        vpc: &str,
        name: &Name,
        of: &str,
        attempt: usize,
    ) -> Result<RouteTable> {
        let tags = self.tags_of(name);
        // The token names the tags: with other tags, AWS would refuse the token of a table that was
        // deleted since.
        let mut tag_list = Vec::new();
        for (key, value) in &tags {
            tag_list.push(format!("{key}={value}"));
        }
        let tag_list = tag_list.join(",");
        let token = self.token(&["rtb", &name.part, of, &attempt.to_string(), &tag_list]);
        let request = self
            .client
            .create_route_table()
            .vpc_id(vpc)
            .client_token(token)
            .tag_specifications(tag_specification(ResourceType::RouteTable, &tags));
        let operation = "ec2:CreateRouteTable";
        match self
            .until_visible(operation, || request.clone().send())
            .await
        {
            Ok(answer) => {
                let made = answer.route_table;
                let id = made.and_then(|table| table.route_table_id);
                Ok(RouteTable {
                    id: id.unwrap_or_default(),
                    tags: tags.into_iter().collect(),
                    ..RouteTable::default()
                })
            }
            Err(error) => {
                let what = format!("create route table {}", name.tag(&self.aws.env));
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Whether EC2 shows a table that was made within a moment: a token answers also with a table
    /// that was deleted since.
    pub async fn route_table_is_visible(&self, id: &str) -> Result<bool> {
        let what = format!("route table {id} does not show");
        let visible = wait::until(&self.aws.control, &what, TABLE_DEADLINE, async || {
            let request = self.client.describe_route_tables().route_table_ids(id);
            match request.send().await {
                Ok(answer) if answer.route_tables().is_empty() => Ok(None),
                Ok(_) => Ok(Some(())),
                Err(error) if code(&error).ends_with("NotFound") => Ok(None),
                Err(error) => {
                    let what = format!("look at {id}");
                    Err(aws_error("ec2:DescribeRouteTables", what, error))
                }
            }
        });
        match visible.await {
            Ok(()) => Ok(true),
            Err(error)
                if error.kind == Kind::Unfinished && self.aws.control.check_stopped().is_ok() =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends 0.0.0.0/0 of a table to an internet gateway or a NAT gateway.
    pub async fn set_default_route(
        &self,
        table: &str,
        old: Option<&str>,
        target: &str,
    ) -> Result<()> {
        let what = format!("route 0.0.0.0/0 of {table} to {target}");
        let is_nat = target.starts_with("nat-");
        let nat_gateway = is_nat.then(|| target.to_string());
        let internet_gateway = (!is_nat).then(|| target.to_string());
        if old.is_none() {
            let request = self
                .client
                .create_route()
                .route_table_id(table)
                .destination_cidr_block("0.0.0.0/0")
                .set_gateway_id(internet_gateway.clone())
                .set_nat_gateway_id(nat_gateway.clone());
            let send = || request.clone().send();
            match self.until_visible("ec2:CreateRoute", send).await {
                Ok(_) => return Ok(()),
                // Another run was faster, and its route may be an old one.
                Err(error) if code(&error) == "RouteAlreadyExists" => {}
                Err(error) => return Err(aws_error("ec2:CreateRoute", what, error)),
            }
        }
        let request = self
            .client
            .replace_route()
            .route_table_id(table)
            .destination_cidr_block("0.0.0.0/0")
            .set_gateway_id(internet_gateway)
            .set_nat_gateway_id(nat_gateway);
        let send = || request.clone().send();
        match self.until_visible("ec2:ReplaceRoute", send).await {
            Ok(_) => Ok(()),
            Err(error) => Err(aws_error("ec2:ReplaceRoute", what, error)),
        }
    }

    /// Has a subnet use a table. `old` is the ID of its association with another one.
    ///
    /// Errors: AWS took the call, and the association failed.
    pub async fn associate(&self, table: &str, subnet: &str, old: Option<&str>) -> Result<()> {
        let state = match old {
            Some(old) => self.replace_association(table, subnet, old).await?,
            None => self.create_association(table, subnet).await?,
        };
        if is_associated(table, subnet, state)? {
            return Ok(());
        }
        let what = format!("{subnet} does not use {table} yet");
        wait::until(&self.aws.control, &what, ASSOCIATE_DEADLINE, async || {
            let Some(association) = self.get_association(table, subnet).await? else {
                return Ok(None);
            };
            let associated = is_associated(table, subnet, association.association_state)?;
            Ok(associated.then_some(()))
        })
        .await
    }

    async fn create_association(
        &self,
        table: &str,
        subnet: &str,
    ) -> Result<Option<RouteTableAssociationState>> {
        let request = self
            .client
            .associate_route_table()
            .route_table_id(table)
            .subnet_id(subnet);
        let send = || request.clone().send();
        match self.until_visible("ec2:AssociateRouteTable", send).await {
            Ok(answer) => Ok(answer.association_state),
            Err(error) if is_already_associated(&error) => Ok(None),
            Err(error) => {
                let what = associate_with(table, subnet);
                Err(aws_error("ec2:AssociateRouteTable", what, error))
            }
        }
    }

    async fn replace_association(
        &self,
        table: &str,
        subnet: &str,
        old: &str,
    ) -> Result<Option<RouteTableAssociationState>> {
        let request = self
            .client
            .replace_route_table_association()
            .association_id(old)
            .route_table_id(table);
        let operation = "ec2:ReplaceRouteTableAssociation";
        match self
            .until_visible(operation, || request.clone().send())
            .await
        {
            Ok(answer) => Ok(answer.association_state),
            Err(error) => {
                let what = associate_with(table, subnet);
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// A subnet's association with a table; none where EC2 does not show it yet.
    async fn get_association(
        &self,
        table: &str,
        subnet: &str,
    ) -> Result<Option<RouteTableAssociation>> {
        let request = self
            .client
            .describe_route_tables()
            .filters(filter("association.subnet-id", subnet));
        let answer = request.send().await.map_err(|error| {
            let what = associate_with(table, subnet);
            aws_error("ec2:DescribeRouteTables", what, error)
        })?;
        let tables = answer.route_tables().iter();
        let mut associations = tables.flat_map(|table| table.associations());
        let ours = associations
            .find(|one| one.subnet_id() == Some(subnet) && one.route_table_id() == Some(table));
        Ok(ours.cloned())
    }
}

/// Whether an association is made; where EC2 says no state, there is nothing to wait for.
///
/// Errors: it failed.
fn is_associated(
    table: &str,
    subnet: &str,
    state: Option<RouteTableAssociationState>,
) -> Result<bool> {
    let Some(state) = state else {
        return Ok(true);
    };
    match state.state() {
        Some(RouteTableAssociationStateCode::Associating) => Ok(false),
        Some(RouteTableAssociationStateCode::Failed) => {
            let what = associate_with(table, subnet);
            let why = state.status_message().unwrap_or("no message");
            let message = format!("cannot {what}: {why} (ec2:AssociateRouteTable, failed)");
            Err(Error::refused(message).hint("run the pipeline again"))
        }
        _ => Ok(true),
    }
}

fn associate_with(table: &str, subnet: &str) -> String {
    format!("associate {subnet} with {table}")
}
