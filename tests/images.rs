//! From two directories to a page in a browser: `just up` builds and pushes the images of the two
//! services in `tests/services`, and the local AWS runs what it pushed as its task definitions say.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::fs;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use support::{LocalAws, Output, Value, json, recipe, replaced, root, text, ureq};
use tempfile::TempDir;

const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// `just up` with the two services: built by buildah where it is there, else without an engine.
fn up(aws: &LocalAws, work: &Path) -> Output {
    let built = Command::new(root().join("scripts/build-services"))
        .output()
        .unwrap();
    assert!(built.status.success(), "scripts/build-services: {built:?}");
    let is_engine_there = Command::new("buildah").arg("--version").output().is_ok();
    if !is_engine_there {
        let archive = |app: &str| {
            let path = root().join(format!("target/services/{app}.tar"));
            format!("{app}_archive={}", path.display())
        };
        return aws
            .pipe(&recipe(&[&archive("web"), &archive("api"), "up"], "pr1"))
            .ok();
    }

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
    aws.pipe(&(exports + &pipe)).ok()
}

/// Status and body of a GET through a public load balancer, whose name carries a port of this machine.
fn get(dns: &str, path: &str) -> (u16, String) {
    let port = dns.rsplit(':').next().unwrap();
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build();
    let answer = ureq::Agent::from(agent)
        .get(format!("http://127.0.0.1:{port}{path}"))
        .header("Host", dns)
        .call()
        .unwrap();
    (
        answer.status().as_u16(),
        answer.into_body().read_to_string().unwrap(),
    )
}

#[test]
fn what_up_built_and_pushed_runs_and_web_shows_what_api_tells() {
    let work = TempDir::new().unwrap();
    let aws = LocalAws::start_with(&["--moment", "0.1", "--serve"]);
    let made = up(&aws, work.path());

    // The same directories again: the same images, and nothing to do.
    aws.forget();
    let again = up(&aws, work.path());
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

    let alb = made.record("alb", "web");
    let web = text(&alb["dns"]);
    let (status, page) = get(web, "/");
    let shown = page.split("<pre>").nth(1).unwrap_or(&page);
    let shown = shown.split("</pre>").next().unwrap();
    let shown: Value = serde_json::from_str(shown).unwrap_or_else(|why| panic!("{why}: {page}"));
    assert_eq!((status, shown.as_array().unwrap().len()), (200, 5));
    for forecast in shown.as_array().unwrap() {
        let fields: Vec<&String> = forecast.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["date", "temperatureC", "temperatureF", "summary"]);
    }
    assert_eq!(get(web, "/nothing").0, 404);

    // The load balancer of api has AWS's name, and is no place on this machine.
    let dns = made.record("alb", "api")["dns"].clone();
    assert!(text(&dns).ends_with(".elb.amazonaws.com"), "{dns}");
    let at = format!("{}:80", text(&dns)).to_socket_addrs();
    for address in at.into_iter().flatten() {
        assert!(TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_err());
    }

    // web is well without api.
    aws.call(
        "ecs",
        "delete_service",
        json!({"cluster": "cluster-production-pr1", "service": made.record("service", "api")["arn"], "force": true}),
    );
    loop {
        let (status, page) = get(web, "/");
        assert_eq!(status, 200, "{page}");
        if page.contains("api does not answer at http://") {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_app_that_writes_beside_tmp_is_told_what_lets_it() {
    let work = TempDir::new().unwrap();
    let aws = LocalAws::start_with(&["--moment", "0.1", "--serve"]);
    let made = up(&aws, work.path());
    let deploy = |flags: &str| {
        let app = format!("mk-app web --public --port 5000 --calls api {flags}");
        aws.pipe_with(&format!("{app} | mk-ecs-svc | wait-env"), &made.stdout)
    };
    let refused = deploy("--set KEEPS=/kept");
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    for said in ["Read-only file system", "mk-app web --writable lets them"] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    // The same of a container beside it, whose own log tells.
    let keeper = json!({
        "name": "keeper", "image": made.record("image", "web")["image"], "set": {"KEEPS": "/kept"},
    });
    let file = work.path().join("keeper.json");
    fs::write(&file, keeper.to_string()).unwrap();
    let refused = deploy(&format!("--container {}", file.display()));
    for said in [
        "container keeper of web logged: Error: ",
        "container keeper: exit code 1",
        "mk-app web --writable lets them",
    ] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    deploy("--set KEEPS=/tmp/kept").ok();
    deploy("--set KEEPS=/kept --writable --user 0").ok(); // the image's own user may not write there
}

#[test]
fn an_image_that_the_registry_does_not_have_is_told_and_web_stays_as_it_was() {
    let work = TempDir::new().unwrap();
    let aws = LocalAws::start();
    let made = up(&aws, work.path());
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
