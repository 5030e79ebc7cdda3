//! How a load balancer asks an app's tasks whether they are well, and how it sends requests to them.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flags::{any_number, whole};

/// How an app's tasks are asked whether they are well. What is not said has the load balancer's default
/// here: codes 200, every 15 s, 5 s for an answer, well after 2 and unwell after 3.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "Whether it is well")]
#[serde(default)]
pub struct HealthCheck {
    /// The status codes of a healthy answer: `200`, `200,302`, `200-399`.
    #[serde(rename = "health_codes", skip_serializing_if = "Option::is_none")]
    #[arg(long = "health-codes", value_name = "CODES")]
    pub codes: Option<String>,
    /// Seconds between two checks: 5 to 300.
    #[serde(rename = "health_interval", skip_serializing_if = "Option::is_none")]
    #[arg(long = "health-interval", value_name = "SECONDS", value_parser = any_number())]
    pub interval: Option<u32>,
    /// Seconds until a check without an answer has failed: 2 to 120, and less than the interval.
    #[serde(rename = "health_timeout", skip_serializing_if = "Option::is_none")]
    #[arg(id = "health_timeout", long = "health-timeout", value_name = "SECONDS", value_parser = any_number())]
    pub timeout: Option<u32>,
    /// Good checks in a row until a task is well: 2 to 10.
    #[serde(rename = "healthy_after", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "CHECKS", value_parser = any_number())]
    pub healthy_after: Option<u32>,
    /// Bad checks in a row until a task is unwell: 2 to 10.
    #[serde(rename = "unhealthy_after", skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "CHECKS", value_parser = any_number())]
    pub unhealthy_after: Option<u32>,
    /// The port that is asked, where it is not the app's.
    #[serde(rename = "health_port", skip_serializing_if = "Option::is_none")]
    #[arg(id = "health_port", long = "health-port", value_name = "PORT", value_parser = whole::<u16>(1, 65535))]
    pub port: Option<u16>,
    /// The path that ECS asks in the container, by curl or wget of its image: a task that does not
    /// answer there is replaced, whatever the load balancer thinks of `health`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "PATH")]
    pub live: Option<String>,
}

/// How a load balancer sends requests to an app's tasks. What is not said has the default.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "How it is reached")]
#[serde(default)]
pub struct Balancing {
    /// Over how many seconds a new task's share of requests grows: 30 to 900.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "SECONDS", value_parser = any_number())]
    pub slow_start: Option<u32>,
    /// For how many seconds a visitor stays with one task, by a cookie: 1 to 604800.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "SECONDS", value_parser = any_number())]
    pub sticky: Option<u32>,
    /// After how many seconds without traffic its load balancer closes a connection: 1 to 4000; 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "SECONDS", value_parser = any_number())]
    pub idle_timeout: Option<u32>,
    /// For how many seconds requests under way may end on a task that is taken out: 0 to 3600; 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "SECONDS", value_parser = any_number())]
    pub drain: Option<u32>,
}

impl HealthCheck {
    /// The status codes of a healthy answer.
    pub fn codes(&self) -> &str {
        self.codes.as_deref().unwrap_or("200")
    }

    /// Seconds between two checks.
    pub fn interval(&self) -> u32 {
        self.interval.unwrap_or(15)
    }

    /// Seconds until a check has failed.
    pub fn timeout(&self) -> u32 {
        self.timeout.unwrap_or(5)
    }

    /// Good checks in a row until a task is well.
    pub fn healthy_after(&self) -> u32 {
        self.healthy_after.unwrap_or(2)
    }

    /// Bad checks in a row until a task is unwell.
    pub fn unhealthy_after(&self) -> u32 {
        self.unhealthy_after.unwrap_or(3)
    }

    /// The bounds are Elastic Load Balancing's (its API reference, CreateTargetGroup).
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(codes) = &self.codes {
            check_codes(codes)?;
        }
        within("health_interval", self.interval, 5, 300)?;
        within("health_timeout", self.timeout, 2, 120)?;
        within("healthy_after", self.healthy_after, 2, 10)?;
        within("unhealthy_after", self.unhealthy_after, 2, 10)?;
        let (timeout, interval) = (self.timeout(), self.interval());
        if timeout >= interval {
            return Err(format!(
                "health_timeout {timeout} is not less than health_interval {interval}"
            ));
        }
        if self.port == Some(0) {
            return Err("health_port 0 is not a port".into());
        }
        match &self.live {
            Some(path) => super::check_path("live", path),
            None => Ok(()),
        }
    }
}

