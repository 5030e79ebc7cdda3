//! From records and security groups to what a picture shows. Pure.

mod edges;
mod network;
mod node;
mod pipelines;

use std::collections::BTreeSet;

use mk_sg::plan::Group;
use plumbing::{Env, Record, Surplus};

use crate::picture::{App, Edge, Kind, Node, Note, Picture, Text, Traffic};
use crate::state::{Records, State};
use edges::Edges;
use node::Maker;

/// The types that are wishes or marks, told in other boxes or in words.
const WISHES: [&str; 7] = [
    "app", "egress", "env", "failed", "image", "source", "surplus",
];

/// What a picture of these records shows. `groups` are the security groups as they are, if they were
/// looked up.
pub(crate) fn picture(env: &Env, records: &[Record], groups: Option<&[Group]>) -> Picture {
    let records = Records::of(records);
    let edges = edges::edges(env, &records, groups);
    let mut made = Maker::new(&records);
    let traffic = traffic(&mut made, &edges);
    let network = network::network(&mut made);
    let pipelines = pipelines::pipelines(&mut made);
    let others = others(&mut made);
    Picture {
        title: env.name.clone(),
        subtitle: format!("{}, account {}", env.region, env.account),
        plan: env.plan,
        traffic,
        network,
        pipelines,
        others,
        notes: notes(&records, edges, (groups.is_some(), env.plan)),
    }
}

/// The apps, and who reaches them.
fn traffic(made: &mut Maker, edges: &Edges) -> Traffic {
    let mut traffic = Traffic::default();
    for app in app_names(made.records, edges) {
        let boxes = App {
            balancer: balancer(made, edges, &app),
            service: service(made, edges, &app),
        };
        traffic.apps.insert(app, boxes);
    }
    for end in edges.between.iter().flat_map(|edge| [&edge.from, &edge.to]) {
        if end.starts_with("alb/") || end.starts_with("task/") {
            continue;
        }
        let name = end.strip_prefix("outside/").unwrap_or(end);
        let caption = match name.get(..3) {
            _ if name == end => "anybody",
            Some("sg-") => "security group",
            Some("pl-") => "prefix list",
            _ => "addresses",
        };
        let node = Node {
            id: end.clone(),
            kind: Kind::Outside,
            caption: caption.into(),
            name: name.into(),
            told: vec![name.into()],
            ..Node::default()
        };
        traffic.outside.insert(end.clone(), node);
    }
    traffic.edges = edges.between.clone();
    traffic
}

/// The apps that anything tells of: a record, or a security group.
fn app_names(records: &Records, edges: &Edges) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for kind in [
        "app",
        "alb",
        "service",
        "target_group",
        "listener",
        "task_definition",
    ] {
        names.extend(
            records
                .of_kind(kind)
                .filter_map(|(record, _)| record.name().rsplit('/').next())
                .map(String::from),
        );
    }
    let groups = records.of_kind("sg").map(|(record, _)| record.name());
    let ends = edges
        .between
        .iter()
        .flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]);
    for group in groups.chain(ends) {
        if let Some(("alb" | "task", app)) = group.split_once('/') {
            names.insert(app.to_string());
        }
    }
    names
}

/// An app's load balancer.
fn balancer(made: &mut Maker, edges: &Edges, app: &str) -> Option<Node> {
    if answers(made.records, app).is_some() {
        return None; // it has that of another app, which is drawn
    }
    let (id, second) = (format!("alb/{app}"), format!("alternate/{app}"));
    let parts = [
        ("listener", app),
        ("target_group", app),
        ("target_group", second.as_str()),
        ("sg", id.as_str()),
    ];
    let wished = made.records.get("app", app).is_some() && !is_worker(made.records, app);
    let mut node = made.node(("alb", app), &parts, wished || edges.touch(&id))?;
    let text = |kind: &str, field: &str| {
        let found = made.records.get(kind, app);
        found
            .map(|(record, _)| record.text(field).to_string())
            .unwrap_or_default()
    };
    let port = made.number("listener", app, "port").unwrap_or(80);
    let public = edges.public.contains(&id);
    let scheme = if public {
        "internet-facing"
    } else {
        "internal"
    };
    node.lines
        .insert(0, Text::plain(format!("{scheme} :{port}")));
    let health = text("target_group", "health");
    if !health.is_empty() {
        node.lines
            .insert(1, Text::plain(format!("checks {health}")));
    }
    Some(Node {
        id: id.clone(),
        kind: Kind::Balancer,
        caption: "load balancer".into(),
        ..with_sends(node, edges, &id)
    })
}

/// Where an app answers that has no load balancer of its own but is behind another one, in words.
fn answers(records: &Records, app: &str) -> Option<String> {
    if records.get("alb", app).is_some() {
        return None; // it still has its own
    }
    let (wish, _) = records.get("app", app)?;
    let sharing = wish.typed::<plumbing::App>()?.sharing;
    let patterns = [sharing.host, sharing.path].concat().join(" ");
    Some(format!("behind {}: {patterns}", sharing.behind?))
}

