//! What a function should be, what is there, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::name::{FUNCTION_LIMIT, SOURCE, could_be};
use plumbing::step::{self, in_part};
use plumbing::{Difference, Differences, Env, Error, Function, Record, Result, Step};

use crate::code::Code;

/// What runs it.
pub const RUNTIME: &str = "python3.13";
/// The function in the file.
pub const HANDLER: &str = "index.handler";
/// For which processor.
pub const ARCHITECTURE: &str = "x86_64";
/// After how many seconds it is ended; its own time limits add up to less.
pub const TIMEOUT: i32 = 60;
/// Its memory in MiB, and with it its share of a processor: boto3 is slow to load with less.
pub const MEMORY: i32 = 256;
/// How what it prints is logged: as it is.
pub const LOG_FORMAT: &str = "Text";
/// How much room in MiB it has for files: what every function has, and it writes none.
pub const DISK: i32 = 512;
/// How often Lambda tries again when it did not end well. It answers the pipeline itself, and a
/// second run of the same job would tag again what may be superseded by then.
pub const RETRIES: i32 = 0;
/// For how many seconds a job may wait for a function that is held up: for less than the 20 minutes
/// that the pipeline waits, so that nothing is tagged for one that has failed.
pub const EVENT_AGE: i32 = 15 * 60;

/// A function as it is to be.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its name in Lambda.
    pub function: String,
    /// The ARN of the role that it runs as.
    pub role: String,
    /// The log group that it writes to: the one of its name.
    pub log_group: String,
    /// What it is for, in words.
    pub description: String,
    /// Its code.
    pub code: Code,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// The function of a source.
pub fn want(env: &Env, source: &str, role: &str, log_group: &str, code: &Code) -> Want {
    let function = env.function_name(source);
    Want {
        role: role.into(),
        log_group: log_group.into(),
        description: format!(
            "Tags the image that {} just built production",
            env.pipeline_name(source)
        ),
        code: code.clone(),
        tags: env.tags_of_source(&function, source),
        function,
    }
}

/// A function that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// How it is.
    pub state: State,
    /// `Zip` or `Image`.
    pub package: String,
    /// The SHA-256 of its zip, in base64.
    pub sha: String,
    /// For which processor it is.
    pub architecture: String,
    /// What runs it.
    pub runtime: String,
    /// The function in the file.
    pub handler: String,
    /// The ARN of the role that it runs as.
    pub role: String,
    /// In seconds.
    pub timeout: i32,
    /// In MiB.
    pub memory: i32,
    /// What it is for.
    pub description: String,
    /// The names of its environment variables; never what they hold.
    pub variables: Vec<String>,
    /// The subnets that it runs in.
    pub subnets: Vec<String>,
    /// The log group that it writes to.
    pub log_group: String,
    /// `Text` or `JSON`.
    pub log_format: String,
    /// What else of its configuration is set, by name: layers, whose code runs beside ours, and so on.
    pub settings: Vec<String>,
    /// How many of it may run at once; with 0, which the console calls throttled, none ever does.
    pub concurrency: Option<i32>,
    /// Where else Lambda sends what it was given, which holds credentials: after success, or failure.
    pub destinations: Vec<String>,
    /// How often Lambda tries again; without, as often as it does by default.
    pub retries: Option<i32>,
    /// For how many seconds an event may wait; without, for the six hours of the default.
    pub event_age: Option<i32>,
}

/// How a function is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum State {
    /// It can be invoked and changed.
    #[default]
    Ready,
    /// It is being made, or a change is under way.
    Busy,
    /// It can be invoked, but its last change failed, and why.
    UpdateFailed(String),
    /// It could not be made, and why.
    Failed(String),
    /// It is being deleted.
    Deleting,
}

/// A part of a function that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The code, and the processor that it is for.
    Code,
    /// How it runs.
    Configuration,
    /// What follows where it does not end well.
    Invocation,
    /// How many of it may run at once.
    Concurrency,
    /// The tags.
    Tags,
}

