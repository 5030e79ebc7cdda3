//! Reading ECS's description of a revision into the types of plan. What it leaves out has ECS's
//! default.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_ecs::types::{
    ContainerDefinition, HealthCheck as SdkHealthCheck, LogConfiguration, NetworkMode,
    TaskDefinition,
};

use super::convert::millis;
use crate::plan::definition::{Definition, Hardening, HaveRevision, HealthCheck};
use crate::plan::{command, size, variables};

/// The label of a container that names the variables that we set.
pub const VARIABLES: &str = "plumbline.variables";
/// How many options of the log driver we set: group, region and prefix.
const LOG_OPTIONS: usize = 3;
/// The settings that ECS adds to a health check where it was registered without them.
const CHECK_INTERVAL: i32 = 30;
const CHECK_TIMEOUT: i32 = 5;
const CHECK_RETRIES: i32 = 3;
/// How a health check's command begins that a shell runs, and one that is run as it is.
const SHELL: &str = "CMD-SHELL";
const NO_SHELL: &str = "CMD";

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
        task_role: described.task_role_arn.filter(|role| !role.is_empty()),
        registered_by: described.registered_by.unwrap_or_default(),
        arn: described.task_definition_arn.unwrap_or_default(),
        tags,
    }
}

fn definition(described: &TaskDefinition, app: Option<&str>) -> Definition {
    let none = ContainerDefinition::builder().build();
    let containers = described.container_definitions();
    let container = main_container(containers, app).unwrap_or(&none);
    let names: Vec<&str> = containers.iter().filter_map(|one| one.name()).collect();
    let requires = described.requires_compatibilities().iter();
    let requires: Vec<&str> = requires.map(|one| one.as_str()).collect();
    let network_mode = described
        .network_mode()
        .map_or("bridge", NetworkMode::as_str);
    let linux = container.linux_parameters();
    Definition {
        image: container.image().unwrap_or_default().into(),
        ports: ports(container),
        cpu: size::in_units(described.cpu().unwrap_or_default(), "vcpu"),
        memory: size::in_units(described.memory().unwrap_or_default(), "gb"),
        architecture: architecture(described).into(),
        check: container.health_check().and_then(health_check),
        execution_role: described.execution_role_arn().unwrap_or_default().into(),
        environment: environment(container),
        log_group: log_option(container, "awslogs-group"),
        containers: names.join(" "),
        essential: container.essential().unwrap_or(true),
        hardening: hardening(container),
        init_process: linux.and_then(|linux| linux.init_process_enabled()) == Some(true),
        log_driver: log_driver(container).into(),
        log_region: log_option(container, "awslogs-region"),
        log_stream_prefix: log_option(container, "awslogs-stream-prefix"),
        network_mode: network_mode.into(),
        operating_system: operating_system(described).into(),
        other_settings: other_settings(described, container),
        requires: requires.join(" "),
        stop_timeout: container.stop_timeout().unwrap_or_default(),
        own_variables: own_variables(container),
    }
}

/// The app's own among some containers: somebody may have put others beside it, ahead of it too.
fn main_container<'a>(
    containers: &'a [ContainerDefinition],
    app: Option<&str>,
) -> Option<&'a ContainerDefinition> {
    let named = |one: &&ContainerDefinition| app.is_some() && one.name() == app;
    let labelled = |one: &&ContainerDefinition| own_variables(one).is_some();
    let mut by_name = containers.iter();
    let mut by_label = containers.iter();
    let found = by_name.find(named).or_else(|| by_label.find(labelled));
    found.or(containers.first())
}

fn hardening(container: &ContainerDefinition) -> Hardening {
    let linux = container.linux_parameters();
    let capabilities = linux.and_then(|linux| linux.capabilities());
    let dropped = capabilities.map(|capabilities| capabilities.drop());
    let mut dropped_capabilities = dropped.unwrap_or_default().to_vec();
    dropped_capabilities.sort();
    Hardening {
        read_only_root: container.readonly_root_filesystem() == Some(true),
        user: user(container)
            .filter(|user| !is_root(user))
            .unwrap_or_default()
            .into(),
        dropped_capabilities,
    }
}

fn user(container: &ContainerDefinition) -> Option<&str> {
    non_empty(container.user())
}

/// Whether a user is root, whatever its group.
fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    matches!(name, "root" | "0")
}

