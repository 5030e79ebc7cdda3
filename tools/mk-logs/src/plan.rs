//! What a log group should be, what is there, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::name::{FUNCTION_LIMIT, PROJECT_LIMIT, SOURCE, could_be};
use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Half, LogGroup, Record, Result, Wishes};

/// The retention times that PutRetentionPolicy takes, in days (CloudWatch Logs API).
const DAYS: [i32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// What the names of CodeBuild's and Lambda's own log groups begin with.
const CODEBUILD: &str = "/aws/codebuild/";
const LAMBDA: &str = "/aws/lambda/";

/// The tag that says which retention we have set: what differs from it is somebody's own.
const RETENTION: &str = "plumbline:retention";

/// Reads a retention time.
pub fn days(text: &str) -> Result<i32, String> {
    let Ok(days) = text.parse() else {
        return Err(format!("'{text}' is not a number of days"));
    };
    if DAYS.contains(&days) {
        return Ok(days);
    }
    let list: Vec<String> = DAYS.iter().map(i32::to_string).collect();
    let list = list.join(", ");
    Err(format!(
        "CloudWatch Logs keeps events for one of these numbers of days: {list}"
    ))
}

/// A log group as it is to be.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its record's name: `web`, `build/web`.
    pub name: String,
    /// Its name in CloudWatch Logs.
    pub group: String,
    /// For how many days it keeps events.
    pub retention: i32,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// The group of an app's containers.
pub fn want_of_app(env: &Env, app: &str, retention: i32) -> Want {
    let group = env.log_group_name(app);
    Want {
        name: app.into(),
        retention,
        tags: with_retention(env.tags_of_app(&group, app), retention),
        group,
    }
}

fn with_retention(mut tags: Vec<(String, String)>, days: i32) -> Vec<(String, String)> {
    tags.push((RETENTION.into(), days.to_string()));
    tags
}

/// The groups of a source's builds and of its function, where CodeBuild and Lambda look for them.
pub fn wants_of_source(env: &Env, source: &str, retention: i32) -> [Want; 2] {
    let groups = [
        ("build", env.build_log_group_name(source)),
        ("function", env.function_log_group_name(source)),
    ];
    groups.map(|(writer, group)| Want {
        name: format!("{writer}/{source}"),
        retention,
        tags: with_retention(env.tags_of_source(&group, source), retention),
        group,
    })
}

/// The names of all groups that apps and sources want.
pub fn wanted_groups(env: &Env, wishes: &Wishes) -> Vec<String> {
    let mut groups = Vec::new();
    for app in &wishes.apps {
        groups.push(env.log_group_name(app));
    }
    for source in &wishes.sources {
        groups.push(env.build_log_group_name(source));
        groups.push(env.function_log_group_name(source));
    }
    groups
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
    pub created: i64,
    /// What somebody set that makes it stricter, with its value: a key of their own.
    pub stricter: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A part of a log group that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// For how many days it keeps events.
    Retention,
    /// Its tags.
    Tags,
}

/// In what a group differs from what is wanted.
///
/// Errors: it is not the environment's.
pub fn compare(env: &Env, want: &Want, have: &Have) -> Result<Differences<Part>> {
    env.check_ours(format!("log group {}", want.group), &have.tags)?;
    let mut differences = Differences::new();
    if !have.account_decides && !is_kept_longer(want, have) {
        let old = match have.retention {
            Some(days) => days.to_string(),
            None => "for ever".to_string(),
        };
        let retention = Difference::between("retention", old, want.retention);
        differences.extend(in_part(Part::Retention, retention));
    }
    let tags = Difference::of_tags(&have.tags, &want.tags);
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

/// Whether somebody has events kept longer than is asked for: that may be a rule of theirs, and stays.
/// What we have set ourselves may be shortened, and the tag says that. A group that keeps them for ever
/// and has no such tag is one that was left half made, as CreateLogGroup makes it.
fn is_kept_longer(want: &Want, have: &Have) -> bool {
    let set_by_us = have.tags.get(RETENTION);
    match have.retention {
        None => set_by_us.is_some(),
        Some(days) => days > want.retention && set_by_us != Some(&days.to_string()),
    }
}

/// For how many days a group will keep events; without, for ever.
pub fn retention(want: &Want, found: Option<&Have>) -> Option<i32> {
    match found {
        Some(have) if is_kept_longer(want, have) => have.retention,
        _ => Some(want.retention),
    }
}

/// What is said of a group that keeps events longer than is asked for.
pub fn warning_of_retention(want: &Want, have: &Have) -> Option<String> {
    if !is_kept_longer(want, have) || have.account_decides {
        return None;
    }
    let (group, wanted) = (&want.group, want.retention);
    let kept = match have.retention {
        Some(days) => format!("{days} days"),
        None => "for ever".to_string(),
    };
    Some(format!(
        "log group {group} keeps events {kept}, longer than {wanted}: it stays so until you shorten it"
    ))
}

/// What is said of a group that somebody made stricter.
pub fn warning_of_stricter(have: &Have) -> Option<String> {
    if have.stricter.is_empty() {
        return None;
    }
    let (group, stricter) = (&have.group, have.stricter.join(", "));
    Some(format!(
        "log group {group} has by somebody's hand: {stricter}; it stays so"
    ))
}

/// The tags of a group that is made: that its retention is set is said once it is.
pub fn tags_at_first(want: &Want) -> impl Iterator<Item = &(String, String)> {
    want.tags.iter().filter(|(key, _)| key != RETENTION)
}

/// What the names of the environment's groups begin with, one for each listing.
pub fn prefixes(env: &Env) -> [String; 3] {
    [
        env.log_group_name(""),
        format!("{CODEBUILD}build-"),
        format!("{LAMBDA}function-"),
    ]
}

/// Whether a group of this name could be the environment's. Whether it is, its tags say.
pub fn could_be_ours(env: &Env, group: &str) -> bool {
    if let Some(project) = group.strip_prefix(CODEBUILD) {
        return could_be(project, "build", &env.name, PROJECT_LIMIT);
    }
    if let Some(function) = group.strip_prefix(LAMBDA) {
        return could_be(function, "function", &env.name, FUNCTION_LIMIT);
    }
    group.starts_with(&env.log_group_name(""))
}

/// The name of a group's record: the app, or the source by its tag. Without that tag it is the
/// group's whole name, since no two records may have one name.
pub fn record_name(env: &Env, have: &Have) -> String {
    let source = have.tags.get(SOURCE).unwrap_or(&have.group);
    match have.group.strip_prefix(&env.log_group_name("")) {
        Some(app) => app.to_string(),
        None if have.group.starts_with(CODEBUILD) => format!("build/{source}"),
        None => format!("function/{source}"),
    }
}

/// The group of a source that a record names, if that is not the group itself: see [`record_name`].
pub fn own_name_or(source: &str, group: String) -> String {
    if source.starts_with(CODEBUILD) || source.starts_with(LAMBDA) {
        return source.to_string();
    }
    group
}

/// Whether a group is an app's, or of the pipeline that builds a source.
pub fn half(record: &Record) -> Half {
    match record.name().split_once('/') {
        Some(("build" | "function", _)) => Half::Pipelines,
        _ => Half::Services,
    }
}

/// Whether a group is what a late writer of a deleted one made anew: it was made after that one,
/// and nobody gave it a retention or a tag. The tags of the deleted one may show for a moment.
pub fn was_made_by_a_late_writer(deleted: &Have, again: &Have) -> bool {
    again.group == deleted.group
        && (again.tags.is_empty() || again.tags == deleted.tags)
        && (again.retention.is_none() || again.account_decides)
        && again.created > deleted.created
}

/// The ARN of a group, as tags and records take it: without the `:*` that policies want.
pub fn arn(env: &Env, group: &str) -> String {
    env.arn("logs", &format!("log-group:{group}"))
}

/// A group's record.
pub fn record(env: &Env, name: &str, group: &str, retention: Option<i32>) -> Record {
    let record = Record::of(&LogGroup {
        name: name.into(),
        group: group.into(),
        arn: arn(env, group),
        ..LogGroup::default()
    });
    match retention {
        Some(days) => record.with("retention", days),
        None => record,
    }
}

/// The log stream of a container of a task: mk-ecs-svc has the awslogs driver prefix it with the
/// container's name (ECS developer guide, "awslogs-stream-prefix").
pub fn log_stream_name(container: &str, task: &str) -> String {
    format!("{container}/{container}/{task}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "/ecs/production-pr1/web";

    fn env() -> Env {
        Env::example()
    }

    fn ours() -> Have {
        Have {
            group: GROUP.into(),
            retention: Some(30),
            created: 5,
            tags: want_of_app(&env(), "web", 30).tags.into_iter().collect(),
            ..Have::default()
        }
    }

    fn differences(days: i32, have: &Have) -> Vec<String> {
        let want = want_of_app(&env(), "web", days);
        let differences = compare(&env(), &want, have).unwrap();
        let told = differences
            .iter()
            .map(|(part, difference)| format!("{part:?}: {difference}"));
        told.collect()
    }

    #[test]
    fn what_is_as_wanted_does_not_differ() {
        assert_eq!(differences(30, &ours()), Vec::<String>::new());
    }

    #[test]
    fn another_retention_and_other_tags_are_differences() {
        let mut have = Have {
            retention: None,
            ..ours()
        };
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.insert("theirs".into(), "x".into());
        have.tags.remove(RETENTION);
        assert_eq!(
            differences(7, &have),
            [
                "Retention: retention: for ever -> 7",
                "Tags: tag Team: nobody -> devops",
                "Tags: tag plumbline:retention:  -> 7"
            ]
        );
    }

    #[test]
    fn a_retention_that_somebody_took_away_is_said_and_is_no_difference() {
        let have = Have {
            retention: None,
            ..ours()
        };
        assert_eq!(differences(30, &have), Vec::<String>::new());
        let want = want_of_app(&env(), "web", 30);
        assert_eq!(retention(&want, Some(&have)), None);
        assert_eq!(
            warning_of_retention(&want, &have).unwrap(),
            format!(
                "log group {GROUP} keeps events for ever, longer than 30: it stays so until you shorten it"
            )
        );
        // A group that was left half made has no tag that says so yet.
        let half_made = Have {
            tags: tags_at_first(&want).cloned().collect(),
            ..have
        };
        assert_eq!(
            differences(30, &half_made),
            [
                "Retention: retention: for ever -> 30",
                "Tags: tag plumbline:retention:  -> 30"
            ]
        );
        assert_eq!(warning_of_retention(&want, &half_made), None);
        assert_eq!(retention(&want, Some(&half_made)), Some(30));
    }

    #[test]
    fn a_longer_retention_is_said_and_is_no_difference() {
        let have = Have {
            retention: Some(365),
            ..ours()
        };
        assert_eq!(differences(30, &have), Vec::<String>::new());
        let want = want_of_app(&env(), "web", 30);
        assert_eq!(
            warning_of_retention(&want, &have).unwrap(),
            format!(
                "log group {GROUP} keeps events 365 days, longer than 30: it stays so until you shorten it"
            )
        );
        assert_eq!(warning_of_retention(&want, &ours()), None);
        assert_eq!(
            differences(400, &have),
            [
                "Retention: retention: 365 -> 400",
                "Tags: tag plumbline:retention: 30 -> 400"
            ]
        );
    }

    #[test]
    fn what_we_have_set_ourselves_is_shortened_by_what_is_asked_for_then() {
        assert_eq!(
            differences(7, &ours()),
            [
                "Retention: retention: 30 -> 7",
                "Tags: tag plumbline:retention: 30 -> 7"
            ]
        );
        let want = want_of_app(&env(), "web", 7);
        assert_eq!(warning_of_retention(&want, &ours()), None);
        assert_eq!(retention(&want, Some(&ours())), Some(7));
        // Cut off between the two, the next run sets the tag.
        let cut = Have {
            retention: Some(7),
            ..ours()
        };
        assert_eq!(
            differences(7, &cut),
            ["Tags: tag plumbline:retention: 30 -> 7"]
        );
    }

    #[test]
    fn what_is_stricter_is_said_and_is_no_difference() {
        assert_eq!(warning_of_stricter(&ours()), None);
        let have = Have {
            stricter: vec!["key arn:k".into(), "deletion protection".into()],
            ..ours()
        };
        assert_eq!(differences(30, &have), Vec::<String>::new());
        assert_eq!(
            warning_of_stricter(&have).unwrap(),
            format!(
                "log group {GROUP} has by somebody's hand: key arn:k, deletion protection; it stays so"
            )
        );
    }

    #[test]
    fn a_retention_that_the_account_decides_is_no_difference() {
        let have = Have {
            retention: Some(7),
            account_decides: true,
            ..ours()
        };
        assert_eq!(differences(30, &have), Vec::<String>::new());
    }

    #[test]
    fn a_group_without_our_tag_is_refused() {
        let have = Have {
            tags: BTreeMap::new(),
            ..ours()
        };
        let want = want_of_app(&env(), "web", 30);
        let error = compare(&env(), &want, &have).unwrap_err();
        assert_eq!(
            error.message,
            "log group /ecs/production-pr1/web exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn only_an_untouched_later_group_of_the_same_name_is_a_late_writers() {
        let again = Have {
            created: 6,
            retention: None,
            tags: BTreeMap::new(),
            ..ours()
        };
        let tags_that_lag = Have {
            tags: ours().tags,
            ..again.clone()
        };
        for have in [&again, &tags_that_lag] {
            assert!(was_made_by_a_late_writer(&ours(), have), "{have:?}");
        }

        let not_later = Have {
            created: 5,
            ..again.clone()
        };
        let with_retention = Have {
            retention: Some(30),
            ..again.clone()
        };
        let with_tags = Have {
            tags: BTreeMap::from([("Team".to_string(), "theirs".to_string())]),
            ..again.clone()
        };
        let of_another_name = Have {
            group: "/ecs/production-pr1/api".into(),
            ..again
        };
        for have in [not_later, with_retention, with_tags, of_another_name] {
            assert!(!was_made_by_a_late_writer(&ours(), &have), "{have:?}");
        }
    }

    #[test]
    fn a_record_holds_name_group_arn_and_retention() {
        assert_eq!(
            serde_json::to_string(&record(&env(), "web", GROUP, Some(30))).unwrap(),
            r#"{"type":"log_group","name":"web","group":"/ecs/production-pr1/web","arn":"arn:aws:logs:us-east-1:123456789012:log-group:/ecs/production-pr1/web","retention":30}"#
        );
        assert_eq!(record_name(&env(), &ours()), "web");
    }

    #[test]
    fn only_the_days_that_aws_takes_are_taken() {
        assert_eq!(days("30"), Ok(30));
        assert!(days("31").unwrap_err().contains("14, 30, 60"));
        assert_eq!(days("month"), Err("'month' is not a number of days".into()));
    }

    #[test]
    fn a_source_has_a_group_for_its_builds_and_one_for_its_function() {
        let [build, function] = wants_of_source(&env(), "web", 7);
        assert_eq!(
            (build.name.as_str(), build.group.as_str()),
            ("build/web", "/aws/codebuild/build-web-production-pr1")
        );
        assert_eq!(
            (function.name.as_str(), function.group.as_str()),
            ("function/web", "/aws/lambda/function-web-production-pr1")
        );
        for want in [build, function] {
            let have = Have {
                group: want.group,
                tags: want.tags.into_iter().collect(),
                ..Have::default()
            };
            assert_eq!(record_name(&env(), &have), want.name);
        }
    }

    #[test]
    fn only_what_could_be_the_environments_is_looked_at() {
        for (group, ours) in [
            ("/ecs/production-pr1/web", true),
            ("/ecs/production-pr12/web", false),
            ("/aws/codebuild/build-web-production-pr1", true),
            ("/aws/codebuild/build-web-production-pr2", false),
            ("/aws/lambda/function-web-production-pr1", true),
            ("/aws/lambda/function-web-production-pr2", false),
        ] {
            assert_eq!(could_be_ours(&env(), group), ours, "{group}");
        }
        let long = Env {
            name: format!("{}-pr1", "e".repeat(32)),
            environment: "e".repeat(32),
            ..env()
        };
        let that_was_cut = long.function_log_group_name(&"a".repeat(32));
        assert!(could_be_ours(&long, &that_was_cut));
    }

    #[test]
    fn the_groups_of_apps_serve_and_those_of_sources_build() {
        for (name, serves) in [("web", true), ("build/web", false), ("function/web", false)] {
            let record = Record::new("log_group", name);
            assert_eq!(Half::ByRecord(half).serves(&record), serves, "{name}");
        }
    }
}
