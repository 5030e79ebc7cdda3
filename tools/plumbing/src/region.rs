//! AWS's partitions and regions, from botocore's data (`scripts/regions` writes `regions.json`). Pure.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::unknown::nearest;

/// A part of AWS with accounts, ARNs and hosts of its own.
#[derive(Debug, Deserialize)]
pub(crate) struct Partition {
    /// What its ARNs begin with, after `arn:`. The principals of services end in `amazonaws.com` in
    /// all of them, but for a few services that no tool uses (Terraform, `aws_service_principal`).
    #[serde(skip)]
    pub(crate) id: &'static str,
    /// What the names of its hosts end in.
    pub(crate) dns_suffix: String,
    regions: Vec<String>,
    /// The regions that lack a service.
    without: BTreeMap<Service, Vec<String>>,
}

/// A service that some regions lack.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// CodeBuild.
    CodeBuild,
    /// CodeConnections, by the older name CodeStar Connections.
    CodeConnections,
}

static PARTITIONS: LazyLock<Vec<Partition>> = LazyLock::new(|| {
    let data = include_str!("regions.json");
    let found: BTreeMap<&'static str, Partition> = serde_json::from_str(data).unwrap_or_default();
    let named = found.into_iter().map(|(id, one)| Partition { id, ..one });
    named.collect()
});

/// The partition that a region is in; none of what is no region's name.
pub(crate) fn partition(region: &str) -> Option<&'static Partition> {
    let mut all = PARTITIONS.iter();
    all.find(|partition| partition.regions.iter().any(|known| known == region))
}

/// The partition of what an ARN begins with: `aws` of `arn:aws:…`. Of ours by default.
pub(crate) fn id_of(region: &str) -> &'static str {
    partition(region).map_or("aws", |one| one.id)
}

/// Whether a region is known to lack a service.
pub fn lacks(region: &str, service: Service) -> bool {
    let lacking = partition(region).and_then(|one| one.without.get(&service));
    lacking.is_some_and(|regions| regions.iter().any(|one| one == region))
}

/// Checks a region's name (`us-east-1`). It becomes a part of the names of AWS's hosts, and of roles,
/// which are made also where no host of that name is.
pub fn check_region(region: &str) -> Result<(), String> {
    if partition(region).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = PARTITIONS
        .iter()
        .flat_map(|one| one.regions.iter().map(String::as_str))
        .collect();
    let meant = match nearest(region, &known) {
        Some(meant) => format!("; did you mean {meant}?"),
        None => String::new(),
    };
    Err(format!(
        "region '{region}' is none that this version knows{meant}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_regions_and_hosts() {
        for (region, id, dns_suffix) in [
            ("us-east-1", "aws", "amazonaws.com"),
            ("ap-southeast-7", "aws", "amazonaws.com"),
            ("mx-central-1", "aws", "amazonaws.com"),
            ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
            ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
            ("us-isob-west-1", "aws-iso-b", "sc2s.sgov.gov"),
            ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
            ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
            ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
        ] {
            let found = partition(region).unwrap();
            assert_eq!(
                (found.id, found.dns_suffix.as_str()),
                (id, dns_suffix),
                "{region}"
            );
        }
        assert_eq!(PARTITIONS.len(), 8);
    }

    #[test]
    fn what_is_no_region_or_would_be_another_host_is_refused() {
        for bad in [
            "",
            "-",
            "us-east",
            "us-east-",
            "us-east-1-",
            "us-east-1a",
            "us-east-111",
            "us-east-9",
            "us--1",
            "us-gov-1-1",
            "nowhere-1",
            "eusc-fr-west-1",
            "aws-global",
            "aws-cn-global",
            "US-EAST-1",
            "evil.com/",
            "us east 1",
            "us-éast-1",
            &"a".repeat(33),
        ] {
            assert!(check_region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_region_that_is_none_comes_with_the_one_that_was_meant() {
        for (text, meant) in [
            ("us-east1", "; did you mean us-east-1?"),
            ("ap-souteast-1", "; did you mean ap-southeast-1?"),
            ("eu-wset-3", "; did you mean eu-west-3?"),
            ("mars", ""),
        ] {
            let why = format!("region '{text}' is none that this version knows{meant}");
            assert_eq!(check_region(text), Err(why));
        }
    }

    #[test]
    fn regions_without_a_service_are_known() {
        use Service::{CodeBuild, CodeConnections};
        for region in ["cn-north-1", "af-south-1", "eu-south-2", "eusc-de-east-1"] {
            assert!(lacks(region, CodeConnections), "{region}");
            assert!(!lacks(region, CodeBuild), "{region}");
        }
        for region in ["mx-central-1", "ca-west-1", "ap-east-2"] {
            assert!(
                lacks(region, CodeConnections) && lacks(region, CodeBuild),
                "{region}"
            );
        }
        for region in ["us-east-1", "ap-southeast-1", "eu-south-1", "us-gov-west-1"] {
            assert!(
                !lacks(region, CodeConnections) && !lacks(region, CodeBuild),
                "{region}"
            );
        }
    }
}
