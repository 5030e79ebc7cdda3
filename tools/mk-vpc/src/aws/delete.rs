//! Deleting. What does not exist any more counts as deleted.

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use plumbing::{Result, aws_error, code, wait};

use super::{Ec2, filter};
use crate::plan::Tags;

impl Ec2 {
    /// Deletes a VPC; answers false while something is still in it.
    pub async fn delete_vpc(&self, id: &str) -> Result<bool> {
        let request = self.client.delete_vpc().vpc_id(id);
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "ec2:DeleteVpc", send).await;
        is_done("ec2:DeleteVpc", id, answer)
    }

    /// Deletes a subnet; answers false while something is still in it.
    pub async fn delete_subnet(&self, id: &str) -> Result<bool> {
        let answer = self.client.delete_subnet().subnet_id(id).send().await;
        is_done("ec2:DeleteSubnet", id, answer)
    }

    /// Deletes a route table that no subnet uses.
    pub async fn delete_route_table(&self, id: &str) -> Result<bool> {
        let request = self.client.delete_route_table().route_table_id(id);
        is_done("ec2:DeleteRouteTable", id, request.send().await)
    }

    /// Deletes a route.
    pub async fn delete_route(&self, table: &str, destination: &str) -> Result<bool> {
        let request = self.client.delete_route().route_table_id(table);
        let request = if destination.starts_with("pl-") {
            request.destination_prefix_list_id(destination)
        } else if destination.contains(':') {
            request.destination_ipv6_cidr_block(destination)
        } else {
            request.destination_cidr_block(destination)
        };
        let what = format!("the route {destination} of {table}");
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "ec2:DeleteRoute", send).await;
        is_done("ec2:DeleteRoute", &what, answer)
    }

    /// Looks again whether a resource is ours; none where it does not exist any more.
    pub async fn is_ours(&self, id: &str) -> Result<Option<bool>> {
        let request = self.client.describe_tags();
        let request = request.filters(filter("resource-id", id));
        let answer = request.send().await.map_err(|error| {
            let what = format!("look at the tags of {id}");
            aws_error("ec2:DescribeTags", what, error)
        })?;
        let mut tags = Tags::new();
        for tag in answer.tags.unwrap_or_default() {
            tags.insert(tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        }
        if tags.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.aws.env.owns(&tags)))
    }

    /// Has a subnet use the main route table again.
    pub async fn disassociate(&self, association: &str) -> Result<bool> {
        let request = self
            .client
            .disassociate_route_table()
            .association_id(association);
        let answer = request.send().await;
        is_done("ec2:DisassociateRouteTable", association, answer)
    }

    /// Detaches a gateway; answers false while addresses of the VPC are mapped through it.
    pub async fn detach(&self, gateway: &str, vpc: &str) -> Result<bool> {
        let request = self
            .client
            .detach_internet_gateway()
            .internet_gateway_id(gateway)
            .vpc_id(vpc);
        let answer = request.send().await;
        is_done("ec2:DetachInternetGateway", gateway, answer)
    }

    /// Deletes a detached gateway.
    pub async fn delete_internet_gateway(&self, id: &str) -> Result<bool> {
        let request = self
            .client
            .delete_internet_gateway()
            .internet_gateway_id(id);
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "ec2:DeleteInternetGateway", send).await;
        is_done("ec2:DeleteInternetGateway", id, answer)
    }

    /// Deletes a NAT gateway and waits until that is done, since it holds its address until then.
    pub async fn delete_nat_gateway(&self, id: &str) -> Result<()> {
        let request = self.client.delete_nat_gateway().nat_gateway_id(id);
        is_done("ec2:DeleteNatGateway", id, request.send().await)?;
        self.wait_nat_gateway_deleted(id).await
    }

    /// Releases an address; answers false while something uses it. AWS answers AuthFailure both
    /// while a NAT gateway still holds it and after it is released, so a listing decides.
    pub async fn release(&self, id: &str) -> Result<bool> {
        let request = self.client.release_address().allocation_id(id);
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "ec2:ReleaseAddress", send).await;
        if let Err(error) = &answer
            && matches!(code(error), "AuthFailure" | "InvalidIPAddress.InUse")
        {
            let addresses = self.list_addresses().await?;
            return Ok(addresses.iter().all(|address| address.id != id));
        }
        is_done("ec2:ReleaseAddress", id, answer)
    }
}

/// Whether a deletion is done; false while something is in the way.
fn is_done<T, E>(operation: &str, id: &str, answer: Result<T, SdkError<E>>) -> Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Err(error) = answer else {
        return Ok(true);
    };
    match code(&error) {
        "DependencyViolation" => Ok(false),
        "Gateway.NotAttached" | "NatGatewayNotFound" => Ok(true),
        code if code.ends_with(".NotFound") => Ok(true),
        _ => Err(aws_error(operation, format!("delete {id}"), error)),
    }
}
