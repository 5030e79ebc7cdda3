//! What a log group should be, what is there, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::name::{FUNCTION_LIMIT, PROJECT_LIMIT, SOURCE, could_be};
use plumbing::{Difference, Env, Error, LogGroup, Record, Result, Step};

/// The retention times that PutRetentionPolicy takes, in days (CloudWatch Logs API).
const DAYS: [i32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// Reads a retention time.
pub fn days(text: &str) -> Result<i32, String> {
    let days = text
        .parse()
        .map_err(|_| format!("'{text}' is not a number of days"))?;
    if DAYS.contains(&days) {
        return Ok(days);
    }
    let list: Vec<String> = DAYS.iter().map(i32::to_string).collect();
    Err(format!(
        "CloudWatch Logs keeps events for one of these numbers of days: {}",
        list.join(", ")
    ))
}

/// A log group as it is to be.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its record's name: `web`, `build/web`.
    pub name: String,
    /// Its name in CloudWatch Logs.
    pub group: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// The group of an app's containers.
pub fn of_app(env: &Env, app: &str) -> Want {
    let group = env.log_group_name(app);
    Want {
        name: app.into(),
        tags: env.tags_of(&group),
        group,
    }
}

/// The groups of a source's builds and of its function, where CodeBuild and Lambda look for them.
pub fn of_source(env: &Env, source: &str) -> [Want; 2] {
    [
        ("build", env.build_log_group_name(source)),
        ("function", env.function_log_group_name(source)),
    ]
    .map(|(kind, group)| Want {
        name: format!("{kind}/{source}"),
        tags: env.tags_of_source(&group, source),
        group,
    })
}

/// A log group that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its name in CloudWatch Logs.
    pub group: String,
    /// For how many days it keeps events; without, for ever.
    pub retention: Option<i32>,
    /// Whether a policy of the account decides that, above what is asked for here.
    pub account_decides: bool,
    /// When it was made, in milliseconds since 1970.
    pub made: i64,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Decides what is to be done.
///
/// Errors: a group of that name is there and not the environment's.
pub fn step(env: &Env, want: &Want, days: i32, have: Option<&Have>) -> Result<Step> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    if !env.owns(&have.tags) {
        return Err(foreign(env, &want.group));
    }
    let old = have
        .retention
        .map_or("for ever".to_string(), |days| days.to_string());
    let retention = Difference::between("retention", old, days).filter(|_| !have.account_decides);
    let tags = Difference::of_tags(&have.tags, &want.tags);
    Ok(Step::Change(retention.into_iter().chain(tags).collect()))
}

/// What is said of a group that is not the environment's.
pub fn foreign(env: &Env, group: &str) -> Error {
    Error::refused(format!(
        "log group {group} exists and is not tagged plumbline:env={}; it is left alone",
        env.name
    ))
    .hint("delete it, or name the environment or the app otherwise")
}

/// Whether the retention is among the differences.
pub fn retention_differs(differences: &[Difference]) -> bool {
    differences
        .iter()
        .any(|difference| difference.field == "retention")
}

/// Whether a tag is among the differences.
pub fn tags_differ(differences: &[Difference]) -> bool {
    differences
        .iter()
        .any(|difference| difference.field.starts_with("tag "))
}

/// Where the groups of an environment are: what their names begin with, and which of those could be
/// the environment's. Whether they are, their tags say.
pub fn places(env: &Env) -> [(String, Sieve); 3] {
    [
        (env.log_group_name(""), |_, _| true),
        ("/aws/codebuild/build-".into(), |env, group| {
            group
                .strip_prefix("/aws/codebuild/")
                .is_some_and(|name| could_be(name, "build", &env.name, PROJECT_LIMIT))
        }),
        ("/aws/lambda/function-".into(), |env, group| {
            group
                .strip_prefix("/aws/lambda/")
                .is_some_and(|name| could_be(name, "function", &env.name, FUNCTION_LIMIT))
        }),
    ]
}

/// Whether a group of this name could be the environment's.
pub type Sieve = fn(&Env, &str) -> bool;

/// The name of a group's record: the app, or the source by its tag; without that, all it is called,
/// since no two records may have one name.
pub fn name(env: &Env, have: &Have) -> String {
    let source = have.tags.get(SOURCE).unwrap_or(&have.group);
    match have.group.strip_prefix(&env.log_group_name("")) {
        Some(app) => app.to_string(),
        None if have.group.starts_with("/aws/codebuild/") => format!("build/{source}"),
        None => format!("function/{source}"),
    }
}

/// Whether a group is what a late writer of a deleted one made anew: it was made after that one,
/// and nobody gave it a retention or a tag. The tags of the deleted one may show for a moment.
pub fn reborn(deleted: &Have, again: &Have) -> bool {
    again.group == deleted.group
        && (again.tags.is_empty() || again.tags == deleted.tags)
        && (again.retention.is_none() || again.account_decides)
        && again.made > deleted.made
}

/// The ARN of a group, as tags and records take it: without the `:*` that policies want.
pub fn arn(env: &Env, group: &str) -> String {
    env.arn("logs", &format!("log-group:{group}"))
}

