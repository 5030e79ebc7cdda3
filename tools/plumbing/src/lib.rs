//! What every Plumbline tool does that is not about its own resource: the record stream, names
//! and tags, the command line, waiting, retrying and the wording of AWS errors.
//!
//! A tool is one function from its arguments and the stream to a result:
//!
//! ```ignore
//! async fn run(args: Args, stream: Stream) -> Result<()> {
//!     let env = stream.env().await?;                  // from stdin, or from flags at the head
//!     let aws = Aws::connect(&stream, &env).await?;   // the account is checked meanwhile
//!     let topics = aws::client(&aws);
//!     let found = topics.get(&name);                  // needs the env alone: starts at once
//!     let role = stream.need::<Role>(&role);          // waits for the record, not for the end
//!     let (found, role) = try_join!(found, role)?;    // reading may be dropped; changing may not
//!     let want = plan::want(&env, &role);             // the decisions are pure
//!     let topic = Resource {
//!         found,
//!         record: plan::record(&want),
//!         create: async || topics.create(&want).await,
//!         wait_visible: async || topics.wait_visible(&want.name).await,
//!         compare: |have| plan::compare(&env, &want, have),
//!         mend: async |parts| topics.set(&want, parts).await,
//!     };
//!     topic.make_or_mend(&stream, &aws).await         // each record is flushed at once
//! }
//! ```
//!
//! Nothing here knows an AWS service but STS, and nothing here is generic over tools but [`run()`].
//! The modules know each other in one direction: `run` → `ending`, `head` → `step`, `owner` → `aws`
//! → `settings`, `judge`, `stream` → `owned`, `control`, `arrived` → `proof`, `voice` → `view` → `flags`,
//! `types` → `record`, `zone`.

mod arrived;
mod aws;
mod change;
mod check;
pub mod connection;
mod control;
mod ending;
mod env;
mod error;
mod flags;
mod github;
mod head;
pub mod hints;
mod judge;
mod misfit;
pub mod name;
pub mod not_yet;
mod owned;
mod owner;
mod pipe;
pub mod policy;
pub mod proof;
#[cfg(test)]
mod properties;
mod record;
pub mod reference;
pub mod region;
mod run;
mod scan;
mod settings;
pub mod step;
mod stream;
pub mod tags;
mod terminal;
mod types;
pub mod unknown;
mod view;
mod voice;
pub mod wait;
mod wishes;
mod zone;

pub use aws::Aws;
pub use change::{Change, Difference};
pub use control::Control;
pub use error::{Error, Kind, Result, aws_error, code, message, refusal};
pub use flags::{Common, any_number, whole};
pub use owner::{Deletion, Half, Owner};
pub use proof::Proof;
pub use record::{Record, RecordType};
pub use run::{run, run_after, run_env, run_owner, run_wish};
pub use settings::Surroundings;
pub use step::{Differences, Resource, Step};
pub use stream::Stream;
pub use terminal::printable;
pub use types::{
    Alb, App, Balancing, Bucket, Build, Building, Cluster, Connection, Container, Deploy, Egress,
    Env, Failed, Function, HealthCheck, Image, Listener, LogGroup, MOUNT_STATEMENT, Mount,
    Pipeline, Range, Reach, Repo, Rights, Role, Rule, Scale, ScaleOn, Scheduled, SecretRef,
    Secrets, Service, Sg, Sharing, Shift, Sidecar, Source, Surplus, TaskDefinition, Unwanted, Vpc,
    Way, secret_ref, soft_and_hard,
};
pub use voice::{Voice, Waiting};
pub use wishes::{Wishes, is_deployed, is_own_role, write_unwanted};
pub use zone::{is_about_zone, zone_hint};
