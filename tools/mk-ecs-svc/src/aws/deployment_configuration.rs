//! What a service says of its deployments, in the SDK's words.

use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentStrategy, LinearConfiguration,
};
use plumbing::{Error, Result};

use crate::plan::service::{Part, Settings};

/// What a call says of deployments. It names alarms where there are some, and a strategy where that is not
/// rolling; or where this part changes: left out, what was there might stay.
pub fn deployment_configuration(
    want: &Settings,
    changes: Option<Part>,
) -> Result<DeploymentConfiguration> {
    let circuit_breaker = DeploymentCircuitBreaker::builder()
        .enable(want.circuit_breaker)
        .rollback(want.rollback)
        .build();
    let mut builder = DeploymentConfiguration::builder()
        .deployment_circuit_breaker(circuit_breaker)
        .minimum_healthy_percent(want.minimum)
        .maximum_percent(want.maximum);
    if !want.alarms.is_empty() || changes == Some(Part::Alarms) {
        builder = builder.alarms(alarms(want)?);
    }
    let strategy = &want.strategy;
    if !strategy.is_rolling() || changes == Some(Part::Strategy) {
        builder = builder.strategy(DeploymentStrategy::from(strategy.name.as_str()));
    }
    if !strategy.is_rolling() {
        builder = builder.bake_time_in_minutes(strategy.bake);
    }
    let percent = f64::from(strategy.tenths) / 10.0;
    if strategy.name == "LINEAR" {
        let linear = LinearConfiguration::builder()
            .step_percent(percent)
            .step_bake_time_in_minutes(strategy.wait);
        builder = builder.linear_configuration(linear.build());
    }
    if strategy.name == "CANARY" {
        let canary = CanaryConfiguration::builder()
            .canary_percent(percent)
            .canary_bake_time_in_minutes(strategy.wait);
        builder = builder.canary_configuration(canary.build());
    }
    Ok(builder.build())
}

fn alarms(want: &Settings) -> Result<DeploymentAlarms> {
    let alarms = DeploymentAlarms::builder()
        .set_alarm_names(Some(want.alarms.clone()))
        .enable(!want.alarms.is_empty())
        .rollback(want.alarms_roll_back)
        .build();
    alarms.map_err(|error| Error::refused(format!("cannot word alarms: {error}")))
}
