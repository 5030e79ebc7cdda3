//! What is registered of a container.

use std::collections::BTreeMap;

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::types::{
    ContainerCondition, ContainerDefinition, ContainerDependency, EfsAuthorizationConfig,
    EfsAuthorizationConfigIam, EfsTransitEncryption, EfsVolumeConfiguration, EnvironmentFile,
    EnvironmentFileType, HealthCheck, KernelCapabilities, KeyValuePair, LinuxParameters,
    LogConfiguration, LogDriver, MountPoint, PortMapping, Secret, Tmpfs, TransportProtocol, Ulimit,
    UlimitName, Volume,
};
use plumbing::{Mount, soft_and_hard};

use super::have_container::{SECRETS, USER, VARIABLES};
use crate::plan::container::Container;
use crate::plan::definition::Definition;
use crate::plan::variables;

/// Where a container may write whatever else it may not.
pub const TMP: &str = "/tmp";

/// The containers of a task, the app's own first.
pub fn containers(want: &Definition) -> Result<Vec<ContainerDefinition>, BuildError> {
    let all = std::iter::once(&want.own).chain(want.others.values());
    all.map(container).collect()
}

/// The file systems of EFS of a task.
pub fn volumes(want: &Definition) -> Result<Vec<Volume>, BuildError> {
    let mounts = mounts(&want.own);
    mounts.iter().enumerate().map(volume).collect()
}

fn container(want: &Container) -> Result<ContainerDefinition, BuildError> {
    let user = Some(want.user.clone()).filter(|user| !user.is_empty());
    let mut environment = Vec::new();
    for (key, value) in &want.environment {
        environment.push(KeyValuePair::builder().name(key).value(value).build());
    }
    let mounts = mounts(want);
    Ok(ContainerDefinition::builder()
        .name(&want.name)
        .image(&want.image)
        .essential(want.essential)
        .set_port_mappings(port(want).map(|port| vec![port]))
        .set_command(not_empty(want.command.clone()))
        .set_entry_point(not_empty(want.entrypoint.clone()))
        .set_environment(Some(environment))
        .set_secrets(not_empty(secrets(want)?))
        .set_environment_files(not_empty(environment_files(want)?))
        .log_configuration(log_configuration(want)?)
        .linux_parameters(linux_parameters(want)?)
        .set_docker_labels(Some(labels(want).into_iter().collect()))
        .set_readonly_root_filesystem(want.read_only_root.then_some(true))
        .set_user(user)
        .set_health_check(health_check(want)?)
        .set_depends_on(not_empty(dependencies(want)?))
        .set_ulimits(not_empty(ulimits(want)?))
        .set_mount_points(not_empty(
            mounts.iter().enumerate().map(mount_point).collect(),
        ))
        .set_memory(want.memory)
        .stop_timeout(want.stop_timeout)
        .build())
}

/// What is empty is not said: an option that is off changes nothing of the request.
fn not_empty<T>(all: Vec<T>) -> Option<Vec<T>> {
    (!all.is_empty()).then_some(all)
}

fn port(want: &Container) -> Option<PortMapping> {
    let number = want.port()?.try_into().ok()?;
    let port = PortMapping::builder().container_port(number);
    Some(port.protocol(TransportProtocol::Tcp).build())
}

fn secrets(want: &Container) -> Result<Vec<Secret>, BuildError> {
    let secret =
        |(name, place): (&String, &String)| Secret::builder().name(name).value_from(place).build();
    want.secrets.iter().map(secret).collect()
}

fn environment_files(want: &Container) -> Result<Vec<EnvironmentFile>, BuildError> {
    let file = |arn: &String| {
        let file = EnvironmentFile::builder().value(arn);
        file.r#type(EnvironmentFileType::S3).build()
    };
    want.env_files.iter().map(file).collect()
}

/// What tells a later run what of the container is ours.
fn labels(want: &Container) -> BTreeMap<String, String> {
    let names = want.own_variables.clone().unwrap_or_default();
    let mut labels = BTreeMap::from([(VARIABLES.to_string(), variables::label(&names))]);
    if want.own_user {
        labels.insert(USER.into(), want.user.clone());
    }
    if let Some(versions) = &want.secret_versions {
        labels.insert(SECRETS.into(), versions.clone());
    }
    labels
}

