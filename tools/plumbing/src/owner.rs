//! What a tool's crate tells of its resources, so that `ls-env` and `rm-env` need not know them.

use futures_util::future::LocalBoxFuture;

use crate::aws::Aws;
use crate::error::Result;
use crate::proof::Check;
use crate::record::Record;
use crate::stream::Stream;

/// Finds an environment's resources again, as the records that the tool would have written.
pub type Find = for<'a> fn(&'a Aws) -> LocalBoxFuture<'a, Result<Vec<Record>>>;

/// Deletes the tool's own among some records, and writes each as deleted.
pub type Delete = for<'a> fn(&'a Stream, &'a Aws, &'a [Record]) -> LocalBoxFuture<'a, Result<()>>;

/// A tool that makes resources: whose they are, how they are found again and how they go.
pub struct Owner {
    /// The tool's name.
    pub tool: &'static str,
    /// Which half of an environment its resources belong to.
    pub half: Half,
    /// What `--iam-policy` prints: the permissions to find, make and delete them.
    pub policy: &'static str,
    /// Checks the records of its types that come in, before anyone downstream can use them: so a line
    /// in a file of apps cannot slip in somebody else's role or security group.
    pub check: Check,
    /// Finds them again.
    pub find: Find,
    /// How they go: mostly all at once.
    pub deletions: &'static [Deletion],
    /// Takes away its own [`Surplus`](crate::Surplus) among some records, and writes each as deleted.
    /// It looks again whether each is ours and still not wanted.
    pub prune: Option<Delete>,
}

impl Owner {
    /// The types of the records that this tool makes.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let kinds = self.deletions.iter().flat_map(|deletion| deletion.kinds);
        kinds.copied().collect()
    }
}

/// Resources that a tool deletes in one go.
pub struct Deletion {
    /// The types of their records. `rm-env` orders deletions by the first of them.
    pub kinds: &'static [&'static str],
    /// Deletes them.
    pub delete: Delete,
}

/// The halves of an environment.
#[derive(Clone, Copy)]
pub enum Half {
    /// What serves the apps.
    Services,
    /// What builds the sources.
    Pipelines,
    /// Both, so that it stays until neither needs it. It is listed with the services.
    Both,
    /// Each record tells.
    ByRecord(fn(&Record) -> Half),
}

impl Half {
    /// Whether a record of this owner is among the services, or else among the pipelines.
    pub fn serves(self, record: &Record) -> bool {
        match self {
            Half::Services | Half::Both => true,
            Half::Pipelines => false,
            Half::ByRecord(half_of) => half_of(record).serves(record),
        }
    }
}
