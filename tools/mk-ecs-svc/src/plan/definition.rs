//! What a task definition says, and is to say. Pure.

use std::collections::BTreeMap;

use plumbing::name::ROLE_LIMIT;
use plumbing::{App, Env};

use super::container::{self, Container};

/// What a task definition says, as far as we set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definition {
    /// Fargate CPU units.
    pub cpu: String,
    /// MiB.
    pub memory: String,
    /// `X86_64` or `ARM64`.
    pub architecture: String,
    /// The ARN of the role that pulls the image, reads secrets and writes the log.
    pub execution_role: String,
    /// The ARN of the role that the tasks have.
    pub task_role: Option<String>,
    /// GiB of the task's disk, where it is not Fargate's 20.
    pub storage: Option<i32>,
    /// `awsvpc`.
    pub network_mode: String,
    /// `LINUX`.
    pub operating_system: String,
    /// `FARGATE`.
    pub requires: String,
    /// The app's own container.
    pub own: Container,
    /// Those beside it, by name.
    pub others: BTreeMap<String, Container>,
}

/// A revision of a task definition.
#[derive(Clone, Debug, Default)]
pub struct HaveRevision {
    /// Its ARN, with the revision's number.
    pub arn: String,
    /// `ACTIVE`, `INACTIVE` or `DELETE_IN_PROGRESS`.
    pub status: String,
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

/// What other tools made for an app, and what its variables refer to.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The image reference.
    pub image: String,
    /// The ARN of the role that starts its tasks.
    pub execution_role: String,
    /// The ARN of the role that its tasks have, where they are to have one.
    pub task_role: Option<String>,
    /// Which versions its secrets have, where another one is to restart it; empty where nobody knows.
    pub secret_versions: Option<String>,
    /// The log group's name.
    pub log_group: String,
    /// Its own variables, with what they refer to filled in.
    pub environment: BTreeMap<String, String>,
    /// Those of the containers beside it, by their names.
    pub of_others: BTreeMap<String, BTreeMap<String, String>>,
}

/// What the app's task definition is to say.
pub fn want(env: &Env, app: &App, known: &Known) -> Definition {
    let sidecars = app.container.containers.iter();
    let beside = sidecars.map(|sidecar| {
        let container = container::beside(&env.region, app, sidecar, known);
        (sidecar.name.clone(), container)
    });
    let storage = app.container.storage;
    Definition {
        cpu: app.cpu.to_string(),
        memory: app.memory.to_string(),
        architecture: app.architecture.clone(),
        execution_role: known.execution_role.clone(),
        task_role: known.task_role.clone(),
        storage: storage.and_then(|gib| gib.try_into().ok()),
        network_mode: "awsvpc".into(),
        operating_system: "LINUX".into(),
        requires: "FARGATE".into(),
        own: container::own(&env.region, app, known),
        others: beside.collect(),
    }
}

/// Whether a role is the one that mk-role makes for an app's tasks, wherever its path leads.
pub fn is_own_task_role(env: &Env, app: &str, role: &str) -> bool {
    let name = env.named_with("role-task", app, &env.region, ROLE_LIMIT);
    role.rsplit('/').next() == Some(name.as_str())
}

impl Definition {
    /// The definition with what is not the app's record's to say and stays: a role that somebody gave the
    /// tasks by hand, and the versions of the secrets where nobody knows them now.
    pub fn keep_of(&mut self, env: &Env, app: &str, runs: &Definition) {
        if self.task_role.is_none() {
            let by_hand = |role: &String| !is_own_task_role(env, app, role);
            self.task_role = runs.task_role.clone().filter(by_hand);
        }
        let versions = &mut self.own.secret_versions;
        if versions.as_deref() == Some("") && runs.own.secret_versions.is_some() {
            versions.clone_from(&runs.own.secret_versions);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::examples::{env, web, web_definition};

    #[test]
    fn a_role_of_hands_stays_and_our_own_goes_with_its_reason() {
        let ours = "arn:aws:iam::123456789012:role/x/role-task-web-us-east-1-production-pr1";
        let theirs = "arn:aws:iam::123456789012:role/reads-a-table";
        for (runs, stays) in [(theirs, Some(theirs)), (ours, None)] {
            let mut runs_with = web_definition();
            runs_with.task_role = Some(runs.into());
            let mut want = web_definition();
            want.keep_of(&env(), "web", &runs_with);
            assert_eq!(want.task_role.as_deref(), stays);
        }
        let mut want = web_definition();
        want.task_role = Some(ours.into());
        let mut runs = web_definition();
        runs.task_role = Some(theirs.into());
        want.keep_of(&env(), "web", &runs);
        assert_eq!(want.task_role.as_deref(), Some(ours));
    }

    #[test]
    fn versions_that_nobody_knows_now_stay_as_they_were() {
        let runs = |versions: Option<&str>| {
            let mut runs = web_definition();
            runs.own.secret_versions = versions.map(String::from);
            runs
        };
        for (now, before, then) in [
            (Some(""), Some("v1"), Some("v1")),
            (Some(""), None, Some("")),
            (Some("v2"), Some("v1"), Some("v2")),
            (None, Some("v1"), None),
        ] {
            let mut want = runs(now);
            want.keep_of(&env(), "web", &runs(before));
            assert_eq!(want.own.secret_versions.as_deref(), then);
        }
    }

    #[test]
    fn a_container_cannot_write_but_to_tmp_unless_its_app_says_so() {
        let known = Known::default();
        let own = want(&env(), &web(), &known).own;
        assert_eq!((own.read_only_root, own.tmp), (true, Some(64)));
        assert_eq!((own.init_process, own.stop_timeout), (true, 30));
        assert_eq!(
            (own.log.mode.as_str(), own.log.buffer.as_str()),
            ("non-blocking", "25m")
        );
        let mut app = web();
        app.container.writable = true;
        let own = want(&env(), &app, &known).own;
        assert_eq!((own.read_only_root, own.tmp), (false, None));
    }

    #[test]
    fn what_is_beside_it_logs_beside_it() {
        let mut app = web();
        app.container = serde_json::from_value(json!({"containers": [{
            "name": "proxy", "image": "proxy:1", "essential": false, "memory": 64, "user": "101",
            "check": "true", "secrets": {"A": "/a"}, "after": {"web": "START"},
        }]}))
        .unwrap();
        let known = Known {
            log_group: "/x/web".into(),
            ..Known::default()
        };
        let proxy = want(&env(), &app, &known).others["proxy"].clone();
        assert_eq!(
            (proxy.log.group.as_str(), proxy.log.prefix.as_str()),
            ("/x/web", "proxy")
        );
        assert_eq!((proxy.essential, proxy.memory), (false, Some(64)));
        assert_eq!(
            (proxy.read_only_root, proxy.tmp, proxy.ports.as_str()),
            (true, Some(64), "")
        );
        assert_eq!((proxy.user.as_str(), proxy.own_user), ("101", true));
        assert_eq!(proxy.check.unwrap().start_period, 60);
        assert_eq!(proxy.after["web"], "START");
    }
}
