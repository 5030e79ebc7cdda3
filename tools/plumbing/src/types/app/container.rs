//! What runs in a task: the app's own container, and those beside it.

use std::collections::BTreeMap;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::health::within;
use super::secrets::check_names;
use crate::flags::any_number;
use crate::name::{self, is_id};
use crate::reference;

/// How an app's own container runs.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "What it runs")]
#[serde(default)]
pub struct Container {
    /// The words that the image's entrypoint gets, in place of the image's own command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// The program that runs and its first words, in place of the image's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub entrypoint: Vec<String>,
    /// As whom it runs: `1000`, `1000:1000`, `app`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// Whether it may write to its file system. It may to `/tmp` in any case.
    #[serde(skip_serializing_if = "crate::record::is_false")]
    #[arg(long)]
    pub writable: bool,
    /// The MiB of memory that `/tmp` may take, where the rest cannot be written to: 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "MIB", value_parser = any_number())]
    pub tmp: Option<u32>,
    /// Whether the image brings its own init process, as s6 is: then ECS adds none.
    #[serde(skip_serializing_if = "crate::record::is_false")]
    #[arg(long)]
    pub own_init: bool,
    /// Seconds from SIGTERM to SIGKILL: 2 to 120; 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "SECONDS", value_parser = any_number())]
    pub stop_timeout: Option<u32>,
    /// GiB of a task's disk: 21 to 200; Fargate's 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "GIB", value_parser = any_number())]
    pub storage: Option<u32>,
    /// File systems of EFS: `fs-0a1b2c3d=/data`, `fs-0a1b2c3d:/exports=/data:ro`,
    /// `fs-0a1b2c3d@fsap-0a1b2c3d=/data`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long = "mount", value_name = "FILE_SYSTEM=PATH")]
    pub mounts: Vec<String>,
    /// Limits of its processes, soft and hard: `{"nofile": "4096:65535"}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[arg(skip)]
    pub ulimits: BTreeMap<String, String>,
    /// `non-blocking`, which loses lines where CloudWatch is slow, or `blocking`, which halts the app
    /// instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[arg(long, value_name = "MODE")]
    pub logs: Option<String>,
    /// The containers beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(skip)]
    pub containers: Vec<Sidecar>,
    /// After which containers it starts: `{"proxy": "HEALTHY"}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[arg(skip)]
    pub after: BTreeMap<String, String>,
}

/// A container beside an app's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// What it is called: `proxy`.
    pub name: String,
    /// What it runs.
    pub image: String,
    /// The words that its entrypoint gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The program that runs and its first words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// As whom it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether it may write to its file system.
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub writable: bool,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Secrets, as the app's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Whether the task ends when it does.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub essential: bool,
    /// A command that ECS runs in it to see whether it is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// After which containers it starts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, String>,
    /// The most MiB of the task's memory that it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
}

/// A file system of EFS in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `fs-0a1b2c3d`.
    pub file_system: String,
    /// The directory of the file system: `/` unless said.
    pub directory: String,
    /// The access point, which has a directory and an owner of its own.
    pub access_point: Option<String>,
    /// Where it is in the container.
    pub at: String,
    /// Whether the container cannot write to it.
    pub read_only: bool,
}

impl Container {
    /// Seconds from SIGTERM to SIGKILL.
    pub fn stop_timeout(&self) -> u32 {
        self.stop_timeout.unwrap_or(30)
    }

    /// The MiB of memory that `/tmp` may take where nothing is said.
    pub const TMP: u32 = 64;

    /// The MiB of memory that `/tmp` may take.
    pub fn tmp(&self) -> u32 {
        self.tmp.unwrap_or(Container::TMP)
    }

    /// Whether it loses lines of its log rather than wait.
    pub fn loses_lines(&self) -> bool {
        self.logs.as_deref() != Some("blocking")
    }

    /// The file systems in the container. What is none was refused before.
    pub fn mounts(&self) -> Vec<Mount> {
        self.mounts.iter().flat_map(|text| mount(text)).collect()
    }

