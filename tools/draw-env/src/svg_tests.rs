//! The picture is read back.

use std::collections::BTreeSet;

use mk_sg::plan::{Direction, Rule};
use plumbing::{Env, Record};
use roxmltree::{Document, Node as Element};

use super::*;
use crate::graph;
use crate::samples::{app, by_hand, groups, many, record, two_services};
use crate::text::width;

fn drawn(records: &[Record], groups: Option<&[mk_sg::plan::Group]>) -> String {
    svg(&graph::picture(&Env::example(), records, groups))
}

fn number(element: Element, attribute: &str) -> i32 {
    element.attribute(attribute).unwrap().parse().unwrap()
}

fn size(text: Element) -> i32 {
    match text.attribute("class").unwrap() {
        "title" => 20,
        "sign" => 15,
        "name" => 13,
        _ => 12,
    }
}

/// Asserts that every text is within its box, or else within the picture.
fn texts_fit(svg: &str) {
    let document = Document::parse(svg).unwrap();
    let root = document.root_element();
    for text in document
        .descendants()
        .filter(|one| one.has_tag_name("text"))
    {
        let shown = text.text().unwrap_or_default();
        let end = number(text, "x") + width(shown) as i32 * size(text) * CELL / 1000;
        let group = text.parent().unwrap();
        let is_legend = group
            .attribute("class")
            .is_some_and(|class| class.starts_with("legend"));
        let shape = group.children().find(|one| one.has_tag_name("rect"));
        let (right, bottom) = match shape.filter(|_| !is_legend) {
            Some(shape) => (
                number(shape, "x") + number(shape, "width"),
                number(shape, "y") + number(shape, "height"),
            ),
            None => (number(root, "width"), number(root, "height")),
        };
        assert!(end <= right - 4, "{shown} ends at {end} of {right}");
        assert!(number(text, "y") <= bottom - 4, "{shown} below {bottom}");
    }
}

#[test]
fn texts_fit_whatever_is_called_how() {
    texts_fit(&drawn(&two_services(), None));
    for count in [1, 6, 30] {
        texts_fit(&drawn(&many(count), None));
    }
    let long = "日本".repeat(60) + &"W".repeat(300);
    let odd = [
        Record::new("bucket", &long).with("status", long.as_str()),
        Record::new(&long, "x"),
        Record::new("source", &long).with("repository", long.as_str()),
        Record::new("vpc", "main")
            .with("id", "vpc-1")
            .with("cidr", long.as_str()),
        Record::new("subnet", "public-a").with("id", long.as_str()),
        Record::new("surplus", "x")
            .with("owner", "x")
            .with("what", long.as_str()),
        app("web", true, &[]).with("image", long.as_str()),
    ];
    texts_fit(&drawn(&odd, None));
}

#[test]
fn edges_are_read_back_and_what_nobody_declared_is_told() {
    let records = two_services();
    let mut groups = groups(&records);
    by_hand(
        &mut groups,
        "sg-task/api",
        Direction::Ingress,
        Rule::tcp(22, "0.0.0.0/0"),
    );
    let svg = drawn(&records, Some(&groups));
    let document = Document::parse(&svg).unwrap();
    let edges = document
        .descendants()
        .filter(|one| one.attribute("data-from").is_some());
    let told = edges.map(|edge| {
        let of = |what: &str| edge.attribute(what).unwrap().to_string();
        ["data-from", "data-to", "data-ports", "data-declared"]
            .map(of)
            .join(" ")
    });
    let expected = [
        "alb/api task/api tcp 5000 yes",
        "alb/web task/web tcp 5000 yes",
        "internet alb/web tcp 80 yes",
        "outside/0.0.0.0/0 task/api tcp 22 no",
        "task/api outside/0.0.0.0/0 tcp 443 yes",
        "task/web alb/api tcp 80 yes",
        "task/web outside/0.0.0.0/0 tcp 443 yes",
    ];
    assert_eq!(
        told.collect::<BTreeSet<_>>(),
        expected.map(String::from).into()
    );
    assert!(svg.contains("not declared by an app, or added by hand: 0.0.0.0/0 → task/api: tcp 22"));
}

