//! What a function should be, what is there, and what follows. Pure.

mod by_hand;

use std::collections::BTreeMap;

use plumbing::name::{FUNCTION_LIMIT, SOURCE, could_be};
use plumbing::step::{in_part, parts};
use plumbing::{Difference, Differences, Env, Error, Function, Record, Result, Step};

use crate::code::Code;

pub use by_hand::{invokers, warning_of_invokers, warning_of_stricter};

/// The runtime of every function.
pub const RUNTIME: &str = "python3.13";
/// The Python function that Lambda calls.
pub const HANDLER: &str = "index.handler";
/// The processor that a function is for.
pub const ARCHITECTURE: &str = "x86_64";
/// After how many seconds Lambda ends it; its own time limits add up to less.
pub const TIMEOUT: i32 = 60;
/// Its memory in MiB, which decides its share of a processor too: boto3 is slow to load with less.
pub const MEMORY: i32 = 256;
/// How what a function prints is logged: as it is.
pub const LOG_FORMAT: &str = "Text";
/// The MiB of disk that a function has: as much as every function, since it writes no files.
pub const DISK: i32 = 512;
/// How often Lambda runs a function again that did not end well. The function answers the pipeline
/// itself, and a second run of the same job would tag again what may be superseded by then.
pub const RETRIES: i32 = 0;
/// For how many seconds a job may wait for a function that is throttled: for less than the 20 minutes
/// that the pipeline waits, so that nothing is tagged for a pipeline that has failed.
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
    /// Its runtime.
    pub runtime: String,
    /// The Python function that Lambda calls.
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
    /// The log group that it writes to.
    pub log_group: String,
    /// `Text` or `JSON`.
    pub log_format: String,
    /// What else of its configuration is set, by name: layers, whose code runs together with ours, and so
    /// on.
    pub settings: Vec<String>,
    /// What of its configuration makes it stricter and stays, with its value: subnets, a key.
    pub stricter: Vec<String>,
    /// How many of it may run at once; at 0, which the console calls throttled, none ever runs.
    pub concurrency: Option<i32>,
    /// Who may invoke it beside whose role allows it, as a person reads it.
    pub invoked_by: Vec<String>,
    /// The outcomes after which Lambda sends the event elsewhere: `success`, `failure`. It holds
    /// credentials.
    pub destinations: Vec<String>,
    /// How often Lambda runs it again; without, as often as it does by default.
    pub retries: Option<i32>,
    /// For how many seconds an event may wait; without, for the default of six hours.
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
    /// What Lambda does where it does not end well: retries, age of the event, destinations.
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
    let last_update = match &have.state {
        State::UpdateFailed(why) => format!("failed: {why}"),
        _ => "done".to_string(),
    };
    let code = [
        Difference::between("last update", last_update, "done"),
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
        Difference::between("log group", &have.log_group, &want.log_group),
        Difference::between("log format", &have.log_format, LOG_FORMAT),
        Difference::between("settings", list(&have.settings), "none"),
    ];
    let invocation = [
        Difference::between("retries", number(have.retries, "default"), RETRIES),
        Difference::between("event age", number(have.event_age, "default"), EVENT_AGE),
        Difference::between("destinations", list(&have.destinations), "none"),
    ];
    let throttled = have.concurrency.filter(|limit| *limit == 0);
    let reserved = number(throttled, "none");
    let concurrency = Difference::between("reserved concurrency", reserved, "none");
    let tags = Difference::of_tags(&have.tags, &want.tags);
    let mut differences = Differences::new();
    let code = code.into_iter().flatten();
    differences.extend(in_part(Part::Code, code));
    let configuration = configuration.into_iter().flatten();
    differences.extend(in_part(Part::Configuration, configuration));
    let invocation = invocation.into_iter().flatten();
    differences.extend(in_part(Part::Invocation, invocation));
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
pub fn parts_to_set(have: &Have, differences: &[(Part, Difference)]) -> Vec<Part> {
    let mut parts = parts(differences);
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

/// The source of a function, by its tag. Without that tag it is the function's own name, since no two
/// records may have one name.
pub fn source<'a>(function: &'a str, tags: &'a BTreeMap<String, String>) -> &'a str {
    match tags.get(SOURCE) {
        Some(source) => source,
        None => function,
    }
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

    const DESCRIPTION: &str =
        "Tags the image that pipeline-web-production-pr1 just built production";

    fn env() -> Env {
        Env::example()
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
            description: DESCRIPTION.into(),
            variables: Vec::new(),
            log_group: GROUP.into(),
            log_format: "Text".into(),
            settings: Vec::new(),
            stricter: Vec::new(),
            concurrency: None,
            invoked_by: Vec::new(),
            destinations: Vec::new(),
            retries: Some(0),
            event_age: Some(900),
        }
    }

    /// What differs, in words, and the parts that are to be set.
    fn change(have: Have) -> (Vec<String>, Vec<Part>) {
        match step(&env(), &web(), Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Keep(_) => (Vec::new(), Vec::new()),
            Step::Change(have, differences) => {
                let parts = parts_to_set(&have, &differences);
                let differences = differences.iter();
                let words = differences.map(|(_, difference)| difference.to_string());
                (words.collect(), parts)
            }
        }
    }

    #[track_caller]
    fn assert_differs(have: Have, difference: &str, part: Part) {
        assert_eq!(change(have), (vec![difference.to_string()], vec![part]));
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), &web(), None).unwrap(), Step::Create);
        let busy = Have {
            state: State::Busy,
            ..ours()
        };
        for have in [ours(), busy] {
            let step = step(&env(), &web(), Some(have.clone())).unwrap();
            assert_eq!(step, Step::Keep(have));
        }
    }

    #[test]
    fn other_code_is_set_by_its_call() {
        let mut have = ours();
        have.sha = "x=".into();
        let difference = format!("code: x= -> {}", web().code.sha);
        assert_differs(have, &difference, Part::Code);
        let mut have = ours();
        have.architecture = "arm64".into();
        assert_differs(have, "architecture: arm64 -> x86_64", Part::Code);
    }

    #[test]
    fn another_configuration_is_set_by_its_call() {
        let part = Part::Configuration;
        let mut have = ours();
        have.runtime = "python3.11".into();
        assert_differs(have, "runtime: python3.11 -> python3.13", part);
        let mut have = ours();
        have.handler = "a.b".into();
        assert_differs(have, "handler: a.b -> index.handler", part);
        let mut have = ours();
        have.role = "r".into();
        assert_differs(have, &format!("role: r -> {ROLE}"), part);
        let mut have = ours();
        have.timeout = 3;
        assert_differs(have, "timeout: 3 -> 60", part);
        let mut have = ours();
        have.memory = 128;
        assert_differs(have, "memory: 128 -> 256", part);
        let mut have = ours();
        have.description = "x".into();
        assert_differs(have, &format!("description: x -> {DESCRIPTION}"), part);
    }

    #[test]
    fn what_others_added_to_the_configuration_is_taken_away_by_its_call() {
        let part = Part::Configuration;
        let mut have = ours();
        have.variables = vec!["A".into(), "B".into()];
        assert_differs(have, "variables: A B -> none", part);
        let mut have = ours();
        have.log_group = "/theirs".into();
        assert_differs(have, &format!("log group: /theirs -> {GROUP}"), part);
        let mut have = ours();
        have.log_format = "JSON".into();
        assert_differs(have, "log format: JSON -> Text", part);
        let mut have = ours();
        have.settings = vec!["layers".into(), "disk".into()];
        assert_differs(have, "settings: layers disk -> none", part);
    }

    #[test]
    fn what_is_stricter_is_said_and_is_no_difference() {
        let have = Have {
            stricter: vec!["key k".into()],
            concurrency: Some(1),
            ..ours()
        };
        assert_eq!(
            warning_of_stricter("f", &have).unwrap(),
            "function f has by somebody's hand: key k, reserved concurrency 1; it stays so"
        );
        assert_eq!(change(have), (Vec::new(), Vec::new()));
        assert_eq!(warning_of_stricter("f", &ours()), None);
        let throttled = Have {
            concurrency: Some(0),
            ..ours()
        };
        assert_eq!(warning_of_stricter("f", &throttled), None);
    }

    #[test]
    fn who_else_may_invoke_it_is_said_and_is_no_difference() {
        let policy = r#"{"Statement":[{"Sid":"a","Effect":"Allow","Principal":"*"},{"Sid":"b","Principal":{"Service":"s3.amazonaws.com"}}]}"#;
        let have = Have {
            invoked_by: invokers(policy),
            ..ours()
        };
        assert_eq!(
            warning_of_invokers("f", &have).unwrap(),
            r#"function f may be invoked by others than its pipeline: permission a for everyone, permission b for {"Service":"s3.amazonaws.com"}; that stays until you take it away"#
        );
        assert_eq!(change(have), (Vec::new(), Vec::new()));
        assert_eq!(warning_of_invokers("f", &ours()), None);
        assert_eq!(invokers("no policy"), Vec::<String>::new());
    }

    #[test]
    fn other_concurrency_and_invocation_are_set_by_their_calls() {
        let mut have = ours();
        have.concurrency = Some(0);
        assert_differs(have, "reserved concurrency: 0 -> none", Part::Concurrency);
        let mut have = ours();
        have.retries = None;
        assert_differs(have, "retries: default -> 0", Part::Invocation);
        let mut have = ours();
        have.destinations = vec!["success".into()];
        assert_differs(have, "destinations: success -> none", Part::Invocation);
        let mut have = ours();
        have.event_age = Some(60);
        assert_differs(have, "event age: 60 -> 900", Part::Invocation);
    }

    #[test]
    fn our_tags_are_put_right_and_others_stay() {
        let mut have = ours();
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.insert("theirs".into(), "x".into());
        have.tags.remove(SOURCE);
        let (differences, parts) = change(have);
        assert_eq!(
            differences,
            [
                "tag Team: nobody -> devops",
                "tag plumbline:source:  -> web"
            ]
        );
        assert_eq!(parts, [Part::Tags]);
    }

    #[test]
    fn all_at_once_takes_each_call_once() {
        let mut have = Have {
            sha: String::new(),
            timeout: 3,
            memory: 128,
            retries: None,
            event_age: None,
            concurrency: Some(0),
            ..ours()
        };
        have.tags.remove("Name");
        have.tags.remove("Team");
        let (_, parts) = change(have);
        assert_eq!(
            parts,
            [
                Part::Code,
                Part::Configuration,
                Part::Invocation,
                Part::Concurrency,
                Part::Tags,
            ]
        );
    }

    #[test]
    fn an_update_that_failed_is_done_again() {
        let why = "the role is gone (InsufficientRolePermissions)";
        let have = Have {
            state: State::UpdateFailed(why.into()),
            ..ours()
        };
        let difference = format!("last update: failed: {why} -> done");
        assert_eq!(
            change(have.clone()),
            (vec![difference], vec![Part::Code, Part::Configuration])
        );
        let differs_as_well = Have {
            timeout: 3,
            retries: None,
            ..have
        };
        let (_, parts) = change(differs_as_well);
        assert_eq!(parts, [Part::Code, Part::Configuration, Part::Invocation]);
    }

    #[test]
    fn a_function_without_our_tag_is_refused() {
        let of_another = ("plumbline:env".to_string(), "production-pr2".to_string());
        for tags in [BTreeMap::new(), BTreeMap::from([of_another])] {
            let have = Have { tags, ..ours() };
            let error = step(&env(), &web(), Some(have)).unwrap_err();
            assert_eq!(
                error.message,
                "function function-web-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
            );
        }
    }

    #[test]
    fn what_no_change_mends_is_refused_with_the_way_out() {
        let image = Have {
            package: "Image".into(),
            ..ours()
        };
        let failed = Have {
            state: State::Failed("no (InternalError)".into()),
            ..ours()
        };
        for (have, message) in [
            (image, "is of package type Image, wanted Zip"),
            (failed, "could not be made: no (InternalError)"),
        ] {
            let error = step(&env(), &web(), Some(have)).unwrap_err();
            assert_eq!(
                error.message,
                format!("function function-web-production-pr1 {message}")
            );
            let hint = error.hint.unwrap();
            let command = "aws lambda delete-function --function-name function-web-production-pr1";
            assert!(hint.starts_with(command), "{hint}");
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
    fn a_name_that_was_cut_is_ours_and_its_tag_says_the_source() {
        let env = Env {
            name: format!("{}-pr1", "e".repeat(32)),
            environment: "e".repeat(32),
            ..env()
        };
        let long = "a".repeat(32);
        let want = want(&env, &long, ROLE, GROUP, &code().unwrap());
        assert_eq!(want.function.len(), FUNCTION_LIMIT);
        assert!(could_be_ours(&env, &want.function));
        assert!(!could_be_ours(&env, "function-web-production-pr2"));
        let tags: BTreeMap<String, String> = want.tags.into_iter().collect();
        assert_eq!(source(&want.function, &tags), long);
        assert_eq!(source(&want.function, &BTreeMap::new()), want.function);
        assert!(want.description.len() <= 256);
    }
}
