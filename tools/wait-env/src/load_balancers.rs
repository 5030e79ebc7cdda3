//! Waiting until load balancers are active.

use std::cell::RefCell;

use plumbing::{Alb, Aws, Change, Listener, Result, Stream};
use tokio::task::yield_now;

use crate::already_healthy::AlreadyHealthyOnce;

/// The load balancers that are waited for: those whose records come together are one call.
pub struct LoadBalancers<'a> {
    stream: &'a Stream,
    aws: &'a Aws,
    already_healthy: AlreadyHealthyOnce<'a>,
    /// The ARNs of those that have arrived and are not asked for yet.
    arrived: RefCell<Vec<String>>,
}

impl<'a> LoadBalancers<'a> {
    /// None has arrived yet.
    pub fn new(
        stream: &'a Stream,
        aws: &'a Aws,
        already_healthy: AlreadyHealthyOnce<'a>,
    ) -> LoadBalancers<'a> {
        LoadBalancers {
            stream,
            aws,
            already_healthy,
            arrived: RefCell::default(),
        }
    }

    /// Waits until a load balancer is active, together with all that arrived at the same time; or
    /// ends at once, where another call has taken it along.
    pub async fn wait(&self, alb: Alb) -> Result<()> {
        if self.has_healthy_targets(&alb).await? {
            return Ok(());
        }
        self.arrived.borrow_mut().push(alb.arn);
        self.stream.input_quiet().await?;
        yield_now().await; // the others' turn to say what they wait for
        let arns = self.arrived.take();
        if arns.is_empty() {
            return Ok(());
        }
        mk_alb::wait_active(self.aws, &arns).await
    }

    /// Whether a load balancer was kept and its targets were healthy from the first: then it is
    /// active.
    async fn has_healthy_targets(&self, alb: &Alb) -> Result<bool> {
        let already_healthy = self.already_healthy.clone().await?;
        let change = alb.rest.get("change");
        let is_changed = change.is_some_and(|change| change != Change::Kept.word());
        // Without any healthy target group, its listener is not worth waiting for.
        if is_changed || already_healthy.has_no_target_groups() {
            return Ok(false);
        }
        match self.stream.need::<Listener>(&alb.name).await {
            Ok(listener) => Ok(already_healthy.has_targets_of(&listener)),
            Err(_) => Ok(false), // no listener comes
        }
    }
}
