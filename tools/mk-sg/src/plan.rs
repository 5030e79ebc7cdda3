//! Which groups and rules there should be, what is there, and what follows. Pure.
//!
//! Rules are compared as sets, direction by direction: a wish names its peer by record
//! (`task/web`), a rule by what AWS knows, so a wish becomes a rule once its peer exists.

use std::collections::BTreeMap;

use plumbing::name::LONG_LIMIT;
use plumbing::{App, Change, Difference, Env, Error, Record, Result, Sg};

/// AWS takes ASCII alone here and never changes it, so it says nothing that could.
pub const DESCRIPTION: &str = "Made by plumbline";
/// Every IPv4 address.
pub const ANYWHERE: &str = "0.0.0.0/0";
/// The port on which load balancers listen.
const WEB: u16 = 80;
/// Image pulls and logs.
const TLS: u16 = 443;

/// A flag that stands for a shape of environment.
pub struct Preset {
    /// The flag, without its hyphens.
    pub flag: &'static str,
    /// Whether an internal load balancer admits only the tasks of the apps that call it, not the
    /// VPC's whole range.
    pub callers_only: bool,
    /// The app records that it writes where the stream holds none, as a person would write them.
    pub apps: &'static [&'static str],
}

/// Every preset; a new one is a new row, and a flag of its name in `main.rs`.
pub const PRESETS: &[Preset] = &[Preset {
    flag: "private-api",
    callers_only: true,
    apps: &[
        r#"{"name":"web","port":5000,"public":true,"calls":["api"],"health":"/","set":{"ASPNETCORE_URLS":"http://+:5000","ApiAddress":"http://{alb.api.dns}/WeatherForecast"}}"#,
        r#"{"name":"api","port":5000,"health":"/WeatherForecast","set":{"ASPNETCORE_URLS":"http://+:5000"}}"#,
    ],
}];

/// The preset of the first flag that is given.
pub fn preset(flags: &[(&str, bool)]) -> Option<&'static Preset> {
    PRESETS
        .iter()
        .find(|preset| flags.contains(&(preset.flag, true)))
}

impl Preset {
    /// Its app records.
    pub fn apps(&self) -> Vec<App> {
        self.apps
            .iter()
            .filter_map(|row| serde_json::from_str(row).ok())
            .collect()
    }
}

/// What the arguments and the VPC ask for.
#[derive(Clone, Debug)]
pub struct Want {
    /// The VPC in which the groups are.
    pub vpc: String,
    /// Its range.
    pub cidr: String,
    /// [`Preset::callers_only`].
    pub callers_only: bool,
}

/// Which of an app's two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// Its load balancer's.
    Alb,
    /// Its tasks'.
    Task,
}

/// Both groups of an app.
pub const PARTS: [Part; 2] = [Part::Alb, Part::Task];

impl Part {
    /// The name of its record.
    pub fn key(self, app: &str) -> String {
        match self {
            Part::Alb => format!("alb/{app}"),
            Part::Task => format!("task/{app}"),
        }
    }
}

/// The name in AWS of a record's group.
pub fn name(env: &Env, key: &str) -> String {
    env.named("security-group", &key.replacen('/', "-", 1), LONG_LIMIT)
}

/// The record's name of a group of ours, from its name in AWS, which cannot be changed there.
pub fn key(env: &Env, name: &str) -> String {
    let middle = name
        .strip_prefix("security-group-")
        .and_then(|rest| rest.strip_suffix(&format!("-{}", env.name)));
    match middle.and_then(|middle| middle.split_once('-')) {
        Some((part @ ("alb" | "task"), app)) => format!("{part}/{app}"),
        _ => name.into(),
    }
}

/// The tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// Which way traffic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Into the group's members.
    Ingress,
    /// Out of them.
    Egress,
}

/// Both directions.
pub const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

impl Direction {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Direction::Ingress => ("ingress", "from"),
            Direction::Egress => ("egress", "to"),
        }
    }
}

/// A rule: all that makes it differ from another of its direction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// `tcp`, or `-1` for all.
    pub protocol: String,
    /// The first port.
    pub from: i32,
    /// The last port.
    pub to: i32,
    /// A range, a group's ID or a prefix list's.
    pub peer: String,
}

impl Rule {
    fn tcp(port: u16, peer: &str) -> Rule {
        Rule {
            protocol: "tcp".into(),
            from: port.into(),
            to: port.into(),
            peer: peer.into(),
        }
    }

