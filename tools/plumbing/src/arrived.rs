//! The records that have arrived, each key once. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::record::{Record, RecordType};
use crate::types::{App, Env, known_type};

/// What a tool knows of its pipe so far: what was read from stdin and what it wrote itself.
#[derive(Default)]
pub(crate) struct Arrived {
    /// In the order of their first arrival; the last record of a key stands in its place.
    records: Vec<Record>,
    by_key: HashMap<(String, String), usize>,
    first_of_type: HashMap<String, usize>,
    env: Option<Env>,
    /// The apps that call an app, or did by an earlier record of theirs.
    callers: HashMap<String, BTreeSet<String>>,
    /// Whether any app is behind another one.
    has_sharing: bool,
    /// Of a type, how many of all records had arrived when the tool last took some to act on.
    acted_on: HashMap<&'static str, usize>,
}

impl Arrived {
    /// Adds a record; it takes the place of an earlier one of its key.
    pub(crate) fn insert(&mut self, record: Record) {
        let (kind, name) = record.key();
        if kind == Env::TYPE {
            self.env = record.typed();
        }
        if let Some(app) = record.typed::<App>() {
            self.has_sharing |= app.sharing.behind.is_some();
            for called in app.calls {
                self.callers.entry(called).or_default().insert(name.clone());
            }
        }
        match self.by_key.get(&(kind.clone(), name.clone())) {
            Some(&index) => self.records[index] = record,
            None => {
                let index = self.records.len();
                self.first_of_type.entry(kind.clone()).or_insert(index);
                self.by_key.insert((kind, name), index);
                self.records.push(record);
            }
        }
    }

    /// From here on, the tool acts on all records of a type that have arrived.
    pub(crate) fn act_on<T: RecordType>(&mut self) {
        self.acted_on.insert(T::TYPE, self.records.len());
    }

    /// Refuses a wish that says something else than the one of its key that the tool acts on already.
    pub(crate) fn check_again(&self, record: &Record) -> Result<(), String> {
        let index = self.by_key.get(&record.key());
        let (Some(index), Some(acted_on)) = (index, self.acted_on.get(record.kind())) else {
            return Ok(());
        };
        if index >= acted_on {
            return Ok(());
        }
        match differing_field(&self.records[*index], record) {
            Some(field) => Err(format!("comes twice, and differs in {field}")),
            None => Ok(()),
        }
    }

    /// The env record, with which each record that arrives is compared.
    pub(crate) fn env(&self) -> Option<&Env> {
        self.env.as_ref()
    }

    /// The record of a type and name.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<&Record> {
        let index = self.by_key.get(&(kind.to_string(), name.to_string()))?;
        self.records.get(*index)
    }

    /// The apps that an app calls and that may call it, as far as they have arrived.
    pub(crate) fn neighbours(&self, app: &App) -> Vec<App> {
        let callers = self.callers.get(&app.name).into_iter().flatten();
        let names = app.calls.iter().chain(callers);
        names
            .filter_map(|name| self.get(App::TYPE, name)?.typed())
            .collect()
    }

    /// All apps that have arrived, where any of them or the new one is behind another.
    pub(crate) fn apps_that_share(&self, new: &App) -> Option<Vec<App>> {
        let is_about = self.has_sharing || new.sharing.behind.is_some();
        is_about.then(|| self.of_type_after(0))
    }

    /// The first record of a type that arrived.
    pub(crate) fn first(&self, kind: &str) -> Option<&Record> {
        self.records.get(*self.first_of_type.get(kind)?)
    }

    /// All records, in the order of their first arrival.
    pub(crate) fn all(&self) -> &[Record] {
        &self.records
    }

    /// The records of a type, but for the first `seen` of all.
    pub(crate) fn of_type_after<T: RecordType>(&self, seen: usize) -> Vec<T> {
        self.records[seen..]
            .iter()
            .filter_map(Record::typed)
            .collect()
    }
}

/// The first field in which two wishes differ, as tools read them.
fn differing_field(one: &Record, other: &Record) -> Option<String> {
    let known = known_type(one.kind()).filter(|known| !known.is_resource)?;
    let (one, other) = ((known.as_read)(one)?, (known.as_read)(other)?);
    let mut fields = one.0.keys().chain(other.0.keys());
    let field = fields.find(|field| one.0.get(*field) != other.0.get(*field));
    field.cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Failed;

    #[test]
    fn the_last_record_of_a_key_stands_in_the_place_of_the_first() {
        let mut arrived = Arrived::default();
        for (kind, name, id) in [("sg", "a", "1"), ("sg", "b", "2"), ("sg", "a", "3")] {
            arrived.insert(Record::new(kind, name).with("id", id));
        }
        let ids: Vec<&str> = arrived
            .all()
            .iter()
            .map(|record| record.text("id"))
            .collect();
        assert_eq!(ids, ["3", "2"]);
        assert_eq!(arrived.get("sg", "a").unwrap().text("id"), "3");
        assert_eq!(arrived.first("sg").unwrap().name(), "a");
        assert!(arrived.get("sg", "c").is_none() && arrived.first("vpc").is_none());
    }

    #[test]
    fn only_records_of_the_type_that_are_new_are_answered() {
        let mut arrived = Arrived::default();
        arrived.insert(Record::new("failed", "mk-vpc").with("message", "no"));
        arrived.insert(Record::new("other", "x"));
        let seen = arrived.all().len();
        arrived.insert(Record::new("failed", "mk-sg").with("message", "no"));
        let names = |seen| {
            let failed = arrived.of_type_after::<Failed>(seen);
            failed
                .into_iter()
                .map(|failed| failed.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(0), ["mk-vpc", "mk-sg"]);
        assert_eq!(names(seen), ["mk-sg"]);
    }

    #[test]
    fn a_wish_that_is_acted_on_is_not_changed_any_more() {
        let web = |port: u16| Record::new("app", "web").with("port", port);
        let mut arrived = Arrived::default();
        arrived.insert(web(80));
        assert_eq!(arrived.check_again(&web(5000)), Ok(()));
        arrived.insert(web(5000));
        arrived.act_on::<App>();
        let same = Record::new("app", "web"); // 5000 is the default
        assert_eq!(arrived.check_again(&same), Ok(()));
        assert_eq!(
            arrived.check_again(&web(80)),
            Err("comes twice, and differs in port".into())
        );
        let other = Record::new("app", "api");
        assert_eq!(arrived.check_again(&other), Ok(()));
        arrived.insert(other);
        let not_acted_on = Record::new("app", "api").with("port", 80);
        assert_eq!(arrived.check_again(&not_acted_on), Ok(()));
    }

    #[test]
    fn the_neighbours_of_an_app_are_those_that_it_calls_and_its_callers() {
        let app = |name: &str, calls: &[&str]| Record::new("app", name).with("calls", calls);
        let mut arrived = Arrived::default();
        for (name, calls) in [
            ("web", &["api"][..]),
            ("api", &["db"]),
            ("other", &[]),
            ("db", &[]),
        ] {
            arrived.insert(app(name, calls));
        }
        let api: App = app("api", &["db", "missing"]).typed().unwrap();
        let names: Vec<String> = arrived
            .neighbours(&api)
            .into_iter()
            .map(|app| app.name)
            .collect();
        assert_eq!(names, ["db", "web"]);
    }
}
