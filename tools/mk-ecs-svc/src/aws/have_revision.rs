//! Reading ECS's description of a revision into the types of plan. What it leaves out has ECS's
//! default.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, NetworkMode, TaskDefinition};

use super::convert::millis;
use super::foreign;
use super::have_container::{have_container, own_variables};
use crate::plan::definition::{Definition, HaveRevision};
use crate::plan::size;

/// Reads a description of a revision, which is an app's if that is known.
pub fn have_revision(
    described: TaskDefinition,
    tags: BTreeMap<String, String>,
    app: Option<&str>,
) -> HaveRevision {
    let status = described.status().map(|status| status.as_str().to_string());
    HaveRevision {
        definition: definition(&described, app),
        status: status.unwrap_or_default(),
        registered: millis(described.registered_at()),
        registered_by: described.registered_by.unwrap_or_default(),
        arn: described.task_definition_arn.unwrap_or_default(),
        tags,
    }
}

fn definition(described: &TaskDefinition, app: Option<&str>) -> Definition {
    let containers = described.container_definitions();
    let main = main_container(containers, app);
    let mut own = main.map(|number| have_container(described, &containers[number]));
    let mut others = BTreeMap::new();
    for (number, one) in containers.iter().enumerate() {
        if Some(number) != main {
            let container = have_container(described, one);
            others.insert(container.name.clone(), container);
        }
    }
    if let Some(own) = &mut own {
        own.other_settings.extend(foreign::of_task(described));
    }
    let requires = described.requires_compatibilities().iter();
    let requires: Vec<&str> = requires.map(|one| one.as_str()).collect();
    let network_mode = described
        .network_mode()
        .map_or("bridge", NetworkMode::as_str);
    let storage = described.ephemeral_storage();
    let task_role = described.task_role_arn.clone();
    Definition {
        cpu: size::in_units(described.cpu().unwrap_or_default(), "vcpu"),
        memory: size::in_units(described.memory().unwrap_or_default(), "gb"),
        architecture: architecture(described).into(),
        execution_role: described.execution_role_arn().unwrap_or_default().into(),
        task_role: task_role.filter(|role| !role.is_empty()),
        storage: storage.map(|storage| storage.size_in_gib()),
        network_mode: network_mode.into(),
        operating_system: operating_system(described).into(),
        requires: requires.join(" "),
        own: own.unwrap_or_default(),
        others,
    }
}

/// Which of some containers is the app's own: somebody may have put others beside it, ahead of it too.
fn main_container(containers: &[ContainerDefinition], app: Option<&str>) -> Option<usize> {
    let named = |one: &ContainerDefinition| app.is_some() && one.name() == app;
    let labelled = |one: &ContainerDefinition| own_variables(one).is_some();
    let by_name = containers.iter().position(named);
    let by_label = || containers.iter().position(labelled);
    by_name
        .or_else(by_label)
        .or((!containers.is_empty()).then_some(0))
}

fn architecture(described: &TaskDefinition) -> &str {
    let platform = described.runtime_platform();
    let architecture = platform.and_then(|platform| platform.cpu_architecture());
    non_empty(architecture.map(|architecture| architecture.as_str())).unwrap_or("X86_64")
}

fn operating_system(described: &TaskDefinition) -> &str {
    let platform = described.runtime_platform();
    let system = platform.and_then(|platform| platform.operating_system_family());
    non_empty(system.map(|system| system.as_str())).unwrap_or("LINUX")
}

/// A text that is not empty: an emulator may answer what nobody set as "".
pub fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
