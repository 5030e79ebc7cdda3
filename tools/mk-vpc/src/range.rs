//! The arithmetic of IPv4 ranges. Pure.

use std::net::Ipv4Addr;

/// An IPv4 range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    base: u32,
    prefix: u32,
}

/// What no VPC can be in, and why: EC2 refuses these (VPC user guide, VPC CIDR blocks).
const REFUSED: [(Range, &str); 4] = [
    (of([0, 0, 0, 0], 8), "means this host itself"),
    (of([127, 0, 0, 0], 8), "never leaves a machine (loopback)"),
    (
        of([169, 254, 0, 0], 16),
        "is link-local, where AWS has services of its own",
    ),
    (of([224, 0, 0, 0], 4), "is for multicast"),
];

const fn of(base: [u8; 4], prefix: u32) -> Range {
    Range {
        base: u32::from_be_bytes(base),
        prefix,
    }
}

/// Reads a VPC's range. At the most /16 (EC2, InvalidVpc.Range); at the least /24, since each subnet must
/// be large enough for a load balancer, /27 (ELB user guide).
pub fn range(text: &str) -> Result<Range, String> {
    let wrong = || format!("'{text}' is not an IPv4 range like 10.0.0.0/16");
    let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
    let base: u32 = address.parse::<Ipv4Addr>().map_err(|_| wrong())?.into();
    let prefix: u32 = prefix.parse().map_err(|_| wrong())?;
    if !(16..=24).contains(&prefix) {
        return Err(format!("a VPC's range must be /16 to /24, not /{prefix}"));
    }
    let range = Range { base, prefix };
    if base & (u32::MAX >> prefix) != 0 {
        return Err(format!(
            "'{text}' begins in the middle of a range; did you mean {}?",
            range.start()
        ));
    }
    for (refused, why) in REFUSED {
        if refused.contains(range) {
            return Err(format!(
                "AWS takes no VPC in {refused}, which {why}; 10.0.0.0/16 is a usual range"
            ));
        }
    }
    Ok(range)
}

impl Range {
    fn start(self) -> Range {
        Range {
            base: self.base & !(u32::MAX >> self.prefix),
            ..self
        }
    }

    /// Whether a range that is not larger lies in this one.
    fn contains(self, other: Range) -> bool {
        let mask = !(u32::MAX >> self.prefix);
        other.base & mask == self.base
    }

    /// How many zones have room in it at a time, each with a public and a private subnet of the same
    /// size: eight, and in the smallest range four, since a load balancer takes no less than a /27.
    pub fn zones(self) -> u32 {
        if self.prefix == 24 { 4 } else { 8 }
    }

    /// The ranges of a zone's public and private subnet: the public ones are in the first half.
    pub fn pair(self, zone: u32) -> [Range; 2] {
        [zone, self.zones() + zone].map(|n| self.part(n))
    }

    /// Which zone's a subnet's range is, as [`pair`](Self::pair) counts them; another one is the last's.
    pub fn place(self, subnet: &str) -> u32 {
        let mut zones = 0..self.zones();
        let is_of = |zone: &u32| self.pair(*zone).iter().any(|one| one.to_string() == subnet);
        zones.find(is_of).unwrap_or(self.zones())
    }

    /// The n-th of the parts for all zones' subnets.
    fn part(self, n: u32) -> Range {
        let prefix = self.prefix + (2 * self.zones()).trailing_zeros();
        Range {
            base: self.base + (n << (32 - prefix)),
            prefix,
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_private(text: &str) -> String {
        let range = range(text).unwrap();
        range.pair(range.zones() - 1)[1].to_string()
    }

    #[test]
    fn the_smallest_vpc_has_subnets_that_a_load_balancer_takes() {
        assert_eq!(last_private("10.1.0.0/16"), "10.1.240.0/20");
        assert_eq!(last_private("10.1.2.0/23"), "10.1.3.224/27");
        assert_eq!(last_private("10.1.2.0/24"), "10.1.2.224/27");
        let first = range("10.1.2.0/24").unwrap().pair(0);
        assert_eq!(
            first.map(|one| one.to_string()),
            ["10.1.2.0/27", "10.1.2.128/27"]
        );
        for (text, prefix) in [("10.0.0.0/15", 15), ("10.1.2.0/25", 25)] {
            let message = format!("a VPC's range must be /16 to /24, not /{prefix}");
            assert_eq!(range(text), Err(message));
        }
    }

    #[test]
    fn a_range_that_begins_in_the_middle_is_refused_with_a_proposal() {
        for (text, meant) in [
            ("10.0.1.0/16", "10.0.0.0/16"),
            ("10.0.1.128/24", "10.0.1.0/24"),
        ] {
            assert_eq!(
                range(text),
                Err(format!(
                    "'{text}' begins in the middle of a range; did you mean {meant}?"
                ))
            );
        }
        for bad in [
            "",
            "10.0.0.0",
            "10.0.0/16",
            "x/16",
            "10.0.0.0/x",
            "300.0.0.0/16",
        ] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_aws_does_not_take_is_refused_with_the_reason() {
        for (text, within) in [
            ("0.0.0.0/16", "0.0.0.0/8"),
            ("0.255.255.0/24", "0.0.0.0/8"),
            ("127.0.0.0/16", "127.0.0.0/8"),
            ("169.254.0.0/16", "169.254.0.0/16"),
            ("169.254.7.0/24", "169.254.0.0/16"),
            ("224.0.0.0/16", "224.0.0.0/4"),
            ("239.255.0.0/20", "224.0.0.0/4"),
        ] {
            let why = range(text).unwrap_err();
            assert!(
                why.starts_with(&format!("AWS takes no VPC in {within}, ")),
                "{why}"
            );
        }
        for taken in [
            "1.0.0.0/16",
            "172.17.0.0/16",
            "100.64.0.0/16",
            "198.19.0.0/16",
        ] {
            assert!(range(taken).is_ok(), "{taken}");
        }
    }
}
