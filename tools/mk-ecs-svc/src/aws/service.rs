//! The calls about services.

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder;
use aws_sdk_ecs::types::{
    AdvancedConfiguration, AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration,
    CapacityProviderStrategyItem, LaunchType, LoadBalancer, NetworkConfiguration, PropagateTags,
    ServiceField,
};
use futures_util::future::try_join_all;
use plumbing::{App, Error, Result, aws_error, code, is_about_zone, message, wait, zone_hint};

use super::convert::{sdk_tags, strategy};
use super::deployment_configuration::deployment_configuration;
use super::have_service::have_service;
use super::{BATCH, DRAIN_DEADLINE, Ecs, is_missing};
use crate::plan;
use crate::plan::service::{HaveService, Part, Settings};

const NO_CLUSTER: &str = "ClusterNotFoundException";
/// What CreateService says where a service of that name exists with other settings.
const EXISTS: &str = "Creation of service was not idempotent";

impl Ecs {
    /// Services by name or ARN, ours or not, the INACTIVE ones too; none where there is no
    /// cluster.
    pub async fn find_services(&self, names: &[String]) -> Result<Vec<HaveService>> {
        let batches = names.chunks(BATCH).map(|names| self.find_batch(names));
        Ok(try_join_all(batches).await?.concat())
    }

    async fn find_batch(&self, names: &[String]) -> Result<Vec<HaveService>> {
        let request = self
            .client
            .describe_services()
            .cluster(&self.cluster)
            .include(ServiceField::Tags)
            .set_services(Some(names.to_vec()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == NO_CLUSTER => return Ok(Vec::new()),
            Err(error) => {
                let what = format!("find service {}", names.join(", "));
                return Err(aws_error("ecs:DescribeServices", what, error));
            }
        };
        // A service that could not be described must not be taken for one that does not exist.
        for failure in answer.failures() {
            if failure.reason() != Some("MISSING") {
                return Err(Error::refused(format!(
                    "cannot find service {}: {} (ecs:DescribeServices)",
                    failure.arn().unwrap_or_default(),
                    failure.reason().unwrap_or("no reason")
                )));
            }
        }
        let services = answer.services.unwrap_or_default();
        Ok(services.into_iter().map(have_service).collect())
    }

    /// Waits until a service has stopped draining; answers what is found then.
    pub async fn wait_drained(&self, name: &str) -> Result<Option<HaveService>> {
        let what = format!("service {name} is still draining");
        let find = || self.find_unless_draining(name);
        wait::until(&self.aws.control, &what, DRAIN_DEADLINE, find).await
    }

    async fn find_unless_draining(&self, name: &str) -> Result<Option<Option<HaveService>>> {
        let found = self.find_services(&[name.to_string()]).await?.pop();
        match found {
            Some(service) if service.is_draining() => Ok(None),
            found => Ok(Some(found)),
        }
    }

    /// The ARNs of the cluster's services, without those that drain.
    pub async fn list_service_arns(&self) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_services()
            .cluster(&self.cluster)
            .max_results(100)
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<_, _>>().await {
            Ok(arns) => Ok(arns),
            Err(error) if code(&error) == NO_CLUSTER => Ok(Vec::new()),
            Err(error) => {
                let what = format!("list the services of {}", self.cluster);
                Err(aws_error("ecs:ListServices", what, error))
            }
        }
    }

    /// Makes a service with its tags and answers its ARN; answers nothing where one of its name
    /// exists already.
    pub async fn create_service(
        &self,
        app: &App,
        want: &Settings,
        token: &str,
    ) -> Result<Option<String>> {
        let env = &self.aws.env;
        let name = &env.service_name(&app.name);
        let request = self
            .client
            .create_service()
            .cluster(&self.cluster)
            .service_name(name)
            .client_token(token)
            .task_definition(&want.task_definition)
            .desired_count(want.count)
            .set_launch_type(want.providers.is_empty().then_some(LaunchType::Fargate))
            .set_capacity_provider_strategy(strategy_at_first(want)?)
            .platform_version(&want.platform)
            .network_configuration(network(want)?)
            .set_load_balancers(at_first(load_balancers(want)))
            .set_health_check_grace_period_seconds(grace(want))
            .deployment_configuration(deployment_configuration(want, None)?)
            .availability_zone_rebalancing(rebalancing(want))
            .propagate_tags(propagate_tags(want))
            .enable_ecs_managed_tags(want.managed_tags)
            .set_tags(sdk_tags(&plan::mark::tags(env, app)));
        let control = &self.aws.control;
        let send = || request.clone().send();
        match wait::retry(control, "ecs:CreateService", send).await {
            Ok(answer) => {
                let arn = answer.service.and_then(|service| service.service_arn);
                Ok(Some(arn.unwrap_or_default()))
            }
            Err(error) if message(&error).contains(EXISTS) => Ok(None),
            Err(error) if code(&error) == NO_CLUSTER => Err(self.no_cluster_for(name)),
            Err(error) => {
                let what = format!("create service {name}");
                Err(refused("ecs:CreateService", &what, error))
            }
        }
    }

    fn no_cluster_for(&self, service: &str) -> Error {
        let cluster = &self.cluster;
        let message = format!(
            "cannot create service {service}: cluster {cluster} is gone: another run deleted it (ecs:CreateService, {NO_CLUSTER})"
        );
        Error::unfinished(message).hint("run the pipeline again when nothing else is at work")
    }

