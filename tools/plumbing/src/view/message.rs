//! What a tool tells whoever draws. Between two tools of a pipe it goes as one line of JSON.

use serde::{Deserialize, Serialize};

use crate::change::Change;

/// One thing that a tool tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Who tells it.
    pub(crate) tool: String,
    /// What it is.
    pub(crate) told: Told,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// A line that stays on the screen.
    Note(String),
    /// A line of what a frame shows by itself.
    Undrawn(String),
    /// A line of what another one has drawn, who may not draw here.
    Drawn(String),
    /// What went wrong, and what can be done.
    Error { text: String, hint: Option<String> },
    /// Somebody asked to end.
    Interrupted,
    /// What this run did with the thing of this type and name.
    Change {
        kind: String,
        name: String,
        change: Change,
    },
    /// Something is waited for from now on.
    Waits(String),
    /// It is waited for no longer.
    Waited(String),
    /// How much of an app is there: so many tasks of how many.
    Progress {
        app: String,
        what: String,
        now: u64,
        of: u64,
    },
}

impl Message {
    /// Whether it must not be lost: it is told on stderr where nobody is known to have drawn it.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self.told, Told::Error { .. })
    }
}
