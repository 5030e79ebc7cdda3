//! Who may reach whom, by the security groups as they are and by what the apps declare.

use std::collections::{BTreeMap, BTreeSet};

use mk_sg::plan::{ANYWHERE, Group, wanted_groups};
use plumbing::{Alb, App, Env, Surplus, Vpc};

use crate::flows::{Around, By, End, Flows, Key, covers, flows};
use crate::picture::{Edge, Note};
use crate::state::{Records, State};

/// Who may reach whom.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    /// Between boxes of the picture.
    pub(crate) between: Vec<Edge>,
    /// To what is not the environment's, told as a line.
    pub(crate) outward: Vec<Edge>,
    /// The groups whose load balancers are on the internet.
    pub(crate) public: BTreeSet<String>,
    /// What is told in words.
    pub(crate) notes: Vec<Note>,
}

impl Edges {
    /// Whether an edge begins or ends at a box.
    pub(crate) fn touch(&self, id: &str) -> bool {
        let mut all = self.between.iter().chain(&self.outward);
        all.any(|edge| edge.from == id || edge.to == id)
    }
}

/// Who may reach whom: what the groups let through where they were looked up, and else what the apps
/// declare; in a dry run both.
pub(crate) fn edges(env: &Env, records: &Records, groups: Option<&[Group]>) -> Edges {
    let apps: Vec<App> = records.typed();
    let public = public(records, &apps);
    let vpc: Option<Vpc> = records.typed().pop();
    let around = Around {
        env,
        public: &public,
        cidr: vpc.as_ref().map_or("", |vpc| &vpc.cidr),
    };
    let declared = flows(&around, &wanted_groups(env, &apps));
    let admitted = groups.map(|groups| flows(&around, groups));
    let look = Look {
        records,
        plan: env.plan,
        revoked: revoked(records),
        knows_wishes: !apps.is_empty(),
    };
    let mut edges = look.edges(&declared, admitted.as_ref());
    edges.public = public;
    edges
}

/// The groups whose load balancers are on the internet, or are to be.
fn public(records: &Records, apps: &[App]) -> BTreeSet<String> {
    let apps = apps.iter().filter(|app| app.public).map(|app| &app.name);
    let mut names: BTreeSet<String> = apps.cloned().collect();
    for (record, _) in records.of_kind("alb") {
        if let Some(alb) = record.typed::<Alb>() {
            match alb.scheme.as_str() {
                "internet-facing" => drop(names.insert(alb.name)),
                _ => drop(names.remove(&alb.name)),
            }
        }
    }
    names
        .into_iter()
        .map(|name| format!("alb/{name}"))
        .collect()
}

/// The IDs of the rules that are taken away.
fn revoked(records: &Records) -> BTreeSet<String> {
    let surplus = records.typed::<Surplus>().into_iter();
    let taken = surplus.filter(|one| one.rest.contains_key("change"));
    let rules = taken.filter_map(|one| one.rest.get("rule")?.as_str().map(String::from));
    rules.collect()
}

/// What is known beside the flows.
struct Look<'a> {
    records: &'a Records,
    plan: bool,
    revoked: BTreeSet<String>,
    /// Whether any app tells what it declares.
    knows_wishes: bool,
}

impl Look<'_> {
    fn edges(&self, declared: &Flows, admitted: Option<&Flows>) -> Edges {
        let mut flows: BTreeMap<(String, String, bool, State), Vec<String>> = BTreeMap::new();
        let mut notes = Vec::new();
        let mut add = |key: &Key, declared, state| {
            let (from, to, ports) = key;
            let edge = (from.id(), to.id(), declared, state);
            flows.entry(edge).or_default().push(ports.clone());
        };
        for (key, by) in admitted.unwrap_or(declared) {
            let wished = declared.contains_key(key) || !self.knows_wishes;
            add(key, by.ours && wished, self.state(key, by));
        }
        for key in declared.keys() {
            if admitted.is_none_or(|admitted| is_admitted(key, admitted)) {
                continue;
            }
            if self.plan {
                add(key, true, State::New);
            } else {
                notes.push(missing(key));
            }
        }
        let mut edges = Edges::default();
        for ((from, to, declared, state), ports) in flows {
            let edge = Edge {
                from,
                to,
                ports,
                declared,
                state,
            };
            if !crate::graph::is_explained(&edge) {
                let text = format!("not declared by an app, or added by hand: {}", edge.words());
                notes.push(Note {
                    stands_out: true,
                    text,
                });
            }
            let side = if is_line(&edge) {
                &mut edges.outward
            } else {
                &mut edges.between
            };
            side.push(edge);
        }
        edges.notes = notes;
        edges
    }

    /// What becomes of a flow that is let through: it goes with its rules, or with either end.
    fn state(&self, (from, to, _): &Key, by: &By) -> State {
        if by.rules.iter().any(|rule| self.revoked.contains(rule)) {
            return State::Gone;
        }
        let ends = [self.state_of(from), self.state_of(to)];
        let of_ends = [State::Gone, State::Unwanted, State::New];
        let state = of_ends.into_iter().find(|state| ends.contains(state));
        state.unwrap_or(State::Same)
    }

    /// What becomes of the group at an end.
    fn state_of(&self, end: &End) -> State {
        let End::Group(name) = end else {
            return State::Same;
        };
        let state = |kind: &str, name: &str| self.records.get(kind, name).map(|(_, state)| state);
        state("sg", name).unwrap_or_default()
    }
}

/// Whether an edge is told as a line: where it leads to is no box. Anywhere is none, and neither is what no
/// app declares that it reaches.
fn is_line(edge: &Edge) -> bool {
    match edge.to.strip_prefix("outside/") {
        Some(to) => to == ANYWHERE || !crate::graph::is_explained(edge),
        None => false,
    }
}

/// Whether a flow is let through, also by a rule that lets through more.
fn is_admitted((from, to, ports): &Key, admitted: &Flows) -> bool {
    let mut between = admitted.keys().filter(|key| (&key.0, &key.1) == (from, to));
    between.any(|(_, _, outer)| covers(outer, ports))
}

/// What a record wishes, and the groups do not admit.
fn missing((from, to, ports): &Key) -> Note {
    let edge = Edge {
        from: from.id(),
        to: to.id(),
        ports: vec![ports.clone()],
        declared: true,
        state: State::Same,
    };
    let text = format!("declared, and not admitted now: {}", edge.words());
    Note {
        stands_out: true,
        text,
    }
}
