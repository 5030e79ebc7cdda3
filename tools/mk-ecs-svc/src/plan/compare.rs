//! How a task definition differs from what is wanted, field by field. Pure.
//!
//! The values of variables may be secret, as may what is in a command: that they differ is told, and
//! neither is shown. Where the value of a secret is, is none.

use std::collections::{BTreeMap, BTreeSet};

use plumbing::Difference;

use super::container::{Container, HealthCheck};
use super::definition::Definition;

/// How a task definition differs from what is wanted.
pub fn compare(have: &Definition, want: &Definition) -> Vec<Difference> {
    let mut differences = Vec::new();
    for ((field, old), (_, new)) in fields(have).into_iter().zip(fields(want)) {
        differences.extend(Difference::between(field, old, new));
    }
    differences.extend(of_container("", &have.own, &want.own));
    for (name, want) in &want.others {
        if let Some(have) = have.others.get(name) {
            let prefix = format!("container {name}: ");
            for (field, old, new) in [
                ("image", &have.image, &want.image),
                ("port", &have.ports, &want.ports),
            ] {
                let (old, new) = (listed(&[old]), listed(&[new]));
                differences.extend(Difference::between(&format!("{prefix}{field}"), old, new));
            }
            differences.extend(of_container(&prefix, have, want));
        }
    }
    differences
}

/// The fields of a task, and the image and port of the app's own container, each with its name.
fn fields(definition: &Definition) -> Vec<(&'static str, String)> {
    let own = &definition.own;
    let storage = definition.storage.map(|gib| gib.to_string());
    let mut names = vec![own.name.as_str()];
    names.extend(definition.others.keys().map(String::as_str));
    vec![
        ("image", own.image.clone()),
        ("port", own.ports.clone()),
        ("cpu", definition.cpu.clone()),
        ("memory", definition.memory.clone()),
        ("architecture", definition.architecture.clone()),
        ("execution role", definition.execution_role.clone()),
        ("task role", or_none(definition.task_role.as_deref())),
        ("storage", or_none(storage.as_deref())),
        ("containers", names.join(" ")),
        ("network mode", definition.network_mode.clone()),
        ("operating system", definition.operating_system.clone()),
        ("requires", definition.requires.clone()),
    ]
}

fn of_container(prefix: &str, have: &Container, want: &Container) -> Vec<Difference> {
    let mut differences = Vec::new();
    for ((field, old), (_, new)) in settings(have).into_iter().zip(settings(want)) {
        differences.extend(Difference::between(&format!("{prefix}{field}"), old, new));
    }
    for (field, old, new) in [
        ("command", &have.command, &want.command),
        ("entrypoint", &have.entrypoint, &want.entrypoint),
    ] {
        let (old, new) = (words(old), words(new));
        let field = format!("{prefix}{field}");
        let difference = Difference::of_values(&field, old.as_deref(), new.as_deref());
        differences.extend(difference);
    }
    differences.extend(checks(prefix, have, want));
    if have.own_variables.is_some() && have.own_variables != want.own_variables {
        let names = |one: &Container| or_none(one.own_variables.clone().map(|all| all.join(" ")));
        let field = format!("{prefix}label of the variables");
        differences.extend(Difference::between(&field, names(have), names(want)));
    }
    if have.user == want.user {
        let label = |one: &Container| if one.own_user { "set" } else { "none" };
        let field = format!("{prefix}label of the user");
        differences.extend(Difference::between(&field, label(have), label(want)));
    }
    let versions = Difference::of_values(
        &format!("{prefix}values of the secrets"),
        have.secret_versions.as_deref(),
        want.secret_versions.as_deref(),
    );
    differences.extend(versions);
    for (key, old, new) in pairs(&have.secrets, &want.secrets) {
        let field = format!("{prefix}secret {key}");
        differences.extend(Difference::between(&field, or_none(old), or_none(new)));
    }
    for (key, old, new) in pairs(&have.environment, &want.environment) {
        let field = format!("{prefix}environment {key}");
        differences.extend(Difference::of_values(&field, old, new));
    }
    differences
}

/// What a container says that is no secret, each with its name.
fn settings(container: &Container) -> Vec<(&'static str, String)> {
    let log = &container.log;
    let after = container.after.iter();
    let after: Vec<String> = after.map(|(name, when)| format!("{name} {when}")).collect();
    let number = |number: Option<i32>| or_none(number.map(|number| number.to_string()));
    let log_mode = format!("{} {}", log.mode, log.buffer);
    vec![
        ("log group", log.group.clone()),
        ("essential", container.essential.to_string()),
        ("init process", container.init_process.to_string()),
        ("log driver", log.driver.clone()),
        ("log region", log.region.clone()),
        ("log stream prefix", log.prefix.clone()),
        ("log mode", listed(&[log_mode.trim()])),
        ("other settings", listed(&container.other_settings)),
        ("read-only root", container.read_only_root.to_string()),
        ("/tmp", number(container.tmp)),
        ("user", listed(&[&container.user])),
        (
            "dropped capabilities",
            listed(&container.dropped_capabilities),
        ),
        ("open files", listed(&[&container.nofile])),
        ("mounts", listed(&container.mounts)),
        ("environment files", listed(&container.env_files)),
        ("after", listed(&after)),
        ("container memory", number(container.memory)),
        ("stop timeout", container.stop_timeout.to_string()),
    ]
}

