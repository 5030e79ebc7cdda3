//! The order in which an app's load balancer is made: target group and load balancer side by side,
//! each as soon as its records are there; then the listener, which a load balancer takes while it
//! is provisioning; last the load balancer's attributes, which it takes when it is active.
//!
//! An app behind another one needs a target group, and a rule of that one's listener; a worker nothing.
//! Nothing is taken away: what an app had before a change is told, and goes at the end of the pipe. An
//! app's requests follow its tasks, so mk-ecs-svc, which moves these, has them follow.

mod listener;
mod load_balancer;
mod rule;
mod target_group;

use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use plumbing::step::without_parts;
use plumbing::{App, Change, Differences, Record, Result, Stream, Surplus, Vpc};
use tokio::join;
use tokio::sync::watch;

use crate::aws::Elb;
use crate::check;
use crate::plan::rule::RuleWant;
use crate::plan::want::{Want, want};
use crate::plan::{self, Have, surplus};
use crate::record;
use rule::Hosted;

/// What the apps of one run share: AWS is asked once for all.
struct Run<'a> {
    stream: &'a Stream,
    elb: &'a Elb,
    found: Shared<LocalBoxFuture<'a, Result<Rc<Have>>>>,
    /// The listeners of apps, by their names: those that are behind one wait for it.
    listeners: watch::Sender<BTreeMap<String, Hosted>>,
}

/// Makes the load balancer of each app as the app's record arrives.
pub async fn for_each_app(stream: &Stream, elb: &Elb) -> Result<()> {
    let found = async {
        let found = elb.find().await?;
        stream.release(check::found(&elb.aws.env, &found));
        Ok(Rc::new(found))
    };
    let run = Run {
        stream,
        elb,
        found: found.boxed_local().shared(),
        listeners: watch::channel(BTreeMap::new()).0,
    };
    run.make_all().await
}

impl Run<'_> {
    /// Makes what all apps need, and writes all records.
    async fn make_all(&self) -> Result<()> {
        // AWS is asked at once, before the first app has arrived.
        let found = self.or_stop(self.found.clone());
        let apps = self.stream.for_each_record(|app| self.make_app(app));
        let (found, apps, unwanted) = join!(found, apps, self.tell_unwanted());
        found?;
        apps?;
        unwanted
    }

    /// Makes what one app needs.
    async fn make_app(&self, app: App) -> Result<()> {
        let env = &self.elb.aws.env;
        let have = self.found.clone().await?;
        if app.worker {
            return self
                .write_surplus(surplus::of_worker(env, &app.name, &have))
                .await;
        }
        let want = want(env, &app);
        plan::check(env, &want, &have)?;
        if let Some(rule) = &want.rule {
            return self.make_behind(&want, rule, &have).await;
        }
        let (target_groups, load_balancer) = join!(
            self.make_target_groups(&want, &have),
            self.or_stop(self.make_load_balancer(&want, &have)),
        );
        let target_groups = target_groups?;
        let (load_balancer, when_active) = load_balancer?;
        self.stream.control.check_stopped()?;
        let listening = async {
            let groups = target_groups.groups();
            let listening = self.make_listener(&want, &load_balancer, &groups, &have);
            let listening = listening.await?;
            let left = surplus::zones(&want, &have, when_active.left());
            let surplus = surplus::of_app(env, &want, &have).into_iter().chain(left);
            self.write_surplus(surplus.collect()).await?;
            let rules = async {
                let rules = if listening.is_new {
                    Vec::new()
                } else {
                    self.rules_of(&want, &listening.arn, &have).await?
                };
                let listener = listening.arn.clone();
                self.add_listener(&want.app, Hosted { listener, rules });
                Ok(())
            };
            let finish = self.finish(&want, &load_balancer, when_active);
            let (rules, finish) = join!(rules, finish);
            finish.and(rules)
        };
        let attributes = self.set_attributes(&target_groups);
        let (attributes, listening) = join!(attributes, listening);
        attributes.and(listening)
    }

    /// Makes what an app needs that answers at another one's load balancer: a target group, and the rule that
    /// forwards to it.
    async fn make_behind(&self, want: &Want, rule: &RuleWant, have: &Have) -> Result<()> {
        let target_groups = self.make_target_groups(want, have).await?;
        let listening = async {
            let groups = target_groups.groups();
            self.make_rule(want, rule, &groups, have).await?;
            let surplus = surplus::of_app(&self.elb.aws.env, want, have);
            self.write_surplus(surplus).await
        };
        let attributes = self.set_attributes(&target_groups);
        let (attributes, listening) = join!(attributes, listening);
        attributes.and(listening)
    }

    /// Tells what is of no app of the stream, once all apps are known. It stays.
    async fn tell_unwanted(&self) -> Result<()> {
        let Ok(have) = self.found.clone().await else {
            return Ok(()); // who asked first says why
        };
        let Ok(records) = self.stream.all().await else {
            return Ok(()); // the apps say why
        };
        let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
        for unwanted in record::unwanted(&self.elb.aws.env, &apps, &have) {
            self.stream.write(Record::of(&unwanted)).await?;
        }
        Ok(())
    }

    /// Tells what nothing needs any more, and leaves it to `prune-env`.
    async fn write_surplus(&self, surplus: Vec<Surplus>) -> Result<()> {
        for one in surplus {
            let line = format!("nothing needs {}: prune-env takes it away", one.what);
            self.stream.voice.say(&line);
            self.stream.write(Record::of(&one)).await?;
        }
        Ok(())
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