/// The names in our label, if there is one.
fn own_variables(container: &ContainerDefinition) -> Option<Vec<String>> {
    let label = container.docker_labels()?.get(VARIABLES)?;
    Some(variables::names(label))
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

fn log_driver(container: &ContainerDefinition) -> &str {
    match container.log_configuration() {
        Some(log) => log.log_driver().as_str(),
        None => "",
    }
}

fn log_options(container: &ContainerDefinition) -> Option<&HashMap<String, String>> {
    container
        .log_configuration()
        .and_then(LogConfiguration::options)
}

fn log_option(container: &ContainerDefinition, key: &str) -> String {
    let option = log_options(container).and_then(|options| options.get(key));
    option.cloned().unwrap_or_default()
}

/// A text that is not empty: an emulator may answer what nobody set as "".
fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The names of the settings that we never make: somebody registered the revision by hand.
fn other_settings(
    described: &TaskDefinition,
    container: &ContainerDefinition,
) -> Vec<&'static str> {
    let mut names = Vec::new();
    let all = [
        other_settings_of_process(container),
        other_settings_of_container(container),
        other_settings_of_log_and_check(container),
        other_settings_of_task(described),
    ];
    for (name, is_set) in all.into_iter().flatten() {
        if is_set {
            names.push(name);
        }
    }
    names
}

/// What the container runs, and as whom.
fn other_settings_of_process(container: &ContainerDefinition) -> Vec<(&'static str, bool)> {
    let memory = container.memory().or(container.memory_reservation());
    let credentials = container.repository_credentials();
    vec![
        ("command", !container.command().is_empty()),
        ("entryPoint", !container.entry_point().is_empty()),
        (
            "workingDirectory",
            non_empty(container.working_directory()).is_some(),
        ),
        ("user", user(container).is_some_and(is_root)),
        ("secrets", !container.secrets().is_empty()),
        (
            "environmentFiles",
            !container.environment_files().is_empty(),
        ),
        ("repositoryCredentials", credentials.is_some()),
        ("container cpu", container.cpu() != 0),
        ("container memory", memory.is_some()),
    ]
}

/// What the container has and may do.
fn other_settings_of_container(container: &ContainerDefinition) -> Vec<(&'static str, bool)> {
    let linux = container.linux_parameters();
    let capabilities = linux.and_then(|linux| linux.capabilities());
    let has_capabilities = capabilities.is_some_and(|these| !these.add().is_empty());
    let restart = container.restart_policy();
    let labels = container.docker_labels().into_iter().flatten();
    let other_labels = labels.filter(|(label, _)| *label != VARIABLES);
    vec![
        ("ulimits", !container.ulimits().is_empty()),
        ("mountPoints", !container.mount_points().is_empty()),
        ("volumesFrom", !container.volumes_from().is_empty()),
        ("privileged", container.privileged() == Some(true)),
        ("capabilities", has_capabilities),
        ("systemControls", !container.system_controls().is_empty()),
        ("dependsOn", !container.depends_on().is_empty()),
        ("startTimeout", container.start_timeout().is_some()),
        (
            "restartPolicy",
            restart.is_some_and(|policy| policy.enabled()),
        ),
        (
            "firelensConfiguration",
            container.firelens_configuration().is_some(),
        ),
        ("dockerLabels", other_labels.count() > 0),
    ]
}

/// How the container logs, and how often its health is checked.
fn other_settings_of_log_and_check(container: &ContainerDefinition) -> Vec<(&'static str, bool)> {
    let options = log_options(container).map_or(0, HashMap::len);
    let log = container.log_configuration();
    let has_secrets = log.is_some_and(|log| !log.secret_options().is_empty());
    let mut settings = vec![
        ("log options", options > LOG_OPTIONS),
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

/// What all containers of a task share.
fn other_settings_of_task(described: &TaskDefinition) -> Vec<(&'static str, bool)> {
    let storage = described.ephemeral_storage();
    let pid_mode = described.pid_mode().map(|mode| mode.as_str());
    let proxy = described.proxy_configuration();
    let faults = described.enable_fault_injection();
    vec![
        ("volumes", !described.volumes().is_empty()),
        ("ephemeralStorage", storage.is_some()),
        ("pidMode", non_empty(pid_mode).is_some()),
        ("proxyConfiguration", proxy.is_some()),
        ("enableFaultInjection", faults == Some(true)),
    ]
}
