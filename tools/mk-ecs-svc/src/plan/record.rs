//! The records of the cluster, the task definitions, the services and their apps.

use plumbing::{Cluster, Env, Record, Service, TaskDefinition};
use serde_json::Map;

use super::definition::{Definition, placeholder};
use super::service::Settings;
use super::spot;
use crate::reference::escaped;

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
    let mut set = Map::new();
    for (key, value) in definition.own_environment() {
        set.insert(key, escaped(&value).into());
    }
    let mut record = Record::new("app", app)
        .with("found", true)
        .with("set", set)
        .with("image", definition.image.as_str())
        .with("architecture", definition.architecture.as_str());
    // A worker has nobody who would wait for it.
    record = if settings.target.is_empty() {
        record.with("worker", true)
    } else {
        record.with("grace", settings.grace)
    };
    if let Some(percent) = spot::percent(settings) {
        record = record.with("spot", percent);
    }
    let numbers = [
        ("port", port(definition, settings)),
        ("cpu", definition.cpu.parse().ok()),
        ("memory", definition.memory.parse().ok()),
    ];
    for (field, number) in numbers {
        if let Some(number) = number {
            record = record.with(field, number);
        }
    }
    if definition.image != placeholder(env, app) {
        record = record.with("count", settings.count);
    }
    if let Some(check) = &definition.check
        && !check.command.is_empty()
    {
        record = record.with("check", check.command.as_str());
    }
    record
}

/// The port that the load balancer sends to; where the service names none, that of the container.
/// A definition that somebody registered may have several, or none.
fn port(definition: &Definition, settings: &Settings) -> Option<u32> {
    let target = settings.target.split(' ').next().unwrap_or_default();
    let of_service = target.rsplit(':').next().and_then(|port| port.parse().ok());
    let of_container = definition.ports.split('/').next().unwrap_or_default();
    let port: Option<u32> = of_service.or_else(|| of_container.parse().ok());
    port.filter(|port| *port > 0)
}

/// What a definition says and no record of an app can, in words: somebody registered it by hand.
pub fn unsaid(app: &str, definition: &Definition) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    let containers = definition.containers.split(' ');
    let others: Vec<&str> = containers.filter(|name| *name != app).collect();
    if !others.is_empty() {
        words.push(format!("containers besides its own: {}", others.join(" ")));
    }
    words.extend(
        definition
            .other_settings
            .iter()
            .map(|name| name.to_string()),
    );
    for (what, text) in [("cpu", &definition.cpu), ("memory", &definition.memory)] {
        if text.parse::<u32>().is_err() {
            words.push(format!("no {what} that is a number"));
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
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
            found: true,
            ..web()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_worker_and_a_share_on_spot_come_back() {
        let fields = serde_json::json!({"name": "web", "worker": true, "spot": 30});
        let wanted: App = serde_json::from_value(fields).unwrap();
        let network = service::Network {
            target_group: String::new(),
            ..network()
        };
        let settings = service::want(&wanted, "arn/t:1", true, &network);
        let record = app(&env(), "web", &web_definition(), &settings);
        let found: App = record.typed().unwrap();
        assert_eq!(plumbing::RecordType::check(&found), Ok(()));
        assert_eq!(found.scale, wanted.scale);
        assert!(found.worker && record.0.get("grace").is_none());
    }

    #[test]
    fn what_hands_registered_comes_back_as_it_is() {
        let settings = service::want(&web(), "arn/t:1", true, &network());
        let definition = Definition {
            image: "ghcr.io/Owner/Web:1".into(),
            ports: String::new(),
            cpu: "300".into(),
            memory: "700".into(),
            containers: "proxy web".into(),
            other_settings: vec!["secrets"],
            environment: BTreeMap::from([
                ("spring.datasource.url".to_string(), "jdbc:x".to_string()),
                ("A b".to_string(), "${spring.application.name}".to_string()),
            ]),
            own_variables: None,
            ..web_definition()
        };
        let record = app(&env(), "web", &definition, &settings);
        let found: App = record.typed().unwrap();
        assert_eq!(plumbing::RecordType::check(&found), Ok(()));
        assert_eq!(
            (found.port, found.cpu, found.memory),
            (web().port, 300, 700)
        );
        assert_eq!(found.set["spring.datasource.url"], "jdbc:x");
        assert_eq!(found.set["A b"], "$\\{spring.application.name}");
        let unsaid = unsaid("web", &definition).unwrap();
        assert_eq!(unsaid, "containers besides its own: proxy, secrets");
        assert_eq!(super::unsaid("web", &web_definition()), None);
    }
}
