//! The wish for a service, and whether it says something that AWS can run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::name::{self, is_word};
use crate::record::RecordType;

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
        if let Some(image) = &self.image
            && !is_word(image)
        {
            return Err("image is not the reference of an image".into());
        }
        if let Some("") = self.check.as_deref() {
            return Err("check is an empty command".into());
        }
        for (key, value) in &self.set {
            if !is_variable(key) {
                // It is not shown: who forgets the name writes the value there.
                return Err(
                    "set: a name is not one of an environment variable: letters, digits and _"
                        .into(),
                );
            }
            if value.contains('\0') {
                return Err(format!("set {key}: its value holds a NUL, which none can"));
            }
        }
        Ok(())
    }
}

/// Whether a shell takes it as the name of an environment variable.
fn is_variable(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

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