/// Decides what is to be done.
///
/// Errors: a function of that name is there and not the environment's, or cannot be mended.
pub fn step(env: &Env, want: &Want, have: Option<Have>) -> Result<Step<Have, Part>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    env.check_ours(format!("function {}", want.function), &have.tags)?;
    if have.package != "Zip" {
        let why = format!("is of package type {}, wanted Zip", have.package);
        return Err(cannot_be_mended(&want.function, &why));
    }
    if let State::Failed(why) = &have.state {
        let why = format!("could not be made: {why}");
        return Err(cannot_be_mended(&want.function, &why));
    }
    let differences = differences(want, &have);
    Ok(Step::from_differences(have, differences))
}

/// In what a function differs from what is wanted, in the order of the calls that mend it.
fn differences(want: &Want, have: &Have) -> Differences<Part> {
    let update = match &have.state {
        State::UpdateFailed(why) => format!("failed: {why}"),
        _ => "done".to_string(),
    };
    let code = [
        Difference::between("last update", update, "done"),
        Difference::between("code", &have.sha, &want.code.sha),
        Difference::between("architecture", &have.architecture, ARCHITECTURE),
    ];
    let configuration = [
        Difference::between("runtime", &have.runtime, RUNTIME),
        Difference::between("handler", &have.handler, HANDLER),
        Difference::between("role", &have.role, &want.role),
        Difference::between("timeout", have.timeout, TIMEOUT),
        Difference::between("memory", have.memory, MEMORY),
        Difference::between("description", &have.description, &want.description),
        Difference::between("variables", list(&have.variables), "none"),
        Difference::between("subnets", list(&have.subnets), "none"),
        Difference::between("log group", &have.log_group, &want.log_group),
        Difference::between("log format", &have.log_format, LOG_FORMAT),
        Difference::between("settings", list(&have.settings), "none"),
    ];
    let invocation = [
        Difference::between("retries", number(have.retries, "default"), RETRIES),
        Difference::between("event age", number(have.event_age, "default"), EVENT_AGE),
        Difference::between("destinations", list(&have.destinations), "none"),
    ];
    let reserved = number(have.concurrency, "none");
    let concurrency = Difference::between("reserved concurrency", reserved, "none");
    let tags = Difference::of_tags(&have.tags, &want.tags);
    let mut differences = Differences::new();
    differences.extend(in_part(Part::Code, code.into_iter().flatten()));
    differences.extend(in_part(
        Part::Configuration,
        configuration.into_iter().flatten(),
    ));
    differences.extend(in_part(Part::Invocation, invocation.into_iter().flatten()));
    differences.extend(in_part(Part::Concurrency, concurrency));
    differences.extend(in_part(Part::Tags, tags));
    differences
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_string();
    }
    names.join(" ")
}

fn number(number: Option<i32>, without: &str) -> String {
    match number {
        Some(number) => number.to_string(),
        None => without.to_string(),
    }
}

/// The parts that are to be set, each once and in the order of their calls. An update that failed may
/// have been of the code or of the configuration, which Lambda does not say: both are set again.
pub fn parts(have: &Have, differences: &Differences<Part>) -> Vec<Part> {
    let mut parts = step::parts(differences);
    if let State::UpdateFailed(_) = have.state {
        parts.retain(|part| !matches!(part, Part::Code | Part::Configuration));
        parts.splice(0..0, [Part::Code, Part::Configuration]);
    }
    parts
}

/// What is said of a function that no change mends.
pub fn cannot_be_mended(function: &str, why: &str) -> Error {
    Error::refused(format!("function {function} {why}")).hint(format!(
        "aws lambda delete-function --function-name {function}, then run the pipeline again"
    ))
}

/// What is said of a function that was there and is no longer.
pub fn deleted_meanwhile(function: &str) -> Error {
    Error::unfinished(format!(
        "function {function} was deleted while it was waited for"
    ))
    .hint("run the pipeline again")
}

/// Whether a function of this name could be the environment's. Whether it is, its tags say.
pub fn could_be_ours(env: &Env, function: &str) -> bool {
    could_be(function, "function", &env.name, FUNCTION_LIMIT)
}

/// The source of a function by its tag; without that, all it is called, since no two records may
/// have one name.
pub fn source<'a>(function: &'a str, tags: &'a BTreeMap<String, String>) -> &'a str {
    tags.get(SOURCE).map_or(function, String::as_str)
}

