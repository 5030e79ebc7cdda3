//! A terminal with a person before it: `screen.py` is the terminal.

use std::collections::BTreeMap;
use std::process::Command;

use support::{LocalAws, Value, clean, fed, json, list, root, text};

/// A terminal of some size, and what a person does there.
pub struct Terminal {
    env: BTreeMap<String, String>,
    size: (u64, u64),
    steps: Vec<Value>,
}

/// What was to be seen.
pub struct Shown {
    /// The exit code of the shell.
    pub code: i64,
    /// The lines of the screen at the end, with those that have left it at the top.
    pub screen: Vec<String>,
    /// The same, at each step.
    pub kept: Vec<Vec<String>>,
    /// All that came, as it came.
    pub raw: String,
    /// Where the cursor is: the column, and the line of `screen`.
    pub cursor: (u64, u64),
    /// Whether it is to be seen.
    pub has_cursor: bool,
}

impl Terminal {
    /// One whose tools ask this AWS.
    pub fn of(aws: &LocalAws, columns: u64, rows: u64) -> Self {
        let command = clean(Command::new("bash"), &aws.url);
        let set = command.get_envs();
        let word = |word: &std::ffi::OsStr| word.to_string_lossy().into_owned();
        let set = set.filter_map(|(name, value)| Some((word(name), word(value?))));
        Terminal {
            env: set.collect(),
            size: (columns, rows),
            steps: Vec::new(),
        }
        .with("TERM", "xterm-256color")
        .with("XTERM_VERSION", "as one that wraps no line anew") // nor does screen.py
    }

    /// The same with a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The person waits until a line shows this, and does that: `{"type": "\u{3}"}`, `{"resize": [40, 24]}`.
    pub fn when(mut self, shows: &str, what: Value) -> Self {
        let mut step = what;
        step["when"] = shows.into();
        self.steps.push(step);
        self
    }

    /// Runs a command line of bash to its end.
    pub fn run(&self, line: &str) -> Shown {
        let job = json!({
            "command": format!("set -o pipefail; {line}"),
            "env": self.env,
            "columns": self.size.0,
            "rows": self.size.1,
            "steps": self.steps,
        });
        let mut python = Command::new(root().join(".venv/bin/python"));
        python.args(["-m", "terminal.screen"]);
        let told = fed(python, &job.to_string()).ok();
        let told: Value = serde_json::from_str(&told.stdout).expect("what screen.py answers");
        let lines = |lines: &Value| {
            list(lines)
                .iter()
                .map(|line| text(line).to_string())
                .collect()
        };
        assert_eq!(told["missed"], json!([]), "{line}:\n{}", text(&told["raw"]));
        Shown {
            code: told["code"].as_i64().expect("a code"),
            screen: lines(&told["screen"]),
            kept: list(&told["kept"]).iter().map(lines).collect(),
            raw: text(&told["raw"]).into(),
            cursor: (
                told["cursor"][0].as_u64().expect("a column"),
                told["cursor"][1].as_u64().expect("a line"),
            ),
            has_cursor: told["is_cursor_hidden"] == false,
        }
    }
}

impl Shown {
    /// The screen at the end, without what is otherwise each time.
    pub fn end(&self) -> String {
        masked(&self.screen)
    }

    /// The screen at a step.
    pub fn at(&self, step: usize) -> String {
        masked(&self.kept[step])
    }
}

/// Lines whose times are `T`, or left out in a tree, and whose IDs end in `…`.
fn masked(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| {
        let words: Vec<String> = line.split(' ').map(masked_word).collect();
        let mut line = words.join(" ");
        if let Some(rest) = line
            .strip_suffix(" T")
            .filter(|_| line.starts_with(['├', '└']))
        {
            line = rest.trim_end().to_string(); // what took no second has no time
        }
        line + "\n"
    });
    lines.collect()
}

fn masked_word(word: &str) -> String {
    let is_time = word.starts_with(|c: char| c.is_ascii_digit())
        && word.ends_with(['s', 'm'])
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || ".hms".contains(c));
    if is_time {
        return "T".into();
    }
    match word.rsplit_once('-') {
        Some((kind, id)) if id.len() == 17 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("{kind}-…")
        }
        _ => word.into(),
    }
}
