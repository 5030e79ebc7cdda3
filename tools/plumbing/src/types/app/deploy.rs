//! How a new version of an app takes the place of the one before.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flags::any_number;

/// The longest name of an alarm (CloudWatch's API reference, "PutMetricAlarm").
const LONGEST_ALARM: usize = 255;
/// The longest that ECS waits between two steps, and bakes, in minutes (ECS's API reference,
/// "DeploymentConfiguration").
const LONGEST_WAIT: u32 = 1440;

/// How a new version of an app takes the place of the one before.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "How it is deployed")]
#[serde(default)]
pub struct Deploy {
    /// How the requests get to a new version: `rolling`, task by task; `blue-green`, all at once when all
    /// its tasks are well; `linear`, in steps; `canary`, a few and then all.
    #[serde(rename = "deploy", skip_serializing_if = "Option::is_none")]
    #[arg(long = "deploy", value_name = "STRATEGY")]
    pub strategy: Option<String>,
    /// The percentage of the requests in each step (linear; 10), or at first (canary; 5).
    #[serde(rename = "deploy_percent", skip_serializing_if = "Option::is_none")]
    #[arg(long = "deploy-percent", value_name = "PERCENT")]
    pub percent: Option<f64>,
    /// The minutes after each of these steps (linear; 6), or until all requests follow (canary; 10).
    #[serde(rename = "deploy_wait", skip_serializing_if = "Option::is_none")]
    #[arg(long = "deploy-wait", value_name = "MINUTES", value_parser = any_number())]
    pub wait: Option<u32>,
    /// For how many minutes the older tasks stay when the new ones have all requests (5): `--rollback`
    /// gives these back to them at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "MINUTES", value_parser = any_number())]
    pub bake: Option<u32>,
    /// A CloudWatch alarm, by its name: where it goes off during a deployment, what ran before comes
    /// back; again for another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long, value_name = "ALARM")]
    pub rollback_on: Vec<String>,
}

/// How the requests get to a new version, with all that is left unsaid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shift {
    /// All at once.
    BlueGreen,
    /// In steps of so many tenths of a percent, with so many minutes after each.
    Linear(u32, u32),
    /// So many tenths of a percent at first, and after so many minutes all.
    Canary(u32, u32),
}

impl Deploy {
    /// Whether ECS shifts the requests from one target group to another.
    pub fn shifts(&self) -> bool {
        self.shift().is_some()
    }

    /// How it does; nothing where tasks are replaced one by one.
    pub fn shift(&self) -> Option<Shift> {
        let tenths = |unsaid: f64| (self.percent.unwrap_or(unsaid) * 10.0).round() as u32;
        match self.strategy.as_deref()? {
            "blue-green" => Some(Shift::BlueGreen),
            "linear" => Some(Shift::Linear(tenths(10.0), self.wait.unwrap_or(6))),
            "canary" => Some(Shift::Canary(tenths(5.0), self.wait.unwrap_or(10))),
            _ => None,
        }
    }

    /// For how many minutes the older tasks stay.
    pub fn bake(&self) -> u32 {
        self.bake.unwrap_or(5)
    }

    pub(super) fn check(&self, worker: bool, by_requests: bool) -> Result<(), String> {
        self.check_alarms()?;
        self.check_strategy(worker, by_requests)?;
        let is_tenth = |percent: f64| (percent * 10.0 - (percent * 10.0).round()).abs() < 1e-6;
        let (least, strategy) = match self.shift() {
            Some(Shift::Linear(..)) => (3.0, "linear"),
            Some(Shift::Canary(..)) => (0.1, "canary"),
            _ => (0.0, ""),
        };
        if strategy.is_empty() {
            for (field, is_said) in [
                ("deploy_percent", self.percent.is_some()),
                ("deploy_wait", self.wait.is_some()),
            ] {
                if is_said {
                    return Err(format!("{field}: only deploy linear and canary have steps"));
                }
            }
        }
        if let Some(percent) = self.percent
            && (!(least..=100.0).contains(&percent) || !is_tenth(percent))
        {
            return Err(format!(
                "deploy_percent {percent} is not from {least} to 100 in steps of 0.1, as deploy {strategy} takes"
            ));
        }
        for (field, minutes) in [("deploy_wait", self.wait), ("bake", self.bake)] {
            if let Some(minutes) = minutes.filter(|minutes| *minutes > LONGEST_WAIT) {
                return Err(format!(
                    "{field} {minutes} is more than the {LONGEST_WAIT} minutes that ECS waits"
                ));
            }
        }
        if self.bake.is_some() && !self.shifts() {
            return Err(
                "bake: a rolling deployment has ended when its last old task has; say deploy blue-green, linear or canary".into(),
            );
        }
        Ok(())
    }

