//! What stays on the screen when a run has ended: what there is or would be, what was done in all,
//! where it is reached, and last what went wrong. Pure.

use std::time::Instant;

use unicode_width::UnicodeWidthStr;

use super::record::{told, what};
use super::state::{Mode, State};
use super::table::{changes, did, told_one_by_one, would};
use super::text::{Line, Tone, elapsed, wrapped};
use super::tree::{self, Columns, Progress, Shown};
use crate::change::Change;

/// The last lines, for a screen of this width.
pub(crate) fn lines(state: &State, width: usize, now: Instant) -> Vec<Line> {
    let took = elapsed(now.saturating_duration_since(state.begun));
    let mut lines: Vec<Line> = Vec::new();
    let total = match state.mode() {
        Mode::Plan => {
            lines.extend(tree::root(state, "plan"));
            lines.extend(changes(
                state,
                &[Change::Create, Change::Update, Change::Delete],
            ));
            Some(would(state.counts()))
        }
        Mode::Run => {
            lines.extend(tree::root(state, ""));
            lines.extend(parts(state, now));
            lines.extend(changes(state, told_one_by_one(state.counts())));
            Some(format!("{} in {took}", did(state.counts())))
        }
        Mode::List => {
            lines.extend(tree::root(state, "").map(Line::uncut));
            lines.extend(tags(state));
            lines.extend(list(state));
            None
        }
    };
    lines.extend(total.map(|total| Line::of(Tone::Strong, &total).uncut()));
    lines.extend(addresses(state));
    lines.extend(faults(state, width));
    lines
}

/// A line for each part, with how far it is now that nothing more comes.
fn parts(state: &State, now: Instant) -> Vec<Line> {
    let went_well = state.faults.is_empty() && !state.interrupted;
    let last = state.parts.len().saturating_sub(1);
    let columns = Columns::of(state);
    let mut lines = Vec::new();
    for (at, (part, branch)) in state.parts.iter().enumerate() {
        let is_done = went_well || branch.is_done(part);
        let shown = Shown {
            columns,
            progress: if is_done {
                Progress::Done
            } else {
                Progress::Broken
            },
            is_last: at == last,
            with_address: false,
            now,
        };
        lines.push(tree::part(state, (part, branch), shown));
    }
    lines
}

/// The tags of an environment of which nothing else is known.
fn tags(state: &State) -> Option<Line> {
    let env = state.env.as_ref().filter(|_| state.parts.is_empty())?;
    let tags: Vec<String> = env
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    Some(
        Line::of(Tone::Faint, "tags ")
            .and(Tone::Plain, &tags.join(" "))
            .uncut(),
    )
}

/// Every record, under the part that it belongs to.
fn list(state: &State) -> Vec<Line> {
    let records = state.parts.values().flat_map(|branch| &branch.items);
    let widths = records.map(|item| what(&item.record).width());
    let column = widths.max().unwrap_or_default() + 6;
    let last = state.parts.len().saturating_sub(1);
    let mut lines = Vec::new();
    for (at, (part, branch)) in state.parts.iter().enumerate() {
        let line = Line::of(Tone::Faint, tree::stem(at == last));
        lines.push(line.and(Tone::Strong, &part.title()));
        for item in branch.sorted() {
            let stem = if at == last { "    " } else { "│   " };
            let line = Line::of(Tone::Faint, stem).and(Tone::Plain, &what(&item.record));
            let line = line.up_to(column);
            lines.push(
                line.and(Tone::Faint, &told(&item.record, state.is_whole))
                    .uncut(),
            );
        }
    }
    lines
}

/// Where the internet reaches each app.
fn addresses(state: &State) -> Vec<Line> {
    let albs = state.parts.values().filter_map(|branch| branch.item("alb"));
    let there = albs.filter(|item| {
        let change = state.change_of(item);
        !matches!(
            change,
            Some(Change::Create | Change::Delete | Change::Deleted)
        )
    });
    let addresses = there.filter_map(|item| {
        let address = tree::address(&item.record)?;
        let line = Line::of(Tone::Plain, &format!("{}: ", item.record.name()));
        Some(line.and(Tone::Strong, &address).uncut())
    });
    addresses.collect()
}

