//! The order in which groups are made: each app's as it arrives, then each direction's rules
//! as soon as the groups that they name exist. So apps may call each other in circles.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::FutureExt;
use plumbing::step::{parts, without_parts};
use plumbing::{App, Change, Difference, Record, Result, Stream, Surplus, Vpc};
use tokio::join;
use tokio::sync::watch;

use crate::aws::Ec2;
use crate::plan::{self, Group, Known, Purpose, RuleChanges};

/// Makes the groups of every app of the stream, or brings them into line. `groups` are those that
/// exist in the environment.
pub async fn make_or_mend(stream: &Stream, ec2: &Ec2, vpc: &str, groups: &[Group]) -> Result<()> {
    let in_vpc = groups.iter().filter(|group| group.vpc == vpc);
    let known = Known {
        group_ids: plan::group_ids(&ec2.aws.env, in_vpc),
        ..Known::default()
    };
    let maker = Maker {
        stream,
        ec2,
        vpc,
        groups,
        known: watch::channel(known).0,
        peers_there: RefCell::default(),
    };
    // Before anything is made, as far as it is known what there is to be.
    maker.check_peers(&stream.arrived::<App>()).await?;
    let apps = stream.for_each_record(|app: App| {
        maker.add_app(&app); // at once, so that apps that arrive together are compared together
        maker.make_or_mend_app(app)
    });
    // The end of the input first: where it has ended already, no group waits for a caller. Where it
    // fails, the apps say why.
    let (_, apps) = join!(maker.wait_for_all_apps(), apps);
    apps
}

/// What the making of all groups shares.
struct Maker<'a> {
    stream: &'a Stream,
    ec2: &'a Ec2,
    /// The ID of the VPC that the groups are in.
    vpc: &'a str,
    groups: &'a [Group],
    /// Every group that waits for a peer or a caller is woken when this changes.
    known: watch::Sender<Known>,
    /// The groups and prefix lists of others that are there, with the VPCs of the groups.
    peers_there: RefCell<BTreeMap<String, String>>,
}

