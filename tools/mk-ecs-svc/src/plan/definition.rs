//! What a task definition says, and is to say.

use std::collections::{BTreeMap, BTreeSet};

use plumbing::{App, Difference, Env};

/// ECS takes no longer start period of a container's health check, in seconds.
const START_PERIOD: i32 = 300;
/// How long a container may take to end before it is killed, in seconds.
const STOP_TIMEOUT: i32 = 30;

/// What a task definition says, as far as we set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// The image reference.
    pub image: String,
    /// `5000/tcp`.
    pub ports: String,
    /// Fargate CPU units.
    pub cpu: String,
    /// MiB.
    pub memory: String,
    /// `X86_64` or `ARM64`.
    pub architecture: String,
    /// The health check in the container.
    pub check: Option<HealthCheck>,
    /// The ARN of the role that pulls the image and writes the log.
    pub execution_role: String,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// The log group's name.
    pub log_group: String,
    /// The names of the containers.
    pub containers: String,
    /// Whether the task ends when its container does.
    pub essential: bool,
    /// Whether an init process reaps the container's processes.
    pub init_process: bool,
    /// `awslogs`.
    pub log_driver: String,
    /// The region of the log group.
    pub log_region: String,
    /// What the names of the log streams begin with.
    pub log_stream_prefix: String,
    /// `awsvpc`.
    pub network_mode: String,
    /// `LINUX`.
    pub operating_system: String,
    /// ECS's names of settings that we never make: somebody registered the revision by hand.
    pub other_settings: Vec<&'static str>,
    /// `FARGATE`.
    pub requires: String,
    /// How long a container may take to end before it is killed, in seconds.
    pub stop_timeout: i32,
}

/// A command in the container that shows whether it is healthy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HealthCheck {
    /// The command.
    pub command: String,
    /// For how many seconds after the container's start it may fail.
    pub start_period: i32,
}

/// A revision of a task definition.
#[derive(Clone, Debug, Default)]
pub struct HaveRevision {
    /// Its ARN, with the revision's number.
    pub arn: String,
    /// `ACTIVE`, `INACTIVE` or `DELETE_IN_PROGRESS`.
    pub status: String,
    /// A role that someone gave the tasks; we give none.
    pub task_role: Option<String>,
    /// The ARN of who registered it.
    pub registered_by: String,
    /// When, in milliseconds since 1970.
    pub registered: i64,
    /// What it says.
    pub definition: Definition,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What an app without an image names until its pipeline has built one: the tag that the pipeline
/// will give it.
pub fn placeholder(env: &Env, app: &str) -> String {
    format!("{}:production", env.repository_uri(app))
}

/// What the app's task definition is to say.
pub fn want(
    env: &Env,
    app: &App,
    image: String,
    execution_role: String,
    log_group: String,
    environment: BTreeMap<String, String>,
) -> Definition {
    Definition {
        image,
        ports: format!("{}/tcp", app.port),
        cpu: app.cpu.to_string(),
        memory: app.memory.to_string(),
        architecture: app.architecture.clone(),
        check: want_check(app),
        execution_role,
        environment,
        log_group,
        containers: app.name.clone(),
        essential: true,
        init_process: true,
        log_driver: "awslogs".into(),
        log_region: env.region.clone(),
        log_stream_prefix: app.name.clone(),
        network_mode: "awsvpc".into(),
        operating_system: "LINUX".into(),
        other_settings: Vec::new(),
        requires: "FARGATE".into(),
        stop_timeout: STOP_TIMEOUT,
    }
}

fn want_check(app: &App) -> Option<HealthCheck> {
    let grace = i32::try_from(app.grace).unwrap_or(i32::MAX);
    Some(HealthCheck {
        command: app.check.clone()?,
        start_period: grace.min(START_PERIOD),
    })
}

/// How a task definition differs from what is wanted, field by field.
pub fn compare(have: &Definition, want: &Definition) -> Vec<Difference> {
    let mut differences = Vec::new();
    for ((field, old), (_, new)) in fields(have).into_iter().zip(fields(want)) {
        differences.extend(Difference::between(field, old, new));
    }
    let have = &have.environment;
    let want = &want.environment;
    let keys: BTreeSet<&String> = have.keys().chain(want.keys()).collect();
    for key in keys {
        // A variable that is "(none)" is not a missing one, so the texts are not compared.
        if have.get(key) != want.get(key) {
            differences.push(Difference {
                field: format!("environment {key}"),
                old: or_none(have.get(key)),
                new: or_none(want.get(key)),
            });
        }
    }
    differences
}

/// All fields but the environment variables, each with its name in a difference.
fn fields(definition: &Definition) -> Vec<(&'static str, String)> {
    let check = match &definition.check {
        Some(check) => format!("{}, after {} s", check.command, check.start_period),
        None => or_none(None),
    };
    let other_settings = if definition.other_settings.is_empty() {
        "none".to_string()
    } else {
        definition.other_settings.join(" ")
    };
    vec![
        ("image", definition.image.clone()),
        ("port", definition.ports.clone()),
        ("cpu", definition.cpu.clone()),
        ("memory", definition.memory.clone()),
        ("architecture", definition.architecture.clone()),
        ("check", check),
        ("execution role", definition.execution_role.clone()),
        ("log group", definition.log_group.clone()),
        ("containers", definition.containers.clone()),
        ("essential", definition.essential.to_string()),
        ("init process", definition.init_process.to_string()),
        ("log driver", definition.log_driver.clone()),
        ("log region", definition.log_region.clone()),
        ("log stream prefix", definition.log_stream_prefix.clone()),
        ("network mode", definition.network_mode.clone()),
        ("operating system", definition.operating_system.clone()),
        ("other settings", other_settings),
        ("requires", definition.requires.clone()),
        ("stop timeout", definition.stop_timeout.to_string()),
    ]
}

fn or_none(value: Option<&String>) -> String {
    match value {
        Some(value) => value.clone(),
        None => "(none)".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::examples::{texts, web_definition};

    #[test]
    fn the_same_task_has_no_differences() {
        assert_eq!(compare(&web_definition(), &web_definition()), []);
    }

    #[test]
    fn a_task_differs_field_by_field() {
        let have = Definition {
            image: "web:0".into(),
            cpu: "512".into(),
            containers: "web sidecar".into(),
            environment: BTreeMap::from([
                ("A".to_string(), "0".to_string()),
                ("B".to_string(), String::new()),
            ]),
            ..web_definition()
        };
        assert_eq!(
            texts(&compare(&have, &web_definition())),
            [
                "image: web:0 -> web:1",
                "cpu: 512 -> 256",
                "containers: web sidecar -> web",
                "environment A: 0 -> 1",
                "environment B:  -> (none)"
            ]
        );
    }
}
