//! The places of the apps, and the ways of the edges between them.
//!
//! Levels stand side by side: at 0 what is outside, then those of the apps; what these reach outside, and
//! is reached by nobody there, stands right of them. A level of apps has two
//! columns, of load balancers and of services. An edge that passes a level has a lane in it, between the
//! boxes, so that no line crosses a box.

use std::collections::BTreeMap;

use super::levels::{Calls, columns, order};
use super::parts::{Placed, Point, Rect, Wire, height};
use crate::picture::{App, Edge, Node, Traffic};

/// How wide what is outside is.
pub(crate) const OUTSIDE: i32 = 168;
const BALANCER: i32 = 176;
const SERVICE: i32 = 196;
/// Between load balancer and service, and between levels.
const INNER: i32 = 40;
const OUTER: i32 = 76;
/// Between the boxes of a level, and around a lane.
const GAP: i32 = 20;
const LANE: i32 = 12;

/// Where everything is.
#[derive(Debug, Default)]
pub(crate) struct Places<'a> {
    pub(crate) boxes: Vec<Placed<'a>>,
    pub(crate) wires: Vec<Wire<'a>>,
    /// The rightmost end of a box, and the lowest.
    pub(crate) right: i32,
    pub(crate) bottom: i32,
}

/// Something in a level.
#[derive(Clone, Copy, Debug)]
enum Item<'a> {
    Outside(&'a Node),
    App(&'a App),
    Lane,
}

/// What is in which level, and the way of each edge through these.
struct Grid<'a> {
    items: Vec<Item<'a>>,
    levels: Vec<Vec<usize>>,
    /// By the IDs of boxes: the item and the column.
    ends: BTreeMap<&'a str, (usize, usize)>,
    links: Vec<(usize, usize)>,
    /// For each edge and each column that it passes: its lane.
    lanes: Vec<Vec<(usize, usize)>>,
}

/// Finds a place for all of it; `left` and `top` are where the first level of apps begins.
pub(crate) fn places<'a>(traffic: &'a Traffic, margin: i32, left: i32, top: i32) -> Places<'a> {
    let mut grid = grid(traffic);
    for edge in &traffic.edges {
        grid.add_lanes(edge);
    }
    let levels = order(std::mem::take(&mut grid.levels), &grid.links);
    let (rows, bottom) = rows(&grid.items, &levels, top);
    let mut places = Places {
        bottom,
        ..Places::default()
    };
    let column = |column: usize| match column {
        0 => (margin, OUTSIDE),
        _ => {
            let pitch = BALANCER + INNER + SERVICE + OUTER;
            let x = left + pitch * ((column as i32 - 1) / 2);
            match column % 2 {
                1 => (x, BALANCER),
                _ => (x + BALANCER + INNER, SERVICE),
            }
        }
    };
    let mut at: BTreeMap<&str, Rect> = BTreeMap::new();
    for node in nodes(traffic) {
        let (item, of_column) = grid.ends[node.id.as_str()];
        let ((x, w), (y, h)) = (column(of_column), rows[item]);
        let rect = Rect { x, y, w, h };
        at.insert(&node.id, rect);
        places.right = places.right.max(rect.right());
        places.boxes.push(Placed { node, at: rect });
    }
    let mut ways: Vec<Vec<Point>> = Vec::new();
    for (edge, lanes) in traffic.edges.iter().zip(&grid.lanes) {
        let (from, to) = (at[edge.from.as_str()], at[edge.to.as_str()]);
        let back = grid.ends[edge.to.as_str()].1 <= grid.ends[edge.from.as_str()].1;
        let mut way = vec![Point::new(from.right(), from.middle(), 1)];
        for (item, of_column) in lanes {
            let ((x, w), (y, h)) = (column(*of_column), rows[*item]);
            let (near, far, turn) = if back { (x + w, x, -1) } else { (x, x + w, 1) };
            way.extend([near, far].map(|x| Point::new(x, y + h / 2, turn)));
        }
        way.push(Point::new(to.x, to.middle(), 1));
        ways.push(way);
    }
    spread(&traffic.edges, &at, &mut ways);
    let wires = traffic.edges.iter().zip(ways);
    places.wires = wires.map(|(edge, points)| Wire { edge, points }).collect();
    places
}

/// Every box.
fn nodes(traffic: &Traffic) -> impl Iterator<Item = &Node> {
    let apps = traffic.apps.values();
    let of_apps = apps.flat_map(|app| app.balancer.iter().chain(&app.service));
    traffic.outside.values().chain(of_apps)
}