impl Maker<'_> {
    /// Adds an app that has arrived. The last record of a name counts.
    fn add_app(&self, app: &App) {
        self.known.send_modify(|known| {
            known.apps.insert(app.name.clone(), app.clone());
        });
    }

    /// Waits for the end of the input, after which no app can arrive that is not known.
    async fn wait_for_all_apps(&self) -> Result<()> {
        for record in self.stream.all().await? {
            if let Some(app) = record.typed() {
                self.add_app(&app);
            }
        }
        self.known.send_modify(|known| known.has_all_apps = true);
        let apps = self.known.borrow().apps.clone();
        for unwanted in plan::unwanted(&self.ec2.aws.env, &apps, self.groups) {
            self.stream.write(Record::of(&unwanted)).await?;
        }
        Ok(())
    }

    /// Looks whether what apps name of others is there; where they name nothing, AWS is not asked.
    async fn check_peers(&self, apps: &[App]) -> Result<()> {
        let peers = plan::peers(apps);
        let mut unknown: Vec<String> = peers.keys().cloned().collect();
        unknown.retain(|peer| !self.peers_there.borrow().contains_key(peer));
        let found = self.ec2.find_peers(&unknown).await?;
        for line in plan::told_of_peers(self.vpc, &found) {
            self.stream.voice.say(&line);
        }
        self.peers_there.borrow_mut().extend(found);
        let there = self.peers_there.borrow();
        plan::check_peers(&self.ec2.aws.env, self.groups, &peers, &there)
    }

    /// Makes the groups of an app, or brings them into line, and tells which it needs no more.
    async fn make_or_mend_app(&self, app: App) -> Result<()> {
        self.check_peers(std::slice::from_ref(&app)).await?;
        let groups = plan::purposes(&app).iter();
        let groups = groups.map(|purpose| self.make_or_mend_group(&app, *purpose));
        self.stream.control.run_all(groups).await?;
        let surplus = plan::surplus_groups(&self.ec2.aws.env, &app, self.groups);
        self.write_surplus(surplus).await
    }

    /// Makes a group, or brings it into line. Its ID is known to the other groups at once: rules of
    /// theirs may wait for it.
    async fn make_or_mend_group(&self, app: &App, purpose: Purpose) -> Result<()> {
        let record_name = purpose.record_name(&app.name);
        let name = plan::group_name(&self.ec2.aws.env, &record_name);
        let found = plan::find_in_vpc(self.groups, self.vpc, &name)?;
        let (group, is_new) = match found {
            Some(group) => (group.clone(), false),
            None => {
                let tags = self.ec2.aws.env.tags_of_app(&name, &app.name);
                self.ec2.create(&name, tags, || self.current_vpc()).await?
            }
        };
        self.known.send_modify(|known| {
            let id = group.id.clone();
            known.group_ids.insert(record_name.clone(), id);
        });
        if !is_new {
            return self.mend(app, purpose, group, false).await;
        }
        let record = plan::record(&record_name, &group.id).changed(Change::Created, &[]);
        let write = self.stream.write(record).boxed_local();
        let revoke = self.ec2.revoke_default(&group).boxed_local();
        let mend = self.mend(app, purpose, group.clone(), true).boxed_local();
        let all = self.stream.control.run_all([write, revoke, mend]);
        all.await.map(drop)
    }

    /// The ID of the VPC by its latest record: a VPC without subnets may give way to that of
    /// another run, and then another record of it arrives.
    fn current_vpc(&self) -> String {
        match self.stream.get::<Vpc>("main") {
            Some(vpc) => vpc.id,
            None => self.vpc.to_string(),
        }
    }

    /// Brings a group into line, again whenever more is known, until no app that has yet to arrive
    /// can change what it needs. The record of a group that existed before this run is written once
    /// none of its rules is undecided, and again where its rules change after that.
    async fn mend(
        &self,
        app: &App,
        purpose: Purpose,
        mut group: Group,
        is_new: bool,
    ) -> Result<()> {
        let record_name = purpose.record_name(&app.name);
        let mut updates = self.known.subscribe();
        let mut made: Vec<RuleChanges> = Vec::new();
        let mut tag_differences: Vec<Difference> = Vec::new();
        let mut is_written = is_new;
        loop {
            let changes = {
                let known = updates.borrow_and_update();
                plan::rule_changes(&known, app, purpose, &group.rules)
            };
            self.add_rules(&group, &changes).await?;
            plan::apply(&changes, &mut group);
            let is_decided = plan::all_decided(&changes);
            let is_final = plan::all_final(&changes);
            let rules_changed = changes.iter().any(RuleChanges::adds_rules);
            if is_decided && !is_written {
                tag_differences = self.set_tags(&group, &changes).await?;
            }
            if is_decided && !is_new && (rules_changed || !is_written) {
                let added = [&made[..], &changes[..]].concat();
                self.write(&record_name, &group.id, &tag_differences, &added)
                    .await?;
                is_written = true;
            }
            if is_final {
                return self.report_surplus(&group, &changes).await;
            }
            made.extend(changes.into_iter().filter(RuleChanges::adds_rules));
            let update = updates.changed();
            let _ = self.stream.control.unless_stopped(update).await?;
        }
    }

    /// Adds the rules that a group lacks, both directions side by side.
    async fn add_rules(&self, group: &Group, changes: &[RuleChanges]) -> Result<()> {
        let directions = changes.iter().map(|changes| {
            self.ec2
                .authorize(group, changes.direction, &changes.missing)
        });
        self.stream.control.run_all(directions).await.map(drop)
    }

    /// Tells which rules of a group no app needs any more, and leaves them to `prune-env`.
    async fn report_surplus(&self, group: &Group, changes: &[RuleChanges]) -> Result<()> {
        let known = self.known.borrow().clone();
        let surplus = plan::surplus(&self.ec2.aws.env, &known, group, changes);
        self.write_surplus(surplus).await
    }

    async fn write_surplus(&self, surplus: Vec<Surplus>) -> Result<()> {
        for surplus in surplus {
            let line = format!("nothing needs {}: prune-env takes it away", surplus.what);
            self.stream.voice.say(&line);
            self.stream.write(Record::of(&surplus)).await?;
        }
        Ok(())
    }

    /// Sets the tags of a group and of the rules that it needs, and answers in what they differed.
    async fn set_tags(&self, group: &Group, changes: &[RuleChanges]) -> Result<Vec<Difference>> {
        let group_ids = self.known.borrow().group_ids.clone();
        let needed = plan::without_surplus(group, changes);
        let differences = plan::tag_differences(&self.ec2.aws.env, &needed, &group_ids);
        let ids = parts(&differences);
        if !ids.is_empty() {
            self.ec2.set_tags(&ids, group).await?;
        }
        Ok(without_parts(differences))
    }

    /// Writes the record of a group that existed before this run.
    async fn write(
        &self,
        record_name: &str,
        id: &str,
        tag_differences: &[Difference],
        made: &[RuleChanges],
    ) -> Result<()> {
        let mut differences = tag_differences.to_vec();
        let of_rules = plan::rule_differences(made, &self.known.borrow().group_ids);
        differences.extend(of_rules);
        let change = if differences.is_empty() {
            Change::Kept
        } else {
            Change::Updated
        };
        let record = plan::record(record_name, id).changed(change, &differences);
        self.stream.write(record).await
    }
}
