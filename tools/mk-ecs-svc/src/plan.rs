//! What a task definition and a service should be, what is there, and what follows. Pure.

mod progress;
mod revision;
mod service;
mod task;

use std::collections::BTreeMap;

use plumbing::{Cluster, Env, Error, Record, Result, Service, TaskDefinition, name};
use serde_json::Value;

pub use progress::{
    Progress, came_back, failed, fails, gave_up, given_up, progress, starts, trouble,
};
pub use revision::{between, family_of, newer, next, short};
pub use service::{
    Deployment, HaveService, Settings, Surroundings, fits, same_network, service_differences,
    settings, token,
};
pub use task::{
    HaveTask, Task, by_pipeline, fixed, marked_rolled_back, owns_task, placeholder, rolled_back,
    task, task_differences, task_tags,
};

/// The tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// The ECS cluster.
#[derive(Clone, Debug, Default)]
pub struct HaveCluster {
    /// Its ARN.
    pub arn: String,
    /// `ACTIVE`, `PROVISIONING`, `DEPROVISIONING`, `FAILED` or `INACTIVE`.
    pub status: String,
    /// Its tags.
    pub tags: Tags,
}

/// The app of a service's or a family's name: `web` of `task-web-production-pr1`.
pub fn app_of(env: &Env, kind: &str, name: &str) -> Option<String> {
    let app = name
        .strip_prefix(kind)?
        .strip_prefix('-')?
        .strip_suffix(&env.name)?
        .strip_suffix('-')?;
    (!app.is_empty()).then(|| app.to_string())
}

/// Reads `--image APP=REFERENCE`.
pub fn image_flag(text: &str) -> Result<(String, String), String> {
    let (app, image) = text
        .split_once('=')
        .ok_or("an image is written APP=REFERENCE")?;
    name::check_part("app", app)?;
    match image.is_empty() || image.contains(char::is_whitespace) {
        true => Err(format!("'{image}' is not an image reference")),
        false => Ok((app.to_string(), image.to_string())),
    }
}

/// Refuses what has our name and not our identity tag.
pub fn ours(env: &Env, kind: &str, name: &str, tags: &Tags) -> Result<()> {
    if env.owns(tags) {
        return Ok(());
    }
    let tag = name::IDENTITY;
    let whose = tags.get(tag).map_or_else(
        || format!("has no tag {tag}"),
        |other| format!("is tagged {tag}={other}"),
    );
    Err(Error::refused(format!(
        "{kind} {name} exists, but is not of environment {}: it {whose}",
        env.name
    ))
    .hint("delete it, or choose another name for the environment or the app"))
}

/// The cluster's record.
pub fn cluster_record(arn: &str) -> Record {
    Record::of(&Cluster {
        name: "main".into(),
        arn: arn.into(),
        ..Cluster::default()
    })
}

/// A task definition's record.
pub fn task_record(app: &str, arn: &str, image: &str) -> Record {
    Record::of(&TaskDefinition {
        name: app.into(),
        arn: arn.into(),
        ..TaskDefinition::default()
    })
    .with("image", image)
}

/// A service's record.
pub fn service_record(app: &str, arn: &str, cluster: &str, settings: &Settings) -> Record {
    let service = Service {
        name: app.into(),
        arn: arn.into(),
        cluster: cluster.into(),
        task_definition: settings.task_definition.clone(),
        ..Service::default()
    };
    Record::of(&service).with("count", settings.count)
}

/// What an app's task definition and service tell of its record. The count of one that has no image
/// yet is not its own.
pub fn app_record(env: &Env, app: &str, task: &Task, settings: &Settings) -> Record {
    let number = |text: &str| text.parse::<u32>().map_or(Value::Null, Value::from);
    let port = task.ports.split('/').next().unwrap_or_default();
    let record = Record::new("app", app)
        .with("port", number(port))
        .with(
            "set",
            serde_json::to_value(&task.environment).unwrap_or_default(),
        )
        .with("image", task.image.as_str())
        .with("cpu", number(&task.cpu))
        .with("memory", number(&task.memory))
        .with("grace", settings.grace)
        .with("architecture", task.architecture.as_str());
    let record = match task.image == placeholder(env, app) {
        true => record,
        false => record.with("count", settings.count),
    };
    match &task.check {
        Some((command, _)) => record.with("check", command.as_str()),
        None => record,
    }
}

/// What the tests of this and the modules below it are about.
#[cfg(test)]
mod examples {
    use plumbing::{App, Difference};

    use super::*;

    pub fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
    }

    pub fn web() -> App {
        serde_json::from_str(r#"{"name":"web"}"#).unwrap()
    }

    pub fn web_task() -> Task {
        let environment = BTreeMap::from([("A".to_string(), "1".to_string())]);
        task(
            &env(),
            &web(),
            "web:1".into(),
            "arn:role".into(),
            "/x".into(),
            environment,
        )
    }

    pub fn around() -> Surroundings {
        let target_group =
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg-web/1".to_string();
        Surroundings {
            subnets: vec!["subnet-2".into(), "subnet-1".into()],
            group: "sg-1".into(),
            target_group,
        }
    }

    pub fn told(differences: &[Difference]) -> Vec<String> {
        differences
            .iter()
            .map(|d| format!("{}: {} -> {}", d.field, d.old, d.new))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use plumbing::App;

    use super::examples::*;
    use super::*;

    #[test]
    fn an_image_is_given_for_an_app() {
        let image = image_flag("web=registry:5000/a@sha256:00=");
        assert_eq!(
            image,
            Ok(("web".into(), "registry:5000/a@sha256:00=".into()))
        );
        assert!(
            image_flag("web").is_err() && image_flag("=x").is_err() && image_flag("web=").is_err()
        );
    }

    #[test]
    fn what_lacks_the_identity_tag_is_refused_by_name() {
        let why = ours(
            &env(),
            "service",
            "service-web-production-pr1",
            &Tags::new(),
        )
        .unwrap_err();
        assert_eq!(
            why.message,
            "service service-web-production-pr1 exists, but is not of environment production-pr1: it has no tag plumbline:env"
        );
    }

    #[test]
    fn the_app_is_read_back_from_names() {
        assert_eq!(
            app_of(&env(), "task", "task-web-2-production-pr1").as_deref(),
            Some("web-2")
        );
        assert_eq!(app_of(&env(), "task", "task-production-pr1"), None);
        assert_eq!(
            family_of("arn:aws:ecs:us-east-1:123456789012:task-definition/task-web:3"),
            "task-web"
        );
    }

    #[test]
    fn without_an_image_there_are_no_tasks_and_the_count_stays_the_apps() {
        let settings = settings(&web(), "arn/t:1", false, &around());
        assert_eq!(settings.count, 0);
        let task = Task {
            image: placeholder(&env(), "web"),
            ..web_task()
        };
        assert_eq!(
            app_record(&env(), "web", &task, &settings)
                .typed::<App>()
                .unwrap()
                .count,
            2
        );
    }

    #[test]
    fn the_app_comes_back_as_it_was_asked_for() {
        let settings = settings(&web(), "arn/t:1", true, &around());
        let record = app_record(&env(), "web", &web_task(), &settings);
        let mut app: App = record.typed().unwrap();
        app.rest.clear(); // `type`
        let set = BTreeMap::from([("A".to_string(), "1".to_string())]);
        assert_eq!(
            app,
            App {
                set,
                image: Some("web:1".into()),
                ..web()
            }
        );
    }
}
