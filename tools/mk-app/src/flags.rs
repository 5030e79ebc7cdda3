//! The flags whose values are more than a word: what is in a file, and pairs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use plumbing::{Error, Result, ScaleOn, Sidecar};
use serde_json::Value;

/// Flags whose values are more than a word. Each is a field of the record.
#[derive(Args)]
pub struct Flags {
    /// A limit of its processes: nofile=SOFT:HARD, of open files
    #[arg(long, value_name = "LIMIT=SOFT:HARD", value_parser = pair, help_heading = "What it runs")]
    ulimit: Vec<(String, String)>,
    /// A file with a container that runs beside it, or with a list of them, as JSON: name, image,
    /// command, set, secrets, check, essential, after
    #[arg(long, value_name = "FILE", help_heading = "What it runs")]
    container: Vec<PathBuf>,
    /// After which container it starts, and when that is START, COMPLETE, SUCCESS or HEALTHY
    #[arg(long, value_name = "CONTAINER=CONDITION", value_parser = pair, help_heading = "What it runs")]
    after: Vec<(String, String)>,
    /// A variable whose value is in Secrets Manager or in a parameter of Systems Manager. ECS reads it
    /// when a task starts, and at no other time
    #[arg(long, value_name = "NAME=ARN", help_heading = "Its secrets")]
    secret: Vec<String>,
    /// A file with what its tasks may do in AWS: statements of a policy, or a whole one, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Its rights in AWS")]
    allow: Vec<PathBuf>,
    /// What its tasks become more and fewer by: cpu=60, memory=70 (percent), requests=1000 (a minute
    /// for each task), queue=jobs:100 (messages that wait for each task)
    #[arg(long, value_name = "MEASURE=TARGET", value_delimiter = ',', value_parser = pair, help_heading = "Its size")]
    scale_on: Vec<(String, String)>,
    /// A build argument. Who has the image can read it: no secret belongs here
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, help_heading = "How its image is built")]
    build_arg: Vec<(String, String)>,
}

impl Flags {
    /// Limits, by what they are of.
    pub fn ulimits(&self) -> BTreeMap<String, String> {
        self.ulimit.iter().cloned().collect()
    }

    /// After which containers it starts.
    pub fn after(&self) -> BTreeMap<String, String> {
        self.after.iter().cloned().collect()
    }

    /// Build arguments.
    pub fn build_args(&self) -> BTreeMap<String, String> {
        self.build_arg.iter().cloned().collect()
    }

    /// Variables, and where their values are.
    ///
    /// Errors: one is no pair. What it says is not shown: who forgets the name may write a secret.
    pub fn secrets(&self) -> Result<BTreeMap<String, String>> {
        let read = |text: &String| match text.split_once('=') {
            Some((name, value)) => Ok((name.to_string(), value.to_string())),
            None => Err(Error::usage("a --secret is not NAME=ARN")),
        };
        self.secret.iter().map(read).collect()
    }

    /// The containers beside it.
    ///
    /// Errors: a file cannot be read, or holds something else.
    pub fn containers(&self) -> Result<Vec<Sidecar>> {
        let mut containers = Vec::new();
        for file in &self.container {
            for value in listed(json(file, "--container")?) {
                let container = serde_json::from_value(value).map_err(|why| {
                    Error::usage(format!("--container {}: {why}", file.display()))
                })?;
                containers.push(container);
            }
        }
        Ok(containers)
    }

    /// The statements of what its tasks may do.
    ///
    /// Errors: a file cannot be read, or is no JSON. What is no statement, the record's check says.
    pub fn statements(&self) -> Result<Vec<Value>> {
        let mut statements = Vec::new();
        for file in &self.allow {
            let mut value = json(file, "--allow")?;
            if let Some(of_policy) = value.get_mut("Statement") {
                value = of_policy.take();
            }
            statements.extend(listed(value));
        }
        Ok(statements)
    }

    /// What decides how many tasks there are.
    ///
    /// Errors: no such measure, or its target is no number.
    pub fn scale_on(&self) -> Result<ScaleOn> {
        let mut on = ScaleOn::default();
        for (measure, target) in &self.scale_on {
            let number = || match target.parse::<u32>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Error::usage(format!(
                    "--scale-on {measure}={target}: it is not a whole number"
                ))),
            };
            match measure.as_str() {
                "cpu" => on.cpu = number()?,
                "memory" => on.memory = number()?,
                "requests" => on.requests = number()?,
                "queue" => on.queue = Some(target.clone()),
                _ => {
                    return Err(Error::usage(format!(
                        "--scale-on {measure}: it is cpu, memory, requests or queue"
                    )));
                }
            }
        }
        Ok(on)
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is not NAME=VALUE")?;
    Ok((name.into(), value.into()))
}

fn json(file: &Path, flag: &str) -> Result<Value> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|why| Error::usage(format!("cannot read {flag} {shown}: {why}")))?;
    serde_json::from_str(&text)
        .map_err(|why| Error::usage(format!("{flag} {shown} is not valid JSON: {why}")))
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        one => vec![one],
    }
}
