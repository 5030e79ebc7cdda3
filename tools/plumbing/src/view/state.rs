//! What is known of a run: folded from the records that pass and from what the tools tell. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use super::branch::{Branch, Counts, Item, both, change_in};
use super::message::{Message, Told};
use super::part::Part;
use crate::change::Change;
use crate::record::Record;
use crate::types::{Env, Failed};

/// They make nothing: what a person wants to see is what they write.
const LISTS: [&str; 4] = ["ls-env", "mk-env", "mk-app", "mk-source"];

/// What is known of a run.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) begun: Instant,
    pub(crate) env: Option<Env>,
    pub(crate) parts: BTreeMap<Part, Branch>,
    pub(crate) waits: Vec<Wait>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) interrupted: bool,
    /// The tool that draws.
    tool: &'static str,
    /// Whether what a run did is known from what the tools tell. Else the records are believed, also
    /// those of an earlier run.
    is_told: bool,
    /// Whether long IDs are shown as they are.
    pub(crate) is_whole: bool,
    told: HashMap<(String, String), Change>,
    /// Where the record of a key is.
    places: HashMap<(String, String), (Part, usize)>,
}

/// What a tool waits for.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) tool: String,
    pub(crate) what: String,
    pub(crate) begun: Instant,
}

/// What went wrong.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) tool: String,
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
}

/// What a run is about, which is what its end shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Plan,
    Run,
    List,
}

impl State {
    /// Nothing is known yet.
    pub(crate) fn new(tool: &'static str, begun: Instant, is_told: bool) -> Self {
        State {
            tool,
            is_whole: false,
            begun,
            env: None,
            parts: BTreeMap::new(),
            waits: Vec::new(),
            faults: Vec::new(),
            interrupted: false,
            is_told,
            told: HashMap::new(),
            places: HashMap::new(),
        }
    }

    /// Takes in a record.
    pub(crate) fn see(&mut self, record: Record, now: Instant) {
        if let Some(env) = record.typed::<Env>() {
            self.env = Some(env);
        } else if let Some(failed) = record.typed::<Failed>() {
            self.add_fault(failed.name, failed.message, None);
        } else if is_shown(&record) {
            self.place(record, now);
        }
    }

    fn place(&mut self, record: Record, now: Instant) {
        let key = record.key();
        let is_app = |name: &str| self.parts.contains_key(&Part::App(name.into()));
        let (part, at) = match self.places.get(&key).cloned() {
            Some((part, at)) => (part, Some(at)),
            None => (Part::of(&record, is_app), None),
        };
        let branch = self.parts.entry(part.clone());
        let branch = branch.or_insert_with(|| Branch::begun(now));
        branch.last = now;
        match at {
            Some(at) => branch.items[at].comes_again(record),
            None => {
                let told = self.told.get(&key).copied();
                self.places.insert(key, (part, branch.items.len()));
                branch.items.push(Item::new(record, told));
            }
        }
    }

    /// Takes in what a tool tells. Lines that are to stay on the screen are none of it.
    pub(crate) fn hear(&mut self, message: Message, now: Instant) {
        let tool = message.tool;
        match message.told {
            Told::Note(_) | Told::Undrawn(_) | Told::Drawn(_) => {}
            Told::Error { text, hint } => self.add_fault(tool, text, hint),
            Told::Interrupted => self.interrupted = true,
            Told::Change { kind, name, change } => self.mark_told((kind, name), change),
            Told::Waits(what) => self.waits.push(Wait {
                tool,
                what,
                begun: now,
            }),
            Told::Waited(what) => self.end_wait(|wait| wait.tool == tool && wait.what == what),
            Told::Progress { app, what, now, of } => {
                if let Some(branch) = self.parts.get_mut(&Part::App(app)) {
                    branch.progress.insert(what, (now, of));
                }
            }
        }
    }

    fn mark_told(&mut self, key: (String, String), change: Change) {
        let change = both(self.told.get(&key).copied(), Some(change));
        let branch = self.places.get(&key);
        let branch = branch.and_then(|(part, at)| Some((self.parts.get_mut(part)?, *at)));
        if let Some((branch, at)) = branch {
            branch.items[at].told = change;
        }
        self.told.extend(change.map(|change| (key, change)));
    }

    fn end_wait(&mut self, is_it: impl Fn(&Wait) -> bool) {
        if let Some(at) = self.waits.iter().position(is_it) {
            self.waits.remove(at);
        }
    }

    /// A tool is gone, and waits for nothing.
    pub(crate) fn forget_waits_of(&mut self, tool: &str) {
        self.waits.retain(|wait| wait.tool != tool);
    }

