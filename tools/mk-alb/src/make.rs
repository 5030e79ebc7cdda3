//! The order in which an app's load balancer is made: target group and load balancer side by side,
//! each as soon as its records are there; then the listener, which a load balancer takes while it
//! is provisioning; last the attributes, which it takes when it is active.

use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared, try_join};
use plumbing::{App, Change, Record, Result, Sg, Stream, Vpc};
use tokio::join;
use tokio::time::sleep;

use crate::aws::Elb;
use crate::plan::{self, Balancer, Changes, Group, Have, Listener, Place, Step, Tags, Want};
use crate::record;

/// When a load balancer that was just made is looked at first; an emulator's is active by then.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// What one run knows: AWS is asked once for all apps.
struct Run<'a> {
    stream: &'a Stream,
    elb: &'a Elb,
    found: Shared<LocalBoxFuture<'a, Result<Rc<Have>>>>,
}

/// Acts on each app as it arrives; looks at what is there meanwhile.
pub async fn all(stream: &Stream, elb: &Elb) -> Result<()> {
    let found = async { elb.find().await.map(Rc::new) };
    let run = Run {
        stream,
        elb,
        found: found.boxed_local().shared(),
    };
    let look = async { told(elb, run.found.clone().await.map(drop)) };
    let (look, apps) = join!(look, stream.for_each_record(|app| run.app(app)));
    look.and(apps)
}