/// A group's record.
pub fn record(env: &Env, name: &str, group: &str, retention: Option<i32>) -> Record {
    let arn = arn(env, group);
    let record = Record::of(&LogGroup {
        name: name.into(),
        group: group.into(),
        arn,
        ..LogGroup::default()
    });
    match retention {
        Some(days) => record.with("retention", days),
        None => record,
    }
}

/// The log stream of an app's task: mk-ecs-svc has the awslogs driver prefix it with the app, which is
/// also the container's name (ECS developer guide, "awslogs-stream-prefix").
pub fn stream_of_task(app: &str, task: &str) -> String {
    format!("{app}/{app}/{task}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/ecs/production-pr1/web";

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn ours() -> Have {
        let tags = env().tags_of(GROUP).into_iter().collect();
        Have {
            group: GROUP.into(),
            retention: Some(30),
            made: 5,
            tags,
            ..Have::default()
        }
    }

    fn fields(step: Result<Step>) -> Vec<String> {
        match step.unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences
                .iter()
                .map(|d| format!("{}: {} -> {}", d.field, d.old, d.new))
                .collect(),
        }
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(
            step(&env(), &of_app(&env(), "web"), 30, None).unwrap(),
            Step::Create
        );
        assert_eq!(
            fields(step(&env(), &of_app(&env(), "web"), 30, Some(&ours()))),
            Vec::<String>::new()
        );
    }

    #[test]
    fn another_retention_and_other_tags_are_differences() {
        let mut have = Have {
            retention: None,
            ..ours()
        };
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.insert("theirs".into(), "x".into());
        assert_eq!(
            fields(step(&env(), &of_app(&env(), "web"), 7, Some(&have))),
            ["retention: for ever -> 7", "tag Team: nobody -> devops"]
        );
    }

    #[test]
    fn a_retention_that_the_account_decides_is_no_difference() {
        let have = Have {
            retention: Some(7),
            account_decides: true,
            ..ours()
        };
        assert_eq!(
            fields(step(&env(), &of_app(&env(), "web"), 30, Some(&have))),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_group_without_our_tag_is_refused() {
        let have = Have {
            tags: BTreeMap::new(),
            ..ours()
        };
        let error = step(&env(), &of_app(&env(), "web"), 30, Some(&have)).unwrap_err();
        assert_eq!(
            error.message,
            "log group /ecs/production-pr1/web exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn only_an_untouched_later_group_of_the_same_name_was_reborn() {
        let again = Have {
            made: 6,
            retention: None,
            tags: BTreeMap::new(),
            ..ours()
        };
        assert!(reborn(&ours(), &again));
        assert!(
            reborn(
                &ours(),
                &Have {
                    tags: ours().tags,
                    ..again.clone()
                }
            ),
            "tags that lag behind"
        );
        for other in [
            Have {
                made: 5,
                ..again.clone()
            },
            Have {
                retention: Some(30),
                ..again.clone()
            },
            Have {
                tags: BTreeMap::from([("Team".to_string(), "theirs".to_string())]),
                ..again.clone()
            },
            Have {
                group: "/ecs/production-pr1/api".into(),
                ..again
            },
        ] {
            assert!(!reborn(&ours(), &other), "{other:?}");
        }
    }

    #[test]
    fn a_record_holds_name_group_arn_and_retention() {
        assert_eq!(
            serde_json::to_string(&record(&env(), "web", GROUP, Some(30))).unwrap(),
            r#"{"type":"log_group","name":"web","group":"/ecs/production-pr1/web","arn":"arn:aws:logs:us-east-1:123456789012:log-group:/ecs/production-pr1/web","retention":30}"#
        );
        assert_eq!(name(&env(), &ours()), "web");
    }

    #[test]
    fn only_the_days_that_aws_takes_are_taken() {
        assert_eq!(days("30"), Ok(30));
        assert!(days("31").unwrap_err().contains("14, 30, 60"));
        assert_eq!(days("month"), Err("'month' is not a number of days".into()));
    }

    #[test]
    fn a_source_has_a_group_for_its_builds_and_one_for_its_function() {
        let wants = of_source(&env(), "web");
        let names = wants.clone().map(|want| (want.name, want.group));
        assert_eq!(
            names,
            [
                (
                    "build/web".to_string(),
                    "/aws/codebuild/build-web-production-pr1".to_string()
                ),
                (
                    "function/web".to_string(),
                    "/aws/lambda/function-web-production-pr1".to_string()
                )
            ]
        );
        for want in wants {
            let have = Have {
                group: want.group,
                tags: want.tags.into_iter().collect(),
                ..Have::default()
            };
            assert_eq!(name(&env(), &have), want.name);
        }
    }

    #[test]
    fn only_what_could_be_the_environments_is_looked_at() {
        let env = env();
        let [_, (_, builds), (_, functions)] = places(&env);
        assert!(builds(&env, "/aws/codebuild/build-web-production-pr1"));
        assert!(!builds(&env, "/aws/codebuild/build-web-production-pr2"));
        assert!(functions(&env, "/aws/lambda/function-web-production-pr1"));
        assert!(!functions(&env, "/aws/lambda/function-web-production-pr2"));
        let long = Env {
            name: format!("{}-pr1", "e".repeat(32)),
            ..env
        };
        assert!(
            functions(&long, &long.function_log_group_name(&"a".repeat(32))),
            "a name that was cut"
        );
    }
}
