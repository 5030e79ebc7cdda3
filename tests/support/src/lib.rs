//! What the integration tests share: the local AWS, single tools, pipes of them, and the
//! conventions that every tool obeys. Real processes, real pipes, a real endpoint over HTTP.

mod account;
mod conventions;
mod edges;
mod faults;
mod picture;
mod tools;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub use account::{Account, Resource};
pub use conventions::obeys_conventions;
pub use faults::{Faults, rewrite};
pub use picture::{Drawn, Picture};
pub use serde_json::{Value, json};
pub use tools::{arguments, policies_allow_what_was_called, prints, tools, tools_of};
pub use ureq;

/// The env record of most tests.
pub const ENV: &str = r#"{"type":"env","name":"production-pr1","version":1,"environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Environment":"production","ManagedBy":"plumbline","Project":"plumbline","Suffix":"pr1","Team":"devops"}}"#;

/// An endpoint where nobody answers: every call is refused at once.
pub const NOWHERE: &str = "http://127.0.0.1:9";

/// The two services of the brief, as a shell pipe writes them.
pub const APPS: &str = "mk-app web --public --calls api --set 'ApiAddress=http://{alb.api.dns}/WeatherForecast' --image registry.example/web:1 | mk-app api --health /WeatherForecast --image registry.example/api:1";

/// What makes the services of an environment, and takes away what they had before: as `just up` chains it,
/// after the wishes.
pub const UP: &str = "mk-vpc | mk-sg | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc | mk-scaling | wait-env | prune-env";

/// The pipe of one source's pipeline, in us-east-1.
pub const PIPELINE: &str = "mk-env production pr1 | mk-source web owner/web | mk-connection | mk-bucket | mk-ecr | mk-role | mk-logs --retention 7 | mk-build | mk-fn | mk-pipeline | mk-rule | wait-env";

/// The pipe that deletes an environment in us-east-1, and everything in it.
pub const DOWN: &str = "ls-env --env production-pr1 | rm-env --confirm production-pr1";

/// The records of the repository of an app or source and of the bucket, as mk-ecr and mk-bucket write
/// them for an environment in us-east-1: for a tool that waits until these are known to be ours.
pub fn repository_and_bucket(name: &str, env: &str) -> String {
    let repository = format!("repo-{name}-{env}");
    let bucket = format!("bucket-123456789012-us-east-1-{env}");
    let repo = json!({
        "type": "repo",
        "name": name,
        "arn": format!("arn:aws:ecr:us-east-1:123456789012:repository/{repository}"),
        "uri": format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{repository}"),
    });
    let bucket = json!({
        "type": "bucket",
        "name": "artifacts",
        "arn": format!("arn:aws:s3:::{bucket}"),
        "bucket": bucket,
    });
    format!("{repo}\n{bucket}\n")
}

/// A local AWS of one test's own; it ends with the test.
pub struct LocalAws {
    /// Where it answers.
    pub url: String,
    token: String,
    child: Child,
    until_closed: Option<ChildStdin>,
}

impl LocalAws {
    /// Starts one whose states (a NAT gateway that is pending, a service that drains) take a
    /// moment of 0.1 seconds.
    pub fn start() -> Self {
        Self::start_with(&["--moment", "0.1"])
    }

    /// Starts one with options of the launcher.
    pub fn start_with(options: &[&str]) -> Self {
        let (mut child, mut said) = serve("local_aws", options);
        LocalAws {
            url: word(&mut said, "ready"),
            token: word(&mut said, "token"),
            until_closed: child.stdin.take(),
            child,
        }
    }

    /// Starts one whose production-pr1 has a connection in us-east-1 that a person has finished.
    pub fn start_connected() -> Self {
        let aws = LocalAws::start();
        aws.connect("us-east-1");
        aws
    }

    /// Every request since the start or the last [`forget`](Self::forget), as it was recorded.
    pub fn calls(&self) -> Vec<Value> {
        self.own_list("calls")
    }

    /// The calls that change something, as `service:Action`.
    pub fn changes(&self) -> Vec<String> {
        let mut calls = self.calls();
        calls.retain(|call| call["changing"] == true);
        calls.iter().map(action).collect()
    }

