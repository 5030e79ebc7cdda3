//! An app's listener: made, or brought into line; and what else is there that sends requests.

use plumbing::proof::is_planned;
use plumbing::step::parts;
use plumbing::{Change, Record, Result, Step};

use super::Run;
use crate::plan::Have;
use crate::plan::listener::{self, Listener};
use crate::plan::load_balancer::{self, LoadBalancer};
use crate::plan::surplus;
use crate::plan::traffic::{self, Forward, plain};
use crate::plan::want::Want;
use crate::record;
use crate::traffic::look;

/// The target groups of an app, by their ARNs.
pub(super) struct Groups<'a> {
    /// The one that its service names first.
    pub wanted: &'a str,
    /// The other one, where ECS shifts the requests between two.
    pub alternate: Option<&'a str>,
}

impl Groups<'_> {
    /// Both, where there are two.
    fn pair(&self) -> Option<[&str; 2]> {
        Some([self.wanted, self.alternate?])
    }
}

/// What an app's listener is to forward to, or its rule.
pub(super) struct Shares {
    pub forwards: Vec<Forward>,
    /// The ARNs of the older target groups, where its tasks are in these still.
    pub moves_from: Vec<String>,
}

/// An app's listener.
pub(super) struct Listening {
    /// Its ARN.
    pub arn: String,
    /// Whether it is not there yet, or was made just now.
    pub is_new: bool,
}

impl Listening {
    fn found(arn: String) -> Self {
        let is_new = false;
        Listening { arn, is_new }
    }

    fn new(arn: String) -> Self {
        let is_new = true;
        Listening { arn, is_new }
    }
}

impl Run<'_> {
    /// Makes the listener that forwards to the target group, or brings it into line.
    pub(super) async fn make_listener(
        &self,
        want: &Want,
        load_balancer: &LoadBalancer,
        groups: &Groups<'_>,
        have: &Have,
    ) -> Result<Listening> {
        let elb = self.elb;
        let env = &elb.aws.env;
        if let Some(found) = self.kept_listener(want, load_balancer, groups) {
            let record = self.record_of(want, &found.arn, groups).await?;
            self.write(record, Change::Kept).await?;
            return Ok(Listening::found(found.arn.clone()));
        }
        let tagged = elb.with_tags(&load_balancer.listeners).await?;
        self.tell_of_others(want, &tagged).await?;
        let mut found = listener::of_app(env, want, &tagged).cloned();
        loop {
            let now = found.as_ref().map(|found| found.forwards.as_slice());
            let shares = self.shares(want, groups, have, now.unwrap_or_default());
            let shares = shares.await?;
            let forwards = &shares.forwards;
            match listener::step(env, want, forwards, found)? {
                Step::Keep(have) => {
                    let record = self.record_of(want, &have.arn, groups).await?;
                    let record = record::moving(record, shares.moves_from);
                    self.write(record, Change::Kept).await?;
                    return Ok(Listening::found(have.arn));
                }
                Step::Change(have, differences) => {
                    let parts = parts(&differences);
                    self.set_listener(want, &have, forwards, &parts).await?;
                    let record = self.record_of(want, &have.arn, groups).await?;
                    let record = record::moving(record, shares.moves_from);
                    self.write_changed(record, differences).await?;
                    return Ok(Listening::found(have.arn));
                }
                Step::Create if env.plan => {
                    let planned = env.planned(&want.listener_name);
                    let record = self.record_of(want, &planned, groups).await?;
                    self.write(record, Change::Create).await?;
                    return Ok(Listening::new(planned));
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    let created = elb
                        .create_listener(want, &load_balancer.arn, forwards)
                        .await?;
                    if let Some(created) = created {
                        let record = self.record_of(want, &created.arn, groups).await?;
                        self.write(record, Change::Created).await?;
                        return Ok(Listening::new(created.arn));
                    }
                    // Another run was faster.
                    found = Some(elb.wait_listener_visible(load_balancer).await?);
                }
            }
        }
    }

    /// The record of an app's listener. Of two target groups it tells both, and the rule by which ECS
    /// shifts between them.
    async fn record_of(&self, want: &Want, arn: &str, groups: &Groups<'_>) -> Result<Record> {
        let record = record::listener(&want.app, arn, groups.wanted);
        let Some(alternate) = groups.alternate else {
            return Ok(record);
        };
        let env = &self.elb.aws.env;
        let rule = if is_planned(env, arn).unwrap_or_default() {
            env.planned(&format!("rule-{}", want.app))
        } else {
            self.elb.default_rule(arn).await?
        };
        Ok(record::with_pair(record, alternate, &rule))
    }

    /// The only listener, if it forwards as it should and its load balancer has its tags. To read those
    /// of the listener would be a third call after two others, in each run that changes nothing.
    fn kept_listener<'a>(
        &self,
        want: &Want,
        load_balancer: &'a LoadBalancer,
        groups: &Groups<'_>,
    ) -> Option<&'a Listener> {
        let [found] = load_balancer.listeners.as_slice() else {
            return None;
        };
        let is_tagged = load_balancer::is_tagged(&self.elb.aws.env, want, load_balancer);
        let serves = match groups.pair() {
            Some(pair) => listener::serves_pair(found, pair),
            None => listener::serves(found, groups.wanted),
        };
        (is_tagged && serves).then_some(found)
    }

    /// What the listener or the rule is to forward to, which forwards to `now`: the target group alone, unless
    /// there are older ones of the app among those. These stay until `prune-env` takes them away.
    pub(super) async fn shares(
        &self,
        want: &Want,
        groups: &Groups<'_>,
        have: &Have,
        now: &[Forward],
    ) -> Result<Shares> {
        let env = &self.elb.aws.env;
        let arn = groups.wanted;
        let of_app = have.of_app(env, &want.app).target_groups;
        let mut now = now.to_vec();
        now.retain(|one| {
            one.target_group == *arn || of_app.iter().any(|group| group.arn == one.target_group)
        });
        if let Some(pair) = groups.pair() {
            let is_of = |one: &Forward| pair.contains(&one.target_group.as_str());
            let mut older = now.iter().filter(|one| !is_of(one)).peekable();
            if older.peek().is_none() || traffic::has_shifted(&now, pair) {
                let mut forwards = traffic::of_pair(&now, pair);
                forwards.extend(older.cloned());
                return Ok(Shares {
                    forwards,
                    moves_from: Vec::new(),
                });
            }
            if !now.iter().any(|one| one.target_group == pair[1]) {
                now.push(Forward {
                    target_group: pair[1].into(),
                    weight: 0,
                });
            }
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
            let end = groups.pair().map(|pair| traffic::of_pair(&[], pair));
            end.unwrap_or_else(|| plain(arn)) // what it comes to in the end
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