#[test]
fn what_becomes_of_a_thing_shows_in_more_than_its_colour() {
    let records = [
        record(
            r#"{"type":"alb","name":"web","arn":"a","dns":"d","scheme":"internal","change":"create"}"#,
        ),
        record(
            r#"{"type":"service","name":"web","arn":"a","cluster":"c","task_definition":"t","count":3,"change":"update","changes":[{"field":"count","old":"2","new":"3"}]}"#,
        ),
        record(r#"{"type":"bucket","name":"artifacts","change":"delete"}"#),
        record(r#"{"type":"repo","name":"web","change":"kept"}"#),
        record(
            r#"{"type":"unwanted","name":"cluster/main","record":{"type":"cluster","name":"main"}}"#,
        ),
    ];
    let plan = Env {
        plan: true,
        ..Env::example()
    };
    let svg = svg(&graph::picture(&plan, &records, None));
    let document = Document::parse(&svg).unwrap();
    for (id, state, sign) in [
        ("alb/web", "new", "+"),
        ("task/web", "changed", "~"),
        ("other/bucket/artifacts", "gone", "−"),
        ("other/repo/web", "same", ""),
        ("other/cluster/main", "unwanted", "?"),
    ] {
        let found = document
            .descendants()
            .find(|one| one.attribute("data-id") == Some(id));
        let found = found.unwrap_or_else(|| panic!("{id} in {svg}"));
        assert_eq!(found.attribute("data-state"), Some(state), "{id}");
        let texts = found
            .children()
            .filter(|one| one.attribute("class") == Some("sign"));
        let signs: String = texts.filter_map(|text| text.text()).collect();
        assert_eq!(signs, sign, "{id}");
    }
    for words in [
        "count: 2 → 3",
        "to be created",
        "to be deleted",
        "what a run would do",
    ] {
        assert!(svg.contains(words), "{words}");
    }
}

#[test]
fn the_same_records_are_the_same_bytes_in_whatever_order_they_come() {
    for mut records in [two_services(), many(30)] {
        let mut groups = groups(&records);
        let draw = |records: &[Record], groups: &[mk_sg::plan::Group]| {
            [
                crate::Format::Svg,
                crate::Format::Mermaid,
                crate::Format::Dot,
            ]
            .map(|format| crate::draw(&Env::example(), records, Some(groups), format))
        };
        let first = draw(&records, &groups);
        for turn in [1, 7, 13] {
            records.rotate_left(turn);
            groups.rotate_right(1);
            assert_eq!(draw(&records, &groups), first);
            records.reverse();
            groups.reverse();
            assert_eq!(draw(&records, &groups), first);
        }
    }
}

#[test]
fn strangers_texts_stay_texts_in_every_format() {
    let odd = "a\"b'<c>&d\n\u{202e}\\N]]> --> #quot; {x} |y| %% \u{1b}[2J";
    let records = [
        app("web", true, &[]).with("image", odd),
        Record::new(odd, odd).with("status", odd).with("id", odd),
        Record::new("source", odd)
            .with("repository", odd)
            .with("branch", odd),
        Record::new("surplus", odd)
            .with("owner", "x")
            .with("what", odd),
        Record::new("vpc", "main").with("id", odd).with("cidr", odd),
        Record::new("subnet", &format!("public-{odd}")).with("id", odd),
    ];
    let draw = |format| crate::draw(&Env::example(), &records, None, format);
    let svg = draw(crate::Format::Svg);
    let document = Document::parse(&svg).unwrap();
    let names: BTreeSet<&str> = document
        .descendants()
        .map(|one| one.tag_name().name())
        .collect();
    let known = [
        "", "defs", "g", "marker", "path", "rect", "style", "svg", "text", "title",
    ];
    assert_eq!(names, BTreeSet::from(known));
    let all = [svg, draw(crate::Format::Mermaid), draw(crate::Format::Dot)];
    for picture in &all {
        let drives = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!picture.contains(drives), "{picture}");
    }
    for line in all[1].lines().filter(|line| line.contains('"')) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
        let label = line.split('"').nth(1).unwrap().replace("<br/>", "");
        assert!(!label.contains(['<', '>', '{', '|', '%', '\\']), "{line}");
    }
    for line in all[2].lines() {
        let quotes = line
            .replace("\\\\", "")
            .replace("\\\"", "")
            .matches('"')
            .count();
        assert_eq!(quotes % 2, 0, "{line}");
    }
}
