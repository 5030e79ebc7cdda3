//! The records of the cluster, the task definitions, the services and their apps.

use plumbing::{Cluster, Env, Record, Service, TaskDefinition};
use serde_json::Value;

use super::definition::{Definition, placeholder};
use super::service::Settings;

/// The cluster's record.
pub fn cluster(arn: &str) -> Record {
    Record::of(&Cluster {
        name: "main".into(),
        arn: arn.into(),
        ..Cluster::default()
    })
}

/// A task definition's record.
pub fn task_definition(app: &str, arn: &str, image: &str) -> Record {
    let task_definition = TaskDefinition {
        name: app.into(),
        arn: arn.into(),
        ..TaskDefinition::default()
    };
    Record::of(&task_definition).with("image", image)
}

/// A service's record.
pub fn service(app: &str, arn: &str, cluster: &str, settings: &Settings) -> Record {
    let service = Service {
        name: app.into(),
        arn: arn.into(),
        cluster: cluster.into(),
        task_definition: settings.task_definition.clone(),
        ..Service::default()
    };
    Record::of(&service).with("count", settings.count)
}

/// The app's record, as far as its task definition and service describe it. The count of a
/// service that has no image yet is not the app's.
pub fn app(env: &Env, app: &str, definition: &Definition, settings: &Settings) -> Record {
    let port = definition.ports.split('/').next().unwrap_or_default();
    let set = serde_json::to_value(definition.own_environment()).unwrap_or_default();
    let mut record = Record::new("app", app)
        .with("port", number(port))
        .with("set", set)
        .with("image", definition.image.as_str())
        .with("cpu", number(&definition.cpu))
        .with("memory", number(&definition.memory))
        .with("grace", settings.grace)
        .with("architecture", definition.architecture.as_str());
    if definition.image != placeholder(env, app) {
        record = record.with("count", settings.count);
    }
    if let Some(check) = &definition.check {
        record = record.with("check", check.command.as_str());
    }
    record
}

fn number(text: &str) -> Value {
    match text.parse::<u32>() {
        Ok(number) => number.into(),
        Err(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plumbing::App;

    use super::*;
    use crate::plan::examples::{env, network, web, web_definition};
    use crate::plan::service;

    #[test]
    fn without_an_image_there_are_no_tasks_and_the_count_stays_the_apps() {
        let settings = service::want(&web(), "arn/t:1", false, &network());
        assert_eq!(settings.count, 0);
        let definition = Definition {
            image: placeholder(&env(), "web"),
            ..web_definition()
        };
        let record = app(&env(), "web", &definition, &settings);
        assert_eq!(record.typed::<App>().unwrap().count, 2);
    }

    #[test]
    fn the_app_comes_back_as_it_was_asked_for() {
        let settings = service::want(&web(), "arn/t:1", true, &network());
        let record = app(&env(), "web", &web_definition(), &settings);
        let mut found: App = record.typed().unwrap();
        found.rest.clear(); // `type`
        let expected = App {
            set: BTreeMap::from([("A".to_string(), "1".to_string())]),
            image: Some("web:1".into()),
            ..web()
        };
        assert_eq!(found, expected);
    }
}
