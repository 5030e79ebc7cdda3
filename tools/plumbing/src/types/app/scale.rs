//! How many tasks an app has, where that follows from what they do or from the time.

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::flags::any_number;
use crate::name::is_word;

/// How an app's tasks become more and fewer.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "Its size")]
#[serde(default)]
pub struct Scale {
    /// The fewest and the most tasks: `2..10`.
    #[serde(rename = "scale", skip_serializing_if = "Option::is_none")]
    #[arg(long = "scale", value_name = "FEWEST..MOST")]
    pub range: Option<String>,
    /// What decides within the range; CPU at 60 % where nothing is said.
    #[serde(rename = "scale_on", skip_serializing_if = "ScaleOn::is_empty")]
    #[arg(skip)]
    pub on: ScaleOn,
    /// Other ranges from some times on: `cron(0 8 ? * MON-FRI *)=4..20`.
    #[serde(rename = "scale_at", skip_serializing_if = "Vec::is_empty")]
    #[arg(long = "scale-at", value_name = "SCHEDULE=FEWEST..MOST")]
    pub at: Vec<String>,
    /// The time zone of those times: `Europe/Berlin`; UTC.
    #[serde(rename = "scale_zone", skip_serializing_if = "Option::is_none")]
    #[arg(long = "scale-zone", value_name = "ZONE")]
    pub zone: Option<String>,
    /// The percentage of tasks that Fargate Spot runs: it is cheaper, and ends a task at two minutes'
    /// notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "PERCENT", value_parser = any_number())]
    pub spot: Option<u32>,
}

/// The measures that are kept where they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScaleOn {
    /// Of its tasks' CPU, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Of its tasks' memory, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Requests a minute for each task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// Messages of a queue that wait for each task: `jobs:100`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

/// The fewest and the most tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The fewest.
    pub least: i32,
    /// The most.
    pub most: i32,
}

/// A range from a time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// `cron(0 8 ? * MON-FRI *)`, `at(2026-12-24T18:00:00)` or `rate(1 day)`.
    pub schedule: String,
    /// The range.
    pub range: Range,
}

impl ScaleOn {
    fn is_empty(&self) -> bool {
        *self == ScaleOn::default()
    }

    /// The queue and how many of its messages wait for each task.
    pub fn queue(&self) -> Option<(&str, u32)> {
        let (name, backlog) = self.queue.as_deref()?.rsplit_once(':')?;
        Some((name, backlog.parse().ok().filter(|backlog| *backlog > 0)?))
    }
}

impl Scale {
    /// The range, if there is one.
    pub fn range(&self) -> Option<Range> {
        range(self.range.as_deref()?).ok()
    }

    /// The ranges from some times on.
    pub fn scheduled(&self) -> Vec<Scheduled> {
        self.at.iter().flat_map(|text| scheduled(text)).collect()
    }

    pub(super) fn check(&self, worker: bool) -> Result<(), String> {
        match &self.range {
            Some(text) => range(text).map_err(|why| format!("scale '{text}' {why}"))?,
            None if !self.on.is_empty() || !self.at.is_empty() || self.zone.is_some() => {
                return Err(
                    "scale_on, scale_at and scale_zone say nothing without scale, like 2..10"
                        .into(),
                );
            }
            None => return check_percent("spot", self.spot, 0),
        };
        self.check_first_task()?;
        check_percent("scale_on cpu", self.on.cpu, 1)?;
        check_percent("scale_on memory", self.on.memory, 1)?;
        check_percent("spot", self.spot, 0)?;
        if self.on.requests == Some(0) {
            return Err("scale_on requests 0 is no number of requests".into());
        }
        if self.on.requests.is_some() && worker {
            return Err("scale_on requests: a worker gets none".into());
        }
        if let Some(text) = &self.on.queue {
            let is_queue = |name: &str| {
                let words = name.strip_suffix(".fifo").unwrap_or(name);
                (1..=80).contains(&name.len())
                    && !words.is_empty()
                    && words
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            };
            if !self.on.queue().is_some_and(|(name, _)| is_queue(name)) {
                return Err(format!(
                    "scale_on queue '{text}' is not QUEUE:MESSAGES, like jobs:100"
                ));
            }
        }
        for text in &self.at {
            scheduled(text).map_err(|why| format!("scale_at '{text}' {why}"))?;
        }
        let mut times: Vec<String> = self.scheduled().into_iter().map(|at| at.schedule).collect();
        times.sort_unstable();
        if let Some(twice) = times.windows(2).find(|two| two[0] == two[1]) {
            return Err(format!("scale_at says two ranges for {}", twice[0]));
        }
        match &self.zone {
            Some(zone) if self.at.is_empty() => Err(format!(
                "scale_zone '{zone}' is of no time: scale_at says none"
            )),
            Some(zone) if !is_word(zone) => Err(format!(
                "scale_zone '{zone}' is no time zone, like Europe/Berlin"
            )),
            _ => Ok(()),
        }
    }
}

impl Scale {
    /// Where no task runs, none has a CPU or gets a request: only a queue or a time brings one back.
    fn check_first_task(&self) -> Result<(), String> {
        let least = self.range().map_or(1, |range| range.least);
        if least > 0 || self.on.queue.is_some() || !self.at.is_empty() {
            return Ok(());
        }
        let range = self.range.as_deref().unwrap_or_default();
        Err(format!(
            "scale '{range}': nothing would start the first task again: say scale_on queue or scale_at, or at least one"
        ))
    }
}

