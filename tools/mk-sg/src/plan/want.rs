//! The rules that an app's groups need, which follow from who calls whom.

use std::collections::BTreeMap;

use plumbing::{App, Env};

use super::group::{Group, PURPOSES, Purpose, group_ids, group_name, tags_of};
use super::rule::{ANYWHERE, DIRECTIONS, Direction, ExistingRule, GroupIds, Rule};

/// The port on which load balancers listen.
const HTTP: u16 = 80;
/// The port of ECR and CloudWatch Logs: tasks pull their images and write their logs.
const HTTPS: u16 = 443;

/// What is known so far of the apps and their groups. It only grows.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The apps whose records have arrived, by their names.
    pub apps: BTreeMap<String, App>,
    /// The groups that exist.
    pub group_ids: GroupIds,
    /// Whether these are all the apps that there will be.
    pub has_all_apps: bool,
}

impl Known {
    /// All that will be known, of groups that exist and of apps that are all there.
    pub fn all(env: &Env, groups: &[Group], apps: &[App]) -> Self {
        let apps = apps.iter().map(|app| (app.name.clone(), app.clone()));
        Known {
            apps: apps.collect(),
            group_ids: group_ids(env, groups),
            has_all_apps: true,
        }
    }
}

/// The rules that an app's group needs in one direction, sorted, each once; nothing while the group
/// of a peer has yet to be made, so that a direction takes one call.
pub fn wanted_rules(
    known: &Known,
    app: &App,
    purpose: Purpose,
    direction: Direction,
) -> Option<Vec<Rule>> {
    let mut rules = Vec::new();
    for (port, peer) in ports_and_peers(known, app, purpose, direction) {
        let peer = match &peer {
            Peer::Range(range) => range,
            Peer::Group(record_name) => known.group_ids.get(record_name)?,
        };
        rules.push(Rule::tcp(port, peer));
    }
    rules.sort();
    rules.dedup();
    Some(rules)
}

/// The groups of these apps with the rules that they need, as on an account that has none yet: for
/// whoever compares. An ID is `sg-` and the record's name.
pub fn wanted_groups(env: &Env, apps: &[App]) -> Vec<Group> {
    let mut known = Known::all(env, &[], apps);
    for app in apps {
        for name in PURPOSES.map(|purpose| purpose.record_name(&app.name)) {
            known.group_ids.insert(name.clone(), format!("sg-{name}"));
        }
    }
    let mut groups = Vec::new();
    for app in known.apps.values() {
        for purpose in PURPOSES {
            let record_name = purpose.record_name(&app.name);
            let name = group_name(env, &record_name);
            let tags = env.tags_of_app(&name, &app.name).into_iter().collect();
            let id = known.group_ids[&record_name].clone();
            let mut group = Group {
                id,
                name,
                tags,
                ..Group::default()
            };
            group.rules = wanted_of_group(env, &known, app, purpose, &group);
            groups.push(group);
        }
    }
    groups
}

fn wanted_of_group(
    env: &Env,
    known: &Known,
    app: &App,
    purpose: Purpose,
    group: &Group,
) -> Vec<ExistingRule> {
    let mut rules = Vec::new();
    for direction in DIRECTIONS {
        let wanted = wanted_rules(known, app, purpose, direction).unwrap_or_default();
        rules.extend(wanted.into_iter().map(|rule| ExistingRule {
            id: String::new(),
            direction,
            rule,
            tags: tags_of(env, group).into_iter().collect(),
        }));
    }
    rules
}

/// Whether no app that has yet to arrive can need another rule in this direction of an app's group.
pub fn is_final(known: &Known, app: &App, purpose: Purpose, direction: Direction) -> bool {
    let admits_callers = purpose == Purpose::Alb && direction == Direction::Ingress && !app.public;
    known.has_all_apps || !admits_callers
}

/// The other end of a rule that is wanted.
enum Peer {
    /// An address range.
    Range(String),
    /// A group, by its record's name: it may have yet to be made, and then it has no ID.
    Group(String),
}

impl Peer {
    fn group(purpose: Purpose, app: &str) -> Peer {
        Peer::Group(purpose.record_name(app))
    }

    fn anywhere() -> Peer {
        Peer::Range(ANYWHERE.into())
    }
}

