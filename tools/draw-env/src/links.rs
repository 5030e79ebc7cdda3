//! What Mermaid and dot are told of a picture alike: its boxes by number, and the lines between them. Both
//! lay it out by themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::picture::{Edge, Node, Picture};
use crate::state::State;

/// A line between two boxes.
pub(crate) struct Link {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) label: String,
    pub(crate) state: State,
    pub(crate) undeclared: bool,
}

/// The number of each box by its ID, and all lines.
pub(crate) struct Links<'a> {
    pub(crate) numbers: BTreeMap<&'a str, usize>,
    pub(crate) links: Vec<Link>,
}

/// Boxes that stand together: the name of the group, and what is in it.
pub(crate) type Group<'a> = (&'a Node, Vec<&'a Node>);

/// Numbers all boxes, and collects what is between them.
pub(crate) fn links(picture: &Picture) -> Links<'_> {
    let nodes = picture.nodes().into_iter().enumerate();
    let numbers: BTreeMap<&str, usize> = nodes.map(|(at, node)| (node.id.as_str(), at)).collect();
    let mut links = Links {
        numbers,
        links: Vec::new(),
    };
    for edge in &picture.traffic.edges {
        links.add_edge(edge);
    }
    if let Some(network) = &picture.network {
        for zone in &network.zones {
            if let (Some(private), Some(nat)) = (&zone.private, &zone.leaves_by) {
                links.add_step(&private.id, nat);
            }
            if let (Some(nat), Some(gateway)) = (&zone.nat, &network.gateway) {
                links.add_step(&nat.id, &gateway.id);
            }
        }
    }
    for chain in &picture.pipelines {
        for steps in chain.steps.windows(2) {
            links.add_step(&steps[0].id, &steps[1].id);
        }
    }
    links
}

impl Links<'_> {
    fn add_edge(&mut self, edge: &Edge) {
        self.links.push(Link {
            from: self.numbers[edge.from.as_str()],
            to: self.numbers[edge.to.as_str()],
            label: format!("{} {}", edge.state.sign(), edge.ports.join(", "))
                .trim()
                .to_string(),
            state: edge.state,
            undeclared: !crate::graph::is_explained(edge),
        });
    }

    fn add_step(&mut self, from: &str, to: &str) {
        self.links.push(Link {
            from: self.numbers[from],
            to: self.numbers[to],
            label: String::new(),
            state: State::Same,
            undeclared: false,
        });
    }
}

/// The groups of a picture: its network and its pipelines.
pub(crate) fn groups(picture: &Picture) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    if let Some(network) = &picture.network {
        let mut within = Vec::new();
        for app in picture.traffic.apps.values() {
            within.extend(app.balancer.iter().chain(&app.service));
        }
        for zone in &network.zones {
            within.extend(zone.public.iter().chain(&zone.private).chain(&zone.nat));
        }
        groups.push((&network.vpc, within));
    }
    for chain in &picture.pipelines {
        groups.push((&chain.pipeline, chain.steps.iter().collect()));
    }
    groups
}

/// The boxes that stand in no group.
pub(crate) fn alone(picture: &Picture) -> Vec<&Node> {
    let mut grouped = BTreeSet::new();
    for (frame, within) in groups(picture) {
        grouped.insert(frame.id.as_str());
        grouped.extend(within.iter().map(|node| node.id.as_str()));
    }
    let mut nodes = picture.nodes();
    nodes.retain(|node| !grouped.contains(node.id.as_str()));
    nodes
}

/// What a group is called.
pub(crate) fn heading(frame: &Node) -> String {
    lines(frame)[1..].join(" · ")
}

/// What a box says, line by line.
pub(crate) fn lines(node: &Node) -> Vec<String> {
    let name = format!("{} {}", node.state.sign(), node.name);
    let mut lines = vec![node.caption.clone(), name.trim().to_string()];
    lines.extend(node.lines.iter().map(|line| line.text.clone()));
    lines.retain(|line| !line.is_empty());
    lines
}
