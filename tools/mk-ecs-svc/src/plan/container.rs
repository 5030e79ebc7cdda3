//! What a container of a task definition says, and is to say. Pure.

use std::collections::BTreeMap;

use plumbing::{App, Sidecar, soft_and_hard};

use super::definition::Known;
use super::{live, mounts};

/// ECS takes no longer start period of a container's health check, in seconds.
const START_PERIOD: i32 = 300;
/// How many MiB of its log wait for CloudWatch before lines are lost.
pub const LOG_BUFFER: &str = "25m";

/// What a container says, as far as we set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The image reference.
    pub image: String,
    /// `5000/tcp`.
    pub ports: String,
    /// The words that its entrypoint gets.
    pub command: Vec<String>,
    /// The program that runs and its first words.
    pub entrypoint: Vec<String>,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// The names of the variables that we set, if a label tells: others were set by hand, and their
    /// values are shown to nobody.
    pub own_variables: Option<Vec<String>>,
    /// The variables whose values are elsewhere, and where.
    pub secrets: BTreeMap<String, String>,
    /// Which versions of its secrets it was to run with, where a label tells.
    pub secret_versions: Option<String>,
    /// The ARNs of the files of variables.
    pub env_files: Vec<String>,
    /// The health check in the container.
    pub check: Option<HealthCheck>,
    /// Whether the task ends when it does.
    pub essential: bool,
    /// After which containers it starts, and when.
    pub after: BTreeMap<String, String>,
    /// The most MiB that it may take.
    pub memory: Option<i32>,
    /// Whether it cannot write to its file system.
    pub read_only_root: bool,
    /// MiB of a `/tmp` in memory.
    pub tmp: Option<i32>,
    /// As whom it runs, where that is said.
    pub user: String,
    /// Whether a label tells that the app's record says that user, and nobody's hand.
    pub own_user: bool,
    /// The capabilities that it does not have.
    pub dropped_capabilities: Vec<String>,
    /// Whether an init process reaps its processes.
    pub init_process: bool,
    /// The soft and the hard limit of open files: `4096:65535`.
    pub nofile: String,
    /// The file systems in it, as a record says them, in order.
    pub mounts: Vec<String>,
    /// Where its log goes.
    pub log: Log,
    /// How long it may take to end before it is killed, in seconds.
    pub stop_timeout: i32,
    /// ECS's names of settings that we never make: somebody registered the revision by hand.
    pub other_settings: Vec<&'static str>,
}

/// Where a container's log goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// `awslogs`.
    pub driver: String,
    /// The log group's name.
    pub group: String,
    /// The region of the log group.
    pub region: String,
    /// What the names of the log streams begin with.
    pub prefix: String,
    /// `non-blocking` or `blocking`; empty for what the account has by default.
    pub mode: String,
    /// `25m`, or empty.
    pub buffer: String,
}

/// A command in the container that shows whether it is healthy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HealthCheck {
    /// The command.
    pub command: String,
    /// For how many seconds after the container's start it may fail.
    pub start_period: i32,
}

impl Container {
    /// The environment variables that we set. Where no label tells which, all are taken to be ours.
    pub fn own_environment(&self) -> BTreeMap<String, String> {
        let mut own = self.environment.clone();
        if let Some(names) = &self.own_variables {
            own.retain(|name, _| names.contains(name));
        }
        own
    }

    /// The number of its first port.
    pub fn port(&self) -> Option<u32> {
        self.ports.split('/').next()?.parse().ok()
    }

    /// The path that its check asks for, where that is how we ask.
    pub fn live(&self) -> Option<String> {
        live::path(&self.check.as_ref()?.command, self.port()?)
    }

    /// Takes over what somebody made stricter by hand in what runs, where the record says nothing of it;
    /// in words, empty for nothing.
    pub fn keep_stricter(&mut self, runs: &Container) -> String {
        let mut words = Vec::new();
        let is_by_hand = !runs.user.is_empty() && !runs.own_user && !is_root(&runs.user);
        if is_by_hand && self.user.is_empty() {
            self.user.clone_from(&runs.user);
            words.push(format!("user {}", self.user));
        }
        if !runs.dropped_capabilities.is_empty() {
            let dropped = runs.dropped_capabilities.clone();
            words.push(format!("without capabilities {}", dropped.join(" ")));
            self.dropped_capabilities = dropped;
        }
        words.join(", ")
    }
}

/// Whether a user is root, whatever its group.
fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    matches!(name, "root" | "0")
}

