//! An app's listener: made, or brought into line; and what else is there that sends requests.

use plumbing::step::parts;
use plumbing::{Change, Result, Step};

use super::Run;
use crate::plan::Have;
use crate::plan::listener::{self, Listener};
use crate::plan::load_balancer::{self, LoadBalancer};
use crate::plan::surplus;
use crate::plan::target_group::TargetGroup;
use crate::plan::traffic::{self, Forward, plain};
use crate::plan::want::Want;
use crate::record;
use crate::traffic::look;

/// What an app's listener is to forward to.
struct Shares {
    forwards: Vec<Forward>,
    /// The ARNs of the older target groups, where its tasks are in these still.
    moves_from: Vec<String>,
}

impl Run<'_> {
    /// Makes the listener that forwards to the target group, or brings it into line. Answers the ARN
    /// of one that was there.
    pub(super) async fn make_listener(
        &self,
        want: &Want,
        load_balancer: &LoadBalancer,
        target_group: &TargetGroup,
        have: &Have,
    ) -> Result<Option<String>> {
        let elb = self.elb;
        let env = &elb.aws.env;
        let app = &want.app;
        let arn = &target_group.arn;
        if let Some(found) = self.kept_listener(want, load_balancer, arn) {
            let record = record::listener(app, &found.arn, arn);
            self.write(record, Change::Kept).await?;
            return Ok(Some(found.arn.clone()));
        }
        let tagged = elb.with_tags(&load_balancer.listeners).await?;
        self.tell_of_others(want, &tagged).await?;
        let mut found = listener::of_app(env, want, &tagged).cloned();
        loop {
            let shares = self
                .shares(want, target_group, have, found.as_ref())
                .await?;
            let forwards = &shares.forwards;
            match listener::step(env, want, forwards, found)? {
                Step::Keep(have) => {
                    let record = record::listener(app, &have.arn, arn);
                    let record = record::moving(record, shares.moves_from);
                    self.write(record, Change::Kept).await?;
                    return Ok(Some(have.arn));
                }
                Step::Change(have, differences) => {
                    let parts = parts(&differences);
                    self.set_listener(want, &have, forwards, &parts).await?;
                    let record = record::listener(app, &have.arn, arn);
                    let record = record::moving(record, shares.moves_from);
                    self.write_changed(record, differences).await?;
                    return Ok(Some(have.arn));
                }
                Step::Create if env.plan => {
                    let planned = env.planned(&want.listener_name);
                    let record = record::listener(app, &planned, arn);
                    self.write(record, Change::Create).await?;
                    return Ok(None);
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    let created = elb
                        .create_listener(want, &load_balancer.arn, forwards)
                        .await?;
                    if let Some(created) = created {
                        let record = record::listener(app, &created.arn, arn);
                        self.write(record, Change::Created).await?;
                        return Ok(None);
                    }
                    // Another run was faster.
                    found = Some(elb.wait_listener_visible(load_balancer).await?);
                }
            }
        }
    }

    /// The only listener, if it forwards as it should and its load balancer has its tags. To read those
    /// of the listener would be a third call after two others, in each run that changes nothing.
    fn kept_listener<'a>(
        &self,
        want: &Want,
        load_balancer: &'a LoadBalancer,
        target_group: &str,
    ) -> Option<&'a Listener> {
        let [found] = load_balancer.listeners.as_slice() else {
            return None;
        };
        let is_tagged = load_balancer::is_tagged(&self.elb.aws.env, want, load_balancer);
        (is_tagged && listener::serves(found, target_group)).then_some(found)
    }

    /// What the listener is to forward to: the target group alone, unless the one that there is
    /// forwards to older ones of the app. Those stay until `prune-env` takes them away.
    async fn shares(
        &self,
        want: &Want,
        target_group: &TargetGroup,
        have: &Have,
        found: Option<&Listener>,
    ) -> Result<Shares> {
        let env = &self.elb.aws.env;
        let arn = &target_group.arn;
        let of_app = have.of_app(env, &want.app).target_groups;
        let mut now = Vec::new();
        if let Some(found) = found {
            now = found.forwards.clone();
            now.retain(|one| {
                one.target_group == *arn || of_app.iter().any(|group| group.arn == one.target_group)
            });
        }
        if now.iter().all(|one| one.target_group == *arn) {
            return Ok(Shares {
                forwards: plain(arn),
                moves_from: Vec::new(),
            });
        }
        let (wanted, older) = look(self.elb, arn, &now).await?;
        let mut moves_from = Vec::new();
        if !traffic::is_moved(&wanted, &older) {
            moves_from.extend(older.iter().map(|group| group.arn.clone()));
        }
        let forwards = if env.plan && !moves_from.is_empty() {
            plain(arn) // what it comes to in the end
        } else {
            traffic::forwards(&wanted, &older, want.count)
        };
        Ok(Shares {
            forwards,
            moves_from,
        })
    }

    /// Tells which other listeners the load balancer has: those of ours are surplus.
    async fn tell_of_others(&self, want: &Want, tagged: &[Listener]) -> Result<()> {
        let env = &self.elb.aws.env;
        for line in listener::told_of_others(env, want, tagged) {
            self.elb.aws.voice.say(&line);
        }
        self.write_surplus(surplus::listeners(env, want, tagged))
            .await
    }

    /// Tells which rules a listener has, none of which is ours.
    pub(super) async fn tell_of_rules(&self, want: &Want, listener: &str) -> Result<()> {
        let rules = self.elb.list_rules(listener).await?;
        for line in listener::told_of_rules(want, &rules) {
            self.elb.aws.voice.say(&line);
        }
        Ok(())
    }

    /// Brings parts of a listener into line, unless this is a dry run.
    async fn set_listener(
        &self,
        want: &Want,
        have: &Listener,
        forwards: &[Forward],
        parts: &[listener::Part],
    ) -> Result<()> {
        let elb = self.elb;
        if elb.aws.env.plan {
            return Ok(());
        }
        elb.aws.control.wait_for_account().await?;
        let calls = parts
            .iter()
            .map(|part| elb.set_listener(want, &have.arn, forwards, *part));
        elb.aws.control.run_all(calls).await.map(drop)
    }
}
