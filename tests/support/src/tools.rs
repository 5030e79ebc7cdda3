//! Which tools there are, and what their policies allow.

use std::collections::BTreeSet;

use crate::{LocalAws, Value, action, list, root, text, tool};

/// The names of all tools, in their order: each has a `tools/NAME/src/main.rs`.
pub fn tools() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("tools")).expect("the tools");
    let mut tools = Vec::new();
    for folder in folders {
        let folder = folder.expect("a tool").path();
        if folder.join("src/main.rs").exists() {
            let name = folder.file_name().expect("its name");
            tools.push(name.to_string_lossy().into_owned());
        }
    }
    tools.sort();
    tools
}

/// Whether a tool's stdout is its own and carries no records: nothing of these is on it.
pub fn prints(tool: &str) -> bool {
    tool == "draw-env"
}

/// The arguments without which a tool cannot run at all; none for most.
pub fn arguments(tool: &str) -> &'static [&'static str] {
    match tool {
        "mk-env" => &["production", "pr1", "--account", "123456789012"],
        "mk-app" => &["shop"],
        "mk-source" => &["shop", "owner/shop"],
        "rm-env" => &["--confirm", "production-pr1"],
        _ => &[],
    }
}

/// The tools that a pipe runs.
pub fn tools_of(pipe: &str) -> BTreeSet<String> {
    let tools = tools();
    let words = pipe.split_whitespace().map(String::from);
    words.filter(|word| tools.contains(word)).collect()
}

/// The actions that a tool's `--iam-policy` allows.
pub fn allowed(name: &str) -> BTreeSet<String> {
    let policy = tool(name, &["--iam-policy"], "").ok().stdout;
    let policy: Value = policy.parse().expect("a policy is JSON");
    let mut allowed = BTreeSet::new();
    for statement in list(&policy["Statement"]) {
        match &statement["Action"] {
            Value::Array(actions) => {
                allowed.extend(actions.iter().map(|action| text(action).to_string()))
            }
            action => drop(allowed.insert(text(action).to_string())),
        }
    }
    allowed
}

/// Asserts that these tools, and no others, have called AWS, and that the policy of each allows
/// every call that it made.
pub fn policies_allow_what_was_called(aws: &LocalAws, tools_that_call: &BTreeSet<String>) {
    let all = tools();
    let mut called: BTreeSet<(String, String)> = BTreeSet::new();
    for call in aws.calls() {
        called.insert((text(&call["tool"]).to_string(), action(&call)));
    }
    called.retain(|(tool, _)| all.contains(tool));
    let callers: BTreeSet<String> = called.iter().map(|(tool, _)| tool.clone()).collect();
    assert_eq!(callers, *tools_that_call);
    for caller in callers {
        let allowed = allowed(&caller);
        let mut missing = called.clone();
        missing.retain(|(tool, action)| *tool == caller && !allowed.contains(action));
        assert!(missing.is_empty(), "{missing:?}");
    }
}
