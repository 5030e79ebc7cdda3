//! The rule of an app that answers at another one's load balancer: which requests are its own, at which
//! place among the rules, and what follows for the one that is there. Pure.
//!
//! Rules are asked in the order of their priorities, so a more exact pattern has to come first. Each degree
//! of exactness has a band of priorities: apps that come and go never have to move each other's rules.

use plumbing::name::LONG_LIMIT;
use plumbing::step::in_part;
use plumbing::{App, Difference, Differences, Env, Error, Result, Step};
use sha2::{Digest, Sha256};

use super::conflict::check_ours;
use super::tags::{Tags, app_of, tags};
use super::traffic::{Forward, are_alike, describe, main_of};
use super::want::Want;

/// What AWS calls a condition on the path.
pub const PATH: &str = "path-pattern";
/// And one on the host.
pub const HOST: &str = "host-header";

/// The highest priority number (Elastic Load Balancing's API reference, "CreateRule").
const LAST: i32 = 50000;
/// So many characters before the first wildcard of a path count: of longer ones a band has more room than a
/// load balancer takes rules (100, unless AWS gave the account more).
const COUNTED: usize = 64;
/// How exact a path can be: twice those characters, and one more without any wildcard.
const DEGREES: i32 = 2 * COUNTED as i32 + 2;
/// The priorities of one degree of exactness; with a host and without.
const BAND: i32 = LAST / (2 * DEGREES);

/// What an app's rule is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleWant {
    /// The app whose load balancer it is of.
    pub host_app: String,
    /// Its name, a tag: AWS has none for it.
    pub name: String,
    /// The paths, any of which it is about; none where all are.
    pub paths: Vec<String>,
    /// The hosts, likewise.
    pub hosts: Vec<String>,
}

/// A rule of a listener.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// Its priority; `default` of the one for all requests that no other rule is about.
    pub priority: String,
    /// What it looks at: `path-pattern`.
    pub conditions: Vec<String>,
    /// The paths among that.
    pub paths: Vec<String>,
    /// The hosts.
    pub hosts: Vec<String>,
    /// The target groups that it forwards to; none where it does something else.
    pub forwards: Vec<Forward>,
    /// Its tags, once they were asked for.
    pub tags: Tags,
}

/// A part of a rule that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The tags that we set.
    Tags,
    /// Which requests it is about.
    Conditions,
    /// Its place among the rules.
    Priority,
    /// What it forwards to.
    Forwards,
}

impl Rule {
    /// Whether it is the one for all requests that no other rule is about.
    pub fn is_default(&self) -> bool {
        self.priority == "default"
    }

    /// Its priority; that of the default rule comes after all.
    pub fn place(&self) -> i32 {
        self.priority.parse().unwrap_or(i32::MAX)
    }

    /// The target group that most requests are forwarded to.
    pub fn main_target_group(&self) -> Option<&str> {
        main_of(&self.forwards)
    }
}

impl RuleWant {
    /// What an app's record asks for; nothing of one with a load balancer of its own.
    pub fn of(env: &Env, app: &App) -> Option<RuleWant> {
        let host_app = app.sharing.behind.clone()?;
        Some(RuleWant {
            host_app,
            name: env.named("rule", &app.name, LONG_LIMIT),
            paths: app.sharing.path.clone(),
            hosts: app.sharing.host.clone(),
        })
    }

    /// The first priority of its band.
    fn first(&self) -> i32 {
        let exactness = self.paths.iter().map(|path| exactness(path)).min();
        let without_host = if self.hosts.is_empty() { DEGREES } else { 0 };
        1 + (without_host + DEGREES - 1 - exactness.unwrap_or(0)) * BAND
    }

    fn is_in_band(&self, place: i32) -> bool {
        (self.first()..self.first() + BAND).contains(&place)
    }

    /// A priority of its band that none of some rules has: the same one in every run that finds the same.
    ///
    /// Errors: all are taken.
    pub fn free_priority(&self, rules: &[Rule]) -> Result<i32> {
        let is_free = |place: &i32| rules.iter().all(|rule| rule.place() != *place);
        let hash = Sha256::digest(self.name.as_bytes());
        let slot = i32::from(hash[0]) % BAND;
        let mut band = (0..BAND).map(|n| self.first() + (slot + n) % BAND);
        band.find(is_free).ok_or_else(|| {
            let host = &self.host_app;
            let message = format!(
                "the load balancer of {host} has {BAND} rules as exact as {} already",
                self.name
            );
            Error::refused(message).hint("let some of its apps have a load balancer of their own")
        })
    }
}

