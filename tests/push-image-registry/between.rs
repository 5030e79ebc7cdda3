//! What stands between push-image and a registry: a proxy that refuses, a page, nobody.

use support::{Output, bin, tool_at};

use crate::server::{Answer, Registry};
use crate::{check_refused, pin, pin_elsewhere, records};

const PAGE: &str = "<!doctype html><html><title>Sign in</title></html>";

fn page(status: u16) -> Registry {
    Registry::start(move |request, _| {
        let page = Answer::new(status, PAGE).with_header("Content-Type", "text/html");
        request.starts_with("GET /v2/").then_some(page)
    })
}

/// Runs push-image with a proxy for what is encrypted.
fn run_by_proxy(variable: &str, proxy: &Registry) -> Output {
    let tool = bin().join("push-image");
    let url = proxy.url.replace("http://", "http://u:hunter2@");
    let proxied = format!("export {variable}={url}; exec \"$@\"");
    let flag = "--image=web=registry.example/web:1";
    let words = ["-c", &proxied, "sh", &tool.to_string_lossy(), flag];
    tool_at(&proxy.url, "/bin/sh", &words, records().as_bytes())
}

#[test]
fn a_page_instead_of_an_answer_is_told_with_its_title() {
    for status in [200, 403] {
        let why = format!("a web page came instead of an answer (status {status}, 'Sign in')");
        check_refused(&pin(&page(status), ":1"), 1, &why);
        check_refused(&pin_elsewhere(&page(status), ":1"), 1, &why);
    }
    let why = "a web page came instead of an answer (status 503, 'Sign in')";
    check_refused(&pin(&page(503), ":1"), 75, why);
}

#[test]
fn a_proxy_that_refuses_is_named_by_its_variable_and_asked_once() {
    for (variable, status, why) in [
        (
            "HTTPS_PROXY",
            407,
            "the proxy (HTTPS_PROXY) wants a user and a password to registry.example",
        ),
        (
            "https_proxy",
            403,
            "the proxy (https_proxy) does not let the call through to registry.example",
        ),
        (
            "ALL_PROXY",
            407,
            "the proxy (ALL_PROXY) wants a user and a password to registry.example",
        ),
    ] {
        let proxy = Registry::start(move |_, _| Some(Answer::new(status, "")));
        let output = run_by_proxy(variable, &proxy);
        check_refused(&output, 1, why);
        assert!(!format!("{output:?}").contains("hunter2"), "{output:?}");
        let seen = proxy.seen();
        let asked = seen
            .iter()
            .filter(|seen| seen.request.starts_with("CONNECT"));
        assert_eq!(asked.count(), 1);
    }
}

#[test]
fn a_registry_where_nobody_listens_is_told_at_once() {
    let registry = Registry::start(|_, _| None);
    let tool = bin().join("push-image");
    let flag = "--image=web=127.0.0.1:9/web:1";
    let output = tool_at(
        &registry.url,
        &tool.to_string_lossy(),
        &[flag],
        records().as_bytes(),
    );
    check_refused(
        &output,
        1,
        "nobody listens at 127.0.0.1:9 (connection refused)",
    );
}