fn linux_parameters(want: &Container) -> Result<LinuxParameters, BuildError> {
    let dropped = want.dropped_capabilities.clone();
    let dropping = |dropped| {
        KernelCapabilities::builder()
            .set_drop(Some(dropped))
            .build()
    };
    let mut tmpfs = None;
    if let Some(size) = want.tmp {
        let tmp = Tmpfs::builder().container_path(TMP).size(size).build()?;
        tmpfs = Some(vec![tmp]);
    }
    Ok(LinuxParameters::builder()
        .init_process_enabled(want.init_process)
        .set_capabilities(not_empty(dropped).map(dropping))
        .set_tmpfs(tmpfs)
        .build())
}

fn log_configuration(want: &Container) -> Result<LogConfiguration, BuildError> {
    let log = &want.log;
    let buffer = Some(&log.buffer).filter(|buffer| !buffer.is_empty());
    let mut options = vec![
        ("awslogs-group", &log.group),
        ("awslogs-region", &log.region),
        ("awslogs-stream-prefix", &log.prefix),
        ("mode", &log.mode),
    ];
    options.extend(buffer.map(|buffer| ("max-buffer-size", buffer)));
    let options = options.into_iter();
    let options = options.map(|(key, value)| (key.to_string(), value.clone()));
    LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .set_options(Some(options.collect()))
        .build()
}

fn health_check(want: &Container) -> Result<Option<HealthCheck>, BuildError> {
    let Some(check) = &want.check else {
        return Ok(None);
    };
    let check = HealthCheck::builder()
        .command("CMD-SHELL")
        .command(&check.command)
        .start_period(check.start_period)
        .build()?;
    Ok(Some(check))
}

fn dependencies(want: &Container) -> Result<Vec<ContainerDependency>, BuildError> {
    let dependency = |(name, when): (&String, &String)| {
        let dependency = ContainerDependency::builder().container_name(name);
        let condition = ContainerCondition::from(when.as_str());
        dependency.condition(condition).build()
    };
    want.after.iter().map(dependency).collect()
}

fn ulimits(want: &Container) -> Result<Vec<Ulimit>, BuildError> {
    let Some((soft, hard)) = soft_and_hard(&want.nofile) else {
        return Ok(Vec::new());
    };
    let limit = Ulimit::builder().name(UlimitName::Nofile);
    Ok(vec![limit.soft_limit(soft).hard_limit(hard).build()?])
}

fn mounts(want: &Container) -> Vec<Mount> {
    let wish = plumbing::Container {
        mounts: want.mounts.clone(),
        ..Default::default()
    };
    wish.mounts()
}

/// What the volume of a mount is called in its task definition.
fn volume_name(number: usize) -> String {
    format!("efs-{}", number + 1)
}

fn mount_point((number, mount): (usize, &Mount)) -> MountPoint {
    MountPoint::builder()
        .source_volume(volume_name(number))
        .container_path(&mount.at)
        .read_only(mount.read_only)
        .build()
}

/// Encrypted on its way, and with the rights of the tasks' role: what the file system's policy asks for
/// where it asks for anything. An access point has a directory of its own.
fn volume((number, mount): (usize, &Mount)) -> Result<Volume, BuildError> {
    let authorization = EfsAuthorizationConfig::builder()
        .set_access_point_id(mount.access_point.clone())
        .iam(EfsAuthorizationConfigIam::Enabled)
        .build();
    let directory = Some(mount.directory.clone()).filter(|_| mount.access_point.is_none());
    let efs = EfsVolumeConfiguration::builder()
        .file_system_id(&mount.file_system)
        .set_root_directory(directory)
        .transit_encryption(EfsTransitEncryption::Enabled)
        .authorization_config(authorization)
        .build()?;
    let volume = Volume::builder().name(volume_name(number));
    Ok(volume.efs_volume_configuration(efs).build())
}
