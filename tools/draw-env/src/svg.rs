//! A picture as SVG: one file, no scripts, no fonts, readable in the light and in the dark.
//!
//! What it shows can be read back: an edge carries `data-from`, `data-to`, `data-ports`, `data-declared`
//! and `data-state`, a box `data-id` and `data-state`.

mod legend;

use crate::layout::{Label, Layout, Placed, Point, Rect, bend, layout};
use crate::picture::{Edge, Kind, Picture, Tone};
use crate::state::{STATES, State};
use crate::text::{cut, xml};

/// How wide a cell of a fixed-width font is at most, in thousandths of its size.
const CELL: i32 = 625;
/// No more tasks than these are drawn as squares.
const SQUARES: u64 = 6;

/// The picture.
pub(crate) fn svg(picture: &Picture) -> String {
    let layout = layout(picture);
    let shown = legend::shown(picture);
    let w = layout.w.max(legend::width(&shown, picture.plan));
    let h = layout.legend + legend::height(&shown);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\">\n"
    );
    out += &format!("<title>{}</title>\n", xml(&picture.title));
    out += &format!("<style>\n{}</style>\n", include_str!("svg.css"));
    out += &format!("<defs>\n{}</defs>\n", tips());
    out += &format!("<rect class=\"ground\" width=\"{w}\" height=\"{h}\"/>\n");
    for frame in &layout.frames {
        out += &framed(frame);
    }
    for band in &layout.bands {
        out += &format!("<rect class=\"band\" {} rx=\"6\"/>\n", rect(*band));
    }
    out += &arrows(&layout);
    for wire in &layout.wires {
        out += &wired(wire.edge, &wire.points);
    }
    for placed in &layout.boxes {
        out += &boxed(placed);
    }
    for label in &layout.labels {
        out += &label_text(label);
    }
    out += &legend::legend(&shown, picture.plan, layout.legend);
    out + "</svg>\n"
}

/// The tips of lines, one for each colour.
fn tips() -> String {
    let mut tips = String::new();
    let classes = STATES.map(State::word).into_iter().chain(["undeclared"]);
    for class in classes {
        tips += &format!(
            "<marker id=\"tip-{class}\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"9\" \
             markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
             <path class=\"tip {class}\" d=\"M0 0 8 4 0 8Z\"/></marker>\n"
        );
    }
    tips
}

fn rect(Rect { x, y, w, h }: Rect) -> String {
    format!("x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"")
}

/// A text that fits into a width.
fn text(at: (i32, i32), class: &str, size: i32, w: i32, text: &str) -> String {
    let cells = (w * 1000 / (size * CELL)).max(1) as usize;
    let (x, y) = at;
    let shown = xml(&cut(text, cells));
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{shown}</text>\n")
}

fn label_text(label: &Label) -> String {
    let size = if label.class == "title" { 20 } else { 12 };
    let class = match label.text.tone {
        Tone::Quiet => label.class,
        tone => tone_class(tone),
    };
    let shown = text((label.x, label.y), class, size, label.w, &label.text.text);
    let whole = xml(&label.text.text);
    format!("<g><title>{whole}</title>{shown}</g>\n")
}

fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Quiet => "quiet",
        Tone::Change => "change",
        Tone::Loud => "loud",
    }
}

/// A box that has others in it: its name is at its top.
fn framed(Placed { node, at }: &Placed) -> String {
    let state = node.state.word();
    let mut out = format!("<g class=\"{state}\" {}>\n", data(node));
    out += &title(&node.name, &node.told);
    out += &format!(
        "<rect class=\"shape frame {state}\" {} rx=\"8\"/>\n",
        rect(*at)
    );
    let mut name = format!("{} {}", node.state.sign(), node.name);
    for line in &node.lines {
        name += &format!(" · {}", line.text);
    }
    out += &text((at.x + 14, at.y + 22), "name", 13, at.w - 28, name.trim());
    out + "</g>\n"
}

fn data(node: &crate::picture::Node) -> String {
    let (id, state) = (xml(&node.id), node.state.word());
    format!("data-id=\"{id}\" data-state=\"{state}\"")
}