    /// The ID of the group that it names, if it names one.
    pub fn group(&self) -> Option<&str> {
        self.peer.starts_with("sg-").then_some(self.peer.as_str())
    }

    fn words(&self, direction: Direction, known: &Known) -> String {
        let what = match (self.protocol.as_str(), self.from, self.to) {
            ("-1", ..) => "all".into(),
            (protocol, from, to) if from == to => format!("{protocol} {from}"),
            (protocol, from, to) => format!("{protocol} {from}-{to}"),
        };
        let peer = known
            .groups
            .iter()
            .find(|(_, id)| **id == self.peer)
            .map_or(&self.peer, |(key, _)| key);
        format!("{what} {} {peer}", direction.words().1)
    }
}

/// A rule of a group that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// `sgr-…`; empty where this run made it and need not know.
    pub id: String,
    /// Which way.
    pub direction: Direction,
    /// What it allows.
    pub rule: Rule,
    /// Its tags.
    pub tags: Tags,
}

/// A group that carries the environment's identity.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// `sg-…`.
    pub id: String,
    /// Its name in AWS.
    pub name: String,
    /// The VPC it is in.
    pub vpc: String,
    /// Its tags.
    pub tags: Tags,
    /// Its rules, both ways.
    pub rules: Vec<Found>,
}

/// The group of a name in a VPC, if it exists.
///
/// Errors: it exists in another VPC.
pub fn found<'a>(have: &'a [Group], want: &Want, name: &str) -> Result<Option<&'a Group>> {
    let named = || have.iter().filter(|group| group.name == name);
    if let Some(here) = named().find(|group| group.vpc == want.vpc) {
        return Ok(Some(here));
    }
    match named().next() {
        Some(elsewhere) => Err(Error::refused(format!(
            "security group {name} ({}) is in {}, wanted {}; a group cannot move",
            elsewhere.id, elsewhere.vpc, want.vpc
        ))
        .hint(format!(
            "delete {} if nothing uses it, and run the pipeline again",
            elsewhere.id
        ))),
        None => Ok(None),
    }
}

/// What is known so far of the apps and their groups; it only grows.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The apps that have arrived.
    pub apps: BTreeMap<String, App>,
    /// The IDs of the groups that exist, by their records' names.
    pub groups: BTreeMap<String, String>,
    /// Whether these are all the apps.
    pub whole: bool,
}

/// The rules of one direction as they should be, each a port and its peer.
fn wishes(
    want: &Want,
    app: &App,
    part: Part,
    direction: Direction,
    known: &Known,
) -> Vec<(u16, Peer)> {
    let group = |part: Part, app: &str| Peer::Group(part.key(app));
    match (part, direction) {
        (Part::Alb, Direction::Ingress) if app.public => vec![(WEB, Peer::Range(ANYWHERE.into()))],
        (Part::Alb, Direction::Ingress) if want.callers_only => {
            let callers = known
                .apps
                .values()
                .filter(|caller| caller.calls.contains(&app.name));
            callers
                .map(|caller| (WEB, group(Part::Task, &caller.name)))
                .collect()
        }
        (Part::Alb, Direction::Ingress) => vec![(WEB, Peer::Range(want.cidr.clone()))],
        (Part::Alb, Direction::Egress) => vec![(app.port, group(Part::Task, &app.name))],
        (Part::Task, Direction::Ingress) => vec![(app.port, group(Part::Alb, &app.name))],
        (Part::Task, Direction::Egress) => {
            let called = app
                .calls
                .iter()
                .map(|called| (WEB, group(Part::Alb, called)));
            [(TLS, Peer::Range(ANYWHERE.into()))]
                .into_iter()
                .chain(called)
                .collect()
        }
    }
}

enum Peer {
    Range(String),
    Group(String),
}

/// Whether apps that have yet to arrive can add to a direction's rules.
fn is_open(want: &Want, app: &App, part: Part, direction: Direction) -> bool {
    (part, direction) == (Part::Alb, Direction::Ingress) && !app.public && want.callers_only
}

/// What to do about one direction of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Which way.
    pub direction: Direction,
    /// The rules to add.
    pub missing: Vec<Rule>,
    /// The rules that no known app explains.
    pub surplus: Vec<Found>,
    /// Whether no app that arrives later can explain them.
    pub whole: bool,
}

