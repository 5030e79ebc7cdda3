//! A row of settings, and what is made of it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::{Output, Value, bin, json, list, root, text};

/// Settings, and how it ends. In all of them `{S}` is the URL of the server that plays AWS, `{P}` its
/// host and port, and `{H}` the home.
pub struct Row {
    pub name: &'static str,
    /// `NAME=VALUE`; `-NAME` takes one of the common ones away.
    pub env: &'static [&'static str],
    pub files: &'static [(&'static str, &'static str)],
    pub end: End,
}

/// What the tools do.
pub enum End {
    /// They are whom botocore is, in its region, at its endpoint.
    Same,
    /// They ask the same host as botocore; neither gets an answer.
    SameHost,
    /// They refuse with 2, and name these.
    Refused(&'static [&'static str]),
    /// Both have no credentials; the tools end with 1, and name these.
    Without(&'static [&'static str]),
}

/// A home, and the process that plays AWS and botocore.
pub struct World {
    home: tempfile::TempDir,
    pub ports: Value,
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

const COMMON: &[&str] = &["AWS_ENDPOINT_URL={S}", "AWS_EC2_METADATA_DISABLED=true"];

impl World {
    pub fn start() -> World {
        let home = tempfile::tempdir().unwrap();
        let certificates = home.path().join("certificates");
        std::fs::create_dir(&certificates).unwrap();
        let mut child = Command::new(root().join(".venv/bin/python"))
            .args(["-m", "settings.world"])
            .arg(&certificates)
            .env("HOME", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().unwrap());
        let mut world = World {
            home,
            ports: Value::Null,
            child,
            to,
            from,
        };
        world.ports = world.read();
        world
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn order(&mut self, order: &Value) -> Value {
        writeln!(self.to.as_mut().unwrap(), "{order}").unwrap();
        self.read()
    }

    /// What came since it was asked last.
    pub fn seen(&mut self) -> Vec<Value> {
        list(&self.order(&json!({"do": "seen"}))["seen"]).to_vec()
    }

    /// A text with the places put in.
    pub fn put_in(&self, text: &str) -> String {
        let host = format!("127.0.0.1:{}", self.ports["plain"]);
        let home = self.home.path().to_string_lossy();
        let text = text.replace("{S}", &format!("http://{host}"));
        let port = self.ports["plain"].to_string();
        text.replace("{P}", &host)
            .replace("{N}", &port)
            .replace("{H}", &home)
    }

    pub fn variables(&self, env: &[&str]) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for one in COMMON.iter().chain(env) {
            match (one.strip_prefix('-'), one.split_once('=')) {
                (Some(name), _) => drop(variables.remove(name)),
                (_, Some((name, value))) => {
                    variables.insert(name.to_string(), self.put_in(value));
                }
                _ => panic!("no variable: {one}"),
            }
        }
        let home = self.home.path().to_string_lossy().into_owned();
        variables.entry("HOME".into()).or_insert(home);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin().display());
        variables.insert("PATH".into(), path);
        variables
    }

    /// Runs `mk-env x y`.
    pub fn ours(&self, env: &[&str]) -> Output {
        let mut command = Command::new(bin().join("mk-env"));
        command.args(["x", "y"]).env_clear();
        command.envs(self.variables(env));
        support::fed(command, "")
    }

    pub fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, self.put_in(text)).unwrap();
        }
    }

    pub fn remove(&self, files: &[(&str, &str)]) {
        for (path, _) in files {
            let _ = std::fs::remove_file(self.home.path().join(path));
        }
    }

    /// What is wrong with a row, if anything is.
    fn judge(&mut self, row: &Row) -> Option<String> {
        self.write(row.files);
        let botocore = match row.end {
            End::Refused(_) => Value::Null,
            _ => self.order(&json!({"do": "botocore", "env": self.variables(row.env)})),
        };
        self.write(row.files); // botocore may have renewed a token in them
        let ours = self.ours(row.env);
        let seen = self.seen();
        self.remove(row.files);
        let theirs = text(&botocore["error"]);
        let [same, host] = [&["key", "region", "token", "host", "path"][..], &["host"]]
            .map(|fields| last(list(&botocore["seen"]), fields) == last(&seen, fields));
        let names = |names: &[&str]| {
            names
                .iter()
                .all(|name| ours.stderr.contains(&self.put_in(name)))
        };
        let right = match row.end {
            End::Same => theirs.is_empty() && ours.code == 0 && same,
            End::SameHost => !seen.is_empty() && host,
            End::Refused(all) => ours.code == 2 && names(all) && seen.is_empty(),
            End::Without(all) => !theirs.is_empty() && ours.code == 1 && names(all),
        };
        let name = row.name;
        (!right).then(|| format!("{name}\n  botocore: {botocore}\n  ours: {ours:?}\n  {seen:?}"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}

/// The fields of the last call.
fn last(seen: &[Value], fields: &[&str]) -> Vec<Value> {
    let fields = fields.iter();
    fields
        .map(|field| seen.last().map_or(Value::Null, |call| call[*field].clone()))
        .collect()
}

/// Tries all rows, and tells all that are wrong.
pub fn check(rows: &[Row]) {
    let mut world = World::start();
    let wrong: Vec<String> = rows.iter().filter_map(|row| world.judge(row)).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}
