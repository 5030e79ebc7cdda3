//! On which side of the way out a subnet is.

use super::subnet_pairs;
use crate::range::range;

/// On which side of the way out a subnet is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    /// Routed to the internet gateway.
    Public,
    /// Routed to a NAT gateway.
    Private,
}

/// The side of a subnet, by its range: its name is a tag that a person can take away. None where it is
/// not a range of ours.
pub fn side(vpc: &str, subnet: &str) -> Option<Side> {
    for [public, private] in subnet_pairs(range(vpc).ok()?) {
        if subnet == public {
            return Some(Side::Public);
        }
        if subnet == private {
            return Some(Side::Private);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_of_a_subnet_follows_from_its_range() {
        assert_eq!(side("10.0.0.0/16", "10.0.16.0/20"), Some(Side::Public));
        assert_eq!(side("10.0.0.0/16", "10.0.128.0/20"), Some(Side::Private));
        assert_eq!(side("10.0.0.0/16", "10.0.255.0/24"), None);
    }
}
