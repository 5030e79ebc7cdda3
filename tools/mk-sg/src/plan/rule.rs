//! Rules of security groups: what one allows, and its words in records and messages.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use plumbing::Way;

/// Every IPv4 address.
pub const ANYWHERE: &str = "0.0.0.0/0";

/// The tags of a group or a rule.
pub type Tags = BTreeMap<String, String>;

/// The IDs of groups, by their records' names.
pub type GroupIds = BTreeMap<String, String>;

/// Which way a rule lets traffic through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// To the group's members.
    Ingress,
    /// From them.
    Egress,
}

/// Both directions.
pub const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

impl Direction {
    /// AWS's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        }
    }
}

/// A rule: all that makes it differ from another one of its direction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// `tcp`, `udp`, or `-1` for all.
    pub protocol: String,
    /// The first port.
    pub from_port: i32,
    /// The last port.
    pub to_port: i32,
    /// The other end of the traffic: an address range, or the ID of a group or a prefix list.
    pub peer: String,
}

impl Rule {
    /// A rule for one TCP port.
    pub fn tcp(port: u16, peer: &str) -> Rule {
        Rule {
            protocol: "tcp".into(),
            from_port: port.into(),
            to_port: port.into(),
            peer: peer.into(),
        }
    }

    /// The rule that lets traffic through a way.
    pub fn of_way(way: Way) -> Rule {
        Rule {
            protocol: way.protocol,
            from_port: way.from_port.into(),
            to_port: way.to_port.into(),
            peer: way.peer,
        }
    }

    /// The way that a rule opens, as an app's record says it; nothing where none can say it.
    pub fn way(&self) -> Option<Way> {
        let has_ports = matches!(self.protocol.as_str(), "tcp" | "udp");
        let port = |port: i32| u16::try_from(port).ok().filter(|port| *port > 0);
        let is_peer = self.peer_group().is_some() || self.peer.starts_with("pl-");
        if !has_ports || !(is_peer || is_range(&self.peer)) {
            return None;
        }
        Some(Way {
            protocol: self.protocol.clone(),
            from_port: port(self.from_port)?,
            to_port: port(self.to_port)?,
            peer: self.peer.clone(),
        })
    }

    /// The ID of the group at the other end, if that is a group.
    pub fn peer_group(&self) -> Option<&str> {
        if self.peer.starts_with("sg-") {
            Some(&self.peer)
        } else {
            None
        }
    }

    /// The rule in words: `tcp 80 from alb/web`. A group that is not among `group_ids` is named by
    /// its ID.
    pub fn describe(&self, direction: Direction, group_ids: &GroupIds) -> String {
        let traffic = if self.protocol == "-1" {
            "all".to_string()
        } else if self.from_port == self.to_port {
            format!("{} {}", self.protocol, self.from_port)
        } else {
            format!("{} {}-{}", self.protocol, self.from_port, self.to_port)
        };
        let preposition = match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let peer = record_name_of(&self.peer, group_ids).unwrap_or(&self.peer);
        format!("{traffic} {preposition} {peer}")
    }
}

/// Whether a peer is a range of IPv4 addresses.
fn is_range(peer: &str) -> bool {
    let address = peer.split_once('/').map(|(address, _)| address);
    address.is_some_and(|address| address.parse::<Ipv4Addr>().is_ok())
}

/// A rule of a group that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct ExistingRule {
    /// `sgr-…`; empty where this run added it, since nothing needs it then.
    pub id: String,
    /// Which way.
    pub direction: Direction,
    /// What it allows.
    pub rule: Rule,
    /// Its tags.
    pub tags: Tags,
}

/// The name of the record of the group with an ID.
pub fn record_name_of<'a>(id: &str, group_ids: &'a GroupIds) -> Option<&'a str> {
    for (record_name, group_id) in group_ids {
        if group_id == id {
            return Some(record_name);
        }
    }
    None
}
