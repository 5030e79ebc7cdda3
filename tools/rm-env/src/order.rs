//! Which deletions go before which. Pure.
//!
//! What runs goes first: the services, whose tasks must have ended, and beside them the pipelines
//! from the front, so that nothing starts anew. Then, side by side, what those used. Then the
//! network.

use std::collections::HashMap;

/// Deletions, by the first of their record types, and those that must have succeeded before.
const AFTER: [(&str, &[&str]); 8] = [
    // What gives a service tasks goes before it.
    ("scaling", &[]),
    ("service", &["scaling"]),
    ("rule", &[]),
    ("pipeline", &["rule"]),
    // A run may have left these at work.
    ("build", &["pipeline"]),
    ("function", &["pipeline"]),
    ("sg", &["alb"]),
    // The network waits for the next run where something still stands in it.
    ("vpc", &["sg", "nat_gateway", "guardduty"]),
];

/// What runs. All that [`AFTER`] does not name goes after it.
const RUNNING: &[&str] = &["service", "build", "function"];

/// How a deletion ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ended {
    /// All of it is gone.
    Well,
    /// Something of it is still there, or it was not begun.
    Badly,
}

/// What a deletion has to do while others are under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Turn {
    /// Others are before it.
    Wait,
    /// It begins.
    Begin,
    /// It is left for the next run, since one before it ended badly.
    Skip,
}

/// Whose turn it is, from how those before it ended.
pub fn turn(kind: &str, ended: &HashMap<&str, Ended>) -> Turn {
    let before = before(kind);
    if before
        .iter()
        .any(|kind| ended.get(kind) == Some(&Ended::Badly))
    {
        return Turn::Skip;
    }
    if before.iter().all(|kind| ended.contains_key(kind)) {
        return Turn::Begin;
    }
    Turn::Wait
}

fn before(kind: &str) -> &'static [&'static str] {
    match AFTER.iter().find(|(after, _)| *after == kind) {
        Some((_, before)) => before,
        None => RUNNING,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ls_env::OWNERS;

    use super::*;

    fn kinds() -> BTreeSet<&'static str> {
        let deletions = OWNERS.iter().flat_map(|owner| owner.deletions);
        deletions.map(|deletion| deletion.kinds[0]).collect()
    }

    #[test]
    fn each_owners_resources_have_their_turn() {
        let mut ended = HashMap::new();
        let mut waiting = kinds();
        while !waiting.is_empty() {
            let next = waiting.iter().copied();
            let next: Vec<&str> = next
                .filter(|kind| turn(kind, &ended) == Turn::Begin)
                .collect();
            assert!(!next.is_empty(), "these wait for ever: {waiting:?}");
            for kind in next {
                waiting.remove(kind);
                ended.insert(kind, Ended::Well);
            }
        }
    }

    #[test]
    fn the_order_names_only_what_some_tool_deletes() {
        let named = AFTER
            .iter()
            .flat_map(|(kind, before)| [&[*kind], *before].concat());
        for kind in named.chain(RUNNING.iter().copied()) {
            assert!(kinds().contains(kind), "no tool deletes {kind}");
        }
    }

    #[test]
    fn what_runs_goes_first_and_the_network_last() {
        let nothing = HashMap::new();
        for kind in kinds() {
            let first = matches!(kind, "scaling" | "rule");
            assert_eq!(turn(kind, &nothing) == Turn::Begin, first, "{kind}");
        }
        let mut ended = HashMap::from([("sg", Ended::Well), ("guardduty", Ended::Well)]);
        assert_eq!(turn("vpc", &ended), Turn::Wait);
        ended.insert("nat_gateway", Ended::Well);
        assert_eq!(turn("vpc", &ended), Turn::Begin);
    }

    #[test]
    fn what_is_still_needed_is_left_for_the_next_run() {
        let ended = HashMap::from([("service", Ended::Badly)]);
        assert_eq!(turn("alb", &ended), Turn::Skip);
        assert_eq!(turn("pipeline", &ended), Turn::Wait);
    }
}
