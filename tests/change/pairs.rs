//! Random pairs of environments: one is changed into the other.

use std::collections::BTreeSet;

use crate::everything;
use crate::layout::{App, Layout};
use crate::world::{World, fresh};

const NAMES: [&str; 6] = ["web", "api", "jobs", "mail", "my-web", "web-api"];
const PORTS: [u16; 3] = [5000, 8080, 9000];
const COUNTS: [u32; 3] = [1, 2, 4];
const PATHS: [&str; 3] = ["/", "/healthz", "/up"];
const NETWORKS: [&str; 4] = [
    "--zone us-east-1a --zone us-east-1b",
    "--zone us-east-1b --zone us-east-1c --nat single",
    "--zone us-east-1a --zone us-east-1c --zone us-east-1d",
    "--zone use1-az5 --zone us-east-1d",
];
/// The seeds of the sample: together they make each kind of change.
const SAMPLE: [u64; 6] = [17, 24, 27, 36, 52, 56];
const ALL: std::ops::RangeInclusive<u64> = 1..=60;

/// What a change of one app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Add,
    Drop,
    Rename,
    Port,
    Health,
    Count,
    Publish,
    Hide,
    Call,
    NoCall,
    Zones,
}

/// Those that are drawn.
const KINDS: [Kind; 10] = [
    Kind::Add,
    Kind::Drop,
    Kind::Rename,
    Kind::Port,
    Kind::Health,
    Kind::Count,
    Kind::Publish,
    Kind::Hide,
    Kind::Call,
    Kind::NoCall,
];

/// Numbers that follow from a seed: xorshift, which needs no library.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 33) % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A choice that is not this one.
    fn other<T: Copy + PartialEq>(&mut self, choices: &[T], than: T) -> T {
        let mut others = choices.to_vec();
        others.retain(|choice| *choice != than);
        self.of(&others)
    }

    /// A name that no app has.
    fn name(&mut self, layout: &Layout) -> &'static str {
        let mut free = NAMES.to_vec();
        free.retain(|name| layout.apps.iter().all(|app| app.name != *name));
        self.of(&free)
    }

    fn layout(&mut self) -> Layout {
        let mut layout = Layout {
            apps: Vec::new(),
            network: "",
        };
        for _ in 0..=self.below(4) {
            self.add(&mut layout);
        }
        layout
    }

    /// Adds an app, which calls some of those that are there.
    fn add(&mut self, layout: &mut Layout) {
        let mut app = App::private(self.name(layout));
        app.public = self.below(3) == 0;
        app.port = self.of(&PORTS);
        app.health = self.of(&PATHS);
        app.count = self.of(&COUNTS);
        for other in &layout.apps {
            if self.below(4) > 0 {
                app.calls.push(other.name);
            }
        }
        layout.apps.push(app);
        layout.keep_to_the_rules();
    }

    /// Another layout, three kinds of changes away.
    fn changed(&mut self, from: &Layout) -> (Layout, BTreeSet<Kind>) {
        let mut to = from.clone();
        let mut kinds = BTreeSet::new();
        while kinds.len() < 3 || to == *from {
            let kind = self.of(&KINDS);
            if self.change(&mut to, kind) {
                kinds.insert(kind);
            }
        }
        kinds.retain(|kind| is_seen(*kind, from, &to));
        (to, kinds)
    }

    /// Makes a change of this kind, if there is an app for it; answers whether there was one.
    fn change(&mut self, layout: &mut Layout, kind: Kind) -> bool {
        let before = layout.clone();
        let place = self.below(layout.apps.len());
        let others = layout.apps.clone();
        let app = &mut layout.apps[place];
        match kind {
            Kind::Add if others.len() < 4 => self.add(layout),
            Kind::Drop if others.len() > 1 => {
                layout.apps.remove(place);
            }
            Kind::Add | Kind::Drop => {}
            Kind::Rename => {
                let name = self.name(layout);
                rename(layout, place, name);
            }
            Kind::Port => app.port = self.other(&PORTS, app.port),
            Kind::Health => app.health = self.other(&PATHS, app.health),
            Kind::Count => app.count = self.other(&COUNTS, app.count),
            Kind::Publish => app.public = true,
            Kind::Hide => app.public = false,
            Kind::Call => {
                let callee = &others[self.below(others.len())];
                if callee.name != app.name {
                    app.calls.push(callee.name);
                }
            }
            Kind::NoCall => {
                app.calls.pop();
            }
            Kind::Zones => {} // of a pair, by its seed
        }
        layout.keep_to_the_rules();
        *layout != before
    }
}

