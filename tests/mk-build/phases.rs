//! A build without CodeBuild: the phases of the buildspec in a real shell, with a docker and an aws
//! that only write down what they are asked.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mk_build::plan::{self, Options, Project};
use plumbing::{Env, Source};
use support::{ENV, Value};

use crate::REPOSITORY;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const DIGEST: &str = "sha256:8f1b3c5d7e9f8f1b3c5d7e9f8f1b3c5d7e9f8f1b3c5d7e9f8f1b3c5d7e9f8f1b";

/// Writes down how it is called, and answers a password.
const AWS: &str = "echo \"aws $*\" >>\"$LOG\"\necho password\n";
/// Writes down how it is called, and fails at the command that FAILS names.
const DOCKER: &str = concat!(
    "case \"$1\" in login) given=$(cat) ;; esac\n", // so that aws comes first in the log
    "echo \"docker $*\" >>\"$LOG\"\n",
    "case \"$1\" in\n",
    "  login) echo \"stdin $given\" >>\"$LOG\" ;;\n",
    "  build) echo \"attestations off: $BUILDX_NO_DEFAULT_ATTESTATIONS\" >>\"$LOG\" ;;\n",
    "  image) printf '%s\\n' \"$DIGESTS\" ;;\n",
    "esac\n",
    "[ \"$1\" != \"$FAILS\" ]\n",
);

/// The project of `web`, whose Dockerfile is in the folder `app`.
pub fn wanted() -> Project {
    let env: Env = serde_json::from_str(ENV).unwrap();
    let source =
        r#"{"name":"web","repository":"owner/web","context":"app","dockerfile":"Dockerfile"}"#;
    let source: Source = serde_json::from_str(source).unwrap();
    let options = Options {
        timeout: 30,
        keeps_layers: true,
    };
    plan::want(&env, &source, "", "", &options)
}

/// YAML as JSON, read by the YAML that the local AWS reads it with.
pub fn yaml(text: &str) -> Value {
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
    let mut child = Command::new(support::root().join(".venv/bin/python"))
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

/// A build: each phase in a shell of its own, so that only exported variables come from one to the
/// next.
pub struct Build {
    shell: &'static str,
    spec: Value,
    folder: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Build {
    /// A build of the source in a folder of this test's own, with a Dockerfile.
    pub fn of(test: &str, shell: &'static str, dockerfile: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mk-build-{test}-{shell}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src/app")).unwrap();
        fs::write(folder.join("src/app/Dockerfile"), dockerfile).unwrap();
        let project = wanted();
        let mut build = Build {
            shell,
            spec: yaml(&project.buildspec),
            folder,
            environment: project.variables,
        };
        build.write_command("aws", AWS);
        build.write_command("docker", DOCKER);
        build.set_variables();
        build
    }

    /// Sets what the buildspec, CodeBuild and the commands of this test need.
    fn set_variables(&mut self) {
        let variables = self.spec["env"]["variables"].as_object().unwrap().clone();
        for (name, value) in variables {
            self.set(&name, support::text(&value));
        }
        self.set("AWS_REGION", "us-east-1");
        self.set("CODEBUILD_RESOLVED_SOURCE_VERSION", COMMIT);
        let bin = self.folder.join("bin").display().to_string();
        self.set("PATH", &format!("{bin}:/usr/local/bin:/usr/bin:/bin"));
        let log = self.folder.join("log").display().to_string();
        self.set("LOG", &log);
        let digests = format!("registry.example/base@sha256:0\n{REPOSITORY}@{DIGEST}");
        self.set("DIGESTS", &digests);
    }

    fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.into(), value.into());
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    fn write_command(&self, name: &str, script: &str) {
        let bin = self.folder.join("bin");
        fs::create_dir_all(&bin).unwrap();
        let file = bin.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a phase as CodeBuild does, to the first command that fails; answers whether none did,
    /// and what it printed.
    pub fn phase(&mut self, name: &str, succeeding: bool) -> (bool, String) {
        let succeeding = if succeeding { "1" } else { "0" };
        let output = Command::new(self.shell)
            .args(["-c", &self.script(name)])
            .current_dir(self.folder.join("src"))
            .env_clear()
            .envs(&self.environment)
            .env("CODEBUILD_BUILD_SUCCEEDING", succeeding)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        self.environment.clear();
        for pair in fs::read_to_string(self.state()).unwrap().split('\0') {
            if let Some((name, value)) = pair.split_once('=') {
                self.set(name, value);
            }
        }
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(printed).unwrap())
    }

    /// Runs the commands of a phase, each from a file of its own, and writes the variables at the
    /// end into a file.
    fn script(&self, phase: &str) -> String {
        let state = self.state().display().to_string();
        let commands = self.spec["phases"][phase]["commands"].as_array().unwrap();
        let mut script = String::new();
        for (number, command) in commands.iter().enumerate() {
            let file = self.folder.join(format!("{phase}-{number}"));
            fs::write(&file, format!("{}\n", support::text(command))).unwrap();
            let file = file.display();
            script += &format!(". '{file}' || {{ env -0 >'{state}'; exit 1; }}\n");
        }
        script += &format!("env -0 >'{state}'\n");
        script
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// What docker and aws were asked.
    pub fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        log.lines().map(String::from).collect()
    }

    pub fn exported(&self, name: &str) -> &str {
        match self.environment.get(name) {
            Some(value) => value,
            None => "",
        }
    }

    pub fn image_definitions(&self) -> Option<Value> {
        let text = fs::read_to_string(self.folder.join("src/imagedefinitions.json")).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }
}