/// What a browser shows where the pointer is.
fn title(name: &str, told: &[String]) -> String {
    let lines: Vec<String> = told.iter().map(|line| xml(line)).collect();
    let all = if lines.is_empty() {
        xml(name)
    } else {
        lines.join("\n")
    };
    format!("<title>{all}</title>\n")
}

fn boxed(Placed { node, at }: &Placed) -> String {
    let state = node.state.word();
    let round = match node.kind {
        Kind::Outside | Kind::Balancer => 18,
        Kind::Service | Kind::Plain => 3,
    };
    let mut out = format!("<g class=\"{state}\" {}>\n", data(node));
    out += &title(&node.name, &node.told);
    out += &format!("<rect class=\"shape\" {} rx=\"{round}\"/>\n", rect(*at));
    let (x, w) = (at.x + 14, at.w - 28);
    let squares = node.tasks.min(SQUARES) as i32;
    out += &text(
        (x, at.y + 18),
        "quiet",
        12,
        w - 20 - 12 * squares,
        &node.caption,
    );
    for number in 0..squares {
        let end = at.right() - if node.state == State::Same { 14 } else { 32 };
        let x = end - 12 * (squares - 1 - number) - 9;
        let y = at.y + 9;
        out += &format!(
            "<rect class=\"task\" x=\"{x}\" y=\"{y}\" width=\"9\" height=\"9\" rx=\"2\"/>\n"
        );
    }
    if node.state != State::Same {
        let sign = node.state.sign();
        out += &text((at.right() - 24, at.y + 20), "sign", 15, 15, sign);
    }
    out += &text((x, at.y + 36), "name", 13, w, &node.name);
    for (number, line) in node.lines.iter().enumerate() {
        let class = tone_class(line.tone);
        let y = at.y + 53 + 15 * number as i32;
        out += &text((x, y), class, 12, w, &line.text);
    }
    for edge in &node.sends {
        out += &format!("<g class=\"sends\" {}/>\n", edge_data(edge));
    }
    out + "</g>\n"
}

fn edge_data(edge: &Edge) -> String {
    format!(
        "data-from=\"{}\" data-to=\"{}\" data-ports=\"{}\" data-declared=\"{}\" data-state=\"{}\"",
        xml(&edge.from),
        xml(&edge.to),
        xml(&edge.ports.join(", ")),
        if edge.declared { "yes" } else { "no" },
        edge.state.word()
    )
}

/// The class of an edge: what it becomes, unless somebody should look at it.
pub(crate) fn class(edge: &Edge) -> &'static str {
    if crate::graph::is_explained(edge) {
        edge.state.word()
    } else {
        "undeclared"
    }
}

fn wired(edge: &Edge, points: &[Point]) -> String {
    let class = class(edge);
    let mut words = edge.words();
    if class == "undeclared" {
        words += " (not declared by an app, or added by hand)";
    }
    format!(
        "<g class=\"edge {class}\" {}><title>{}</title><path class=\"way\" d=\"{}\" marker-end=\"url(#tip-{class})\"/></g>\n",
        edge_data(edge),
        xml(&words),
        path(points)
    )
}

fn arrows(layout: &Layout) -> String {
    let ways = layout.arrows.iter().map(|points| {
        let path = path(points);
        format!("<path class=\"way\" d=\"{path}\" marker-end=\"url(#tip-same)\"/>\n")
    });
    ways.collect()
}

/// A smooth way through points: each is passed level.
fn path(points: &[Point]) -> String {
    let Some(first) = points.first() else {
        return String::new();
    };
    let mut path = format!("M{} {}", first.x, first.y);
    for pair in points.windows(2) {
        let [from, to] = pair else { continue };
        if from.y == to.y {
            path += &format!(" L{} {}", to.x, to.y);
            continue;
        }
        let (begin, end) = bend(*from, *to);
        path += &format!(" C{begin} {} {end} {} {} {}", from.y, to.y, to.x, to.y);
    }
    path
}

#[cfg(test)]
#[path = "svg_tests.rs"]
mod tests;
