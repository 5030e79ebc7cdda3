//! Of several resources that do the same work the one that every run uses. Pure.

use super::have::{Address, InternetGateway, NatGateway, RouteTable, Tags, Vpc};

/// The tag that tells which of two came first, in microseconds since 1970: VPCs, internet gateways
/// and addresses have neither names that AWS keeps unique nor a creation time.
pub const MADE: &str = "plumbline:made";

/// For so long after a run made something it may give it up again for another run's, in microseconds.
const RACE: u64 = 2 * 60 * 1_000_000;

/// The VPC to use: the one with something of ours in it; of several that are empty the first made. Two
/// runs that made one each at the same time both list them and elect the same.
pub fn vpc(vpcs: &[Vpc]) -> Option<&Vpc> {
    vpcs.iter()
        .min_by_key(|vpc| (!vpc.is_used, age(&vpc.tags, &vpc.id)))
}

/// Whether the election of a VPC may still go otherwise: all are empty, and a run that made another
/// one may not have seen the elected one. It gives its own up soon, or puts something in it.
pub fn is_undecided(elected: &Vpc, others: &[Vpc], now: u64) -> bool {
    let may_be_used =
        |other: &Vpc| is_young(&other.tags, now) && !are_of_one_call(&other.tags, &elected.tags);
    !elected.is_used && others.iter().any(may_be_used)
}

/// Whether the run that made something may still be about to give it up.
pub fn is_young(tags: &Tags, now: u64) -> bool {
    made(tags).is_some_and(|made| made.abs_diff(now) < RACE)
}

/// The gateway to use: the one attached to the VPC, since that is AWS's own election.
pub fn internet_gateway<'a>(
    gateways: &'a [InternetGateway],
    vpc: &str,
) -> Option<&'a InternetGateway> {
    let attached = gateways
        .iter()
        .find(|gateway| gateway.vpc.as_deref() == Some(vpc));
    if attached.is_some() {
        return attached;
    }
    let detached = gateways.iter().filter(|gateway| gateway.vpc.is_none());
    detached.min_by_key(|gateway| age(&gateway.tags, &gateway.id))
}

/// The address to use: the one that the zone's NAT gateway has; without one, of those with a `Name` tag
/// one in use, else the first made.
pub fn address<'a>(
    addresses: &'a [Address],
    name: &str,
    nat_gateway: Option<&NatGateway>,
) -> Option<&'a Address> {
    if let Some(nat) = nat_gateway {
        let of_nat = addresses.iter().find(|address| address.id == nat.address);
        if of_nat.is_some() {
            return of_nat;
        }
    }
    addresses
        .iter()
        .filter(|address| address.tags.get("Name").is_some_and(|tag| tag == name))
        .min_by_key(|address| (!address.used, age(&address.tags, &address.id)))
}

/// The NAT gateway of a public subnet that works or is about to: the one that these route tables lead
/// to, where somebody copied its tags to another.
pub fn nat_gateway<'a>(
    nat_gateways: &'a [NatGateway],
    subnet: &str,
    route_tables: &[RouteTable],
) -> Option<&'a NatGateway> {
    let is_routed = |nat: &NatGateway| {
        let mut routes = route_tables
            .iter()
            .filter_map(|table| table.default_route.as_ref());
        routes.any(|target| *target == nat.id)
    };
    nat_gateways
        .iter()
        .filter(|nat| nat.subnet == subnet && nat.is_usable())
        .min_by_key(|nat| (!nat.is_available(), !is_routed(nat), &nat.id))
}

/// Whether two resources came of one call, which was repeated when its answer was lost.
pub fn are_of_one_call(one: &Tags, other: &Tags) -> bool {
    one.contains_key(MADE) && one.get(MADE) == other.get(MADE)
}

/// What sorts resources: the first made, then the lowest ID.
fn age<'a>(tags: &Tags, id: &'a str) -> (u64, &'a str) {
    (made(tags).unwrap_or(u64::MAX), id)
}

