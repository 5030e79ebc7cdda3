//! Records for tests: environments of any size, and one with all that there is.

use mk_sg::plan::{ExistingRule, Group, Rule, wanted_groups};
use plumbing::{App, Env, Record};
use serde_json::json;

/// A record of a line of JSON.
pub(crate) fn record(line: &str) -> Record {
    serde_json::from_str(line).unwrap()
}

/// The records of two services and a pipeline, as `ls-env` writes them, but for its other records.
pub(crate) fn two_services() -> Vec<Record> {
    include_str!("samples.ndjson").lines().map(record).collect()
}

pub(crate) fn app(name: &str, public: bool, calls: &[String]) -> Record {
    let record = Record::new("app", name).with("public", public);
    record.with("calls", json!(calls))
}

/// Many apps, of which every fifth is public; each calls some of the others, also in circles.
pub(crate) fn many(count: usize) -> Vec<Record> {
    let name = |at: usize| match at % 7 {
        3 => format!("a-service-with-a-name-as-long-as-names-can-be-{at}"),
        _ => format!("app-{at}"),
    };
    let mut records = Vec::new();
    for at in 0..count {
        let others = (1..=at % 4).map(|n| (at * 3 + n * 5) % count);
        let callable = others.filter(|other| *other % 5 != 0 && *other != at);
        let calls: Vec<String> = callable.map(name).collect();
        records.push(app(&name(at), at % 5 == 0, &calls));
        records.push(Record::new("repo", &name(at)));
    }
    let network = two_services();
    let kinds = ["vpc", "subnet", "nat_gateway", "internet_gateway"];
    records.extend(
        network
            .into_iter()
            .filter(|one| kinds.contains(&one.kind())),
    );
    records
}

/// The security groups that the apps among some records need.
pub(crate) fn groups(records: &[Record]) -> Vec<Group> {
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    wanted_groups(&Env::example(), &apps)
}

/// Adds a rule to a group of an app as somebody does by hand, without our tags.
pub(crate) fn by_hand(
    groups: &mut [Group],
    id: &str,
    direction: mk_sg::plan::Direction,
    rule: Rule,
) {
    let group = groups.iter_mut().find(|group| group.id == id).unwrap();
    group.rules.push(ExistingRule {
        id: format!("sgr-{}", group.rules.len()),
        direction,
        rule,
        tags: Default::default(),
    });
}