/// The ARN of a function.
pub fn arn(env: &Env, function: &str) -> String {
    env.arn("lambda", &format!("function:{function}"))
}

/// A function's record.
pub fn record(env: &Env, source: &str, function: &str) -> Record {
    let arn = arn(env, function);
    Record::of(&Function {
        name: source.into(),
        arn,
        function: function.into(),
        ..Function::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::code;

    const ROLE: &str = "arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/function";

    const GROUP: &str = "/aws/lambda/function-web-production-pr1";

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn web() -> Want {
        want(&env(), "web", ROLE, GROUP, &code().unwrap())
    }

    fn ours() -> Have {
        Have {
            tags: web().tags.into_iter().collect(),
            state: State::Ready,
            package: "Zip".into(),
            sha: web().code.sha,
            architecture: "x86_64".into(),
            runtime: "python3.13".into(),
            handler: "index.handler".into(),
            role: ROLE.into(),
            timeout: 60,
            memory: 256,
            description: "Tags the image that pipeline-web-production-pr1 just built production"
                .into(),
            variables: Vec::new(),
            subnets: Vec::new(),
            log_group: GROUP.into(),
            log_format: "Text".into(),
            settings: Vec::new(),
            concurrency: None,
            destinations: Vec::new(),
            retries: Some(0),
            event_age: Some(900),
        }
    }

    fn differences(have: &Have) -> Vec<Difference> {
        match step(&env(), &web(), Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences,
        }
    }

    fn told(have: &Have) -> Vec<String> {
        differences(have)
            .iter()
            .map(|d| format!("{}: {} -> {}", d.field, d.old, d.new))
            .collect()
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), &web(), None).unwrap(), Step::Create);
        assert_eq!(told(&ours()), Vec::<String>::new());
        assert_eq!(
            told(&Have {
                state: State::Busy,
                ..ours()
            }),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_difference_is_told_and_mended_by_its_call() {
        let sha = web().code.sha;
        for (have, difference, field) in [
            (Have { sha: "x=".into(), ..ours() }, format!("code: x= -> {sha}"), Field::Code),
            (Have { architecture: "arm64".into(), ..ours() }, "architecture: arm64 -> x86_64".into(), Field::Code),
            (
                Have { runtime: "python3.11".into(), ..ours() },
                "runtime: python3.11 -> python3.13".into(),
                Field::Configuration,
            ),
            (Have { handler: "a.b".into(), ..ours() }, "handler: a.b -> index.handler".into(), Field::Configuration),
            (Have { role: "r".into(), ..ours() }, format!("role: r -> {ROLE}"), Field::Configuration),
            (Have { timeout: 3, ..ours() }, "timeout: 3 -> 60".into(), Field::Configuration),
            (Have { memory: 128, ..ours() }, "memory: 128 -> 256".into(), Field::Configuration),
            (
                Have { description: "x".into(), ..ours() },
                "description: x -> Tags the image that pipeline-web-production-pr1 just built production".into(),
                Field::Configuration,
            ),
            (
                Have { variables: vec!["A".into(), "B".into()], ..ours() },
                "variables: A B -> none".into(),
                Field::Configuration,
            ),
            (
                Have { subnets: vec!["subnet-1".into()], ..ours() },
                "subnets: subnet-1 -> none".into(),
                Field::Configuration,
            ),
            (
                Have { log_group: "/theirs".into(), ..ours() },
                format!("log group: /theirs -> {GROUP}"),
                Field::Configuration,
            ),
            (Have { log_format: "JSON".into(), ..ours() }, "log format: JSON -> Text".into(), Field::Configuration),
            (
                Have { settings: vec!["layers".into(), "tracing".into()], ..ours() },
                "settings: layers tracing -> none".into(),
                Field::Configuration,
            ),
            (Have { concurrency: Some(0), ..ours() }, "reserved concurrency: 0 -> none".into(), Field::Concurrency),
            (Have { retries: None, ..ours() }, "retries: default -> 0".into(), Field::Invocation),
            (
                Have { destinations: vec!["success".into()], ..ours() },
                "destinations: success -> none".into(),
                Field::Invocation,
            ),
            (Have { event_age: Some(60), ..ours() }, "event age: 60 -> 900".into(), Field::Invocation),
        ] {
            assert_eq!(told(&have), [difference]);
            assert_eq!(fields(&differences(&have)), [field]);
        }
    }

    #[test]
    fn our_tags_are_put_right_and_others_stay() {
        let mut have = ours();
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.insert("theirs".into(), "x".into());
        have.tags.remove(SOURCE);
        assert_eq!(
            told(&have),
            [
                "tag Team: nobody -> devops",
                "tag plumbline:source:  -> web"
            ]
        );
        assert_eq!(fields(&differences(&have)), [Field::Tags]);
    }

    #[test]
    fn all_at_once_takes_each_call_once() {
        let mut have = Have {
            sha: String::new(),
            timeout: 3,
            memory: 128,
            ..ours()
        };
        have = Have {
            retries: None,
            event_age: None,
            concurrency: Some(1),
            ..have
        };
        have.tags.remove("Name");
        have.tags.remove("Team");
        let all = [
            Field::Code,
            Field::Configuration,
            Field::Invocation,
            Field::Concurrency,
            Field::Tags,
        ];
        assert_eq!(fields(&differences(&have)), all);
    }

    #[test]
    fn an_update_that_failed_is_done_again() {
        let have = Have {
            state: State::Stale("the role is gone (InsufficientRolePermissions)".into()),
            ..ours()
        };
        assert_eq!(
            told(&have),
            ["last update: failed: the role is gone (InsufficientRolePermissions) -> done"]
        );
        assert_eq!(
            fields(&differences(&have)),
            [Field::Code, Field::Configuration]
        );
    }

    #[test]
    fn a_function_without_our_tag_is_refused() {
        for tags in [
            BTreeMap::new(),
            BTreeMap::from([("plumbline:env".to_string(), "production-pr2".to_string())]),
        ] {
            let error = step(&env(), &web(), Some(&Have { tags, ..ours() })).unwrap_err();
            assert_eq!(
                error.message,
                "function function-web-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
            );
        }
    }

    #[test]
    fn what_no_change_mends_is_refused_with_the_way_out() {
        for (have, message) in [
            (
                Have {
                    package: "Image".into(),
                    ..ours()
                },
                "is of package type Image, wanted Zip",
            ),
            (
                Have {
                    state: State::Failed("no (InternalError)".into()),
                    ..ours()
                },
                "could not be made: no (InternalError)",
            ),
        ] {
            let error = step(&env(), &web(), Some(&have)).unwrap_err();
            assert_eq!(
                error.message,
                format!("function function-web-production-pr1 {message}")
            );
            let hint = error.hint.unwrap();
            assert!(
                hint.starts_with(
                    "aws lambda delete-function --function-name function-web-production-pr1"
                ),
                "{hint}"
            );
        }
    }

    #[test]
    fn a_record_holds_the_source_the_arn_and_the_name() {
        assert_eq!(
            serde_json::to_string(&record(&env(), "web", "function-web-production-pr1")).unwrap(),
            r#"{"type":"function","name":"web","arn":"arn:aws:lambda:us-east-1:123456789012:function:function-web-production-pr1","function":"function-web-production-pr1"}"#
        );
    }

    #[test]
    fn a_name_that_was_cut_is_ours_and_its_tag_says_whose() {
        let env = Env {
            name: format!("{}-pr1", "e".repeat(32)),
            ..env()
        };
        let want = want(&env, &"a".repeat(32), ROLE, GROUP, &code().unwrap());
        assert_eq!(want.function.len(), FUNCTION_LIMIT);
        assert!(
            could_be_ours(&env, &want.function)
                && !could_be_ours(&env, "function-web-production-pr2")
        );
        let tags: BTreeMap<String, String> = want.tags.into_iter().collect();
        assert_eq!(source(&want.function, &tags), "a".repeat(32));
        assert_eq!(source(&want.function, &BTreeMap::new()), want.function);
        assert!(want.description.len() <= 256);
    }
}