    pub(super) fn check(&self, app: &str, memory: u32, checks: bool) -> Result<(), String> {
        check_words("command", &self.command)?;
        check_words("entrypoint", &self.entrypoint)?;
        check_user(self.user.as_deref())?;
        within("stop_timeout", self.stop_timeout, 2, 120)?;
        within("storage", self.storage, 21, 200)?;
        within("tmp", self.tmp, 1, memory)?;
        if self.tmp.is_some() && self.writable {
            return Err("tmp is the size of a /tmp beside a root that cannot be written to: writable says another thing".into());
        }
        for text in &self.mounts {
            mount(text).map_err(|why| format!("mounts '{text}' {why}"))?;
        }
        let mut places: Vec<String> = self.mounts().into_iter().map(|mount| mount.at).collect();
        if !self.writable {
            places.push("/tmp".into());
        }
        places.sort();
        if let Some(twice) = places.windows(2).find(|two| two[0] == two[1]) {
            return Err(format!("mounts: two are at {}", twice[0]));
        }
        self.check_ulimits()?;
        match self.logs.as_deref() {
            None | Some("blocking" | "non-blocking") => {}
            Some(other) => {
                return Err(format!("logs '{other}' must be non-blocking or blocking"));
            }
        }
        self.check_sidecars(app, memory, checks)
    }

    /// Fargate lets no limit but that of open files be another one (ECS developer guide, "Resource
    /// limits").
    fn check_ulimits(&self) -> Result<(), String> {
        for (limit, value) in &self.ulimits {
            if limit != "nofile" {
                return Err(format!(
                    "ulimits {limit}: Fargate lets nofile alone be another one"
                ));
            }
            soft_and_hard(value).ok_or_else(|| {
                format!("ulimits {limit}: '{value}' is not SOFT:HARD, like 4096:65535")
            })?;
        }
        Ok(())
    }

    fn check_sidecars(&self, app: &str, memory: u32, checks: bool) -> Result<(), String> {
        let own = Beside {
            checks,
            essential: true,
        };
        let mut all = BTreeMap::from([(app, own)]);
        for one in &self.containers {
            one.check()?;
            let beside = Beside {
                checks: one.check.is_some(),
                essential: one.essential,
            };
            if all.insert(&one.name, beside).is_some() {
                return Err(format!("containers: two are called '{}'", one.name));
            }
        }
        let mut taken: u32 = 0;
        for one in &self.containers {
            taken = taken.saturating_add(one.memory.unwrap_or(0));
            check_after(&one.name, &one.after, &all)?;
        }
        check_after(app, &self.after, &all)?;
        if taken >= memory {
            return Err(format!(
                "containers take {taken} MiB of the {memory} that the task has: none is left for '{app}'"
            ));
        }
        self.check_circles(app)
    }

