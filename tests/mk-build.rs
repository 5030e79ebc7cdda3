//! mk-build: its command line, the projects it makes in the local AWS, and its buildspec, run by a
//! real shell with a docker that only writes down what it is asked.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mk_build::plan::{self, Options, Project};
use plumbing::{Env, Source};
use support::{ENV, Faults, LocalAws, Output, Value, json, tags, tool};

const NAME: &str = "build-web-production-pr1";
const GROUP: &str = "/aws/codebuild/build-web-production-pr1";
const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const REPOSITORY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const DIGEST: &str = "sha256:8f1b3c5d7e9f8f1b3c5d7e9f8f1b3c5d7e9f8f1b3c5d7e9f8f1b3c5d7e9f8f1b";

/// The environment, and the connection without which mk-role waits.
fn head(plan: bool) -> String {
    let connection = r#"{"type":"connection","name":"github","arn":"arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b","status":"PENDING"}"#;
    let env = if plan {
        ENV.replace("{\"type\"", "{\"plan\":true,\"type\"")
    } else {
        ENV.to_string()
    };
    format!("{env}\n{connection}\n")
}

fn make(aws: &LocalAws, flags: &str) -> Output {
    aws.pipe_with(
        &format!("mk-source web owner/web | mk-role | mk-logs | mk-build {flags}"),
        &head(false),
    )
}

fn project(aws: &LocalAws) -> Value {
    aws.call("codebuild", "batch_get_projects", json!({"names": [NAME]}))["projects"][0].clone()
}

/// The calls to CodeBuild that change something.
fn changes(aws: &LocalAws) -> Vec<String> {
    aws.changes()
        .into_iter()
        .filter(|call| call.starts_with("codebuild:"))
        .collect()
}

