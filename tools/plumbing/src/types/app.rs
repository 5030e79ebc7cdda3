//! The wish for a service, and whether it says something that AWS can run.

mod build;
mod container;
mod deploy;
mod health;
mod reach;
mod rights;
mod scale;
mod secrets;
mod sharing;
mod size;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::name::{self, is_word};
use crate::record::RecordType;
use crate::reference;
use crate::types::Env;

pub use build::Building;
pub use container::{Container, Mount, Sidecar, soft_and_hard};
pub use deploy::{Deploy, Shift};
pub use health::{Balancing, HealthCheck};
pub use reach::{Reach, Way};
pub use rights::{MOUNT_STATEMENT, Rights};
pub use scale::{Range, Scale, ScaleOn, Scheduled};
pub use secrets::{SecretRef, Secrets, secret_ref};
pub use sharing::Sharing;

/// A service that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// What it is called: `web`.
    pub name: String,
    /// The port on which its container listens.
    #[serde(default = "port")]
    pub port: u16,
    /// Whether the internet may reach its load balancer.
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub public: bool,
    /// Whether it has no load balancer: nobody calls it.
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub worker: bool,
    /// The apps whose load balancers it may reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// The path that the load balancer asks for.
    #[serde(default = "root")]
    pub health: String,
    /// Environment variables; `{alb.api.dns}` is filled in from records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// The image to run where no image record says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The directory on this machine that its image is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Fargate CPU units; 1024 are one vCPU.
    #[serde(default = "cpu")]
    pub cpu: u32,
    /// Fargate memory in MiB.
    #[serde(default = "memory")]
    pub memory: u32,
    /// How many tasks run.
    #[serde(default = "count")]
    pub count: u32,
    /// For how many seconds after its start a task's failing health checks do not count.
    #[serde(default = "grace")]
    pub grace: u32,
    /// A command that ECS runs in the container to see whether it is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The processor: `X86_64` or `ARM64`.
    #[serde(default = "architecture")]
    pub architecture: String,
    /// What it reaches, and who reaches it, that is no app.
    #[serde(flatten)]
    pub reach: Reach,
    /// Whose load balancer it answers at, where it has none of its own.
    #[serde(flatten)]
    pub sharing: Sharing,
    /// How its tasks are asked whether they are well.
    #[serde(flatten)]
    pub health_check: HealthCheck,
    /// How requests are sent to its tasks.
    #[serde(flatten)]
    pub balancing: Balancing,
    /// How its container runs, and which are beside it.
    #[serde(flatten)]
    pub container: Container,
    /// Its variables whose values are elsewhere.
    #[serde(flatten)]
    pub secrets: Secrets,
    /// What its tasks may do in AWS.
    #[serde(flatten)]
    pub rights: Rights,
    /// How its tasks become more and fewer.
    #[serde(flatten)]
    pub scale: Scale,
    /// How a new version takes the place of the one before.
    #[serde(flatten)]
    pub deploy: Deploy,
    /// How its image is built.
    #[serde(flatten)]
    pub building: Building,
    /// Whether it was read back from what AWS runs: AWS has taken its values, whatever the checks say.
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub found: bool,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for App {
    const TYPE: &'static str = "app";
    const IS_RESOURCE: bool = false;

    fn check(&self) -> Result<(), String> {
        name::check_part("app", &self.name)?;
        self.check_container()?;
        if self.count > 5000 {
            let count = self.count;
            return Err(format!(
                "count {count} is more than the 5000 tasks of a service"
            ));
        }
        if self.grace > i32::MAX as u32 {
            let (grace, most) = (self.grace, i32::MAX);
            return Err(format!(
                "grace {grace} is more than the {most} seconds that ECS takes"
            ));
        }
        for called in &self.calls {
            name::check_part("called app", called)?;
            if *called == self.name {
                return Err(format!("app '{called}' calls itself"));
            }
        }
        self.check_worker()?;
        self.sharing.check(&self.name)?;
        self.check_sharing()?;
        self.reach.check(self.public, self.worker)?;
        self.health_check.check()?;
        self.balancing.check()?;
        if self.found {
            return Ok(());
        }
        self.secrets.check(&self.set)?;
        let checks = self.check.is_some() || self.health_check.live.is_some();
        self.container.check(&self.name, self.memory, checks)?;
        self.rights.check()?;
        self.scale.check(self.worker)?;
        let by_requests = self.scale.on.requests.is_some();
        self.deploy.check(self.worker, by_requests)?;
        self.building.check(self.context.as_deref())?;
        self.check_mounts()?;
        if let Some(image) = &self.image {
            reference::parse(image)?;
        }
        size::check(self.cpu, self.memory)
    }
}

