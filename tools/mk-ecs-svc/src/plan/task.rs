//! What a task definition says, is to say, and whose it is.

use std::collections::BTreeMap;

use plumbing::{App, Difference, Env, name};

use super::revision::family_of;
use super::{Tags, app_of};

/// ECS takes no longer start period of a container's health check, in seconds.
const START_PERIOD: i32 = 300;
/// How long a container may take to end before it is killed, in seconds.
const STOP_TIMEOUT: i32 = 30;

/// What a task definition says, in so far as we set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// The image reference.
    pub image: String,
    /// `5000/tcp`.
    pub ports: String,
    /// Fargate CPU units.
    pub cpu: String,
    /// MiB.
    pub memory: String,
    /// `X86_64` or `ARM64`.
    pub architecture: String,
    /// The command that tells whether the container is well, and for how many seconds after its
    /// start it may fail.
    pub check: Option<(String, i32)>,
    /// The ARN of the role that pulls the image and writes the log.
    pub execution_role: String,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// The log group's name.
    pub log_group: String,
    /// What is the same for every app, by what a difference of it is called.
    pub fixed: BTreeMap<&'static str, String>,
}

/// A revision of a task definition.
#[derive(Clone, Debug, Default)]
pub struct HaveTask {
    /// Its ARN, with the revision.
    pub arn: String,
    /// A role that someone gave the tasks; we give none.
    pub task_role: Option<String>,
    /// The ARN of who registered it.
    pub registered_by: String,
    /// When, in milliseconds since 1970.
    pub registered: i64,
    /// What it says.
    pub task: Task,
    /// Its tags.
    pub tags: Tags,
}

/// Marks a revision whose image a pipeline deployed, also when it is registered again with another
/// field changed.
const BY_PIPELINE: (&str, &str) = ("plumbline:image", "pipeline");

/// The tag of a revision that a service was taken back from.
const ROLLED_BACK: &str = "plumbline:rolled-back";

/// The tags of a revision that a service is taken back from.
pub fn marked_rolled_back(env: &Env, have: &HaveTask) -> Vec<(String, String)> {
    let mut tags = task_tags(env, family_of(&have.arn), by_pipeline(env, have));
    tags.push((ROLLED_BACK.into(), "true".into()));
    tags
}

/// Whether a service was taken back from a revision.
pub fn rolled_back(have: &HaveTask) -> bool {
    have.tags.contains_key(ROLLED_BACK)
}

/// Whether the app's pipeline deployed what a revision runs: it did before, by the mark; or its role
/// registered the revision; or nobody tagged it, and it runs an image of the app's own repository.
pub fn by_pipeline(env: &Env, have: &HaveTask) -> bool {
    let Some(app) = app_of(env, "task", family_of(&have.arn)) else {
        return false;
    };
    let marked = have
        .tags
        .get(BY_PIPELINE.0)
        .is_some_and(|value| value == BY_PIPELINE.1);
    let registered = have.registered_by.contains(":assumed-role/role-pipeline-");
    let untagged = !have.tags.contains_key(name::IDENTITY);
    of_its_repository(env, &app, &have.task.image) && (marked || registered || untagged)
}

/// Whether a revision is the environment's: by its tag, or because the app's pipeline, which may
/// know no tags, registered it.
pub fn owns_task(env: &Env, have: &HaveTask) -> bool {
    env.owns(&have.tags) || !have.tags.contains_key(name::IDENTITY) && by_pipeline(env, have)
}

/// The tags of a revision.
pub fn task_tags(env: &Env, family: &str, by_pipeline: bool) -> Vec<(String, String)> {
    let mark = by_pipeline.then(|| (BY_PIPELINE.0.to_string(), BY_PIPELINE.1.to_string()));
    env.tags_of(family).into_iter().chain(mark).collect()
}

/// Whether an image is one of the app's own repository, by digest: as a pipeline deploys it.
fn of_its_repository(env: &Env, app: &str, image: &str) -> bool {
    image.starts_with(&format!("{}@sha256:", env.repository_uri(app)))
}

/// What an app without an image names until its pipeline has built one: the tag that the pipeline
/// will give it.
pub fn placeholder(env: &Env, app: &str) -> String {
    format!("{}:production", env.repository_uri(app))
}

/// What the app's task definition is to say.
pub fn task(
    env: &Env,
    app: &App,
    image: String,
    execution_role: String,
    log_group: String,
    environment: BTreeMap<String, String>,
) -> Task {
    Task {
        image,
        ports: format!("{}/tcp", app.port),
        cpu: app.cpu.to_string(),
        memory: app.memory.to_string(),
        architecture: app.architecture.clone(),
        check: app.check.clone().map(|command| {
            (
                command,
                i32::try_from(app.grace)
                    .unwrap_or(i32::MAX)
                    .min(START_PERIOD),
            )
        }),
        execution_role,
        environment,
        log_group,
        fixed: fixed(
            "awsvpc",
            "FARGATE",
            "LINUX",
            &app.name,
            true,
            "awslogs",
            &env.region,
            &app.name,
            true,
            STOP_TIMEOUT,
            &[],
        ),
    }
}