    /// Empties the record of requests.
    pub fn forget(&self) {
        self.own_delete("calls");
    }

    /// Calls AWS directly, to read or to change something by hand; in boto3's words.
    ///
    /// # Panics
    /// Where AWS refuses.
    pub fn call(&self, service: &str, operation: &str, params: Value) -> Value {
        let answer = self.try_call(service, operation, params.clone());
        answer.unwrap_or_else(|error| panic!("{service} {operation} {params}: {error}"))
    }

    /// Like [`call`](Self::call); answers AWS's code and message where it refuses.
    pub fn try_call(&self, service: &str, operation: &str, params: Value) -> Result<Value, Value> {
        self.try_call_in("us-east-1", service, operation, params)
    }

    /// Like [`call`](Self::call), in another region than us-east-1.
    ///
    /// # Panics
    /// Where AWS refuses.
    pub fn call_in(&self, region: &str, service: &str, operation: &str, params: Value) -> Value {
        let answer = self.try_call_in(region, service, operation, params.clone());
        answer.unwrap_or_else(|error| panic!("{service} {operation} {params}: {error}"))
    }

    /// Like [`try_call`](Self::try_call), in another region than us-east-1.
    pub fn try_call_in(
        &self,
        region: &str,
        service: &str,
        operation: &str,
        params: Value,
    ) -> Result<Value, Value> {
        let body =
            json!({"service": service, "operation": operation, "params": params, "region": region});
        let mut answer = self.own("call", body);
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["ok"].take()),
        }
    }

    /// Does what a person does in the console: finishes a connection, by its ARN or name.
    pub fn handshake(&self, connection: &str) {
        self.own("handshake", json!({"connection": connection}));
    }

    /// Makes the connection of production-pr1 in a region, and finishes it.
    pub fn connect(&self, region: &str) {
        self.pipe(&format!(
            "mk-env production pr1 --region {region} | mk-connection"
        ))
        .ok();
        self.handshake("connection-production-pr1");
    }

    /// Pushes files to the main branch of a repository of the pretended GitHub; answers the commit.
    pub fn push(&self, repository: &str, files: Value) -> String {
        let push = json!({"repository": repository, "branch": "main", "files": files, "message": "a push"});
        text(&self.own("push", push)["commit"]).to_string()
    }

    /// Changes how it behaves: `{"latency_ms": 20}` and the like, see `server/endpoints.py`.
    pub fn config(&self, wanted: Value) {
        self.own("config", wanted);
    }

    fn own(&self, what: &str, body: Value) -> Value {
        let request = ureq::post(self.own_url(what)).header("X-Local-Token", &self.token);
        let answer = request.send_json(body).expect("ask the local AWS");
        answer.into_body().read_json().expect("read its answer")
    }

    fn own_list(&self, what: &str) -> Vec<Value> {
        let request = ureq::get(self.own_url(what)).header("X-Local-Token", &self.token);
        let answer = request.call().expect("ask the local AWS");
        answer.into_body().read_json().expect("read its answer")
    }

    fn own_delete(&self, what: &str) {
        let request = ureq::delete(self.own_url(what)).header("X-Local-Token", &self.token);
        request.call().expect("ask the local AWS");
    }

    fn own_url(&self, what: &str) -> String {
        format!("{}/_local/{what}", self.url)
    }

    /// Runs a pipe of tools in bash, with pipefail, against this AWS.
    pub fn pipe(&self, pipe: &str) -> Output {
        self.pipe_with(pipe, "")
    }

    /// Runs a pipe of tools with something on its stdin.
    pub fn pipe_with(&self, pipe: &str, stdin: &str) -> Output {
        pipe_at(&self.url, pipe, stdin)
    }
}

impl Drop for LocalAws {
    /// It ends with its stdin, and then takes along what it started.
    fn drop(&mut self) {
        drop(self.until_closed.take());
        let _ = self.child.wait();
    }
}

