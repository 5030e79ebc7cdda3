//! How a new version of an app takes the place of the one before.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest name of an alarm (CloudWatch's API reference, "PutMetricAlarm").
const LONGEST_ALARM: usize = 255;

/// How a new version of an app takes the place of the one before.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "How it is deployed")]
#[serde(default)]
pub struct Deploy {
    /// A CloudWatch alarm, by its name: where it goes off during a deployment, what ran before comes
    /// back; again for another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long, value_name = "ALARM")]
    pub rollback_on: Vec<String>,
}

impl Deploy {
    pub(super) fn check(&self) -> Result<(), String> {
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
    use super::*;

    fn check(alarms: &[&str]) -> Result<(), String> {
        let rollback_on = alarms.iter().map(|one| one.to_string()).collect();
        Deploy { rollback_on }.check()
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
}
