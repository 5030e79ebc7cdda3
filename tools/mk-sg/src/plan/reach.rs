//! What apps reach and who reaches them that is no app: whether it is there, and what of it the rules of
//! groups that exist tell.

use std::collections::BTreeMap;

use plumbing::{App, Env, Error, Record, Result, Way};

use super::group::{Group, record_name};
use super::rule::{ANYWHERE, Direction, ExistingRule, GroupIds, Rule, record_name_of};
use super::want::{HTTP, HTTPS};

/// The groups and prefix lists that apps name, each with the app and the words that name it.
pub fn peers(apps: &[App]) -> BTreeMap<String, String> {
    let mut peers = BTreeMap::new();
    for app in apps {
        let name = &app.name;
        let reach = &app.reach;
        let to = reach.ways().into_iter().map(|way| ("reach", way.peer));
        let ways = reach.ways_from().into_iter().map(|way| way.peer);
        let of_balancer = reach.peers().into_iter().map(String::from);
        let from = ways.chain(of_balancer).map(|peer| ("reach_from", peer));
        let only = reach.only_from.iter().cloned();
        let only = only.map(|peer| ("from", peer));
        for (field, peer) in to.chain(from).chain(only) {
            if peer.starts_with("sg-") || peer.starts_with("pl-") {
                peers.insert(peer, format!("app '{name}': {field}"));
            }
        }
    }
    peers
}

/// Refuses a peer that is not there, or that is a group of the environment's own. `there` are those that are,
/// by their IDs.
pub fn check_peers(
    env: &Env,
    groups: &[Group],
    peers: &BTreeMap<String, String>,
    there: &BTreeMap<String, String>,
) -> Result<()> {
    for (peer, who) in peers {
        if let Some(own) = groups.iter().find(|group| group.id == *peer) {
            let name = record_name(env, own);
            let message = format!(
                "{who} names {peer}, which is {name} of this environment: say calls for an app"
            );
            return Err(Error::input(message));
        }
        if !there.contains_key(peer) {
            let kind = if peer.starts_with("sg-") {
                "security group"
            } else {
                "prefix list"
            };
            let message = format!(
                "{who} names {kind} {peer}, which is not in {} of account {}",
                env.region, env.account
            );
            return Err(Error::input(message));
        }
    }
    Ok(())
}

/// What a person is told of groups that are in another VPC than the environment's; `found` are those that
/// are there, with their VPCs.
pub fn told_of_peers(vpc: &str, found: &BTreeMap<String, String>) -> Vec<String> {
    let elsewhere = found.iter().filter(|(_, of)| !of.is_empty() && *of != vpc);
    let told = elsewhere.map(|(id, of)| {
        format!("security group {id} is in {of}, and not in the environment's VPC: AWS takes it in a rule only where the two are peered")
    });
    told.collect()
}

/// What our own rules tell of what an app reaches and of who reaches it that is no app, as the fields of
/// an app's record.
pub fn told_by(
    env: &Env,
    group: &Group,
    group_ids: &GroupIds,
    record: &str,
) -> Vec<(&'static str, Vec<String>)> {
    let of = |direction| of_others(env, group, group_ids, direction);
    let mut told = Vec::new();
    match record.split_once('/') {
        Some(("task", _)) => {
            let own = Rule::tcp(HTTPS, ANYWHERE); // for images and logs
            let out = of(Direction::Egress).filter(|rule| **rule != own);
            told.push(("reach", texts(out.filter_map(Rule::way))));
            let within = of(Direction::Ingress).filter_map(Rule::way);
            told.push(("reach_from", texts(within)));
        }
        Some(("alb", _)) => {
            let within = of(Direction::Ingress);
            let peers = within.filter(|rule| **rule == Rule::tcp(HTTP, &rule.peer));
            let peers = peers.filter_map(|rule| rule.way().map(|way| way.peer));
            let (anybody, peers): (Vec<String>, Vec<String>) =
                peers.partition(|peer| peer == ANYWHERE);
            // Of a public app these are all who may come, unless anybody may; ls-env knows whether it is one.
            if anybody.is_empty() {
                told.push(("from", sorted(peers.clone())));
            }
            told.push(("reach_from", sorted(peers)));
        }
        _ => {}
    }
    told.retain(|(_, texts)| !texts.is_empty());
    told
}

/// The rules of ours in one direction whose other end is no group of the environment's.
fn of_others<'a>(
    env: &'a Env,
    group: &'a Group,
    group_ids: &'a GroupIds,
    direction: Direction,
) -> impl Iterator<Item = &'a Rule> {
    let is_of_others = move |existing: &&ExistingRule| {
        existing.direction == direction
            && env.owns(&existing.tags)
            && record_name_of(&existing.rule.peer, group_ids).is_none()
    };
    let rules = group.rules.iter().filter(is_of_others);
    rules.map(|existing| &existing.rule)
}

fn texts(ways: impl Iterator<Item = Way>) -> Vec<String> {
    sorted(ways.map(|way| way.to_string()).collect())
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}

