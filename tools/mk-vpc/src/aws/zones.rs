//! The availability zones of a region, and the mark of subnets whose zone the network leaves.

use aws_sdk_ec2::operation::describe_availability_zones::builders::DescribeAvailabilityZonesFluentBuilder;
use aws_sdk_ec2::types::{AvailabilityZone, Tag};
use plumbing::{Result, aws_error};

use super::{Ec2, filter};
use crate::plan::LEFT;
use crate::plan::zones::RegionZone;

impl Ec2 {
    /// The zones that every account may use, by name.
    pub async fn list_zones(&self) -> Result<Vec<RegionZone>> {
        let request = self
            .client
            .describe_availability_zones()
            .filters(filter("opt-in-status", "opt-in-not-required"))
            .filters(filter("state", "available"))
            .filters(filter("zone-type", "availability-zone"));
        zones(request).await
    }

    /// All zones, also local ones and those that need an opt-in: to say why one cannot be used.
    pub async fn list_all_zones(&self) -> Result<Vec<RegionZone>> {
        let request = self.client.describe_availability_zones();
        zones(request.all_availability_zones(true)).await
    }

    /// Marks subnets as those of a zone that the network leaves.
    pub async fn mark_left(&self, subnets: &[String]) -> Result<()> {
        self.add_tags(subnets, &[(LEFT.into(), "true".into())])
            .await
    }

    /// Takes that mark away: the zone is wanted again.
    pub async fn unmark_left(&self, subnet: &str) -> Result<()> {
        let request = self.client.delete_tags().resources(subnet);
        let request = request.tags(Tag::builder().key(LEFT).build());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("take the tag {LEFT} from {subnet}");
                Err(aws_error("ec2:DeleteTags", what, error))
            }
        }
    }
}

async fn zones(request: DescribeAvailabilityZonesFluentBuilder) -> Result<Vec<RegionZone>> {
    let answer = request.send().await.map_err(|error| {
        let what = "list the availability zones";
        aws_error("ec2:DescribeAvailabilityZones", what, error)
    })?;
    let zones = answer.availability_zones.unwrap_or_default();
    let mut zones: Vec<RegionZone> = zones.into_iter().map(zone_from).collect();
    zones.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(zones)
}

fn zone_from(zone: AvailabilityZone) -> RegionZone {
    let state = zone.state().map(|state| state.as_str().to_string());
    let opt_in = zone
        .opt_in_status()
        .map(|status| status.as_str().to_string());
    RegionZone {
        state: state.unwrap_or_default(),
        opt_in: opt_in.unwrap_or_default(),
        name: zone.zone_name.unwrap_or_default(),
        id: zone.zone_id.unwrap_or_default(),
        kind: zone.zone_type.unwrap_or_default(),
    }
}
