//! Waiting until load balancers are active and targets healthy.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::try_join_all;
use plumbing::{Error, Result, aws_error, code, wait};

use super::{ABSENT, ARNS_AT_ONCE, Elb, FRESH, FRESH_BUDGET, find};
use crate::plan::{self, Balancer};

/// A load balancer takes 2 to 4 minutes.
const ACTIVE_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// A deployment's first good health checks: image pull, start, grace period, two checks; a slow
/// service takes ten minutes.
const HEALTHY_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// A target group that was just made shows within seconds: one that does not for this long was deleted.
const SHOWS: Duration = Duration::from_secs(60);

const NO_TARGETS: &str = "it has no targets";
const GONE: &str = "the target group is gone";

impl Elb {
    /// Waits until all of some load balancers work.
    ///
    /// Errors: one failed, with AWS's reason; or one is still provisioning after 10 minutes.
    pub async fn active(&self, arns: &[String]) -> Result<()> {
        let chunks = arns.chunks(ARNS_AT_ONCE).map(|arns| async move {
            let names: Vec<&str> = arns.iter().map(|arn| name_in(arn)).collect();
            let what = format!("load balancer {} is still provisioning", names.join(", "));
            wait::until(&self.aws.control, &what, ACTIVE_DEADLINE, || {
                self.all_active(arns)
            })
            .await
        });
        try_join_all(chunks).await.map(drop)
    }

    async fn all_active(&self, arns: &[String]) -> Result<Option<()>> {
        let request = self
            .client
            .describe_load_balancers()
            .set_load_balancer_arns(Some(arns.to_vec()));
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        let answer = answer.map_err(|e| {
            let names: Vec<&str> = arns.iter().map(|arn| name_in(arn)).collect();
            let what = format!("look at load balancer {}", names.join(", "));
            aws_error("elasticloadbalancing:DescribeLoadBalancers", what, e)
        })?;
        let found: Vec<Balancer> = answer
            .load_balancers
            .unwrap_or_default()
            .into_iter()
            .map(find::balancer)
            .collect();
        if let Some(failed) = found.iter().find(|balancer| balancer.state == "failed") {
            return Err(plan::failed(&failed.name, &failed.reason));
        }
        // An impaired one serves; it lacks room to grow.
        let active = found
            .iter()
            .filter(|balancer| balancer.state.starts_with("active"))
            .count();
        Ok((active == arns.len()).then_some(()))
    }

    /// Waits until an app has a target and each that is to stay is healthy.
    ///
    /// Errors: one is not after 15 minutes; it is named, with AWS's reason. Or the target group is not
    /// there for a minute.
    pub async fn healthy(&self, app: &str, target_group: &str) -> Result<()> {
        let what = format!("app {app} is not healthy");
        let why = RefCell::new(String::new());
        let waited = wait::until(&self.aws.control, &what, HEALTHY_DEADLINE, async || {
            *why.borrow_mut() = self.unhealthy(target_group, SHOWS).await?;
            if *why.borrow() == GONE {
                let name = name_in(target_group);
                return Err(Error::unfinished(format!(
                    "app {app} cannot become healthy: target group {name} is gone"
                ))
                .hint("run the pipeline again: it makes another"));
            }
            Ok(why.borrow().is_empty().then_some(()))
        });
        waited.await.map_err(|mut error| {
            if error.message.starts_with(&what) {
                error.message = format!("{}: {}", error.message, why.borrow());
            }
            error
        })
    }

    /// Of some target groups, by name, those that are healthy now; none where one is missing, since
    /// AWS then tells of none. A load balancer with healthy targets is active: it asks them.
    pub async fn serving(&self, groups: Vec<String>) -> Result<Vec<String>> {
        let arns: Vec<String> = match self
            .client
            .describe_target_groups()
            .set_names(Some(groups))
            .send()
            .await
        {
            Ok(answer) => answer
                .target_groups()
                .iter()
                .filter_map(|group| group.target_group_arn.clone())
                .collect(),
            Err(error) if ABSENT.contains(&code(&error)) => return Ok(Vec::new()),
            Err(error) => {
                return Err(aws_error(
                    "elasticloadbalancing:DescribeTargetGroups",
                    "look at the target groups",
                    error,
                ));
            }
        };
        let healthy = arns.into_iter().map(|arn| async {
            let why = self.unhealthy(&arn, Duration::ZERO).await?;
            Ok(why.is_empty().then_some(arn))
        });
        Ok(wait::all(healthy).await?.into_iter().flatten().collect())
    }

    /// Why a target group is not healthy; nothing where it is. It is gone if it does not show in time.
    async fn unhealthy(&self, target_group: &str, shows: Duration) -> Result<String> {
        let request = self
            .client
            .describe_target_health()
            .target_group_arn(target_group);
        let absent = ABSENT.map(|code| (code, ""));
        let answer =
            match wait::retry(&self.aws.control, shows, &absent, || request.clone().send()).await {
                Ok(answer) => answer,
                Err(error) if ABSENT.contains(&code(&error)) => return Ok(GONE.into()),
                Err(error) => {
                    let what = format!("look at the targets of {}", name_in(target_group));
                    return Err(aws_error(
                        "elasticloadbalancing:DescribeTargetHealth",
                        what,
                        error,
                    ));
                }
            };
        let mut staying = 0;
        for described in answer.target_health_descriptions() {
            let health = described.target_health();
            let state = health
                .and_then(|health| health.state())
                .map(|state| state.as_str())
                .unwrap_or_default();
            match state {
                "draining" | "unhealthy.draining" => continue,
                "healthy" => staying += 1,
                _ => {
                    let target = described.target();
                    let id = target.and_then(|target| target.id()).unwrap_or_default();
                    let port = target
                        .and_then(|target| target.port())
                        .map(|port| format!(":{port}"));
                    let reason = health
                        .and_then(|health| health.reason())
                        .map(|reason| reason.as_str());
                    let reason = health
                        .and_then(|health| health.description())
                        .or(reason)
                        .unwrap_or("no reason given");
                    let reason = reason.trim_end_matches('.');
                    return Ok(format!(
                        "target {id}{} is {state}: {reason}",
                        port.unwrap_or_default()
                    ));
                }
            }
        }
        Ok(if staying == 0 {
            NO_TARGETS.into()
        } else {
            String::new()
        })
    }

    /// Whether a target group knows of no targets that are to stay.
    pub async fn targetless(&self, target_group: &str) -> Result<bool> {
        Ok(self.unhealthy(target_group, Duration::ZERO).await? == NO_TARGETS)
    }
}

/// The name within an ARN: `…:loadbalancer/app/NAME/ID`, `…:targetgroup/NAME/ID`.
fn name_in(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or(arn)
}