/// Starts a server of ours, a module of Python that says where it answers and ends with its stdin;
/// answers what it says.
fn serve(module: &str, options: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let python = root().join(".venv/bin/python");
    assert!(
        python.exists(),
        "no Python for {module}: run scripts/venv first"
    );
    let mut child = Command::new(python)
        .args(["-m", module, "--until-stdin-closes"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("start {module}: {why}"));
    let said = BufReader::new(child.stdout.take().expect("its stdout"));
    (child, said)
}

/// The word after `name` in the next line that a server says.
fn word(said: &mut BufReader<ChildStdout>, name: &str) -> String {
    let mut line = String::new();
    said.read_line(&mut line).expect("read a server's stdout");
    match line.trim().split_once(' ') {
        Some((first, word)) if first == name => word.to_string(),
        _ => panic!("it said no {name}: {line}"),
    }
}

/// What a tool or a pipe answered.
#[derive(Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// Stdout as it is.
    pub stdout: String,
    /// Stderr as it is.
    pub stderr: String,
}

impl Output {
    /// The records on stdout.
    pub fn records(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
            .collect()
    }

    /// The last record of a type and name.
    ///
    /// # Panics
    /// Where there is none.
    pub fn record(&self, kind: &str, name: &str) -> Value {
        let last = self
            .records()
            .into_iter()
            .rev()
            .find(|record| record["type"] == kind && record["name"] == name);
        last.unwrap_or_else(|| panic!("no {kind} {name} in:\n{}\n{}", self.stdout, self.stderr))
    }

    /// The types and names of all records, each once.
    pub fn keys(&self) -> BTreeSet<String> {
        let records = self.records().into_iter();
        records
            .map(|record| format!("{} {}", text(&record["type"]), text(&record["name"])))
            .collect()
    }

    /// What stderr says, without what can be done about it.
    pub fn messages(&self) -> Vec<&str> {
        let lines = self.stderr.lines();
        lines.filter(|line| !line.starts_with("  try: ")).collect()
    }