/// How exact the pattern of a path is.
fn exactness(path: &str) -> i32 {
    let literal = path.split(['*', '?']).next().unwrap_or_default();
    let is_whole = literal.len() == path.len();
    2 * literal.len().min(COUNTED) as i32 + i32::from(is_whole)
}

/// The rules of ours that are an app's, the first that is asked first.
pub fn of_app<'a>(env: &Env, app: &str, rules: &'a [Rule]) -> Vec<&'a Rule> {
    let mut ours: Vec<&Rule> = rules.iter().filter(|rule| is_of(env, app, rule)).collect();
    ours.sort_by_key(|rule| rule.place());
    ours
}

fn is_of(env: &Env, app: &str, rule: &Rule) -> bool {
    env.owns(&rule.tags) && app_of(&rule.tags) == Some(app)
}

/// What follows for an app's rule, which is to forward to `forwards`, the wanted one first.
pub fn step(
    env: &Env,
    want: &Want,
    rule: &RuleWant,
    forwards: &[Forward],
    have: Option<Rule>,
) -> Result<Step<Rule, Part>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    check_ours(env, &format!("rule {}", rule.name), &have.tags)?;
    let tags = Difference::of_tags(&have.tags, &tags(env, &want.app, &rule.name));
    let mut conditions = vec![
        Difference::between("path", in_words(&have.paths), in_words(&rule.paths)),
        Difference::between(
            "host",
            in_words(&in_small(&have.hosts)),
            in_words(&in_small(&rule.hosts)),
        ),
    ];
    let mut others = have.conditions.clone();
    others.retain(|field| field != PATH && field != HOST);
    if !others.is_empty() {
        conditions.push(Difference::between(
            "other conditions",
            others.join(" "),
            "",
        ));
    }
    let mut differences = Differences::new();
    differences.extend(in_part(Part::Tags, tags));
    differences.extend(in_part(Part::Conditions, conditions.into_iter().flatten()));
    if !rule.is_in_band(have.place()) {
        let band = format!("{} to {}", rule.first(), rule.first() + BAND - 1);
        let moved = Difference::between("priority", &have.priority, band);
        differences.extend(in_part(Part::Priority, moved));
    }
    if !are_alike(&have.forwards, forwards) {
        let old = describe(&have.forwards);
        let new = describe(&forwards[..1]); // the shares of the others are on their way to nothing
        let moved = Difference::between("forwards to", old, new);
        differences.extend(in_part(Part::Forwards, moved));
    }
    Ok(Step::from_differences(have, differences))
}

fn in_words(patterns: &[String]) -> String {
    let mut patterns = patterns.to_vec();
    patterns.sort();
    patterns.join(" ")
}

fn in_small(hosts: &[String]) -> Vec<String> {
    hosts.iter().map(|host| host.to_ascii_lowercase()).collect()
}

