//! What the local AWS has seen on the way from one environment to another, and what was not to be seen.

use std::collections::BTreeSet;

use support::{Value, json, list, text};

/// How many entries are shown around the one where something broke.
const AROUND: usize = 4;
/// What an entry tells.
const SEEN: [&str; 5] = [
    "edges",
    "broken",
    "unreachable_tasks",
    "idle_tasks",
    "lost_calls",
];

/// The log of who could reach whom (`LocalAws::edges`), and what was run meanwhile.
pub struct Story {
    pub what: String,
    pub log: Vec<Value>,
    pub stderr: String,
}

impl Story {
    /// Asserts that at no moment one of these edges was broken or a running task unreachable, and that
    /// no task ran on that had lost an app along one of them.
    pub fn keeps(&self, edges: &BTreeSet<String>) {
        if let Some((place, lost)) = self.first_loss(edges) {
            panic!("{lost}, {}", self.told(place));
        }
    }

    /// The first entry at which that is not so, and what is lost.
    pub fn first_loss(&self, edges: &BTreeSet<String>) -> Option<(usize, String)> {
        for (place, entry) in self.log.iter().enumerate() {
            let now = set(&entry["edges"]);
            let lost: Vec<&String> = edges.difference(&now).collect();
            let unreachable = &entry["unreachable_tasks"];
            let calls = lost_calls(entry, edges);
            if !lost.is_empty() || !calls.is_empty() || *unreachable != json!([]) {
                let after = text(&entry["after"]);
                let what = format!("after {after} lost: {lost:?} {unreachable} {calls:?}");
                return Some((place, what));
            }
        }
        None
    }

    /// Whether in the end these are all edges, and every task gets its requests.
    pub fn has_ended_with(&self, edges: &BTreeSet<String>) -> bool {
        let last = &self.log[self.log.len() - 1];
        let waiting = [&last["idle_tasks"], &last["unreachable_tasks"]];
        set(&last["edges"]) == *edges && waiting.iter().all(|tasks| list(tasks).is_empty())
    }

    /// Asserts that it is so.
    pub fn ends_with(&self, edges: &BTreeSet<String>) {
        let ended = self.has_ended_with(edges);
        assert!(ended, "not {edges:?} in the end, {}", self.end());
    }

    /// The end of the log, and what the tools said.
    pub fn end(&self) -> String {
        self.told(self.log.len() - 1)
    }

    /// The log around an entry, and what the tools said.
    fn told(&self, place: usize) -> String {
        let mut lines = vec![format!("on the way {}:", self.what)];
        let first = place.saturating_sub(AROUND);
        for (at, entry) in self.log.iter().enumerate().skip(first).take(2 * AROUND) {
            let mark = if at == place { "=>" } else { "  " };
            let when = &entry["at"];
            lines.push(format!("{mark} {when} s, after {}", text(&entry["after"])));
            for seen in SEEN {
                if entry[seen] != json!([]) {
                    lines.push(format!("     {seen}: {}", entry[seen]));
                }
            }
        }
        lines.push(self.stderr.clone());
        lines.join("\n")
    }
}

/// The calls along these edges that running tasks have lost.
fn lost_calls(entry: &Value, edges: &BTreeSet<String>) -> Vec<String> {
    let mut calls = set(&entry["lost_calls"]).into_iter().collect::<Vec<_>>();
    calls.retain(|call| {
        let edge = call.split_once(" of ").map(|(_, edge)| edge);
        edge.is_some_and(|edge| edges.contains(edge))
    });
    calls
}

fn set(edges: &Value) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for edge in list(edges) {
        set.insert(text(edge).to_string());
    }
    set
}
