//! From two directories to a page in a browser: `just up` builds and pushes the images of the two
//! services in `tests/services`, and what it pushed is pulled and run as its task definitions say.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it
#![allow(clippy::print_stderr)] // and what it cannot do here, it says

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};
use support::{LocalAws, Output, Value, json, recipe, replaced, root, text, ureq};
use tempfile::TempDir;

const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// Where api's load balancer is, as the hosts of web's task know it.
const API: &str = "127.0.1.2";

/// `just up` with the two services; nothing where their images cannot be built or kept here.
fn up(aws: &LocalAws, work: &Path) -> Option<Output> {
    if Command::new("buildah").arg("--version").output().is_err() {
        eprintln!("skipped: buildah is not installed");
        return None;
    }
    let built = Command::new(root().join("scripts/build-services"))
        .status()
        .unwrap();
    assert!(built.success(), "scripts/build-services: {built}");

    // buildah keeps what it needs in the test's own folder, and needs no privileges to build.
    let at = |name: &str| work.join(name).display().to_string();
    fs::create_dir_all(work.join("tmp")).unwrap();
    let storage = format!(
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
        at("storage"),
        at("run")
    );
    fs::write(work.join("storage.conf"), storage).unwrap();
    let exports = format!(
        "export HOME={} TMPDIR={} CONTAINERS_STORAGE_CONF={} BUILDAH_ISOLATION=chroot SOURCE_DATE_EPOCH=0; ",
        work.display(),
        at("tmp"),
        at("storage.conf")
    );
    let context = |app: &str| {
        format!(
            "{app}_context={}",
            root().join("tests/services").join(app).display()
        )
    };
    let pipe = recipe(&[&context("web"), &context("api"), "up"], "pr1");
    let pipe = replaced(&pipe, "push-image", "push-image --builder buildah");
    Some(aws.pipe(&(exports + &pipe)).ok())
}

/// Something of a repository, as a task pulls it: by HTTP, with a token.
fn get(aws: &LocalAws, repository: &str, what: &str, digest: &Value) -> Vec<u8> {
    let answer = aws.call("ecr", "get_authorization_token", json!({}));
    let token = text(&answer["authorizationData"][0]["authorizationToken"]).to_string();
    let url = format!("{}/v2/{repository}/{what}/{}", aws.url, text(digest));
    let answer = ureq::get(url)
        .header("Authorization", format!("Basic {token}"))
        .call()
        .unwrap();
    let bytes = answer
        .into_body()
        .with_config()
        .limit(1 << 30)
        .read_to_vec()
        .unwrap();
    assert_eq!(
        format!("sha256:{:x}", Sha256::digest(&bytes)),
        text(digest),
        "{what} of {repository}"
    );
    bytes
}

