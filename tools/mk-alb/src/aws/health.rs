//! Whether targets are healthy.

use std::cell::RefCell;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;
use plumbing::{Error, Result, aws_error, code, wait};

use super::{ABSENT, Elb, name_in, text};
use crate::plan::health::{Health, Target, addresses, count, health};
use crate::plan::traffic::{Forward, Group};

/// A deployment's first good health checks: image pull, start, grace period, two checks; a slow
/// service takes ten minutes.
const HEALTHY_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// A target group that was just made shows within seconds: one that does not for this long was
/// deleted.
const UNKNOWN_BUDGET: Duration = Duration::from_secs(60);

impl Elb {
    /// Waits until an app has a target and each that is to stay is healthy.
    ///
    /// Errors: one is not after 15 minutes; it is named, with AWS's reason. Or AWS does not know the
    /// target group for a minute.
    pub async fn wait_healthy(&self, app: &str, target_group: &str) -> Result<()> {
        let what = format!("app {app} is not healthy");
        let reason = RefCell::new(String::new()); // the last one
        let get = async || match self.health_of(app, target_group).await? {
            Health::Healthy => Ok(Some(())),
            Health::Unhealthy(why) => {
                reason.replace(why);
                Ok(None)
            }
            Health::NoTargets => {
                reason.replace("it has no targets".into());
                Ok(None)
            }
            Health::NoTargetGroup => {
                let name = name_in(target_group);
                Err(Error::unfinished(format!(
                    "app {app} cannot become healthy: target group {name} is gone"
                ))
                .hint("run the pipeline again: it makes another"))
            }
        };
        let waited = wait::until(&self.aws.control, &what, HEALTHY_DEADLINE, get).await;
        let Err(mut error) = waited else {
            return Ok(());
        };
        if error.message.starts_with(&what) {
            error.message = format!("{}: {}", error.message, reason.take());
        }
        Err(error)
    }

    /// How the targets of an app are, which is shown while they are waited for.
    async fn health_of(&self, app: &str, target_group: &str) -> Result<Health> {
        let Some(targets) = self.targets(target_group, UNKNOWN_BUDGET).await? else {
            return Ok(Health::NoTargetGroup);
        };
        let counted = count(&targets);
        let (healthy, of) = (counted.healthy as u64, counted.staying as u64);
        self.aws.voice.progress(app, "targets", healthy, of);
        Ok(health(&targets))
    }

    /// Those target groups, of some by name, that are healthy now, by their ARNs, and where their targets
    /// are; none where one does not exist, since AWS then tells of none. A load balancer with healthy targets is active: it
    /// is the one that checks them.
    pub async fn healthy_target_groups(
        &self,
        names: &[String],
    ) -> Result<Vec<(String, Vec<String>)>> {
        let request = self.client.describe_target_groups();
        let request = request.set_names(Some(names.to_vec()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if ABSENT.contains(&code(&error)) => return Ok(Vec::new()),
            Err(error) => {
                let operation = "elasticloadbalancing:DescribeTargetGroups";
                return Err(aws_error(operation, "look at the target groups", error));
            }
        };
        let mut arns = Vec::new();
        for found in answer.target_groups.unwrap_or_default() {
            arns.extend(found.target_group_arn);
        }
        let targets = arns.iter().map(|arn| self.targets(arn, Duration::ZERO));
        let targets = wait::all(targets).await?;
        let mut healthy = Vec::new();
        for (arn, targets) in arns.into_iter().zip(targets) {
            let targets = targets.unwrap_or_default();
            if health(&targets) == Health::Healthy {
                healthy.push((arn, addresses(&targets)));
            }
        }
        Ok(healthy)
    }

    /// Whether a target group has no targets that are to stay.
    pub async fn has_no_targets(&self, target_group: &str) -> Result<bool> {
        let health = self.health(target_group, Duration::ZERO).await?;
        Ok(health == Health::NoTargets)
    }

    /// How many targets each of some target groups has that a listener forwards to, and how many of
    /// them are healthy. One that was deleted is left out.
    pub async fn groups(&self, forwards: &[Forward]) -> Result<Vec<Group>> {
        let targets = forwards.iter();
        let targets = targets.map(|one| self.targets(&one.target_group, Duration::ZERO));
        let targets = wait::all(targets).await?;
        let mut groups = Vec::new();
        for (forward, targets) in forwards.iter().zip(targets) {
            if let Some(targets) = targets {
                groups.push(Group {
                    arn: forward.target_group.clone(),
                    weight: forward.weight,
                    targets: count(&targets),
                });
            }
        }
        Ok(groups)
    }

    /// Whether a target group has targets that serve, or that end their last requests.
    pub async fn has_serving_targets(&self, target_group: &str) -> Result<bool> {
        let targets = self.targets(target_group, Duration::ZERO).await?;
        let targets = targets.unwrap_or_default();
        let counted = count(&targets);
        Ok(counted.healthy > 0 || counted.staying < targets.len())
    }

    /// How the targets of a target group are. One that AWS does not know for as long as
    /// `unknown_budget` was deleted.
    async fn health(&self, target_group: &str, unknown_budget: Duration) -> Result<Health> {
        match self.targets(target_group, unknown_budget).await? {
            Some(targets) => Ok(health(&targets)),
            None => Ok(Health::NoTargetGroup),
        }
    }

    /// The targets of a target group; nothing where AWS does not know it for as long as
    /// `unknown_budget`.
    async fn targets(
        &self,
        target_group: &str,
        unknown_budget: Duration,
    ) -> Result<Option<Vec<Target>>> {
        let request = self
            .client
            .describe_target_health()
            .target_group_arn(target_group);
        let operation = "elasticloadbalancing:DescribeTargetHealth";
        let send = || request.clone().send();
        match wait::retry_for(&self.aws.control, unknown_budget, operation, send).await {
            Ok(answer) => {
                let descriptions = answer.target_health_descriptions();
                Ok(Some(descriptions.iter().map(target_of).collect()))
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(None),
            Err(error) => {
                let what = format!("look at the targets of {}", name_in(target_group));
                Err(aws_error(operation, what, error))
            }
        }
    }
}

fn target_of(description: &TargetHealthDescription) -> Target {
    let mut target = Target {
        reason: "no reason given".into(),
        ..Target::default()
    };
    if let Some(found) = description.target() {
        target.id = text(found.id());
        target.port = found.port();
    }
    if let Some(health) = description.target_health() {
        target.state = text(health.state());
        if let Some(reason) = health.reason() {
            target.reason = reason.as_str().into();
        }
        // Says the same in words.
        if let Some(description) = health.description() {
            target.reason = description.into();
        }
    }
    target
}
