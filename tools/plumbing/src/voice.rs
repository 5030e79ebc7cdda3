//! How a tool speaks to people: one line on stderr for each message, whatever it quotes; and which
//! changes they have read about.
#![allow(clippy::print_stderr)]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::change::{Change, Difference};
use crate::error::Error;
use crate::flags::Common;
use crate::record::Record;
use crate::terminal::{in_json, printable};

/// How a tool speaks to people. Cheap to clone.
#[derive(Clone)]
pub struct Voice(Arc<Inner>);

struct Inner {
    tool: &'static str,
    quiet: bool,
    verbose: bool,
    json: bool,
    /// By type and name, what a person has read about the tool's own records.
    told: Mutex<HashMap<(String, String), Told>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Told {
    Kept,
    Changed,
}

impl Voice {
    pub(crate) fn new(tool: &'static str, flags: &Common) -> Self {
        Voice(Arc::new(Inner {
            tool,
            quiet: flags.quiet,
            verbose: flags.verbose,
            json: flags.json_log,
            told: Mutex::default(),
        }))
    }

    /// The tool's name.
    pub(crate) fn tool(&self) -> &'static str {
        self.0.tool
    }

    /// A line for a person, unless `--quiet`.
    pub fn say(&self, line: &str) {
        if !self.0.quiet {
            self.print("info", line, None);
        }
    }

    /// A line for a person who asked for more with `-v`.
    pub fn detail(&self, line: impl FnOnce() -> String) {
        if self.0.verbose {
            self.print("detail", &line(), None);
        }
    }

    /// Tells an error with its hint: the one that the tool ends with, or one beside it.
    pub fn error(&self, error: &Error) {
        self.print("error", &error.message, error.hint.as_deref());
    }

    /// Tells what a record of this tool says was done; once, though the record may come again with
    /// more in it.
    pub(crate) fn change(&self, record: &Record) {
        let change = record.text("change");
        if change.is_empty() {
            return;
        }
        let told = if change == Change::Kept.word() {
            Told::Kept
        } else {
            Told::Changed
        };
        match self.told().entry(record.key()) {
            Entry::Occupied(before) if told == Told::Kept || *before.get() == told => return,
            Entry::Occupied(mut before) => drop(before.insert(told)), // kept only at first
            Entry::Vacant(place) => drop(place.insert(told)),
        }
        match told {
            Told::Kept => self.detail(|| change_line(record)),
            Told::Changed => self.say(&change_line(record)),
        }
    }

    /// How many resources this run found as wanted.
    pub(crate) fn kept(&self) -> usize {
        self.count(Told::Kept)
    }

    /// How many resources this run changed, or under `--plan` would change.
    pub(crate) fn changed(&self) -> usize {
        self.count(Told::Changed)
    }

    fn count(&self, told: Told) -> usize {
        self.told().values().filter(|one| **one == told).count()
    }

    fn told(&self) -> MutexGuard<'_, HashMap<(String, String), Told>> {
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One write for one message, so that the lines of a pipe's tools never mix. A stderr that
    /// is gone is no reason to stop.
    fn print(&self, level: &str, line: &str, hint: Option<&str>) {
        let tool = self.0.tool;
        let text = match (self.0.json, hint) {
            (true, hint) => {
                let mut object = serde_json::json!({"tool": tool, "level": level, "message": line});
                if let Some(hint) = hint {
                    object["try"] = hint.into();
                }
                format!("{}\n", in_json(&object.to_string()))
            }
            (false, Some(hint)) => {
                format!("{tool}: {}\n  try: {}\n", printable(line), printable(hint))
            }
            (false, None) => format!("{tool}: {}\n", printable(line)),
        };
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

impl Debug for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.tool)
    }
}

/// What was done, to what: `created vpc main vpc-0a1b`, `updated role … (path: / -> /x)`.
fn change_line(record: &Record) -> String {
    let ids = ["what", "id", "arn", "group", "image"].map(|field| record.text(field));
    let id = ids.into_iter().find(|id| !id.is_empty());
    let line = format!(
        "{} {} {} {}",
        record.text("change"),
        record.kind().replace('_', " "),
        record.name(),
        id.unwrap_or_default()
    );
    let changes = record.0.get("changes").cloned().unwrap_or_default();
    let differences: Vec<Difference> = serde_json::from_value(changes).unwrap_or_default();
    if differences.is_empty() {
        return line.trim_end().to_string();
    }
    let differences: Vec<String> = differences.iter().map(Difference::to_string).collect();
    format!("{} ({})", line.trim_end(), differences.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_with_what_differed() {
        let differences = [Difference::between("days", 3, 7).unwrap()];
        let record = Record::new("log_group", "web").with("group", "/ecs/web");
        assert_eq!(
            change_line(&record.clone().changed(Change::Updated, &differences)),
            "updated log group web /ecs/web (days: 3 -> 7)"
        );
        assert_eq!(
            change_line(&Record::new("egress", "main").changed(Change::Created, &[])),
            "created egress main"
        );
    }

    #[test]
    fn what_was_kept_and_then_changed_counts_as_changed() {
        let voice = Voice::new("mk-test", &Common::default());
        let record = Record::new("sg", "web");
        for change in [Change::Kept, Change::Created, Change::Kept] {
            voice.change(&record.clone().changed(change, &[]));
        }
        voice.change(&Record::new("sg", "api").changed(Change::Kept, &[]));
        assert_eq!((voice.kept(), voice.changed()), (1, 1));
    }
}
