//! The wish for a service, and whether it says something that AWS can run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::name::{self, is_word};
use crate::record::RecordType;
use crate::reference;

/// A service that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// What it is called: `web`.
    pub name: String,
    /// The port on which its container listens.
    #[serde(default = "port")]
    pub port: u16,
    /// Whether the internet may reach its load balancer.
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub public: bool,
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
        if self.found {
            return Ok(());
        }
        if let Some(image) = &self.image {
            reference::parse(image)?;
        }
        check_fargate_size(self.cpu, self.memory)
    }
}

impl App {
    fn check_container(&self) -> Result<(), String> {
        if self.port == 0 {
            return Err("port 0 is not a port".into());
        }
        let health = &self.health;
        if !health.starts_with('/') || health.len() > 1024 || !is_word(health) {
            return Err(format!(
                "health '{health}' is not a path: it begins with / and has no spaces"
            ));
        }
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

/// How many bytes a task definition may have (ECS developer guide, "Service quotas").
const LARGEST_DEFINITION: usize = 64 << 10;

/// Fargate's sizes as data: CPU units, then the memory in MiB as first, last and step
/// (ECS developer guide, "Task CPU and memory"). 256 CPU units take 512 MiB besides.
const FARGATE_SIZES: [(u32, u32, u32, u32); 8] = [
    (256, 1024, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122880, 8192),
    (32768, 61440, 249856, 61440),
];

fn check_fargate_size(cpu: u32, memory: u32) -> Result<(), String> {
    let Some((_, first, last, step)) = FARGATE_SIZES.iter().find(|size| size.0 == cpu) else {
        return Err(format!(
            "cpu {cpu} is no Fargate size: 256, 512, 1024, 2048, 4096, 8192, 16384 or 32768"
        ));
    };
    // 32 vCPU take 60, 120 or 244 GB; the last is no multiple of the step.
    let listed = (*first..=*last).contains(&memory) && (memory - first).is_multiple_of(*step);
    if listed || (cpu, memory) == (256, 512) || (cpu, memory) == (32768, 249856) {
        return Ok(());
    }
    let also = if cpu == 256 { "512, " } else { "" };
    Err(format!(
        "memory {memory} does not go with cpu {cpu}: {also}{first} to {last} MiB in steps of {step}"
    ))
}

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

    #[test]
    fn every_check_fargate_size_of_the_guide_is_accepted() {
        for (cpu, memory) in [
            (256, 512),
            (256, 2048),
            (512, 4096),
            (1024, 2048),
            (2048, 16384),
            (4096, 30720),
            (8192, 61440),
            (16384, 122880),
            (32768, 122880),
            (32768, 249856),
        ] {
            assert_eq!(check_fargate_size(cpu, memory), Ok(()), "{cpu} {memory}");
        }
        for (cpu, memory) in [
            (128, 128),
            (256, 1536),
            (256, 4096),
            (512, 512),
            (8192, 17408),
            (16384, 30720),
            (32768, 61441),
        ] {
            assert!(check_fargate_size(cpu, memory).is_err(), "{cpu} {memory}");
        }
    }
}
