//! What is drawn while a run lasts: as much of the tree as the screen has room for, what is waited for,
//! and what went wrong. Pure.

use std::time::Instant;

use super::branch::Branch;
use super::part::Part;
use super::state::{Fault, State, Wait};
use super::text::{Line, Tone, elapsed, wrapped};
use super::tree::{self, Columns, Progress, Shown};

/// How many lines an error has at most, while the run lasts.
const OF_AN_ERROR: usize = 3;
/// How many waits are named where there is no room for all.
const WAITS: usize = 3;

/// The lines of a screen of this width and height, none wider, and never more.
pub(crate) fn lines(state: &State, (width, height): (usize, usize), now: Instant) -> Vec<Line> {
    let faults: Vec<Line> = state
        .faults
        .iter()
        .flat_map(|fault| fault_in_short(fault, width))
        .collect();
    let took = elapsed(now.saturating_duration_since(state.begun));
    let mut lines: Vec<Line> = tree::root(state, &took).into_iter().collect();
    let room = height.saturating_sub(lines.len());
    let faults = first_of(faults, room.div_ceil(2));
    let room = room.saturating_sub(faults.len());
    let all = state.waits.len();
    let fits = all + state.parts.len() <= room;
    let waits = waits(state, if fits { all } else { WAITS.min(room / 2) }, now);
    lines.extend(parts(state, room.saturating_sub(waits.len()), now));
    lines.extend(waits);
    lines.extend(faults);
    let too_many = lines.len().saturating_sub(height);
    lines.drain(..too_many); // what went wrong is the last
    lines
}

/// A line for each part that there is room for: those under way first, and how many others there are.
fn parts(state: &State, room: usize, now: Instant) -> Vec<Line> {
    let all: Vec<(&Part, &Branch, Progress)> = state
        .parts
        .iter()
        .map(|(part, branch)| {
            let is_done = branch.is_done(part);
            (
                part,
                branch,
                if is_done {
                    Progress::Done
                } else {
                    Progress::Underway
                },
            )
        })
        .collect();
    let mut shown: Vec<&(&Part, &Branch, Progress)> = all.iter().collect();
    if all.len() > room {
        shown.retain(|(_, _, progress)| *progress == Progress::Underway);
        shown.truncate(room.saturating_sub(1));
    }
    let hidden = all.len() - shown.len();
    let columns = Columns::of(state);
    let mut lines = Vec::new();
    for (at, (part, branch, progress)) in shown.iter().enumerate() {
        let shown = Shown {
            columns,
            progress: *progress,
            is_last: hidden == 0 && at + 1 == shown.len(),
            with_address: true,
            now,
        };
        lines.push(tree::part(state, (part, branch), shown));
    }
    if hidden > 0 && room > 0 {
        let done = all
            .iter()
            .filter(|(_, _, progress)| *progress == Progress::Done);
        let done = done.count();
        let more = format!("{hidden} more ({done} of all {} done)", all.len());
        lines.push(Line::of(Tone::Faint, tree::stem(true)).and(Tone::Faint, &more));
    }
    lines
}

/// A line for each thing that is waited for, those first that last longest.
fn waits(state: &State, most: usize, now: Instant) -> Vec<Line> {
    let tools = state.waits.iter().map(|wait| wait.tool.len());
    let column = tools.max().unwrap_or_default() + 4;
    let line = |wait: &Wait| {
        let took = now.saturating_duration_since(wait.begun);
        Line::of(Tone::Plain, "  ")
            .and(Tone::Faint, &wait.tool)
            .up_to(column)
            .and(Tone::Plain, &wait.what)
            .ends(Tone::Faint, &elapsed(took))
    };
    let mut lines: Vec<Line> = state.waits.iter().take(most).map(line).collect();
    if most < state.waits.len() && most > 0 {
        let more = state.waits.len() - most + 1;
        lines.truncate(most - 1);
        lines.push(Line::of(Tone::Faint, &format!("  and {more} more waits")));
    }
    lines
}

fn fault_in_short(fault: &Fault, width: usize) -> Vec<Line> {
    let text = format!("{}: {}", fault.tool, fault.text);
    let lines = wrapped(&text, width).into_iter().take(OF_AN_ERROR);
    lines.map(|line| Line::of(Tone::Bad, &line)).collect()
}