/// What differs in how ECS asks a container. Somebody's command may hold a secret, our own does not.
fn checks(prefix: &str, have: &Container, want: &Container) -> Vec<Difference> {
    let live = |one: &Container| {
        let start = one.check.as_ref().map_or(0, |check| check.start_period);
        Some(format!("{}, after {start} s", one.live()?))
    };
    let other = |one: &Container| match one.live() {
        Some(_) => None,
        None => one.check.as_ref().map(HealthCheck::words),
    };
    let (old, new) = (or_none(live(have)), or_none(live(want)));
    let mut differences = Vec::new();
    differences.extend(Difference::between(&format!("{prefix}live"), old, new));
    let (old, new) = (other(have), other(want));
    let field = format!("{prefix}check");
    let difference = Difference::of_values(&field, old.as_deref(), new.as_deref());
    differences.extend(difference);
    differences
}

impl HealthCheck {
    fn words(&self) -> String {
        format!("{}, after {} s", self.command, self.start_period)
    }
}

/// Each key of either, with its two values.
fn pairs<'a>(
    have: &'a BTreeMap<String, String>,
    want: &'a BTreeMap<String, String>,
) -> Vec<(&'a String, Option<&'a str>, Option<&'a str>)> {
    let keys: BTreeSet<&String> = have.keys().chain(want.keys()).collect();
    let value = |of: &'a BTreeMap<String, String>, key| of.get(key).map(String::as_str);
    let pair = |key| (key, value(have, key), value(want, key));
    keys.into_iter().map(pair).collect()
}

/// A command's words, each told from the next; nothing where there are none.
fn words(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join("\0"))
}

/// Words with blanks between them, and `none` for none.
fn listed<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    or_none(Some(words.join(" ")).filter(|text| !text.is_empty()))
}

fn or_none<T: Into<String>>(text: Option<T>) -> String {
    text.map_or_else(|| "none".into(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::examples::{texts, web_definition};
    use crate::plan::live;

    #[test]
    fn the_same_task_has_no_differences() {
        assert_eq!(compare(&web_definition(), &web_definition()), []);
    }

    fn map(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_string(), value.to_string())])
    }

    fn check(command: &str) -> Option<HealthCheck> {
        Some(HealthCheck {
            command: command.into(),
            start_period: 0,
        })
    }

    #[test]
    fn a_task_differs_field_by_field() {
        let mut have = web_definition();
        have.cpu = "512".into();
        have.own.image = "web:0".into();
        have.others.insert("sidecar".into(), Container::default());
        have.own.check = check("curl -u me:secret localhost");
        have.own.command = vec!["--password".into(), "secret".into()];
        have.own.environment = BTreeMap::from([
            ("A".to_string(), "0".to_string()),
            ("B".to_string(), String::new()),
        ]);
        assert_eq!(
            texts(&compare(&have, &web_definition())),
            [
                "image: web:0 -> web:1",
                "cpu: 512 -> 256",
                "containers: web sidecar -> web",
                "command: set -> none",
                "check: set -> none",
                "environment A: set -> changed",
                "environment B: set -> none"
            ]
        );
    }

    #[test]
    fn where_a_secret_is_and_what_is_asked_are_shown() {
        let (mut have, mut want) = (web_definition(), web_definition());
        have.own.secrets = map("A", "/old");
        want.own.secrets = map("A", "/new");
        have.own.secret_versions = Some("v1".into());
        want.own.secret_versions = Some("v2".into());
        have.own.check = check("curl -u me:secret localhost");
        want.own.check = check(&live::command(5000, "/live"));
        assert_eq!(
            texts(&compare(&have, &want)),
            [
                "live: none -> /live, after 0 s",
                "check: set -> none",
                "values of the secrets: set -> changed",
                "secret A: /old -> /new",
            ]
        );
    }

    #[test]
    fn a_container_beside_it_differs_by_its_name() {
        let (mut have, mut want) = (web_definition(), web_definition());
        let proxy = Container {
            image: "proxy:1".into(),
            environment: map("A", "secret"),
            ..Container::default()
        };
        have.others.insert("proxy".into(), proxy.clone());
        let proxy = Container {
            image: "proxy:2".into(),
            tmp: Some(64),
            environment: map("A", "other"),
            ..proxy
        };
        want.others.insert("proxy".into(), proxy);
        assert_eq!(
            texts(&compare(&have, &want)),
            [
                "container proxy: image: proxy:1 -> proxy:2",
                "container proxy: /tmp: none -> 64",
                "container proxy: environment A: set -> changed",
            ]
        );
    }

    #[test]
    fn a_variable_that_was_set_by_hand_is_not_ours_to_list() {
        let mut have = web_definition();
        let own = &mut have.own;
        own.environment.insert("Password".into(), "secret".into());
        assert_eq!(own.own_environment(), web_definition().own.environment);
        let differences = compare(&have, &web_definition());
        assert_eq!(texts(&differences), ["environment Password: set -> none"]);
        // Nobody has labelled it: an older version made it.
        have.own.own_variables = None;
        assert_eq!(have.own.own_environment(), have.own.environment);
    }
}
