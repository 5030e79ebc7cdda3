//! What security groups let through: from whom, to whom, on which ports. A flow takes a rule at each
//! end that is a group of the environment's. Pure.

use std::collections::{BTreeMap, BTreeSet};

use mk_sg::plan::{ANYWHERE, Direction, Group, Rule, record_name};
use plumbing::Env;

/// One end of a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// Whoever is on the internet, seen from a load balancer that is on it as well.
    Internet,
    /// A group, by its record's name: `alb/web`.
    Group(String),
    /// An address range, a prefix list or somebody else's group.
    Outside(String),
}

impl End {
    /// How the picture's code calls it.
    pub(crate) fn id(&self) -> String {
        match self {
            End::Internet => "internet".into(),
            End::Group(name) => name.clone(),
            End::Outside(what) => format!("outside/{what}"),
        }
    }
}

/// Which flow it is: from, to, and what: `tcp 80`.
pub(crate) type Key = (End, End, String);

/// By what a flow is let through.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct By {
    /// Whether all rules that it needs are ours.
    pub(crate) ours: bool,
    /// The IDs of these.
    pub(crate) rules: BTreeSet<String>,
}

/// All flows.
pub(crate) type Flows = BTreeMap<Key, By>;

/// What there is around the groups.
pub(crate) struct Around<'a> {
    pub(crate) env: &'a Env,
    /// The record names of the groups whose load balancers are on the internet.
    pub(crate) public: &'a BTreeSet<String>,
    /// The range of the network; empty where it is not known.
    pub(crate) cidr: &'a str,
}

/// A group's rule, with what is known of both.
struct Own<'a> {
    group: &'a Group,
    name: String,
    id: &'a str,
    rule: &'a Rule,
    ours: bool,
    /// Whether its other end is a range of addresses that all of the network is in.
    is_wide: bool,
}

impl Own<'_> {
    fn admits(&self, group: &Group) -> bool {
        self.is_wide || self.rule.peer == group.id
    }
}

/// What these groups let through.
pub(crate) fn flows(around: &Around, groups: &[Group]) -> Flows {
    let rules = |direction| rules(around, groups, direction);
    let (incoming, outgoing) = (rules(Direction::Ingress), rules(Direction::Egress));
    let mut by_sender: BTreeMap<&str, Vec<&Own>> = BTreeMap::new();
    for group in groups {
        by_sender.insert(&group.id, Vec::new());
    }
    for own in &outgoing {
        by_sender.entry(&own.group.id).or_default().push(own);
    }
    let mut flows = Flows::new();
    for receiver in &incoming {
        match by_sender.get(receiver.rule.peer.as_str()) {
            Some(senders) => meet(&mut flows, around, senders, receiver),
            None => add(&mut flows, from_outside(around, receiver), &[receiver]),
        }
        if receiver.is_wide {
            let senders: Vec<&Own> = outgoing.iter().collect();
            meet(&mut flows, around, &senders, receiver);
        }
    }
    for sender in &outgoing {
        let peer = &sender.rule.peer;
        if !by_sender.contains_key(peer.as_str()) {
            let from = End::Group(sender.name.clone());
            let key = (from, End::Outside(peer.clone()), ports(sender.rule));
            add(&mut flows, key, &[sender]);
        }
    }
    flows
}

/// What a rule lets in from where no group of ours is.
fn from_outside(around: &Around, receiver: &Own) -> Key {
    let is_public = around.public.contains(&receiver.name);
    let from = match (is_public, receiver.rule.peer.as_str()) {
        (true, ANYWHERE) => End::Internet,
        (_, peer) => End::Outside(peer.to_string()),
    };
    let to = End::Group(receiver.name.clone());
    (from, to, ports(receiver.rule))
}

/// Adds what these senders and a receiver that lets them in both let through.
fn meet(flows: &mut Flows, around: &Around, senders: &[&Own], receiver: &Own) {
    let from_internet = around.public.contains(&receiver.name) && receiver.rule.peer == ANYWHERE;
    for sender in senders.iter().filter(|own| own.admits(receiver.group)) {
        // Who goes out to the internet and comes back in is the internet.
        if from_internet && sender.rule.peer == ANYWHERE {
            continue;
        }
        if let Some(ports) = common(sender.rule, receiver.rule) {
            let [from, to] = [sender, receiver].map(|own| End::Group(own.name.clone()));
            add(flows, (from, to, ports), &[sender, receiver]);
        }
    }
}

/// One that two pairs of rules let through is ours if one of these pairs is.
fn add(flows: &mut Flows, key: Key, rules: &[&Own]) {
    let by = flows.entry(key).or_default();
    by.ours |= rules.iter().all(|own| own.ours);
    let ids = rules.iter().map(|own| own.id.to_string());
    by.rules.extend(ids);
}

/// The rules of one direction, by the names of their groups' records.
fn rules<'a>(around: &Around, groups: &'a [Group], direction: Direction) -> Vec<Own<'a>> {
    let Around { env, cidr, .. } = around;
    let mut rules = Vec::new();
    for group in groups {
        let of_direction = group.rules.iter().filter(|one| one.direction == direction);
        rules.extend(of_direction.map(|existing| Own {
            group,
            name: record_name(env, group),
            id: &existing.id,
            rule: &existing.rule,
            ours: env.owns(&existing.tags),
            is_wide: existing.rule.peer == ANYWHERE || holds(&existing.rule.peer, cidr),
        }));
    }
    rules
}

/// Whether an IPv4 range holds all of another one.
fn holds(outer: &str, inner: &str) -> bool {
    let (Some((from, bits)), Some((inner, inner_bits))) = (range(outer), range(inner)) else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    bits <= inner_bits && from & mask == inner & mask
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (address, bits) = text.split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
    Some((address.into(), bits))
}

/// What a rule lets through: `tcp 80`, `udp 1-9`, `all`.
fn ports(rule: &Rule) -> String {
    let Rule {
        protocol,
        from_port,
        to_port,
        ..
    } = rule;
    match (protocol.as_str(), from_port == to_port) {
        ("-1", _) => "all".into(),
        (_, true) => format!("{protocol} {from_port}"),
        (_, false) => format!("{protocol} {from_port}-{to_port}"),
    }
}

/// What two rules both let through.
fn common(one: &Rule, other: &Rule) -> Option<String> {
    if one.protocol == "-1" || other.protocol == "-1" {
        let narrower = if one.protocol == "-1" { other } else { one };
        return Some(ports(narrower));
    }
    let both = Rule {
        from_port: one.from_port.max(other.from_port),
        to_port: one.to_port.min(other.to_port),
        ..one.clone()
    };
    let meet = one.protocol == other.protocol && both.from_port <= both.to_port;
    meet.then(|| ports(&both))
}

/// Whether all that a flow like `tcp 80` lets through is let through by another one.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    let range = |ports: &str| {
        let (protocol, range) = ports.split_once(' ')?;
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let bounds: (i32, i32) = (from.parse().ok()?, to.parse().ok()?);
        Some((protocol.to_string(), bounds))
    };
    match (range(outer), range(inner)) {
        (Some((outer, (from, to))), Some((inner, (least, most)))) => {
            outer == inner && from <= least && most <= to
        }
        _ => outer == "all" || outer == inner,
    }
}

#[cfg(test)]
#[path = "flows_tests.rs"]
mod tests;