/// What went wrong, whole: it is the last that is read.
fn faults(state: &State, width: usize) -> Vec<Line> {
    let told = |tone: Tone, indent: &str, text: &str| {
        let lines = wrapped(text, width.saturating_sub(indent.len())).into_iter();
        let line = |line: String| Line::of(tone, &format!("{indent}{line}")).uncut();
        lines.map(line).collect::<Vec<_>>()
    };
    let mut lines = Vec::new();
    if state.interrupted {
        lines.extend(told(
            Tone::Bad,
            "",
            "interrupted: run the same again, and it goes on from here",
        ));
    }
    for fault in &state.faults {
        lines.extend(told(
            Tone::Bad,
            "",
            &format!("{}: {}", fault.tool, fault.text),
        ));
        if let Some(hint) = &fault.hint {
            lines.extend(told(Tone::Plain, "  ", &format!("try: {hint}")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::examples::{app, hear, later, run, see, service, text};
    use super::super::message::Told;
    use super::*;

    fn drawn(state: &State, width: usize) -> String {
        text(&lines(state, width, later(state, 161)), width)
    }

    #[test]
    fn a_run_ends_with_its_total_and_its_addresses() {
        let mut state = run("wait-env", false);
        see(&mut state, &[app("web"), vec![service("web")]].concat());
        let changes = json!([{"field": "days", "old": "3", "new": "7"}, {"field": "tag a", "old": "", "new": "b"}]);
        let group = json!({"type": "log_group", "name": "web", "group": "/ecs/web", "change": "updated", "changes": changes});
        see(
            &mut state,
            &[
                group,
                json!({"type": "repo", "name": "web", "change": "kept"}),
            ],
        );
        let expected = "\
production-pr1 · us-east-1 · 123456789012
└ ✓ web  3 created, 1 updated  registry.example/web:1 · 2 tasks
~ updated log group web                  /ecs/web
            days: 3 -> 7
            tag a: nothing -> b
3 created, 1 updated, 0 deleted in 2m41s
web: http://alb-web.elb.amazonaws.com/
";
        assert_eq!(drawn(&state, 79), expected);
    }

    #[test]
    fn a_run_that_fails_ends_with_the_error_whole_and_what_helps() {
        let mut state = run("wait-env", false);
        see(&mut state, &app("web"));
        let (text, hint) = (
            "cannot create service web: AccessDenied".into(),
            Some("ask".into()),
        );
        hear(&mut state, 7, "mk-ecs-svc", Told::Error { text, hint });
        let expected = "\
production-pr1 · us-east-1 · 12345678…
└ ✗ web  2 created  registry.example/…
2 created, 0 updated, 0 deleted in 2m41s
web: http://alb-web.elb.amazonaws.com/
mk-ecs-svc: cannot create service web:
AccessDenied
  try: ask
";
        assert_eq!(drawn(&state, 38), expected);
        state.interrupted = true;
        assert!(
            drawn(&state, 38)
                .contains("\ninterrupted: run the same again, and\nit goes on from here\nmk-")
        );
    }

    #[test]
    fn what_is_taken_away_is_no_address_any_more() {
        let mut state = run("rm-env", false);
        let alb = json!({"type": "alb", "name": "web", "dns": "x", "scheme": "internet-facing", "change": "deleted"});
        see(&mut state, &[alb]);
        let expected = "\
production-pr1 · us-east-1 · 123456789012
└ ✓ web  1 of 1 deleted
0 created, 0 updated, 1 deleted in 2m41s
";
        assert_eq!(drawn(&state, 79), expected);
    }

    #[test]
    fn what_is_listed_stands_under_its_part_with_short_ids() {
        let mut state = run("ls-env", false);
        let arn = "arn:aws:ecs:us-east-1:123456789012:cluster/cluster-production-pr1";
        let digest = format!(
            "1.dkr.ecr.us-east-1.amazonaws.com/repo-web@sha256:{}",
            "ab".repeat(32)
        );
        see(
            &mut state,
            &[
                json!({"type": "cluster", "name": "main", "arn": arn}),
                json!({"type": "task_definition", "name": "web", "image": digest}),
            ],
        );
        let expected = "\
production-pr1 · us-east-1 · 123456789012
├ shared
│   cluster main         cluster-production-pr1
└ web
    task definition web  1.dkr.ecr.us-east-1.amazonaws.com/repo-web@sha256:abababababab
";
        assert_eq!(
            drawn(&state, 30).lines().skip(1).collect::<Vec<_>>(),
            expected.lines().skip(1).collect::<Vec<_>>()
        );
        assert_eq!(drawn(&state, 79), expected);
        state.is_whole = true;
        assert!(drawn(&state, 79).contains(arn) && drawn(&state, 79).contains(&digest));
    }
}
