//! The table of changes: what is or would be created, updated field by field, and deleted. Pure.

use super::branch::{Branch, Counts};
use super::record::{told, what};
use super::state::State;
use super::text::{Line, Tone, short};
use crate::change::{Change, Difference};
use crate::record::Record;

/// A line for each thing that is or would be changed in one of these ways, and one for each field.
pub(crate) fn changes(state: &State, ways: &[Change]) -> Vec<Line> {
    let mut lines = Vec::new();
    for way in ways {
        let (tone, sign) = sign(*way);
        let items = state.parts.values().flat_map(Branch::sorted);
        for item in items.filter(|item| state.change_of(item) == Some(*way)) {
            let line = Line::of(tone, &format!("{sign} {}", way.word())).up_to(10);
            let line = line.and(Tone::Plain, &what(&item.record)).up_to(40);
            lines.push(line.and(
                Tone::Faint,
                &format!(" {}", told(&item.record, state.is_whole)),
            ));
            lines.extend(fields(&item.record, state.is_whole));
        }
    }
    lines
}

/// What the tree does not tell: each thing that was changed; and each that was taken away, where not all was.
pub(crate) fn told_one_by_one(counts: Counts) -> &'static [Change] {
    if counts.created + counts.updated + counts.kept > 0 {
        &[Change::Updated, Change::Deleted]
    } else {
        &[]
    }
}

fn sign(way: Change) -> (Tone, &'static str) {
    match way {
        Change::Create | Change::Created => (Tone::Good, "+"),
        Change::Update | Change::Updated => (Tone::Changed, "~"),
        Change::Delete | Change::Deleted => (Tone::Bad, "-"),
        Change::Kept => (Tone::Faint, " "),
    }
}

/// What each field is and what it is to be.
fn fields(record: &Record, is_whole: bool) -> Vec<Line> {
    let changes = record.0.get("changes").cloned().unwrap_or_default();
    let changes: Vec<Difference> = serde_json::from_value(changes).unwrap_or_default();
    let shown = |text: &str| match (text, is_whole) {
        ("", _) => "nothing".to_string(),
        (_, true) => text.to_string(),
        (_, false) => short(text),
    };
    let line = |one: &Difference| {
        Line::of(Tone::Plain, &" ".repeat(12))
            .and(Tone::Plain, &one.field)
            .and(Tone::Faint, ": ")
            .and(Tone::Bad, &shown(&one.old))
            .and(Tone::Faint, " -> ")
            .and(Tone::Good, &shown(&one.new))
            .uncut()
    };
    changes.iter().map(line).collect()
}

/// What a run would do, in all.
pub(crate) fn would(all: Counts) -> String {
    let kept = all.kept;
    if all.changed() == 0 {
        return format!("nothing to change ({kept} kept)");
    }
    let [create, update, delete] = [all.created, all.updated, all.deleted];
    format!("{create} to create, {update} to update, {delete} to delete ({kept} kept)")
}

/// What a run did, in all.
pub(crate) fn did(all: Counts) -> String {
    match (all.changed(), all.kept) {
        (0, 0) => "nothing changed".into(),
        (0, kept) => format!("nothing to change ({kept} kept)"),
        _ => {
            let [created, updated, deleted] = [all.created, all.updated, all.deleted];
            format!("{created} created, {updated} updated, {deleted} deleted")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::end;
    use super::super::examples::{run, see, text};

    #[test]
    fn a_plan_ends_with_each_change_field_by_field_and_the_total() {
        let mut state = run("prune-env", true);
        let changes = json!([{"field": "ingress", "old": "", "new": "tcp 5001 from alb/web"}]);
        see(
            &mut state,
            &[
                json!({"type": "sg", "name": "task/web", "id": "sg-1", "change": "update", "changes": changes}),
                json!({"type": "vpc", "name": "main", "id": "planned:vpc/main", "cidr": "10.0.0.0/16", "change": "create"}),
                json!({"type": "surplus", "name": "rule/1", "what": "rule tcp 5000", "change": "delete"}),
                json!({"type": "repo", "name": "web", "change": "kept"}),
            ],
        );
        let expected = "\
production-pr1 · us-east-1 · 123456789012                                  plan
+ create  vpc main                       10.0.0.0/16
~ update  sg task/web                    sg-1
            ingress: nothing -> tcp 5001 from alb/web
- delete  rule tcp 5000
1 to create, 1 to update, 1 to delete (1 kept)
";
        assert_eq!(text(&end::lines(&state, 79, state.begun), 79), expected);
    }
}