/// Pulls an image by its digest and unpacks it; answers its config.
fn pull(aws: &LocalAws, image: &str, folder: &Path) -> Value {
    let (repository, digest) = image
        .strip_prefix(&format!("{REGISTRY}/"))
        .unwrap()
        .split_once('@')
        .unwrap();
    let manifest: Value =
        serde_json::from_slice(&get(aws, repository, "manifests", &json!(digest))).unwrap();
    fs::create_dir_all(folder).unwrap();
    for layer in manifest["layers"].as_array().unwrap() {
        let mut tar = Command::new("tar")
            .args(["-xz", "-C"])
            .arg(folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin
            .take()
            .unwrap()
            .write_all(&get(aws, repository, "blobs", &layer["digest"]))
            .unwrap();
        assert!(tar.wait().unwrap().success());
    }
    serde_json::from_slice(&get(
        aws,
        repository,
        "blobs",
        &manifest["config"]["digest"],
    ))
    .unwrap()
}

/// A task that runs here; it ends with the test.
struct Task {
    child: Child,
    /// What stands for its load balancer.
    socket: PathBuf,
}

impl Task {
    /// Pulls and runs what the task definition of an app says, exactly as it says.
    fn run(aws: &LocalAws, up: &Output, app: &str, work: &Path, reaches: Value) -> Self {
        let arn = up.record("task_definition", app)["arn"].clone();
        let answer = aws.call(
            "ecs",
            "describe_task_definition",
            json!({"taskDefinition": arn}),
        );
        let container = &answer["taskDefinition"]["containerDefinitions"][0];
        let folder = work.join(app);
        let config = pull(aws, text(&container["image"]), &folder)["config"].clone();

        let mut env = serde_json::Map::new();
        for pair in config["Env"].as_array().into_iter().flatten() {
            let (name, value) = text(pair).split_once('=').unwrap();
            env.insert(name.to_string(), json!(value));
        }
        for pair in container["environment"].as_array().unwrap() {
            env.insert(text(&pair["name"]).to_string(), pair["value"].clone());
        }
        // What ECS puts into a container, and the DNS of the VPC knows.
        fs::create_dir_all(folder.join("etc")).unwrap();
        let hosts = format!(
            "127.0.0.1 localhost\n{API} {}\n",
            text(&up.record("alb", "api")["dns"])
        );
        fs::write(folder.join("etc/hosts"), hosts).unwrap();

        let socket = work.join(format!("{app}.socket"));
        let user: u32 = text(&config["User"]).parse().unwrap();
        assert_ne!(user, 0, "{app} does not run as root");
        let task = json!({
            "root": folder, "command": config["Entrypoint"], "user": user, "env": env,
            "serves": {socket.display().to_string(): container["portMappings"][0]["containerPort"]},
            "reaches": reaches,
        });
        let mut command = Command::new("unshare");
        command
            .arg("--net")
            .arg(root().join(".venv/bin/python"))
            .arg(root().join("tests/services/task.py"));
        let child = command
            .arg(task.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Task { child, socket }
    }

    /// Status and body of a GET through its load balancer, once it answers.
    fn get(&mut self, path: &str) -> (String, String) {
        loop {
            assert_eq!(self.child.try_wait().unwrap(), None, "it has ended");
            let answer = self.try_get(path).unwrap_or_default();
            if let Some((head, body)) = answer.split_once("\r\n\r\n") {
                return (
                    head.split(' ').nth(1).unwrap().to_string(),
                    body.to_string(),
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn try_get(&self, path: &str) -> std::io::Result<String> {
        let mut balancer = UnixStream::connect(&self.socket)?;
        balancer.write_all(format!("GET {path} HTTP/1.1\r\nHost: balancer\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        balancer.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Stops it as ECS does; answers the signal that ended it.
    fn stop(&mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn what_up_built_and_pushed_runs_and_web_shows_what_api_tells() {
    let work = TempDir::new().unwrap();
    let aws = LocalAws::start();
    let Some(made) = up(&aws, work.path()) else {
        return;
    };

    // The same directories again: the same images, and nothing to do.
    aws.forget();
    let again = up(&aws, work.path()).unwrap();
    assert_eq!(aws.changes(), Vec::<String>::new());
    for app in ["web", "api"] {
        let image = made.record("image", app)["image"].clone();
        assert!(
            text(&image).starts_with(&format!("{REGISTRY}/repo-{app}-production-pr1@sha256:")),
            "{image}"
        );
        assert_eq!(again.record("image", app)["image"], image);
        assert_eq!(made.record("task_definition", app)["image"], image);
    }

    if !Command::new("unshare")
        .args(["--net", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!(
            "skipped: a task needs a network of its own and another root, and only root gives them"
        );
        for app in ["web", "api"] {
            let config = pull(
                &aws,
                text(&made.record("image", app)["image"]),
                &work.path().join(app),
            );
            assert_eq!(config["config"]["Entrypoint"], json!([format!("/{app}")]));
        }
        return;
    }
    let mut api = Task::run(&aws, &made, "api", work.path(), json!({}));
    let reaches = json!({format!("{API}:80"): api.socket.display().to_string()});
    let mut web = Task::run(&aws, &made, "web", work.path(), reaches);

    let (status, forecasts) = api.get("/WeatherForecast");
    assert_eq!(status, "200");
    let forecasts: Value = serde_json::from_str(&forecasts).unwrap();
    assert_eq!(forecasts.as_array().unwrap().len(), 5);
    assert_eq!(
        api.get("/").0,
        "404",
        "api has no such path: it is healthy by another"
    );

    let (status, page) = web.get("/");
    let shown = page
        .split("<pre>")
        .nth(1)
        .unwrap()
        .split("</pre>")
        .next()
        .unwrap();
    let shown: Value = serde_json::from_str(shown).unwrap_or_else(|why| panic!("{why}: {page}"));
    assert_eq!(
        (status.as_str(), shown.as_array().unwrap().len()),
        ("200", 5)
    );
    for forecast in shown.as_array().unwrap() {
        let fields: Vec<&String> = forecast.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["date", "temperatureC", "temperatureF", "summary"]);
    }

    // Both end when ECS says so, and web is well without api.
    assert_eq!(api.stop(), Some(15));
    let (status, page) = web.get("/");
    assert!(
        status == "200" && page.contains("api does not answer at http://"),
        "{status}: {page}"
    );
    assert_eq!(web.stop(), Some(15));
}

#[test]
fn an_image_that_the_registry_does_not_have_is_told_and_web_stays_as_it_was() {
    let work = TempDir::new().unwrap();
    let aws = LocalAws::start();
    let Some(made) = up(&aws, work.path()) else {
        return;
    };
    let image = made.record("image", "web")["image"].clone();
    let gone = format!(
        "{REGISTRY}/repo-web-production-pr1@sha256:{}",
        "0".repeat(64)
    );
    let records: String = made
        .stdout
        .lines()
        .map(|line| format!("{line}\n"))
        .collect();
    let output = aws.pipe_with(
        &format!("mk-ecs-svc --image web={gone} | wait-env"),
        &records,
    );
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("CannotPullContainerError: "),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains(&format!("{gone}: not found")),
        "{}",
        output.stderr
    );

    let service = made.record("service", "web");
    let params = json!({"cluster": service["cluster"], "services": [service["arn"]]});
    loop {
        let now = aws.call("ecs", "describe_services", params.clone())["services"][0].clone();
        if now["deployments"][0]["rolloutState"] == "COMPLETED" {
            let arn = now["deployments"][0]["taskDefinition"].clone();
            let answer = aws.call(
                "ecs",
                "describe_task_definition",
                json!({"taskDefinition": arn}),
            );
            assert_eq!(
                answer["taskDefinition"]["containerDefinitions"][0]["image"],
                image
            );
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
