//! The records that have arrived, each key once. Pure.

use std::collections::HashMap;

use crate::record::{Record, RecordType};
use crate::types::Env;

/// What a tool knows of its pipe so far: what was read from stdin and what it wrote itself.
#[derive(Default)]
pub(crate) struct Arrived {
    /// In the order of their first arrival; the last record of a key stands in its place.
    records: Vec<Record>,
    by_key: HashMap<(String, String), usize>,
    first_of_type: HashMap<String, usize>,
    env: Option<Env>,
}

impl Arrived {
    /// Adds a record; it takes the place of an earlier one of its key.
    pub(crate) fn insert(&mut self, record: Record) {
        let (kind, name) = record.key();
        if kind == Env::TYPE {
            self.env = record.typed();
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

    /// The env record, with which each record that arrives is compared.
    pub(crate) fn env(&self) -> Option<&Env> {
        self.env.as_ref()
    }

    /// The record of a type and name.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<&Record> {
        let index = self.by_key.get(&(kind.to_string(), name.to_string()))?;
        self.records.get(*index)
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
}
