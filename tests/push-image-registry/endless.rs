//! A registry that sends without an end: each answer is read up to where it has to end, within 200
//! MB of memory, and refused in one line.

use tempfile::TempDir;

use crate::server::{Answer, Registry};
use crate::{check_refused, layout, pin, pin_elsewhere, push};

const MANIFEST: &str = "the registry sends a manifest of more than 4096 KiB";
const CONFIG: &str = "the registry sends a configuration of more than 8192 KiB";
const TOKEN: &str = "the registry sends a token of more than 64 KiB";
const GIGABYTES: u64 = 5 << 30;

/// A registry that answers requests that begin so without an end, and has nothing of what was sent.
fn endless(status: u16, begin: &'static str) -> Registry {
    Registry::start(move |request, _| {
        if request.starts_with("HEAD ") {
            return Some(Answer::new(404, ""));
        }
        request.starts_with(begin).then(|| Answer::endless(status))
    })
}

/// The same, which tells the length before.
fn long(status: u16, begin: &'static str) -> Registry {
    Registry::start(move |request, _| {
        if request.starts_with("HEAD ") {
            return Some(Answer::new(404, ""));
        }
        request
            .starts_with(begin)
            .then(|| Answer::long(status, GIGABYTES))
    })
}

#[test]
fn a_manifest_or_a_configuration_without_an_end_is_refused() {
    for make in [endless, long] {
        check_refused(&pin(&make(200, "GET /v2/repo-web"), ":1"), 1, MANIFEST);
        let registry = make(200, "GET /v2/repo-web-production-pr1/blobs/");
        let digest = registry.store_image();
        check_refused(&pin(&registry, &format!("@{digest}")), 1, CONFIG);
    }
}

#[test]
fn a_manifest_of_very_many_values_is_refused() {
    let values = format!("[{}0]", "{},".repeat(1_000_000));
    let registry = Registry::start(|_, _| None);
    let digest = registry.store(values.as_bytes());
    let why = ": its manifest has more than 200000 values";
    check_refused(&pin(&registry, &format!("@{digest}")), 1, why);
}

#[test]
fn a_token_without_an_end_is_refused() {
    for make in [Answer::endless, |status| Answer::long(status, GIGABYTES)] {
        let registry = Registry::start(move |request, _| match request {
            "GET /v2/" => {
                let challenge = "Bearer realm=\"/token\",service=\"x\"";
                Some(Answer::new(401, "").with_header("WWW-Authenticate", challenge))
            }
            "GET /token" => Some(make(200)),
            _ => None,
        });
        check_refused(&pin(&registry, ":1"), 1, TOKEN);
        check_refused(&pin_elsewhere(&registry, ":1"), 1, TOKEN);
    }
}

#[test]
fn an_error_without_an_end_is_told_by_its_begin() {
    for make in [endless, long] {
        let registry = make(403, "GET /v2/repo-web");
        check_refused(&pin(&registry, ":1"), 1, "the registry answered 403");
        let registry = make(500, "GET /v2/repo-web");
        check_refused(&pin(&registry, ":1"), 75, "the registry answered 500");
        let temp = TempDir::new().unwrap();
        layout(temp.path());
        for begin in ["POST /v2/", "PUT /elsewhere/", "PUT /v2/"] {
            let registry = make(403, begin);
            check_refused(
                &push(&registry, temp.path()),
                1,
                "the registry answered 403",
            );
        }
    }
    let registry = Registry::start(|request, _| {
        let text = "x".repeat(1 << 20);
        request
            .starts_with("GET /v2/repo-web")
            .then(|| Answer::new(403, &text))
    });
    check_refused(&pin(&registry, ":1"), 1, "the registry answered 403 xxx");
}

#[test]
fn an_image_that_is_there_already_is_not_read_without_an_end() {
    let temp = TempDir::new().unwrap();
    layout(temp.path());
    // Without the digest in the header, all of the manifest would have to be read.
    let registry = Registry::start(|request, _| {
        let is_manifest = request.contains("/manifests/");
        is_manifest.then(|| Answer::endless(200))
    });
    check_refused(&push(&registry, temp.path()), 1, MANIFEST);
}

#[test]
fn what_leads_elsewhere_without_an_end_is_refused() {
    let registry = Registry::start(|request, _| {
        let is_manifest = request.contains("/manifests/");
        is_manifest.then(|| Answer::new(307, "").with_header("Location", "/v2/x/manifests/1"))
    });
    let why = "the registry leads elsewhere without an end";
    check_refused(&pin(&registry, ":1"), 1, why);
}

#[test]
fn what_has_another_digest_is_refused() {
    let zeros = format!("sha256:{}", "0".repeat(64));
    let registry = Registry::start(|request, _| {
        let is_manifest = request.contains("/manifests/");
        is_manifest.then(|| Answer::new(200, "{}"))
    });
    let why = format!("it is damaged: blob {zeros} is sha256:");
    check_refused(&pin(&registry, &format!("@{zeros}")), 1, &why);
    let header = zeros.clone();
    let registry = Registry::start(move |request, _| {
        let answer = Answer::new(200, "{}").with_header("Docker-Content-Digest", &header);
        request.contains("/manifests/").then_some(answer)
    });
    check_refused(&pin(&registry, ":1"), 1, &why);
    // A digest goes into an address.
    let registry = Registry::start(|_, _| None);
    let manifest = br#"{"config":{"digest":"sha256:../../../../x"}}"#;
    let digest = registry.store(manifest);
    let why = "its manifest names no configuration";
    check_refused(&pin(&registry, &format!("@{digest}")), 1, why);
    let registry =
        Registry::start(|request, _| request.contains("/blobs/").then(|| Answer::new(200, "{}")));
    let digest = registry.store_image();
    check_refused(
        &pin(&registry, &format!("@{digest}")),
        1,
        "it is damaged: blob sha256:",
    );
}