    /// Asserts that all went well.
    pub fn ok(self) -> Self {
        assert_eq!(
            self.code, 0,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Asserts that it was a dry run that announces a change.
    pub fn would_change(self) -> Self {
        assert_eq!(
            self.code, 10,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

/// The pipe of a recipe of the justfile, as bash is to run it.
///
/// # Panics
/// Where `just` does not know the recipe.
pub fn recipe(words: &[&str], suffix: &str) -> String {
    let just = root().join(".venv/bin/just");
    let mut command = Command::new(just);
    command
        .args(["--yes", "--dry-run"])
        .args(words)
        .current_dir(root());
    command
        .env("ENVIRONMENT", "production")
        .env("ENVIRONMENT_SUFFIX", suffix);
    command
        .env("WEB_IMAGE", "registry.example/web:1")
        .env("API_IMAGE", "registry.example/api:1");
    command
        .env("REPOSITORY", "owner/web")
        .env_remove("SOURCE")
        .env_remove("CONNECTION")
        .env_remove("PIPELINE_REGION");
    let output = command
        .output()
        .expect("run just (scripts/venv installs it)");
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{shown}");
    let without_build = shown
        .lines()
        .filter(|line| !line.starts_with("cargo build"));
    without_build.collect::<Vec<_>>().join("\n")
}

/// The pipe with other words in it, which have to be there: a test that asks for something else must not
/// go on with what it was.
pub fn replaced(pipe: &str, old: &str, new: &str) -> String {
    assert!(pipe.contains(old), "no {old:?} in: {pipe}");
    pipe.replace(old, new)
}

/// The calls without those that ask again what the same tool has asked before: how often a tool looks
/// while it waits depends on how busy the machine is.
pub fn without_polls(calls: &[Value]) -> Vec<&Value> {
    let mut asked = BTreeSet::new();
    let is_new = |call: &&Value| {
        let question = format!("{} {} {}", call["tool"], action(call), call["params"]);
        call["changing"] == true || asked.insert(question)
    };
    calls.iter().filter(is_new).collect()
}

/// How many of these calls, at most, came one after the other: each began when another had ended.
pub fn depth(calls: &[Value]) -> usize {
    let begin = |call: &Value| call["at"].as_f64().unwrap_or_default();
    let end = |call: &Value| begin(call) + call["ms"].as_f64().unwrap_or_default() / 1000.0;
    let mut calls: Vec<&Value> = calls.iter().collect();
    calls.sort_by(|a, b| end(a).total_cmp(&end(b)));
    let mut depths: Vec<(f64, usize)> = Vec::new();
    for call in calls {
        let before = depths
            .iter()
            .filter(|(ended, _)| *ended <= begin(call))
            .map(|(_, depth)| *depth)
            .max();
        depths.push((end(call), before.unwrap_or_default() + 1));
    }
    depths
        .iter()
        .map(|(_, depth)| *depth)
        .max()
        .unwrap_or_default()
}

/// Runs one tool without AWS: every call would be refused at once.
pub fn tool(name: &str, args: &[&str], stdin: &str) -> Output {
    tool_at(NOWHERE, name, args, stdin.as_bytes())
}

/// Runs one tool against an endpoint, with any bytes on its stdin.
pub fn tool_at(url: &str, name: &str, args: &[&str], stdin: &[u8]) -> Output {
    let mut command = Command::new(bin().join(name));
    command.args(args);
    run(command, url, stdin)
}

/// Runs a pipe of tools in bash, with pipefail, against an endpoint.
pub fn pipe_at(url: &str, pipe: &str, stdin: &str) -> Output {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", pipe]);
    run(command, url, stdin.as_bytes())
}

/// A command with nothing of the caller's environment but the local credentials.
pub fn clean(mut command: Command, url: &str) -> Command {
    command
        .env_clear()
        .env(
            "PATH",
            format!("{}:/usr/local/bin:/usr/bin:/bin", bin().display()),
        )
        .env("HOME", "/nonexistent")
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn run(command: Command, url: &str, stdin: &[u8]) -> Output {
    run_and_tell(command, url, stdin, |_| ())
}

/// Runs a command, in the environment that it has, with something on its stdin.
pub fn fed(command: Command, stdin: &str) -> Output {
    run_in(command, stdin.as_bytes(), |_| ())
}

/// Runs a command; `started` is told its process ID.
fn run_and_tell(command: Command, url: &str, stdin: &[u8], started: impl FnOnce(u32)) -> Output {
    run_in(clean(command, url), stdin, started)
}

fn run_in(mut command: Command, stdin: &[u8], started: impl FnOnce(u32)) -> Output {
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|why| panic!("{command:?}: {why}"));
    started(child.id());
    let mut pipe = child.stdin.take().expect("its stdin");
    let bytes = stdin.to_vec();
    // A tool that refuses its arguments reads nothing: a broken pipe is no failure of the test.
    let feeder = std::thread::spawn(move || drop(pipe.write_all(&bytes)));
    let output = child.wait_with_output().expect("wait for it");
    let _ = feeder.join();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The folder of the tools that cargo built: next to that of the tests.
pub fn bin() -> PathBuf {
    let exe = std::env::current_exe().expect("this test's path");
    let folder = exe
        .parent()
        .and_then(Path::parent)
        .expect("target/debug")
        .to_path_buf();
    assert!(
        folder.join("mk-env").exists(),
        "build all tools first: cargo build --workspace"
    );
    folder
}

/// The top of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the checkout")
}

/// A call as it was recorded, as `service:Action`.
pub fn action(call: &Value) -> String {
    format!("{}:{}", text(&call["service"]), text(&call["action"]))
}

/// The fields that a record says were changed.
pub fn changed_fields(record: &Value) -> Vec<&str> {
    let changes = list(&record["changes"]).iter();
    changes.map(|change| text(&change["field"])).collect()
}

/// A JSON text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A JSON array; none where it is nothing of the kind.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The tags of an answer in boto3's shape, `[{"Key":…,"Value":…}]`, as an object.
pub fn tags(list: &Value) -> Value {
    let pairs = list.as_array().into_iter().flatten();
    let key = |tag: &Value, names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| tag.get(*name))
            .map(|v| text(v).to_string())
    };
    let pairs = pairs.map(|tag| {
        (
            key(tag, ["Key", "key"]).unwrap_or_default(),
            key(tag, ["Value", "value"]).unwrap_or_default(),
        )
    });
    Value::Object(
        pairs
            .map(|(key, value)| (key, Value::String(value)))
            .collect(),
    )
}
