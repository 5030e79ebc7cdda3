//! The order in which an app's load balancer is made: target group and load balancer side by side,
//! each as soon as its records are there; then the listener, which a load balancer takes while it
//! is provisioning; last the load balancer's attributes, which it takes when it is active.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared, try_join};
use plumbing::step::{parts, without_parts};
use plumbing::{App, Change, Differences, Record, Result, Sg, Step, Stream, Vpc};
use tokio::join;
use tokio::time::sleep;

use crate::aws::Elb;
use crate::plan::listener::{self, Listener};
use crate::plan::load_balancer::{self, LoadBalancer, Network};
use crate::plan::target_group::{self, TargetGroup};
use crate::plan::want::{Want, want};
use crate::plan::{self, Have};
use crate::record;

/// After which time a load balancer that was just made is looked at: an emulator's is active by
/// then.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// What the apps of one run share: AWS is asked once for all.
struct Run<'a> {
    stream: &'a Stream,
    elb: &'a Elb,
    found: Shared<LocalBoxFuture<'a, Result<Rc<Have>>>>,
}

/// What is left to do with a load balancer once it is active.
struct WhenActive {
    network: Network,
    differences: Differences<load_balancer::Part>,
    /// Whether it was made just now: then its record says so, and is not written again.
    created: bool,
}

/// Makes the load balancer of each app as the app's record arrives.
pub async fn for_each_app(stream: &Stream, elb: &Elb) -> Result<()> {
    let found = async { elb.find().await.map(Rc::new) };
    let run = Run {
        stream,
        elb,
        found: found.boxed_local().shared(),
    };
    // AWS is asked at once, before the first app has arrived.
    let found = run.or_stop(run.found.clone());
    let apps = stream.for_each_record(|app| run.make_app(app));
    let (found, apps) = join!(found, apps);
    found?;
    apps
}