fn check_percent(field: &str, number: Option<u32>, least: u32) -> Result<(), String> {
    super::health::within(field, number, least, 100)
}

/// Reads `2..10`.
fn range(text: &str) -> Result<Range, String> {
    let form = || "is not FEWEST..MOST, like 2..10".to_string();
    let (least, most) = text.split_once("..").ok_or_else(form)?;
    let number = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
    };
    let (least, most) = (
        number(least).ok_or_else(form)?,
        number(most).ok_or_else(form)?,
    );
    if least > most {
        return Err(format!("is upside down: write {most}..{least}"));
    }
    if most == 0 || most > 5000 {
        return Err("is not of 1 to 5000 tasks, which a service may have at most".into());
    }
    Ok(Range {
        least: least.into(),
        most: most.into(),
    })
}

/// Reads `cron(0 8 ? * MON-FRI *)=4..20`.
fn scheduled(text: &str) -> Result<Scheduled, String> {
    let form = || "is not SCHEDULE=FEWEST..MOST, like cron(0 8 ? * MON-FRI *)=4..20".to_string();
    let (schedule, range_text) = text.rsplit_once('=').ok_or_else(form)?;
    let (kind, rest) = schedule.split_once('(').ok_or_else(form)?;
    let inner = rest.strip_suffix(')').ok_or_else(form)?;
    let words = inner.split(' ').filter(|word| is_word(word)).count();
    let expected = match kind {
        "cron" => 6,
        "at" => 1,
        "rate" => 2,
        _ => return Err(form()),
    };
    if words != expected || inner.split(' ').count() != expected {
        return Err(format!("has a {kind} that is not of {expected} words"));
    }
    Ok(Scheduled {
        schedule: schedule.into(),
        range: range(range_text)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scale(fields: serde_json::Value) -> Scale {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn a_range_and_what_decides_in_it_are_read() {
        let scale = scale(json!({
            "scale": "2..10", "scale_on": {"cpu": 60, "queue": "jobs.fifo:100"},
            "scale_at": ["cron(0 8 ? * MON-FRI *)=4..20", "at(2026-12-24T18:00:00)=0..1"],
            "scale_zone": "Europe/Berlin", "spot": 50
        }));
        assert_eq!(scale.check(true), Ok(()));
        assert_eq!(scale.range(), Some(Range { least: 2, most: 10 }));
        assert_eq!(scale.on.queue(), Some(("jobs.fifo", 100)));
        assert_eq!(scale.scheduled()[1].schedule, "at(2026-12-24T18:00:00)");
        assert_eq!(scale.scheduled()[1].range, Range { least: 0, most: 1 });
        assert_eq!(Scale::default().check(false), Ok(()));
    }

    #[test]
    fn what_is_none_is_refused() {
        for (fields, why) in [
            (json!({"scale": "10..2"}), "write 2..10"),
            (json!({"scale": "2-10"}), "is not FEWEST..MOST"),
            (json!({"scale": "+2..10"}), "is not FEWEST..MOST"),
            (json!({"scale": "0..0"}), "1 to 5000"),
            (json!({"scale": "0..2"}), "start the first task again"),
            (
                json!({"scale": "1..2", "scale_at": ["rate(1 day)=1..2", "rate(1 day)=2..3"]}),
                "two ranges for rate(1 day)",
            ),
            (json!({"scale": "1..5001"}), "1 to 5000"),
            (json!({"scale_on": {"cpu": 50}}), "nothing without scale"),
            (
                json!({"scale": "1..2", "scale_on": {"cpu": 0}}),
                "not from 1 to 100",
            ),
            (
                json!({"scale": "1..2", "scale_on": {"memory": 101}}),
                "not from 1 to 100",
            ),
            (
                json!({"scale": "1..2", "scale_on": {"requests": 0}}),
                "no number of requests",
            ),
            (
                json!({"scale": "1..2", "scale_on": {"queue": "jobs"}}),
                "is not QUEUE:MESSAGES",
            ),
            (
                json!({"scale": "1..2", "scale_on": {"queue": "a b:1"}}),
                "is not QUEUE:MESSAGES",
            ),
            (
                json!({"scale": "1..2", "scale_at": ["0 8 * * *=1..2"]}),
                "is not SCHEDULE",
            ),
            (
                json!({"scale": "1..2", "scale_at": ["cron(0 8 * * *)=1..2"]}),
                "not of 6 words",
            ),
            (
                json!({"scale": "1..2", "scale_at": ["at(x)=2..1"]}),
                "upside down",
            ),
            (
                json!({"scale": "1..2", "scale_zone": "UTC"}),
                "is of no time",
            ),
            (json!({"spot": 101}), "not from 0 to 100"),
        ] {
            let refused = scale(fields.clone()).check(false).unwrap_err();
            assert!(refused.contains(why), "{fields}: {refused}");
        }
        let requests = scale(json!({"scale": "1..2", "scale_on": {"requests": 1}}));
        assert!(
            requests
                .check(true)
                .unwrap_err()
                .contains("a worker gets none")
        );
    }
}
