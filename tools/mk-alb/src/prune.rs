//! Takes away what apps had before a change, at the end of a pipe. First the listeners leave the older
//! target groups; then load balancers go, with their listeners; last the target groups, which a
//! load balancer must not use any more.

use std::time::Duration;

use plumbing::step::delete_each;
use plumbing::{
    Alb, App, Aws, Error, Listener as Serving, Record, RecordType, Result, Stream, Surplus, Vpc,
    wait,
};
use tokio::time::sleep;

use crate::aws::{self, Elb};
use crate::delete::KINDS;
use crate::plan::Have;
use crate::plan::listener::{PORT, on_port};
use crate::plan::load_balancer::{LoadBalancer, is_protected};
use crate::plan::surplus::{Kind, kind_and_arn};
use crate::plan::tags::app_of;
use crate::plan::target_group::TargetGroup;
use crate::plan::traffic::{Forward, has_shifted, of_pair, plain};
use crate::record::app_name;
use crate::traffic::{Moving, follow, has_moved};

/// A deployment that is steady has stopped its old tasks; their last requests have 30 seconds, or the
/// five minutes that somebody gave them.
const LEFT_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// The mk-ecs-svc of the same pipe looks every second whether an app has moved, and ends then.
const ENDED_TOO: Duration = Duration::from_secs(3);

/// What a run prunes.
struct Prune<'a> {
    elb: &'a Elb,
    /// What is ours.
    have: Have,
    /// What the surplus records name, and no other record.
    surplus: Vec<(Kind, String)>,
    /// The listeners that serve the apps of the stream.
    serving: Vec<Serving>,
    /// The subnets of zones that the network leaves.
    left: Vec<String>,
    /// All records.
    records: &'a [Record],
}

/// Takes away the surplus among `records` that is ours, and that no record wants.
pub async fn prune(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let surplus = unwanted_surplus(records);
    if surplus.is_empty() {
        return Ok(());
    }
    let elb = aws::client(aws);
    let prune = Prune {
        elb: &elb,
        have: elb.find().await?.ours(&aws.env),
        surplus,
        serving: records.iter().filter_map(Record::typed).collect(),
        left: left_subnets_in(records),
        records,
    };
    prune.leave_target_groups().await?;
    for kinds in [
        &[Kind::Rule, Kind::Listener, Kind::LoadBalancer, Kind::Zones][..],
        &[Kind::TargetGroup],
    ] {
        delete_each(
            stream,
            records,
            async |surplus: &Surplus| match kind_and_arn(surplus) {
                Some((kind, arn)) if kinds.contains(&kind) && prune.is_surplus(kind, arn) => {
                    prune.delete(kind, arn).await
                }
                _ => Ok(false),
            },
        )
        .await?;
    }
    Ok(())
}

/// The surplus that no other record names.
fn unwanted_surplus(records: &[Record]) -> Vec<(Kind, String)> {
    let mut surplus = Vec::new();
    for one in records.iter().filter_map(Record::typed::<Surplus>) {
        let Some((kind, arn)) = kind_and_arn(&one) else {
            continue;
        };
        // A load balancer that is wanted leaves some of its zones all the same.
        let is_wanted = records.iter().any(|record| {
            kind != Kind::Zones
                && record.kind() != "surplus"
                && !is_of_before(records, record)
                && (record.text("arn") == arn
                    || record.text("target_group") == arn
                    || record.text(Serving::ALTERNATE) == arn)
        });
        if !is_wanted {
            surplus.push((kind, arn.to_string()));
        }
    }
    surplus
}

/// Whether a record is of what an app had before it became a worker, or came behind another one, as ls-env
/// wrote it.
fn is_of_before(records: &[Record], record: &Record) -> bool {
    let mut apps = records.iter().filter_map(Record::typed::<App>);
    let Some(app) = apps.find(|app| app.name == record.name()) else {
        return false;
    };
    match record.kind() {
        Alb::TYPE => !app.has_load_balancer(),
        kind => app.worker && KINDS.contains(&kind),
    }
}

/// Whether an app of the stream is to have no load balancer.
fn is_worker(records: &[Record], app: &str) -> bool {
    let mut apps = records.iter().filter_map(Record::typed::<App>);
    apps.any(|one| one.name == app && one.worker)
}

/// The subnets of zones that the network leaves, as mk-vpc tells them.
fn left_subnets_in(records: &[Record]) -> Vec<String> {
    let mut vpcs = records.iter().filter_map(Record::typed::<Vpc>);
    let vpc = vpcs.find(|vpc| vpc.name == "main");
    vpc.map(|vpc| vpc.left_subnets).unwrap_or_default()
}

