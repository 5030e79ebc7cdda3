//! What is let through, and what is not.

use super::*;
use crate::samples::{app, by_hand, groups};

/// web, which is public, and calls api.
fn two_groups() -> Vec<Group> {
    let records = [
        app("web", true, &["api".to_string()]),
        app("api", false, &[]),
    ];
    groups(&records)
}

fn told(groups: &[Group]) -> Vec<String> {
    let around = Around {
        env: &Env::example(),
        public: &BTreeSet::from(["alb/web".to_string()]),
        cidr: "10.0.0.0/16",
    };
    let flows = flows(&around, groups);
    let told = flows.iter().map(|((from, to, ports), by)| {
        let hand = if by.ours { "" } else { ", not ours" };
        format!("{} -> {}: {ports}{hand}", from.id(), to.id())
    });
    told.collect()
}

const OURS: [&str; 6] = [
    "internet -> alb/web: tcp 80",
    "alb/api -> task/api: tcp 5000",
    "alb/web -> task/web: tcp 5000",
    "task/api -> outside/0.0.0.0/0: tcp 443",
    "task/web -> alb/api: tcp 80",
    "task/web -> outside/0.0.0.0/0: tcp 443",
];

fn more(groups: &[Group]) -> Vec<String> {
    let mut told = told(groups);
    for ours in OURS {
        assert!(told.contains(&ours.to_string()), "{ours} in {told:?}");
    }
    told.retain(|flow| !OURS.contains(&flow.as_str()));
    told
}

#[test]
fn who_may_reach_whom_follows_from_the_groups() {
    let mut told = told(&two_groups());
    told.sort();
    let mut ours = OURS;
    ours.sort_unstable();
    assert_eq!(told, ours);
}

#[test]
fn a_rule_at_one_end_alone_lets_nothing_through() {
    let mut groups = two_groups();
    by_hand(
        &mut groups,
        "sg-alb/api",
        Direction::Ingress,
        Rule::tcp(80, "sg-task/api"),
    );
    assert!(more(&groups).is_empty());
    by_hand(
        &mut groups,
        "sg-task/api",
        Direction::Egress,
        Rule::tcp(80, "sg-alb/api"),
    );
    assert_eq!(more(&groups), ["task/api -> alb/api: tcp 80, not ours"]);
}

#[test]
fn ranges_reach_whom_they_hold() {
    let mut groups = two_groups();
    let range = |from, to, peer: &str| Rule {
        from_port: from,
        to_port: to,
        ..Rule::tcp(1, peer)
    };
    by_hand(
        &mut groups,
        "sg-alb/api",
        Direction::Ingress,
        range(1, 100, "10.0.0.0/8"),
    );
    by_hand(
        &mut groups,
        "sg-task/api",
        Direction::Egress,
        range(90, 200, "10.0.0.0/16"),
    );
    by_hand(
        &mut groups,
        "sg-task/web",
        Direction::Ingress,
        Rule::tcp(22, ANYWHERE),
    );
    assert_eq!(
        more(&groups),
        [
            "task/api -> alb/api: tcp 90-100, not ours",
            "task/api -> outside/10.0.0.0/16: tcp 90-200, not ours",
            "outside/0.0.0.0/0 -> task/web: tcp 22, not ours",
            "outside/10.0.0.0/8 -> alb/api: tcp 1-100, not ours",
        ]
    );
}

#[test]
fn all_traffic_is_what_the_other_end_takes() {
    let mut groups = two_groups();
    let all = Rule {
        protocol: "-1".into(),
        from_port: -1,
        to_port: -1,
        peer: ANYWHERE.into(),
    };
    by_hand(&mut groups, "sg-task/api", Direction::Egress, all);
    assert_eq!(
        more(&groups),
        ["task/api -> outside/0.0.0.0/0: all, not ours"]
    );
}

#[test]
fn a_range_holds_another_or_not() {
    for (outer, inner, is_held) in [
        ("10.0.0.0/8", "10.1.0.0/16", true),
        ("10.1.0.0/16", "10.1.0.0/16", true),
        ("10.1.0.0/17", "10.1.0.0/16", false),
        ("10.2.0.0/16", "10.1.0.0/16", false),
        ("0.0.0.0/0", "10.1.0.0/16", true),
        ("::/0", "10.1.0.0/16", false),
        ("pl-1", "10.1.0.0/16", false),
        ("10.0.0.0/8", "", false),
        ("10.0.0.0/33", "10.1.0.0/16", false),
    ] {
        assert_eq!(holds(outer, inner), is_held, "{outer} {inner}");
    }
}

#[test]
fn a_flow_covers_a_narrower_one() {
    for (outer, inner, is_covered) in [
        ("tcp 80", "tcp 80", true),
        ("tcp 0-65535", "tcp 80", true),
        ("all", "tcp 80", true),
        ("tcp 80", "tcp 80-81", false),
        ("tcp 443", "tcp 80", false),
        ("udp 0-65535", "tcp 80", false),
        ("tcp 80", "all", false),
    ] {
        assert_eq!(covers(outer, inner), is_covered, "{outer} {inner}");
    }
}
