//! What everything works with that makes task definitions and services.

use std::collections::BTreeMap;

use futures_util::future::{LocalBoxFuture, Shared};
use plumbing::{Change, Difference, Env, Record, Result, Stream};

use tokio::sync::OnceCell;

use super::lookup::ServiceLookup;
use super::moves::Moves;
use crate::aws::Ecs;

/// Answers the cluster's ARN once the cluster exists.
pub type ClusterReady<'a> = Shared<LocalBoxFuture<'a, Result<String>>>;

/// What the command line says of apps.
#[derive(Default)]
pub struct Flags {
    /// The images of some apps, which win over all others.
    pub images: BTreeMap<String, String>,
    /// The apps that return to what they ran before.
    pub rollbacks: Vec<String>,
    /// Whether an app may have no image yet.
    pub placeholder: bool,
}

/// What everything works with that makes task definitions and services.
pub struct Context<'a> {
    /// The records.
    pub stream: &'a Stream,
    /// ECS.
    pub ecs: &'a Ecs,
    /// What the command line says.
    pub flags: &'a Flags,
    /// The services that exist.
    pub services: ServiceLookup<'a>,
    /// The cluster.
    pub cluster: ClusterReady<'a>,
    /// The apps that move to another target group.
    pub moves: Moves,
    /// Set once the cluster has what tasks on Fargate Spot need.
    pub spot: OnceCell<()>,
}

impl<'a> Context<'a> {
    /// Nothing is asked of AWS yet.
    pub fn new(
        stream: &'a Stream,
        ecs: &'a Ecs,
        flags: &'a Flags,
        cluster: ClusterReady<'a>,
    ) -> Self {
        Context {
            stream,
            ecs,
            flags,
            services: ServiceLookup::new(ecs),
            cluster,
            moves: Moves::default(),
            spot: OnceCell::new(),
        }
    }

    /// The environment.
    pub fn env(&self) -> &'a Env {
        &self.ecs.aws.env
    }

    /// Writes the record of something that existed before this run, with the differences that were
    /// brought into line, or in a dry run would be.
    pub async fn write_found(&self, record: Record, differences: &[Difference]) -> Result<()> {
        let change = if differences.is_empty() {
            Change::Kept
        } else if self.env().plan {
            Change::Update
        } else {
            Change::Updated
        };
        self.stream.write(record.changed(change, differences)).await
    }
}
