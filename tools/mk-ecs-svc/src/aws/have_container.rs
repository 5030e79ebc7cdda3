//! Reading ECS's description of a container into the types of plan.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_ecs::types::{
    ContainerDefinition, EfsAuthorizationConfigIam, EfsTransitEncryption, EfsVolumeConfiguration,
    HealthCheck as SdkHealthCheck, LogConfiguration, MountPoint, TaskDefinition, UlimitName,
};
use plumbing::Mount;

use super::container::TMP;
use super::foreign;
use super::have_revision::non_empty;
use crate::plan::container::{Container, HealthCheck, Log};
use crate::plan::{command, mounts, variables};

/// The labels of a container that name the variables that we set, the user, and which versions its
/// secrets had.
pub const VARIABLES: &str = "plumbline.variables";
pub const USER: &str = "plumbline.user";
pub const SECRETS: &str = "plumbline.secrets";
/// How a health check's command begins that a shell runs, and one that is run as it is.
const SHELL: &str = "CMD-SHELL";
pub const NO_SHELL: &str = "CMD";

/// Reads the description of a container of a task definition.
pub fn have_container(task: &TaskDefinition, described: &ContainerDefinition) -> Container {
    let linux = described.linux_parameters();
    let capabilities = linux.and_then(|linux| linux.capabilities());
    let dropped = capabilities.map(|capabilities| capabilities.drop());
    let mut dropped_capabilities = dropped.unwrap_or_default().to_vec();
    dropped_capabilities.sort();
    let tmpfs = linux.map(|linux| linux.tmpfs()).unwrap_or_default();
    let tmp = tmpfs.iter().find(|one| one.container_path() == TMP);
    let user = non_empty(described.user()).unwrap_or_default();
    Container {
        name: described.name().unwrap_or_default().into(),
        image: described.image().unwrap_or_default().into(),
        ports: ports(described),
        command: described.command().to_vec(),
        entrypoint: described.entry_point().to_vec(),
        environment: environment(described),
        own_variables: own_variables(described),
        secrets: secrets(described),
        secret_versions: label(described, SECRETS).map(String::from),
        env_files: environment_files(described),
        check: described.health_check().and_then(health_check),
        essential: described.essential().unwrap_or(true),
        after: dependencies(described),
        memory: described.memory(),
        read_only_root: described.readonly_root_filesystem() == Some(true),
        tmp: tmp.map(|tmp| tmp.size()),
        own_user: !user.is_empty() && label(described, USER) == Some(user),
        user: user.into(),
        dropped_capabilities,
        init_process: linux.and_then(|linux| linux.init_process_enabled()) == Some(true),
        nofile: nofile(described),
        mounts: file_systems(task, described),
        log: log(described),
        stop_timeout: described.stop_timeout().unwrap_or_default(),
        other_settings: foreign::of_container(task, described),
    }
}

fn label<'a>(container: &'a ContainerDefinition, name: &str) -> Option<&'a str> {
    container.docker_labels()?.get(name).map(String::as_str)
}

/// The names in our label, if there is one.
pub fn own_variables(container: &ContainerDefinition) -> Option<Vec<String>> {
    label(container, VARIABLES).map(variables::names)
}

fn ports(container: &ContainerDefinition) -> String {
    let mut ports = Vec::new();
    for mapping in container.port_mappings() {
        let number = mapping.container_port().unwrap_or_default();
        // ECS leaves tcp out where no protocol was set.
        let protocol = mapping.protocol().map(|protocol| protocol.as_str());
        let protocol = non_empty(protocol).unwrap_or("tcp");
        ports.push(format!("{number}/{protocol}"));
    }
    ports.join(" ")
}

/// The check as what a shell runs; nothing where it was switched off.
fn health_check(described: &SdkHealthCheck) -> Option<HealthCheck> {
    let command = match described.command() {
        [how, command @ ..] if how == SHELL => command.join(" "),
        [how, command @ ..] if how == NO_SHELL => command::in_shell(command),
        [how] if how == "NONE" => return None,
        command => command.join(" "),
    };
    Some(HealthCheck {
        command,
        start_period: described.start_period().unwrap_or_default(),
    })
}