    fn check_circles(&self, app: &str) -> Result<(), String> {
        let sidecars = self
            .containers
            .iter()
            .map(|one| (one.name.as_str(), &one.after));
        let after: BTreeMap<&str, &BTreeMap<String, String>> =
            sidecars.chain([(app, &self.after)]).collect();
        for start in after.keys() {
            let mut to_see: Vec<&str> = vec![start];
            let mut seen = Vec::new();
            while let Some(name) = to_see.pop() {
                let next = after.get(name).into_iter().flat_map(|after| after.keys());
                for next in next {
                    if next == start {
                        return Err(format!("containers: '{start}' starts after itself"));
                    }
                    if !seen.contains(&next.as_str()) {
                        seen.push(next);
                        to_see.push(next);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Sidecar {
    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        name::check_part("container", name)?;
        let of = |why: String| format!("container '{name}': {why}");
        reference::parse(&self.image).map_err(of)?;
        check_words("command", &self.command).map_err(of)?;
        check_words("entrypoint", &self.entrypoint).map_err(of)?;
        check_user(self.user.as_deref()).map_err(of)?;
        check_names(&self.set, &self.secrets).map_err(of)?;
        within("memory", self.memory, 6, 249_856).map_err(of)?;
        if self.check.as_deref() == Some("") {
            return Err(of("check is an empty command".into()));
        }
        Ok(())
    }
}

/// What a container must be, for others to wait for it.
struct Beside {
    checks: bool,
    essential: bool,
}

fn check_after(
    name: &str,
    after: &BTreeMap<String, String>,
    all: &BTreeMap<&str, Beside>,
) -> Result<(), String> {
    for (other, condition) in after {
        let Some(beside) = all.get(other.as_str()) else {
            return Err(format!(
                "after: '{name}' starts after '{other}', which is no container of the task"
            ));
        };
        if other == name {
            return Err(format!("containers: '{name}' starts after itself"));
        }
        match condition.as_str() {
            "START" => {}
            "HEALTHY" if beside.checks => {}
            "COMPLETE" | "SUCCESS" if !beside.essential => {}
            // ECS refuses it: the task would end when that container does.
            "COMPLETE" | "SUCCESS" => {
                return Err(format!(
                    "after: '{name}' waits until '{other}' is {condition}, but the task ends with it: say that it is not essential"
                ));
            }
            // ECS would wait for ever.
            "HEALTHY" => {
                return Err(format!(
                    "after: '{name}' waits until '{other}' is HEALTHY, which has no check"
                ));
            }
            _ => {
                return Err(format!(
                    "after {other}: '{condition}' must be START, COMPLETE, SUCCESS or HEALTHY"
                ));
            }
        }
    }
    Ok(())
}

fn check_words(field: &str, words: &[String]) -> Result<(), String> {
    if words.iter().any(|word| word.contains('\0')) {
        return Err(format!("{field}: a word holds a NUL, which none can"));
    }
    match words.first() {
        Some(first) if first.is_empty() => Err(format!("{field}: its first word is empty")),
        _ => Ok(()),
    }
}

fn check_user(user: Option<&str>) -> Result<(), String> {
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    match user {
        Some(text) if !text.split(':').all(is_name) || text.split(':').count() > 2 => {
            Err(format!("user '{text}' is not USER or USER:GROUP"))
        }
        _ => Ok(()),
    }
}

/// The two numbers of `4096:65535`, the first of which is not the larger one.
pub fn soft_and_hard(text: &str) -> Option<(i32, i32)> {
    let (soft, hard) = text.split_once(':')?;
    let (soft, hard): (i32, i32) = (soft.parse().ok()?, hard.parse().ok()?);
    // The most that Linux takes without another setting.
    (0 < soft && soft <= hard && hard <= 1 << 20).then_some((soft, hard))
}

/// Reads `fs-0a1b2c3d:/exports@fsap-0a1b2c3d=/data:ro`.
fn mount(text: &str) -> Result<Mount, String> {
    let form = || {
        "is not FILE_SYSTEM[:DIRECTORY | @ACCESS_POINT]=PATH[:ro], like fs-0a1b2c3d=/data"
            .to_string()
    };
    let (what, at) = text.split_once('=').ok_or_else(form)?;
    let (at, read_only) = match at.strip_suffix(":ro") {
        Some(at) => (at, true),
        None => (at, false),
    };
    let (what, access_point) = match what.split_once('@') {
        Some((what, point)) => (what, Some(point)),
        None => (what, None),
    };
    let (file_system, directory) = what.split_once(':').unwrap_or((what, "/"));
    let is_path =
        |path: &str| path.starts_with('/') && !path.contains([':', '\0']) && !path.contains("..");
    if !is_id(file_system, "fs-") || access_point.is_some_and(|point| !is_id(point, "fsap-")) {
        return Err(form());
    }
    if !is_path(directory) || !is_path(at) || at == "/" {
        return Err(form());
    }
    if access_point.is_some() && what.contains(':') {
        return Err("has a directory and an access point, which has its own".into());
    }
    Ok(Mount {
        file_system: file_system.into(),
        directory: directory.into(),
        access_point: access_point.map(String::from),
        at: at.into(),
        read_only,
    })
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(fields: serde_json::Value) -> Result<(), String> {
        let container: Container = serde_json::from_value(fields).unwrap();
        container.check("web", 512, false)
    }

    #[test]
    fn what_ecs_takes_is_taken() {
        for fields in [
            json!({"command": ["serve", ""], "entrypoint": ["/app"], "user": "1000:1000"}),
            json!({"stop_timeout": 120, "storage": 21, "tmp": 512, "own_init": true}),
            json!({"mounts": ["fs-0a1b2c3d=/data", "fs-0a1b2c3d:/a/b=/b:ro", "fs-0a1b2c3d@fsap-0a1b2c3d=/c"]}),
            json!({"ulimits": {"nofile": "1024:4096"}, "logs": "blocking"}),
            json!({"containers": [{"name": "proxy", "image": "envoy:1", "check": "true", "memory": 64}],
                "after": {"proxy": "HEALTHY"}}),
            json!({"containers": [{"name": "init", "image": "init:1", "essential": false}],
                "after": {"init": "SUCCESS"}}),
        ] {
            assert_eq!(checked(fields.clone()), Ok(()), "{fields}");
        }
    }

    #[test]
    fn what_it_refuses_is_refused_here() {
        let proxy = |more: serde_json::Value| {
            let mut proxy = json!({"name": "proxy", "image": "envoy:1"});
            proxy
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            proxy
        };
        for (fields, why) in [
            (json!({"command": [""]}), "its first word is empty"),
            (json!({"user": "a b"}), "not USER or USER:GROUP"),
            (json!({"user": "a:b:c"}), "not USER or USER:GROUP"),
            (json!({"stop_timeout": 121}), "not from 2 to 120"),
            (json!({"storage": 20}), "not from 21 to 200"),
            (json!({"tmp": 513}), "not from 1 to 512"),
            (json!({"tmp": 1, "writable": true}), "another thing"),
            (
                json!({"mounts": ["fs-0a1b2c3d=data"]}),
                "is not FILE_SYSTEM",
            ),
            (json!({"mounts": ["fs-0a1b2c3d=/"]}), "is not FILE_SYSTEM"),
            (json!({"mounts": ["fs-1=/data"]}), "is not FILE_SYSTEM"),
            (
                json!({"mounts": ["fs-0a1b2c3d:/x@fsap-0a1b2c3d=/data"]}),
                "has its own",
            ),
            (
                json!({"mounts": ["fs-0a1b2c3d=/a", "fs-0a1b2c3d:/x=/a"]}),
                "two are at /a",
            ),
            (json!({"mounts": ["fs-0a1b2c3d=/tmp"]}), "two are at /tmp"),
            (json!({"ulimits": {"nproc": "1:2"}}), "nofile alone"),
            (json!({"ulimits": {"nofile": "2:1"}}), "not SOFT:HARD"),
            (json!({"logs": "none"}), "must be non-blocking or blocking"),
            (
                json!({"containers": [proxy(json!({"image": "Envoy"}))]}),
                "container 'proxy': ",
            ),
            (
                json!({"containers": [proxy(json!({})), proxy(json!({}))]}),
                "two are called 'proxy'",
            ),
            (
                json!({"containers": [proxy(json!({"name": "web"}))]}),
                "two are called 'web'",
            ),
            (
                json!({"containers": [proxy(json!({"memory": 512}))]}),
                "none is left for 'web'",
            ),
            (
                json!({"after": {"proxy": "START"}}),
                "no container of the task",
            ),
            (
                json!({"containers": [proxy(json!({}))], "after": {"proxy": "HEALTHY"}}),
                "has no check",
            ),
            (
                json!({"containers": [proxy(json!({}))], "after": {"proxy": "COMPLETE"}}),
                "not essential",
            ),
            (
                json!({"containers": [proxy(json!({}))], "after": {"proxy": "STARTED"}}),
                "must be START",
            ),
            (
                json!({"containers": [proxy(json!({"after": {"web": "START"}}))], "after": {"proxy": "START"}}),
                "starts after itself",
            ),
            (
                json!({"containers": [proxy(json!({"set": {"A": ""}, "secrets": {"A": "/x"}}))]}),
                "A is both",
            ),
        ] {
            let refused = checked(fields.clone()).unwrap_err();
            assert!(refused.contains(why), "{fields}: {refused}");
        }
    }

    #[test]
    fn a_mount_says_what_is_where() {
        let container: Container =
            serde_json::from_value(json!({"mounts": ["fs-0a1b2c3d:/a=/b:ro"]})).unwrap();
        let expected = Mount {
            file_system: "fs-0a1b2c3d".into(),
            directory: "/a".into(),
            access_point: None,
            at: "/b".into(),
            read_only: true,
        };
        assert_eq!(container.mounts(), [expected]);
    }
}
