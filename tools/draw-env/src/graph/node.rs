//! A box from the records of a thing and of its parts.

use std::collections::BTreeSet;

use plumbing::{Difference, Record};

use crate::picture::{Node, Text, Tone};
use crate::state::{Records, State};

/// Makes boxes, and knows which records are in none yet.
pub(crate) struct Maker<'a> {
    pub(crate) records: &'a Records,
    told: BTreeSet<(String, String)>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(records: &'a Records) -> Self {
        Maker {
            records,
            told: BTreeSet::new(),
        }
    }

    /// A box for a thing, `main`, by type and name, with its parts; nothing where no record tells of any
    /// of these, unless it has to be there. Its first changes are its last lines.
    pub(crate) fn node(
        &mut self,
        main: (&str, &str),
        parts: &[(&str, &str)],
        has_to_be: bool,
    ) -> Option<Node> {
        let mut node = Node {
            name: main.1.to_string(),
            id: format!("{}/{}", main.0, main.1),
            caption: caption(main.0),
            ..Node::default()
        };
        let mut states = Vec::new();
        let main_state = self.tell(main, &mut node);
        for part in parts {
            states.extend(self.tell(*part, &mut node));
        }
        if main_state.is_none() && states.is_empty() && !has_to_be {
            return None;
        }
        node.state = State::of_all(main_state, &states);
        Some(node)
    }

    /// Adds what a record says to a box; answers what becomes of it.
    fn tell(&mut self, key: (&str, &str), node: &mut Node) -> Option<State> {
        let (record, state) = self.records.get(key.0, key.1)?;
        self.told.insert(record.key());
        node.told.push(told(record, state));
        for difference in differences(record) {
            let Difference { field, old, new } = &difference;
            node.told.push(format!("  {difference}"));
            let shown = node
                .lines
                .iter()
                .filter(|line| line.tone == Tone::Change)
                .count();
            if shown < 2 && !new.contains("planned:") {
                let is_short = old.len() + new.len() < 12;
                let text = if is_short {
                    format!("{field}: {old} → {new}")
                } else {
                    format!("{} {field}", state.sign())
                };
                node.lines.push(Text::new(text, Tone::Change));
            }
        }
        Some(state)
    }

    /// A number of a record's, such as its port.
    pub(crate) fn number(&self, kind: &str, name: &str, field: &str) -> Option<u64> {
        self.records.get(kind, name)?.0.0.get(field)?.as_u64()
    }

    /// A box for each record of a type that is in none yet.
    pub(crate) fn rest(&mut self, kind: &str) -> Vec<Node> {
        let records = self.records.of_kind(kind);
        let names: Vec<String> = records
            .map(|(record, _)| record.key())
            .filter(|key| !self.told.contains(key))
            .map(|(_, name)| name)
            .collect();
        let mut nodes = Vec::new();
        for name in names {
            let mut node = self.node((kind, &name), &[], false);
            let record = self.records.get(kind, &name).map(|(record, _)| record);
            let status = record
                .map(|record| record.text("status"))
                .unwrap_or_default();
            if let Some(node) = &mut node {
                node.id = format!("other/{}", node.id);
                let status = Some(Text::plain(status)).filter(|_| !status.is_empty());
                node.lines.splice(0..0, status);
            }
            nodes.extend(node);
        }
        nodes
    }
}

/// What a type is called.
fn caption(kind: &str) -> String {
    match kind {
        "repo" => "repository".into(),
        "nat_gateway" => "NAT gateway".into(),
        "sg" => "security group".into(),
        other => other.replace('_', " "),
    }
}

/// What a record says, in a line: `+ alb web arn:…`.
fn told(record: &Record, state: State) -> String {
    let ids = ["what", "id", "arn", "group"].map(|field| record.text(field));
    let id = ids.into_iter().find(|id| !id.is_empty());
    let kind = record.kind().replace('_', " ");
    let line = format!(
        "{} {kind} {} {}",
        state.sign(),
        record.name(),
        id.unwrap_or_default()
    );
    line.trim().to_string()
}

fn differences(record: &Record) -> Vec<Difference> {
    let changes = record.0.get("changes").cloned().unwrap_or_default();
    serde_json::from_value(changes).unwrap_or_default()
}