    fn check_strategy(&self, worker: bool, by_requests: bool) -> Result<(), String> {
        let Some(strategy) = &self.strategy else {
            return Ok(());
        };
        if strategy == "rolling" {
            return Ok(());
        }
        if !self.shifts() {
            return Err(format!(
                "deploy '{strategy}' is not rolling, blue-green, linear or canary"
            ));
        }
        if worker {
            return Err(format!(
                "deploy {strategy}: a worker has no load balancer whose requests could be shifted"
            ));
        }
        if by_requests {
            return Err(format!(
                "deploy {strategy}: AWS counts requests for one target group, and the app changes to and fro between two; scale by cpu or memory"
            ));
        }
        Ok(())
    }

    fn check_alarms(&self) -> Result<(), String> {
        for (n, alarm) in self.rollback_on.iter().enumerate() {
            let refuse = |why: &str| Err(format!("rollback_on '{alarm}' {why}"));
            if alarm.is_empty() || alarm.contains(char::is_control) {
                return refuse("is not the name of an alarm");
            }
            if alarm.chars().count() > LONGEST_ALARM {
                return refuse("is longer than the 255 characters of an alarm's name");
            }
            if alarm.starts_with("arn:") {
                return refuse("is an ARN: ECS knows an alarm of its own region by its name alone");
            }
            if self.rollback_on[..n].contains(alarm) {
                return refuse("is said twice");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(alarms: &[&str]) -> Result<(), String> {
        let rollback_on = alarms.iter().map(|one| one.to_string()).collect();
        let deploy = Deploy {
            rollback_on,
            ..Deploy::default()
        };
        deploy.check(false, false)
    }

    #[test]
    fn an_alarm_is_named_once_and_by_its_name() {
        assert_eq!(check(&["5xx of web", "web/latency: p99"]), Ok(()));
        assert_eq!(check(&["é".repeat(255).as_str()]), Ok(()));
        for (alarms, why) in [
            (vec![""], "is not the name"),
            (vec!["a\nb"], "is not the name"),
            (vec!["a", "b", "a"], "'a' is said twice"),
            (
                vec!["arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"],
                "is an ARN",
            ),
        ] {
            let refused = check(&alarms).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        assert!(check(&["é".repeat(256).as_str()]).is_err());
    }

    fn deploy(fields: serde_json::Value) -> Deploy {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn a_strategy_has_its_times_and_shares_or_those_of_aws() {
        for (fields, shift) in [
            (json!({}), None),
            (json!({"deploy": "rolling"}), None),
            (
                json!({"deploy": "blue-green", "bake": 0}),
                Some(Shift::BlueGreen),
            ),
            (json!({"deploy": "linear"}), Some(Shift::Linear(100, 6))),
            (
                json!({"deploy": "linear", "deploy_percent": 33.3, "deploy_wait": 0}),
                Some(Shift::Linear(333, 0)),
            ),
            (
                json!({"deploy": "canary", "deploy_percent": 0.1, "bake": 1440}),
                Some(Shift::Canary(1, 10)),
            ),
        ] {
            let deploy = deploy(fields);
            assert_eq!(deploy.check(false, false), Ok(()));
            assert_eq!(deploy.shift(), shift);
        }
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        for (fields, why) in [
            (json!({"deploy": "bluegreen"}), "is not rolling"),
            (json!({"bake": 5}), "a rolling deployment has ended"),
            (
                json!({"deploy": "blue-green", "deploy_percent": 5}),
                "have steps",
            ),
            (json!({"deploy": "rolling", "deploy_wait": 5}), "have steps"),
            (
                json!({"deploy": "linear", "deploy_percent": 2.9}),
                "from 3 to 100",
            ),
            (
                json!({"deploy": "canary", "deploy_percent": 0.05}),
                "from 0.1 to 100",
            ),
            (
                json!({"deploy": "canary", "deploy_percent": 5.05}),
                "in steps of 0.1",
            ),
            (
                json!({"deploy": "canary", "deploy_wait": 1441}),
                "1440 minutes",
            ),
            (
                json!({"deploy": "blue-green", "bake": 1441}),
                "1440 minutes",
            ),
        ] {
            let refused = deploy(fields).check(false, false).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        let blue_green = deploy(json!({"deploy": "blue-green"}));
        assert!(
            blue_green
                .check(true, false)
                .unwrap_err()
                .contains("worker")
        );
        assert!(
            blue_green
                .check(false, true)
                .unwrap_err()
                .contains("requests")
        );
    }
}