impl Run<'_> {
    async fn app(&self, app: App) -> Result<()> {
        let (elb, stream) = (self.elb, self.stream);
        let want = plan::want(&elb.aws.env, &app);
        let have = self.found.clone().await?;
        plan::check(&elb.aws.env, &want, &have)?;
        let with_subnets =
            || stream.need_where::<Vpc>("main", |vpc| !vpc.public_subnets.is_empty());
        let group = async {
            let vpc = with_subnets().await?; // without any, it may go to another run's
            self.group(
                &want,
                &vpc.id,
                plan::named(&have.groups, &want.group).cloned(),
            )
            .await
        };
        let balancer = async {
            let name = format!("alb/{}", app.name);
            let (vpc, sg) = try_join(with_subnets(), stream.need::<Sg>(&name)).await?;
            let place = plan::place(&want, &vpc, &sg.id)?;
            let found = plan::named(&have.balancers, &want.balancer).cloned();
            let (balancer, todo) = self.balancer(&want, &place, found).await?;
            Ok((balancer, todo, place))
        };
        let (group, balancer) = join!(async { told(elb, group.await) }, async {
            told(elb, balancer.await)
        });
        let ((group, fresh), (balancer, todo, place)) = (group?, balancer?);
        stream.control.check_stopped()?;
        let delay = async {
            let changes = plan::attribute_changes(&group.attributes, plan::GROUP_ATTRIBUTES);
            match fresh && !elb.aws.env.plan {
                true => self.change_group(&want, &group, &changes).await,
                false => Ok(()),
            }
        };
        let forwarding = async {
            self.listener(&want, &balancer, &group.arn).await?;
            self.finish(&want, &place, &balancer, todo).await
        };
        let (delay, forwarding) = join!(delay, forwarding);
        delay.and(forwarding)
    }

    /// The target group, as soon as it exists, and whether its attributes are still AWS's own.
    async fn group(
        &self,
        want: &Want,
        vpc: &str,
        mut have: Option<Group>,
    ) -> Result<(Group, bool)> {
        let elb = self.elb;
        loop {
            match plan::group(&elb.aws.env, want, vpc, have.as_ref())? {
                Step::Keep(group) => {
                    self.write(record::group(&want.app, &group), Change::Kept)
                        .await?;
                    return Ok((group, false));
                }
                Step::Change(group, changes) => {
                    self.change_group(want, &group, &changes).await?;
                    let group = Group {
                        health: want.health.clone(),
                        ..group
                    };
                    self.write_changed(record::group(&want.app, &group), &changes)
                        .await?;
                    return Ok((group, false));
                }
                Step::Create if elb.aws.env.plan => {
                    let group = record::planned_group(&elb.aws.env, want);
                    self.write(record::group(&want.app, &group), Change::Create)
                        .await?;
                    return Ok((group, true));
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    match elb.create_group(want, vpc).await? {
                        Some(group) => {
                            self.write(record::group(&want.app, &group), Change::Created)
                                .await?;
                            return Ok((group, true));
                        }
                        None => have = Some(elb.group_again(&want.group).await?), // someone was faster
                    }
                }
            }
        }
    }

    async fn change_group(&self, want: &Want, group: &Group, changes: &Changes) -> Result<()> {
        if self.elb.aws.env.plan {
            return Ok(());
        }
        self.elb.aws.control.wait_for_account().await?;
        let parts = plan::parts(changes)
            .into_iter()
            .map(|part| self.elb.change_group(want, &group.arn, part));
        self.elb.aws.control.run_all(parts).await.map(drop)
    }

    /// The load balancer, as soon as it exists, and what has to wait until it is active.
    async fn balancer(
        &self,
        want: &Want,
        place: &Place,
        mut have: Option<Balancer>,
    ) -> Result<(Balancer, Changes)> {
        let elb = self.elb;
        loop {
            match plan::balancer(&elb.aws.env, want, place, have.as_ref())? {
                Step::Keep(balancer) => {
                    self.write(record::alb(&want.app, &balancer), Change::Kept)
                        .await?;
                    return Ok((balancer, Changes::new()));
                }
                // A run before this one was cut off while it was provisioning; or its tags are not as
                // wanted, from which a run that is cut off here knows to look at the listener's as well.
                Step::Change(balancer, changes)
                    if (balancer.state == "provisioning" || plan::retags(&changes))
                        && !elb.aws.env.plan =>
                {
                    self.write(record::alb(&want.app, &balancer), Change::Kept)
                        .await?;
                    return Ok((balancer, changes));
                }
                Step::Change(balancer, changes) => {
                    self.change_balancer(want, place, &balancer, &changes)
                        .await?;
                    self.write_changed(record::alb(&want.app, &balancer), &changes)
                        .await?;
                    return Ok((balancer, Changes::new()));
                }
                Step::Create if elb.aws.env.plan => {
                    let balancer = record::planned_balancer(&elb.aws.env, want);
                    self.write(record::alb(&want.app, &balancer), Change::Create)
                        .await?;
                    return Ok((balancer, Changes::new()));
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    match elb.create_balancer(want, place).await? {
                        Some(balancer) => {
                            self.write(record::alb(&want.app, &balancer), Change::Created)
                                .await?;
                            return Ok((
                                balancer,
                                plan::attribute_changes(&Tags::new(), plan::ATTRIBUTES),
                            ));
                        }
                        None => have = Some(elb.balancer_again(&want.balancer).await?), // someone was faster
                    }
                }
            }
        }
    }

    async fn change_balancer(
        &self,
        want: &Want,
        place: &Place,
        balancer: &Balancer,
        changes: &Changes,
    ) -> Result<()> {
        if self.elb.aws.env.plan {
            return Ok(());
        }
        self.elb.aws.control.wait_for_account().await?;
        let change = |part| self.elb.change_balancer(want, place, &balancer.arn, part);
        self.elb
            .aws
            .control
            .run_all(plan::parts(changes).into_iter().map(change))
            .await
            .map(drop)
    }

    /// What a load balancer takes only when it is active.
    async fn finish(
        &self,
        want: &Want,
        place: &Place,
        balancer: &Balancer,
        changes: Changes,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        // Looking at once would only cost a call: it takes minutes.
        self.elb
            .aws
            .control
            .unless_stopped(sleep(FIRST_LOOK))
            .await?;
        self.elb.active(std::slice::from_ref(&balancer.arn)).await?;
        self.change_balancer(want, place, balancer, &changes)
            .await?;
        match self.elb.aws.env.owns(&balancer.tags) {
            true => {
                self.write_changed(record::alb(&want.app, balancer), &changes)
                    .await
            }
            false => Ok(()), // it was made just now, and is told as created
        }
    }

    async fn listener(&self, want: &Want, balancer: &Balancer, group: &str) -> Result<()> {
        let elb = self.elb;
        let record = |listener: &Listener| record::listener(&want.app, &listener.arn, group);
        // To read its tags would be a third call after two others, in each run that changes nothing.
        if let [alone] = balancer.listeners.as_slice()
            && plan::serves(alone, group)
            && plan::is_tagged(&elb.aws.env, want, balancer)
        {
            return self.write(record(alone), Change::Kept).await;
        }
        let there = elb.tagged(&balancer.listeners).await?;
        if let Some(line) = plan::beside(&elb.aws.env, want, &there) {
            elb.aws.voice.say(&line);
        }
        let mut have = plan::serving(&elb.aws.env, want, &there).cloned();
        loop {
            match plan::listener(&elb.aws.env, want, have.as_ref(), group)? {
                Step::Keep(listener) => return self.write(record(&listener), Change::Kept).await,
                Step::Change(listener, changes) => {
                    if !elb.aws.env.plan {
                        elb.aws.control.wait_for_account().await?;
                        let change = |part| elb.change_listener(want, &listener.arn, group, part);
                        elb.aws
                            .control
                            .run_all(plan::parts(&changes).into_iter().map(change))
                            .await?;
                    }
                    return self.write_changed(record(&listener), &changes).await;
                }
                Step::Create if elb.aws.env.plan => {
                    let planned = Listener {
                        arn: elb.aws.env.planned(&want.listener),
                        ..Listener::default()
                    };
                    return self.write(record(&planned), Change::Create).await;
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    match elb.create_listener(want, &balancer.arn, group).await? {
                        Some(listener) => {
                            return self.write(record(&listener), Change::Created).await;
                        }
                        None => have = Some(elb.listener_again(balancer).await?), // someone was faster
                    }
                }
            }
        }
    }

    async fn write(&self, record: Record, change: Change) -> Result<()> {
        self.stream.write(record.changed(change, &[])).await
    }

    async fn write_changed(&self, record: Record, changes: &Changes) -> Result<()> {
        let differences = plan::differences(changes);
        let change = if self.elb.aws.env.plan {
            Change::Update
        } else {
            Change::Updated
        };
        self.stream
            .write(record.changed(change, &differences))
            .await
    }
}

/// Has the rest of the tool make nothing new after an error.
fn told<T>(elb: &Elb, result: Result<T>) -> Result<T> {
    if let Err(error) = &result {
        elb.aws.control.stop(error.clone());
    }
    result
}
