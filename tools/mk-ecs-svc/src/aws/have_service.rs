//! Reading ECS's description of a service into the types of plan. What it leaves out has ECS's
//! default.

use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, Deployment as SdkDeployment,
    DeploymentConfiguration, PropagateTags, Service, ServiceEvent,
};

use super::convert::{have_tags, millis, providers};
use crate::plan::service::{Deployment, Event, HaveService, Settings};
use crate::plan::shift::{Pair, ROLLING, Strategy};

/// Reads a description.
pub fn have_service(described: Service) -> HaveService {
    let created = described.created_at().map(|time| time.secs().to_string());
    HaveService {
        settings: settings(&described),
        omits_settings: omits_settings(&described),
        deployments: described.deployments().iter().map(deployment).collect(),
        events: described.events().iter().map(event).collect(),
        created: created.unwrap_or_default(),
        running: described.running_count(),
        name: described.service_name.unwrap_or_default(),
        arn: described.service_arn.unwrap_or_default(),
        status: described.status.unwrap_or_default(),
        tags: have_tags(described.tags),
    }
}

fn settings(described: &Service) -> Settings {
    let rebalancing = described
        .availability_zone_rebalancing()
        .map_or("DISABLED", AvailabilityZoneRebalancing::as_str);
    let propagate_tags = described
        .propagate_tags()
        .map_or("NONE", PropagateTags::as_str);
    let mut settings = Settings {
        task_definition: described.task_definition().unwrap_or_default().into(),
        count: described.desired_count(),
        grace: described
            .health_check_grace_period_seconds()
            .unwrap_or_default(),
        minimum: 100,
        maximum: 200,
        rebalancing: rebalancing.into(),
        propagate_tags: propagate_tags.into(),
        managed_tags: described.enable_ecs_managed_tags(),
        execute_command: described.enable_execute_command(),
        platform: described.platform_version().unwrap_or("LATEST").into(),
        launch_type: launch_type(described),
        providers: providers(described.capacity_provider_strategy()),
        controller: controller(described),
        ..Settings::default()
    };
    read_network(described, &mut settings);
    read_load_balancers(described, &mut settings);
    read_deployment_configuration(described, &mut settings);
    settings
}

fn launch_type(described: &Service) -> String {
    match described.launch_type() {
        Some(launch_type) => launch_type.as_str().to_string(),
        None => String::new(),
    }
}

fn controller(described: &Service) -> String {
    match described.deployment_controller() {
        Some(controller) => controller.r#type().as_str().to_string(),
        None => "ECS".to_string(),
    }
}

fn read_network(described: &Service, settings: &mut Settings) {
    let network = described.network_configuration();
    let Some(network) = network.and_then(|network| network.awsvpc_configuration()) else {
        return;
    };
    settings.subnets = network.subnets().to_vec();
    settings.groups = network.security_groups().to_vec();
    settings.public_ip = network.assign_public_ip() == Some(&AssignPublicIp::Enabled);
}

fn read_load_balancers(described: &Service, settings: &mut Settings) {
    let mut target_groups = Vec::new();
    let mut targets = Vec::new();
    for load_balancer in described.load_balancers() {
        if let Some(said) = load_balancer.advanced_configuration() {
            settings.pair = Some(Pair {
                alternate: said.alternate_target_group_arn().unwrap_or_default().into(),
                rule: said.production_listener_rule().unwrap_or_default().into(),
                role: said.role_arn().unwrap_or_default().into(),
            });
        }
        target_groups.extend(load_balancer.target_group_arn());
        let container = load_balancer.container_name().unwrap_or_default();
        let port = load_balancer.container_port().unwrap_or_default();
        targets.push(format!("{container}:{port}"));
    }
    settings.target_group = target_groups.join(" ");
    settings.target = targets.join(" ");
}

fn read_deployment_configuration(described: &Service, settings: &mut Settings) {
    let Some(configuration) = described.deployment_configuration() else {
        return;
    };
    if let Some(breaker) = configuration.deployment_circuit_breaker() {
        settings.circuit_breaker = breaker.enable();
        settings.rollback = breaker.rollback();
    }
    if let Some(alarms) = configuration.alarms().filter(|alarms| alarms.enable()) {
        settings.alarms = alarms.alarm_names().to_vec();
        settings.alarms.sort();
        settings.alarms_roll_back = alarms.rollback();
    }
    settings.strategy = strategy(configuration);
    if let Some(minimum) = configuration.minimum_healthy_percent() {
        settings.minimum = minimum;
    }
    if let Some(maximum) = configuration.maximum_percent() {
        settings.maximum = maximum;
    }
}

fn strategy(configuration: &DeploymentConfiguration) -> Strategy {
    let name = configuration
        .strategy()
        .map_or(ROLLING, |name| name.as_str());
    if name == ROLLING {
        return Strategy::default();
    }
    let mut shift = None;
    if let Some(linear) = configuration.linear_configuration() {
        shift = linear
            .step_percent()
            .zip(linear.step_bake_time_in_minutes());
    }
    if let Some(canary) = configuration.canary_configuration() {
        shift = canary
            .canary_percent()
            .zip(canary.canary_bake_time_in_minutes());
    }
    let (percent, wait) = shift.unwrap_or_default();
    Strategy {
        name: name.into(),
        bake: configuration.bake_time_in_minutes().unwrap_or_default(),
        tenths: (percent * 10.0).round() as i32,
        wait,
    }
}

/// Whether grace period, zone rebalancing and circuit breaker are all missing, as with some
/// emulators; ECS leaves none out.
fn omits_settings(described: &Service) -> bool {
    let configuration = described.deployment_configuration();
    let breaker = configuration.and_then(|one| one.deployment_circuit_breaker());
    described.health_check_grace_period_seconds().is_none()
        && described.availability_zone_rebalancing().is_none()
        && breaker.is_none()
}

fn deployment(described: &SdkDeployment) -> Deployment {
    let rollout = described.rollout_state().map(|state| state.as_str());
    let updated = described.updated_at().or(described.created_at());
    Deployment {
        id: described.id().unwrap_or_default().into(),
        created: millis(described.created_at()),
        status: described.status().unwrap_or_default().into(),
        task_definition: described.task_definition().unwrap_or_default().into(),
        rollout: rollout.unwrap_or_default().into(),
        reason: described.rollout_state_reason().unwrap_or_default().into(),
        running: described.running_count(),
        failed_tasks: described.failed_tasks(),
        updated: millis(updated),
    }
}

fn event(described: &ServiceEvent) -> Event {
    Event {
        created: millis(described.created_at()),
        message: described.message().unwrap_or_default().into(),
    }
}
