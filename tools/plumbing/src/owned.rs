//! What a tool knows of the records of the types that it makes itself: each is checked where it comes
//! in, before anyone downstream can use it. Pure.

use std::collections::HashSet;

use crate::proof::Check;
use crate::record::Record;

/// The types that a tool makes, what its look-up found, and the records that wait for that.
#[derive(Default)]
pub(crate) struct Owned {
    /// The types of its records; none of a tool that makes no resources.
    pub(crate) kinds: Vec<&'static str>,
    /// How they are checked.
    pub(crate) check: Option<Check>,
    /// The IDs that its look-up found, once it has looked.
    pub(crate) found: Option<HashSet<String>>,
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
}
