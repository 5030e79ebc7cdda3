//! What the colours, lines and signs of a picture mean: those alone that it has.

use std::collections::BTreeSet;

use super::{CELL, class, text};
use crate::picture::Picture;
use crate::state::{STATES, State};

const LEFT: i32 = 28;
/// A swatch with the room beside it.
const SWATCH: i32 = 46;

/// What a picture has that is to be explained.
pub(super) struct Shown {
    states: Vec<State>,
    undeclared: bool,
}

/// What a picture has, where it is not all the same.
pub(super) fn shown(picture: &Picture) -> Shown {
    let nodes = picture.nodes();
    let edges = &picture.traffic.edges;
    let of_nodes = nodes.iter().map(|node| node.state);
    let states: BTreeSet<State> = of_nodes
        .chain(edges.iter().map(|edge| edge.state))
        .collect();
    let changes = states.iter().any(|state| *state != State::Same);
    let states = STATES
        .into_iter()
        .filter(|state| changes && states.contains(state));
    Shown {
        states: states.collect(),
        undeclared: edges.iter().any(|edge| class(edge) == "undeclared"),
    }
}

/// The entries: class, sign and words.
fn entries(shown: &Shown, plan: bool) -> Vec<(&'static str, &'static str, &'static str)> {
    let states = shown.states.iter();
    let mut entries: Vec<_> = states
        .map(|state| (state.word(), state.sign(), state.words(plan)))
        .collect();
    if shown.undeclared {
        entries.push(("undeclared", "", "not declared, or added by hand"));
    }
    entries
}

fn entry_width(words: &str) -> i32 {
    SWATCH + 24 + words.chars().count() as i32 * 12 * CELL / 1000
}

/// How wide a picture has to be for its legend.
pub(super) fn width(shown: &Shown, plan: bool) -> i32 {
    let entries = entries(shown, plan);
    let widths = entries.iter().map(|(_, _, words)| entry_width(words));
    2 * LEFT + widths.sum::<i32>()
}

/// How high it is.
pub(super) fn height(shown: &Shown) -> i32 {
    let is_empty = shown.states.is_empty() && !shown.undeclared;
    if is_empty { 4 } else { 36 }
}

/// The legend, where it begins.
pub(super) fn legend(shown: &Shown, plan: bool, y: i32) -> String {
    let mut out = String::new();
    let mut x = LEFT;
    for (class, sign, words) in entries(shown, plan) {
        out += &format!("<g class=\"legend {class}\">\n");
        if class == "undeclared" {
            let middle = y + 9;
            out += &format!(
                "<path class=\"way\" d=\"M{x} {middle} L{} {middle}\"/>\n",
                x + 36
            );
        } else {
            let at = format!("x=\"{x}\" y=\"{y}\" width=\"36\" height=\"18\"");
            out += &format!("<rect class=\"shape\" {at} rx=\"3\"/>\n");
            out += &text((x + 13, y + 14), "sign", 15, 20, sign);
        }
        out += &text((x + SWATCH, y + 13), "quiet", 12, entry_width(words), words);
        out += "</g>\n";
        x += entry_width(words);
    }
    out
}
