//! What AWS refuses in one availability zone and takes in another: which words say so, and which flag
//! helps. Pure.
//!
//! There is no list of zones without NAT gateways, load balancers or Fargate: it differs by account, and
//! only the refusal tells. EC2 and ELB have codes of their own for some of it; of ECS, the words alone say
//! it, as in "Fargate is not supported in the requested availability zone: ca-central-1d".

/// The codes that mean a zone, whatever the words are (EC2 and ELB API references).
const CODES: [&str; 2] = ["NotAvailableInZone", "AvailabilityZoneNotSupported"];

/// How AWS writes of a zone, in small letters.
const WORDS: [&str; 2] = ["availability zone", "availabilityzone"];

/// Whether AWS refuses something since it is to be in a certain zone.
pub fn is_about_zone(code: &str, message: &str) -> bool {
    let message = message.to_lowercase();
    CODES.contains(&code) || WORDS.iter().any(|words| message.contains(words))
}

/// What helps: `zones` are those where it was to be, as far as they are known.
pub fn zone_hint(zones: &[String]) -> String {
    let instead = match zones {
        [] => String::new(),
        zones => format!(" instead of {}", zones.join(", ")),
    };
    format!("mk-vpc --zone NAME_OR_ID, once for each, takes other zones{instead}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_of_a_zone_is_known_by_code_or_words() {
        for (code, message) in [
            (
                "NotAvailableInZone",
                "Nat Gateway is not available in this zone",
            ),
            (
                "InvalidParameterValue",
                "Value (us-east-1e) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1a.",
            ),
            (
                "ValidationError",
                "The following Availability Zones us-west-1a cannot be associated with a load balancer. Please try a different Availability Zone.",
            ),
            (
                "InvalidParameterException",
                "Fargate is not supported in the requested availability zone: ca-central-1d",
            ),
        ] {
            assert!(is_about_zone(code, message), "{code}");
        }
        assert!(!is_about_zone("InvalidSubnet", "The subnet is too small"));
    }

    #[test]
    fn the_hint_names_the_zones_that_are_known() {
        let hint = zone_hint(&["us-east-1a".to_string()]);
        assert!(
            hint.ends_with("takes other zones instead of us-east-1a"),
            "{hint}"
        );
        assert_eq!(
            zone_hint(&[]),
            "mk-vpc --zone NAME_OR_ID, once for each, takes other zones"
        );
    }
}
