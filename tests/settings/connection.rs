//! What stands between a call and its answer: told in words, with the setting that mends it, and at once
//! where asking again cannot help (else the server sees many calls). Any service, any tool.

use std::process::Command;

use support::{ENV, Output, bin};

use crate::rows::World;

const KEYS: &[&str] = &["AWS_ACCESS_KEY_ID=AKE", "AWS_SECRET_ACCESS_KEY=s"];
/// Makes and finds log groups, in a service that speaks JSON; STS and EC2 speak XML.
const TOOLS: [&str; 3] = ["mk-env", "mk-logs", "mk-vpc"];

/// Runs each of the tools with settings.
fn all(world: &World, env: &[&str]) -> Vec<(&'static str, Output)> {
    let run = move |tool: &'static str| {
        if tool == "mk-env" {
            return (tool, world.ours(&[KEYS, env].concat()));
        }
        let mut command = Command::new(bin().join(tool));
        command
            .env_clear()
            .envs(world.variables(&[KEYS, env].concat()));
        (
            tool,
            support::fed(
                command,
                &format!("{ENV}\n{{\"type\":\"app\",\"name\":\"web\"}}\n"),
            ),
        )
    };
    std::thread::scope(|scope| {
        let runs = TOOLS.map(|tool| scope.spawn(move || run(tool)));
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

/// Asserts that each tool ends with a code and these words, and told the fault once.
fn told(world: &World, env: &[&str], code: i32, words: &[&str]) {
    for (tool, output) in all(world, env) {
        let all_there = words
            .iter()
            .all(|word| output.stderr.contains(&world.put_in(word)));
        assert!(
            output.code == code && all_there,
            "{tool} {env:?}: {output:?}"
        );
        assert_eq!(output.messages().len(), 1, "{tool} {env:?}: {output:?}");
    }
}

fn port(world: &World, name: &str) -> String {
    world.ports[name].to_string()
}

#[test]
fn certificates_that_nobody_trusts_are_told_at_once() {
    let mut world = World::start();
    for (server, bundle, words) in [
        (
            "good",
            "",
            &[
                "is of nobody whom this machine trusts",
                "try: AWS_CA_BUNDLE=FILE",
            ][..],
        ),
        (
            "good",
            "other",
            &["is of nobody whom this machine trusts", "AWS_CA_BUNDLE"],
        ),
        ("expired", "ca", &["has expired", "clock"]),
        ("other", "ca", &["is for another name", "AWS_ENDPOINT_URL"]),
        ("ca", "ca", &["is a CA's own", "CA:FALSE"]),
    ] {
        let port = port(&world, server);
        let url = format!("AWS_ENDPOINT_URL=https://127.0.0.1:{port}");
        let bundle = format!("AWS_CA_BUNDLE={{H}}/certificates/{bundle}.pem");
        let env = [url.as_str(), bundle.as_str()];
        let env = if bundle.contains("/.pem") {
            &env[..1]
        } else {
            &env[..]
        };
        let of_host = format!("the certificate of 127.0.0.1:{port}");
        told(&world, env, 1, &[&[of_host.as_str()], words].concat());
    }
    assert_eq!(world.seen().len(), 0);
    let good = format!(
        "AWS_ENDPOINT_URL=https://127.0.0.1:{}",
        port(&world, "good")
    );
    let bundle = "AWS_CA_BUNDLE={H}/certificates/ca.pem";
    world.ours(&[KEYS, &[&good, bundle]].concat()).ok();
    let profile = [(
        ".aws/config",
        "[default]\nca_bundle={H}/certificates/ca.pem\n",
    )];
    world.write(&profile);
    world.ours(&[KEYS, &[&good]].concat()).ok();
}

#[test]
fn a_proxy_that_refuses_is_named_by_its_variable() {
    let mut world = World::start();
    let wants = format!(
        "HTTPS_PROXY=http://u:hunter2@127.0.0.1:{}",
        port(&world, "wants")
    );
    let words = [
        "the proxy (HTTPS_PROXY) wants a user and a password",
        "NO_PROXY",
    ];
    told(&world, &["-AWS_ENDPOINT_URL", &wants], 1, &words);
    let plain = format!("http_proxy=http://127.0.0.1:{}", port(&world, "wants"));
    let words = ["the proxy (http_proxy) wants a user and a password to aws.example"];
    told(
        &world,
        &["AWS_ENDPOINT_URL=http://aws.example", &plain],
        1,
        &words,
    );
    let words = [
        "the proxy (https_proxy) does not let the call through to ",
        "try: https_proxy=",
    ];
    told(&world, &["-AWS_ENDPOINT_URL", "https_proxy={S}"], 1, &words);
    // One for each tool's own service and for its account, but no more: nothing is asked again.
    assert!(world.seen().len() <= 24, "{:?}", world.seen());
    let words = [
        "nobody listens where the proxy should be (ALL_PROXY)",
        "try: look at ALL_PROXY",
    ];
    told(
        &world,
        &["-AWS_ENDPOINT_URL", "ALL_PROXY=http://127.0.0.1:9"],
        1,
        &words,
    );
    for (_, output) in all(&world, &["-AWS_ENDPOINT_URL", &wants]) {
        assert!(!format!("{output:?}").contains("hunter2"), "{output:?}");
    }
}

#[test]
fn a_page_instead_of_an_answer_is_told_with_its_title() {
    let mut world = World::start();
    for status in ["200", "403", "404"] {
        let url = format!("AWS_ENDPOINT_URL={{S}}/page/{status}");
        let page =
            format!("a web page came instead of an answer (status {status}, 'Sign in here')");
        told(&world, &[&url], 1, &[&page, "look at AWS_ENDPOINT_URL"]);
    }
    assert!(world.seen().len() <= 24, "{:?}", world.seen());
    let page = "a web page came instead of an answer (status 403, 'Sign in here')";
    let proxy = [
        "HTTP_PROXY={S}",
        "AWS_ENDPOINT_URL=http://aws.example/page/403",
    ];
    told(
        &world,
        &proxy,
        1,
        &[page, "look at the proxy (HTTP_PROXY) or AWS_ENDPOINT_URL"],
    );
}

#[test]
fn a_servers_fault_may_pass_whatever_it_is_told_in() {
    let world = World::start();
    std::thread::scope(|scope| {
        for (way, words) in [
            (
                "page/502",
                "a web page came instead of an answer (status 502, 'Sign in here')",
            ),
            ("status/500", "answered 500 without an AWS error code"),
            ("reset", "cannot "),
        ] {
            let world = &world;
            scope.spawn(move || {
                let url = format!("AWS_ENDPOINT_URL={{S}}/{way}");
                for (tool, output) in all(world, &[&url]) {
                    assert_eq!(output.code, 75, "{tool} {way}: {output:?}");
                    assert!(output.stderr.contains(words), "{tool} {way}: {output:?}");
                    assert!(
                        output.stderr.contains("run the pipeline again"),
                        "{output:?}"
                    );
                }
            });
        }
    });
}

#[test]
fn a_host_that_is_not_there_is_told_at_once() {
    let world = World::start();
    let words = [
        "nobody listens at 127.0.0.1:9",
        "try: look at AWS_ENDPOINT_URL",
    ];
    told(&world, &["AWS_ENDPOINT_URL=http://127.0.0.1:9"], 1, &words);
    told(&world, &["AWS_ENDPOINT_URL=https://127.0.0.1:9"], 1, &words);
    let own = [
        "AWS_ENDPOINT_URL_STS=http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_EC2=http://127.0.0.1:9",
    ];
    let output = world.ours(&[KEYS, &own].concat());
    assert!(
        output.stderr.contains("look at AWS_ENDPOINT_URL_"),
        "{output:?}"
    );
    let words = ["does not speak TLS", "http:// instead of https://"];
    told(&world, &["AWS_ENDPOINT_URL=https://{P}"], 1, &words);
    let words = ["the host a..b does not exist", "look at AWS_ENDPOINT_URL"];
    told(&world, &["AWS_ENDPOINT_URL=http://a..b"], 1, &words);
}

#[test]
fn keys_of_this_machine_are_not_asked_of_a_proxy() {
    let mut world = World::start();
    let container = [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI={S}/creds",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN=hunter2",
    ];
    for proxy in ["HTTP_PROXY={S}", "http_proxy={S}", "ALL_PROXY={S}"] {
        world.ours(&[&container[..], &[proxy]].concat()).ok();
        let seen = world.seen();
        assert_eq!(
            (&seen[0]["way"], &seen[0]["secret"]),
            (&"direct".into(), &"hunter2".into()),
            "{seen:?}"
        );
        assert_eq!(seen.last().unwrap()["way"], "proxy", "{seen:?}");
    }
    // A host of this machine's network, which nobody is at here: the proxy hears nothing of it.
    for near in [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/creds",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://[fd00:ec2::23]/v1/credentials",
    ] {
        let output = world.ours(&[
            near,
            "HTTP_PROXY={S}",
            "HTTPS_PROXY={S}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN=hunter2",
        ]);
        assert!(
            output.code != 0 && !output.stderr.contains("hunter2"),
            "{output:?}"
        );
        assert_eq!(world.seen().len(), 0, "{near}");
    }
    // The metadata service of a machine is asked as botocore does: through HTTP_PROXY, not ALL_PROXY.
    let machine = [
        "-AWS_EC2_METADATA_DISABLED",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT={S}",
    ];
    for (proxy, way) in [("HTTP_PROXY={S}", "proxy"), ("ALL_PROXY={S}", "direct")] {
        world.ours(&[&machine[..], &[proxy]].concat()).ok();
        assert_eq!(world.seen()[0]["way"], way, "{proxy}");
    }
}
