//! A change that is killed halfway, and run again.

use support::Faults;

use crate::everything;
use crate::layout::Layout;
use crate::world::{CONFIRM, World};

/// A kill meets a call before or after it is done.
const WHEN: [&str; 2] = ["before", "after"];

/// Changes one environment into another, and another one back; that run is killed at a changing call
/// (`place`) and run again. With TORTURE=all, then, each way is killed at each of its changing calls.
pub fn there_and_back(from: &Layout, to: &Layout, place: u64) {
    let (here, other) = side_by_side(|| World::new(from), || World::new(to));
    let there = Way {
        from,
        to,
        fresh: &other.fresh,
    };
    let back = Way {
        from: to,
        to: from,
        fresh: &here.fresh,
    };
    let ((), was_hit) = side_by_side(|| there.go(&here), || back.killed_at(place, &other));
    assert!(was_hit, "there is no change {place} to be killed at");
    if everything() {
        everywhere(&there, &back, &other, &here);
    }
}

/// Two worlds go to and fro, one always where the other comes from, and are killed one call later each
/// time, until there is none.
fn everywhere(there: &Way, back: &Way, one: &World, other: &World) {
    let mut ways = [there, back];
    for place in 1.. {
        let (first, second) = side_by_side(
            || ways[0].killed_at(place, one),
            || ways[1].killed_at(place, other),
        );
        if !first && !second {
            return;
        }
        ways.reverse();
    }
}

/// Does two things at once: most of the time they wait for AWS.
fn side_by_side<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap(), other)
    })
}

/// The way from one environment to another.
struct Way<'a> {
    from: &'a Layout,
    to: &'a Layout,
    /// What a fresh run makes of the other.
    fresh: &'a [String],
}

impl Way<'_> {
    /// Undisturbed.
    fn go(&self, world: &World) {
        world.changes(self.from, self.to, self.fresh);
    }

    /// Killed at this changing call, it is completed by another run. Answers whether it made so many.
    fn killed_at(&self, place: u64, world: &World) -> bool {
        let when = WHEN[usize::try_from(place % 2).unwrap()];
        let faults = Faults::between(&world.aws);
        world.begin();
        faults.kill_at(place, when);
        let first = faults.pipe(&self.to.up(CONFIRM));
        let met = faults.done();
        let code = if met.is_empty() { 0 } else { -1 };
        assert_eq!(first.code, code, "{}", first.stderr);
        let mut run = world.aws.pipe(&self.to.up(CONFIRM));
        let told = first.stderr;
        run.stderr = format!(
            "{told}killed {when} change {place}, {met:?}\n{}",
            run.stderr
        );
        world.has_changed(self.from, self.to, self.fresh, &run);
        !met.is_empty()
    }
}