impl App {
    /// Refuses secrets of another account or region, of whichever container. Of what AWS runs already it
    /// has taken them.
    pub(crate) fn check_in(&self, env: &Env) -> Result<(), String> {
        if self.found {
            return Ok(());
        }
        let sidecars = self.container.containers.iter();
        secrets::check_in(sidecars.map(|sidecar| &sidecar.secrets), env)?;
        self.secrets.check_in(env)
    }

    fn check_container(&self) -> Result<(), String> {
        if self.port == 0 {
            return Err("port 0 is not a port".into());
        }
        check_path("health", &self.health)?;
        let architecture = self.architecture.as_str();
        if !matches!(architecture, "X86_64" | "ARM64") {
            return Err(format!(
                "architecture '{architecture}' must be X86_64 or ARM64"
            ));
        }
        if let Some(context) = &self.context
            && (context.is_empty() || context.contains(char::is_control))
        {
            return Err("context is not the path of a directory".into());
        }
        if let Some("") = self.check.as_deref() {
            return Err("check is an empty command".into());
        }
        self.check_variables()
    }

    /// Whether it has a load balancer of its own.
    pub fn has_load_balancer(&self) -> bool {
        !self.worker && self.sharing.behind.is_none()
    }

    /// The app at whose load balancer it answers: itself, or the one that it is behind.
    pub fn answers_at(&self) -> &str {
        self.sharing.behind.as_deref().unwrap_or(&self.name)
    }

    /// Whether its tasks have a role of their own: for what they do in AWS, file systems among it.
    pub fn has_task_role(&self) -> bool {
        !self.rights.allow.is_empty() || !self.container.mounts.is_empty()
    }

    /// Which roles it has beside that which pulls its image: `task`, and `deploy` by which ECS shifts its
    /// requests.
    pub fn own_roles(&self) -> Vec<&'static str> {
        let task = self.has_task_role().then_some("task");
        let deploy = self.deploy.shifts().then_some("deploy");
        [task, deploy].into_iter().flatten().collect()
    }

    /// A worker has no load balancer that any of this could be about.
    fn check_worker(&self) -> Result<(), String> {
        if self.check.is_some() && self.health_check.live.is_some() {
            return Err("check and live both say how ECS asks the container: one is enough".into());
        }
        if !self.worker {
            return Ok(());
        }
        let health_check = HealthCheck {
            live: None,
            ..self.health_check.clone()
        };
        let of_load_balancer = [
            ("public", self.public),
            ("behind, path and host", self.sharing != Sharing::default()),
            ("health", self.health != root()),
            (
                "health_… and (un)healthy_after",
                health_check != HealthCheck::default(),
            ),
            (
                "slow_start, sticky, idle_timeout and drain",
                self.balancing != Balancing::default(),
            ),
        ];
        match of_load_balancer.iter().find(|(_, says)| *says) {
            Some((field, _)) => Err(format!(
                "worker: it has no load balancer, and {field} is about one"
            )),
            None => Ok(()),
        }
    }

    /// What is of the load balancer, the app says that has it.
    fn check_sharing(&self) -> Result<(), String> {
        let Some(behind) = &self.sharing.behind else {
            return Ok(());
        };
        if self.balancing.idle_timeout.is_some() {
            return Err(format!(
                "idle_timeout is of the load balancer, which is that of '{behind}': say it there"
            ));
        }
        if !self.reach.from.is_empty() || !self.reach.only_from.is_empty() {
            return Err(format!(
                "who may reach it is said of the load balancer, which is that of '{behind}': say it there"
            ));
        }
        if self.deploy.shifts() {
            return Err(format!(
                "deploy: behind '{behind}' it is deployed rolling; only an app with a load balancer of its own has its requests shifted"
            ));
        }
        Ok(())
    }

    /// A file system that cannot be reached hangs each task that starts.
    fn check_mounts(&self) -> Result<(), String> {
        const NFS: u16 = 2049;
        let reaches =
            |way: &Way| way.protocol == "tcp" && (way.from_port..=way.to_port).contains(&NFS);
        if self.container.mounts.is_empty() || self.reach.ways().iter().any(reaches) {
            return Ok(());
        }
        Err("mounts: nothing lets its tasks reach a file system: say reach tcp:2049=sg-…, the group of its mount targets".into())
    }

    /// ECS hands variables to the container's runtime, which takes any name that has no = and any text
    /// without a NUL. A name is not shown: who forgets it writes the value there.
    fn check_variables(&self) -> Result<(), String> {
        let mut bytes = 0;
        for (key, value) in &self.set {
            if key.is_empty() {
                return Err("set: the name of a variable is empty".into());
            }
            if key.contains(['=', '\0']) {
                return Err(
                    "set: the name of a variable holds a = or a NUL, which none can".into(),
                );
            }
            if value.contains('\0') {
                return Err(format!("set {key}: its value holds a NUL, which none can"));
            }
            bytes += key.len() + value.len();
        }
        if bytes > LARGEST_DEFINITION {
            return Err(format!(
                "set: its {} variables have {bytes} bytes; ECS takes a task definition of {LARGEST_DEFINITION}",
                self.set.len()
            ));
        }
        Ok(())
    }
}