/// The port and the other end of each rule that is wanted.
fn ports_and_peers(
    known: &Known,
    app: &App,
    purpose: Purpose,
    direction: Direction,
) -> Vec<(u16, Peer)> {
    match (purpose, direction) {
        (Purpose::Alb, Direction::Ingress) => {
            let peers = peers_of_load_balancer(known, app).into_iter();
            peers.map(|peer| (HTTP, peer)).collect()
        }
        (Purpose::Alb, Direction::Egress) => {
            vec![(app.port, Peer::group(Purpose::Task, &app.name))]
        }
        (Purpose::Task, Direction::Ingress) => {
            vec![(app.port, Peer::group(Purpose::Alb, &app.name))]
        }
        (Purpose::Task, Direction::Egress) => {
            let mut rules = vec![(HTTPS, Peer::anywhere())];
            for called in &app.calls {
                rules.push((HTTP, Peer::group(Purpose::Alb, called)));
            }
            rules
        }
    }
}

/// Who may reach an app's load balancer: the internet, or the apps that call it and nobody else.
fn peers_of_load_balancer(known: &Known, app: &App) -> Vec<Peer> {
    if app.public {
        return vec![Peer::anywhere()];
    }
    let mut callers = Vec::new();
    for other in known.apps.values() {
        if other.calls.contains(&app.name) {
            callers.push(Peer::group(Purpose::Task, &other.name));
        }
    }
    callers
}

#[cfg(test)]
mod tests {
    use super::super::example::two_services;
    use super::super::group::record_name;
    use super::super::rule::DIRECTIONS;
    use super::*;

    fn rules_of(app: &str, purpose: Purpose, known: &Known) -> Vec<String> {
        let app = &known.apps[app];
        let mut words = Vec::new();
        for direction in DIRECTIONS {
            for rule in wanted_rules(known, app, purpose, direction).unwrap() {
                words.push(rule.describe(direction, &known.group_ids));
            }
        }
        words
    }

    #[test]
    fn the_two_services_have_these_rules_and_no_others() {
        let known = two_services();
        assert_eq!(
            rules_of("web", Purpose::Alb, &known),
            ["tcp 80 from 0.0.0.0/0", "tcp 5000 to task/web"]
        );
        assert_eq!(
            rules_of("web", Purpose::Task, &known),
            [
                "tcp 5000 from alb/web",
                "tcp 80 to alb/api",
                "tcp 443 to 0.0.0.0/0"
            ]
        );
        assert_eq!(
            rules_of("api", Purpose::Alb, &known),
            ["tcp 80 from task/web", "tcp 5000 to task/api"]
        );
        assert_eq!(
            rules_of("api", Purpose::Task, &known),
            ["tcp 5000 from alb/api", "tcp 443 to 0.0.0.0/0"]
        );
    }

    #[test]
    fn the_groups_that_apps_need_have_these_rules_and_our_tags() {
        let env = Env::example();
        let known = two_services();
        let apps: Vec<App> = known.apps.values().cloned().collect();
        let groups = wanted_groups(&env, &apps);
        let names = ["alb/api", "task/api", "alb/web", "task/web"];
        let found: Vec<String> = groups.iter().map(|one| record_name(&env, one)).collect();
        assert_eq!(found, names);
        let told = groups[3].rules.iter().map(|existing| {
            assert!(env.owns(&existing.tags));
            let ids = group_ids(&env, &groups);
            existing.rule.describe(existing.direction, &ids)
        });
        let told: Vec<String> = told.collect();
        assert_eq!(told, rules_of("web", Purpose::Task, &known));
    }

    #[test]
    fn an_internal_app_that_nobody_calls_admits_nobody() {
        let mut known = two_services();
        known.apps.get_mut("web").unwrap().calls.clear();
        assert_eq!(
            rules_of("api", Purpose::Alb, &known),
            ["tcp 5000 to task/api"]
        );
    }

    #[test]
    fn an_app_that_is_called_twice_is_reached_by_one_rule() {
        let mut known = two_services();
        known.apps.get_mut("web").unwrap().calls.push("api".into());
        assert_eq!(rules_of("web", Purpose::Task, &known).len(), 3);
    }
}
