//! A picture that `draw-env` drew, read back.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Document;

/// What an SVG picture says in its code.
#[derive(Debug, Default)]
pub struct Picture {
    /// Who may reach whom.
    pub edges: Vec<Drawn>,
    /// What becomes of each box, by its ID: `alb/web`.
    pub states: BTreeMap<String, String>,
    /// All that is written in it.
    pub words: Vec<String>,
}

/// An edge of a picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drawn {
    /// `internet`, `alb/web`, `task/web`, or `outside/` and an address range or a group.
    pub from: String,
    /// The same.
    pub to: String,
    /// `tcp 80`, one or more.
    pub ports: String,
    /// Whether an app declares it, and every rule is ours.
    pub declared: bool,
    /// `same`, `new`, `gone` or `unwanted`.
    pub state: String,
}

impl Picture {
    /// Reads one.
    ///
    /// # Panics
    /// Where it is not well-formed XML.
    pub fn read(svg: &str) -> Self {
        let document = Document::parse(svg).unwrap_or_else(|why| panic!("{why}: {svg}"));
        let mut picture = Picture::default();
        for element in document.descendants() {
            let of = |name: &str| element.attribute(name).unwrap_or_default().to_string();
            if element.has_attribute("data-from") {
                picture.edges.push(Drawn {
                    from: of("data-from"),
                    to: of("data-to"),
                    ports: of("data-ports"),
                    declared: of("data-declared") == "yes",
                    state: of("data-state"),
                });
            } else if element.has_attribute("data-id") {
                picture.states.insert(of("data-id"), of("data-state"));
            } else if element.has_tag_name("text") {
                picture.words.extend(element.text().map(String::from));
            }
        }
        picture
    }

    /// Who reaches whom on port 80, in the words of [`LocalAws::edges`](crate::LocalAws::edges): a client
    /// that may send to a load balancer reaches the apps to whose tasks that may send.
    pub fn reach(&self) -> BTreeSet<String> {
        let stays = |edge: &&Drawn| edge.state != "new";
        let mut reach = BTreeSet::new();
        for edge in self.edges.iter().filter(stays) {
            if !edge.to.starts_with("alb/") {
                continue;
            }
            let behind = self.edges.iter().filter(stays);
            let behind = behind.filter(|one| one.from == edge.to);
            let apps = behind.filter_map(|one| one.to.strip_prefix("task/"));
            let client = match edge.from.strip_prefix("task/") {
                Some(client) => client,
                None if edge.from == "internet" => "internet",
                None => continue,
            };
            let admits = edge.ports.split(", ").any(|ports| ports == "tcp 80");
            if admits {
                reach.extend(apps.map(|app| format!("{client} -> {app}")));
            }
        }
        reach
    }

    /// The edges that no app declares, or that somebody added by hand.
    pub fn undeclared(&self) -> Vec<&Drawn> {
        let edges = self.edges.iter();
        edges.filter(|edge| !edge.declared).collect()
    }
}