fn made(tags: &Tags) -> Option<u64> {
    tags.get(MADE)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::have::tests::tags;
    use super::*;

    fn vpc_made_at(made: &str, id: &str) -> Vpc {
        Vpc {
            id: id.into(),
            tags: Tags::from([(MADE.into(), made.into())]),
            ..Vpc::default()
        }
    }

    fn gateway_of(vpc: Option<&str>, id: &str) -> InternetGateway {
        InternetGateway {
            id: id.into(),
            vpc: vpc.map(String::from),
            ..InternetGateway::default()
        }
    }

    fn address_of(id: &str, used: bool) -> Address {
        Address {
            id: id.into(),
            used,
            tags: tags("eip-nat-a-production-pr1"),
        }
    }

    fn nat_gateway_of(id: &str, state: &str) -> NatGateway {
        NatGateway {
            id: id.into(),
            subnet: "subnet-1".into(),
            state: state.into(),
            ..NatGateway::default()
        }
    }

    #[test]
    fn of_two_vpcs_every_run_picks_the_first_made() {
        let first = vpc_made_at("1000", "vpc-9");
        let second = vpc_made_at("1001", "vpc-1");
        let at_the_same_time = vpc_made_at("1001", "vpc-0");
        assert_eq!(vpc(&[second.clone(), first]).unwrap().id, "vpc-9");
        assert_eq!(vpc(&[second, at_the_same_time]).unwrap().id, "vpc-0");
    }

    #[test]
    fn a_vpc_in_use_is_elected_whoever_made_one_first() {
        let first = vpc_made_at("1000", "vpc-1");
        let mut used = vpc_made_at("1001", "vpc-2");
        used.is_used = true;
        assert_eq!(vpc(&[first, used]).unwrap().id, "vpc-2");
    }

    #[test]
    fn an_election_among_empty_vpcs_is_open_while_the_run_of_another_may_be_at_work() {
        let now = 10 * RACE;
        let elected = vpc_made_at("1000", "vpc-1");
        let old = vpc_made_at("1001", "vpc-2");
        let young = vpc_made_at(&(now - 1).to_string(), "vpc-3");
        let copy = vpc_made_at("1000", "vpc-4");
        let mut used = elected.clone();
        used.is_used = true;
        assert!(is_undecided(&elected, std::slice::from_ref(&young), now));
        assert!(!is_undecided(&elected, &[old, copy], now));
        assert!(!is_undecided(&used, &[young], now));
    }

    #[test]
    fn an_attached_gateway_and_an_address_in_use_are_preferred() {
        let have = [
            gateway_of(None, "igw-1"),
            gateway_of(Some("vpc-1"), "igw-2"),
            gateway_of(Some("vpc-2"), "igw-0"),
        ];
        assert_eq!(internet_gateway(&have, "vpc-1").unwrap().id, "igw-2");
        assert_eq!(internet_gateway(&have, "vpc-3").unwrap().id, "igw-1");
        let have = [
            address_of("eipalloc-1", false),
            address_of("eipalloc-2", true),
        ];
        let name = "eip-nat-a-production-pr1";
        assert_eq!(address(&have, name, None).unwrap().id, "eipalloc-2");
        let nat = NatGateway {
            address: "eipalloc-1".into(),
            ..NatGateway::default()
        };
        for name in [name, "renamed"] {
            let elected = address(&have, name, Some(&nat));
            assert_eq!(elected.unwrap().id, "eipalloc-1");
        }
    }

    #[test]
    fn a_failed_nat_does_not_count() {
        let unusable = [
            nat_gateway_of("nat-1", "failed"),
            nat_gateway_of("nat-2", "deleting"),
        ];
        assert!(nat_gateway(&unusable, "subnet-1", &[]).is_none());
        let usable = [
            nat_gateway_of("nat-1", "pending"),
            nat_gateway_of("nat-2", "available"),
        ];
        assert_eq!(nat_gateway(&usable, "subnet-1", &[]).unwrap().id, "nat-2");
    }

    #[test]
    fn of_two_nats_the_one_that_is_used_stays() {
        let nats = [
            nat_gateway_of("nat-1", "available"),
            nat_gateway_of("nat-2", "available"),
        ];
        assert_eq!(nat_gateway(&nats, "subnet-1", &[]).unwrap().id, "nat-1");
        let table = RouteTable {
            default_route: Some("nat-2".into()),
            ..RouteTable::default()
        };
        assert_eq!(
            nat_gateway(&nats, "subnet-1", &[table]).unwrap().id,
            "nat-2"
        );
    }
}
