//! Faults between the tools and the local AWS (`tests/faults`): calls that are throttled or fail,
//! answers that are lost, tools that are killed. `tests/faults/rules.py` says what a rule can be.

use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command};

use crate::{LocalAws, Output, Value, json, list, run_and_tell, serve, word};

/// A proxy in front of a local AWS, which does to calls what its rules say; it ends with the test.
pub struct Faults {
    /// Where it answers.
    pub url: String,
    child: Child,
    _until_closed: Option<ChildStdin>,
}

impl Faults {
    /// Starts one without rules: it passes on what it gets.
    pub fn between(aws: &LocalAws) -> Self {
        let (mut child, mut said) = serve("faults", &["--to", &aws.url]);
        Faults {
            url: word(&mut said, "ready"),
            _until_closed: child.stdin.take(),
            child,
        }
    }

    /// From now on these rules hold, an array, and no others; calls are counted from here.
    pub fn rules(&self, rules: Value) {
        ureq::post(format!("{}/_faults", self.url))
            .send_json(rules)
            .expect("set the rules");
    }

    /// No call meets anything any more; calls are counted from here.
    pub fn end(&self) {
        self.rules(json!([]));
    }

    /// What was asked, and what was done about it: `calls`, `changing`, `seen`, `done`.
    pub fn told(&self) -> Value {
        let answer = ureq::get(format!("{}/_faults", self.url))
            .call()
            .expect("ask for the faults");
        answer.into_body().read_json().expect("read the faults")
    }

    /// The calls that came since the rules were set.
    pub fn seen(&self) -> Vec<Value> {
        list(&self.told()["seen"]).to_vec()
    }

    /// The calls that met a fault since the rules were set.
    pub fn done(&self) -> Vec<Value> {
        list(&self.told()["done"]).to_vec()
    }

    /// How many calls that change something came since the rules were set.
    pub fn changes(&self) -> u64 {
        self.told()["changing"].as_u64().unwrap_or_default()
    }

    /// Until a call has come once, the tags of a thing do not show: the service does not know it yet.
    pub fn hide_tags_once(&self, call: &str) {
        self.rules(json!([{
            "do": "refuse", "of": call, "times": 1, "status": 400,
            "code": "ResourceNotFoundException", "message": "It does not exist.",
        }]));
    }

    /// The pipe is killed at its nth changing call from here, `before` or `after` that is done.
    pub fn kill_at(&self, nth: u64, when: &str) {
        self.rules(json!([{"do": "kill", "nth": nth, "when": when}]));
    }

    /// The connection is cut at the nth changing call from here, `before` or `after` it is done.
    pub fn cut_at(&self, nth: u64, when: &str) {
        self.rules(json!([{"do": "cut", "nth": nth, "when": when}]));
    }

    /// Runs a pipe of tools in bash, with pipefail, against the AWS behind the faults: in a process
    /// group of its own, which is what a kill is for. The exit code of a killed one is -1.
    pub fn pipe(&self, pipe: &str) -> Output {
        self.pipe_with(pipe, "")
    }

    /// Like [`pipe`](Self::pipe), with something on its stdin.
    pub fn pipe_with(&self, pipe: &str, stdin: &str) -> Output {
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", pipe])
            .process_group(0);
        run_and_tell(command, &self.url, stdin.as_bytes(), |group| {
            let group = json!({"id": group});
            ureq::post(format!("{}/_faults/group", self.url))
                .send_json(group)
                .expect("say whom a kill is for");
        })
    }
}

/// A rule by which AWS's answers to a call say something else: what fits `matches` is replaced.
pub fn rewrite(call: &str, matches: &str, by: &str) -> Value {
    json!({"do": "rewrite", "of": call, "match": matches, "by": by})
}

impl Drop for Faults {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
