//! How a tool speaks to people: one line on stderr for each message, whatever it quotes, or, where a tool
//! of the pipe draws, to that one; and which changes they have read about.
#![allow(clippy::print_stderr)]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::change::{Change, Difference};
use crate::error::{Error, Kind};
use crate::flags::Common;
use crate::record::Record;
use crate::terminal::{in_json, printable};
use crate::view::{Message, Screen, Speaker, Told as Tells, change_in, elapsed};

/// After so long a person is told what is waited for, and then again and again: no runner of a CI is to
/// take a wait for the end of it.
const SILENT: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(30);

/// How a tool speaks to people. Cheap to clone.
#[derive(Clone)]
pub struct Voice(Arc<Inner>);

struct Inner {
    tool: &'static str,
    quiet: bool,
    verbose: bool,
    json: bool,
    /// Who draws at the terminal; else it is stderr alone.
    draws: OnceLock<Draws>,
    /// By type and name, what a person has read about the tool's own records.
    told: Mutex<HashMap<(String, String), Told>>,
}

/// Who draws for a person.
enum Draws {
    /// This tool.
    Itself(Screen),
    /// Another one of the pipe, if one does.
    Another(Speaker),
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
            draws: OnceLock::new(),
            told: Mutex::default(),
        }))
    }

    /// The tool's name.
    pub(crate) fn tool(&self) -> &'static str {
        self.0.tool
    }

    /// Has the tool's own screen show what it says.
    pub(crate) fn draw_on(&self, screen: Screen) {
        let _ = self.0.draws.set(Draws::Itself(screen));
    }

    /// Has another tool of the pipe show what this one says, if one draws on the terminal that stderr is.
    pub(crate) fn find_who_draws(&self) {
        if !self.0.json && std::io::stderr().is_terminal() {
            let _ = self
                .0
                .draws
                .set(Draws::Another(Speaker::to(std::io::stderr())));
        }
    }

    /// The tool's own screen, where it draws.
    pub(crate) fn screen(&self) -> Option<&Screen> {
        match self.0.draws.get() {
            Some(Draws::Itself(screen)) => Some(screen),
            _ => None,
        }
    }

    /// Whether a tool of the pipe draws, on a terminal that nobody else is to write to.
    pub fn is_drawn(&self) -> bool {
        match self.0.draws.get() {
            Some(Draws::Itself(_)) => true,
            Some(Draws::Another(speaker)) => speaker.is_heard(),
            None => false,
        }
    }

    /// Waits until all that was said is heard.
    pub(crate) fn end(&self) {
        if let Some(Draws::Another(speaker)) = self.0.draws.get() {
            speaker.end();
        }
    }

    /// A line for a person, unless `--quiet`.
    pub fn say(&self, line: &str) {
        if !self.0.quiet {
            self.tell(
                Tells::Note(line.into()),
                Some(self.worded("info", line, None)),
            );
        }
    }

    /// The same of what a drawing shows by itself: the line is for where nothing is drawn.
    pub fn say_undrawn(&self, line: &str) {
        if !self.0.quiet {
            let text = self.worded("info", line, None);
            self.tell(Tells::Undrawn(line.into()), Some(text));
        }
    }

    /// A line for a person who asked for more with `-v`.
    pub fn detail(&self, line: impl FnOnce() -> String) {
        if self.0.verbose {
            let line = line();
            let text = self.worded("detail", &line, None);
            self.tell(Tells::Note(line), Some(text));
        }
    }

    /// Tells an error with its hint: the one that the tool ends with, or one beside it.
    pub fn error(&self, error: &Error) {
        let Error { message, hint, .. } = error;
        let tells = match error.kind {
            Kind::Interrupted => Tells::Interrupted,
            _ => Tells::Error {
                text: message.clone(),
                hint: hint.clone(),
            },
        };
        self.tell(tells, Some(self.worded("error", message, hint.as_deref())));
    }

    /// Tells that arguments are refused, in these lines, and answers why.
    pub(crate) fn refuse(&self, lines: &[String]) -> String {
        let why = lines.first().map_or("", |line| line.as_str());
        let why = why.trim_start_matches("error: ").to_string();
        let tip = lines
            .iter()
            .find_map(|line| line.trim().strip_prefix("tip: "));
        let help = format!("{} --help", self.0.tool);
        let tells = Tells::Error {
            text: why.clone(),
            hint: Some(tip.map_or(help, String::from)),
        };
        self.tell(tells, Some(format!("{}\n", lines.join("\n"))));
        why
    }

    /// Has a drawing show how much of an app is there: so many `what` of how many.
    pub fn progress(&self, app: &str, what: &str, now: u64, of: u64) {
        let (app, what) = (app.to_string(), what.to_string());
        self.tell(Tells::Progress { app, what, now, of }, None);
    }

    /// Says what is waited for, until that is dropped.
    pub fn wait(&self, what: &str) -> Waiting {
        self.tell(Tells::Waits(what.into()), None);
        Waiting {
            voice: self.clone(),
            what: what.into(),
            begun: Instant::now(),
            due: SILENT,
        }
    }

    /// Tells what a record of this tool says was done; once, though the record may come again with
    /// more in it.
    pub(crate) fn change(&self, record: &Record) {
        let Some(change) = change_in(record) else {
            return;
        };
        let (kind, name) = record.key();
        self.tell(Tells::Change { kind, name, change }, None);
        let told = if change == Change::Kept {
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
            Told::Changed => self.say_undrawn(&change_line(record)),
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

    /// Tells whoever draws; and on stderr the text, if there is one, where nobody does: in one write, so
    /// that the lines of a pipe's tools never mix. A stderr that is gone is no reason to stop.
    fn tell(&self, told: Tells, text: Option<String>) {
        let tool = self.0.tool.to_string();
        let text = match self.0.draws.get() {
            Some(Draws::Another(speaker)) => return speaker.tell(Message { tool, told }, text),
            Some(Draws::Itself(screen)) => {
                screen.hear(Message { tool, told });
                text.filter(|_| !std::io::stderr().is_terminal())
            }
            None => text,
        };
        if let Some(text) = text {
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
    }

    /// A message as it is on stderr.
    fn worded(&self, level: &str, line: &str, hint: Option<&str>) -> String {
        let tool = self.0.tool;
        match (self.0.json, hint) {
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
        }
    }
}

/// Something that is waited for.
pub struct Waiting {
    voice: Voice,
    what: String,
    begun: Instant,
    /// How long after its beginning it is to be told.
    due: Duration,
}

impl Waiting {
    /// In how long it is to be told.
    pub fn due_in(&self) -> Duration {
        self.due.saturating_sub(self.begun.elapsed())
    }

    /// Tells it, if it is time to.
    pub fn tell_if_due(&mut self) {
        if !self.due_in().is_zero() {
            return;
        }
        let took = self.begun.elapsed();
        self.voice.say_undrawn(&self.line(took));
        self.due = took + AGAIN;
    }

    fn line(&self, took: Duration) -> String {
        let what = &self.what;
        match took {
            took if took < AGAIN => format!("waiting: {what}"),
            took => format!("waiting: {what} ({} so far)", elapsed(took)),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.voice
            .tell(Tells::Waited(std::mem::take(&mut self.what)), None);
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
    fn a_wait_is_told_after_some_seconds_and_then_every_half_minute() {
        let mut waiting = Voice::new("mk-test", &Common::default()).wait("it is pending");
        assert!(waiting.due_in() > Duration::from_secs(4));
        let seconds = |seconds| Duration::from_secs(seconds);
        for (took, due) in [(6, 36), (37, 67), (68, 98)] {
            waiting.begun = Instant::now() - seconds(took);
            waiting.tell_if_due();
            assert_eq!(waiting.due.as_secs(), due);
        }
        assert_eq!(waiting.line(seconds(6)), "waiting: it is pending");
        assert_eq!(
            waiting.line(seconds(37)),
            "waiting: it is pending (37s so far)"
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
