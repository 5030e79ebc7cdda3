//! ECS's names of settings that we never make: somebody registered the revision by hand.

use std::collections::HashMap;

use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinition, UlimitName};

use super::container::TMP;
use super::have_container::{NO_SHELL, SECRETS, USER, VARIABLES, file_system, log_options};
use super::have_revision::non_empty;

/// The settings that ECS adds to a health check where it was registered without them.
const CHECK_INTERVAL: i32 = 30;
const CHECK_TIMEOUT: i32 = 5;
const CHECK_RETRIES: i32 = 3;
/// The options of the log driver that we set.
const LOG_OPTIONS: [&str; 5] = [
    "awslogs-group",
    "awslogs-region",
    "awslogs-stream-prefix",
    "mode",
    "max-buffer-size",
];

/// Those of a container.
pub fn of_container(task: &TaskDefinition, container: &ContainerDefinition) -> Vec<&'static str> {
    set(&[
        of_process(container),
        of_place(task, container),
        of_log_and_check(container),
    ])
}

/// Those that all containers of a task share.
pub fn of_task(described: &TaskDefinition) -> Vec<&'static str> {
    let pid_mode = described.pid_mode().map(|mode| mode.as_str());
    let proxy = described.proxy_configuration();
    let faults = described.enable_fault_injection();
    let is_used = |name: Option<&str>| {
        let containers = described.container_definitions().iter();
        let mut points = containers.flat_map(|one| one.mount_points());
        points.any(|point| point.source_volume() == name)
    };
    let mut volumes = described.volumes().iter();
    let other_volumes =
        volumes.any(|one| one.efs_volume_configuration().is_none() || !is_used(one.name()));
    set(&[vec![
        ("volumes", other_volumes),
        ("pidMode", non_empty(pid_mode).is_some()),
        ("proxyConfiguration", proxy.is_some()),
        ("enableFaultInjection", faults == Some(true)),
    ]])
}

/// The names of the settings that are set.
fn set(all: &[Vec<(&'static str, bool)>]) -> Vec<&'static str> {
    let all = all.iter().flatten();
    all.filter_map(|(name, is_set)| is_set.then_some(*name))
        .collect()
}

/// What the container runs.
fn of_process(container: &ContainerDefinition) -> Vec<(&'static str, bool)> {
    let credentials = container.repository_credentials();
    let directory = non_empty(container.working_directory());
    let reserved = container.memory_reservation();
    vec![
        ("workingDirectory", directory.is_some()),
        ("repositoryCredentials", credentials.is_some()),
        ("container cpu", container.cpu() != 0),
        ("memoryReservation", reserved.is_some()),
    ]
}

/// What the container has and may do.
fn of_place(task: &TaskDefinition, container: &ContainerDefinition) -> Vec<(&'static str, bool)> {
    let linux = container.linux_parameters();
    let capabilities = linux.and_then(|linux| linux.capabilities());
    let has_capabilities = capabilities.is_some_and(|these| !these.add().is_empty());
    let tmpfs = linux.map(|linux| linux.tmpfs()).unwrap_or_default();
    let other_tmpfs = |one: &aws_sdk_ecs::types::Tmpfs| {
        one.container_path() != TMP || !one.mount_options().is_empty()
    };
    let restart = container.restart_policy();
    let labels = container.docker_labels().into_iter().flatten();
    let ours = [VARIABLES, USER, SECRETS];
    let other_labels = labels.filter(|(label, _)| !ours.contains(&label.as_str()));
    let mut limits = container.ulimits().iter();
    let mut points = container.mount_points().iter();
    let firelens = container.firelens_configuration();
    vec![
        (
            "ulimits",
            limits.any(|limit| *limit.name() != UlimitName::Nofile),
        ),
        (
            "mountPoints",
            points.any(|point| file_system(task, point).is_none()),
        ),
        ("tmpfs", tmpfs.iter().any(other_tmpfs)),
        ("volumesFrom", !container.volumes_from().is_empty()),
        ("privileged", container.privileged() == Some(true)),
        ("capabilities", has_capabilities),
        ("systemControls", !container.system_controls().is_empty()),
        ("startTimeout", container.start_timeout().is_some()),
        (
            "restartPolicy",
            restart.is_some_and(|policy| policy.enabled()),
        ),
        ("firelensConfiguration", firelens.is_some()),
        ("dockerLabels", other_labels.count() > 0),
    ]
}

/// How the container logs, and how often its health is checked.
fn of_log_and_check(container: &ContainerDefinition) -> Vec<(&'static str, bool)> {
    let mut options = log_options(container).into_iter().flat_map(HashMap::keys);
    let other_options = options.any(|option| !LOG_OPTIONS.contains(&option.as_str()));
    let log = container.log_configuration();
    let has_secrets = log.is_some_and(|log| !log.secret_options().is_empty());
    let mut settings = vec![
        ("log options", other_options),
        ("log secretOptions", has_secrets),
    ];
    if let Some(check) = container.health_check() {
        let interval = check.interval().unwrap_or(CHECK_INTERVAL);
        let timeout = check.timeout().unwrap_or(CHECK_TIMEOUT);
        let retries = check.retries().unwrap_or(CHECK_RETRIES);
        let first = check.command().first();
        let has_no_shell = first.is_some_and(|how| how == NO_SHELL);
        settings.push(("check without a shell", has_no_shell));
        settings.push(("check interval", interval != CHECK_INTERVAL));
        settings.push(("check timeout", timeout != CHECK_TIMEOUT));
        settings.push(("check retries", retries != CHECK_RETRIES));
    }
    settings
}
