//! The arithmetic of IPv4 ranges. Pure.

use std::net::Ipv4Addr;

/// An IPv4 range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    base: u32,
    prefix: u32,
}

/// Reads a VPC's range: private to us only in that its subnets must be large enough for a load
/// balancer, /27 (ELB user guide), so /23 at the least; /16 at the most (EC2, InvalidVpc.Range).
pub fn range(text: &str) -> Result<Range, String> {
    let wrong = || format!("'{text}' is not an IPv4 range like 10.0.0.0/16");
    let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
    let base: u32 = address.parse::<Ipv4Addr>().map_err(|_| wrong())?.into();
    let prefix: u32 = prefix.parse().map_err(|_| wrong())?;
    if !(16..=23).contains(&prefix) {
        return Err(format!("a VPC's range must be /16 to /23, not /{prefix}"));
    }
    let range = Range { base, prefix };
    if base & (u32::MAX >> prefix) != 0 {
        return Err(format!(
            "'{text}' begins in the middle of a range; did you mean {}?",
            range.start()
        ));
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

    /// The n-th sixteenth.
    pub fn sixteenth(self, n: u32) -> Range {
        let prefix = self.prefix + 4;
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

    #[test]
    fn the_smallest_vpc_has_subnets_that_a_load_balancer_takes() {
        assert_eq!(
            range("10.1.2.0/23").unwrap().sixteenth(15).to_string(),
            "10.1.3.224/27"
        );
        assert_eq!(
            range("10.1.2.0/24"),
            Err("a VPC's range must be /16 to /23, not /24".into())
        );
    }

    #[test]
    fn a_range_that_begins_in_the_middle_is_refused_with_a_proposal() {
        assert_eq!(
            range("10.0.1.0/16"),
            Err("'10.0.1.0/16' begins in the middle of a range; did you mean 10.0.0.0/16?".into())
        );
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
}
