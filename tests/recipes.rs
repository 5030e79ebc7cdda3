//! The recipes of the justfile, and of one that `just init` writes: what they ask, what they refuse, and
//! how what a user sets reaches the tools.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::fs;
use std::process::Command;

use support::{Account, LocalAws, Output, Value, bin, recipe, root};
use tempfile::TempDir;

fn up(aws: &LocalAws, suffix: &str) -> Output {
    aws.pipe(&recipe(&["up"], suffix))
}

/// All that anybody made in the account.
fn left(aws: &LocalAws) -> Vec<String> {
    Account::new(aws, "us-east-1").left()
}

/// A suffix often comes from a branch's name, and the other values from a CI's settings.
#[test]
fn no_value_of_a_recipe_is_run_by_the_shell() {
    let aws = LocalAws::start();
    let marker = std::env::temp_dir().join(format!("recipe-was-run-{}", std::process::id()));
    let command = format!("x;touch${{IFS}}{}", marker.display());
    let value = |name: &str| format!("{name}={command}");
    let everywhere = [
        vec!["up"],
        vec!["ls"],
        vec!["down"],
        vec!["down-plan"],
        vec!["deploy", "web", "."],
        vec!["rollback", &command],
        vec!["pipeline-up"],
        vec!["pipeline-up-deploy"],
        vec!["pipeline-ls"],
        vec!["pipeline-down-plan"],
        vec!["pipeline-down"],
        vec!["prune"],
        vec!["pipeline-prune"],
        vec!["up", &command],
        vec!["pipeline-up", &command],
    ];
    for recipe_words in everywhere {
        for name in [
            "environment",
            "suffix",
            "source",
            "repository",
            "connection",
        ] {
            let setting = value(name);
            let region = value("pipeline_region");
            let words = [
                vec![setting.as_str(), region.as_str()],
                recipe_words.clone(),
            ]
            .concat();
            aws.pipe(&recipe(&words, "pr1"));
            assert!(!marker.exists(), "{words:?}");
        }
    }
    let local = recipe(&["local", "up", &command], "pr1");
    assert!(local.contains(&format!("'{command}'")), "{local}");
}

/// Runs recipes as a person does, with what they answer. Nothing is built.
fn just(aws: &LocalAws, words: &str, suffix: &str, answer: &str) -> Output {
    let root = root();
    let root = root.display();
    let settings = "ENVIRONMENT=production WEB_IMAGE=none API_IMAGE=none REPOSITORY=owner/web";
    aws.pipe_with(
        &format!(
            "stub=$(mktemp -d); trap 'rm -r $stub' EXIT; printf '#!/bin/sh\n' >$stub/cargo; chmod +x $stub/cargo; \
             PATH=$stub:$PATH {settings} ENVIRONMENT_SUFFIX={suffix} {root}/.venv/bin/just --justfile {root}/justfile {words}"
        ),
        answer,
    )
}

#[test]
fn what_deletes_asks_first_and_names_what() {
    let aws = LocalAws::start();
    up(&aws, "pr1").ok();
    let made = left(&aws);
    aws.forget();
    for words in ["down", "prune", "pipeline-down", "pipeline-prune"] {
        for answer in ["", "n\n", "production-pr2\n"] {
            let output = just(&aws, words, "pr1", answer);
            assert_ne!(output.code, 0, "{words}: {}", output.stderr);
            assert!(
                output.stderr.contains("production-pr1"),
                "{}",
                output.stderr
            );
            assert_eq!(aws.calls(), Vec::<Value>::new(), "{words}");
        }
    }
    assert_eq!(left(&aws), made);
    just(&aws, "down", "pr1", "y\n").ok();
    assert_eq!(left(&aws), Vec::<String>::new());
}

