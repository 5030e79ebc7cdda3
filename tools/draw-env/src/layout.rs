//! Gives everything of a picture its place. Pure, and in whole pixels: the same picture is the same bytes
//! on every machine.

mod levels;
mod network;
mod parts;
mod traffic;

use crate::picture::{Chain, Node, Picture, Text};
use parts::height;
pub(crate) use parts::{Label, Layout, Placed, Point, Rect, bend};

const MARGIN: i32 = 28;
/// Between what is outside and the frame of the network, and within that.
const PAD: i32 = 38;
/// Of a pipeline's step, and of what is else there.
const STEP: i32 = 172;
const STEP_GAP: i32 = 30;
/// No picture is narrower.
const LEAST: i32 = 720;

/// Gives everything its place.
pub(crate) fn layout(picture: &Picture) -> Layout<'_> {
    let mut layout = Layout::default();
    let mut y = 92;
    y = environment(&mut layout, picture, y);
    for chain in &picture.pipelines {
        y = pipeline(&mut layout, chain, y);
    }
    layout.w = layout.w.max(LEAST);
    y = others(&mut layout, &picture.others, y);
    layout.w += MARGIN;
    y = notes(&mut layout, picture, y);
    let heading = |y, class, text: &str| Label {
        x: MARGIN,
        y,
        w: layout.w - 2 * MARGIN,
        class,
        text: Text::plain(text),
    };
    let title = heading(40, "title", &picture.title);
    let subtitle = heading(62, "quiet", &subtitle(picture));
    layout.labels.extend([title, subtitle]);
    layout.legend = y + 8;
    layout
}

fn subtitle(picture: &Picture) -> String {
    let plan = if picture.plan {
        "what a run would do: "
    } else {
        ""
    };
    format!("{plan}{}", picture.subtitle)
}

/// The apps, in the frame of the network, with the zones below; answers where they end.
fn environment<'a>(layout: &mut Layout<'a>, picture: &'a Picture, top: i32) -> i32 {
    let traffic = &picture.traffic;
    let network = picture.network.as_ref();
    if traffic.apps.is_empty() && network.is_none() {
        return top;
    }
    let gateway = network.and_then(|network| network.gateway.as_ref());
    let beside = !traffic.outside.is_empty() || gateway.is_some();
    let frame_x = if beside {
        MARGIN + traffic::OUTSIDE + PAD
    } else {
        MARGIN
    };
    let has_frame = network.is_some();
    let first = top + if has_frame { 44 } else { 0 };
    let places = traffic::places(traffic, MARGIN, frame_x + PAD, first);
    layout.boxes.extend(places.boxes);
    layout.wires.extend(places.wires);
    layout.w = layout.w.max(places.right + PAD);
    let Some(network) = network else {
        return places.bottom + 36;
    };
    let apps_end = if traffic.apps.is_empty() {
        first
    } else {
        places.bottom + 28
    };
    let w = (layout.w - frame_x).max(network::WIDTH);
    let end = network::zones(layout, network, MARGIN, (frame_x, apps_end, w));
    let at = Rect {
        x: frame_x,
        y: top,
        w,
        h: end - top,
    };
    layout.frames.insert(
        0,
        Placed {
            node: &network.vpc,
            at,
        },
    );
    layout.w = layout.w.max(at.right());
    end + 28
}

/// A pipeline's steps in their frame; answers where it ends.
fn pipeline<'a>(layout: &mut Layout<'a>, chain: &'a Chain, top: i32) -> i32 {
    let h = chain.steps.iter().map(height).max().unwrap_or_default();
    let mut x = MARGIN + 20;
    let y = top + 40;
    for (number, step) in chain.steps.iter().enumerate() {
        let at = Rect { x, y, w: STEP, h };
        if number > 0 {
            let before = Point::new(x - STEP_GAP, at.middle(), 1);
            layout
                .arrows
                .push(vec![before, Point::new(x, at.middle(), 1)]);
        }
        layout.boxes.push(Placed { node: step, at });
        x = at.right() + STEP_GAP;
    }
    let w = (x - STEP_GAP + 20 - MARGIN).max(STEP);
    let at = Rect {
        x: MARGIN,
        y: top,
        w,
        h: h + 58,
    };
    let node = &chain.pipeline;
    layout.frames.push(Placed { node, at });
    layout.w = layout.w.max(at.right());
    at.bottom() + 24
}

/// What else there is, in rows; answers where they end.
fn others<'a>(layout: &mut Layout<'a>, others: &'a [Node], top: i32) -> i32 {
    if others.is_empty() {
        return top;
    }
    let across = ((layout.w - MARGIN + 16) / (STEP + 16)).max(1) as usize;
    let mut y = top;
    for row in others.chunks(across) {
        let h = row.iter().map(height).max().unwrap_or_default();
        for (number, node) in row.iter().enumerate() {
            let x = MARGIN + number as i32 * (STEP + 16);
            let at = Rect { x, y, w: STEP, h };
            layout.boxes.push(Placed { node, at });
        }
        y += h + 14;
    }
    y + 12
}

/// What a picture cannot show; answers where it ends.
fn notes(layout: &mut Layout, picture: &Picture, top: i32) -> i32 {
    let mut y = top + 8;
    for note in &picture.notes {
        let text = Text::loud_if(note.stands_out, note.text.as_str());
        layout.labels.push(Label {
            x: MARGIN,
            y,
            w: layout.w - 2 * MARGIN,
            class: "quiet",
            text,
        });
        y += 18;
    }
    y
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