fn first_of(mut lines: Vec<Line>, most: usize) -> Vec<Line> {
    if lines.len() > most {
        let more = lines.len() - most.saturating_sub(1);
        lines.truncate(most.saturating_sub(1));
        lines.push(Line::of(
            Tone::Bad,
            &format!("and {more} more lines of errors"),
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use unicode_width::UnicodeWidthStr;

    use super::super::examples::{app, hear, later, run, see, service, text};
    use super::super::message::Told;
    use super::*;

    fn drawn(state: &State, width: usize, height: usize, seconds: u64) -> String {
        text(&lines(state, (width, height), later(state, seconds)), width)
    }

    /// A run that waits for a NAT gateway and for web.
    fn waiting() -> State {
        let mut state = run("wait-env", false);
        see(
            &mut state,
            &[json!({"type": "vpc", "name": "main", "cidr": "10.0.0.0/16", "change": "created"})],
        );
        see(&mut state, &app("web"));
        see(&mut state, &[app("api"), vec![service("api")]].concat());
        let nat = "nat gateway nat-1 is still pending";
        hear(&mut state, 5, "mk-vpc", Told::Waits(nat.into()));
        let (app, what, now, of) = ("web".into(), "tasks".into(), 1, 2);
        hear(
            &mut state,
            6,
            "wait-env",
            Told::Progress { app, what, now, of },
        );
        state
    }

    #[test]
    fn a_frame_tells_how_far_each_part_is_and_what_is_waited_for() {
        let expected = "\
production-pr1 · us-east-1 · 123456789012                                    42s
├ ◌ network  1 created  10.0.0.0/16                                          42s
├ ✓ api      3 created  registry.example/api:1 · 2 tasks · http://alb-api.elb.a…
└ ◌ web      2 created  registry.example/web:1 · tasks 1/2 · http://alb-web… 42s
  mk-vpc  nat gateway nat-1 is still pending                                 37s
";
        assert_eq!(drawn(&waiting(), 80, 23, 42), expected);
    }

    #[test]
    fn a_frame_is_never_wider_or_higher_than_its_screen() {
        let mut state = waiting();
        for name in 0..100 {
            see(&mut state, &app(&format!("環境-{name}")));
        }
        for tool in 0..50 {
            let (text, hint) = (format!("cannot make {tool}: {}", "no ".repeat(99)), None);
            hear(
                &mut state,
                7,
                &format!("mk-{tool}"),
                Told::Error { text, hint },
            );
        }
        for (width, height) in [(1, 1), (2, 3), (39, 5), (79, 23), (199, 60), (20, 1)] {
            let drawn = drawn(&state, width, height, 9);
            assert!(
                drawn.lines().count() <= height,
                "{width} {height}:\n{drawn}"
            );
            assert!(drawn.lines().all(|line| line.width() <= width), "{drawn}");
        }
    }

    #[test]
    fn of_many_apps_those_under_way_are_shown() {
        let mut state = run("wait-env", false);
        for at in 0..100 {
            see(&mut state, &app(&format!("app{at:03}")));
            see(
                &mut state,
                &if at % 10 == 0 {
                    vec![]
                } else {
                    vec![service(&format!("app{at:03}"))]
                },
            );
        }
        let expected = "\
production-pr1 · us-east-1 · 123456789012 42s
├ ◌ app000  2 created  registry.example/… 42s
├ ◌ app010  2 created  registry.example/… 42s
├ ◌ app020  2 created  registry.example/… 42s
└ 97 more (90 of all 100 done)
";
        assert_eq!(drawn(&state, 45, 5, 42), expected);
    }

    #[test]
    fn an_error_is_seen_at_once_and_more_errors_leave_room_for_the_rest() {
        let mut state = waiting();
        for tool in ["mk-ecr", "mk-role", "mk-logs"] {
            let (text, hint) = ("cannot do it: AccessDenied".into(), Some("ask".into()));
            hear(&mut state, 7, tool, Told::Error { text, hint });
        }
        let drawn = drawn(&state, 60, 5, 8);
        assert!(
            drawn.ends_with("mk-ecr: cannot do it: AccessDenied\nand 2 more lines of errors\n"),
            "{drawn}"
        );
    }
}
