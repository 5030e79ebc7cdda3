//! An app's load balancer: made, or brought into line; and what it takes only when it is active.

use std::time::Duration;

use futures_util::future::try_join;
use plumbing::step::parts;
use plumbing::{Change, Differences, Result, Sg, Step};
use tokio::time::sleep;

use super::Run;
use crate::plan::Have;
use crate::plan::load_balancer::{self, LoadBalancer, Network};
use crate::plan::want::Want;
use crate::record;

/// After which time a load balancer that was just made is looked at: an emulator's is active by
/// then.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// What is left to do with a load balancer once it is active.
pub(super) struct WhenActive {
    network: Network,
    differences: Differences<load_balancer::Part>,
    /// Those of its parts that are yet to be set.
    parts: Vec<load_balancer::Part>,
    /// Whether it was made just now: then its record says so, and is not written again.
    created: bool,
}

impl Run<'_> {
    /// Makes the load balancer or brings it into line, and answers it as soon as it exists, and
    /// what has to wait until it is active.
    pub(super) async fn make_load_balancer(
        &self,
        want: &Want,
        have: &Have,
    ) -> Result<(LoadBalancer, WhenActive)> {
        let elb = self.elb;
        let env = &elb.aws.env;
        let name = &want.load_balancer_name;
        let network = self.network(want).await?;
        let mut found = have.load_balancer(name).cloned();
        self.tell_of_stricter(found.as_ref());
        loop {
            match load_balancer::step(env, want, &network, found)? {
                Step::Keep(have) => {
                    let record = record::alb(&want.app, &have);
                    self.write(record, Change::Kept).await?;
                    return Ok((have, WhenActive::nothing(network)));
                }
                Step::Change(have, differences)
                    if !env.plan && load_balancer::is_changed_last(&have, &differences) =>
                {
                    let mut parts = parts(&differences);
                    let first = load_balancer::changed_first(&have, &parts);
                    self.set_load_balancer(want, &network, &have, &first)
                        .await?;
                    parts.retain(|part| !first.contains(part));
                    let record = record::alb(&want.app, &have);
                    self.write(record, Change::Kept).await?;
                    let when_active = WhenActive {
                        network,
                        differences,
                        parts,
                        created: false,
                    };
                    return Ok((have, when_active));
                }
                Step::Change(have, differences) => {
                    let parts = parts(&differences);
                    self.set_load_balancer(want, &network, &have, &parts)
                        .await?;
                    let record = record::alb(&want.app, &have);
                    self.write_changed(record, differences).await?;
                    return Ok((have, WhenActive::nothing(network)));
                }
                Step::Create if env.plan => {
                    let planned = record::planned_load_balancer(env, want);
                    let record = record::alb(&want.app, &planned);
                    self.write(record, Change::Create).await?;
                    return Ok((planned, WhenActive::nothing(network)));
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    if let Some(created) = elb.create_load_balancer(want, &network).await? {
                        let record = record::alb(&want.app, &created);
                        self.write(record, Change::Created).await?;
                        return Ok((created, WhenActive::attributes(want, network)));
                    }
                    // Another run was faster.
                    found = Some(elb.wait_load_balancer_visible(name).await?);
                }
            }
        }
    }

    /// Tells which values stay, since they are stricter than ours.
    fn tell_of_stricter(&self, found: Option<&LoadBalancer>) {
        let Some(found) = found else {
            return;
        };
        for line in load_balancer::told_of_stricter(found) {
            self.elb.aws.voice.say(&line);
        }
    }

    /// Brings parts of a load balancer into line, unless this is a dry run.
    async fn set_load_balancer(
        &self,
        want: &Want,
        network: &Network,
        have: &LoadBalancer,
        parts: &[load_balancer::Part],
    ) -> Result<()> {
        let elb = self.elb;
        if elb.aws.env.plan || parts.is_empty() {
            return Ok(());
        }
        elb.aws.control.wait_for_account().await?;
        let calls = parts
            .iter()
            .map(|part| elb.set_load_balancer(want, network, have, *part));
        elb.aws.control.run_all(calls).await.map(drop)
    }

    /// Sets what a load balancer takes only when it is active.
    pub(super) async fn finish(
        &self,
        want: &Want,
        have: &LoadBalancer,
        when_active: WhenActive,
    ) -> Result<()> {
        let WhenActive {
            network,
            differences,
            parts,
            created,
        } = when_active;
        if differences.is_empty() {
            return Ok(());
        }
        // Looking at once would only cost a call: it takes minutes.
        let control = &self.elb.aws.control;
        control.unless_stopped(sleep(FIRST_LOOK)).await?;
        let arns = std::slice::from_ref(&have.arn);
        self.elb.wait_active(arns).await?;
        self.set_load_balancer(want, &network, have, &parts).await?;
        if created {
            return Ok(());
        }
        let record = record::alb(&want.app, have);
        self.write_changed(record, differences).await
    }

    /// Where the load balancer is to be, by the records of the tools upstream.
    async fn network(&self, want: &Want) -> Result<Network> {
        let name = format!("alb/{}", want.app);
        let security_group = self.stream.need::<Sg>(&name);
        let (vpc, security_group) = try_join(self.vpc_with_subnets(), security_group).await?;
        load_balancer::network(want, &vpc, &security_group.id)
    }
}

impl WhenActive {
    /// The subnets of zones that the network leaves.
    pub(super) fn left(&self) -> &[String] {
        &self.network.left
    }

    fn nothing(network: Network) -> Self {
        WhenActive {
            network,
            differences: Differences::new(),
            parts: Vec::new(),
            created: false,
        }
    }

    /// What a load balancer lacks that was made just now.
    fn attributes(want: &Want, network: Network) -> Self {
        let differences = load_balancer::differences_of_new(want);
        WhenActive {
            network,
            parts: parts(&differences),
            differences,
            created: true,
        }
    }
}