#[test]
fn no_environment_is_the_default_of_a_recipe() {
    let aws = LocalAws::start();
    let recipes = [
        "up",
        "plan",
        "--yes prune",
        "ls",
        "--yes down",
        "down-plan",
        "deploy web .",
        "rollback web",
        "pipeline-up",
        "pipeline-up-deploy",
        "pipeline-plan",
        "pipeline-ls",
        "--yes pipeline-prune",
        "--yes pipeline-down",
        "pipeline-down-plan",
    ];
    for words in recipes {
        let output = just(&aws, words, "", "");
        assert_eq!(output.code, 2, "{words}: {}", output.stderr);
        let told = "ENVIRONMENT_SUFFIX=pr123 just";
        assert!(output.stderr.contains(told), "{words}: {}", output.stderr);
        assert_eq!(aws.calls(), Vec::<Value>::new(), "{words}");
    }
}

#[test]
fn flags_reach_each_tool_and_no_shell_runs_them() {
    let aws = LocalAws::start();
    let plan = recipe(&["plan"], "pr1");
    let nat = |flags: &str| {
        let output = aws.pipe(&format!("export MK_VPC_FLAGS='{flags}'; {plan}"));
        let gateways = |record: &&Value| record["type"] == "nat_gateway";
        (
            output.code,
            output.records().iter().filter(gateways).count(),
            output.stderr,
        )
    };
    assert_eq!(nat("").1, 2);
    assert_eq!(nat("--nat single").1, 1);

    let folder = TempDir::new().unwrap();
    let marker = folder.path().join("run");
    let (code, _, told) = nat(&format!(
        "--nat $(touch$IFS{0});touch {0} *",
        marker.display()
    ));
    assert_eq!(code, 2, "{told}");
    assert!(!marker.exists());

    // Each tool of the recipes has its variable.
    for words in [&["up"], &["pipeline-up"]] {
        for part in recipe(words, "pr1").split(" | ").skip(1) {
            let tool = part.split_whitespace().next().unwrap();
            let variable = format!("{}_FLAGS", tool.to_uppercase().replace('-', "_"));
            let own = ["mk-app", "mk-source"].contains(&tool) || part.contains(&variable);
            assert!(own, "{variable} is not in: {part}");
        }
    }
}

/// Runs `just init` for a folder.
fn init(words: &[&str]) -> (bool, String) {
    let path = format!("{}:{}", bin().display(), std::env::var("PATH").unwrap());
    let output = Command::new(root().join("scripts/init"))
        .args(words)
        .env("PATH", path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), told)
}

#[test]
fn init_writes_a_justfile_for_services_of_ones_own() {
    let folder = TempDir::new().unwrap();
    let shop = folder.path().display().to_string();
    let apps = [
        "shop --public --calls stock --image registry.example/shop:1 --set 'Say={{hello}} $HOME'",
        "stock --port 8080 --image registry.example/stock:1",
    ];
    let (done, told) = init(&[shop.as_str(), apps[0], apps[1]]);
    assert!(done, "{told}");

    let aws = LocalAws::start();
    let just = |words: &str| {
        let just = root().join(".venv/bin/just");
        let just = just.display();
        aws.pipe(&format!("cd {shop}; {just} --yes suffix=pr1 {words}"))
    };
    assert_eq!(just("plan").code, 10);
    let made = just("up").ok();
    assert_eq!(made.record("service", "stock")["what"], Value::Null);
    assert_eq!(made.record("app", "shop")["set"]["Say"], "{{hello}} $HOME");
    assert_eq!(
        just("ls").ok().record("service", "shop")["change"],
        Value::Null
    );
    just("down").ok();
    assert_eq!(left(&aws), Vec::<String>::new());
}

#[test]
fn init_writes_nothing_over_and_nothing_wrong() {
    let folder = TempDir::new().unwrap();
    let shop = folder.path().display().to_string();
    let justfile = folder.path().join("justfile");
    for (apps, why) in [
        (vec!["web --publik"], "--publik"),
        (vec!["web --calls api"], "web calls api"),
        (vec!["web", ""], "no name"),
        (vec!["Web!"], "Web!"),
    ] {
        let (done, told) = init(&[vec![shop.as_str()], apps].concat());
        assert!(!done && told.contains(why), "{told}");
        assert!(!justfile.exists());
    }
    fs::write(&justfile, "mine").unwrap();
    let (done, told) = init(&[&shop, "web"]);
    assert!(!done && told.contains("is there already"), "{told}");
    assert_eq!(fs::read_to_string(&justfile).unwrap(), "mine");
}