impl Step {
    /// Nothing to do.
    pub fn none(direction: Direction) -> Step {
        Step {
            direction,
            missing: Vec::new(),
            surplus: Vec::new(),
            whole: true,
        }
    }

    /// Whether it adds a rule or takes one away.
    pub fn changes(&self) -> bool {
        !self.missing.is_empty() || !self.goes().is_empty()
    }

    /// The rules that it takes away: none while a later app may explain them.
    pub fn goes(&self) -> &[Found] {
        if self.whole { &self.surplus } else { &[] }
    }

    /// Adds what a later step of the same direction did.
    pub fn add(&mut self, later: &Step) {
        self.missing.extend(later.missing.iter().cloned());
        self.surplus.extend(later.goes().iter().cloned());
    }
}

/// The rules of a group after a step.
pub fn apply(rules: &mut Vec<Found>, step: &Step) {
    rules.retain(|found| !step.goes().contains(found));
    let added = step.missing.iter().map(|rule| Found {
        id: String::new(),
        direction: step.direction,
        rule: rule.clone(),
        tags: Tags::new(),
    });
    rules.extend(added);
}

/// The step for one direction; none while a peer's group has yet to be made, so that a direction
/// takes one call.
pub fn step(
    want: &Want,
    app: &App,
    part: Part,
    direction: Direction,
    known: &Known,
    have: &[Found],
) -> Option<Step> {
    let rules =
        wishes(want, app, part, direction, known)
            .into_iter()
            .map(|(port, peer)| match peer {
                Peer::Range(range) => Some(Rule::tcp(port, &range)),
                Peer::Group(key) => known.groups.get(&key).map(|id| Rule::tcp(port, id)),
            });
    let mut rules = rules.collect::<Option<Vec<Rule>>>()?;
    rules.sort();
    rules.dedup();
    let here = || have.iter().filter(|found| found.direction == direction);
    Some(Step {
        direction,
        missing: rules
            .iter()
            .filter(|rule| !here().any(|found| found.rule == **rule))
            .cloned()
            .collect(),
        surplus: here()
            .filter(|found| !rules.contains(&found.rule))
            .cloned()
            .collect(),
        whole: known.whole || !is_open(want, app, part, direction),
    })
}

/// What differs about a group: its tags, then its rules, direction by direction.
pub fn differences(tags: &[Difference], steps: &[Step], known: &Known) -> Vec<Difference> {
    let words = |rules: &mut dyn Iterator<Item = &Rule>, direction: Direction| {
        let words: Vec<String> = rules.map(|rule| rule.words(direction, known)).collect();
        if words.is_empty() {
            "nothing".to_string()
        } else {
            words.join(", ")
        }
    };
    let of_step = |step: &Step| {
        let old = words(
            &mut step.goes().iter().map(|found| &found.rule),
            step.direction,
        );
        let new = words(&mut step.missing.iter(), step.direction);
        Difference::between(step.direction.words().0, old, new)
    };
    tags.iter()
        .cloned()
        .chain(steps.iter().filter_map(of_step))
        .collect()
}

/// The differences of a group's tags and of those of its rules that stay, and the IDs of what
/// carries them.
pub fn tag_differences(
    env: &Env,
    group: &Group,
    steps: &[Step],
    known: &Known,
) -> (Vec<Difference>, Vec<String>) {
    let wanted = env.tags_of(&group.name);
    let mut differences = Difference::of_tags(&group.tags, &wanted);
    let mut ids = if differences.is_empty() {
        Vec::new()
    } else {
        vec![group.id.clone()]
    };
    let goes = |found: &Found| steps.iter().any(|step| step.surplus.contains(found));
    for found in group
        .rules
        .iter()
        .filter(|found| !found.id.is_empty() && !goes(found))
    {
        let of_rule = Difference::of_tags(&found.tags, &wanted);
        if !of_rule.is_empty() {
            ids.push(found.id.clone());
        }
        let words = found.rule.words(found.direction, known);
        differences.extend(of_rule.into_iter().map(|d| Difference {
            field: format!("{} of {words}", d.field),
            ..d
        }));
    }
    (differences, ids)
}

/// A group's record.
pub fn record(key: &str, id: &str) -> Record {
    Record::of(&Sg {
        name: key.into(),
        id: id.into(),
        ..Sg::default()
    })
}

