//! The tree of an environment: a line for it, and one for each of its parts. Pure.

use std::time::Instant;

use unicode_width::UnicodeWidthStr;

use super::branch::{Branch, Counts};
use super::part::Part;
use super::state::State;
use super::text::{Line, Tone, elapsed, short};
use crate::record::Record;

/// Where the columns of a part's line begin, at most.
const TITLE: usize = 24;

/// How far a part is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Progress {
    Underway,
    Done,
    /// The run has ended before it was done.
    Broken,
}

impl Progress {
    pub(crate) fn mark(self) -> (Tone, &'static str) {
        match self {
            Progress::Underway => (Tone::Changed, "◌"),
            Progress::Done => (Tone::Good, "✓"),
            Progress::Broken => (Tone::Bad, "✗"),
        }
    }
}

/// Where the columns of all parts begin.
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    counts: usize,
    about: usize,
}

impl Columns {
    /// So that the widest title and the longest counts have room.
    pub(crate) fn of(state: &State) -> Self {
        let titles = state.parts.keys().map(|part| part.title().width());
        let counts = state
            .parts
            .values()
            .map(|branch| counted(state, branch).len());
        let (title, count) = (titles.max(), counts.max().unwrap_or_default());
        let counts = title.unwrap_or_default().min(TITLE) + 6;
        let about = if count == 0 {
            counts
        } else {
            counts + count + 2
        };
        Columns { counts, about }
    }
}

/// How a part is shown.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) columns: Columns,
    pub(crate) progress: Progress,
    /// Whether it is the last branch of the tree.
    pub(crate) is_last: bool,
    /// Whether its address stands here, and not below the tree.
    pub(crate) with_address: bool,
    pub(crate) now: Instant,
}

/// The line of the environment, with what is said at its right end.
pub(crate) fn root(state: &State, ends: &str) -> Option<Line> {
    let env = state.env.as_ref()?;
    let line = Line::of(Tone::Strong, &env.name)
        .and(Tone::Faint, &format!(" · {} · {}", env.region, env.account));
    Some(line.ends(Tone::Faint, ends))
}

/// The branch that leads to a line of the tree.
pub(crate) fn stem(is_last: bool) -> &'static str {
    if is_last { "└ " } else { "├ " }
}

/// The line of a part, as far as it is.
pub(crate) fn part(state: &State, (part, branch): (&Part, &Branch), shown: Shown) -> Line {
    let (tone, mark) = shown.progress.mark();
    let line = Line::of(Tone::Faint, stem(shown.is_last))
        .and(tone, mark)
        .and(Tone::Plain, " ")
        .and(Tone::Strong, &part.title())
        .up_to(shown.columns.counts)
        .and(Tone::Changed, &counted(state, branch))
        .up_to(shown.columns.about);
    let until = match shown.progress {
        Progress::Underway => shown.now,
        Progress::Done | Progress::Broken => branch.last,
    };
    let took = until.saturating_duration_since(branch.begun);
    let took = Some(took).filter(|took| took.as_secs() > 0).map(elapsed);
    let mut about = about(part, branch, state);
    let alb = branch.first("alb").filter(|_| shown.with_address);
    about.extend(alb.and_then(address));
    line.and(Tone::Plain, &about.join(" · "))
        .ends(Tone::Faint, &took.unwrap_or_default())
}

/// What was done with a part, in words.
fn counted(state: &State, branch: &Branch) -> String {
    let counts = state.counts_of(branch);
    let going = branch
        .items
        .iter()
        .filter(|item| item.is_resource())
        .count();
    if counts.deleted > 0 && counts.created + counts.updated == 0 {
        return format!("{} of {going} deleted", counts.deleted);
    }
    words(counts)
}

/// What was done, in words; what was found as wanted only where nothing else is to say.
pub(crate) fn words(counts: Counts) -> String {
    let all = [
        (counts.created, "created"),
        (counts.updated, "updated"),
        (counts.deleted, "deleted"),
    ];
    let mut words: Vec<String> = all
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if words.is_empty() && counts.kept > 0 {
        words.push(format!("{} kept", counts.kept));
    }
    words.join(", ")
}

/// What a person wants to know of a part first.
fn about(part: &Part, branch: &Branch, state: &State) -> Vec<String> {
    if state.counts_of(branch).deleted > 0 && part != &Part::LeftOver && branch.is_done(part) {
        return Vec::new(); // it is gone
    }
    let text = |kind: &str, field: &str| branch.first(kind).map(|one| one.text(field).to_string());
    let mut about: Vec<Option<String>> = Vec::new();
    match part {
        Part::Network => {
            about.push(text("vpc", "cidr"));
            about.push(branch.first("vpc").and_then(zones));
            about.push(text("egress", "by"));
        }
        Part::App(_) => {
            about.push(image(branch, state.is_whole));
            about.extend(tasks(branch));
        }
        Part::Pipeline(_) => {
            about.push(text("source", "repository"));
            about.push(text("source", "branch"));
        }
        Part::Shared => about.extend(
            branch
                .sorted()
                .iter()
                .map(|item| Some(item.record.kind().into())),
        ),
        Part::LeftOver => {}
    }
    about
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .collect()
}

fn zones(vpc: &Record) -> Option<String> {
    let count = vpc.0.get("zones")?.as_array()?.len();
    Some(format!("{count} zones"))
}

/// What an app runs or is to run.
fn image(branch: &Branch, is_whole: bool) -> Option<String> {
    let kinds = ["image", "task_definition", "app"].iter();
    let images = kinds.filter_map(|kind| Some(branch.first(kind)?.text("image")));
    let image = images.into_iter().find(|image| !image.is_empty())?;
    if is_whole {
        return Some(image.to_string());
    }
    // Of our own registry the name is enough.
    let name = image
        .split_once(".amazonaws.com/")
        .map_or(image, |(_, name)| name);
    Some(short(name))
}

/// How many of an app's tasks and targets are there.
fn tasks(branch: &Branch) -> Vec<Option<String>> {
    let service = branch.first("service");
    let count = service.and_then(|one| one.0.get("count")?.as_u64());
    let tasks = match (branch.progress.get("tasks"), count) {
        (Some((now, of)), _) => Some(format!("tasks {now}/{of}")),
        (None, Some(count)) => Some(format!("{count} tasks")),
        (None, None) => None,
    };
    let targets = branch.progress.get("targets");
    vec![
        tasks,
        targets.map(|(now, of)| format!("targets {now}/{of}")),
    ]
}

/// Where the internet reaches a load balancer.
pub(crate) fn address(alb: &Record) -> Option<String> {
    let is_public = alb.text("scheme") == "internet-facing" && !alb.text("dns").is_empty();
    is_public.then(|| format!("http://{}/", alb.text("dns")))
}
