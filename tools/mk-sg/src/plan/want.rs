//! The rules that an app's groups need, which follow from who calls whom, and from what an app reaches and
//! who reaches it that is no app.

use std::collections::BTreeMap;

use plumbing::{App, Env, Way};

use super::group::{Group, Purpose, group_ids, group_name, purposes, tags_of};
use super::rule::{ANYWHERE, DIRECTIONS, Direction, ExistingRule, GroupIds, Rule};

/// The port on which load balancers listen.
pub(super) const HTTP: u16 = 80;
/// The port of ECR and CloudWatch Logs: tasks pull their images and write their logs.
pub(super) const HTTPS: u16 = 443;

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

    /// The apps that answer at another one's load balancer, as far as they are known.
    fn at_load_balancer(&self, host: &str) -> impl Iterator<Item = &App> {
        let apps = self.apps.values();
        apps.filter(move |app| app.sharing.behind.as_deref() == Some(host))
    }

    /// The app at whose load balancer an app answers.
    fn host_of<'a>(&'a self, app: &'a str) -> &'a str {
        self.apps.get(app).map_or(app, App::answers_at)
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
    for wanted in wanted(known, app, purpose, direction) {
        rules.push(match wanted {
            Wanted::Whole(rule) => rule,
            Wanted::ToGroup(port, record_name) => {
                Rule::tcp(port, known.group_ids.get(&record_name)?)
            }
        });
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
        for purpose in purposes(app) {
            let name = purpose.record_name(&app.name);
            known.group_ids.insert(name.clone(), format!("sg-{name}"));
        }
    }
    let mut groups = Vec::new();
    for app in known.apps.values() {
        for &purpose in purposes(app) {
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
    let is_final = match (purpose, direction) {
        (Purpose::Alb, Direction::Ingress) => app.public,
        // An app that has yet to arrive may be behind this one, and one that is called behind another.
        (Purpose::Alb, Direction::Egress) => false,
        (Purpose::Task, Direction::Ingress) => true,
        (Purpose::Task, Direction::Egress) => {
            let mut called = app.calls.iter();
            called.all(|called| known.apps.contains_key(called))
        }
    };
    known.has_all_apps || is_final
}

/// A rule that is wanted.
enum Wanted {
    /// To or from addresses, or what is somebody else's.
    Whole(Rule),
    /// For a TCP port, to or from a group of the environment's, by its record's name: it may have yet to
    /// be made, and then it has no ID.
    ToGroup(u16, String),
}

impl Wanted {
    fn to_group(port: u16, purpose: Purpose, app: &str) -> Wanted {
        Wanted::ToGroup(port, purpose.record_name(app))
    }
}

/// The rules that are wanted.
fn wanted(known: &Known, app: &App, purpose: Purpose, direction: Direction) -> Vec<Wanted> {
    match (purpose, direction) {
        (Purpose::Alb, Direction::Ingress) => clients(known, app),
        (Purpose::Alb, Direction::Egress) => {
            let served = known.at_load_balancer(&app.name).chain([app]);
            served
                .flat_map(|app| {
                    let ports = ports(app).into_iter();
                    ports.map(|port| Wanted::to_group(port, Purpose::Task, &app.name))
                })
                .collect()
        }
        (Purpose::Task, Direction::Ingress) if app.worker => whole(app.reach.ways_from()),
        (Purpose::Task, Direction::Ingress) => {
            let ports = ports(app).into_iter();
            let rules = ports.map(|port| Wanted::to_group(port, Purpose::Alb, app.answers_at()));
            rules.collect()
        }
        (Purpose::Task, Direction::Egress) => {
            let mut rules = vec![Wanted::Whole(Rule::tcp(HTTPS, ANYWHERE))];
            for called in &app.calls {
                let host = known.host_of(called);
                rules.push(Wanted::to_group(HTTP, Purpose::Alb, host));
            }
            rules.extend(whole(app.reach.ways()));
            rules
        }
    }
}

fn whole(ways: Vec<Way>) -> Vec<Wanted> {
    let rules = ways.into_iter().map(Rule::of_way);
    rules.map(Wanted::Whole).collect()
}

/// The ports on which a load balancer reaches an app's tasks: where they serve, and where they are asked
/// whether they are well.
fn ports(app: &App) -> Vec<u16> {
    let mut ports = vec![app.port];
    ports.extend(app.health_check.port);
    ports
}

/// Who may reach an app's load balancer: the internet, or the ranges of it that the app names; else the apps that call it or one behind it, those that
/// its record names, and nobody else.
fn clients(known: &Known, app: &App) -> Vec<Wanted> {
    if app.public {
        let mut from = app.reach.only_from.clone();
        if from.is_empty() {
            from.push(ANYWHERE.into());
        }
        let rules = from.iter().map(|range| Rule::tcp(HTTP, range));
        return rules.map(Wanted::Whole).collect();
    }
    let mut clients = Vec::new();
    let mut served = vec![&app.name];
    served.extend(known.at_load_balancer(&app.name).map(|one| &one.name));
    for other in known.apps.values() {
        if served.iter().any(|name| other.calls.contains(name)) {
            clients.push(Wanted::to_group(HTTP, Purpose::Task, &other.name));
        }
    }
    let peers = app.reach.peers().into_iter();
    clients.extend(peers.map(|peer| Wanted::Whole(Rule::tcp(HTTP, peer))));
    clients
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

    /// The two services, and one more behind the api on another port, which the web calls as well.
    fn with_one_behind() -> Known {
        let mut known = two_services();
        let more = r#"{"name":"more","port":9000,"behind":"api","path":["/more"]}"#;
        let more: App = serde_json::from_str(more).unwrap();
        known
            .group_ids
            .insert("task/more".into(), "sg-task-more".into());
        known.apps.insert(more.name.clone(), more);
        let web = known.apps.get_mut("web").unwrap();
        web.calls.push("more".into());
        known
    }

    #[test]
    fn the_load_balancer_of_several_reaches_the_tasks_of_each_and_no_more_reach_it() {
        let known = with_one_behind();
        assert_eq!(
            rules_of("api", Purpose::Alb, &known),
            [
                "tcp 80 from task/web",
                "tcp 5000 to task/api",
                "tcp 9000 to task/more"
            ]
        );
        assert_eq!(
            rules_of("more", Purpose::Task, &known),
            ["tcp 9000 from alb/api", "tcp 443 to 0.0.0.0/0"]
        );
        assert_eq!(rules_of("web", Purpose::Task, &known).len(), 3);
        assert_eq!(purposes(&known.apps["more"]), [Purpose::Task]);
    }

    #[test]
    fn an_app_that_has_yet_to_arrive_may_be_behind_another() {
        let mut known = with_one_behind();
        known.has_all_apps = false;
        let final_of = |known: &Known, app: &str, purpose, direction| {
            is_final(known, &known.apps[app], purpose, direction)
        };
        assert!(!final_of(&known, "api", Purpose::Alb, Direction::Egress));
        assert!(final_of(&known, "web", Purpose::Task, Direction::Egress));
        known.apps.remove("more");
        assert!(!final_of(&known, "web", Purpose::Task, Direction::Egress));
        known.has_all_apps = true;
        assert!(final_of(&known, "api", Purpose::Alb, Direction::Egress));
    }

    #[test]
    fn a_public_app_admits_the_ranges_alone_that_it_names() {
        let mut known = two_services();
        let web = known.apps.get_mut("web").unwrap();
        web.reach.only_from = vec!["203.0.113.0/24".into(), "pl-0a1b2c3d".into()];
        assert_eq!(
            rules_of("web", Purpose::Alb, &known),
            [
                "tcp 80 from 203.0.113.0/24",
                "tcp 80 from pl-0a1b2c3d",
                "tcp 5000 to task/web"
            ]
        );
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

    fn worker_and_web(more: serde_json::Value) -> Known {
        let mut known = two_services();
        let mut app = serde_json::json!({"name": "jobs", "worker": true});
        let fields = app.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let app: App = serde_json::from_value(app).unwrap();
        known
            .group_ids
            .insert("task/jobs".into(), "sg-task-jobs".into());
        known.apps.insert("jobs".into(), app);
        known
    }

    #[test]
    fn what_an_app_reaches_is_exactly_that_and_each_once() {
        let reach = [
            "tcp:5432=sg-0a1b2c3d",
            "udp:8000-8010=10.0.0.0/8",
            "tcp:443=0.0.0.0/0",
            "tcp:25=pl-0a1b2c3d",
            "tcp:25=pl-0a1b2c3d",
        ];
        let known = worker_and_web(serde_json::json!({"reach": reach}));
        assert_eq!(
            rules_of("jobs", Purpose::Task, &known),
            [
                "tcp 25 to pl-0a1b2c3d",
                "tcp 443 to 0.0.0.0/0",
                "tcp 5432 to sg-0a1b2c3d",
                "udp 8000-8010 to 10.0.0.0/8"
            ]
        );
    }

    #[test]
    fn a_worker_is_reached_by_whom_it_names_and_by_nobody_else() {
        let known = worker_and_web(serde_json::json!({}));
        let alone = ["tcp 443 to 0.0.0.0/0"];
        assert_eq!(rules_of("jobs", Purpose::Task, &known), alone);
        let from = serde_json::json!({"reach_from": ["tcp:9000=sg-0a1b2c3d"]});
        let known = worker_and_web(from);
        assert_eq!(
            rules_of("jobs", Purpose::Task, &known),
            ["tcp 9000 from sg-0a1b2c3d", "tcp 443 to 0.0.0.0/0"]
        );
        let apps: Vec<App> = known.apps.values().cloned().collect();
        let groups = wanted_groups(&Env::example(), &apps);
        assert!(groups.iter().all(|group| group.id != "sg-alb/jobs"));
        assert!(groups.iter().any(|group| group.id == "sg-task/jobs"));
    }

    #[test]
    fn others_reach_the_load_balancer_of_an_app_where_that_listens() {
        let mut known = two_services();
        let api = known.apps.get_mut("api").unwrap();
        api.reach.from = vec!["sg-0a1b2c3d".into(), "10.1.0.0/16".into()];
        assert_eq!(
            rules_of("api", Purpose::Alb, &known),
            [
                "tcp 80 from 10.1.0.0/16",
                "tcp 80 from sg-0a1b2c3d",
                "tcp 80 from task/web",
                "tcp 5000 to task/api"
            ]
        );
    }

    #[test]
    fn a_health_port_of_its_own_is_open_at_both_ends() {
        let mut known = two_services();
        let api = known.apps.get_mut("api").unwrap();
        api.health_check.port = Some(9000);
        assert_eq!(
            rules_of("api", Purpose::Alb, &known)[1..],
            ["tcp 5000 to task/api", "tcp 9000 to task/api"]
        );
        assert_eq!(
            rules_of("api", Purpose::Task, &known)[..2],
            ["tcp 5000 from alb/api", "tcp 9000 from alb/api"]
        );
        known.apps.get_mut("api").unwrap().health_check.port = Some(5000);
        assert_eq!(rules_of("api", Purpose::Alb, &known).len(), 2);
    }
}
