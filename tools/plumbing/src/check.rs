//! What makes a record a good one: read from bytes, its fields by type, its names and sizes, and
//! whether it belongs to the stream's environment. Pure; nothing here asks AWS.

use serde_json::Value;

use crate::name;
use crate::record::{
    Alb, App, Bucket, Build, Cluster, Connection, Egress, Env, Failed, Function, Image, Listener,
    LogGroup, Pipeline, Record, RecordType, Repo, Role, Rule, Service, Sg, Source, TaskDefinition,
    Vpc,
};

/// Reads one record and checks all that can be checked without its neighbours.
pub fn read(bytes: &[u8]) -> Result<Record, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_string())?;
    let record: Record =
        serde_json::from_str(text).map_err(|why| format!("is not valid JSON: {}", plain(&why)))?;
    for field in ["type", "name"] {
        match record.0.get(field) {
            Some(Value::String(text)) if !text.is_empty() => {}
            Some(Value::String(_)) => return Err(format!("has a {field} that is empty")),
            Some(_) => return Err(format!("has a {field} that is not a text")),
            None => return Err(format!("has no {field}")),
        }
    }
    check(&record).map_err(|why| format!("is no {} record: {why}", record.kind()))?;
    Ok(record)
}

fn check(record: &Record) -> Result<(), String> {
    match record.kind() {
        Env::TYPE => fields::<Env>(record)?.check(),
        App::TYPE => fields::<App>(record)?.check(),
        Source::TYPE => fields::<Source>(record)?.check(),
        Vpc::TYPE => whole::<Vpc>(record, &["id", "cidr", "public_subnets", "private_subnets"]),
        Egress::TYPE => whole::<Egress>(record, &["by"]),
        Sg::TYPE => whole::<Sg>(record, &["id"]),
        Alb::TYPE => whole::<Alb>(record, &["arn", "dns", "scheme"]),
        Listener::TYPE => whole::<Listener>(record, &["arn", "target_group"]),
        Repo::TYPE => whole::<Repo>(record, &["arn", "uri"]),
        Role::TYPE => whole::<Role>(record, &["arn"]),
        LogGroup::TYPE => whole::<LogGroup>(record, &["arn", "group"]),
        Image::TYPE => whole::<Image>(record, &["image"]),
        Cluster::TYPE => whole::<Cluster>(record, &["arn"]),
        TaskDefinition::TYPE => whole::<TaskDefinition>(record, &["arn"]),
        Service::TYPE => whole::<Service>(record, &["arn", "cluster", "task_definition"]),
        Connection::TYPE => whole::<Connection>(record, &["arn", "status"]),
        Bucket::TYPE => whole::<Bucket>(record, &["arn", "bucket"]),
        Build::TYPE => whole::<Build>(record, &["arn", "project"]),
        Function::TYPE => whole::<Function>(record, &["arn", "function"]),
        Pipeline::TYPE => whole::<Pipeline>(record, &["arn", "pipeline"]),
        Rule::TYPE => whole::<Rule>(record, &["arn", "rule"]),
        Failed::TYPE => whole::<Failed>(record, &[]),
        _ => Ok(()),
    }
}