fn fields(record: &Value) -> Vec<&str> {
    record["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| support::text(&change["field"]))
        .collect()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-build", &[]);
}

#[test]
fn a_timeout_that_codebuild_does_not_take_is_refused() {
    for minutes in ["4", "481", "half"] {
        let output = tool("mk-build", &["--build-timeout", minutes], ENV);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(
            output.stderr.contains("--build-timeout"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn the_project_is_as_a_pipeline_needs_it_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let made = make(&aws, "").ok();
    let (record, project) = (made.record("build", "web"), project(&aws));
    assert_eq!(
        (&record["arn"], &record["project"], &record["change"]),
        (&project["arn"], &json!(NAME), &json!("created"))
    );
    assert_eq!(
        project["serviceRole"],
        made.record("role", "build/web")["arn"]
    );
    assert_eq!(
        (&project["source"]["type"], &project["artifacts"]["type"]),
        (&json!("CODEPIPELINE"), &json!("CODEPIPELINE"))
    );
    let spec = fs::read_to_string(support::root().join("tools/mk-build/buildspec.yml")).unwrap();
    assert_eq!(project["source"]["buildspec"], spec);
    let environment = &project["environment"];
    assert_eq!(
        (
            &environment["type"],
            &environment["computeType"],
            &environment["image"],
            &environment["privilegedMode"]
        ),
        (
            &json!("LINUX_CONTAINER"),
            &json!("BUILD_GENERAL1_SMALL"),
            &json!("aws/codebuild/amazonlinux-x86_64-standard:5.0"),
            &json!(true)
        )
    );
    let variable =
        |name: &str, value: &str| json!({"name": name, "value": value, "type": "PLAINTEXT"});
    assert_eq!(
        environment["environmentVariables"],
        json!([
            variable("CONTAINER", "web"),
            variable("CONTEXT", "."),
            variable("DOCKERFILE", "Dockerfile"),
            variable("REGISTRY", REGISTRY),
            variable("REPOSITORY_URI", REPOSITORY),
        ])
    );
    assert_eq!(
        (
            &project["timeoutInMinutes"],
            &project["queuedTimeoutInMinutes"]
        ),
        (&json!(30), &json!(60))
    );
    assert_eq!(
        project["cache"],
        json!({"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]})
    );
    assert_eq!(
        project["logsConfig"]["cloudWatchLogs"],
        json!({"status": "ENABLED", "groupName": GROUP})
    );
    assert_eq!(project["logsConfig"]["s3Logs"]["status"], "DISABLED");
    assert_eq!(made.record("log_group", "build/web")["group"], GROUP);
    assert_eq!(project["description"], "Image of web from owner/web");
    let tags = tags(&project["tags"]);
    assert_eq!(
        (
            &tags["plumbline:env"],
            &tags["plumbline:source"],
            &tags["Team"],
            &tags["Name"]
        ),
        (
            &json!("production-pr1"),
            &json!("web"),
            &json!("devops"),
            &json!(NAME)
        )
    );
    assert!(
        project["tags"][0].get("key").is_some(),
        "in this API keys are lower case: {}",
        project["tags"]
    );

    aws.forget();
    let again = make(&aws, "").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("build", "web")["change"], "kept");
}

#[test]
fn the_repository_is_the_one_that_mk_ecr_makes() {
    let aws = LocalAws::start();
    let pipe = "mk-source web owner/web | mk-ecr | mk-role | mk-logs | mk-build";
    let made = aws.pipe_with(pipe, &head(false)).ok();
    assert_eq!(made.record("repo", "web")["uri"], REPOSITORY);
}

#[test]
fn each_source_has_a_project_of_its_own() {
    let aws = LocalAws::start();
    let pipe = "mk-source web owner/web | mk-source api owner/api --context src/api --dockerfile docker/File | mk-role | mk-logs | mk-build";
    aws.pipe_with(pipe, &head(false)).ok();
    let names = aws.call("codebuild", "list_projects", json!({}))["projects"].clone();
    assert_eq!(names, json!(["build-api-production-pr1", NAME]));
    let api = aws.call(
        "codebuild",
        "batch_get_projects",
        json!({"names": ["build-api-production-pr1"]}),
    );
    let api = &api["projects"][0];
    let value = |name: &str| {
        let all = api["environment"]["environmentVariables"]
            .as_array()
            .unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!(
        [value("CONTEXT"), value("DOCKERFILE")],
        ["src/api", "docker/File"]
    );
    assert_eq!(
        api["source"]["buildspec"],
        project(&aws)["source"]["buildspec"]
    );
}

#[test]
fn the_project_waits_for_its_log_group() {
    let aws = LocalAws::start();
    let without = aws.pipe_with("mk-source web owner/web | mk-role | mk-build", &head(false));
    assert_eq!(without.code, 65, "{}", without.stderr);
    assert!(
        without
            .stderr
            .contains("no log_group record 'build/web' on stdin"),
        "{}",
        without.stderr
    );
    assert_eq!(changes(&aws), Vec::<String>::new());
}

#[test]
fn a_dry_run_changes_nothing_and_announces_the_project() {
    let aws = LocalAws::start();
    let plan = |aws: &LocalAws| {
        let planned = aws.pipe_with(
            "mk-source web owner/web | mk-role | mk-logs | mk-build",
            &head(true),
        );
        planned.would_change().record("build", "web")
    };
    let planned = plan(&aws);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let made = make(&aws, "").ok().record("build", "web");
    assert_eq!(
        (&planned["change"], &planned["arn"]),
        (&json!("create"), &made["arn"])
    );
    let mut tags = project(&aws)["tags"].clone();
    tags.as_array_mut()
        .unwrap()
        .retain(|tag| tag["key"] != "Team");
    aws.call(
        "codebuild",
        "update_project",
        json!({"name": NAME, "timeoutInMinutes": 60, "tags": tags}),
    );
    aws.forget();
    let planned = plan(&aws);
    assert_eq!(planned["change"], "update");
    assert_eq!(fields(&planned), ["timeout", "tag Team"]);
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line_and_others_tags_stay() {
    let aws = LocalAws::start();
    make(&aws, "").ok();
    let made = project(&aws);
    let other = other_role(&aws);
    let drift = json!({
        "name": NAME,
        "description": "theirs",
        "serviceRole": other,
        "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}\n"},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {
            "type": "ARM_CONTAINER",
            "computeType": "BUILD_GENERAL1_LARGE",
            "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
            "privilegedMode": false,
            "imagePullCredentialsType": "SERVICE_ROLE",
            "environmentVariables": [
                {"name": "CONTAINER", "value": "web", "type": "PARAMETER_STORE"},
                {"name": "CONTEXT", "value": "elsewhere"},
                {"name": "PASSWORD", "value": "hunter2"},
            ],
        },
        "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480,
        "concurrentBuildLimit": 1,
        "encryptionKey": "arn:aws:kms:us-east-1:123456789012:key/theirs",
        "vpcConfig": {"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
        "cache": {"type": "NO_CACHE"},
        "logsConfig": {"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": {"status": "ENABLED", "location": "x/y"}},
        "tags": [
            {"key": "plumbline:env", "value": "production-pr1"},
            {"key": "Team", "value": "nobody"},
            {"key": "theirs", "value": "x"},
        ],
    });
    aws.call("codebuild", "update_project", drift);
    aws.forget();
    let mended = make(&aws, "").ok();
    let record = mended.record("build", "web");
    assert_eq!(record["change"], "updated");
    let fields = fields(&record);
    for field in [
        "description",
        "role",
        "source",
        "artifacts",
        "buildspec",
        "environment",
        "compute",
        "image",
        "privileged",
        "timeout",
        "queued timeout",
        "cache",
        "log group",
        "log in S3",
        "settings",
        "variable CONTAINER",
        "variable CONTEXT",
        "variable DOCKERFILE",
        "variable PASSWORD",
        "tag Name",
        "tag Team",
        "tag plumbline:source",
    ] {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    let settings = record["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["field"] == "settings")
        .unwrap();
    assert_eq!(
        settings["old"],
        "VPC, concurrent build limit, key, pull credentials"
    );
    assert!(
        !mended.stdout.contains("hunter2") && !mended.stderr.contains("hunter2"),
        "{}",
        mended.stderr
    );
    assert_eq!(changes(&aws), ["codebuild:UpdateProject"]);
    let now = project(&aws);
    for field in [
        "description",
        "serviceRole",
        "source",
        "artifacts",
        "environment",
        "cache",
        "logsConfig",
        "timeoutInMinutes",
        "queuedTimeoutInMinutes",
        "encryptionKey",
    ] {
        assert_eq!(now[field], made[field], "{field}");
    }
    let (now, made) = (tags(&now["tags"]), tags(&made["tags"]));
    assert_eq!(now["theirs"], "x");
    for (key, value) in made.as_object().unwrap() {
        assert_eq!(now[key], *value, "{key}");
    }
    aws.forget();
    make(&aws, "").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn other_flags_are_an_update() {
    let aws = LocalAws::start();
    make(&aws, "").ok();
    let record = make(&aws, "--build-timeout 45 --cache none")
        .ok()
        .record("build", "web");
    assert_eq!(
        record["changes"],
        json!([
            {"field": "timeout", "old": "30", "new": "45"},
            {"field": "cache", "old": "LOCAL LOCAL_DOCKER_LAYER_CACHE", "new": "NO_CACHE"},
        ])
    );
    assert_eq!(project(&aws)["cache"], json!({"type": "NO_CACHE"}));
}

#[test]
fn a_project_of_someone_else_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    make(&aws, "").ok();
    let tags = json!([{"key": "Team", "value": "theirs"}]);
    aws.call(
        "codebuild",
        "update_project",
        json!({"name": NAME, "timeoutInMinutes": 99, "tags": tags}),
    );
    let before = project(&aws);
    aws.forget();
    let refused = make(&aws, "");
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains(&format!(
            "mk-build: build project {NAME} exists and is not tagged plumbline:env=production-pr1; it is left alone"
        )),
        "{}",
        refused.stderr
    );
    assert_eq!(changes(&aws), Vec::<String>::new());
    assert_eq!(project(&aws), before);
}

#[test]
fn a_role_that_codebuild_cannot_assume_yet_is_waited_for() {
    let aws = LocalAws::start();
    let records = aws
        .pipe_with("mk-source web owner/web | mk-role | mk-logs", &head(false))
        .ok()
        .stdout;
    let faults = Faults::between(&aws);
    let spreads = json!({"do": "refuse", "of": "codebuild:CreateProject", "times": 2, "status": 400,
        "code": "InvalidInputException", "message": "CodeBuild is not authorized to perform: sts:AssumeRole on arn"});
    faults.rules(json!([spreads]));
    faults.pipe_with("mk-build", &records).ok();
    assert_eq!(
        faults.changes(),
        3,
        "refused twice, and made: {}",
        faults.told()
    );
}

#[test]
fn of_two_runs_at_once_both_end_well_and_one_makes_the_project() {
    let aws = LocalAws::start();
    aws.pipe_with("mk-source web owner/web | mk-role | mk-logs", &head(false))
        .ok();
    let words = std::thread::scope(|scope| {
        let runs = [(); 2]
            .map(|()| scope.spawn(|| make(&aws, "").ok().record("build", "web")["change"].clone()));
        runs.map(|run| run.join().unwrap())
    });
    assert_eq!(
        words.iter().filter(|word| **word == "created").count(),
        1,
        "{words:?}"
    );
    assert!(words.contains(&json!("kept")), "{words:?}");
}

#[test]
fn ls_env_finds_the_projects_among_many_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let made = make(&aws, "").ok().record("build", "web");
    // They could be the environment's by their names, and are more than one page of them.
    let role = other_role(&aws);
    for number in 0..101 {
        let name = format!("build-{number}-production-pr1");
        aws.call(
            "codebuild",
            "create_project",
            without_source(&name, &role, json!([])),
        );
    }
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let found = listed.record("build", "web");
    assert_eq!(
        (&found["arn"], &found["project"]),
        (&made["arn"], &made["project"])
    );
    assert_eq!(
        listed
            .records()
            .iter()
            .filter(|record| record["type"] == "build")
            .count(),
        1
    );

    let theirs = "build-7-production-pr1";
    let arn = format!("arn:aws:codebuild:us-east-1:123456789012:project/{theirs}");
    let theirs = json!({"type": "build", "name": "7", "arn": arn, "project": theirs});
    let deleted = aws.pipe_with(
        "rm-env --confirm production-pr1",
        &format!("{ENV}\n{theirs}\n{found}\n"),
    );
    assert_eq!(deleted.code, 1);
    let message = "build project build-7-production-pr1 exists and is not tagged plumbline:env=production-pr1";
    assert!(deleted.stderr.contains(message), "{}", deleted.stderr);
    assert_eq!(deleted.record("build", "web")["change"], "deleted");
    assert_eq!(project(&aws), Value::Null);
    // What is gone already counts as deleted.
    aws.pipe_with(
        "rm-env --confirm production-pr1",
        &format!("{ENV}\n{found}\n"),
    )
    .ok();
}

#[test]
fn builds_that_run_are_stopped_and_all_are_deleted_with_their_project() {
    let aws = LocalAws::start();
    let made = make(&aws, "").ok().record("build", "web");
    let there = project(&aws);
    // The local AWS starts no builds of a pipeline's project by hand.
    aws.call(
        "codebuild",
        "update_project",
        without_source(NAME, &there["serviceRole"], there["tags"].clone()),
    );
    let start = |seconds: &str| {
        let seconds = json!([{"name": "SECONDS_TO_RUN", "value": seconds}]);
        let build = json!({"projectName": NAME, "environmentVariablesOverride": seconds});
        aws.call("codebuild", "start_build", build)["build"]["id"].clone()
    };
    let (short, long) = (start("0"), start("1000"));
    let status = |id: &Value| {
        let builds =
            aws.call("codebuild", "batch_get_builds", json!({"ids": [id]}))["builds"].clone();
        builds[0]["buildStatus"].clone()
    };
    while status(&short) == "IN_PROGRESS" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(status(&long), "IN_PROGRESS");
    aws.forget();
    let deleted = aws
        .pipe_with(
            "rm-env --confirm production-pr1",
            &format!("{ENV}\n{made}\n"),
        )
        .ok();
    assert_eq!(deleted.record("build", "web")["change"], "deleted");
    assert_eq!(
        changes(&aws),
        [
            "codebuild:StopBuild",
            "codebuild:BatchDeleteBuilds",
            "codebuild:DeleteProject"
        ]
    );
    assert_eq!(
        aws.call("codebuild", "list_builds", json!({}))["ids"],
        json!([])
    );
}

/// A role that CodeBuild can assume for any project.
fn other_role(aws: &LocalAws) -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role = json!({"RoleName": "other", "AssumeRolePolicyDocument": trust.to_string()});
    let made = aws.call("iam", "create_role", role);
    std::thread::sleep(std::time::Duration::from_millis(200)); // until CodeBuild knows it
    made["Role"]["Arn"].clone()
}

/// A project that can be started by hand; its builds last as long as they are told.
fn without_source(name: &str, role: &Value, tags: Value) -> Value {
    let spec =
        "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep \"$SECONDS_TO_RUN\"\n";
    json!({
        "name": name,
        "source": {"type": "NO_SOURCE", "buildspec": spec},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        "serviceRole": role,
        "tags": tags,
    })
}

// The buildspec

/// A build without CodeBuild: each phase in a shell of its own, so that only exported variables
/// come from one to the next.
struct Build {
    shell: &'static str,
    spec: Value,
    folder: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Build {
    /// A build of the source in a folder of this test's own, with a Dockerfile.
    fn of(test: &str, shell: &'static str, dockerfile: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mk-build-{test}-{shell}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src/app")).unwrap();
        fs::write(folder.join("src/app/Dockerfile"), dockerfile).unwrap();
        let project = wanted();
        let spec = yaml(&project.buildspec);
        let mut environment = project.variables;
        for (name, value) in spec["env"]["variables"].as_object().unwrap() {
            environment.insert(name.clone(), support::text(value).into());
        }
        environment.insert("AWS_REGION".into(), "us-east-1".into());
        environment.insert("CODEBUILD_RESOLVED_SOURCE_VERSION".into(), COMMIT.into());
        environment.insert(
            "PATH".into(),
            format!(
                "{}:/usr/local/bin:/usr/bin:/bin",
                folder.join("bin").display()
            ),
        );
        environment.insert("LOG".into(), folder.join("log").display().to_string());
        environment.insert(
            "DIGESTS".into(),
            format!("registry.example/base@sha256:0\n{REPOSITORY}@{DIGEST}"),
        );
        let build = Build {
            shell,
            spec,
            folder,
            environment,
        };
        build.stand_in("aws", "echo \"aws $*\" >>\"$LOG\"\necho password\n");
        build.stand_in(
            "docker",
            concat!(
                "case \"$1\" in login) given=$(cat) ;; esac\n", // so that aws comes first in the log
                "echo \"docker $*\" >>\"$LOG\"\n",
                "case \"$1\" in\n",
                "  login) echo \"stdin $given\" >>\"$LOG\" ;;\n",
                "  build) echo \"attestations off: $BUILDX_NO_DEFAULT_ATTESTATIONS\" >>\"$LOG\" ;;\n",
                "  image) printf '%s\\n' \"$DIGESTS\" ;;\n",
                "esac\n",
                "[ \"$1\" != \"$FAILS\" ]\n",
            ),
        );
        build
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    fn stand_in(&self, name: &str, script: &str) {
        let bin = self.folder.join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join(name), format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a phase as CodeBuild does, to the first command that fails; answers whether none did,
    /// and what it said.
    fn phase(&mut self, name: &str, succeeding: bool) -> (bool, String) {
        let commands = self.spec["phases"][name]["commands"]
            .as_array()
            .unwrap()
            .clone();
        let mut script = String::new();
        for (number, command) in commands.iter().enumerate() {
            let file = self.folder.join(format!("{name}-{number}"));
            fs::write(&file, format!("{}\n", support::text(command))).unwrap();
            script += &format!(
                ". '{}' || {{ env -0 >'{}'; exit 1; }}\n",
                file.display(),
                self.state().display()
            );
        }
        script += &format!("env -0 >'{}'\n", self.state().display());
        let output = Command::new(self.shell)
            .args(["-c", &script])
            .current_dir(self.folder.join("src"))
            .env_clear()
            .envs(&self.environment)
            .env(
                "CODEBUILD_BUILD_SUCCEEDING",
                if succeeding { "1" } else { "0" },
            )
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let left = fs::read_to_string(self.state()).unwrap();
        self.environment = left
            .split('\0')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// What docker and aws were asked.
    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        log.lines().map(String::from).collect()
    }

    fn exported(&self, name: &str) -> &str {
        self.environment
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    }

    fn image_definitions(&self) -> Option<Value> {
        let text = fs::read_to_string(self.folder.join("src/imagedefinitions.json")).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }
}

fn wanted() -> Project {
    let env: Env = serde_json::from_str(ENV).unwrap();
    let source: Source = serde_json::from_str(
        r#"{"name":"web","repository":"owner/web","context":"app","dockerfile":"Dockerfile"}"#,
    )
    .unwrap();
    plan::want(
        &env,
        &source,
        "",
        "",
        &Options {
            timeout: 30,
            keeps_layers: true,
        },
    )
}

/// YAML as JSON, read by the YAML that the local AWS reads it with.
fn yaml(text: &str) -> Value {
    let mut python = Command::new(support::root().join(".venv/bin/python"));
    python.args([
        "-c",
        "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))",
    ]);
    let mut child = python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn the_buildspec_exports_the_image_and_hands_over_its_definition() {
    let spec = yaml(&wanted().buildspec);
    assert_eq!(spec["version"], 0.2);
    assert_eq!(
        spec["env"]["exported-variables"],
        json!(["IMAGE_TAG", "IMAGE_DIGEST", "IMAGE_URI"])
    );
    assert_eq!(spec["artifacts"]["files"], json!(["imagedefinitions.json"]));
    assert_eq!(spec["phases"]["build"]["on-failure"], "ABORT");
}

#[test]
fn a_build_logs_in_builds_pushes_and_tells_the_digest() {
    for shell in ["sh", "bash"] {
        let mut build = Build::of(
            "well",
            shell,
            "FROM public.ecr.aws/docker/library/busybox\n",
        );
        for phase in ["pre_build", "build", "post_build"] {
            let (well, said) = build.phase(phase, true);
            assert!(well && !said.contains("warning"), "{shell} {phase}: {said}");
        }
        assert_eq!(
            build.log(),
            [
                "aws ecr get-login-password --region us-east-1".to_string(),
                format!("docker login --username AWS --password-stdin {REGISTRY}"),
                "stdin password".into(),
                format!(
                    "docker build --platform linux/amd64 --file app/Dockerfile --tag {REPOSITORY}:{COMMIT} app"
                ),
                "attestations off: 1".into(),
                format!("docker push {REPOSITORY}:{COMMIT}"),
                format!(
                    "docker image inspect --format {{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}} {REPOSITORY}:{COMMIT}"
                ),
            ]
        );
        let image = format!("{REPOSITORY}@{DIGEST}");
        let exported = ["IMAGE_TAG", "IMAGE_DIGEST", "IMAGE_URI"].map(|name| build.exported(name));
        assert_eq!(exported, [COMMIT, DIGEST, &image]);
        assert_eq!(
            build.image_definitions(),
            Some(json!([{"name": "web", "imageUri": image}]))
        );
    }
}

#[test]
fn a_version_that_is_no_commit_is_refused_before_anything_else() {
    for version in ["", "main", "../x", "arn:aws:s3:::bucket/key"] {
        let mut build = Build::of("version", "sh", "FROM scratch\n")
            .with("CODEBUILD_RESOLVED_SOURCE_VERSION", version);
        let (well, said) = build.phase("pre_build", true);
        assert!(
            !well && said.contains(&format!("version '{version}' is no commit")),
            "{said}"
        );
        assert_eq!(build.log(), Vec::<String>::new());
    }
}

#[test]
fn a_login_that_fails_ends_the_build_before_it_begins() {
    let mut build = Build::of("login", "sh", "FROM scratch\n").with("FAILS", "login");
    assert!(!build.phase("pre_build", true).0);
}

#[test]
fn a_build_that_failed_pushes_nothing_and_its_last_phase_fails_nothing_more() {
    let mut build = Build::of("failed", "sh", "FROM scratch\n").with("FAILS", "build");
    assert!(build.phase("pre_build", true).0);
    assert!(!build.phase("build", true).0);
    let before = build.log();
    assert_eq!(build.phase("post_build", false), (true, String::new()));
    assert_eq!(build.log(), before);
    assert_eq!(
        (build.exported("IMAGE_DIGEST"), build.image_definitions()),
        ("", None)
    );
}

#[test]
fn a_push_that_fails_hands_nothing_over() {
    let mut build = Build::of("push", "sh", "FROM scratch\n").with("FAILS", "push");
    assert!(build.phase("pre_build", true).0 && build.phase("build", true).0);
    assert!(!build.phase("post_build", true).0);
    assert_eq!(
        (build.exported("IMAGE_DIGEST"), build.image_definitions()),
        ("", None)
    );
}

#[test]
fn a_digest_of_another_repository_is_not_taken_for_this_ones() {
    for (digests, fails) in [
        (
            format!("registry.example/base@{DIGEST}\n{REPOSITORY}-2@{DIGEST}"),
            "",
        ),
        (String::new(), ""),
        (format!("{REPOSITORY}@{DIGEST}"), "image"),
    ] {
        let mut build = Build::of("digest", "sh", "FROM scratch\n")
            .with("DIGESTS", &digests)
            .with("FAILS", fails);
        assert!(build.phase("pre_build", true).0 && build.phase("build", true).0);
        let (well, said) = build.phase("post_build", true);
        assert!(
            !well && said.contains("docker tells no digest of"),
            "{said}"
        );
        assert_eq!(
            (build.exported("IMAGE_DIGEST"), build.image_definitions()),
            ("", None)
        );
    }
}

#[test]
fn images_of_docker_hub_are_warned_of_and_stop_nothing() {
    for (dockerfile, warned) in [
        ("FROM python:3\n", vec!["python:3"]),
        (
            "from --platform=linux/amd64 library/python AS base\r\nFROM base\r\nFROM BASE as last\r\n",
            vec!["library/python"],
        ),
        (
            "FROM docker.io/library/python\nFROM index.docker.io/x/y\n",
            vec!["docker.io/library/python", "index.docker.io/x/y"],
        ),
        ("ARG V=3\nFROM python:${V}\n", vec!["python:${V}"]),
        ("ARG BASE\nFROM $BASE\nFROM ${BASE}/x\n", vec![]),
        (
            "FROM scratch\n# FROM python\nRUN echo FROM python\n",
            vec![],
        ),
        (
            "FROM mcr.microsoft.com/dotnet/sdk:8.0 AS build\nFROM localhost/x\nFROM registry:5000/x\n",
            vec![],
        ),
        ("", vec![]),
    ] {
        let mut build = Build::of("hub", "sh", dockerfile);
        let (well, said) = build.phase("pre_build", true);
        assert!(well, "{said}");
        let images: Vec<&str> = said
            .lines()
            .filter_map(|line| {
                line.strip_prefix("warning: ")?
                    .split_once(" is pulled from Docker Hub")
            })
            .map(|(image, _)| image)
            .collect();
        assert_eq!(images, warned, "{dockerfile:?}: {said}");
    }
    let mut build = Build::of("hub", "sh", "").with("DOCKERFILE", "nowhere");
    assert!(
        build.phase("pre_build", true).0,
        "docker build tells that it is missing"
    );
}
