//! A picture as Mermaid, which GitHub and GitLab draw in a Markdown file.

use crate::links::{Link, alone, groups, heading, lines, links};
use crate::picture::{Kind, Node, Picture};
use crate::state::{STATES, State};
use crate::text::mermaid as quoted;

/// The picture.
pub(crate) fn mermaid(picture: &Picture) -> String {
    let links = links(picture);
    let number = |node: &Node| links.numbers[node.id.as_str()];
    let mut out = format!("%% {}: {}\nflowchart LR\n", picture.title, picture.subtitle);
    for (frame, within) in groups(picture) {
        let label = heading(frame);
        out += &format!("  subgraph g{}[\"{}\"]\n", number(frame), quoted(&label));
        for node in &within {
            out += &format!("    {}\n", boxed(number(node), node));
        }
        out += "  end\n";
    }
    for node in alone(picture) {
        out += &format!("  {}\n", boxed(number(node), node));
    }
    for link in &links.links {
        out += &format!("  {}\n", line(link));
    }
    for (at, link) in links.links.iter().enumerate() {
        if let Some(style) = line_style(link) {
            out += &format!("  linkStyle {at} {style}\n");
        }
    }
    out += &classes(picture, number);
    for note in &picture.notes {
        out += &format!("%% {}\n", quoted(&note.text));
    }
    out
}

fn boxed(number: usize, node: &Node) -> String {
    let label: Vec<String> = lines(node).iter().map(|line| quoted(line)).collect();
    let label = label.join("<br/>");
    match node.kind {
        Kind::Outside => format!("n{number}((\"{label}\"))"),
        Kind::Balancer => format!("n{number}([\"{label}\"])"),
        Kind::Service => format!("n{number}[[\"{label}\"]]"),
        Kind::Plain => format!("n{number}[\"{label}\"]"),
    }
}

/// A thick line is new, a dotted one goes or was not declared.
fn line(link: &Link) -> String {
    let arrow = match (link.state, link.undeclared) {
        (State::New, _) => "==>",
        (State::Gone | State::Unwanted, _) | (_, true) => "-.->",
        (State::Same | State::Changed, false) => "-->",
    };
    let mut label = quoted(&link.label);
    if link.undeclared {
        label += " not declared";
    }
    let label = if label.is_empty() {
        label
    } else {
        format!("|\"{label}\"|")
    };
    format!("n{} {arrow}{label} n{}", link.from, link.to)
}

fn line_style(link: &Link) -> Option<&'static str> {
    match (link.state, link.undeclared) {
        (_, true) => Some("stroke:#bf3989,stroke-width:3px"),
        (State::New, _) => Some("stroke:#1a7f37,stroke-width:3px"),
        (State::Gone, _) => Some("stroke:#cf222e"),
        (State::Unwanted, _) => Some("stroke:#8250df"),
        (State::Same | State::Changed, _) => None,
    }
}

/// The boxes that are not the same, with their colours and lines.
fn classes(picture: &Picture, number: impl Fn(&Node) -> usize) -> String {
    let mut out = String::new();
    for state in STATES {
        let style = match state {
            State::Same => continue,
            State::New => "stroke:#1a7f37,stroke-width:3px",
            State::Changed => "stroke:#9a6700,stroke-width:2px,stroke-dasharray:9 4",
            State::Gone => "stroke:#cf222e,stroke-width:2px,stroke-dasharray:2 4",
            State::Unwanted => "stroke:#8250df,stroke-width:2px,stroke-dasharray:10 4 2 4",
        };
        let frames: Vec<&str> = groups(picture)
            .iter()
            .map(|(frame, _)| frame.id.as_str())
            .collect();
        let nodes = picture
            .nodes()
            .into_iter()
            .filter(|node| node.state == state);
        let names: Vec<String> = nodes
            .map(|node| {
                let letter = if frames.contains(&node.id.as_str()) {
                    "g"
                } else {
                    "n"
                };
                format!("{letter}{}", number(node))
            })
            .collect();
        if !names.is_empty() {
            let word = state.word();
            out += &format!(
                "  classDef {word} {style}\n  class {} {word}\n",
                names.join(",")
            );
        }
    }
    out
}