/// Gives an app another name, under which those call it that called it before.
fn rename(layout: &mut Layout, place: usize, name: &'static str) {
    let before = layout.apps[place].name;
    layout.apps[place].name = name;
    for app in &mut layout.apps {
        for other in &mut app.calls {
            if *other == before {
                *other = name;
            }
        }
    }
}

/// Whether a change of this kind was not taken back by another.
fn is_seen(kind: Kind, from: &Layout, to: &Layout) -> bool {
    let gone = lacks(to, from);
    let new = lacks(from, to);
    match kind {
        Kind::Add => return new,
        Kind::Drop => return gone,
        Kind::Rename => return new && gone,
        _ => {}
    }
    for before in &from.apps {
        for app in &to.apps {
            if before.name == app.name && has_changed(kind, before, app) {
                return true;
            }
        }
    }
    false
}

/// Whether one layout lacks an app of the other.
fn lacks(one: &Layout, other: &Layout) -> bool {
    let is_there = |app: &App| one.apps.iter().any(|own| own.name == app.name);
    !other.apps.iter().all(is_there)
}

fn has_changed(kind: Kind, before: &App, app: &App) -> bool {
    match kind {
        Kind::Port => before.port != app.port,
        Kind::Health => before.health != app.health,
        Kind::Count => before.count != app.count,
        Kind::Publish => app.public && !before.public,
        Kind::Hide => before.public && !app.public,
        Kind::Call => app.calls.iter().any(|call| !before.calls.contains(call)),
        Kind::NoCall => before.calls.iter().any(|call| !app.calls.contains(call)),
        Kind::Add | Kind::Drop | Kind::Rename | Kind::Zones => false,
    }
}

/// Where the two of a pair are: every other pair moves. Each says its zones, since a network that is not
/// told otherwise stays where it is.
fn networks(seed: u64) -> [&'static str; 2] {
    let place = usize::try_from(seed).unwrap();
    if place % 2 == 0 {
        return [NETWORKS[place % NETWORKS.len()]; 2];
    }
    [0, 1].map(|n| NETWORKS[(place / 2 + n) % NETWORKS.len()])
}

/// Two environments of 1 to 4 apps with an edge in common, and what kinds of changes lead from the one
/// to the other.
fn pair(seed: u64) -> (Layout, Layout, BTreeSet<Kind>) {
    let mut random = Random::new(seed);
    loop {
        let from = random.layout();
        let (to, mut kinds) = random.changed(&from);
        if !from.edges().is_disjoint(&to.edges()) {
            let [before, after] = networks(seed);
            if before != after {
                kinds.insert(Kind::Zones);
            }
            return (from.within(before), to.within(after), kinds);
        }
    }
}

#[test]
fn the_sample_has_each_kind_of_change() {
    let mut all = BTreeSet::new();
    for seed in SAMPLE {
        let (_, _, kinds) = pair(seed);
        all.extend(kinds);
    }
    let mut expected = BTreeSet::from(KINDS);
    expected.insert(Kind::Zones);
    assert_eq!(all, expected);
}

/// How many are tried side by side: most of the time they wait for AWS.
const AT_ONCE: usize = 3;

#[test]
fn one_environment_becomes_another_as_if_that_had_been_made_afresh() {
    let seeds: Vec<u64> = if everything() {
        ALL.collect()
    } else {
        SAMPLE.to_vec()
    };
    let mut failed = Vec::new();
    for seeds in seeds.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let mut tries = Vec::new();
            for seed in seeds {
                tries.push((*seed, scope.spawn(|| becomes(*seed))));
            }
            for (seed, attempt) in tries {
                if attempt.join().is_err() {
                    failed.push(seed);
                }
            }
        });
    }
    assert_eq!(failed, Vec::<u64>::new(), "these pairs, as told above");
}

/// The first environment of a pair becomes the second.
fn becomes(seed: u64) {
    let (from, to, _) = pair(seed);
    World::new(&from).changes(&from, &to, &fresh(&to));
}
