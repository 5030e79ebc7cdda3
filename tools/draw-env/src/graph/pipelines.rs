//! From a push to what runs: source, build, repository, the service where it is deployed, and the
//! function that calls it production.

use std::collections::BTreeSet;

use super::node::Maker;
use crate::picture::{Chain, Node, Text};

/// A chain for each source.
pub(crate) fn pipelines(made: &mut Maker) -> Vec<Chain> {
    let mut names = BTreeSet::new();
    for kind in ["source", "pipeline", "build", "function"] {
        let of_kind = made.records.of_kind(kind);
        names.extend(of_kind.map(|(record, _)| record.name().to_string()));
    }
    names.iter().map(|name| chain(made, name)).collect()
}

fn chain(made: &mut Maker, name: &str) -> Chain {
    let [build, function, pipeline, events] =
        ["build", "function", "pipeline", "events"].map(|role| format!("{role}/{name}"));
    let of_pipeline = [
        ("role", pipeline.as_str()),
        ("rule", name),
        ("role", &events),
    ];
    let whole = made.node(("pipeline", name), &of_pipeline, true);
    let deploys = deploys(made, name);
    let mut steps = Vec::new();
    steps.extend(source(made, name));
    let of_build = [("role", build.as_str()), ("log_group", build.as_str())];
    let build = made.node(("build", name), &of_build, false);
    steps.extend(build.map(|node| with_line(node, "its Dockerfile")));
    steps.extend(made.node(("repo", name), &[], false));
    steps.extend(deploys.then(|| Node {
        id: format!("deploy/{name}"),
        caption: "deploy".into(),
        name: name.to_string(),
        lines: vec![Text::plain("rolls the service")],
        told: vec![format!("rolls service {name} to what was built")],
        ..Node::default()
    }));
    let of_function = [
        ("role", function.as_str()),
        ("log_group", function.as_str()),
    ];
    let function = made.node(("function", name), &of_function, false);
    steps.extend(function.map(|node| with_line(node, "tags it production")));
    let mut pipeline = whole.unwrap_or_default();
    pipeline.name = format!("pipeline {name}");
    Chain { pipeline, steps }
}

fn with_line(mut node: Node, line: &str) -> Node {
    node.lines.insert(0, Text::plain(line));
    node
}

/// Whether the service of the same name is deployed with what was built.
fn deploys(made: &Maker, name: &str) -> bool {
    let source = made.records.get("source", name);
    source.is_some_and(|(record, _)| record.0.get("deploy") == Some(&true.into()))
}

/// Where a source comes from, and what starts its pipeline.
fn source(made: &mut Maker, name: &str) -> Option<Node> {
    let node = made.node(("source", name), &[], false)?;
    let (record, _) = made.records.get("source", name)?;
    let text = |field, default| match record.text(field) {
        "" => default,
        text => text,
    };
    let started = match text("trigger", "connection") {
        "events" => "start: events",
        _ => "start: connection",
    };
    let lines = [
        Text::plain(format!("branch {}", text("branch", "main"))),
        Text::plain(started),
    ];
    Some(Node {
        name: text("repository", name).to_string(),
        told: vec![format!("source {name}: {}", text("repository", ""))],
        lines: lines.to_vec(),
        ..node
    })
}
