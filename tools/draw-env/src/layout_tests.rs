//! Whatever is drawn, nothing lies on anything else.

use mk_sg::plan::{Direction, Rule};
use plumbing::{Env, Record};

use super::*;
use crate::graph;
use crate::samples::{app, by_hand, groups, many, two_services};

/// How many points of a curve are looked at.
const STEPS: i32 = 40;

fn overlap(one: Rect, other: Rect) -> bool {
    one.x < other.right()
        && other.x < one.right()
        && one.y < other.bottom()
        && other.y < one.bottom()
}

fn is_within(point: (f64, f64), rect: Rect) -> bool {
    let (x, y) = point;
    let inside =
        |at: f64, from: i32, to: i32| at > f64::from(from) + 0.5 && at < f64::from(to) - 0.5;
    inside(x, rect.x, rect.right()) && inside(y, rect.y, rect.bottom())
}

/// Points of a line, close to each other.
fn along(points: &[Point]) -> Vec<(f64, f64)> {
    let mut along = Vec::new();
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (begin, end) = if from.y == to.y {
            (from.x, to.x)
        } else {
            bend(from, to)
        };
        for step in 0..=STEPS {
            let t = f64::from(step) / f64::from(STEPS);
            let cubic = |a: i32, b: i32, c: i32, d: i32| {
                let [a, b, c, d] = [a, b, c, d].map(f64::from);
                let u = 1.0 - t;
                a * u * u * u + 3.0 * b * u * u * t + 3.0 * c * u * t * t + d * t * t * t
            };
            along.push((
                cubic(from.x, begin, end, to.x),
                cubic(from.y, from.y, to.y, to.y),
            ));
        }
    }
    along
}

fn check(records: &[Record], by_somebody: &[(&str, Direction, Rule)]) {
    let mut groups = groups(records);
    groups.push(mk_sg::plan::Group {
        id: "sg-odd".into(), // of another name, and with our tag: found, and of no app
        name: "odd/one".into(),
        ..Default::default()
    });
    for (group, direction, rule) in by_somebody {
        by_hand(&mut groups, group, *direction, rule.clone());
    }
    let picture = graph::picture(&Env::example(), records, Some(&groups));
    let layout = layout(&picture);
    let (w, h) = (layout.w, layout.legend);
    let whole = Rect { x: 0, y: 0, w, h };
    for (at, placed) in layout.boxes.iter().enumerate() {
        for other in &layout.boxes[at + 1..] {
            let names = (&placed.node.id, &other.node.id);
            assert!(!overlap(placed.at, other.at), "{names:?}");
        }
        let Rect { x, y, .. } = placed.at;
        let corners = [(x, y), (placed.at.right(), placed.at.bottom())];
        for (x, y) in corners {
            assert!(is_within((x.into(), y.into()), whole), "{placed:?}");
        }
    }
    for wire in &layout.wires {
        for point in along(&wire.points) {
            let crossed = layout
                .boxes
                .iter()
                .find(|placed| is_within(point, placed.at));
            assert!(crossed.is_none(), "{:?} crosses {crossed:?}", wire.edge);
            assert!(is_within(point, whole), "{:?}", wire.edge);
        }
    }
    for label in &layout.labels {
        assert!(label.x + label.w <= w && label.y < h, "{label:?}");
    }
}

#[test]
fn nothing_lies_on_anything_else() {
    check(&two_services(), &[]);
    for count in [1, 2, 6, 30, 100] {
        check(&many(count), &[]);
    }
    check(&[app("web", true, &[])], &[]);
    check(&[Record::new("bucket", "artifacts")], &[]);
}

#[test]
fn nor_does_what_was_added_by_hand() {
    let to = |port, peer: &str| Rule::tcp(port, peer);
    let (inward, outward) = (Direction::Ingress, Direction::Egress);
    check(
        &many(12),
        &[
            ("sg-task/app-1", inward, to(22, "0.0.0.0/0")),
            ("sg-task/app-6", inward, to(22, "10.9.0.0/16")),
            ("sg-alb/app-6", inward, to(80, "sg-other")),
            ("sg-task/app-1", inward, to(1, "sg-task/app-1")),
            ("sg-task/app-1", outward, to(1, "sg-task/app-1")),
            ("sg-task/app-8", inward, to(1, "sg-task/app-1")),
            ("sg-task/app-1", outward, to(1, "sg-task/app-8")),
            ("sg-alb/app-1", outward, to(2, "sg-alb/app-6")),
            ("sg-alb/app-6", inward, to(2, "sg-alb/app-1")),
            ("sg-odd", outward, to(5000, "sg-task/app-1")),
            ("sg-task/app-1", inward, to(5000, "sg-odd")),
            ("sg-odd", inward, to(5000, "sg-task/app-1")),
            ("sg-task/app-1", outward, to(5000, "sg-odd")),
            ("sg-odd", inward, to(1, "sg-odd")),
            ("sg-odd", outward, to(1, "sg-odd")),
        ],
    );
}

#[test]
fn calls_in_circles_are_drawn() {
    let calls = |names: &[&str]| {
        names
            .iter()
            .map(|name| name.to_string())
            .collect::<Vec<_>>()
    };
    let records = [
        app("web", true, &calls(&["a", "c"])),
        app("a", false, &calls(&["b"])),
        app("b", false, &calls(&["c"])),
        app("c", false, &calls(&["a", "b"])),
        app("lone", false, &calls(&["other"])),
        app("other", false, &calls(&["lone"])),
    ];
    check(&records, &[]);
}

#[test]
fn what_apps_reach_outside_is_drawn_beside_them() {
    let database = "sg-0a1b2c3d4e5f60718";
    let reach = |record: Record, to: &[&str]| {
        let to: Vec<String> = to.iter().map(|peer| format!("tcp:5432={peer}")).collect();
        record.with("reach", to)
    };
    let web = app("web", true, &["api".to_string(), "deep".to_string()]);
    let records = [
        reach(web, &[database, "10.9.0.0/16"]),
        reach(
            app("api", false, &["deep".to_string()]),
            &[database, "sg-0a1b2c3d"],
        )
        .with("reach_from", vec!["sg-0a1b2c3d", "10.8.0.0/16"]),
        reach(app("deep", false, &[]), &["pl-0a1b2c3d"]),
        reach(app("jobs", false, &[]), &[database, "10.7.0.0/16"]).with("worker", true),
    ];
    check(&records, &[]);
    check(&records[3..], &[]);
    let mut all = two_services();
    all.extend(records);
    check(
        &all,
        &[(
            "sg-task/api",
            Direction::Egress,
            Rule::tcp(25, "10.6.0.0/16"),
        )],
    );
}