/// Checks the types of a resource's fields, and that those which AWS is asked with say something: an
/// empty ID is to many calls none at all, and then they take another resource (the default VPC).
fn whole<T: RecordType>(record: &Record, asked_with: &[&str]) -> Result<(), String> {
    fields::<T>(record)?;
    for field in asked_with {
        let texts = match record.0.get(*field) {
            Some(Value::Array(list)) => list.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        if texts
            .iter()
            .filter_map(Value::as_str)
            .any(|text| !is_word(text))
        {
            return Err(format!(
                "{field} is empty or holds more than letters, digits and marks"
            ));
        }
    }
    Ok(())
}

/// Whether a text is one that AWS gives or takes as an ID, an ARN or a reference.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

fn fields<T: RecordType>(record: &Record) -> Result<T, String> {
    serde_json::from_value(Value::Object(record.0.clone())).map_err(|why| plain(&why))
}

/// serde_json's message without its own position, which is within the record.
fn plain(why: &serde_json::Error) -> String {
    let text = why.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_string()
}

/// Refuses a record whose ARN is of another account or region than the environment's.
pub fn belongs(record: &Record, env: &Env) -> Result<(), String> {
    if !record.is_resource() {
        return Ok(());
    }
    let mut arn = record.text("arn").split(':').skip(3);
    let (region, account) = (
        arn.next().unwrap_or_default(),
        arn.next().unwrap_or_default(),
    );
    if !account.is_empty() && account != env.account {
        return Err(format!(
            "is of account {account}, but the environment is in {}",
            env.account
        ));
    }
    if !region.is_empty() && region != env.region {
        return Err(format!(
            "is of region {region}, but the environment is in {}",
            env.region
        ));
    }
    Ok(())
}

/// Refuses a second environment.
pub fn same_environment(known: &Env, new: &Env) -> Result<(), String> {
    if (&known.name, &known.region, &known.account) == (&new.name, &new.region, &new.account) {
        return Ok(());
    }
    let itself = if known.name == new.name {
        format!("of account {} in {} ", new.account, new.region)
    } else {
        String::new()
    };
    Err(format!(
        "{itself}comes after environment '{}' of account {} in {}",
        known.name, known.account, known.region
    ))
}

/// Refuses an app that calls one which is not there.
pub fn calls(apps: &[App]) -> Result<(), String> {
    for app in apps {
        let there = |name: &String| apps.iter().any(|app| app.name == *name);
        if let Some(called) = app.calls.iter().find(|called| !there(called)) {
            return Err(format!(
                "app '{}' calls '{called}', which no app record names",
                app.name
            ));
        }
    }
    Ok(())
}

impl Env {
    /// Checks what can be checked without its neighbours.
    pub fn check(&self) -> Result<(), String> {
        name::check_environment(&self.environment)?;
        name::check_part("suffix", &self.suffix)?;
        if self.version != 1 {
            return Err(format!(
                "version {} of the records is not known here",
                self.version
            ));
        }
        if self.name != format!("{}-{}", self.environment, self.suffix) {
            return Err(format!(
                "name '{}' is not '{}-{}'",
                self.name, self.environment, self.suffix
            ));
        }
        if self.account.len() != 12 || !self.account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("account '{}' is not 12 digits", self.account));
        }
        name::check_region(&self.region)?;
        if self.tags.len() > 40 {
            return Err(format!(
                "{} tags are too many: AWS takes 50, ours included",
                self.tags.len()
            ));
        }
        self.tags
            .iter()
            .try_for_each(|(key, value)| name::check_tag(key, value))
    }
}

impl App {
    /// Checks what can be checked without its neighbours.
    pub fn check(&self) -> Result<(), String> {
        name::check_part("app", &self.name)?;
        if self.port == 0 {
            return Err("port 0 is not a port".into());
        }
        let path = self.health.starts_with('/')
            && self.health.len() <= 1024
            && self.health.bytes().all(|b| b.is_ascii_graphic());
        if !path {
            return Err(format!(
                "health '{}' is not a path: it begins with / and has no spaces",
                self.health
            ));
        }
        if self.count > 5000 {
            return Err(format!(
                "count {} is more than the 5000 tasks of a service",
                self.count
            ));
        }
        if !matches!(self.architecture.as_str(), "X86_64" | "ARM64") {
            return Err(format!(
                "architecture '{}' must be X86_64 or ARM64",
                self.architecture
            ));
        }
        if self
            .context
            .as_ref()
            .is_some_and(|context| context.is_empty() || context.contains(char::is_control))
        {
            return Err("context is not the path of a directory".into());
        }
        if self.image.as_ref().is_some_and(|image| !is_word(image)) {
            return Err("image is not the reference of an image".into());
        }
        if self.check.as_ref().is_some_and(String::is_empty) {
            return Err("check is an empty command".into());
        }
        if self.grace > i32::MAX as u32 {
            return Err(format!(
                "grace {} is more than the {} seconds that ECS takes",
                self.grace,
                i32::MAX
            ));
        }
        for called in &self.calls {
            name::check_part("called app", called)?;
            if *called == self.name {
                return Err(format!("app '{called}' calls itself"));
            }
        }
        let variable = |key: &str| {
            !key.is_empty()
                && !key.starts_with(|c: char| c.is_ascii_digit())
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        match self.set.keys().find(|key| !variable(key)) {
            Some(key) => Err(format!(
                "set '{key}' is not the name of an environment variable"
            )),
            None => fargate_size(self.cpu, self.memory),
        }
    }
}

impl Source {
    /// Checks what can be checked without its neighbours.
    pub fn check(&self) -> Result<(), String> {
        name::check_part("source", &self.name)?;
        let word = |text: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            (1..=100).contains(&text.len())
                && text.bytes().all(plain)
                && !matches!(text, "." | "..")
        };
        if !self
            .repository
            .split_once('/')
            .is_some_and(|(owner, name)| word(owner) && word(name))
        {
            return Err(format!(
                "repository '{}' is not OWNER/NAME on GitHub",
                self.repository
            ));
        }
        // What git forbids in a branch's name (git-check-ref-format), and '#', which begins a
        // variable in a pipeline.
        let odd = |c: char| !c.is_ascii_graphic() || "~^:?*[\\#\"'`$".contains(c);
        let branch = &self.branch;
        let pathless = branch
            .split('/')
            .any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"));
        if branch.len() > 255
            || branch.contains(odd)
            || branch.contains("..")
            || branch.starts_with('-')
            || pathless
        {
            return Err(format!("branch '{branch}' is not the name of a branch"));
        }
        if !matches!(self.trigger.as_str(), "connection" | "events") {
            return Err(format!(
                "trigger '{}' must be connection or events",
                self.trigger
            ));
        }
        for (what, path) in [("context", &self.context), ("dockerfile", &self.dockerfile)] {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./+@".contains(&b);
            let inside = !path.starts_with(['/', '-']) && path.split('/').all(|part| part != "..");
            if path.is_empty() || path.len() > 255 || !inside || !path.bytes().all(plain) {
                return Err(format!(
                    "{what} '{path}' is not a path within the repository, of letters, digits and - _ . / + @"
                ));
            }
        }
        Ok(())
    }
}