/// What a run would do, as records with the IDs that are known and `planned:` for the others.
pub fn dry_run(env: &Env, want: &Want, have: &[Group], apps: Vec<App>) -> Result<Vec<Record>> {
    let mut known = known(env, have);
    let groups = apps.iter().flat_map(|app| PARTS.map(|part| (app, part)));
    for (app, part) in groups.clone() {
        let (key, name) = (part.key(&app.name), name(env, &part.key(&app.name)));
        let id =
            found(have, want, &name)?.map_or_else(|| env.planned(&name), |group| group.id.clone());
        known.groups.insert(key, id);
    }
    known.apps = apps
        .iter()
        .map(|app| (app.name.clone(), app.clone()))
        .collect();
    known.whole = true;
    let record = |(app, part): (&App, Part)| {
        let key = part.key(&app.name);
        let record = record(&key, &known.groups[&key]);
        let Some(group) = found(have, want, &name(env, &key))? else {
            return Ok(record.changed(Change::Create, &[]));
        };
        let step = |way| step(want, app, part, way, &known, &group.rules);
        let steps: Vec<Step> = DIRECTIONS.into_iter().filter_map(step).collect();
        let (tags, _) = tag_differences(env, group, &steps, &known);
        let differences = differences(&tags, &steps, &known);
        let change = if differences.is_empty() {
            Change::Kept
        } else {
            Change::Update
        };
        Ok(record.changed(change, &differences))
    };
    groups.map(record).collect()
}

/// What the groups that exist tell: their names, also of apps that are wanted no more.
pub fn known<'a>(env: &Env, have: impl IntoIterator<Item = &'a Group>) -> Known {
    let groups = have
        .into_iter()
        .map(|group| (key(env, &group.name), group.id.clone()));
    Known {
        groups: groups.collect(),
        ..Known::default()
    }
}

