//! What a build project should be, what is there, and what follows. Pure.

mod stricter;

use std::collections::{BTreeMap, BTreeSet};

use plumbing::name::SOURCE;
use plumbing::step::in_part;
use plumbing::{Build, Difference, Env, Record, Result, Source, Step};

pub use stricter::warning_of_stricter;
use stricter::{queued_timeout, timeout};

/// What every build does.
const BUILDSPEC: &str = include_str!("../buildspec.yml");
/// Source and artifacts of a project that a pipeline starts: the pipeline brings the source and takes
/// the artifacts.
const PIPELINE: &str = "CODEPIPELINE";
/// The image that builds run in. It has docker, whose daemon runs in privileged mode alone.
const IMAGE: &str = "aws/codebuild/amazonlinux-x86_64-standard:5.0";
/// The cache of a project whose builds find nothing again on their hosts.
pub const NO_CACHE: &str = "NO_CACHE";
/// For how many minutes a build may wait for its turn, where the account lets few run at once.
const QUEUED_TIMEOUT: i32 = 60;
/// The tag that says which timeout we have set: what is lower and differs from it is somebody's own.
const TIMEOUT: &str = "plumbline:timeout";

/// What the flags say about all builds.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// After how many minutes a build is given up.
    pub timeout: i32,
    /// Whether a build may find the image layers of an earlier one on its host.
    pub keeps_layers: bool,
}

/// A build project, as it is to be or as it is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// Its name in CodeBuild.
    pub name: String,
    /// What it is for, in words for people.
    pub description: String,
    /// The ARN of the role of its builds.
    pub role: String,
    /// Where the source comes from.
    pub source: String,
    /// Where artifacts go.
    pub artifacts: String,
    /// What a build does.
    pub buildspec: String,
    /// What kind of machine a build runs on.
    pub environment: String,
    /// How large that machine is.
    pub compute: String,
    /// The image in which a build runs.
    pub image: String,
    /// Whether it may run docker.
    pub privileged: bool,
    /// The variables that the buildspec reads.
    pub variables: BTreeMap<String, String>,
    /// After how many minutes a build is given up.
    pub timeout: i32,
    /// For how many minutes it may wait for its turn.
    pub queued_timeout: i32,
    /// What a build may find again on its host: the type of the cache and its modes, by blanks.
    pub cache: String,
    /// The log group; where it is not used as it is to be, with more words.
    pub log: String,
    /// Whether builds log to S3.
    pub s3_log: String,
    /// What else is set and is to be taken away, by name: file systems, other sources, and so on.
    pub settings: Vec<String>,
    /// What else is set and stays, with its value: a VPC, a key, how many builds may run at once.
    pub stricter: Vec<String>,
    /// Whether its builds and their logs can be read by everyone, which is set by a call of its own.
    pub is_public: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// The project of a source.
pub fn want(env: &Env, source: &Source, role: &str, group: &str, options: &Options) -> Project {
    let name = env.project_name(&source.name);
    let mut tags = env.tags_of_source(&name, &source.name);
    tags.push((TIMEOUT.into(), options.timeout.to_string()));
    let variables = BTreeMap::from([
        // What an image is called in imagedefinitions.json: the container of the app of that name.
        ("CONTAINER".to_string(), source.name.clone()),
        ("CONTEXT".to_string(), source.context.clone()),
        ("DOCKERFILE".to_string(), source.dockerfile.clone()),
        (
            "REPOSITORY_URI".to_string(),
            env.repository_uri(&source.name),
        ),
        ("REGISTRY".to_string(), env.registry()),
    ]);
    let cache = if options.keeps_layers {
        "LOCAL LOCAL_DOCKER_LAYER_CACHE"
    } else {
        NO_CACHE
    };
    Project {
        description: format!("Image of {} from {}", source.name, source.repository),
        role: role.into(),
        source: PIPELINE.into(),
        artifacts: PIPELINE.into(),
        buildspec: BUILDSPEC.into(),
        environment: "LINUX_CONTAINER".into(),
        compute: "BUILD_GENERAL1_SMALL".into(),
        image: IMAGE.into(),
        privileged: true,
        variables,
        timeout: options.timeout,
        queued_timeout: QUEUED_TIMEOUT,
        cache: cache.into(),
        log: group.into(),
        s3_log: "DISABLED".into(),
        settings: Vec::new(),
        stricter: Vec::new(),
        is_public: false,
        tags: tags.into_iter().collect(),
        name,
    }
}

/// A part of a project that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// All of it: UpdateProject takes the settings and the tags together.
    All,
}

/// Decides what is to be done.
///
/// Errors: a project of that name is there and not the environment's.
pub fn step(env: &Env, want: &Project, have: Option<Project>) -> Result<Step<Project, Part>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    env.check_ours(format!("build project {}", want.name), &have.tags)?;
    let differences = in_part(Part::All, differences(want, &have)).collect();
    Ok(Step::from_differences(have, differences))
}

