//! What ECS describes, in the words of `plan.rs`; what it leaves out has ECS's default.

use std::collections::BTreeMap;

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    AssignPublicIp, ContainerDefinition, Service as SdkService, Tag, Task as SdkTask,
    TaskDefinition, TaskStopCode,
};

use crate::cause::Stop;
use crate::plan::{self, Deployment, HaveService, HaveTask, Settings, Tags, Task};

/// How many options of the log driver we set: group, region and prefix.
const LOG_OPTIONS: usize = 3;

/// Reads tags.
pub fn tags(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default()
        .into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

/// Reads a description.
pub fn have_task(task: TaskDefinition, tags: Tags) -> HaveTask {
    let containers = task.container_definitions();
    let names: Vec<&str> = containers
        .iter()
        .filter_map(|container| container.name())
        .collect();
    let none = ContainerDefinition::builder().build();
    let container = containers.first().unwrap_or(&none);
    let ports = container.port_mappings().iter().map(|port| {
        // ECS leaves tcp out where nothing was said.
        format!(
            "{}/{}",
            port.container_port().unwrap_or_default(),
            said(port.protocol().map(|p| p.as_str())).unwrap_or("tcp")
        )
    });
    let log = container.log_configuration();
    let option = |key: &str| {
        log.and_then(|log| log.options())
            .and_then(|o| o.get(key))
            .cloned()
            .unwrap_or_default()
    };
    let requires: Vec<&str> = task
        .requires_compatibilities()
        .iter()
        .map(|one| one.as_str())
        .collect();
    let platform = task.runtime_platform();
    let environment = container.environment().iter().filter_map(|pair| {
        Some((
            pair.name()?.to_string(),
            pair.value().unwrap_or_default().to_string(),
        ))
    });
    let described = Task {
        image: container.image().unwrap_or_default().into(),
        ports: ports.collect::<Vec<_>>().join(" "),
        cpu: task.cpu().unwrap_or_default().into(),
        memory: task.memory().unwrap_or_default().into(),
        check: container.health_check().map(|check| {
            (
                check
                    .command()
                    .strip_prefix(&["CMD-SHELL".to_string()])
                    .unwrap_or(check.command())
                    .join(" "),
                check.start_period().unwrap_or_default(),
            )
        }),
        architecture: said(
            platform
                .and_then(|p| p.cpu_architecture())
                .map(|a| a.as_str()),
        )
        .unwrap_or("X86_64")
        .into(),
        execution_role: task.execution_role_arn().unwrap_or_default().into(),
        environment: environment.collect::<BTreeMap<_, _>>(),
        log_group: option("awslogs-group"),
        fixed: plan::fixed(
            task.network_mode().map_or("bridge", |mode| mode.as_str()),
            &requires.join(" "),
            said(
                platform
                    .and_then(|p| p.operating_system_family())
                    .map(|s| s.as_str()),
            )
            .unwrap_or("LINUX"),
            &names.join(" "),
            container.essential().unwrap_or(true),
            log.map_or("", |log| log.log_driver().as_str()),
            &option("awslogs-region"),
            &option("awslogs-stream-prefix"),
            container
                .linux_parameters()
                .and_then(|linux| linux.init_process_enabled())
                .unwrap_or_default(),
            container.stop_timeout().unwrap_or_default(),
            &others(&task, container),
        ),
    };
    HaveTask {
        task: described,
        task_role: task.task_role_arn.filter(|role| !role.is_empty()),
        registered_by: task.registered_by.unwrap_or_default(),
        registered: millis(task.registered_at.as_ref()),
        arn: task.task_definition_arn.unwrap_or_default(),
        tags,
    }
}

/// A text, where there is one: an emulator may answer what nobody said as "".
fn said(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// What a revision says that we never do, by ECS's names: hands registered it.
fn others(task: &TaskDefinition, container: &ContainerDefinition) -> Vec<&'static str> {
    let log = container.log_configuration();
    let check = container.health_check();
    let capabilities = container
        .linux_parameters()
        .and_then(|linux| linux.capabilities());
    // ECS tells these of each check.
    let usual = |value: Option<i32>, default| value.is_none_or(|value| value == default);
    let all = [
        ("command", !container.command().is_empty()),
        ("entryPoint", !container.entry_point().is_empty()),
        (
            "workingDirectory",
            said(container.working_directory()).is_some(),
        ),
        ("user", said(container.user()).is_some()),
        ("secrets", !container.secrets().is_empty()),
        (
            "environmentFiles",
            !container.environment_files().is_empty(),
        ),
        (
            "repositoryCredentials",
            container.repository_credentials().is_some(),
        ),
        ("container cpu", container.cpu() != 0),
        (
            "container memory",
            container
                .memory()
                .or(container.memory_reservation())
                .is_some(),
        ),
        ("ulimits", !container.ulimits().is_empty()),
        ("mountPoints", !container.mount_points().is_empty()),
        ("volumesFrom", !container.volumes_from().is_empty()),
        (
            "readonlyRootFilesystem",
            container.readonly_root_filesystem() == Some(true),
        ),
        ("privileged", container.privileged() == Some(true)),
        (
            "capabilities",
            capabilities.is_some_and(|these| !these.add().is_empty() || !these.drop().is_empty()),
        ),
        ("systemControls", !container.system_controls().is_empty()),
        ("dependsOn", !container.depends_on().is_empty()),
        ("startTimeout", container.start_timeout().is_some()),
        (
            "restartPolicy",
            container
                .restart_policy()
                .is_some_and(|policy| policy.enabled()),
        ),
        (
            "firelensConfiguration",
            container.firelens_configuration().is_some(),
        ),
        (
            "dockerLabels",
            container
                .docker_labels()
                .is_some_and(|labels| !labels.is_empty()),
        ),
        (
            "log options",
            log.and_then(|log| log.options())
                .is_some_and(|options| options.len() > LOG_OPTIONS),
        ),
        (
            "log secretOptions",
            log.is_some_and(|log| !log.secret_options().is_empty()),
        ),
        (
            "check interval",
            !usual(check.and_then(|check| check.interval()), 30),
        ),
        (
            "check timeout",
            !usual(check.and_then(|check| check.timeout()), 5),
        ),
        (
            "check retries",
            !usual(check.and_then(|check| check.retries()), 3),
        ),
        ("volumes", !task.volumes().is_empty()),
        ("ephemeralStorage", task.ephemeral_storage().is_some()),
        (
            "pidMode",
            said(task.pid_mode().map(|mode| mode.as_str())).is_some(),
        ),
        ("proxyConfiguration", task.proxy_configuration().is_some()),
        (
            "enableFaultInjection",
            task.enable_fault_injection() == Some(true),
        ),
    ];
    all.into_iter()
        .filter(|(_, is_said)| *is_said)
        .map(|(name, _)| name)
        .collect()
}

/// Reads a description.
pub fn have_service(service: SdkService) -> HaveService {
    let network = service
        .network_configuration()
        .and_then(|network| network.awsvpc_configuration());
    let subnets = network
        .map(|network| network.subnets().to_vec())
        .unwrap_or_default();
    let groups = network
        .map(|network| network.security_groups().to_vec())
        .unwrap_or_default();
    let deployment = service.deployment_configuration();
    let breaker = deployment.and_then(|deployment| deployment.deployment_circuit_breaker());
    let targets = service.load_balancers().iter();
    let join = |words: Vec<String>| words.join(" ");
    let settings = Settings {
        task_definition: service.task_definition().unwrap_or_default().into(),
        count: service.desired_count(),
        grace: service
            .health_check_grace_period_seconds()
            .unwrap_or_default(),
        subnets,
        groups,
        public_ip: network.and_then(|n| n.assign_public_ip()) == Some(&AssignPublicIp::Enabled),
        target_group: join(
            targets
                .clone()
                .filter_map(|t| t.target_group_arn().map(String::from))
                .collect(),
        ),
        target: join(
            targets
                .map(|t| {
                    format!(
                        "{}:{}",
                        t.container_name().unwrap_or_default(),
                        t.container_port().unwrap_or_default()
                    )
                })
                .collect(),
        ),
        circuit_breaker: breaker.is_some_and(|breaker| breaker.enable()),
        rollback: breaker.is_some_and(|breaker| breaker.rollback()),
        minimum: deployment
            .and_then(|d| d.minimum_healthy_percent())
            .unwrap_or(100),
        maximum: deployment.and_then(|d| d.maximum_percent()).unwrap_or(200),
        rebalancing: service
            .availability_zone_rebalancing()
            .map_or("DISABLED", |r| r.as_str())
            .into(),
        propagate_tags: service
            .propagate_tags()
            .map_or("NONE", |p| p.as_str())
            .into(),
        managed_tags: service.enable_ecs_managed_tags(),
        platform: service.platform_version().unwrap_or("LATEST").into(),
        launch_type: match service.capacity_provider_strategy() {
            [] => service
                .launch_type()
                .map(|launch| launch.as_str().to_string())
                .unwrap_or_default(),
            providers => join(
                providers
                    .iter()
                    .map(|one| one.capacity_provider().to_string())
                    .collect(),
            ),
        },
        controller: service
            .deployment_controller()
            .map_or("ECS", |c| c.r#type().as_str())
            .into(),
    };
    let deployments = service.deployments().iter().map(|deployment| Deployment {
        status: deployment.status().unwrap_or_default().into(),
        task_definition: deployment.task_definition().unwrap_or_default().into(),
        rollout: deployment
            .rollout_state()
            .map(|state| state.as_str().to_string())
            .unwrap_or_default(),
        reason: deployment.rollout_state_reason().unwrap_or_default().into(),
        failed: deployment.failed_tasks(),
        id: deployment.id().unwrap_or_default().into(),
        begun: millis(deployment.created_at()),
        moved: millis(deployment.updated_at().or(deployment.created_at())),
    });
    HaveService {
        deployments: deployments.collect(),
        events: service
            .events()
            .iter()
            .map(|event| {
                (
                    millis(event.created_at()),
                    event.message().unwrap_or_default().into(),
                )
            })
            .collect(),
        created: service
            .created_at()
            .map(|at| at.secs().to_string())
            .unwrap_or_default(),
        running: service.running_count(),
        forgets: service.health_check_grace_period_seconds().is_none()
            && service.availability_zone_rebalancing().is_none()
            && service
                .deployment_configuration()
                .is_none_or(|this| this.deployment_circuit_breaker().is_none()),
        settings,
        name: service.service_name.unwrap_or_default(),
        arn: service.service_arn.unwrap_or_default(),
        status: service.status.unwrap_or_default(),
        tags: tags(service.tags),
    }
}

fn millis(at: Option<&DateTime>) -> i64 {
    at.and_then(|at| at.to_millis().ok()).unwrap_or_default()
}

/// Reads a task that stopped: ECS's reason, its container's, and how that one ended.
pub fn have_stop(task: &SdkTask) -> Stop {
    let containers = task.containers();
    let exit = containers
        .iter()
        .find_map(|container| container.exit_code())
        .filter(|code| *code != 0);
    let reasons = [
        task.stopped_reason().map(String::from),
        containers
            .iter()
            .find_map(|container| container.reason())
            .map(String::from),
        exit.map(|code| format!("exit code {code}")),
    ];
    let mut reasons: Vec<String> = reasons
        .into_iter()
        .flatten()
        .filter(|reason| !reason.is_empty())
        .collect();
    reasons.dedup(); // ECS may say the same of both
    Stop {
        task: task
            .task_arn()
            .unwrap_or_default()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .into(),
        task_definition: task.task_definition_arn().unwrap_or_default().into(),
        deployment: task.started_by().unwrap_or_default().into(),
        failed: matches!(
            task.stop_code(),
            Some(TaskStopCode::TaskFailedToStart | TaskStopCode::EssentialContainerExited)
        ) || task
            .stopped_reason()
            .is_some_and(|reason| reason.contains("health checks")),
        reason: reasons.join(": "),
    }
}
