//! What others have put into the network that a run leaves as it is, in lines for people. Pure.

use super::{Have, RouteTable, elect};

/// A line about something of somebody else's.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The line.
    pub line: String,
    /// Whether it only makes the network safer, so that it is enough to tell who asks for more.
    pub is_detail: bool,
}

/// What others have put into the network, a line each: it stays.
pub fn notices(have: &Have) -> Vec<Notice> {
    let Some(vpc) = elect::vpc(&have.vpcs) else {
        return Vec::new();
    };
    let mut notices = Vec::new();
    let mut add = |line: String, is_detail: bool| notices.push(Notice { line, is_detail });
    for cidr in &vpc.other_cidrs {
        let line = format!(
            "vpc {} has another range, {cidr}, by hand; it stays",
            vpc.id
        );
        add(line, false);
    }
    for nat in have.other_nat_gateways.iter().filter(|nat| nat.is_usable()) {
        let line = format!(
            "nat gateway {} in {} is not this environment's; it stays",
            nat.id, nat.subnet
        );
        add(line, false);
    }
    for endpoint in &have.other_endpoints {
        let whose = endpoint.whose.as_deref();
        let line = format!(
            "vpc endpoint {} ({}) in {} is {}; it stays",
            endpoint.id,
            endpoint.service,
            vpc.id,
            whose.unwrap_or("not this environment's")
        );
        add(line, endpoint.leads_to_guard_duty());
    }
    for line in network_acls(have) {
        add(line, false);
    }
    for table in &have.route_tables {
        for line in fixed_routes(table) {
            add(line, false);
        }
    }
    notices
}

/// The network ACLs that let our subnets do other things than the one that AWS makes.
fn network_acls(have: &Have) -> Vec<String> {
    let mut lines = Vec::new();
    for acl in &have.network_acls {
        let id = &acl.id;
        if acl.is_default {
            if acl.is_changed {
                lines.push(format!(
                    "the default network acl {id} has other rules than AWS gives it; they stay"
                ));
            }
            continue;
        }
        let mut ours = Vec::new();
        for subnet in &have.subnets {
            if acl.subnets.contains(&subnet.id) {
                ours.push(subnet.id.as_str());
            }
        }
        if !ours.is_empty() {
            let subnets = ours.join(", ");
            lines.push(format!(
                "network acl {id} of {subnets} is not this environment's; it stays"
            ));
        }
    }
    lines
}

/// The routes that only whoever made them can take away. Those of a gateway endpoint are told with
/// the endpoint.
fn fixed_routes(table: &RouteTable) -> Vec<String> {
    let mut lines = Vec::new();
    for route in &table.other_routes {
        if !route.is_deletable && !route.target.starts_with("vpce-") {
            lines.push(format!(
                "route {} to {} of {} is not this environment's, and cannot be deleted; it stays",
                route.destination, route.target, table.id
            ));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::{Endpoint, NatGateway, NetworkAcl, Route, Subnet, Vpc};
    use super::*;

    fn lines(have: &Have) -> Vec<String> {
        let mut lines = Vec::new();
        for notice in notices(have) {
            if !notice.is_detail {
                lines.push(notice.line);
            }
        }
        lines
    }

    fn with_vpc() -> Have {
        Have {
            vpcs: vec![Vpc {
                id: "vpc-1".into(),
                ..Vpc::default()
            }],
            ..Have::default()
        }
    }

    fn acl(id: &str, is_default: bool, is_changed: bool) -> NetworkAcl {
        NetworkAcl {
            id: id.into(),
            is_default,
            is_changed,
            subnets: vec!["subnet-1".into()],
            ..NetworkAcl::default()
        }
    }

    #[test]
    fn a_network_as_it_was_made_is_not_worth_a_line() {
        let mut have = with_vpc();
        have.network_acls = vec![acl("acl-1", true, false), acl("acl-2", false, true)];
        assert_eq!(lines(&have), Vec::<String>::new());
    }

    #[test]
    fn what_others_put_into_the_network_is_told() {
        let mut have = with_vpc();
        have.vpcs[0].other_cidrs = vec!["10.9.0.0/16".into()];
        have.subnets = vec![Subnet {
            id: "subnet-1".into(),
            ..Subnet::default()
        }];
        have.network_acls = vec![acl("acl-1", true, true), acl("acl-2", false, true)];
        have.other_nat_gateways = vec![NatGateway {
            id: "nat-1".into(),
            subnet: "subnet-1".into(),
            state: "available".into(),
            ..NatGateway::default()
        }];
        for service in [
            "com.amazonaws.us-east-1.s3",
            "com.amazonaws.us-east-1.guardduty-data",
        ] {
            have.other_endpoints.push(Endpoint {
                id: "vpce-1".into(),
                service: service.into(),
                ..Endpoint::default()
            });
        }
        let route = |destination: &str, target: &str| Route {
            destination: destination.into(),
            target: target.into(),
            is_deletable: false,
        };
        have.route_tables = vec![RouteTable {
            id: "rtb-1".into(),
            other_routes: vec![route("10.9.0.0/16", "vgw-1"), route("pl-1", "vpce-1")],
            ..RouteTable::default()
        }];
        assert_eq!(
            lines(&have),
            [
                "vpc vpc-1 has another range, 10.9.0.0/16, by hand; it stays",
                "nat gateway nat-1 in subnet-1 is not this environment's; it stays",
                "vpc endpoint vpce-1 (com.amazonaws.us-east-1.s3) in vpc-1 is not this environment's; it stays",
                "the default network acl acl-1 has other rules than AWS gives it; they stay",
                "network acl acl-2 of subnet-1 is not this environment's; it stays",
                "route 10.9.0.0/16 to vgw-1 of rtb-1 is not this environment's, and cannot be deleted; it stays",
            ]
        );
        assert_eq!(notices(&have).len(), 7);
    }
}