/// What a person is told of rules that are not ours: they stay.
pub fn told_of_others(env: &Env, want: &Want, rules: &[Rule]) -> Vec<String> {
    let mut lines = Vec::new();
    let others = rules.iter().filter(|rule| !rule.is_default());
    for rule in others.filter(|rule| !env.owns(&rule.tags)) {
        let name = &want.load_balancer_name;
        let priority = &rule.priority;
        let conditions = rule.conditions.join(", ");
        lines.push(format!(
            "the listener of load balancer {name} has rule {priority} ({conditions}), which is none of ours; it stays: delete it if nobody wants it"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::traffic::plain;
    use super::super::want::tests::app;
    use super::super::want::want;
    use super::*;

    fn rule_want(paths: &[&str], hosts: &[&str]) -> RuleWant {
        let owned = |all: &[&str]| all.iter().map(|one| one.to_string()).collect();
        RuleWant {
            host_app: "web".into(),
            name: "rule-api-production-pr1".into(),
            paths: owned(paths),
            hosts: owned(hosts),
        }
    }

    #[test]
    fn a_more_exact_rule_is_asked_first() {
        let in_order = [
            rule_want(&["/api/v1/x"], &["a.example.com"]),
            rule_want(&["/*"], &["a.example.com"]),
            rule_want(&[], &["*.example.com"]),
            rule_want(&["/api/v1/x"], &[]),
            rule_want(&["/api/v1/*"], &[]),
            rule_want(&["/api"], &[]),
            rule_want(&["/api*"], &[]),
            rule_want(&["/ap?"], &[]),
            rule_want(&["/a*", "/api/v1/long/*"], &[]),
            rule_want(&["/*"], &[]),
        ];
        let firsts: Vec<i32> = in_order.iter().map(RuleWant::first).collect();
        assert!(firsts.is_sorted_by(|one, next| one < next), "{firsts:?}");
        let longest = format!("/{}", "x".repeat(127));
        assert_eq!(rule_want(&[&longest], &["a.b"]).first(), 1);
        assert!(rule_want(&["*"], &[]).first() + BAND - 1 <= LAST);
    }

    #[test]
    fn a_priority_that_is_taken_is_passed_over() {
        let want = rule_want(&["/api/*"], &[]);
        let mut taken: Vec<Rule> = Vec::new();
        for _ in 0..BAND {
            let free = want.free_priority(&taken).unwrap();
            assert!(want.is_in_band(free) && taken.iter().all(|rule| rule.place() != free));
            let priority = free.to_string();
            taken.push(Rule {
                priority,
                ..Rule::default()
            });
        }
        let full = want.free_priority(&taken).unwrap_err();
        assert!(full.message.contains("192 rules"), "{full}");
    }

    #[test]
    fn what_differs_is_brought_into_line_and_what_does_not_is_left() {
        let env = Env::example();
        let text = r#"{"name":"api","public":true,"behind":"web","path":["/api/*","/v2"],"host":["A.example.com"]}"#;
        let want = want(&env, &app(text));
        let rule = want.rule.clone().unwrap();
        let tags = tags(&env, "api", &rule.name).into_iter().collect();
        let have = Rule {
            priority: rule.free_priority(&[]).unwrap().to_string(),
            conditions: vec![HOST.into(), PATH.into()],
            paths: vec!["/v2".into(), "/api/*".into()],
            hosts: vec!["a.example.com".into()],
            forwards: plain("wanted"),
            tags,
            ..Rule::default()
        };
        let parts = |have: &Rule| -> Vec<Part> {
            let step = step(&env, &want, &rule, &plain("wanted"), Some(have.clone())).unwrap();
            match step {
                Step::Change(_, differences) => differences.iter().map(|one| one.0).collect(),
                Step::Keep(_) => Vec::new(),
                Step::Create => panic!("it is there"),
            }
        };
        assert_eq!(parts(&have), []);
        let changed = |change: fn(&mut Rule)| {
            let mut other = have.clone();
            change(&mut other);
            parts(&other)
        };
        assert_eq!(
            changed(|rule| rule.paths = vec!["/v2".into()]),
            [Part::Conditions]
        );
        assert_eq!(changed(|rule| rule.hosts.clear()), [Part::Conditions]);
        assert_eq!(
            changed(|rule| rule.conditions.push("source-ip".into())),
            [Part::Conditions]
        );
        assert_eq!(
            changed(|rule| rule.priority = "50000".into()),
            [Part::Priority]
        );
        assert_eq!(
            changed(|rule| rule.forwards = plain("other")),
            [Part::Forwards]
        );
        assert_eq!(
            changed(|rule| rule.tags.insert("Name".into(), "x".into()).map_or((), drop)),
            [Part::Tags]
        );
    }

    #[test]
    fn the_rules_of_others_are_told_and_ours_are_not() {
        let env = Env::example();
        let want = want(&env, &app(r#"{"name":"web","public":true}"#));
        let theirs = Rule {
            arn: "rule-1".into(),
            priority: "10".into(),
            conditions: vec!["path-pattern".into()],
            ..Rule::default()
        };
        let default = Rule {
            priority: "default".into(),
            ..Rule::default()
        };
        let ours = Rule {
            tags: tags(&env, "api", "x").into_iter().collect(),
            ..theirs.clone()
        };
        let line = "the listener of load balancer alb-web-production-pr1 has rule 10 (path-pattern), which is none of ours; it stays: delete it if nobody wants it";
        let rules = [default, theirs, ours.clone()];
        assert_eq!(told_of_others(&env, &want, &rules), [line]);
        assert_eq!(of_app(&env, "api", &rules), [&ours]);
        assert!(of_app(&env, "web", &rules).is_empty());
    }
}
