//! What a build project should be, what is there, and what follows. Pure.

use std::collections::{BTreeMap, BTreeSet};

use plumbing::name::SOURCE;
use plumbing::step::in_part;
use plumbing::{Build, Difference, Env, Record, Result, Source, Step};

/// What every build does.
const BUILDSPEC: &str = include_str!("../buildspec.yml");
/// Source and artifacts of a project that a pipeline starts: it brings the one and takes the other.
const PIPELINE: &str = "CODEPIPELINE";
/// Has docker; its daemon runs in privileged mode alone.
const IMAGE: &str = "aws/codebuild/amazonlinux-x86_64-standard:5.0";
/// For how many minutes a build may wait for its turn, where the account lets few run at once.
const QUEUED_TIMEOUT: i32 = 60;

/// What is wanted of all builds.
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
    /// What people read of it.
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
    /// How large that is.
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
    /// What may be found again on a host: a type, and what of it.
    pub cache: String,
    /// The log group; nothing else where it is used as it is to be.
    pub log: String,
    /// Whether builds log to S3.
    pub s3_log: String,
    /// What else is set, by name: a VPC, a key that the role may not use, and so on.
    pub settings: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// The project of a source.
pub fn want(env: &Env, source: &Source, role: &str, group: &str, options: &Options) -> Project {
    let name = env.project_name(&source.name);
    let variables = [
        // What an image is called in imagedefinitions.json: the container of the app of that name.
        ("CONTAINER", source.name.clone()),
        ("CONTEXT", source.context.clone()),
        ("DOCKERFILE", source.dockerfile.clone()),
        ("REPOSITORY_URI", env.repository_uri(&source.name)),
        ("REGISTRY", env.registry()),
    ];
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
        variables: variables
            .map(|(name, value)| (name.to_string(), value))
            .into(),
        timeout: options.timeout,
        queued_timeout: QUEUED_TIMEOUT,
        cache: if options.keeps_layers {
            "LOCAL LOCAL_DOCKER_LAYER_CACHE"
        } else {
            "NO_CACHE"
        }
        .into(),
        log: group.into(),
        s3_log: "DISABLED".into(),
        settings: Vec::new(),
        tags: env
            .tags_of_source(&name, &source.name)
            .into_iter()
            .collect(),
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
        Difference::between("timeout", have.timeout, want.timeout),
        Difference::between("queued timeout", have.queued_timeout, want.queued_timeout),
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

/// A variable that others set is taken away, and its value not shown: it may be a secret.
fn differences_of_variables(want: &Project, have: &Project) -> Vec<Difference> {
    let names: BTreeSet<&String> = have.variables.keys().chain(want.variables.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let old = have.variables.get(name).map(String::as_str);
        let new = want.variables.get(name).map(String::as_str);
        let old = match new {
            Some(_) => old,
            None => Some("set"),
        };
        let field = format!("variable {name}");
        let difference = Difference::between(&field, old.unwrap_or("none"), new.unwrap_or("none"));
        differences.extend(difference);
    }
    differences
}

/// The project as an update has to say it: with the tags that others added, and the settings that
/// are to be taken away.
pub fn with_others(want: &Project, have: &Project) -> Project {
    let mut tags = have.tags.clone();
    tags.extend(want.tags.clone());
    Project {
        tags,
        settings: have.settings.clone(),
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

    const OPTIONS: Options = Options {
        timeout: 30,
        keeps_layers: true,
    };

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn web() -> Source {
        serde_json::from_str(r#"{"name":"web","repository":"owner/web"}"#).unwrap()
    }

    fn wanted() -> Project {
        want(
            &env(),
            &web(),
            "arn:aws:iam::123456789012:role/x",
            "/aws/codebuild/x",
            &OPTIONS,
        )
    }

    fn differing(have: Project) -> Vec<String> {
        match step(&env(), &wanted(), Some(&have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences
                .iter()
                .map(|d| format!("{}: {} -> {}", d.field, d.old, d.new))
                .collect(),
        }
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), &wanted(), None).unwrap(), Step::Create);
        assert_eq!(differing(wanted()), Vec::<String>::new());
    }

    #[test]
    fn a_pipelines_project_runs_docker_on_a_small_machine() {
        let want = wanted();
        assert_eq!(
            (want.source.as_str(), want.artifacts.as_str()),
            ("CODEPIPELINE", "CODEPIPELINE")
        );
        assert_eq!(
            (want.environment.as_str(), want.compute.as_str()),
            ("LINUX_CONTAINER", "BUILD_GENERAL1_SMALL")
        );
        assert!(want.privileged);
        assert_eq!(
            (want.timeout, want.queued_timeout, want.cache.as_str()),
            (30, 60, "LOCAL LOCAL_DOCKER_LAYER_CACHE")
        );
        let none = want_with(&Options {
            timeout: 5,
            keeps_layers: false,
        });
        assert_eq!((none.timeout, none.cache.as_str()), (5, "NO_CACHE"));
    }

    fn want_with(options: &Options) -> Project {
        want(&env(), &web(), "", "", options)
    }

    #[test]
    fn what_differs_between_sources_is_in_variables_and_no_buildspec_differs() {
        let source = Source {
            name: "api".into(),
            context: "src/api".into(),
            ..web()
        };
        let api = want(&env(), &source, "", "", &OPTIONS);
        let variables: Vec<(&str, &str)> = api
            .variables
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(
            variables,
            [
                ("CONTAINER", "api"),
                ("CONTEXT", "src/api"),
                ("DOCKERFILE", "Dockerfile"),
                ("REGISTRY", "123456789012.dkr.ecr.us-east-1.amazonaws.com"),
                (
                    "REPOSITORY_URI",
                    "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-api-production-pr1"
                ),
            ]
        );
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
    fn each_field_that_differs_is_told() {
        let other = "x".to_string();
        for (have, told) in [
            (
                Project {
                    description: other.clone(),
                    ..wanted()
                },
                "description: x -> Image of web from owner/web",
            ),
            (
                Project {
                    role: other.clone(),
                    ..wanted()
                },
                "role: x -> arn:aws:iam::123456789012:role/x",
            ),
            (
                Project {
                    source: other.clone(),
                    ..wanted()
                },
                "source: x -> CODEPIPELINE",
            ),
            (
                Project {
                    artifacts: other.clone(),
                    ..wanted()
                },
                "artifacts: x -> CODEPIPELINE",
            ),
            (
                Project {
                    buildspec: other.clone(),
                    ..wanted()
                },
                "buildspec: another -> this version's",
            ),
            (
                Project {
                    environment: other.clone(),
                    ..wanted()
                },
                "environment: x -> LINUX_CONTAINER",
            ),
            (
                Project {
                    compute: other.clone(),
                    ..wanted()
                },
                "compute: x -> BUILD_GENERAL1_SMALL",
            ),
            (
                Project {
                    image: other.clone(),
                    ..wanted()
                },
                &format!("image: x -> {IMAGE}"),
            ),
            (
                Project {
                    privileged: false,
                    ..wanted()
                },
                "privileged: false -> true",
            ),
            (
                Project {
                    timeout: 60,
                    ..wanted()
                },
                "timeout: 60 -> 30",
            ),
            (
                Project {
                    queued_timeout: 480,
                    ..wanted()
                },
                "queued timeout: 480 -> 60",
            ),
            (
                Project {
                    cache: "NO_CACHE".into(),
                    ..wanted()
                },
                "cache: NO_CACHE -> LOCAL LOCAL_DOCKER_LAYER_CACHE",
            ),
            (
                Project {
                    log: other.clone(),
                    ..wanted()
                },
                "log group: x -> /aws/codebuild/x",
            ),
            (
                Project {
                    s3_log: "ENABLED".into(),
                    ..wanted()
                },
                "log in S3: ENABLED -> DISABLED",
            ),
            (
                Project {
                    settings: vec!["VPC".into(), "key".into()],
                    ..wanted()
                },
                "settings: VPC, key -> none",
            ),
        ] {
            assert_eq!(differing(have), [told]);
        }
    }

    #[test]
    fn blanks_at_the_end_of_the_buildspec_are_no_difference() {
        let have = Project {
            buildspec: wanted().buildspec.trim_end().into(),
            ..wanted()
        };
        assert_eq!(differing(have), Vec::<String>::new());
    }

    #[test]
    fn variables_are_put_right_and_those_of_others_taken_away_untold() {
        let mut have = wanted();
        have.variables.insert("CONTEXT".into(), "src".into());
        have.variables.insert("PASSWORD".into(), "hunter2".into());
        have.variables.remove("REGISTRY");
        assert_eq!(
            differing(have),
            [
                "variable CONTEXT: src -> .",
                "variable PASSWORD: set -> none",
                "variable REGISTRY: none -> 123456789012.dkr.ecr.us-east-1.amazonaws.com"
            ]
        );
    }

    #[test]
    fn our_tags_are_put_right_and_those_of_others_said_again() {
        let mut have = wanted();
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.insert("theirs".into(), "x".into());
        have.tags.remove(SOURCE);
        assert_eq!(
            differing(have.clone()),
            [
                "tag Team: nobody -> devops",
                "tag plumbline:source:  -> web"
            ]
        );
        let all = with_others(&wanted(), &have);
        let tags = ["Team", "theirs", SOURCE].map(|key| all.tags[key].as_str());
        assert_eq!(tags, ["devops", "x", "web"]);
        assert_eq!(
            Project {
                tags: wanted().tags,
                ..all
            },
            wanted()
        );
    }

    #[test]
    fn a_project_without_our_tag_is_refused() {
        let have = Project {
            tags: BTreeMap::new(),
            ..wanted()
        };
        let error = step(&env(), &wanted(), Some(&have)).unwrap_err();
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
        let untold = Project {
            tags: BTreeMap::new(),
            ..want
        };
        assert_eq!(source(&untold), "build-web-production-pr1");
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
        let (name, repository) = (
            "n".repeat(32),
            format!("{}/{}", "o".repeat(100), "r".repeat(100)),
        );
        let env = Env {
            name: format!("{}-{}", "e".repeat(32), "s".repeat(32)),
            ..env()
        };
        let want = want(
            &env,
            &Source {
                name,
                repository,
                ..web()
            },
            "",
            "",
            &OPTIONS,
        );
        assert!(want.description.len() <= 255 && want.name.len() <= 150);
    }
}