fn environment(container: &ContainerDefinition) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for pair in container.environment() {
        if let Some(key) = pair.name() {
            let value = pair.value().unwrap_or_default();
            environment.insert(key.to_string(), value.to_string());
        }
    }
    environment
}

fn secrets(container: &ContainerDefinition) -> BTreeMap<String, String> {
    let secrets = container.secrets().iter();
    let secrets = secrets.map(|secret| (secret.name().into(), secret.value_from().into()));
    secrets.collect()
}

fn environment_files(container: &ContainerDefinition) -> Vec<String> {
    let files = container.environment_files().iter();
    files.map(|file| file.value().to_string()).collect()
}

fn dependencies(container: &ContainerDefinition) -> BTreeMap<String, String> {
    let mut after = BTreeMap::new();
    for one in container.depends_on() {
        let when = one.condition().as_str().to_string();
        after.insert(one.container_name().to_string(), when);
    }
    after
}

fn nofile(container: &ContainerDefinition) -> String {
    let mut limits = container.ulimits().iter();
    let found = limits.find(|limit| *limit.name() == UlimitName::Nofile);
    found.map_or_else(String::new, |limit| {
        format!("{}:{}", limit.soft_limit(), limit.hard_limit())
    })
}

/// The options of the log driver.
pub fn log_options(container: &ContainerDefinition) -> Option<&HashMap<String, String>> {
    container
        .log_configuration()
        .and_then(LogConfiguration::options)
}

fn log(container: &ContainerDefinition) -> Log {
    let option = |key: &str| {
        let option = log_options(container).and_then(|options| options.get(key));
        option.cloned().unwrap_or_default()
    };
    let driver = container.log_configuration().map(|log| log.log_driver());
    Log {
        driver: driver.map_or("", |driver| driver.as_str()).into(),
        group: option("awslogs-group"),
        region: option("awslogs-region"),
        prefix: option("awslogs-stream-prefix"),
        mode: option("mode"),
        buffer: option("max-buffer-size"),
    }
}

/// The file system of EFS that a mount point leads to, if it does.
pub fn file_system<'a>(
    task: &'a TaskDefinition,
    point: &MountPoint,
) -> Option<&'a EfsVolumeConfiguration> {
    let mut volumes = task.volumes().iter();
    let volume = volumes.find(|volume| volume.name() == point.source_volume())?;
    volume.efs_volume_configuration()
}

/// Each as a record says it. What no record can say of one follows it, after a blank.
fn file_systems(task: &TaskDefinition, container: &ContainerDefinition) -> Vec<String> {
    let mut all = Vec::new();
    for point in container.mount_points() {
        let Some(efs) = file_system(task, point) else {
            continue;
        };
        let authorization = efs.authorization_config();
        let access_point = authorization.and_then(|these| these.access_point_id());
        let mount = Mount {
            file_system: efs.file_system_id().into(),
            directory: non_empty(efs.root_directory()).unwrap_or("/").into(),
            access_point: non_empty(access_point).map(String::from),
            at: point.container_path().unwrap_or_default().into(),
            read_only: point.read_only() == Some(true),
        };
        let mut text = mounts::texts(&[mount]).concat();
        if efs.transit_encryption() != Some(&EfsTransitEncryption::Enabled) {
            text.push_str(" (unencrypted)");
        }
        let iam = authorization.and_then(|these| these.iam());
        if iam != Some(&EfsAuthorizationConfigIam::Enabled) {
            text.push_str(" (without IAM)");
        }
        if efs.transit_encryption_port().is_some() {
            text.push_str(" (by a port of its own)");
        }
        all.push((point.container_path(), text));
    }
    all.sort();
    all.into_iter().map(|(_, text)| text).collect()
}