/// Fargate's sizes as data: CPU units, then the memory in MiB as first, last and step
/// (ECS developer guide, "Task CPU and memory"). 256 CPU units take 512 MiB besides.
const FARGATE_SIZES: [(u32, u32, u32, u32); 8] = [
    (256, 1024, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122880, 8192),
    (32768, 61440, 249856, 61440),
];

fn fargate_size(cpu: u32, memory: u32) -> Result<(), String> {
    let Some((_, first, last, step)) = FARGATE_SIZES.iter().find(|size| size.0 == cpu) else {
        return Err(format!(
            "cpu {cpu} is no Fargate size: 256, 512, 1024, 2048, 4096, 8192, 16384 or 32768"
        ));
    };
    // 32 vCPU take 60, 120 or 244 GB; the last is no multiple of the step.
    let listed = (*first..=*last).contains(&memory) && (memory - first).is_multiple_of(*step);
    if listed || (cpu, memory) == (256, 512) || (cpu, memory) == (32768, 249856) {
        return Ok(());
    }
    let also = if cpu == 256 { "512, " } else { "" };
    Err(format!(
        "memory {memory} does not go with cpu {cpu}: {also}{first} to {last} MiB in steps of {step}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        let text = r#"{"type":"env","name":"production-pr123","environment":"production","suffix":"pr123","region":"us-east-1","account":"123456789012"}"#;
        read(text.as_bytes()).unwrap().typed().unwrap()
    }

    #[test]
    fn an_app_needs_only_its_name() {
        let app: App = read(br#"{"type":"app","name":"web"}"#)
            .unwrap()
            .typed()
            .unwrap();
        assert_eq!(
            (
                app.port,
                app.health.as_str(),
                app.cpu,
                app.memory,
                app.count
            ),
            (5000, "/", 256, 512, 2)
        );
    }

    #[test]
    fn wrong_types_and_values_are_refused() {
        for (text, why) in [
            (r#"{"name":"x"}"#, "has no type"),
            (r#"{"type":"x"}"#, "has no name"),
            (r#"{"type":"x","name":5}"#, "has a name that is not a text"),
            (r#"{"type":"x","name":""}"#, "has a name that is empty"),
            (
                r#"{"type":"vpc","name":"main","id":"","cidr":"x"}"#,
                "is no vpc record: id is empty or holds more than letters, digits and marks",
            ),
            (
                r#"{"type":"vpc","name":"main","id":"x","cidr":"x","private_subnets":["subnet-1",""]}"#,
                "is no vpc record: private_subnets is empty or holds more than letters, digits and marks",
            ),
            (
                r#"{"type":"repo","name":"web","arn":"a b","uri":"u"}"#,
                "is no repo record: arn is empty or holds more than letters, digits and marks",
            ),
            (
                r#"{"type":"app","name":"web","image":""}"#,
                "is no app record: image is not the reference of an image",
            ),
            (
                r#"{"type":"app","name":"web","check":""}"#,
                "is no app record: check is an empty command",
            ),
            (
                r#"{"type":"app","name":"web","grace":2147483648}"#,
                "is no app record: grace 2147483648 is more than the 2147483647 seconds that ECS takes",
            ),
            (
                r#"{"type":"vpc","name":"main","id":5,"cidr":"x"}"#,
                "is no vpc record: invalid type: integer `5`, expected a string",
            ),
            (
                r#"{"type":"app","name":"Web"}"#,
                "is no app record: app 'Web' must be 1 to 32 lower-case letters, digits and single hyphens between them",
            ),
            (
                r#"{"type":"app","name":"web","memory":128}"#,
                "is no app record: memory 128 does not go with cpu 256: 512, 1024 to 2048 MiB in steps of 1024",
            ),
            (
                r#"{"type":"app","name":"web","health":"x"}"#,
                "is no app record: health 'x' is not a path: it begins with / and has no spaces",
            ),
            (
                r#"{"type":"app","name":"web","calls":["web"]}"#,
                "is no app record: app 'web' calls itself",
            ),
            (
                r#"{"type":"x","name":"y",}"#,
                "is not valid JSON: trailing comma",
            ),
        ] {
            assert_eq!(read(text.as_bytes()), Err(why.to_string()), "{text}");
        }
        assert_eq!(
            read(b"{\"type\":\"\xff\"}"),
            Err("is not UTF-8".to_string())
        );
    }

    #[test]
    fn a_source_needs_only_its_repository() {
        let source: Source =
            read(br#"{"type":"source","name":"web","repository":"owner/name.js"}"#)
                .unwrap()
                .typed()
                .unwrap();
        let words = [
            &source.branch,
            &source.trigger,
            &source.context,
            &source.dockerfile,
        ];
        assert_eq!(words, ["main", "connection", ".", "Dockerfile"]);
        assert!(!source.deploy);
    }

    #[test]
    fn what_a_pipeline_or_a_shell_would_read_otherwise_is_refused_in_a_source() {
        let good = r#"{"type":"source","name":"web","repository":"o/n","branch":"release/1.2"}"#;
        let good: Source = read(good.as_bytes()).unwrap().typed().unwrap();
        for repository in [
            "",
            "n",
            "o/",
            "/n",
            "o/n/m",
            "o/n m",
            "o/..",
            "https://github.com/o/n",
        ] {
            assert!(
                Source {
                    repository: repository.into(),
                    ..good.clone()
                }
                .check()
                .is_err(),
                "{repository}"
            );
        }
        for branch in [
            "", "a b", "a//b", "/a", "-a", "a..b", "#{a}", "a.lock", "refs/*", "$(x)",
        ] {
            assert!(
                Source {
                    branch: branch.into(),
                    ..good.clone()
                }
                .check()
                .is_err(),
                "{branch}"
            );
        }
        for path in ["", "/a", "../a", "a/../b", "a b", "a;b", "-f"] {
            assert!(
                Source {
                    context: path.into(),
                    ..good.clone()
                }
                .check()
                .is_err(),
                "{path}"
            );
            assert!(
                Source {
                    dockerfile: path.into(),
                    ..good.clone()
                }
                .check()
                .is_err(),
                "{path}"
            );
        }
        assert!(
            Source {
                trigger: "push".into(),
                ..good
            }
            .check()
            .is_err()
        );
    }

    #[test]
    fn every_fargate_size_of_the_guide_is_accepted() {
        for (cpu, memory) in [
            (256, 512),
            (256, 2048),
            (512, 4096),
            (1024, 2048),
            (2048, 16384),
            (4096, 30720),
            (8192, 61440),
            (16384, 122880),
            (32768, 122880),
            (32768, 249856),
        ] {
            assert_eq!(fargate_size(cpu, memory), Ok(()), "{cpu} {memory}");
        }
        for (cpu, memory) in [
            (128, 128),
            (256, 1536),
            (256, 4096),
            (512, 512),
            (8192, 17408),
            (16384, 30720),
            (32768, 61441),
        ] {
            assert!(fargate_size(cpu, memory).is_err(), "{cpu} {memory}");
        }
    }

    #[test]
    fn a_record_of_another_account_or_region_is_refused() {
        let role =
            Record::new("role", "execution/web").with("arn", "arn:aws:iam::999999999999:role/x");
        assert!(
            belongs(&role, &env())
                .unwrap_err()
                .contains("account 999999999999")
        );
        let alb = Record::new("alb", "web").with(
            "arn",
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:x",
        );
        assert!(
            belongs(&alb, &env())
                .unwrap_err()
                .contains("region eu-west-1")
        );
    }
}
