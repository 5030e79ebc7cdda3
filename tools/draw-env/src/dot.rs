//! A picture as dot, for Graphviz.

use crate::links::{Link, alone, groups, heading, lines, links};
use crate::picture::{Kind, Node, Picture};
use crate::state::State;
use crate::text::dot as quoted;

/// The picture.
pub(crate) fn dot(picture: &Picture) -> String {
    let links = links(picture);
    let number = |node: &Node| links.numbers[node.id.as_str()];
    let title = quoted(&format!("{}: {}", picture.title, picture.subtitle));
    let mut out = format!(
        "digraph \"{title}\" {{\n  rankdir=LR\n  label=\"{title}\"\n  labelloc=t\n  node [fontname=monospace]\n  edge [fontname=monospace]\n  graph [fontname=monospace]\n"
    );
    for (frame, within) in groups(picture) {
        let label = quoted(&heading(frame));
        let style = style(frame.state);
        let number_of_frame = number(frame);
        out += &format!(
            "  subgraph cluster_{number_of_frame} {{\n    label=\"{label}\"\n    {style}\n"
        );
        for node in &within {
            out += &format!("    {}\n", boxed(number(node), node));
        }
        out += "  }\n";
    }
    for node in alone(picture) {
        out += &format!("  {}\n", boxed(number(node), node));
    }
    for link in &links.links {
        out += &format!("  {}\n", line(link));
    }
    for note in &picture.notes {
        out += &format!("  // {}\n", quoted(&note.text));
    }
    out + "}\n"
}

fn boxed(number: usize, node: &Node) -> String {
    let label: Vec<String> = lines(node).iter().map(|line| quoted(line)).collect();
    let shape = match node.kind {
        Kind::Outside => "ellipse",
        Kind::Balancer => "octagon",
        Kind::Service => "box3d",
        Kind::Plain => "box",
    };
    let style = style(node.state).replace('\n', " ");
    format!(
        "n{number} [shape={shape} label=\"{}\" {style}]",
        label.join("\\n")
    )
}

fn style(state: State) -> &'static str {
    match state {
        State::Same => "style=solid",
        State::New => "style=bold color=\"#1a7f37\" penwidth=3",
        State::Changed => "style=dashed color=\"#9a6700\" penwidth=2",
        State::Gone => "style=dotted color=\"#cf222e\" penwidth=2",
        State::Unwanted => "style=\"dashed,rounded\" color=\"#8250df\" penwidth=2",
    }
}

fn line(link: &Link) -> String {
    let mut label = link.label.clone();
    if link.undeclared {
        label += " not declared";
    }
    let style = if link.undeclared {
        "style=dashed color=\"#bf3989\" penwidth=3"
    } else {
        style(link.state)
    };
    let (from, to) = (link.from, link.to);
    format!("n{from} -> n{to} [label=\"{}\" {style}]", quoted(&label))
}
