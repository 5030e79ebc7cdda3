//! What every Plumbline tool does that is not about its own resource: the record stream, names
//! and tags, the command line, waiting, retrying and the wording of AWS errors.
//!
//! A tool is one function from its arguments and the stream to a result:
//!
//! ```ignore
//! async fn run(args: Args, stream: Stream) -> Result<()> {
//!     let env = stream.env().await?;                  // from stdin, or from flags at the head
//!     let aws = Aws::connect(&stream, &env).await?;   // the account is checked meanwhile
//!     let found = aws::find(&ec2, &env);              // needs the env alone: starts at once
//!     let vpc = stream.need::<Vpc>("main");           // waits for the record, not for the end
//!     let (vpc, found) = try_join!(vpc, found)?;      // reading may be dropped; changing may not
//!     match plan::step(&want, found)? {               // the decision: pure
//!         Step::Keep(group) => group,
//!         Step::Create => aws::create(&ec2, &want).await?,
//!     };
//!     stream.write(record).await                      // flushed at once
//! }
//! ```
//!
//! Nothing here knows an AWS service but STS, and nothing here is generic over tools but [`run()`].

mod aws;
mod check;
mod env;
mod error;
mod flags;
mod head;
pub mod name;
mod pipe;
#[cfg(test)]
mod properties;
mod record;
mod run;
mod scan;
mod settings;
mod stream;
mod voice;
pub mod wait;

pub use aws::Aws;
pub use error::{Error, Kind, Result, aws_error, code, message};
pub use flags::Common;
pub use record::{
    Alb, App, Bucket, Build, Change, Cluster, Connection, Difference, Egress, Env, Failed,
    Function, Image, Listener, LogGroup, Pipeline, Record, Repo, Role, Rule, Service, Sg, Source,
    Step, TaskDefinition, Typed, Vpc,
};
pub use run::{run, run_after};
pub use stream::Stream;