/// What the app's own container is to say.
pub fn own(region: &str, app: &App, known: &Known) -> Container {
    let wish = &app.container;
    let live = app.health_check.live.as_deref();
    let check = app.check.clone();
    let check = check.or_else(|| Some(live::command(app.port.into(), live?)));
    let mut nofile = String::new();
    if let Some((soft, hard)) = wish
        .ulimits
        .get("nofile")
        .and_then(|text| soft_and_hard(text))
    {
        nofile = format!("{soft}:{hard}");
    }
    let tmp = i32::try_from(wish.tmp()).ok();
    Container {
        image: known.image.clone(),
        ports: format!("{}/tcp", app.port),
        command: wish.command.clone(),
        entrypoint: wish.entrypoint.clone(),
        secrets: app.secrets.secrets.clone(),
        secret_versions: known.secret_versions.clone(),
        env_files: app.secrets.env_files.clone(),
        check: check.map(|command| health_check(app, command)),
        essential: true,
        after: wish.after.clone(),
        read_only_root: !wish.writable,
        tmp: tmp.filter(|_| !wish.writable),
        init_process: !wish.own_init,
        nofile,
        mounts: mounts::texts(&wish.mounts()),
        ..common(region, app, &app.name, known)
    }
    .with_variables(known.environment.clone())
    .with_user(wish.user.as_deref())
}

/// What a container beside it is to say. Its image may bring an init process of its own.
pub fn beside(region: &str, app: &App, sidecar: &Sidecar, known: &Known) -> Container {
    let check = sidecar.check.clone();
    let environment = known.of_others.get(&sidecar.name).cloned();
    Container {
        image: sidecar.image.clone(),
        command: sidecar.command.clone(),
        entrypoint: sidecar.entrypoint.clone(),
        secrets: sidecar.secrets.clone(),
        check: check.map(|command| health_check(app, command)),
        essential: sidecar.essential,
        after: sidecar.after.clone(),
        memory: sidecar.memory.and_then(|memory| memory.try_into().ok()),
        read_only_root: !sidecar.writable,
        tmp: (!sidecar.writable).then_some(plumbing::Container::TMP.cast_signed()),
        ..common(region, app, &sidecar.name, known)
    }
    .with_variables(environment.unwrap_or_default())
    .with_user(sidecar.user.as_deref())
}

/// What is alike in all containers of a task.
fn common(region: &str, app: &App, name: &str, known: &Known) -> Container {
    let wish = &app.container;
    let (mode, buffer) = if wish.loses_lines() {
        ("non-blocking", LOG_BUFFER)
    } else {
        ("blocking", "")
    };
    Container {
        name: name.into(),
        log: Log {
            driver: "awslogs".into(),
            group: known.log_group.clone(),
            region: region.into(),
            prefix: name.into(),
            mode: mode.into(),
            buffer: buffer.into(),
        },
        stop_timeout: wish.stop_timeout().try_into().unwrap_or(i32::MAX),
        ..Container::default()
    }
}

impl Container {
    fn with_variables(self, environment: BTreeMap<String, String>) -> Self {
        Container {
            own_variables: Some(environment.keys().cloned().collect()),
            environment,
            ..self
        }
    }

    fn with_user(self, user: Option<&str>) -> Self {
        Container {
            user: user.unwrap_or_default().into(),
            own_user: user.is_some(),
            ..self
        }
    }
}

fn health_check(app: &App, command: String) -> HealthCheck {
    let grace = i32::try_from(app.grace).unwrap_or(i32::MAX);
    HealthCheck {
        command,
        start_period: grace.min(START_PERIOD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardened(user: &str, own_user: bool) -> Container {
        Container {
            user: user.into(),
            own_user,
            ..Container::default()
        }
    }

    #[test]
    fn what_hands_made_stricter_is_told_in_words_and_stays() {
        let mut want = hardened("", false);
        assert_eq!(want.keep_stricter(&Container::default()), "");
        let runs = Container {
            dropped_capabilities: vec!["ALL".into()],
            ..hardened("1000:1000", false)
        };
        let words = want.keep_stricter(&runs);
        assert_eq!(words, "user 1000:1000, without capabilities ALL");
        assert_eq!((want.user, want.own_user), ("1000:1000".into(), false));
        assert_eq!(want.dropped_capabilities, ["ALL"]);
    }

    #[test]
    fn what_the_record_says_or_said_is_nobodys_hand() {
        let mut want = hardened("app", true);
        assert_eq!(want.keep_stricter(&hardened("1000", false)), "");
        assert_eq!(want.user, "app");
        let mut left_out = hardened("", false);
        assert_eq!(left_out.keep_stricter(&hardened("1000", true)), "");
        assert_eq!(left_out.keep_stricter(&hardened("root", false)), "");
        assert_eq!(left_out.user, "");
    }
}