    /// Brings some parts of a service into line; the call has no parameter of the others.
    pub async fn update_service(&self, name: &str, want: &Settings, parts: &[Part]) -> Result<()> {
        let mut request = self
            .client
            .update_service()
            .cluster(&self.cluster)
            .service(name);
        for part in parts {
            request = with_part(request, want, *part)?;
        }
        let control = &self.aws.control;
        let send = || request.clone().send();
        match wait::retry(control, "ecs:UpdateService", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("update service {name}");
                Err(refused("ecs:UpdateService", &what, error))
            }
        }
    }

    /// Has a service end all its tasks, and deletes it.
    pub async fn delete_service(&self, have: &HaveService) -> Result<()> {
        if have.settings.count > 0 {
            self.stop_service(&have.name).await?;
        }
        let request = self
            .client
            .delete_service()
            .cluster(&self.cluster)
            .service(&have.name)
            .force(true);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecs:DeleteService", send).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(code(&error)) => Ok(()),
            Err(error) => {
                let what = format!("delete service {}", have.name);
                Err(aws_error("ecs:DeleteService", what, error))
            }
        }
    }

    async fn stop_service(&self, name: &str) -> Result<()> {
        let request = self
            .client
            .update_service()
            .cluster(&self.cluster)
            .service(name)
            .desired_count(0);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecs:UpdateService", send).await {
            Ok(_) => Ok(()),
            // It may only be invisible for a moment: then deleting it works.
            Err(error) if is_missing(code(&error)) => Ok(()),
            Err(error) => {
                let what = format!("stop service {name}");
                Err(aws_error("ecs:UpdateService", what, error))
            }
        }
    }
}

/// The error of a call that says in which subnets tasks run; where Fargate is not in the zone of one, it
/// says which flag helps.
fn refused<E>(operation: &str, what: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let is_about_zone = is_about_zone(code(&error), message(&error));
    let refused = aws_error(operation, what, error);
    if is_about_zone {
        return refused.hint(zone_hint(&[]));
    }
    refused
}

fn with_part(
    request: UpdateServiceFluentBuilder,
    want: &Settings,
    part: Part,
) -> Result<UpdateServiceFluentBuilder> {
    Ok(match part {
        Part::TaskDefinition => request.task_definition(&want.task_definition),
        Part::Count => request.desired_count(want.count),
        Part::Grace => request.health_check_grace_period_seconds(want.grace),
        Part::Network => request.network_configuration(network(want)?),
        // None at all is how a service lets go of its target group.
        Part::LoadBalancer => request.set_load_balancers(Some(load_balancers(want))),
        Part::DeploymentConfiguration => {
            request.deployment_configuration(deployment_configuration(want, None)?)
        }
        Part::Alarms | Part::Strategy => {
            request.deployment_configuration(deployment_configuration(want, Some(part))?)
        }
        Part::Rebalancing => request.availability_zone_rebalancing(rebalancing(want)),
        Part::PropagateTags => request.propagate_tags(propagate_tags(want)),
        Part::ManagedTags => request.enable_ecs_managed_tags(want.managed_tags),
        // Tasks that were started with it have it as long as they run.
        Part::ExecuteCommand => request
            .enable_execute_command(want.execute_command)
            .force_new_deployment(true),
        Part::Platform => request.platform_version(&want.platform),
        // No strategy of capacity providers is how a service returns to its launch type. ECS takes
        // another one only with a new deployment.
        Part::LaunchType => request
            .set_capacity_provider_strategy(Some(strategy(&want.providers)?))
            .force_new_deployment(true),
        Part::NewDeployment => request.force_new_deployment(true),
        Part::Tags => request, // UpdateService takes no tags
    })
}

fn network(want: &Settings) -> Result<NetworkConfiguration> {
    let public_ip = if want.public_ip {
        AssignPublicIp::Enabled
    } else {
        AssignPublicIp::Disabled
    };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(want.subnets.clone()))
        .set_security_groups(Some(want.groups.clone()))
        .assign_public_ip(public_ip)
        .build();
    match vpc {
        Ok(vpc) => Ok(NetworkConfiguration::builder()
            .awsvpc_configuration(vpc)
            .build()),
        Err(error) => Err(Error::refused(format!(
            "cannot word a network configuration: {error}"
        ))),
    }
}

/// None of a worker's.
fn load_balancers(want: &Settings) -> Vec<LoadBalancer> {
    let Some((container, port)) = want.target.split_once(':') else {
        return Vec::new();
    };
    let pair = want.pair.as_ref().map(|pair| {
        AdvancedConfiguration::builder()
            .alternate_target_group_arn(&pair.alternate)
            .production_listener_rule(&pair.rule)
            .role_arn(&pair.role)
            .build()
    });
    let load_balancer = LoadBalancer::builder()
        .target_group_arn(&want.target_group)
        .set_advanced_configuration(pair)
        .container_name(container)
        .set_container_port(port.parse().ok())
        .build();
    vec![load_balancer]
}

/// The grace period of a load balancer's health checks: ECS takes none without a load balancer.
fn grace(want: &Settings) -> Option<i32> {
    (!want.target.is_empty()).then_some(want.grace)
}

/// What a call that makes a service leaves out where there is none.
fn at_first<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn strategy_at_first(want: &Settings) -> Result<Option<Vec<CapacityProviderStrategyItem>>> {
    Ok(at_first(strategy(&want.providers)?))
}

fn rebalancing(want: &Settings) -> AvailabilityZoneRebalancing {
    AvailabilityZoneRebalancing::from(want.rebalancing.as_str())
}

fn propagate_tags(want: &Settings) -> PropagateTags {
    PropagateTags::from(want.propagate_tags.as_str())
}
