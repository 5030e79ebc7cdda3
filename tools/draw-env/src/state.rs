//! What becomes of a thing, as its records say: in a dry run what would become of it. Pure.

use plumbing::{Record, RecordType, Unwanted};
use std::collections::BTreeMap;

/// What becomes of a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It is there, and stays.
    #[default]
    Same,
    /// It is made.
    New,
    /// It, or a part of it, is brought into line.
    Changed,
    /// It is deleted.
    Gone,
    /// No record wants it; it stays until it is pruned.
    Unwanted,
}

/// All that can be told apart, in the order of the legend.
pub(crate) const STATES: [State; 5] = [
    State::Same,
    State::New,
    State::Changed,
    State::Gone,
    State::Unwanted,
];

impl State {
    fn of(record: &Record) -> Self {
        match record.text("change") {
            "create" | "created" => State::New,
            "update" | "updated" => State::Changed,
            "delete" | "deleted" => State::Gone,
            _ => State::Same,
        }
    }

    /// A sign beside the colour, for who does not see that.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            State::Same => "",
            State::New => "+",
            State::Changed => "~",
            State::Gone => "−",
            State::Unwanted => "?",
        }
    }

    /// What it is called in the picture's code.
    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Same => "same",
            State::New => "new",
            State::Changed => "changed",
            State::Gone => "gone",
            State::Unwanted => "unwanted",
        }
    }

    /// What it is called in the legend.
    pub(crate) fn words(self, plan: bool) -> &'static str {
        match (self, plan) {
            (State::Same, true) => "kept",
            (State::Same, false) => "there",
            (State::New, true) => "to be created",
            (State::New, false) => "created",
            (State::Changed, true) => "to be changed",
            (State::Changed, false) => "changed",
            (State::Gone, true) => "to be deleted",
            (State::Gone, false) => "deleted",
            (State::Unwanted, _) => "wanted by no record: stays until pruned",
        }
    }

    /// That of a thing with its parts; `main` is the thing itself, which its parts do not outlive.
    pub(crate) fn of_all(main: Option<State>, parts: &[State]) -> Self {
        if let Some(whole @ (State::New | State::Gone | State::Unwanted)) = main {
            return whole;
        }
        let all: Vec<State> = main.into_iter().chain(parts.iter().copied()).collect();
        match all.first() {
            Some(first) if all.iter().all(|other| other == first) => *first,
            Some(_) => State::Changed,
            None => State::Same,
        }
    }
}

/// The records of a stream by type and name, whatever order they came in.
#[derive(Default)]
pub(crate) struct Records(BTreeMap<(String, String), (Record, State)>);

impl Records {
    /// What no record wants counts as a record of its own, unless there is a better one.
    pub(crate) fn of(records: &[Record]) -> Self {
        let mut all = BTreeMap::new();
        for record in records {
            if let Some(unwanted) = record.typed::<Unwanted>() {
                let key = unwanted.record.key();
                all.entry(key).or_insert((unwanted.record, State::Unwanted));
            }
        }
        for record in records.iter().filter(|one| one.kind() != Unwanted::TYPE) {
            all.insert(record.key(), (record.clone(), State::of(record)));
        }
        Records(all)
    }

    /// The record of a type and name, and what becomes of it.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<(&Record, State)> {
        let found = self.0.get(&(kind.to_string(), name.to_string()));
        found.map(|(record, state)| (record, *state))
    }

    /// Those of a type, by name.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&Record, State)> {
        let all = self.0.values();
        let of_kind = all.filter(move |(record, _)| record.kind() == kind);
        of_kind.map(|(record, state)| (record, *state))
    }

    /// The types that there are.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.0.keys().map(|(kind, _)| kind.clone()).collect();
        kinds.dedup();
        kinds
    }

    /// Those of a type whose fields fit.
    pub(crate) fn typed<T: RecordType>(&self) -> Vec<T> {
        let of_kind = self.of_kind(T::TYPE);
        of_kind.filter_map(|(record, _)| record.typed()).collect()
    }
}

#[cfg(test)]
mod tests {
    use plumbing::Change;

    use super::*;

    #[test]
    fn a_thing_becomes_what_it_and_its_parts_do() {
        use State::{Changed, Gone, New, Same, Unwanted};
        for (main, parts, all) in [
            (None, vec![], Same),
            (Some(Same), vec![Same, Same], Same),
            (Some(Same), vec![Same, New], Changed),
            (Some(Changed), vec![Same], Changed),
            (Some(New), vec![Same], New),
            (Some(Gone), vec![Same], Gone),
            (Some(Unwanted), vec![Gone], Unwanted),
            (None, vec![New, New], New),
            (None, vec![New, Gone], Changed),
        ] {
            assert_eq!(State::of_all(main, &parts), all, "{main:?} {parts:?}");
        }
    }

    #[test]
    fn what_no_record_wants_gives_way_to_what_becomes_of_it() {
        let alb = Record::new("alb", "jobs").with("dns", "x");
        let unwanted = Record::of(&Unwanted::of(alb.clone()));
        let state = |records: &[Record]| Records::of(records).get("alb", "jobs").unwrap().1;
        assert_eq!(state(std::slice::from_ref(&unwanted)), State::Unwanted);
        let gone = alb.changed(Change::Delete, &[]);
        assert_eq!(state(&[gone.clone(), unwanted.clone()]), State::Gone);
        assert_eq!(state(&[unwanted, gone]), State::Gone);
    }
}