/// What is there, as records: the groups, and who calls whom, which no other resource tells.
pub fn records(env: &Env, have: &[Group]) -> Vec<Record> {
    let known = known(env, have);
    let mut records: Vec<Record> = have
        .iter()
        .map(|group| record(&key(env, &group.name), &group.id))
        .collect();
    for group in have {
        let Some(app) = key(env, &group.name)
            .strip_prefix("task/")
            .map(String::from)
        else {
            continue;
        };
        let reached = group
            .rules
            .iter()
            .filter(|found| found.direction == Direction::Egress);
        let reached =
            reached.filter_map(|found| known.groups.iter().find(|(_, id)| **id == found.rule.peer));
        let mut calls: Vec<&str> = reached
            .filter_map(|(key, _)| key.strip_prefix("alb/"))
            .collect();
        calls.sort();
        calls.dedup();
        if !calls.is_empty() {
            records.push(Record::new("app", &app).with("calls", calls));
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        let text = r#"{"type":"env","name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
    }

    fn want(callers_only: bool) -> Want {
        Want {
            vpc: "vpc-1".into(),
            cidr: "10.0.0.0/16".into(),
            callers_only,
        }
    }

    /// The preset's two apps, whose groups have IDs like `sg-alb-web`.
    fn two_services() -> Known {
        let apps: BTreeMap<String, App> = PRESETS[0]
            .apps()
            .into_iter()
            .map(|app| (app.name.clone(), app))
            .collect();
        let groups = apps.keys().flat_map(|app| PARTS.map(|part| part.key(app)));
        let groups = groups
            .map(|key| (key.clone(), format!("sg-{}", key.replace('/', "-"))))
            .collect();
        Known {
            apps,
            groups,
            whole: true,
        }
    }

    fn rules_of(callers_only: bool, app: &str, part: Part, known: &Known) -> Vec<String> {
        let steps = DIRECTIONS
            .map(|way| step(&want(callers_only), &known.apps[app], part, way, known, &[]).unwrap());
        steps
            .iter()
            .flat_map(|step| {
                step.missing
                    .iter()
                    .map(|rule| rule.words(step.direction, known))
            })
            .collect()
    }

    fn found(id: &str, direction: Direction, rule: Rule) -> Found {
        let tags = env()
            .tags_of("security-group-alb-api-production-pr1")
            .into_iter()
            .collect();
        Found {
            id: id.into(),
            direction,
            rule,
            tags,
        }
    }

    #[test]
    fn every_preset_is_a_row_that_reads_as_apps() {
        for preset in PRESETS {
            assert_eq!(preset.apps().len(), preset.apps.len(), "{}", preset.flag);
            preset.apps().iter().for_each(|app| app.check().unwrap());
        }
        assert_eq!(
            preset(&[("private-api", true)]).unwrap().flag,
            "private-api"
        );
        assert!(preset(&[("private-api", false)]).is_none());
    }

    #[test]
    fn the_two_services_have_these_rules_and_no_others() {
        let known = two_services();
        assert_eq!(
            rules_of(true, "web", Part::Alb, &known),
            ["tcp 80 from 0.0.0.0/0", "tcp 5000 to task/web"]
        );
        assert_eq!(
            rules_of(true, "web", Part::Task, &known),
            [
                "tcp 5000 from alb/web",
                "tcp 80 to alb/api",
                "tcp 443 to 0.0.0.0/0"
            ]
        );
        assert_eq!(
            rules_of(true, "api", Part::Alb, &known),
            ["tcp 80 from task/web", "tcp 5000 to task/api"]
        );
        assert_eq!(
            rules_of(true, "api", Part::Task, &known),
            ["tcp 5000 from alb/api", "tcp 443 to 0.0.0.0/0"]
        );
    }

    #[test]
    fn without_the_preset_an_internal_load_balancer_admits_the_vpc() {
        let known = two_services();
        assert_eq!(
            rules_of(false, "api", Part::Alb, &known)[0],
            "tcp 80 from 10.0.0.0/16"
        );
    }

    #[test]
    fn an_internal_app_that_nobody_calls_admits_nobody() {
        let mut known = two_services();
        known.apps.get_mut("web").unwrap().calls.clear();
        assert_eq!(
            rules_of(true, "api", Part::Alb, &known),
            ["tcp 5000 to task/api"]
        );
    }

    #[test]
    fn an_app_that_is_called_twice_is_reached_by_one_rule() {
        let mut known = two_services();
        known.apps.get_mut("web").unwrap().calls.push("api".into());
        assert_eq!(rules_of(true, "web", Part::Task, &known).len(), 3);
    }

    #[test]
    fn a_direction_waits_for_the_groups_that_it_names() {
        let mut known = two_services();
        known.groups.remove("alb/api");
        let web = known.apps["web"].clone();
        let step = |way| step(&want(true), &web, Part::Task, way, &known, &[]);
        assert!(step(Direction::Ingress).is_some());
        assert_eq!(step(Direction::Egress), None);
    }

    #[test]
    fn a_caller_may_arrive_until_the_input_ends() {
        let mut known = two_services();
        known.whole = false;
        let api = known.apps["api"].clone();
        let foreign = found("sgr-1", Direction::Ingress, Rule::tcp(22, ANYWHERE));
        let ours = found("sgr-2", Direction::Ingress, Rule::tcp(80, "sg-task-web"));
        let step = |want: &Want| {
            step(
                want,
                &api,
                Part::Alb,
                Direction::Ingress,
                &known,
                &[foreign.clone(), ours.clone()],
            )
        };
        let open = step(&want(true)).unwrap();
        assert_eq!(
            (open.whole, &open.missing[..], &open.surplus[..]),
            (false, &[][..], &[foreign.clone()][..])
        );
        assert!(!open.changes());
        assert_eq!(differences(&[], &[open], &known), []);
        assert!(step(&want(false)).unwrap().whole);
    }

    #[test]
    fn what_is_not_wanted_is_surplus_and_told() {
        let known = two_services();
        let range = Rule {
            protocol: "tcp".into(),
            from: 8000,
            to: 8100,
            peer: "10.0.0.0/8".into(),
        };
        let all = Rule {
            protocol: "-1".into(),
            from: -1,
            to: -1,
            peer: "sg-theirs".into(),
        };
        let have = [
            found("sgr-1", Direction::Ingress, range),
            found("sgr-2", Direction::Ingress, all),
        ];
        let step = step(
            &want(true),
            &known.apps["api"],
            Part::Alb,
            Direction::Ingress,
            &known,
            &have,
        )
        .unwrap();
        assert_eq!(step.surplus.len(), 2);
        let told = differences(&[], &[step], &known).remove(0);
        assert_eq!(
            (told.field.as_str(), told.old.as_str(), told.new.as_str()),
            (
                "ingress",
                "tcp 8000-8100 from 10.0.0.0/8, all from sg-theirs",
                "tcp 80 from task/web"
            )
        );
    }

    #[test]
    fn a_rule_of_the_other_direction_does_not_count() {
        let known = two_services();
        let have = [found(
            "sgr-1",
            Direction::Egress,
            Rule::tcp(80, "sg-task-web"),
        )];
        let step = step(
            &want(true),
            &known.apps["api"],
            Part::Alb,
            Direction::Ingress,
            &known,
            &have,
        )
        .unwrap();
        assert_eq!((step.missing.len(), step.surplus.len()), (1, 0));
    }

    #[test]
    fn a_group_in_another_vpc_is_a_conflict() {
        let name = "security-group-alb-web-production-pr1";
        let group = |vpc: &str| Group {
            id: "sg-1".into(),
            name: name.into(),
            vpc: vpc.into(),
            ..Group::default()
        };
        let error = super::found(&[group("vpc-2")], &want(true), name).unwrap_err();
        assert_eq!(
            error.message,
            format!("security group {name} (sg-1) is in vpc-2, wanted vpc-1; a group cannot move")
        );
        assert!(
            super::found(&[group("vpc-2"), group("vpc-1")], &want(true), name)
                .unwrap()
                .is_some()
        );
        assert!(super::found(&[], &want(true), name).unwrap().is_none());
    }

    #[test]
    fn a_record_is_read_back_from_a_groups_name() {
        for key_of in ["alb/web", "task/web", "task/alb-x-production-pr1"] {
            assert_eq!(key(&env(), &name(&env(), key_of)), key_of);
        }
        assert_eq!(
            name(&env(), "alb/web"),
            "security-group-alb-web-production-pr1"
        );
        assert_eq!(key(&env(), "something else"), "something else");
    }

    #[test]
    fn a_dry_run_on_nothing_creates_every_group_with_a_planned_id() {
        let apps = PRESETS[0].apps();
        let records = dry_run(&env(), &want(true), &[], apps).unwrap();
        assert!(
            records
                .iter()
                .all(|record| record.text("change") == "create")
        );
        let ids: Vec<_> = records.iter().map(|r| (r.name(), r.text("id"))).collect();
        assert_eq!(
            ids[0],
            ("alb/web", "planned:security-group-alb-web-production-pr1")
        );
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn tags_of_rules_that_go_are_no_difference() {
        let known = two_services();
        let mut kept = found("sgr-1", Direction::Ingress, Rule::tcp(80, "sg-task-web"));
        kept.tags.insert("plumbline:env".into(), "x".into());
        let mut goes = found("sgr-2", Direction::Ingress, Rule::tcp(22, ANYWHERE));
        goes.tags.clear();
        let name = "security-group-alb-api-production-pr1";
        let group = Group {
            id: "sg-alb-api".into(),
            name: name.into(),
            tags: env().tags_of(name).into_iter().collect(),
            rules: vec![kept, goes],
            ..Group::default()
        };
        let step = step(
            &want(true),
            &known.apps["api"],
            Part::Alb,
            Direction::Ingress,
            &known,
            &group.rules,
        )
        .unwrap();
        let (differences, ids) = tag_differences(&env(), &group, &[step], &known);
        assert_eq!(ids, ["sgr-1"]);
        assert_eq!(
            differences[0].field,
            "tag plumbline:env of tcp 80 from task/web"
        );
    }

    #[test]
    fn who_calls_whom_is_read_back_from_the_rules() {
        let group = |key: &str, rules: Vec<Found>| Group {
            id: format!("sg-{}", key.replace('/', "-")),
            name: name(&env(), key),
            rules,
            ..Group::default()
        };
        let out = |peer: &str| found("sgr-1", Direction::Egress, Rule::tcp(80, peer));
        let have = [
            group("task/web", vec![out("sg-alb-api"), out(ANYWHERE)]),
            group("alb/api", vec![out("sg-task-web")]),
        ];
        let records = records(&env(), &have);
        let apps: Vec<String> = records
            .iter()
            .filter(|record| record.kind() == "app")
            .map(|record| serde_json::to_string(&record.0).unwrap())
            .collect();
        assert_eq!(apps, [r#"{"type":"app","name":"web","calls":["api"]}"#]);
        assert_eq!(records.len(), 3);
    }
}