impl Run<'_> {
    /// Makes what one app needs.
    async fn make_app(&self, app: App) -> Result<()> {
        let env = &self.elb.aws.env;
        let want = want(env, &app);
        let have = self.found.clone().await?;
        plan::check(env, &want, &have)?;
        let (target_group, load_balancer) = join!(
            self.or_stop(self.make_target_group(&want, &have)),
            self.or_stop(self.make_load_balancer(&want, &have)),
        );
        let (target_group, created) = target_group?;
        let (load_balancer, when_active) = load_balancer?;
        self.stream.control.check_stopped()?;
        let listening = async {
            let target_group = &target_group.arn;
            self.make_listener(&want, &load_balancer, target_group)
                .await?;
            self.finish(&want, &load_balancer, when_active).await
        };
        if !created {
            return listening.await;
        }
        let attribute = &[target_group::Part::Attributes];
        let attributes = self.set_target_group(&want, &target_group, attribute);
        let (attributes, listening) = join!(attributes, listening);
        attributes.and(listening)
    }

    /// Makes the target group or brings it into line, and answers it as soon as it exists, and
    /// whether it was made just now: then its attributes are AWS's own.
    async fn make_target_group(&self, want: &Want, have: &Have) -> Result<(TargetGroup, bool)> {
        let elb = self.elb;
        let env = &elb.aws.env;
        let name = &want.target_group_name;
        let vpc = self.vpc_with_subnets().await?;
        let mut found = have.target_group(name).cloned();
        loop {
            match target_group::step(env, want, &vpc.id, found)? {
                Step::Keep(have) => {
                    let record = record::target_group(&want.app, &have);
                    self.write(record, Change::Kept).await?;
                    return Ok((have, false));
                }
                Step::Change(mut have, differences) => {
                    let parts = parts(&differences);
                    self.set_target_group(want, &have, &parts).await?;
                    have.health_check = want.health_check.clone();
                    let record = record::target_group(&want.app, &have);
                    self.write_changed(record, differences).await?;
                    return Ok((have, false));
                }
                Step::Create if env.plan => {
                    let planned = record::planned_target_group(env, want);
                    let record = record::target_group(&want.app, &planned);
                    self.write(record, Change::Create).await?;
                    return Ok((planned, false));
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    if let Some(created) = elb.create_target_group(want, &vpc.id).await? {
                        let record = record::target_group(&want.app, &created);
                        self.write(record, Change::Created).await?;
                        return Ok((created, true));
                    }
                    // Another run was faster.
                    found = Some(elb.wait_target_group_visible(name).await?);
                }
            }
        }
    }

    /// Brings parts of a target group into line, unless this is a dry run.
    async fn set_target_group(
        &self,
        want: &Want,
        have: &TargetGroup,
        parts: &[target_group::Part],
    ) -> Result<()> {
        let elb = self.elb;
        if elb.aws.env.plan {
            return Ok(());
        }
        elb.aws.control.wait_for_account().await?;
        let calls = parts
            .iter()
            .map(|part| elb.set_target_group(want, &have.arn, *part));
        elb.aws.control.run_all(calls).await.map(drop)
    }

    /// Makes the load balancer or brings it into line, and answers it as soon as it exists, and
    /// what has to wait until it is active.
    async fn make_load_balancer(
        &self,
        want: &Want,
        have: &Have,
    ) -> Result<(LoadBalancer, WhenActive)> {
        let elb = self.elb;
        let env = &elb.aws.env;
        let name = &want.load_balancer_name;
        let network = self.network(want).await?;
        let mut found = have.load_balancer(name).cloned();
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
                    let record = record::alb(&want.app, &have);
                    self.write(record, Change::Kept).await?;
                    let when_active = WhenActive {
                        network,
                        differences,
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
                        return Ok((created, WhenActive::attributes(network)));
                    }
                    // Another run was faster.
                    found = Some(elb.wait_load_balancer_visible(name).await?);
                }
            }
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
        if elb.aws.env.plan {
            return Ok(());
        }
        elb.aws.control.wait_for_account().await?;
        let calls = parts
            .iter()
            .map(|part| elb.set_load_balancer(want, network, &have.arn, *part));
        elb.aws.control.run_all(calls).await.map(drop)
    }

    /// Sets what a load balancer takes only when it is active.
    async fn finish(
        &self,
        want: &Want,
        have: &LoadBalancer,
        when_active: WhenActive,
    ) -> Result<()> {
        let WhenActive {
            network,
            differences,
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
        let parts = parts(&differences);
        self.set_load_balancer(want, &network, have, &parts).await?;
        if created {
            return Ok(());
        }
        let record = record::alb(&want.app, have);
        self.write_changed(record, differences).await
    }

    /// Makes the listener that forwards to the target group, or brings it into line.
    async fn make_listener(
        &self,
        want: &Want,
        have: &LoadBalancer,
        target_group: &str,
    ) -> Result<()> {
        let elb = self.elb;
        let env = &elb.aws.env;
        let app = &want.app;
        // To read its tags would be a third call after two others, in each run that changes nothing.
        if let [listener] = have.listeners.as_slice()
            && listener::serves(listener, target_group)
            && load_balancer::is_tagged(env, want, have)
        {
            let record = record::listener(app, &listener.arn, target_group);
            return self.write(record, Change::Kept).await;
        }
        let tagged = elb.with_tags(&have.listeners).await?;
        if let Some(warning) = listener::warning(env, want, &tagged) {
            elb.aws.voice.say(&warning);
        }
        let mut found = listener::of_app(env, want, &tagged).cloned();
        loop {
            match listener::step(env, want, target_group, found)? {
                Step::Keep(have) => {
                    let record = record::listener(app, &have.arn, target_group);
                    return self.write(record, Change::Kept).await;
                }
                Step::Change(have, differences) => {
                    let parts = parts(&differences);
                    self.set_listener(want, &have, target_group, &parts).await?;
                    let record = record::listener(app, &have.arn, target_group);
                    return self.write_changed(record, differences).await;
                }
                Step::Create if env.plan => {
                    let arn = env.planned(&want.listener_name);
                    let record = record::listener(app, &arn, target_group);
                    return self.write(record, Change::Create).await;
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    let created = elb.create_listener(want, &have.arn, target_group).await?;
                    if let Some(created) = created {
                        let record = record::listener(app, &created.arn, target_group);
                        return self.write(record, Change::Created).await;
                    }
                    // Another run was faster.
                    found = Some(elb.wait_listener_visible(have).await?);
                }
            }
        }
    }

    /// Brings parts of a listener into line, unless this is a dry run.
    async fn set_listener(
        &self,
        want: &Want,
        have: &Listener,
        target_group: &str,
        parts: &[listener::Part],
    ) -> Result<()> {
        let elb = self.elb;
        if elb.aws.env.plan {
            return Ok(());
        }
        elb.aws.control.wait_for_account().await?;
        let calls = parts
            .iter()
            .map(|part| elb.set_listener(want, &have.arn, target_group, *part));
        elb.aws.control.run_all(calls).await.map(drop)
    }

    /// Where the load balancer is to be, by the records of the tools upstream.
    async fn network(&self, want: &Want) -> Result<Network> {
        let name = format!("alb/{}", want.app);
        let security_group = self.stream.need::<Sg>(&name);
        let (vpc, security_group) = try_join(self.vpc_with_subnets(), security_group).await?;
        load_balancer::network(want, &vpc, &security_group.id)
    }

    /// The VPC, once its record names subnets: before that, mk-vpc may give it up for the one that
    /// another run made.
    async fn vpc_with_subnets(&self) -> Result<Vpc> {
        self.stream
            .need_where("main", |vpc: &Vpc| !vpc.public_subnets.is_empty())
            .await
    }

    /// Awaits a part of the work. Its error keeps all other parts from making anything new.
    async fn or_stop<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let result = work.await;
        if let Err(error) = &result {
            self.stream.control.stop(error.clone());
        }
        result
    }

    async fn write(&self, record: Record, change: Change) -> Result<()> {
        self.stream.write(record.changed(change, &[])).await
    }

    async fn write_changed<P>(&self, record: Record, differences: Differences<P>) -> Result<()> {
        let change = if self.elb.aws.env.plan {
            Change::Update
        } else {
            Change::Updated
        };
        let differences = without_parts(differences);
        let record = record.changed(change, &differences);
        self.stream.write(record).await
    }
}

impl WhenActive {
    fn nothing(network: Network) -> Self {
        WhenActive {
            network,
            differences: Differences::new(),
            created: false,
        }
    }

    /// What a load balancer lacks that was made just now.
    fn attributes(network: Network) -> Self {
        WhenActive {
            network,
            differences: load_balancer::differences_of_new(),
            created: true,
        }
    }
}
