//! What a picture shows, before anything has a place in it: boxes, edges between them, and the sections
//! that they stand in.

use std::collections::BTreeMap;

use crate::state::State;

/// All that a picture shows.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    /// The environment.
    pub(crate) title: String,
    /// Where it is.
    pub(crate) subtitle: String,
    /// Whether it is one of a dry run.
    pub(crate) plan: bool,
    /// Apps, and who reaches them from outside.
    pub(crate) traffic: Traffic,
    /// The network, if there is one.
    pub(crate) network: Option<Network>,
    /// From sources to what runs.
    pub(crate) pipelines: Vec<Chain>,
    /// What else there is.
    pub(crate) others: Vec<Node>,
    /// What a picture cannot show, in words.
    pub(crate) notes: Vec<Note>,
}

/// Who may reach whom.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// The internet, and others that are not the environment's, by their IDs.
    pub(crate) outside: BTreeMap<String, Node>,
    /// The apps by their names.
    pub(crate) apps: BTreeMap<String, App>,
    /// Each between two of these boxes.
    pub(crate) edges: Vec<Edge>,
}

/// An app: its load balancer and its service.
#[derive(Debug, Default)]
pub(crate) struct App {
    pub(crate) balancer: Option<Node>,
    pub(crate) service: Option<Node>,
}

/// A box.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// Unlike any other's: `alb/web`.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// What kind of thing it is, for people.
    pub(crate) caption: String,
    pub(crate) name: String,
    /// More about it, one below the other.
    pub(crate) lines: Vec<Text>,
    /// All that the records say, for who asks.
    pub(crate) told: Vec<String>,
    pub(crate) state: State,
    /// How many tasks a service runs.
    pub(crate) tasks: u64,
    /// What it sends outside the environment, and where to.
    pub(crate) sends: Vec<Edge>,
}

/// What a box looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Kind {
    Outside,
    Balancer,
    Service,
    #[default]
    Plain,
}

/// A line of text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

/// How a line is told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Tone {
    #[default]
    Quiet,
    /// It says what changes.
    Change,
    /// People should look at it.
    Loud,
}

impl Text {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Text::new(text, Tone::Quiet)
    }

    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        let text = text.into();
        Text { text, tone }
    }

    /// One at which people should look, or not.
    pub(crate) fn loud_if(is_loud: bool, text: impl Into<String>) -> Self {
        let tone = if is_loud { Tone::Loud } else { Tone::Quiet };
        Text::new(text, tone)
    }
}

/// Who may reach whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    /// `tcp 80`, one or more.
    pub(crate) ports: Vec<String>,
    /// Whether an app asks for it, and every rule that it needs is ours.
    pub(crate) declared: bool,
    pub(crate) state: State,
}

impl Edge {
    /// `internet → alb/web: tcp 80`.
    pub(crate) fn words(&self) -> String {
        let Edge { from, to, .. } = self;
        let outside = |end: &str| end.strip_prefix("outside/").unwrap_or(end).to_string();
        format!(
            "{} → {}: {}",
            outside(from),
            outside(to),
            self.ports.join(", ")
        )
    }
}

/// The network.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) vpc: Node,
    pub(crate) gateway: Option<Node>,
    pub(crate) zones: Vec<Zone>,
}

/// A zone of the network.
#[derive(Debug, Default)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) public: Option<Node>,
    pub(crate) private: Option<Node>,
    pub(crate) nat: Option<Node>,
    /// The ID of the NAT gateway by which its private subnet reaches the internet.
    pub(crate) leaves_by: Option<String>,
}

/// Steps that follow each other.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    pub(crate) pipeline: Node,
    pub(crate) steps: Vec<Node>,
}

/// A line below the picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Note {
    /// Whether people should look at it.
    pub(crate) stands_out: bool,
    pub(crate) text: String,
}

impl Picture {
    /// Every box.
    pub(crate) fn nodes(&self) -> Vec<&Node> {
        let mut nodes: Vec<&Node> = self.traffic.outside.values().collect();
        for app in self.traffic.apps.values() {
            nodes.extend(app.balancer.iter().chain(&app.service));
        }
        if let Some(network) = &self.network {
            nodes.push(&network.vpc);
            nodes.extend(&network.gateway);
            for zone in &network.zones {
                nodes.extend(zone.public.iter().chain(&zone.private).chain(&zone.nat));
            }
        }
        for chain in &self.pipelines {
            nodes.push(&chain.pipeline);
            nodes.extend(&chain.steps);
        }
        nodes.extend(&self.others);
        nodes
    }
}
