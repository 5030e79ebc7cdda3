//! What a tool knows of the records of the types that it makes itself: each is checked where it comes
//! in, before anyone downstream can use it. Pure.

use crate::proof::Check;
use crate::record::Record;
use crate::types::{Surplus, Unwanted};

/// The types that a tool makes, what its look-up found, and the records that wait for that.
#[derive(Default)]
pub(crate) struct Owned {
    /// The tool; nothing of one that makes no resources.
    pub(crate) tool: &'static str,
    /// The types of its records; none of a tool that makes no resources.
    pub(crate) kinds: Vec<&'static str>,
    /// How they are checked.
    pub(crate) check: Option<Check>,
    /// The type and name of the wish that the tool writes: one that comes in gives way to it.
    pub(crate) replaces: Option<(&'static str, String)>,
    /// What its look-up found, as records, once it has looked.
    pub(crate) found: Option<Vec<Record>>,
    pub(crate) waiting: Vec<Incoming>,
}

/// A record as it came in.
pub(crate) struct Incoming {
    /// `record 3 (line 5)`.
    pub(crate) place: String,
    pub(crate) record: Record,
    /// Its bytes, on one line.
    pub(crate) line: Vec<u8>,
}

impl Owned {
    /// How records of a type are checked, if the tool makes them.
    pub(crate) fn check_of(&self, kind: &str) -> Option<Check> {
        self.check.filter(|_| self.kinds.contains(&kind))
    }

    /// Whether the tool says itself what a record says, and better: what is surplus or unwanted of its
    /// own it knows as it is now, and of a wish it writes the last word. So a line that was forged, or
    /// saved long ago, takes nothing away.
    pub(crate) fn swallows(&self, record: &Record) -> bool {
        if let Some(surplus) = record.typed::<Surplus>() {
            return surplus.owner == self.tool;
        }
        if let Some(unwanted) = record.typed::<Unwanted>() {
            return self.kinds.contains(&unwanted.record.kind());
        }
        let replaces = self.replaces.as_ref();
        replaces.is_some_and(|(kind, name)| record.kind() == *kind && record.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_itself_it_does_not_pass_on() {
        let owned = Owned {
            tool: "mk-sg",
            kinds: vec!["sg"],
            replaces: Some(("app", "web".into())),
            ..Owned::default()
        };
        let surplus = |owner: &str| {
            let record = Record::new("surplus", "rule/sgr-1").with("owner", owner);
            record.with("what", "a rule")
        };
        let unwanted = |kind: &str| Record::of(&Unwanted::of(Record::new(kind, "alb/web")));
        for (record, swallows) in [
            (surplus("mk-sg"), true),
            (surplus("mk-alb"), false),
            (unwanted("sg"), true),
            (unwanted("alb"), false),
            (Record::new("app", "web"), true),
            (Record::new("app", "api"), false),
            (Record::new("sg", "web"), false),
        ] {
            assert_eq!(owned.swallows(&record), swallows, "{record:?}");
            assert!(!Owned::default().swallows(&record), "{record:?}");
        }
    }
}
