//! AWS's partitions and the names of their regions (botocore, partitions.json). Pure.

/// A part of AWS with accounts, ARNs and hosts of its own.
pub(crate) struct Partition {
    /// What its ARNs begin with, after `arn:`.
    pub(crate) id: &'static str,
    /// What the names of its hosts end in.
    pub(crate) domain: &'static str,
    /// What the names of its regions begin with, before a word and a number: `us-` of `us-east-1`.
    regions: &'static [&'static str],
}

const PARTITIONS: [Partition; 8] = [
    Partition {
        id: "aws",
        domain: "amazonaws.com",
        regions: &[
            "us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-",
        ],
    },
    Partition {
        id: "aws-cn",
        domain: "amazonaws.com.cn",
        regions: &["cn-"],
    },
    Partition {
        id: "aws-us-gov",
        domain: "amazonaws.com",
        regions: &["us-gov-"],
    },
    Partition {
        id: "aws-iso",
        domain: "c2s.ic.gov",
        regions: &["us-iso-"],
    },
    Partition {
        id: "aws-iso-b",
        domain: "sc2s.sgov.gov",
        regions: &["us-isob-"],
    },
    Partition {
        id: "aws-iso-e",
        domain: "cloud.adc-e.uk",
        regions: &["eu-isoe-"],
    },
    Partition {
        id: "aws-iso-f",
        domain: "csp.hci.ic.gov",
        regions: &["us-isof-"],
    },
    Partition {
        id: "aws-eusc",
        domain: "amazonaws.eu",
        regions: &["eusc-de-"],
    },
];

/// The partition that a region is in; none of what is no region's name.
pub(crate) fn partition(region: &str) -> Option<&'static Partition> {
    PARTITIONS.iter().find(|partition| {
        let mut begins = partition.regions.iter();
        begins.any(|begin| region.strip_prefix(begin).is_some_and(is_place))
    })
}

/// Whether a text is a word and a number: `east-1`.
fn is_place(text: &str) -> bool {
    let Some((word, number)) = text.split_once('-') else {
        return false;
    };
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number =
        (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_word && is_number && word.len() <= 16
}

/// Checks a region's name (`us-east-1`). It becomes a part of the names of AWS's hosts, and of roles,
/// which are made also where no host of that name is.
pub fn check_region(region: &str) -> Result<(), String> {
    match partition(region) {
        Some(_) => Ok(()),
        None => Err(format!("region '{region}' is not a region's name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_regions() {
        for (region, id) in [
            ("us-east-1", "aws"),
            ("ap-southeast-7", "aws"),
            ("mx-central-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-west-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            let found = partition(region).map(|partition| partition.id);
            assert_eq!(found, Some(id), "{region}");
        }
    }

    #[test]
    fn what_is_no_region_or_would_be_another_host_is_refused() {
        for bad in [
            "",
            "-",
            "us-east1",
            "useast-1",
            "us-east",
            "us-east-",
            "us-east-1-",
            "us-east-1a",
            "us-east-111",
            "us--1",
            "us-gov-1-1",
            "nowhere-1",
            "eusc-fr-west-1",
            "aws-global",
            "US-EAST-1",
            "evil.com/",
            "us east 1",
            "us-éast-1",
            &"a".repeat(33),
        ] {
            assert!(check_region(bad).is_err(), "{bad}");
        }
    }
}