impl Balancing {
    /// For how many seconds requests under way may end on a task that is taken out. AWS's 300 s would
    /// hold up each deployment and each `rm-env`.
    pub fn drain(&self) -> u32 {
        self.drain.unwrap_or(30)
    }

    /// The bounds are Elastic Load Balancing's (its user guide, attributes of target groups and load
    /// balancers).
    pub(super) fn check(&self) -> Result<(), String> {
        within("slow_start", self.slow_start, 30, 900)?;
        within("sticky", self.sticky, 1, 604_800)?;
        within("idle_timeout", self.idle_timeout, 1, 4000)?;
        within("drain", self.drain, 0, 3600)
    }
}

/// Refuses a number that is out of bounds.
pub(super) fn within(
    field: &str,
    number: Option<u32>,
    least: u32,
    most: u32,
) -> Result<(), String> {
    match number {
        Some(number) if !(least..=most).contains(&number) => {
            Err(format!("{field} {number} is not from {least} to {most}"))
        }
        _ => Ok(()),
    }
}

/// Checks `200`, `200,302` and `200-399`: a load balancer takes 200 to 499.
fn check_codes(codes: &str) -> Result<(), String> {
    let code = |text: &str| {
        let number: Option<u32> = text.parse().ok().filter(|_| text.len() == 3);
        number.filter(|code| (200..=499).contains(code))
    };
    for part in codes.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (code(first), code(last)) {
            (Some(first), Some(last)) if first <= last => {}
            _ => {
                return Err(format!(
                    "health_codes '{codes}' are not codes from 200 to 499, like 200, 200,302 or 200-399"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(fields: serde_json::Value) -> Result<(), String> {
        let health: HealthCheck = serde_json::from_value(fields.clone()).unwrap();
        let balancing: Balancing = serde_json::from_value(fields).unwrap();
        health.check().and(balancing.check())
    }

    #[test]
    fn what_a_load_balancer_takes_is_taken() {
        for fields in [
            json!({}),
            json!({"health_codes": "200,302", "health_interval": 6, "health_timeout": 5}),
            json!({"health_codes": "200-499", "health_interval": 300, "health_timeout": 120}),
            json!({"healthy_after": 10, "unhealthy_after": 2, "health_port": 9000, "live": "/live"}),
            json!({"slow_start": 900, "sticky": 604800, "idle_timeout": 4000, "drain": 0}),
        ] {
            assert_eq!(checked(fields.clone()), Ok(()), "{fields}");
        }
    }

    #[test]
    fn what_it_refuses_is_refused_here() {
        for (fields, why) in [
            (json!({"health_codes": "199"}), "not codes from 200 to 499"),
            (json!({"health_codes": "500"}), "not codes from 200 to 499"),
            (json!({"health_codes": "302-200"}), "not codes"),
            (json!({"health_codes": "200, 302"}), "not codes"),
            (json!({"health_codes": ""}), "not codes"),
            (json!({"health_interval": 4}), "not from 5 to 300"),
            (json!({"health_timeout": 121}), "not from 2 to 120"),
            (
                json!({"health_timeout": 15}),
                "not less than health_interval 15",
            ),
            (
                json!({"health_interval": 5}),
                "health_timeout 5 is not less",
            ),
            (json!({"healthy_after": 1}), "not from 2 to 10"),
            (json!({"unhealthy_after": 11}), "not from 2 to 10"),
            (json!({"health_port": 0}), "not a port"),
            (json!({"live": "live"}), "live 'live' is not a path"),
            (json!({"slow_start": 29}), "not from 30 to 900"),
            (json!({"sticky": 0}), "not from 1 to 604800"),
            (json!({"idle_timeout": 4001}), "not from 1 to 4000"),
            (json!({"drain": 3601}), "not from 0 to 3600"),
        ] {
            let refused = checked(fields).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
