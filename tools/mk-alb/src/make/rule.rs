//! The rule of an app that answers at another app's load balancer: made, or brought into line, once that
//! one's listener is there.

use plumbing::step::parts;
use plumbing::{Change, Result, Step};

use super::Run;
use super::listener::Groups;
use crate::plan::Have;
use crate::plan::rule::{self, Part, Rule, RuleWant};
use crate::plan::surplus;
use crate::plan::traffic::Forward;
use crate::plan::want::Want;
use crate::record;

/// A listener at which other apps may answer as well.
#[derive(Clone, Debug)]
pub(super) struct Hosted {
    /// Its ARN.
    pub listener: String,
    /// Its rules beside the default one, with their tags.
    pub rules: Vec<Rule>,
}

impl Run<'_> {
    /// Lets the apps that are behind another one know its listener.
    pub(super) fn add_listener(&self, app: &str, hosted: Hosted) {
        self.listeners.send_modify(|known| {
            known.insert(app.to_string(), hosted);
        });
    }

    /// The rules of the listener of an app, of which a person is told those that are not ours. Those that
    /// the look-up found are not asked for again.
    pub(super) async fn rules_of(
        &self,
        want: &Want,
        listener: &str,
        have: &Have,
    ) -> Result<Vec<Rule>> {
        let listeners = have.load_balancers.iter().flat_map(|one| &one.listeners);
        let mut found = listeners.filter(|one| one.arn == listener);
        let rules = match found.next().map(|found| found.rules.clone()) {
            Some(rules) if !rules.is_empty() => rules,
            _ => self.elb.rules(listener).await?,
        };
        for line in rule::told_of_others(&self.elb.aws.env, want, &rules) {
            self.elb.aws.voice.say(&line);
        }
        Ok(rules)
    }

    /// Waits for the listener of an app that another one is behind.
    async fn listener_of(&self, host_app: &str) -> Result<Hosted> {
        let mut updates = self.listeners.subscribe();
        loop {
            if let Some(hosted) = updates.borrow_and_update().get(host_app) {
                return Ok(hosted.clone());
            }
            let update = updates.changed();
            let _ = self.stream.control.unless_stopped(update).await?;
        }
    }

    /// Makes the rule by which requests go to an app's target group, or brings it into line.
    pub(super) async fn make_rule(
        &self,
        want: &Want,
        wanted: &RuleWant,
        groups: &Groups<'_>,
        have: &Have,
    ) -> Result<()> {
        let elb = self.elb;
        let env = &elb.aws.env;
        let Hosted {
            listener,
            mut rules,
        } = self.listener_of(&wanted.host_app).await?;
        loop {
            let ours = rule::of_app(env, &want.app, &rules);
            self.write_surplus(surplus::rules(want, ours.iter().skip(1).copied()))
                .await?;
            let found = ours.first().map(|found| Rule::clone(found));
            let now = found.as_ref().map(|found| found.forwards.as_slice());
            let shares = self.shares(want, groups, have, now.unwrap_or_default());
            let shares = shares.await?;
            let forwards = &shares.forwards;
            let record = |arn: &str| {
                let record = record::listener(&want.app, arn, groups.wanted);
                record::moving(record, shares.moves_from.clone())
            };
            match rule::step(env, want, wanted, forwards, found)? {
                Step::Keep(have) => return self.write(record(&have.arn), Change::Kept).await,
                Step::Change(have, differences) => {
                    let parts = parts(&differences);
                    self.set_rule(want, wanted, &have, forwards, &parts, &rules)
                        .await?;
                    return self.write_changed(record(&have.arn), differences).await;
                }
                Step::Create if env.plan => {
                    let planned = env.planned(&wanted.name);
                    return self.write(record(&planned), Change::Create).await;
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    let priority = wanted.free_priority(&rules)?;
                    let created = elb
                        .create_rule(want, wanted, &listener, priority, forwards)
                        .await?;
                    if let Some(created) = created {
                        return self.write(record(&created.arn), Change::Created).await;
                    }
                    // Another run was faster, or another app of this one.
                    rules = elb.rules(&listener).await?;
                }
            }
        }
    }

    /// Brings parts of a rule into line, unless this is a dry run.
    async fn set_rule(
        &self,
        want: &Want,
        wanted: &RuleWant,
        have: &Rule,
        forwards: &[Forward],
        parts: &[Part],
        rules: &[Rule],
    ) -> Result<()> {
        let elb = self.elb;
        if elb.aws.env.plan {
            return Ok(());
        }
        let priority = if parts.contains(&Part::Priority) {
            wanted.free_priority(rules)?
        } else {
            have.place()
        };
        elb.aws.control.wait_for_account().await?;
        let calls = parts
            .iter()
            .map(|part| elb.set_rule(want, wanted, &have.arn, forwards, priority, *part));
        elb.aws.control.run_all(calls).await.map(drop)
    }
}