/// Checks the path of an address.
fn check_path(field: &str, path: &str) -> Result<(), String> {
    if !path.starts_with('/') || path.len() > 1024 || !is_word(path) {
        return Err(format!(
            "{field} '{path}' is not a path: it begins with / and has no spaces"
        ));
    }
    Ok(())
}

/// How many bytes a task definition may have (ECS developer guide, "Service quotas").
const LARGEST_DEFINITION: usize = 64 << 10;

fn port() -> u16 {
    5000
}

fn root() -> String {
    "/".into()
}

fn cpu() -> u32 {
    256
}

fn memory() -> u32 {
    512
}

fn count() -> u32 {
    2
}

fn grace() -> u32 {
    60
}

fn architecture() -> String {
    "X86_64".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(more: Value) -> App {
        let mut app = serde_json::json!({"name": "web"});
        let fields = app.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        serde_json::from_value(app).unwrap()
    }

    #[test]
    fn any_variable_that_ecs_takes_is_one() {
        for name in [
            "discovery.type",
            "spring.datasource.url",
            "1ST",
            "a-b",
            "a b",
            "grün",
            "{a.b.c}",
            "%20",
            "npm_config_//registry/:_authToken",
        ] {
            let set = app(serde_json::json!({"set": {name: ""}}));
            assert_eq!(set.check(), Ok(()), "{name}");
        }
        for (name, why) in [
            ("", "is empty"),
            ("hunter2=", "holds a ="),
            ("hunter2\0", "or a NUL"),
        ] {
            let refused = app(serde_json::json!({"set": {name: "x"}})).check();
            let refused = refused.unwrap_err();
            assert!(
                refused.contains(why) && !refused.contains("hunter2"),
                "{refused}"
            );
        }
        let large = app(serde_json::json!({"set": {"A": "x".repeat(65535)}}));
        assert_eq!(large.check(), Ok(()));
        let larger = app(serde_json::json!({"set": {"A": "x".repeat(65535), "B": ""}}));
        let refused = larger.check().unwrap_err();
        assert!(refused.contains("have 65537 bytes"), "{refused}");
    }

    #[test]
    fn a_worker_says_nothing_of_a_load_balancer() {
        let worker = app(serde_json::json!({"worker": true, "calls": ["api"], "live": "/live"}));
        assert_eq!(worker.check(), Ok(()));
        for (field, value) in [
            ("public", serde_json::json!(true)),
            ("health", serde_json::json!("/well")),
            ("health_codes", serde_json::json!("200")),
            ("drain", serde_json::json!(60)),
        ] {
            let refused = app(serde_json::json!({"worker": true, field: value})).check();
            assert!(
                refused.unwrap_err().contains("has no load balancer"),
                "{field}"
            );
        }
    }

    #[test]
    fn what_is_of_the_load_balancer_the_app_says_that_has_it() {
        let behind = |more: Value| {
            let mut all = serde_json::json!({"behind": "shop", "path": ["/web/*"]});
            all.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            app(all).check()
        };
        assert_eq!(
            behind(serde_json::json!({"public": true, "drain": 5})),
            Ok(())
        );
        for more in [
            serde_json::json!({"idle_timeout": 90}),
            serde_json::json!({"reach_from": ["sg-0a1b2c3d"]}),
            serde_json::json!({"public": true, "from": ["192.0.2.0/24"]}),
            serde_json::json!({"deploy": "canary"}),
            serde_json::json!({"worker": true}),
        ] {
            let refused = behind(more.clone()).unwrap_err();
            assert!(refused.contains("load balancer"), "{more}: {refused}");
        }
    }

    #[test]
    fn a_file_system_needs_a_way_to_it() {
        let mounts = serde_json::json!({"mounts": ["fs-0a1b2c3d=/data"]});
        let refused = app(mounts.clone()).check().unwrap_err();
        assert!(refused.contains("tcp:2049"), "{refused}");
        let mut reaching = mounts;
        reaching["reach"] = serde_json::json!(["tcp:2049=sg-0a1b2c3d"]);
        assert_eq!(app(reaching).check(), Ok(()));
    }

    #[test]
    fn what_aws_runs_already_is_not_judged() {
        let odd = serde_json::json!({"image": "ghcr.io/Owner/Web:1", "cpu": 300, "memory": 700});
        let mut app = app(odd);
        assert!(app.check().unwrap_err().contains("capital letters"));
        app.image = None;
        assert!(app.check().unwrap_err().contains("no Fargate size"));
        app.found = true;
        assert_eq!(app.check(), Ok(()));
        app.count = 5001;
        assert!(app.check().is_err());
    }
}