/// Whether an app has no load balancer.
fn is_worker(records: &Records, app: &str) -> bool {
    let app = records.get("app", app).map(|(app, _)| app);
    app.is_some_and(|app| app.0.get("worker").is_some_and(|worker| worker == true))
}

/// An app's service, with its tasks.
fn service(made: &mut Maker, edges: &Edges, app: &str) -> Option<Node> {
    let (id, role) = (format!("task/{app}"), format!("execution/{app}"));
    let deploy = format!("deploy/{app}");
    let mut parts = vec![
        ("task_definition", app),
        ("sg", id.as_str()),
        ("role", role.as_str()),
        ("role", deploy.as_str()),
        ("role", id.as_str()),
        ("scaling", app),
        ("log_group", app),
    ];
    let behind = answers(made.records, app);
    if behind.is_some() {
        parts.extend([("listener", app), ("target_group", app)]);
    }
    let wished = made.records.get("app", app).is_some();
    let mut node = made.node(("service", app), &parts, wished || edges.touch(&id))?;
    let number = |kind: &str, field: &str| made.number(kind, app, field);
    let tasks = number("service", "count").or_else(|| number("app", "count"));
    let tasks = tasks.unwrap_or(if wished { 2 } else { 0 }); // what an app has where it says nothing
    let port = number("app", "port").or_else(|| number("target_group", "port"));
    let mut words = format!("{tasks} task{}", if tasks == 1 { "" } else { "s" });
    if let Some(port) = port.filter(|_| !is_worker(made.records, app)) {
        words += &format!(", port {port}");
    }
    node.lines.insert(0, Text::plain(words));
    if let Some(behind) = behind {
        node.lines.insert(1, Text::plain(behind));
    }
    let wish = made.records.get("app", app);
    let strategy = wish.map(|(wish, _)| wish.text("deploy").to_string());
    if let Some(strategy) = strategy.filter(|word| !matches!(word.as_str(), "" | "rolling")) {
        node.lines.insert(1, Text::plain(strategy));
    }
    let image = ["task_definition", "image", "app"]
        .into_iter()
        .find_map(|kind| {
            let (record, _) = made.records.get(kind, app)?;
            Some(record.text("image").to_string()).filter(|image| !image.is_empty())
        });
    if let Some(image) = image {
        node.lines.insert(1, Text::plain(short_image(&image)));
        node.told.push(format!("image {image}"));
    }
    Some(Node {
        id: id.clone(),
        kind: Kind::Service,
        caption: "service".into(),
        tasks,
        ..with_sends(node, edges, &id)
    })
}

/// Adds what goes out of the environment: as a line, since it would lead all over the picture.
fn with_sends(mut node: Node, edges: &Edges, id: &str) -> Node {
    node.sends = edges
        .outward
        .iter()
        .filter(|edge| edge.from == id)
        .cloned()
        .collect();
    for edge in &node.sends {
        let to = edge.to.strip_prefix("outside/").unwrap_or(&edge.to);
        let to = if to == mk_sg::plan::ANYWHERE {
            "anywhere"
        } else {
            to
        };
        let text = format!(
            "sends {} to {to}",
            edge.ports.join(", ").replace("tcp ", "")
        );
        node.lines.push(Text::loud_if(!is_explained(edge), text));
    }
    node
}

/// An image reference without its registry, and the begin of its digest: what tells it from others.
fn short_image(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    match name.split_once("@sha256:") {
        Some((_, digest)) => format!("sha256:{}", digest.chars().take(12).collect::<String>()),
        None => name.to_string(),
    }
}

/// What is in no other box, also of types that no tool here knows.
fn others(made: &mut Maker) -> Vec<Node> {
    let mut nodes = Vec::new();
    for kind in made.records.kinds() {
        if !WISHES.contains(&kind.as_str()) {
            nodes.extend(made.rest(&kind));
        }
    }
    nodes
}

/// What the picture cannot show.
fn notes(records: &Records, edges: Edges, (looked_up, plan): (bool, bool)) -> Vec<Note> {
    let mut notes = edges.notes;
    for surplus in records.typed::<Surplus>() {
        let gone = surplus.rest.get("change").is_some();
        let words = if gone {
            "prune-env takes away"
        } else {
            "nothing needs"
        };
        notes.push(Note {
            stands_out: false,
            text: format!("{words}: {}", surplus.what),
        });
    }
    notes.sort();
    notes.dedup();
    let how = match (looked_up, plan) {
        (true, true) => {
            "Who may reach whom: as the security groups admit it now, and as the apps declare it"
        }
        (true, false) => "Who may reach whom: as the security groups admit it now",
        (false, _) => "Who may reach whom: as the apps declare it, not looked up",
    };
    let mut of_apps = records.of_kind("app").chain(records.of_kind("sg"));
    if of_apps.next().is_some() {
        let text = how.into();
        notes.insert(
            0,
            Note {
                stands_out: false,
                text,
            },
        );
    }
    notes
}

/// Whether a state is of something that was there before.
pub(crate) fn goes(state: State) -> bool {
    matches!(state, State::Gone | State::Unwanted)
}

/// Whether an edge is of something that people know why it is not declared.
pub(crate) fn is_explained(edge: &Edge) -> bool {
    edge.declared || goes(edge.state)
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