/// The records of the apps of which the rules tell anything: who they call, what else they reach, and who
/// reaches them. One for each app, whichever of its groups tells it.
pub fn app_records(
    env: &Env,
    groups: &[Group],
    group_ids: &GroupIds,
    calls: impl Fn(&Group) -> Vec<String>,
) -> Vec<Record> {
    let mut apps: BTreeMap<String, BTreeMap<&'static str, Vec<String>>> = BTreeMap::new();
    for group in groups {
        let record = record_name(env, group);
        let Some((purpose, app)) = record.split_once('/') else {
            continue;
        };
        let mut told = told_by(env, group, group_ids, &record);
        if purpose == "task" {
            told.push(("calls", calls(group)));
        }
        let fields = apps.entry(app.into()).or_default();
        for (field, texts) in told {
            fields.entry(field).or_default().extend(texts);
        }
    }
    let mut records = Vec::new();
    for (app, fields) in apps {
        let mut record = Record::new("app", &app);
        for (field, texts) in fields {
            if !texts.is_empty() {
                record = record.with(field, texts);
            }
        }
        if record.0.len() > 2 {
            records.push(record);
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::super::example::{existing, two_services};
    use super::super::group::{Purpose, group_name};
    use super::super::want::{Known, wanted_groups};
    use super::*;

    fn app(text: &str) -> App {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn peers_are_those_that_can_be_looked_up_and_each_is_checked() {
        let env = Env::example();
        let web = app(
            r#"{"name":"web","reach":["tcp:1=sg-0a1b2c3d","tcp:2=10.0.0.0/8"],"reach_from":["pl-0a1b2c3d"]}"#,
        );
        let jobs = app(r#"{"name":"jobs","worker":true,"reach_from":["tcp:9=sg-0b1b2c3d"]}"#);
        let peers = peers(&[web, jobs]);
        let ids: Vec<&str> = peers.keys().map(String::as_str).collect();
        assert_eq!(ids, ["pl-0a1b2c3d", "sg-0a1b2c3d", "sg-0b1b2c3d"]);
        let there = peers.keys().map(|id| (id.clone(), String::new()));
        let mut there: BTreeMap<String, String> = there.collect();
        assert_eq!(check_peers(&env, &[], &peers, &there), Ok(()));
        there.remove("pl-0a1b2c3d");
        let error = check_peers(&env, &[], &peers, &there).unwrap_err();
        assert_eq!(
            error.message,
            "app 'web': reach_from names prefix list pl-0a1b2c3d, which is not in us-east-1 of account 123456789012"
        );
        let own = Group {
            id: "sg-0b1b2c3d".into(),
            name: group_name(&env, &Purpose::Alb.record_name("web")),
            ..Group::default()
        };
        there.insert("pl-0a1b2c3d".into(), String::new());
        let error = check_peers(&env, &[own], &peers, &there).unwrap_err();
        assert!(error.message.contains("say calls"), "{error}");
    }

    #[test]
    fn a_group_in_another_vpc_is_told_and_a_list_is_in_none() {
        let found = [("sg-1", "vpc-1"), ("sg-2", "vpc-2"), ("pl-1", "")];
        let found = found.map(|(id, vpc)| (id.to_string(), vpc.to_string()));
        let told = told_of_peers("vpc-1", &found.into());
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("security group sg-2 is in vpc-2"),
            "{told:?}"
        );
    }

    #[test]
    fn what_is_wanted_is_read_back_and_nothing_else() {
        let env = Env::example();
        let fields = [
            r#"{"name":"api","reach":["tcp:25=pl-0a1b2c3d","udp:1-9=10.0.0.0/8"],"reach_from":["10.1.0.0/16","sg-0a1b2c3d"]}"#,
            r#"{"name":"jobs","worker":true,"reach_from":["tcp:9=sg-0a1b2c3d"]}"#,
            r#"{"name":"web","public":true,"calls":["api"]}"#,
        ];
        let apps = fields.map(app);
        let groups = wanted_groups(&env, &apps);
        let known = Known::all(&env, &groups, &apps);
        let records = app_records(&env, &groups, &known.group_ids, |_| Vec::new());
        let told: Vec<String> = records
            .iter()
            .map(|record| serde_json::to_string(&record.0).unwrap())
            .collect();
        assert_eq!(
            told,
            [
                r#"{"type":"app","name":"api","from":["10.1.0.0/16","sg-0a1b2c3d"],"reach":["tcp:25=pl-0a1b2c3d","udp:1-9=10.0.0.0/8"],"reach_from":["10.1.0.0/16","sg-0a1b2c3d"]}"#,
                r#"{"type":"app","name":"jobs","reach_from":["tcp:9=sg-0a1b2c3d"]}"#,
            ]
        );
    }

    #[test]
    fn what_somebody_opened_by_hand_is_not_read_back() {
        let env = Env::example();
        let known = two_services();
        let mut by_hand = existing("sgr-1", Direction::Egress, Rule::tcp(25, "10.0.0.0/8"));
        let mut group = Group {
            name: group_name(&env, "task/web"),
            rules: vec![by_hand.clone()],
            ..Group::default()
        };
        let told = |group: &Group| told_by(&env, group, &known.group_ids, "task/web");
        assert_eq!(
            told(&group),
            [("reach", vec!["tcp:25=10.0.0.0/8".to_string()])]
        );
        by_hand.tags.clear();
        let mut six = existing("sgr-2", Direction::Egress, Rule::tcp(25, "::/0"));
        six.rule.protocol = "tcp".into();
        let all = Rule {
            protocol: "-1".into(),
            from_port: -1,
            to_port: -1,
            peer: ANYWHERE.into(),
        };
        let all = existing("sgr-3", Direction::Egress, all);
        group.rules = vec![by_hand, six, all];
        assert_eq!(told(&group), []);
    }
}