/// What is the same for every app; both what is wanted and what is there are told through it.
#[allow(clippy::too_many_arguments)] // one for each field
pub fn fixed(
    network: &str,
    requires: &str,
    system: &str,
    containers: &str,
    essential: bool,
    driver: &str,
    region: &str,
    prefix: &str,
    init: bool,
    stop_timeout: i32,
    others: &[&str],
) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("network mode", network.to_string()),
        ("requires", requires.into()),
        ("operating system", system.into()),
        ("containers", containers.into()),
        ("essential", essential.to_string()),
        ("log driver", driver.into()),
        ("log region", region.into()),
        ("log stream prefix", prefix.into()),
        ("init process", init.to_string()),
        ("stop timeout", stop_timeout.to_string()),
        (
            "other settings",
            if others.is_empty() {
                "none".into()
            } else {
                others.join(" ")
            },
        ),
    ])
}

/// How a task definition differs from what is wanted, field by field.
pub fn task_differences(have: &Task, want: &Task) -> Vec<Difference> {
    let fields = |task: &Task| {
        let mut fields = vec![
            ("image".to_string(), task.image.clone()),
            ("port".into(), task.ports.clone()),
            ("cpu".into(), task.cpu.clone()),
            ("memory".into(), task.memory.clone()),
            ("architecture".into(), task.architecture.clone()),
            (
                "check".into(),
                task.check
                    .as_ref()
                    .map_or("(none)".into(), |(command, start)| {
                        format!("{command}, after {start} s")
                    }),
            ),
            ("execution role".into(), task.execution_role.clone()),
            ("log group".into(), task.log_group.clone()),
        ];
        fields.extend(
            task.fixed
                .iter()
                .map(|(field, value)| (field.to_string(), value.clone())),
        );
        fields
    };
    let same = fields(have).into_iter().zip(fields(want));
    let mut differences: Vec<_> = same
        .filter_map(|((field, old), (_, new))| Difference::between(&field, old, new))
        .collect();
    let mut keys: Vec<&String> = have
        .environment
        .keys()
        .chain(want.environment.keys())
        .collect();
    keys.sort();
    keys.dedup();
    differences.extend(keys.into_iter().filter_map(|key| {
        let value = |task: &Task| task.environment.get(key).cloned();
        let told = |value: Option<String>| value.unwrap_or_else(|| "(none)".into());
        let (old, new) = (value(have), value(want));
        (old != new).then(|| Difference {
            field: format!("environment {key}"),
            old: told(old),
            new: told(new),
        })
    }));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::examples::{env, told, web_task};

    #[test]
    fn a_pipeline_deployed_only_an_image_of_the_apps_own_repository() {
        let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/task-web-production-pr1:7";
        let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1";
        let have = |image: &str, tags: Tags, by: &str| HaveTask {
            arn: arn.into(),
            registered_by: by.into(),
            task: Task {
                image: image.into(),
                ..Task::default()
            },
            tags,
            ..HaveTask::default()
        };
        let ours: Tags = env()
            .tags_of("task-web-production-pr1")
            .into_iter()
            .collect();
        let marked: Tags = task_tags(&env(), "task-web-production-pr1", true)
            .into_iter()
            .collect();
        let (role, digest) = (
            "arn:aws:sts::123456789012:assumed-role/role-pipeline-web-x/1",
            format!("{own}@sha256:00"),
        );
        for (image, tags, by, deployed, owned) in [
            (&digest, Tags::new(), "", true, true),
            (&digest, ours.clone(), role, true, true),
            (&digest, marked, "", true, true),
            (
                &digest,
                ours.clone(),
                "arn:aws:iam::123456789012:user/a",
                false,
                true,
            ),
            (&format!("{own}:1"), Tags::new(), role, false, false),
            (
                &"registry.example/web@sha256:00".to_string(),
                Tags::new(),
                "",
                false,
                false,
            ),
            (&own.replace("web", "api"), Tags::new(), "", false, false),
        ] {
            let have = have(image, tags, by);
            assert_eq!(
                (by_pipeline(&env(), &have), owns_task(&env(), &have)),
                (deployed, owned),
                "{have:?}"
            );
        }
    }

    #[test]
    fn the_same_task_has_no_differences() {
        assert_eq!(task_differences(&web_task(), &web_task()), []);
    }

    #[test]
    fn a_task_differs_field_by_field() {
        let mut have = Task {
            image: "web:0".into(),
            cpu: "512".into(),
            ..web_task()
        };
        have.fixed.insert("containers", "web sidecar".into());
        have.environment = BTreeMap::from([
            ("A".to_string(), "0".to_string()),
            ("B".to_string(), String::new()),
        ]);
        assert_eq!(
            told(&task_differences(&have, &web_task())),
            [
                "image: web:0 -> web:1",
                "cpu: 512 -> 256",
                "containers: web sidecar -> web",
                "environment A: 0 -> 1",
                "environment B:  -> (none)"
            ]
        );
    }
}
