//! From the SDK's types into those of the plan, and back.

use aws_sdk_applicationautoscaling::error::BuildError;
use aws_sdk_applicationautoscaling::types::{
    CustomizedMetricSpecification, MetricType, PredefinedMetricSpecification, ScalableTarget,
    ScalingPolicy, ScheduledAction, TargetTrackingMetric, TargetTrackingMetricDataQuery,
    TargetTrackingMetricDimension, TargetTrackingMetricStat,
    TargetTrackingScalingPolicyConfiguration,
};
use plumbing::{Error, Range, Result};

use crate::plan::{Action, Have, Policy, Query};

/// A target without its policies, actions and tags.
pub fn have(target: &ScalableTarget) -> Have {
    let mut suspended = Vec::new();
    if let Some(state) = target.suspended_state() {
        let parts = [
            (
                state.dynamic_scaling_in_suspended(),
                "that it takes tasks away",
            ),
            (state.dynamic_scaling_out_suspended(), "that it adds tasks"),
            (state.scheduled_scaling_suspended(), "its scheduled actions"),
        ];
        for (is_suspended, what) in parts {
            if is_suspended == Some(true) {
                suspended.push(what);
            }
        }
    }
    Have {
        resource: target.resource_id().into(),
        arn: target.scalable_target_arn().unwrap_or_default().into(),
        range: Range {
            least: target.min_capacity(),
            most: target.max_capacity(),
        },
        suspended,
        policies: Vec::new(),
        actions: Vec::new(),
        tags: Default::default(),
    }
}

/// A policy. One that is no target tracking, which a person made, says nothing but its name.
pub fn policy(found: ScalingPolicy) -> Policy {
    let name = found.policy_name;
    let Some(tracking) = found.target_tracking_scaling_policy_configuration else {
        return Policy {
            name,
            ..Policy::default()
        };
    };
    let predefined = tracking.predefined_metric_specification;
    let (measure, label) = match predefined {
        Some(one) => {
            let measure = one.predefined_metric_type.as_str().to_string();
            (measure, one.resource_label.unwrap_or_default())
        }
        None => Default::default(),
    };
    let customized = tracking.customized_metric_specification;
    Policy {
        name,
        predefined: measure,
        label,
        queries: customized.as_ref().map_or(Vec::new(), queries),
        target: tracking.target_value,
        out_cooldown: tracking.scale_out_cooldown,
        in_cooldown: tracking.scale_in_cooldown,
        only_out: tracking.disable_scale_in == Some(true),
    }
}

/// What a measure is computed from; a single metric, which a person chose, as one of these.
fn queries(customized: &CustomizedMetricSpecification) -> Vec<Query> {
    if customized.metrics().is_empty() {
        let metric = customized.metric_name().unwrap_or_default();
        return vec![Query {
            metric: metric.into(),
            namespace: customized.namespace().unwrap_or_default().into(),
            ..Query::default()
        }];
    }
    customized.metrics().iter().map(query).collect()
}

fn query(found: &TargetTrackingMetricDataQuery) -> Query {
    let mut query = Query {
        id: found.id().into(),
        expression: found.expression().unwrap_or_default().into(),
        ..Query::default()
    };
    let stat = found.metric_stat();
    if let Some((stat, metric)) = stat.and_then(|stat| Some((stat, stat.metric()?))) {
        query.stat = stat.stat().into();
        query.namespace = metric.namespace().unwrap_or_default().into();
        query.metric = metric.metric_name().unwrap_or_default().into();
        for one in metric.dimensions() {
            query
                .dimensions
                .insert(one.name().into(), one.value().into());
        }
    }
    query
}

/// A scheduled action.
pub fn action(found: ScheduledAction) -> Action {
    let range = found.scalable_target_action;
    let capacity = |number: Option<i32>| number.unwrap_or(-1); // a person left it as it is
    Action {
        name: found.scheduled_action_name,
        schedule: found.schedule,
        zone: found.timezone.unwrap_or_else(|| "UTC".into()),
        range: Range {
            least: capacity(range.as_ref().and_then(|range| range.min_capacity)),
            most: capacity(range.as_ref().and_then(|range| range.max_capacity)),
        },
        has_bounds: found.start_time.is_some() || found.end_time.is_some(),
    }
}

/// A policy as a call takes it.
pub fn tracking(policy: &Policy) -> Result<TargetTrackingScalingPolicyConfiguration> {
    let builder = TargetTrackingScalingPolicyConfiguration::builder()
        .target_value(policy.target)
        .set_scale_out_cooldown(policy.out_cooldown)
        .set_scale_in_cooldown(policy.in_cooldown)
        .disable_scale_in(policy.only_out);
    let builder = if policy.predefined.is_empty() {
        builder.customized_metric_specification(computed(policy)?)
    } else {
        let label = Some(policy.label.clone()).filter(|label| !label.is_empty());
        let predefined = PredefinedMetricSpecification::builder()
            .predefined_metric_type(MetricType::from(policy.predefined.as_str()))
            .set_resource_label(label)
            .build()
            .map_err(incomplete)?;
        builder.predefined_metric_specification(predefined)
    };
    builder.build().map_err(incomplete)
}

/// The last of the queries is the measure.
fn computed(policy: &Policy) -> Result<CustomizedMetricSpecification> {
    let last = policy.queries.len().saturating_sub(1);
    let mut metrics = Vec::new();
    for (place, query) in policy.queries.iter().enumerate() {
        let builder = TargetTrackingMetricDataQuery::builder()
            .id(&query.id)
            .return_data(place == last);
        let builder = if query.expression.is_empty() {
            builder.metric_stat(stat(query)?)
        } else {
            builder.expression(&query.expression)
        };
        metrics.push(builder.build().map_err(incomplete)?);
    }
    let specification = CustomizedMetricSpecification::builder();
    Ok(specification.set_metrics(Some(metrics)).build())
}

fn stat(query: &Query) -> Result<TargetTrackingMetricStat> {
    let mut metric = TargetTrackingMetric::builder()
        .namespace(&query.namespace)
        .metric_name(&query.metric);
    for (name, value) in &query.dimensions {
        let dimension = TargetTrackingMetricDimension::builder()
            .name(name)
            .value(value)
            .build()
            .map_err(incomplete)?;
        metric = metric.dimensions(dimension);
    }
    TargetTrackingMetricStat::builder()
        .metric(metric.build())
        .stat(&query.stat)
        .build()
        .map_err(incomplete)
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
