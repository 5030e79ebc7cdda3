//! The password of a registry and its tokens go to its own host and port, wherever its answers
//! lead.

use support::{Output, bin, text, tool_at};
use tempfile::TempDir;

use crate::server::{Answer, Registry, TOKEN};
use crate::{check_created, check_refused, layout, pin, pin_elsewhere, push, records};

/// A server that only looks on.
fn thief() -> Registry {
    Registry::start(|_, _| Some(Answer::new(200, r#"{"token":"of-the-thief"}"#)))
}

/// A registry that has a token asked for there.
fn with_realm(realm: &str) -> Registry {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
    Registry::start(move |request, _| match request {
        "GET /v2/" => Some(Answer::new(401, "").with_header("WWW-Authenticate", &challenge)),
        "GET /token" => Some(Answer::new(200, r#"{"token":"a-token"}"#)),
        _ => None,
    })
}

/// The logins of the requests that begin so.
fn logins(registry: &Registry, begin: &str) -> Vec<String> {
    let mut seen = registry.seen();
    seen.retain(|one| one.request.starts_with(begin));
    seen.into_iter().map(|one| one.login).collect()
}

#[test]
fn a_token_is_asked_for_at_the_registry_alone() {
    let basic = format!("Basic {TOKEN}");
    let registry = with_realm("/token");
    let digest = registry.store_image();
    let name = format!("@{digest}");
    assert_eq!(pin(&registry, &name).ok().code, 0);
    assert_eq!(logins(&registry, "GET /token"), [basic]);
    assert_eq!(
        logins(&registry, "GET /v2/repo-web"),
        ["Bearer a-token", "Bearer a-token"]
    );
    assert_eq!(pin_elsewhere(&registry, &name).ok().code, 0);
    assert_eq!(
        logins(&registry, "GET /token")[1],
        "",
        "none has a password"
    );

    let thief = thief();
    for realm in [
        format!("{}/token", thief.url),
        format!("{}/token", thief.other_url()),
        format!(
            "{}/token",
            thief.url.replace("http://", "http://127.0.0.1:80@")
        ),
        format!("{}/token", thief.url.replace("http://", "//")),
        "http://127.0.0.1.evil.example/token".to_string(),
        "https://auth.docker.io.evil.example/token".to_string(),
        "file:///etc/passwd".to_string(),
    ] {
        let registry = with_realm(&realm);
        let digest = registry.store_image();
        let why = "the registry";
        check_refused(&pin(&registry, &format!("@{digest}")), 1, why);
        check_refused(&pin_elsewhere(&registry, &format!("@{digest}")), 1, why);
        let temp = TempDir::new().unwrap();
        layout(temp.path());
        check_refused(&push(&registry, temp.path()), 1, why);
        assert_eq!(logins(&registry, "GET /v2/"), ["", "", ""], "{realm}");
    }
    assert!(thief.seen().is_empty(), "{}", thief.seen()[0].request);
}

#[test]
fn what_leads_elsewhere_goes_there_without_the_login() {
    let storage = Registry::start(|_, _| None);
    let digest = storage.store_image();
    for url in [storage.url.clone(), storage.other_url()] {
        let registry = Registry::start(move |request, _| {
            let (method, path) = request.split_once(' ')?;
            let name = path.rsplit('/').next()?;
            let location = format!("{url}/elsewhere/{name}");
            let answer = Answer::new(307, "").with_header("Location", &location);
            (method != "POST" && name.starts_with("sha256:")).then_some(answer)
        });
        let output = pin(&registry, &format!("@{digest}")).ok();
        let image = output.record("image", "web");
        assert!(text(&image["image"]).ends_with(&digest), "{image}");
        let here = logins(&registry, "GET /v2/repo-web");
        assert_eq!(here, [format!("Basic {TOKEN}"), format!("Basic {TOKEN}")]);
    }
    assert_eq!(logins(&storage, "GET /elsewhere/"), ["", "", "", ""]);
    assert_eq!(storage.seen().len(), 4);
}

#[test]
fn what_is_sent_does_not_follow_where_an_answer_leads() {
    let thief = thief();
    let temp = TempDir::new().unwrap();
    layout(temp.path());
    for begin in ["POST /v2/", "PUT /elsewhere/", "PUT /v2/"] {
        for status in [301, 302, 307, 308] {
            let location = format!("{}/x", thief.url);
            let registry = Registry::start(move |request, _| {
                if request.starts_with("HEAD ") {
                    return Some(Answer::new(404, "")); // it has nothing of what was sent
                }
                let answer = Answer::new(status, "").with_header("Location", &location);
                request.starts_with(begin).then_some(answer)
            });
            let why = format!("the registry answered {status}");
            check_refused(&push(&registry, temp.path()), 1, &why);
        }
    }
    assert!(thief.seen().is_empty());
}

#[test]
fn an_upload_goes_to_no_odd_address() {
    let temp = TempDir::new().unwrap();
    layout(temp.path());
    for location in [
        "http://127.0.0.1.evil.example/x",
        "http://169.254.169.254/latest/meta-data",
        "http://user:password@127.0.0.1/x",
        "file:///etc/passwd",
        "https://",
    ] {
        let registry = Registry::start(move |request, _| {
            let answer = Answer::new(202, "").with_header("Location", location);
            request.starts_with("POST /v2/").then_some(answer)
        });
        check_refused(&push(&registry, temp.path()), 1, "the registry");
        assert!(logins(&registry, "PUT ").is_empty(), "{location}");
    }
}

#[test]
fn a_token_that_is_said_to_be_for_somebody_elses_host_goes_nowhere() {
    let temp = TempDir::new().unwrap();
    layout(temp.path());
    let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    for (endpoint, why) in [
        (
            format!("https://{own}.evil.example"),
            "and its token is said to be for ",
        ),
        (
            format!("https://evil.example/{own}"),
            "and its token is said to be for ",
        ),
        (
            format!("https://{own}@evil.example"),
            "names an odd address",
        ),
        (format!("http://{own}"), "would get its token in the clear"),
        (
            "http://127.0.0.1.evil.example".into(),
            "would get its token in the clear",
        ),
        (
            "http://127.0.0.1@evil.example".into(),
            "names an odd address",
        ),
        (
            "http://localhost.evil.example".into(),
            "would get its token in the clear",
        ),
    ] {
        let registry = Registry::start_as(Some(&endpoint), |_, _| None);
        check_refused(&push(&registry, temp.path()), 1, why);
        assert!(logins(&registry, "GET /v2/").is_empty());
    }
    // By each name of this machine.
    let registry = Registry::start(|_, _| None);
    let front = Registry::start_as(Some(&registry.other_url()), |_, _| None);
    let digest = layout(temp.path());
    check_created(&push(&front, temp.path()), &digest);
}

/// Runs push-image with a proxy for all that is not encrypted.
fn run_by_proxy(proxy: &Registry, registry: &Registry, flag: &str) -> Output {
    let tool = bin().join("push-image");
    let proxied = "export HTTP_PROXY=\"$0\" http_proxy=\"$0\"; exec \"$@\"";
    let words = ["-c", proxied, &proxy.url, &tool.to_string_lossy(), flag];
    tool_at(&registry.url, "/bin/sh", &words, records().as_bytes())
}

#[test]
fn what_only_begins_like_this_machine_is_not_spoken_to_in_the_clear() {
    let proxy = thief();
    let registry = Registry::start(|_, _| None);
    for host in [
        "127.0.0.1.evil.example",
        "127.evil.example",
        "web.localhost",
    ] {
        let flag = format!("--image=web={host}:5000/web:1");
        let output = run_by_proxy(&proxy, &registry, &flag);
        // There is no such host, or nobody who would know.
        assert!(matches!(output.code, 1 | 75), "{output:?}");
    }
    assert!(proxy.seen().is_empty());
}

#[test]
fn a_registry_on_this_machine_is_not_asked_by_way_of_a_proxy() {
    let proxy = thief();
    let registry = with_realm("/token");
    let digest = registry.store_image();
    let host = registry.url.replace("http://", "");
    let flag = format!("--image=web={host}/web@{digest}");
    let output = run_by_proxy(&proxy, &registry, &flag).ok();
    assert_eq!(output.record("image", "web")["change"], "kept");
    assert!(proxy.seen().is_empty());
}
