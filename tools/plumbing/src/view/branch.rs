//! A part of an environment as far as it is known. Pure.

use std::collections::BTreeMap;
use std::time::Instant;

use super::part::Part;
use super::record::what;
use crate::change::Change;
use crate::record::Record;

/// In which order things are told: what is wanted, how it is reached, what runs, what that needs.
const ORDER: [&str; 28] = [
    "vpc",
    "internet_gateway",
    "subnet",
    "route_table",
    "elastic_ip",
    "nat_gateway",
    "egress",
    "cluster",
    "connection",
    "bucket",
    "app",
    "image",
    "alb",
    "listener",
    "target_group",
    "sg",
    "task_definition",
    "service",
    "source",
    "pipeline",
    "build",
    "function",
    "rule",
    "repo",
    "role",
    "log_group",
    "unwanted",
    "surplus",
];

/// A part of the environment.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) items: Vec<Item>,
    pub(crate) begun: Instant,
    /// When something of it was last seen.
    pub(crate) last: Instant,
    /// How much of what is there: of tasks, of targets.
    pub(crate) progress: BTreeMap<String, (u64, u64)>,
}

/// The last record of a key.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) record: Record,
    /// What was done, of all that its records said.
    pub(crate) change: Option<Change>,
    /// What was done, of all that the tools of this run told.
    pub(crate) told: Option<Change>,
}

/// How many things were made, changed, taken away, and found as wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) created: usize,
    pub(crate) updated: usize,
    pub(crate) deleted: usize,
    pub(crate) kept: usize,
}

impl Counts {
    /// How many are otherwise than before.
    pub(crate) fn changed(self) -> usize {
        self.created + self.updated + self.deleted
    }

    /// With one more.
    pub(crate) fn and(mut self, change: Change) -> Self {
        match change {
            Change::Created | Change::Create => self.created += 1,
            Change::Updated | Change::Update => self.updated += 1,
            Change::Deleted | Change::Delete => self.deleted += 1,
            Change::Kept => self.kept += 1,
        }
        self
    }
}

impl Branch {
    /// One of which nothing is there yet.
    pub(crate) fn begun(now: Instant) -> Self {
        Branch {
            items: Vec::new(),
            begun: now,
            last: now,
            progress: BTreeMap::new(),
        }
    }

    /// All of it, in an order that people know and that is always the same.
    pub(crate) fn sorted(&self) -> Vec<&Item> {
        let rank = |item: &&Item| {
            let known = ORDER.iter().position(|kind| *kind == item.record.kind());
            (known.unwrap_or(ORDER.len()), what(&item.record))
        };
        let mut items: Vec<&Item> = self.items.iter().collect();
        items.sort_by_cached_key(rank);
        items
    }

    /// The first thing of a type, whatever its name.
    pub(crate) fn item(&self, kind: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.record.kind() == kind)
    }

    /// Its record.
    pub(crate) fn first(&self, kind: &str) -> Option<&Record> {
        self.item(kind).map(|item| &item.record)
    }

    /// Whether nothing more is to come of it: what is made last of it is there, and all of its tasks and
    /// targets; or all of it is gone.
    pub(crate) fn is_done(&self, part: &Part) -> bool {
        let resources = || self.items.iter().filter(|item| item.is_resource());
        if resources().any(|item| item.change == Some(Change::Deleted)) {
            return resources().all(|item| item.change == Some(Change::Deleted));
        }
        let is_there = match part {
            Part::Network => self.first("egress").is_some(),
            Part::App(_) => self.first("service").is_some(),
            Part::Pipeline(_) => self.first("pipeline").is_some(),
            Part::Shared | Part::LeftOver => true,
        };
        is_there && self.progress.values().all(|(now, of)| now >= of)
    }
}

impl Item {
    pub(crate) fn new(record: Record, told: Option<Change>) -> Self {
        Item {
            change: change_in(&record),
            record,
            told,
        }
    }

    /// Takes in another record of its key.
    pub(crate) fn comes_again(&mut self, record: Record) {
        self.change = both(self.change, change_in(&record));
        self.record = record;
    }

    /// Whether it is something in AWS: not a wish, or the mark that traffic can leave.
    pub(crate) fn is_resource(&self) -> bool {
        !["app", "source", "image", "egress"].contains(&self.record.kind())
    }
}

/// What a record says was done.
pub(crate) fn change_in(record: &Record) -> Option<Change> {
    let change = record.0.get("change").cloned().unwrap_or_default();
    serde_json::from_value(change).ok()
}

/// What was done where two records of a key say what was.
pub(crate) fn both(before: Option<Change>, after: Option<Change>) -> Option<Change> {
    match (before, after) {
        (_, None | Some(Change::Kept)) if before.is_some() => before,
        (Some(Change::Created), Some(Change::Updated)) => before,
        _ => after,
    }
}