/// Puts everything into levels.
fn grid(traffic: &Traffic) -> Grid<'_> {
    let names: Vec<&String> = traffic.apps.keys().collect();
    let number = |id: &str| {
        let app = id.strip_prefix("alb/").or(id.strip_prefix("task/"))?;
        names.binary_search_by(|name| name.as_str().cmp(app)).ok()
    };
    let (mut calls, mut called) = (Calls::new(), vec![false; names.len()]);
    let mut entered = vec![false; names.len()];
    for edge in &traffic.edges {
        match (number(&edge.from), number(&edge.to)) {
            (Some(from), Some(to)) if from != to => {
                calls.entry(from).or_default().insert(to);
                called[to] = true;
            }
            (None, Some(to)) => entered[to] |= edge.from == "internet",
            _ => {}
        }
    }
    let mut first: Vec<usize> = (0..names.len()).collect();
    first.sort_by_key(|app| (!entered[*app], called[*app], *app));
    let columns = columns(names.len(), &calls, &first);
    let level_of = |node: &Node| level_of(traffic, node, |id| number(id).map(|app| columns[app]));
    let levels = traffic.outside.values().map(level_of);
    let last = levels.chain(columns.iter().map(|column| column + 1)).max();
    let mut grid = Grid {
        items: Vec::new(),
        levels: vec![Vec::new(); last.map_or(1, |last| last + 1)],
        ends: BTreeMap::new(),
        links: Vec::new(),
        lanes: Vec::new(),
    };
    for node in traffic.outside.values() {
        let level = level_of(node);
        let item = grid.add(level, Item::Outside(node));
        grid.ends
            .insert(&node.id, (item, (2 * level).saturating_sub(1)));
    }
    for (app, level) in traffic.apps.values().zip(columns) {
        let item = grid.add(level + 1, Item::App(app));
        for (node, column) in [
            (&app.balancer, 2 * level + 1),
            (&app.service, 2 * level + 2),
        ] {
            if let Some(node) = node {
                grid.ends.insert(&node.id, (item, column));
            }
        }
    }
    grid
}

/// The level of what is outside: 0, or that after all apps that reach it, where it reaches nobody itself.
fn level_of(traffic: &Traffic, node: &Node, column: impl Fn(&str) -> Option<usize>) -> usize {
    if traffic.edges.iter().any(|edge| edge.from == node.id) {
        return 0;
    }
    let reaching = traffic.edges.iter().filter(|edge| edge.to == node.id);
    let last = reaching.filter_map(|edge| column(&edge.from)).max();
    last.map_or(0, |column| column + 2)
}

impl<'a> Grid<'a> {
    fn add(&mut self, level: usize, item: Item<'a>) -> usize {
        self.items.push(item);
        self.levels[level].push(self.items.len() - 1);
        self.items.len() - 1
    }

    /// Gives an edge a lane in each level that it passes: those between its ends, or where it goes back,
    /// those of its ends as well.
    fn add_lanes(&mut self, edge: &Edge) {
        let (from, first) = self.ends[edge.from.as_str()];
        let (to, last) = self.ends[edge.to.as_str()];
        let passed: Vec<usize> = if last > first {
            (first + 1..last).collect()
        } else {
            (last..=first).rev().collect()
        };
        let (mut lanes, mut before, mut level) = (Vec::new(), from, first.div_ceil(2));
        for column in passed {
            let of_column = column.div_ceil(2);
            if lanes.is_empty() || of_column != level {
                let lane = self.add(of_column, Item::Lane);
                if of_column != level {
                    self.links.push((before, lane));
                }
                (before, level) = (lane, of_column);
            }
            lanes.push((before, column));
        }
        if last.div_ceil(2) != level {
            self.links.push((before, to));
        }
        self.lanes.push(lanes);
    }
}

/// The top and the height of each item, and the end of the highest level; each level is in the middle.
fn rows(items: &[Item], levels: &[Vec<usize>], top: i32) -> (Vec<(i32, i32)>, i32) {
    let item_height = |item: &usize| match items[*item] {
        Item::Outside(node) => height(node),
        Item::App(app) => {
            let boxes = app.balancer.iter().chain(&app.service);
            boxes.map(height).max().unwrap_or_default()
        }
        Item::Lane => LANE,
    };
    let level_height = |level: &Vec<usize>| {
        let heights: i32 = level.iter().map(item_height).sum();
        heights + GAP * (level.len() as i32 - 1).max(0)
    };
    let most = levels.iter().map(level_height).max().unwrap_or_default();
    let mut rows = vec![(0, 0); items.len()];
    for level in levels {
        let mut y = top + (most - level_height(level)) / 2;
        for item in level {
            rows[*item] = (y, item_height(item));
            y += item_height(item) + GAP;
        }
    }
    (rows, top + most)
}

/// Spreads the edges that begin or end at one side of a box over that side, in the order of where they
/// come from or go to.
fn spread(edges: &[Edge], at: &BTreeMap<&str, Rect>, ways: &mut [Vec<Point>]) {
    let mut sides: BTreeMap<(&str, bool), Vec<(i32, usize)>> = BTreeMap::new();
    for (number, (edge, way)) in edges.iter().zip(ways.iter()).enumerate() {
        let (second, last_but_one) = (way[1].y, way[way.len() - 2].y);
        let begins = sides.entry((&edge.from, true)).or_default();
        begins.push((second, number));
        let ends = sides.entry((&edge.to, false)).or_default();
        ends.push((last_but_one, number));
    }
    for ((id, begins), mut of_side) in sides {
        of_side.sort_unstable();
        let (Rect { y, h, .. }, count) = (at[id], of_side.len() as i32);
        for (place, (_, number)) in of_side.into_iter().enumerate() {
            let way = &mut ways[number];
            let end = if begins { 0 } else { way.len() - 1 };
            way[end].y = y + h * (place as i32 + 1) / (count + 1);
        }
    }
}
