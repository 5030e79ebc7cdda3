//! What has a place in a picture. All lengths are pixels.

use crate::picture::{Edge, Node, Text};

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) w: i32,
    pub(crate) h: i32,
}

impl Rect {
    pub(crate) fn right(&self) -> i32 {
        self.x + self.w
    }

    pub(crate) fn bottom(&self) -> i32 {
        self.y + self.h
    }

    pub(crate) fn middle(&self) -> i32 {
        self.y + self.h / 2
    }
}

/// A point of a line, and which way the line passes it: 1 to the right, -1 to the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) way: i32,
}

impl Point {
    pub(crate) fn new(x: i32, y: i32, way: i32) -> Self {
        Point { x, y, way }
    }
}

/// Where a curve from one point to another is drawn to from both: each is passed level.
pub(crate) fn bend(from: Point, to: Point) -> (i32, i32) {
    let bend = ((to.x - from.x).abs() / 2).max(26);
    (from.x + from.way * bend, to.x - to.way * bend)
}

/// A box in its place. A frame has others in it, and its name at its top.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) node: &'a Node,
    pub(crate) at: Rect,
}

/// An edge in its place.
#[derive(Clone, Debug)]
pub(crate) struct Wire<'a> {
    pub(crate) edge: &'a Edge,
    pub(crate) points: Vec<Point>,
}

/// A line of text in its place: its left end and its base.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) x: i32,
    pub(crate) y: i32,
    /// How wide it may be.
    pub(crate) w: i32,
    pub(crate) class: &'static str,
    pub(crate) text: Text,
}

/// A picture in which everything has its place.
#[derive(Debug, Default)]
pub(crate) struct Layout<'a> {
    pub(crate) w: i32,
    pub(crate) frames: Vec<Placed<'a>>,
    /// Bands of the zones.
    pub(crate) bands: Vec<Rect>,
    pub(crate) boxes: Vec<Placed<'a>>,
    pub(crate) wires: Vec<Wire<'a>>,
    /// What follows what, or leaves by what.
    pub(crate) arrows: Vec<Vec<Point>>,
    pub(crate) labels: Vec<Label>,
    /// Where everything else ends and the legend begins.
    pub(crate) legend: i32,
}

/// How high a box is for what it says.
pub(crate) fn height(node: &Node) -> i32 {
    48 + 15 * node.lines.len() as i32
}
