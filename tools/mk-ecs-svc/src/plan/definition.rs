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
    /// What is stricter than what we ask for.
    pub hardening: Hardening,
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
    /// The names of the variables that we set, if a label tells: others were set by hand, and their
    /// values are shown to nobody.
    pub own_variables: Option<Vec<String>>,
}

/// What somebody made stricter than we do, and what therefore stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardening {
    /// Whether the container cannot write to its file system.
    pub read_only_root: bool,
    /// As whom it runs, if not as root.
    pub user: String,
    /// The capabilities that it does not have.
    pub dropped_capabilities: Vec<String>,
}

impl Hardening {
    /// What it says, in words; empty where it says nothing.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if self.read_only_root {
            words.push("a read-only root filesystem".to_string());
        }
        if !self.user.is_empty() {
            words.push(format!("user {}", self.user));
        }
        if !self.dropped_capabilities.is_empty() {
            let dropped = self.dropped_capabilities.join(" ");
            words.push(format!("without capabilities {dropped}"));
        }
        words.join(", ")
    }
}

impl Definition {
    /// The environment variables that we set. Where no label tells which, all are taken to be ours.
    pub fn own_environment(&self) -> BTreeMap<String, String> {
        let mut own = self.environment.clone();
        if let Some(names) = &self.own_variables {
            own.retain(|name, _| names.contains(name));
        }
        own
    }
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
    let own_variables = environment.keys().cloned().collect();
    Definition {
        image,
        ports: if app.worker {
            String::new()
        } else {
            format!("{}/tcp", app.port)
        },
        cpu: app.cpu.to_string(),
        memory: app.memory.to_string(),
        architecture: app.architecture.clone(),
        check: want_check(app),
        execution_role,
        environment,
        log_group,
        containers: app.name.clone(),
        essential: true,
        hardening: Hardening::default(),
        init_process: true,
        log_driver: "awslogs".into(),
        log_region: env.region.clone(),
        log_stream_prefix: app.name.clone(),
        network_mode: "awsvpc".into(),
        operating_system: "LINUX".into(),
        other_settings: Vec::new(),
        requires: "FARGATE".into(),
        stop_timeout: STOP_TIMEOUT,
        own_variables: Some(own_variables),
    }
}

fn want_check(app: &App) -> Option<HealthCheck> {
    let grace = i32::try_from(app.grace).unwrap_or(i32::MAX);
    Some(HealthCheck {
        command: app.check.clone()?,
        start_period: grace.min(START_PERIOD),
    })
}

/// How a task definition differs from what is wanted, field by field. The values of variables may be
/// secret, as may what is in a command: that they differ is told, and neither is shown.
pub fn compare(have: &Definition, want: &Definition) -> Vec<Difference> {
    let mut differences = Vec::new();
    for ((field, old), (_, new)) in fields(have).into_iter().zip(fields(want)) {
        differences.extend(Difference::between(field, old, new));
    }
    let have_check = have.check.as_ref().map(HealthCheck::words);
    let want_check = want.check.as_ref().map(HealthCheck::words);
    let check = Difference::of_values("check", have_check.as_deref(), want_check.as_deref());
    differences.extend(check);
    if have.own_variables.is_some() && have.own_variables != want.own_variables {
        let old = or_none(have.own_variables.as_deref());
        let new = or_none(want.own_variables.as_deref());
        differences.extend(Difference::between("label of the variables", old, new));
    }
    let have = &have.environment;
    let want = &want.environment;
    let keys: BTreeSet<&String> = have.keys().chain(want.keys()).collect();
    for key in keys {
        let old = have.get(key).map(String::as_str);
        let new = want.get(key).map(String::as_str);
        let field = format!("environment {key}");
        differences.extend(Difference::of_values(&field, old, new));
    }
    differences
}

impl HealthCheck {
    fn words(&self) -> String {
        format!("{}, after {} s", self.command, self.start_period)
    }
}

/// All fields but those with values that may be secret, each with its name in a difference.
fn fields(definition: &Definition) -> Vec<(&'static str, String)> {
    let hardening = &definition.hardening;
    let dropped = &hardening.dropped_capabilities;
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
        ("read-only root", hardening.read_only_root.to_string()),
        ("user", hardening.user.clone()),
        ("dropped capabilities", dropped.join(" ")),
        ("requires", definition.requires.clone()),
        ("stop timeout", definition.stop_timeout.to_string()),
    ]
}

fn or_none(words: Option<&[String]>) -> String {
    match words {
        Some(words) => words.join(" "),
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
            check: Some(HealthCheck {
                command: "curl -u me:secret localhost".into(),
                start_period: 0,
            }),
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
                "check: set -> none",
                "environment A: set -> changed",
                "environment B: set -> none"
            ]
        );
    }

    #[test]
    fn a_variable_that_was_set_by_hand_is_not_ours_to_list() {
        let mut have = web_definition();
        have.environment.insert("Password".into(), "secret".into());
        assert_eq!(have.own_environment(), web_definition().environment);
        assert_eq!(
            texts(&compare(&have, &web_definition())),
            ["environment Password: set -> none"]
        );
        // Nobody has labelled it: an older version made it.
        have.own_variables = None;
        assert_eq!(have.own_environment(), have.environment);
    }

    #[test]
    fn what_is_stricter_than_ours_is_told_in_words() {
        assert_eq!(Hardening::default().words(), "");
        let hardening = Hardening {
            read_only_root: true,
            user: "1000".into(),
            dropped_capabilities: vec!["ALL".into()],
        };
        assert_eq!(
            hardening.words(),
            "a read-only root filesystem, user 1000, without capabilities ALL"
        );
    }
}