/// In what a project differs from what is wanted.
fn differences(want: &Project, have: &Project) -> Vec<Difference> {
    let settings = if have.settings.is_empty() {
        "none".to_string()
    } else {
        have.settings.join(", ")
    };
    let fields = [
        Difference::between("description", &have.description, &want.description),
        Difference::between("role", &have.role, &want.role),
        Difference::between("source", &have.source, &want.source),
        Difference::between("artifacts", &have.artifacts, &want.artifacts),
        difference_of_buildspecs(want, have),
        Difference::between("environment", &have.environment, &want.environment),
        Difference::between("compute", &have.compute, &want.compute),
        Difference::between("image", &have.image, &want.image),
        Difference::between("privileged", have.privileged, want.privileged),
        Difference::between("timeout", have.timeout, timeout(want, have)),
        Difference::between("queued timeout", have.queued_timeout, queued_timeout(have)),
        Difference::between("cache", &have.cache, &want.cache),
        Difference::between("log group", &have.log, &want.log),
        Difference::between("log in S3", &have.s3_log, &want.s3_log),
        Difference::between("settings", settings, "none"),
    ];
    let tags: Vec<(String, String)> = want.tags.clone().into_iter().collect();
    let mut differences: Vec<Difference> = fields.into_iter().flatten().collect();
    differences.extend(differences_of_variables(want, have));
    differences.extend(Difference::of_tags(&have.tags, &tags));
    differences
}

/// Two buildspecs are not shown line by line; blanks at their ends are no difference.
fn difference_of_buildspecs(want: &Project, have: &Project) -> Option<Difference> {
    if have.buildspec.trim() == want.buildspec.trim() {
        return None;
    }
    Some(Difference {
        field: "buildspec".into(),
        old: "another".into(),
        new: "this version's".into(),
    })
}

/// A variable that others set is taken away. No value is shown: it may be a secret.
fn differences_of_variables(want: &Project, have: &Project) -> Vec<Difference> {
    let names: BTreeSet<&String> = have.variables.keys().chain(want.variables.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let old = have.variables.get(name).map(String::as_str);
        let new = want.variables.get(name).map(String::as_str);
        let difference = Difference::of_values(&format!("variable {name}"), old, new);
        differences.extend(difference);
    }
    differences
}

/// What is said of a project whose builds somebody let everyone read: that stays.
pub fn warning_of_visibility(have: &Project) -> Option<String> {
    if !have.is_public {
        return None;
    }
    Some(format!(
        "the builds of project {} and their logs can be read by everyone: that stays until you change its visibility to PRIVATE",
        have.name
    ))
}

/// The project as an update has to say it: with the tags that others added and their lower timeouts,
/// and the settings that are to be taken away.
pub fn with_others(want: &Project, have: &Project) -> Project {
    let mut tags = have.tags.clone();
    tags.extend(want.tags.clone());
    Project {
        tags,
        settings: have.settings.clone(),
        timeout: timeout(want, have),
        queued_timeout: queued_timeout(have),
        ..want.clone()
    }
}

/// The source that a project is of, by its tag: a name that was cut does not say it. Without that
/// tag it is the project's own name, since no two records may have one name.
pub fn source(have: &Project) -> &str {
    have.tags.get(SOURCE).unwrap_or(&have.name)
}

/// The record of a project's source, with what only the project knows of it; the pipeline knows the
/// rest.
pub fn source_record(have: &Project) -> Record {
    let mut record = Record::new("source", source(have));
    for (variable, field) in [("CONTEXT", "context"), ("DOCKERFILE", "dockerfile")] {
        if let Some(value) = have.variables.get(variable) {
            record = record.with(field, value.as_str());
        }
    }
    record
}

