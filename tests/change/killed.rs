//! A change that is killed halfway, and run again.

use support::{Faults, list};

use crate::everything;
use crate::layout::Layout;
use crate::world::{CONFIRM, World, fresh};

/// A kill meets a call before or after it is done.
const WHEN: [&str; 2] = ["before", "after"];

/// Changes an environment into another and back; then again, killed at one changing call of each way
/// and run again. With TORTURE=all at each call once; else at one of ten parts of the way, `tenth`.
pub fn there_and_back(from: &Layout, to: &Layout, tenth: u64) {
    let world = World::new(from);
    let at_the_other_end = fresh(to);
    let faults = Faults::between(&world.aws);
    let there = Way {
        world: &world,
        faults: &faults,
        from,
        to,
        fresh: &at_the_other_end,
    };
    let back = Way {
        from: to,
        to: from,
        fresh: &world.fresh,
        ..there
    };
    let ways = [&there, &back];
    let calls = [there.undisturbed(), back.undisturbed()];
    let most = calls[0].max(calls[1]);
    let places: Vec<u64> = if everything() {
        (1..=most).collect()
    } else {
        vec![1 + most * tenth / 10]
    };
    for place in places {
        for (way, calls) in ways.iter().zip(calls) {
            way.killed_at(place.min(calls));
        }
    }
}

/// The way from one environment to another.
#[derive(Clone, Copy)]
struct Way<'a> {
    world: &'a World,
    faults: &'a Faults,
    from: &'a Layout,
    to: &'a Layout,
    fresh: &'a [String],
}

impl Way<'_> {
    /// How many changing calls it takes.
    fn undisturbed(&self) -> u64 {
        self.world.begin();
        self.faults.end();
        let run = self.faults.pipe(&self.to.up(CONFIRM));
        let calls = self.faults.changes();
        self.world.has_changed(self.from, self.to, self.fresh, &run);
        calls
    }

    /// Killed at this changing call, it is completed by another run.
    fn killed_at(&self, place: u64) {
        let when = WHEN[usize::try_from(place % 2).unwrap()];
        self.world.begin();
        self.faults.kill_at(place, when);
        let first = self.faults.pipe(&self.to.up(CONFIRM));
        let met = self.faults.done();
        println!("killed {when} change {place}: {met:?}");
        let code = if list(&met.clone().into()).is_empty() {
            0
        } else {
            -1
        };
        assert_eq!(first.code, code, "{}", first.stderr);
        self.faults.end();
        let mut run = self.faults.pipe(&self.to.up(CONFIRM));
        let stderr = &first.stderr;
        run.stderr = format!(
            "{stderr}killed {when} change {place}, {met:?}\n{}",
            run.stderr
        );
        self.world.has_changed(self.from, self.to, self.fresh, &run);
    }
}
