//! The records of the cluster, the task definitions, the services and their apps.

use std::collections::BTreeMap;

use plumbing::{Cluster, Env, Record, Secrets, Service, Sidecar, TaskDefinition};
use serde_json::json;

use super::container::Container;
use super::definition::{Definition, placeholder};
use super::service::Settings;
use super::{alarms, shift, spot};
use crate::reference::escaped;

/// The field with the minutes that a deployment of a service waits at least.
pub const MINUTES: &str = "minutes";

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

/// A service's record. `is_scaled` tells mk-scaling that there may be a target of it.
pub fn service(
    app: &str,
    arn: &str,
    cluster: &str,
    settings: &Settings,
    is_scaled: bool,
) -> Record {
    let service = Service {
        name: app.into(),
        arn: arn.into(),
        cluster: cluster.into(),
        task_definition: settings.task_definition.clone(),
        ..Service::default()
    };
    let mut record = Record::of(&service).with("count", settings.count);
    if is_scaled {
        record = record.with("scaled", true);
    }
    if settings.strategy.is_rolling() {
        return record;
    }
    record
        .with("deploy", settings.strategy.words())
        .with(MINUTES, settings.strategy.minutes())
}

/// The app's record, as far as its task definition and service describe it. The count of a
/// service that has no image yet is not the app's.
pub fn app(env: &Env, app: &str, definition: &Definition, settings: &Settings) -> Record {
    let own = &definition.own;
    let mut record = Record::new("app", app)
        .with("found", true)
        .with("set", json!(set_of(own)))
        .with("image", own.image.as_str())
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
    record = shift::told(record, &settings.strategy);
    let rollback_on = alarms::said(settings);
    if !rollback_on.is_empty() {
        record = record.with("rollback_on", rollback_on);
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
    if own.image != placeholder(env, app) {
        record = record.with("count", settings.count);
    }
    if let Some(path) = own.live() {
        record = record.with("live", path);
    } else if let Some(check) = check_of(own) {
        record = record.with("check", check);
    }
    let secrets = Secrets {
        secrets: own.secrets.clone(),
        env_files: own.env_files.clone(),
        restart_on_change: own.secret_versions.is_some(),
    };
    for fields in [json!(container(definition)), json!(secrets)] {
        record
            .0
            .extend(fields.as_object().cloned().unwrap_or_default());
    }
    record
}

/// What the record says of the containers; nothing of what is by default.
fn container(definition: &Definition) -> plumbing::Container {
    let own = &definition.own;
    let tmp = own
        .tmp
        .filter(|tmp| own.read_only_root && *tmp != plumbing::Container::TMP.cast_signed());
    let is_said = |mount: &&String| !mount.contains(' ');
    let nofile = Some(own.nofile.clone()).filter(|limit| !limit.is_empty());
    let nofile = nofile.map(|limit| ("nofile".to_string(), limit));
    let others = definition.others.values();
    let wish = plumbing::Container {
        command: own.command.clone(),
        entrypoint: own.entrypoint.clone(),
        user: own.own_user.then(|| own.user.clone()),
        writable: !own.read_only_root,
        tmp: tmp.and_then(|tmp| tmp.try_into().ok()),
        own_init: !own.init_process,
        storage: definition.storage.and_then(|gib| gib.try_into().ok()),
        mounts: own.mounts.iter().filter(is_said).cloned().collect(),
        ulimits: nofile.into_iter().collect(),
        logs: (own.log.mode == "blocking").then(|| "blocking".into()),
        containers: others.map(sidecar).collect(),
        after: own.after.clone(),
        ..Default::default()
    };
    let seconds = u32::try_from(own.stop_timeout).ok();
    let is_other = |seconds: &u32| *seconds != 0 && *seconds != wish.stop_timeout();
    let stop_timeout = seconds.filter(is_other);
    plumbing::Container {
        stop_timeout,
        ..wish
    }
}

fn sidecar(container: &Container) -> Sidecar {
    Sidecar {
        name: container.name.clone(),
        image: container.image.clone(),
        command: container.command.clone(),
        entrypoint: container.entrypoint.clone(),
        user: container.own_user.then(|| container.user.clone()),
        writable: !container.read_only_root,
        set: set_of(container),
        secrets: container.secrets.clone(),
        essential: container.essential,
        check: check_of(container),
        after: container.after.clone(),
        memory: container.memory.and_then(|mib| mib.try_into().ok()),
    }
}

/// Its own variables, as a record says them.
fn set_of(container: &Container) -> BTreeMap<String, String> {
    let own = container.own_environment().into_iter();
    own.map(|(key, value)| (key, escaped(&value))).collect()
}

fn check_of(container: &Container) -> Option<String> {
    let check = container.check.as_ref()?;
    Some(check.command.clone()).filter(|command| !command.is_empty())
}

/// The port that the load balancer sends to; where the service names none, that of the container.
/// A definition that somebody registered may have several, or none.
fn port(definition: &Definition, settings: &Settings) -> Option<u32> {
    let target = settings.target.split(' ').next().unwrap_or_default();
    let of_service = target.rsplit(':').next().and_then(|port| port.parse().ok());
    let port = of_service.or_else(|| definition.own.port());
    port.filter(|port| *port > 0)
}

/// What a definition says and no record of an app can, in words: somebody registered it by hand.
pub fn unsaid(definition: &Definition) -> Option<String> {
    let own = &definition.own;
    let mut words: Vec<String> = Vec::new();
    words.extend(own.other_settings.iter().map(|name| name.to_string()));
    words.extend(
        own.mounts
            .iter()
            .filter(|mount| mount.contains(' '))
            .cloned(),
    );
    for (name, other) in &definition.others {
        let of_other = other.other_settings.iter();
        words.extend(of_other.map(|setting| format!("{setting} of {name}")));
        if !other.ports.is_empty() {
            words.push(format!("ports of {name}"));
        }
    }
    for (what, text) in [("cpu", &definition.cpu), ("memory", &definition.memory)] {
        if text.parse::<u32>().is_err() {
            words.push(format!("no {what} that is a number"));
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use plumbing::App;

    use super::*;
    use crate::plan::definition::{Known, want};
    use crate::plan::examples::{env, network, web, web_definition};
    use crate::plan::service;

    #[test]
    fn without_an_image_there_are_no_tasks_and_the_count_stays_the_apps() {
        let settings = service::want(&web(), "arn/t:1", false, &network());
        assert_eq!(settings.count, 0);
        let mut definition = web_definition();
        definition.own.image = placeholder(&env(), "web");
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
        let mut definition = Definition {
            cpu: "300".into(),
            memory: "700".into(),
            ..web_definition()
        };
        let own = &mut definition.own;
        own.image = "ghcr.io/Owner/Web:1".into();
        own.ports = String::new();
        own.other_settings = vec!["workingDirectory"];
        own.mounts = vec!["fs-0a1b2c3d=/data (unencrypted)".into()];
        own.own_variables = None;
        own.environment = BTreeMap::from([
            ("spring.datasource.url".to_string(), "jdbc:x".to_string()),
            ("A b".to_string(), "${spring.application.name}".to_string()),
        ]);
        let proxy = Container {
            name: "proxy".into(),
            other_settings: vec!["privileged"],
            ports: "80/tcp".into(),
            ..Container::default()
        };
        definition.others.insert("proxy".into(), proxy);
        let record = app(&env(), "web", &definition, &settings);
        let found: App = record.typed().unwrap();
        assert_eq!(plumbing::RecordType::check(&found), Ok(()));
        assert_eq!(
            (found.port, found.cpu, found.memory),
            (web().port, 300, 700)
        );
        assert_eq!(found.set["spring.datasource.url"], "jdbc:x");
        assert_eq!(found.set["A b"], "$\\{spring.application.name}");
        assert_eq!(found.container.containers[0].name, "proxy");
        assert_eq!(found.container.mounts, Vec::<String>::new());
        assert_eq!(
            unsaid(&definition).unwrap(),
            "workingDirectory, fs-0a1b2c3d=/data (unencrypted), privileged of proxy, ports of proxy"
        );
        assert_eq!(unsaid(&web_definition()), None);
    }

    #[test]
    fn every_option_of_a_container_comes_back() {
        let mut asked = web();
        asked.container = serde_json::from_value(json!({
            "command": ["serve"], "entrypoint": ["/app"], "user": "1000", "tmp": 128, "own_init": true,
            "stop_timeout": 60, "storage": 30, "mounts": ["fs-0a1b2c3d:/x=/data:ro"],
            "ulimits": {"nofile": "4096:65535"}, "logs": "blocking", "after": {"proxy": "HEALTHY"},
            "containers": [{"name": "proxy", "image": "proxy:1", "check": "true", "user": "101",
                "set": {"B": "2"}, "secrets": {"C": "/c"}, "essential": false, "memory": 64}],
        }))
        .unwrap();
        asked.secrets = serde_json::from_value(json!({
            "secrets": {"D": "/d"}, "env_files": ["arn:aws:s3:::b/x.env"], "restart_on_change": true,
        }))
        .unwrap();
        asked.health_check.live = Some("/live?a=b".into());
        asked.image = Some("web:1".into());
        let of_proxy = BTreeMap::from([("B".to_string(), "2".to_string())]);
        let known = Known {
            image: "web:1".into(),
            secret_versions: Some("v1".into()),
            of_others: BTreeMap::from([("proxy".to_string(), of_proxy)]),
            ..Known::default()
        };
        let wanted = want(&env(), &asked, &known);
        let settings = service::want(&asked, "arn/t:1", true, &network());
        let mut found: App = app(&env(), "web", &wanted, &settings).typed().unwrap();
        found.rest.clear(); // `type`
        asked.found = true;
        assert_eq!(found, asked);
        assert_eq!(want(&env(), &found, &known), wanted);
    }
}