/// A project's record.
pub fn record(env: &Env, source: &str, project: &str) -> Record {
    let arn = env.arn("codebuild", &format!("project/{project}"));
    Record::of(&Build {
        name: source.into(),
        arn,
        project: project.into(),
        ..Build::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/x";
    const GROUP: &str = "/aws/codebuild/x";

    const OPTIONS: Options = Options {
        timeout: 30,
        keeps_layers: true,
    };

    fn env() -> Env {
        Env::example()
    }

    fn web() -> Source {
        serde_json::from_str(r#"{"name":"web","repository":"owner/web"}"#).unwrap()
    }

    fn wanted() -> Project {
        want(&env(), &web(), ROLE, GROUP, &OPTIONS)
    }

    fn differences(have: Project) -> Vec<String> {
        let differences = match step(&env(), &wanted(), Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Keep(_) => Vec::new(),
            Step::Change(_, differences) => differences,
        };
        let differences = differences.iter();
        differences
            .map(|(_, difference)| difference.to_string())
            .collect()
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), &wanted(), None).unwrap(), Step::Create);
        assert_eq!(
            step(&env(), &wanted(), Some(wanted())).unwrap(),
            Step::Keep(wanted())
        );
    }

    #[test]
    fn a_pipelines_project_runs_docker_on_a_small_machine() {
        let want = wanted();
        assert_eq!(want.source, "CODEPIPELINE");
        assert_eq!(want.artifacts, "CODEPIPELINE");
        assert_eq!(want.environment, "LINUX_CONTAINER");
        assert_eq!(want.compute, "BUILD_GENERAL1_SMALL");
        assert!(want.privileged);
        assert_eq!((want.timeout, want.queued_timeout), (30, 60));
        assert_eq!(want.cache, "LOCAL LOCAL_DOCKER_LAYER_CACHE");
    }

    #[test]
    fn the_flags_decide_timeout_and_cache() {
        let options = Options {
            timeout: 5,
            keeps_layers: false,
        };
        let want = want(&env(), &web(), "", "", &options);
        assert_eq!((want.timeout, want.cache.as_str()), (5, "NO_CACHE"));
    }

    #[test]
    fn what_differs_between_sources_is_in_variables_and_no_buildspec_differs() {
        let source = Source {
            name: "api".into(),
            context: "src/api".into(),
            ..web()
        };
        let api = want(&env(), &source, "", "", &OPTIONS);
        let registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        let expected = BTreeMap::from([
            ("CONTAINER".to_string(), "api".to_string()),
            ("CONTEXT".to_string(), "src/api".to_string()),
            ("DOCKERFILE".to_string(), "Dockerfile".to_string()),
            ("REGISTRY".to_string(), registry.to_string()),
            (
                "REPOSITORY_URI".to_string(),
                format!("{registry}/repo-api-production-pr1"),
            ),
        ]);
        assert_eq!(api.variables, expected);
        assert_eq!(api.buildspec, wanted().buildspec);
        for name in api.variables.keys() {
            assert!(BUILDSPEC.contains(&format!("${name}")), "{name}");
        }
    }

    #[test]
    fn in_china_the_registry_has_another_domain() {
        let env = Env {
            region: "cn-north-1".into(),
            ..env()
        };
        assert_eq!(
            env.registry(),
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"
        );
    }

    #[test]
    fn what_differs_in_what_is_built_is_shown() {
        let mut have = wanted();
        have.description = "x".into();
        assert_eq!(
            differences(have),
            ["description: x -> Image of web from owner/web"]
        );
        let mut have = wanted();
        have.role = "x".into();
        assert_eq!(differences(have), [format!("role: x -> {ROLE}")]);
        let mut have = wanted();
        have.source = "x".into();
        assert_eq!(differences(have), ["source: x -> CODEPIPELINE"]);
        let mut have = wanted();
        have.artifacts = "x".into();
        assert_eq!(differences(have), ["artifacts: x -> CODEPIPELINE"]);
        let mut have = wanted();
        have.buildspec = "x".into();
        assert_eq!(differences(have), ["buildspec: another -> this version's"]);
    }

    #[test]
    fn what_differs_in_the_machine_is_shown() {
        let mut have = wanted();
        have.environment = "x".into();
        assert_eq!(differences(have), ["environment: x -> LINUX_CONTAINER"]);
        let mut have = wanted();
        have.compute = "x".into();
        assert_eq!(differences(have), ["compute: x -> BUILD_GENERAL1_SMALL"]);
        let mut have = wanted();
        have.image = "x".into();
        assert_eq!(differences(have), [format!("image: x -> {IMAGE}")]);
        let mut have = wanted();
        have.privileged = false;
        assert_eq!(differences(have), ["privileged: false -> true"]);
        let mut have = wanted();
        have.cache = "NO_CACHE".into();
        assert_eq!(
            differences(have),
            ["cache: NO_CACHE -> LOCAL LOCAL_DOCKER_LAYER_CACHE"]
        );
    }

    #[test]
    fn what_differs_in_times_logs_and_other_settings_is_shown() {
        let mut have = wanted();
        have.timeout = 60;
        assert_eq!(differences(have), ["timeout: 60 -> 30"]);
        let mut have = wanted();
        have.queued_timeout = 480;
        assert_eq!(differences(have), ["queued timeout: 480 -> 60"]);
        let mut have = wanted();
        have.log = "x".into();
        assert_eq!(differences(have), [format!("log group: x -> {GROUP}")]);
        let mut have = wanted();
        have.s3_log = "ENABLED".into();
        assert_eq!(differences(have), ["log in S3: ENABLED -> DISABLED"]);
        let mut have = wanted();
        have.settings = vec!["file systems".into(), "fleet".into()];
        assert_eq!(differences(have), ["settings: file systems, fleet -> none"]);
    }

    #[test]
    fn what_is_stricter_stays_and_is_said() {
        assert_eq!(warning_of_stricter(&wanted(), &wanted()), None);
        let have = Project {
            timeout: 10,
            queued_timeout: 5,
            stricter: vec!["VPC vpc-1".into()],
            ..wanted()
        };
        assert_eq!(differences(have.clone()), Vec::<String>::new());
        assert_eq!(
            warning_of_stricter(&wanted(), &have).unwrap(),
            "build project build-web-production-pr1 has by somebody's hand: VPC vpc-1, timeout 10, queued timeout 5; it stays so"
        );
        let update = with_others(&wanted(), &have);
        assert_eq!((update.timeout, update.queued_timeout), (10, 5));
    }

    #[test]
    fn a_timeout_that_we_have_set_ourselves_is_raised() {
        let options = Options {
            timeout: 45,
            ..OPTIONS
        };
        let want = want(&env(), &web(), ROLE, GROUP, &options);
        let differences = super::differences(&want, &wanted());
        let told: Vec<String> = differences.iter().map(Difference::to_string).collect();
        assert_eq!(
            told,
            ["timeout: 30 -> 45", "tag plumbline:timeout: 30 -> 45"]
        );
        assert_eq!(warning_of_stricter(&want, &wanted()), None);
    }

    #[test]
    fn blanks_at_the_end_of_the_buildspec_are_no_difference() {
        let have = Project {
            buildspec: wanted().buildspec.trim_end().into(),
            ..wanted()
        };
        assert_eq!(differences(have), Vec::<String>::new());
    }

    #[test]
    fn variables_are_put_right_and_those_of_others_taken_away_unseen() {
        let mut have = wanted();
        have.variables.insert("CONTEXT".into(), "src".into());
        have.variables.insert("PASSWORD".into(), "hunter2".into());
        have.variables.remove("REGISTRY");
        assert_eq!(
            differences(have),
            [
                "variable CONTEXT: set -> changed",
                "variable PASSWORD: set -> none",
                "variable REGISTRY: none -> set"
            ]
        );
    }

    #[test]
    fn builds_that_everyone_can_read_are_said() {
        assert_eq!(warning_of_visibility(&wanted()), None);
        let have = Project {
            is_public: true,
            ..wanted()
        };
        let line = warning_of_visibility(&have).unwrap();
        assert!(line.contains("can be read by everyone"), "{line}");
        assert_eq!(differences(have), Vec::<String>::new());
    }

    #[test]
    fn our_tags_are_put_right_and_those_of_others_said_again() {
        let mut have = wanted();
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.insert("theirs".into(), "x".into());
        have.tags.remove(SOURCE);
        assert_eq!(
            differences(have.clone()),
            [
                "tag Team: nobody -> devops",
                "tag plumbline:source:  -> web"
            ]
        );
        let update = with_others(&wanted(), &have);
        let tags = ["Team", "theirs", SOURCE].map(|key| update.tags[key].as_str());
        assert_eq!(tags, ["devops", "x", "web"]);
        let without_tags_of_others = Project {
            tags: wanted().tags,
            ..update
        };
        assert_eq!(without_tags_of_others, wanted());
    }

    #[test]
    fn a_project_without_our_tag_is_refused() {
        let have = Project {
            tags: BTreeMap::new(),
            ..wanted()
        };
        let error = step(&env(), &wanted(), Some(have)).unwrap_err();
        assert_eq!(
            error.message,
            "build project build-web-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn a_record_holds_source_arn_and_project() {
        let want = wanted();
        assert_eq!(
            serde_json::to_string(&record(&env(), source(&want), &want.name)).unwrap(),
            r#"{"type":"build","name":"web","arn":"arn:aws:codebuild:us-east-1:123456789012:project/build-web-production-pr1","project":"build-web-production-pr1"}"#
        );
        let untagged = Project {
            tags: BTreeMap::new(),
            ..want
        };
        assert_eq!(source(&untagged), "build-web-production-pr1");
    }

    #[test]
    fn a_project_tells_of_its_source_what_the_pipeline_does_not() {
        assert_eq!(
            serde_json::to_string(&source_record(&wanted())).unwrap(),
            r#"{"type":"source","name":"web","context":".","dockerfile":"Dockerfile"}"#
        );
    }

    #[test]
    fn the_longest_names_fit() {
        let owner = "o".repeat(100);
        let source = Source {
            name: "n".repeat(32),
            repository: format!("{owner}/{}", "r".repeat(100)),
            ..web()
        };
        let suffix = "s".repeat(32);
        let env = Env {
            name: format!("{}-{suffix}", "e".repeat(32)),
            ..env()
        };
        let want = want(&env, &source, "", "", &OPTIONS);
        assert!(want.description.len() <= 255 && want.name.len() <= 150);
    }
}
