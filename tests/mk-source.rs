//! mk-source: a repository that is to be built, as a record.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, json, tool};

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-source", &["web", "owner/name"]);
}

#[test]
fn it_writes_what_its_flags_say() {
    let output = tool("mk-source", &["web", "owner/name"], "").ok();
    assert_eq!(
        output.records(),
        [
            json!({"type": "source", "name": "web", "repository": "owner/name", "branch": "main",
            "trigger": "connection", "context": ".", "dockerfile": "Dockerfile"})
        ]
    );
    let args = [
        "web",
        "owner/name",
        "--branch",
        "release/1",
        "--trigger",
        "events",
        "--context",
        "web",
        "--deploy",
    ];
    let output = tool("mk-source", &args, "").ok();
    assert_eq!(
        output.records(),
        [
            json!({"type": "source", "name": "web", "repository": "owner/name", "branch": "release/1",
            "trigger": "events", "context": "web", "dockerfile": "Dockerfile", "deploy": true})
        ]
    );
}

#[test]
fn its_record_comes_after_one_of_the_same_key() {
    let stdin = r#"{"type":"source","name":"web","repository":"owner/old"}"#;
    let output = tool("mk-source", &["web", "owner/new"], stdin).ok();
    assert_eq!(output.record("source", "web")["repository"], "owner/new");
    assert_eq!(output.records().len(), 1);
}

#[test]
fn what_is_no_repository_branch_or_path_is_refused() {
    for args in [
        &["web", "name"][..],
        &["web", "https://github.com/owner/name"],
        &["Web", "owner/name"],
        &["web", "owner/name", "--branch", "#{x}"],
        &["web", "owner/name", "--dockerfile", "../Dockerfile"],
        &["web", "owner/name", "--context", "a; b"],
    ] {
        let output = tool("mk-source", args, ENV);
        assert_eq!(output.code, 2, "{args:?} {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    }
}

#[test]
fn an_address_or_a_reference_is_asked_for_what_is_meant() {
    for (args, meant) in [
        (&["web", "owner/web.git"][..], "owner/web"),
        (&["web", "https://github.com/owner/web"], "owner/web"),
        (&["web", "git@github.com:owner/web.git"], "owner/web"),
        (&["web", "owner/web", "--branch", "refs/heads/main"], "main"),
        (&["web", "owner/web", "--branch", "main\r"], "main"),
    ] {
        let output = tool("mk-source", args, "");
        assert_eq!(output.code, 2, "{output:?}");
        let question = format!("; did you mean {meant}\n");
        assert!(output.stderr.ends_with(&question), "{}", output.stderr);
        let record = json!({"type": "source", "name": "web", "repository": args[1], "branch": args.get(3).unwrap_or(&"main")});
        let output = tool(
            "mk-source",
            &["api", "owner/api"],
            &format!("{ENV}\n{record}\n"),
        );
        assert_eq!(output.code, 65, "{output:?}");
        assert!(output.stderr.contains(&question), "{}", output.stderr);
    }
    for branch in ["fix-#12", "grün", "it's", "heads/x"] {
        tool("mk-source", &["web", "owner/web", "--branch", branch], "").ok();
    }
}

#[test]
fn an_app_may_call_one_that_comes_after_it() {
    let web = r#"{"type":"app","name":"web","calls":["api"]}"#;
    tool("mk-source", &["web", "owner/name"], web).ok();
}