/// Whether mk-ecs-svc has told of an app's service.
fn is_moved_by_the_pipe(records: &[Record], app: &str) -> bool {
    let mut records = records.iter();
    records.any(|one| one.kind() == "service" && one.name() == app)
}

/// How many tasks an app is to have: as its service says, which may be scaled; else as it says itself.
fn count_of(records: &[Record], app: &str) -> usize {
    let named = |kind: &str| {
        let mut named = records.iter();
        named.find(|one| one.kind() == kind && one.name() == app)
    };
    let service = named("service").and_then(|service| service.0.get("count")?.as_u64());
    let app = named("app").and_then(Record::typed::<App>);
    let count = service.or(app.map(|app| app.count.into()));
    count.map_or(usize::MAX, |count| {
        usize::try_from(count).unwrap_or(usize::MAX)
    })
}

fn stays(app: &str) -> Error {
    let message =
        format!("app {app} stays in its older target group: nothing in the pipe moves its tasks");
    Error::unfinished(message).hint("mk-ecs-svc, before prune-env, moves them")
}

impl Prune<'_> {
    fn is_surplus(&self, kind: Kind, arn: &str) -> bool {
        let mut surplus = self.surplus.iter();
        surplus.any(|(known, named)| *known == kind && named == arn)
    }

    /// Waits until the tasks have left the older target groups, and has the listeners that serve their
    /// apps forward to the wanted ones alone.
    async fn leave_target_groups(&self) -> Result<()> {
        let control = &self.elb.aws.control;
        let sharing = self.sharing_listeners();
        let moves = sharing.iter().map(|moving| self.finish(moving));
        control.run_all(moves).await?;
        if !sharing.is_empty() {
            control.unless_stopped(sleep(ENDED_TOO)).await?;
        }
        let groups = self.have.target_groups.iter();
        let older = groups.filter(|group| self.is_surplus(Kind::TargetGroup, &group.arn));
        let left = older.map(|group| self.wait_left(group));
        control.run_all(left).await?;
        let alone = sharing.iter().map(|moving| self.leave_older(moving));
        control.run_all(alone).await.map(drop)
    }

    /// Has a listener forward to the wanted target group alone; or to the two between which ECS shifts the
    /// requests, as it has shifted them.
    async fn leave_older(&self, moving: &Moving) -> Result<()> {
        let wanted = match self.pair(moving) {
            Some(pair) => {
                let now = self.elb.forwards(&moving.listener).await?;
                of_pair(&now.unwrap_or_default(), pair)
            }
            None => plain(&moving.target_group),
        };
        self.elb.forward(&moving.listener, &wanted).await
    }

    /// The two target groups of an app between which ECS shifts the requests.
    fn pair(&self, moving: &Moving) -> Option<[&str; 2]> {
        let mut serving = self.serving.iter();
        let listener = serving.find(|one| one.arn == moving.listener)?;
        let (alternate, _) = listener.pair()?;
        Some([listener.target_group.as_str(), alternate])
    }

    /// Waits until an app has moved, where the pipe moves its tasks.
    async fn finish(&self, moving: &Moving) -> Result<()> {
        let Moving { app, .. } = moving;
        if let Some(pair) = self.pair(moving) {
            let now = self.elb.forwards(&moving.listener).await?;
            if has_shifted(&now.unwrap_or_default(), pair) {
                return Ok(()); // it had moved before that
            }
        }
        if is_moved_by_the_pipe(self.records, app) || has_moved(self.elb, moving).await? {
            let is_given_up = async || Ok(false); // wait-env saw that it is not
            return follow(self.elb, moving, is_given_up).await.map(drop);
        }
        Err(stays(app))
    }

    /// The listeners that forward to surplus target groups beside the wanted one.
    fn sharing_listeners(&self) -> Vec<Moving> {
        let mut sharing = Vec::new();
        for load_balancer in &self.have.load_balancers {
            let Some(listener) = on_port(&load_balancer.listeners, PORT) else {
                continue;
            };
            let rules = listener.rules.iter();
            let rules = rules.map(|rule| (&rule.arn, &rule.forwards));
            for (arn, forwards) in rules.chain([(&listener.arn, &listener.forwards)]) {
                let serving = self.serving.iter().find(|one| one.arn == *arn);
                if let Some(serving) = serving
                    && self.is_shared(forwards, &serving.target_group)
                {
                    sharing.push(Moving {
                        app: serving.name.clone(),
                        listener: arn.clone(),
                        target_group: serving.target_group.clone(),
                        count: count_of(self.records, &serving.name),
                    });
                }
            }
        }
        sharing
    }

    fn is_shared(&self, forwards: &[Forward], wanted: &str) -> bool {
        let has_wanted = forwards.iter().any(|one| one.target_group == wanted);
        let has_older = forwards
            .iter()
            .any(|one| self.is_surplus(Kind::TargetGroup, &one.target_group));
        has_wanted && has_older
    }

    /// Waits until a target group has no target that serves, or that ends its last requests.
    async fn wait_left(&self, group: &TargetGroup) -> Result<()> {
        if self.is_kept(group) {
            return Ok(());
        }
        let app = app_name(&group.name, app_of(&group.tags));
        let is_moved = is_moved_by_the_pipe(self.records, &app);
        if is_worker(self.records, &app)
            && !is_moved
            && self.elb.has_serving_targets(&group.arn).await?
        {
            return Err(stays(&app));
        }
        let what = format!("target group {} still has targets", group.name);
        wait::until(&self.elb.aws.control, &what, LEFT_DEADLINE, async || {
            let serves = self.elb.has_serving_targets(&group.arn).await?;
            Ok((!serves).then_some(()))
        })
        .await
    }

    /// Whether a target group stays, since an older load balancer that uses it is protected.
    fn is_kept(&self, group: &TargetGroup) -> bool {
        let mut load_balancers = self.have.load_balancers.iter();
        load_balancers.any(|one| {
            let is_older = self.is_surplus(Kind::LoadBalancer, &one.arn);
            is_older && is_protected(one) && group.load_balancers.contains(&one.arn)
        })
    }

    /// Deletes one of ours; answers false where there is none, or where it stays.
    async fn delete(&self, kind: Kind, arn: &str) -> Result<bool> {
        match kind {
            Kind::LoadBalancer => {
                let mut found = self.have.load_balancers.iter();
                match found.find(|one| one.arn == arn) {
                    Some(found) => self.delete_load_balancer(found).await,
                    None => Ok(false),
                }
            }
            Kind::Listener => self.delete_listener(arn).await,
            Kind::Rule => self.delete_rule(arn).await,
            Kind::Zones => self.leave_zones(arn).await,
            Kind::TargetGroup => {
                let mut found = self.have.target_groups.iter();
                match found.find(|one| one.arn == arn && !self.is_kept(one)) {
                    Some(found) => {
                        let all = &self.have;
                        self.elb.delete_target_group(all, found, None).await?;
                        Ok(true)
                    }
                    None => Ok(false),
                }
            }
        }
    }

    async fn delete_load_balancer(&self, found: &LoadBalancer) -> Result<bool> {
        if is_protected(found) {
            let name = &found.name;
            self.elb.aws.voice.say(&format!(
                "load balancer {name} has deletion protection; it stays until that is taken away"
            ));
            return Ok(false);
        }
        self.elb.delete_load_balancer(found).await?;
        Ok(true)
    }

    /// Has a load balancer that stays leave the zones that the network leaves; answers false where it has.
    async fn leave_zones(&self, arn: &str) -> Result<bool> {
        let mut found = self.have.load_balancers.iter();
        let Some(found) = found.find(|one| one.arn == arn) else {
            return Ok(false);
        };
        let mut subnets = found.subnets.clone();
        subnets.retain(|subnet| !self.left.contains(subnet));
        if subnets.len() == found.subnets.len() {
            return Ok(false);
        }
        self.elb
            .set_subnets(&found.name, arn, &subnets, &[])
            .await?;
        Ok(true)
    }

    /// Deletes a rule of ours on a load balancer that stays.
    async fn delete_rule(&self, arn: &str) -> Result<bool> {
        let load_balancers = self.have.load_balancers.iter();
        let listeners = load_balancers.flat_map(|one| &one.listeners);
        let mut rules = listeners.flat_map(|one| &one.rules);
        if !rules.any(|rule| rule.arn == arn && self.elb.aws.env.owns(&rule.tags)) {
            return Ok(false);
        }
        self.elb.delete_rule(arn).await?;
        Ok(true)
    }

    /// Deletes a listener on a load balancer that stays, if it is ours and on another port.
    async fn delete_listener(&self, arn: &str) -> Result<bool> {
        let listeners = self
            .have
            .load_balancers
            .iter()
            .flat_map(|one| &one.listeners);
        let mut named = listeners.filter(|one| one.arn == arn && one.port != PORT);
        let Some(named) = named.next() else {
            return Ok(false);
        };
        let tagged = self.elb.with_tags(std::slice::from_ref(named)).await?;
        if !tagged.iter().any(|one| self.elb.aws.env.owns(&one.tags)) {
            return Ok(false);
        }
        self.elb.delete_listener(arn).await?;
        Ok(true)
    }
}