    /// The same fault comes as a record and as a message, which alone says what can be done.
    fn add_fault(&mut self, tool: String, text: String, hint: Option<String>) {
        let mut faults = self.faults.iter_mut();
        match faults.find(|fault| fault.tool == tool && fault.text == text) {
            Some(fault) => fault.hint = fault.hint.take().or(hint),
            None => self.faults.push(Fault { tool, text, hint }),
        }
    }

    /// What this run did with a thing, as far as is known.
    pub(crate) fn change_of(&self, item: &Item) -> Option<Change> {
        if self.is_told { item.told } else { item.change }
    }

    /// What was done with a part of the environment.
    pub(crate) fn counts_of(&self, branch: &Branch) -> Counts {
        let changes = branch.items.iter().filter_map(|item| self.change_of(item));
        changes.fold(Counts::default(), Counts::and)
    }

    /// What was done with all of it.
    pub(crate) fn counts(&self) -> Counts {
        let items = self.parts.values().flat_map(|branch| &branch.items);
        let changes = items.filter_map(|item| self.change_of(item));
        changes.fold(Counts::default(), Counts::and)
    }

    /// What the run is about.
    pub(crate) fn mode(&self) -> Mode {
        match &self.env {
            Some(env) if env.plan => Mode::Plan,
            _ if LISTS.contains(&self.tool) => Mode::List,
            _ => Mode::Run,
        }
    }
}

/// Whether a record stands in the tree: marks of what may come do not.
fn is_shown(record: &Record) -> bool {
    match record.kind() {
        "unwanted" => false,
        "surplus" => change_in(record).is_some(),
        "image" => !record.text("image").is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tells(told: Told) -> Message {
        let tool = "mk-vpc".into();
        Message { tool, told }
    }

    fn seen(records: &[(&str, &str, Change)], is_told: bool) -> State {
        let now = Instant::now();
        let mut state = State::new("wait-env", now, is_told);
        for (kind, name, change) in records {
            state.see(Record::new(kind, name).changed(*change, &[]), now);
        }
        state
    }

    #[test]
    fn what_was_made_and_then_found_counts_once() {
        let mut records = vec![("vpc", "main", Change::Created)];
        records.push(("vpc", "main", Change::Kept));
        records.push(("sg", "task/web", Change::Kept));
        records.push(("sg", "task/web", Change::Updated));
        let counts = seen(&records, false).counts();
        assert_eq!((counts.created, counts.updated, counts.kept), (1, 1, 0));
    }

    #[test]
    fn what_an_earlier_run_made_is_not_counted_where_the_tools_tell() {
        let mut state = seen(&[("vpc", "main", Change::Created)], true);
        assert_eq!(state.counts(), Counts::default());
        let (kind, name) = ("vpc".into(), "main".into());
        let change = Change::Kept;
        let told = Told::Change { kind, name, change };
        state.hear(tells(told), Instant::now());
        let kept = Counts::default().and(Change::Kept);
        assert_eq!(state.counts(), kept);
    }

    #[test]
    fn a_fault_is_told_once_with_what_helps() {
        let mut state = seen(&[], true);
        let failed = Record::new("failed", "mk-vpc").with("message", "no");
        state.see(failed.clone(), Instant::now());
        let (text, hint) = ("no".to_string(), Some("pay".to_string()));
        state.hear(tells(Told::Error { text, hint }), Instant::now());
        state.see(failed, Instant::now());
        let hints: Vec<_> = state
            .faults
            .iter()
            .map(|fault| fault.hint.as_deref())
            .collect();
        assert_eq!(hints, [Some("pay")]);
    }

    #[test]
    fn an_app_is_done_when_its_service_and_its_tasks_are_there() {
        let (now, web) = (Instant::now(), Part::App("web".into()));
        let mut state = seen(&[("sg", "task/web", Change::Created)], false);
        assert!(!state.parts[&web].is_done(&web));
        state.see(Record::new("service", "web"), now);
        assert!(state.parts[&web].is_done(&web));
        for (count, done) in [(1, false), (2, true)] {
            let (app, what) = ("web".into(), "tasks".into());
            let (now_there, of) = (count, 2);
            let told = Told::Progress {
                app,
                what,
                now: now_there,
                of,
            };
            state.hear(tells(told), now);
            assert_eq!(state.parts[&web].is_done(&web), done);
        }
    }

    #[test]
    fn a_wait_ends_with_its_tool_or_when_it_is_over() {
        let mut state = seen(&[], true);
        for what in ["a", "b", "c"] {
            state.hear(tells(Told::Waits(what.into())), Instant::now());
        }
        state.hear(tells(Told::Waited("b".into())), Instant::now());
        let left: Vec<&str> = state.waits.iter().map(|wait| wait.what.as_str()).collect();
        assert_eq!(left, ["a", "c"]);
        state.forget_waits_of("mk-vpc");
        assert!(state.waits.is_empty());
    }
}
