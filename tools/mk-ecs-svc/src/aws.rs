//! Every ECS call: here those that find, make and change; in `aws/going.rs` those by which things
//! go; in `aws/scaling.rs` who else sets a service's count. Thin: what to call with what is decided in `plan.rs` and in the order of `make.rs`,
//! `delete.rs` and `stable.rs`.

pub mod going;
mod have;
mod scaling;

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::Builder;
use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, ClusterField, Compatibility,
    ContainerDefinition, CpuArchitecture, DeploymentCircuitBreaker, DeploymentConfiguration,
    HealthCheck, KeyValuePair, LaunchType, LinuxParameters, LoadBalancer, LogConfiguration,
    LogDriver, NetworkConfiguration, NetworkMode, OsFamily, PortMapping, PropagateTags,
    RuntimePlatform, ServiceField, Tag, TaskDefinitionFamilyStatus, TaskDefinitionField,
    TransportProtocol,
};
use futures_util::future::try_join_all;
use plumbing::{Aws, Error, Result, aws_error, code, message, wait};

use crate::plan::{self, HaveCluster, HaveService, HaveTask, Settings, Task};
use have::{have_service, have_task, tags};

/// An account's first cluster makes ECS's service-linked role and loses the race against it.
const ROLE_BUDGET: Duration = Duration::from_secs(120);
const ROLE: &[(&str, &str)] = &[(
    "InvalidParameterException",
    "Unable to assume the service linked role",
)];
/// What CreateService refuses for a moment: a target group that was just attached, and the same role.
const CREATE_BUDGET: Duration = Duration::from_secs(120);
const CREATE: &[(&str, &str)] = &[
    (
        "InvalidParameterException",
        "does not have an associated load balancer",
    ),
    (
        "InvalidParameterException",
        "Unable to assume the service linked role",
    ),
    (
        "InvalidParameterException",
        "verify that the ECS service role being passed has the proper permissions",
    ),
];
/// A cluster that was just made shows within seconds, or another run deleted it.
const CLUSTER_BUDGET: Duration = Duration::from_secs(15);
const CLUSTER: &[(&str, &str)] = &[("ClusterNotFoundException", "")];
/// DescribeServices takes ten names, DeleteTaskDefinitions ten revisions.
const BATCH: usize = 10;

/// ECS, and for whom: the environment whose tags go into each create call.
pub struct Ecs {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
    cluster: String,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Ecs {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    let cluster = aws.env.cluster_name();
    Ecs {
        client: Client::from_conf(config),
        aws: aws.clone(),
        cluster,
    }
}

impl Ecs {
    /// The cluster of our name, whosever it is; an INACTIVE one is only a memory.
    pub async fn cluster(&self) -> Result<Option<HaveCluster>> {
        let request = self
            .client
            .describe_clusters()
            .clusters(&self.cluster)
            .include(ClusterField::Tags);
        let answer = request
            .send()
            .await
            .map_err(|e| self.failed("DescribeClusters", "find cluster", &self.cluster, e))?;
        let mut found = answer
            .clusters
            .unwrap_or_default()
            .into_iter()
            .map(|cluster| HaveCluster {
                arn: cluster.cluster_arn.unwrap_or_default(),
                status: cluster.status.unwrap_or_default(),
                tags: tags(cluster.tags),
            });
        Ok(found.find(|cluster| cluster.status != "INACTIVE"))
    }

    /// Makes the cluster; where another run just did, ECS answers with that one.
    pub async fn create_cluster(&self) -> Result<String> {
        let request = self
            .client
            .create_cluster()
            .cluster_name(&self.cluster)
            .set_tags(self.tags_of(&self.cluster));
        let answer = wait::retry(&self.aws.control, ROLE_BUDGET, ROLE, || {
            request.clone().send()
        })
        .await;
        let made = answer
            .map_err(|e| self.failed("CreateCluster", "create cluster", &self.cluster, e))?
            .cluster;
        Ok(made
            .and_then(|cluster| cluster.cluster_arn)
            .unwrap_or_default())
    }

    /// Sets a resource's tags to ours; others' tags stay.
    pub async fn retag(&self, arn: &str, name: &str, tags: &[(String, String)]) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(sdk_tags(tags)));
        request
            .send()
            .await
            .map(drop)
            .map_err(|e| self.failed("TagResource", "tag", name, e))
    }

    /// The newest ACTIVE revision of a family, or any one by its ARN, whosever it is.
    pub async fn task(&self, family: &str) -> Result<Option<HaveTask>> {
        let found = self.revision(family).await?;
        Ok(found
            .filter(|(_, status)| status == "ACTIVE")
            .map(|(task, _)| task))
    }

    /// A revision with its status.
    pub async fn revision(&self, family: &str) -> Result<Option<(HaveTask, String)>> {
        let request = self
            .client
            .describe_task_definition()
            .task_definition(family)
            .include(TaskDefinitionField::Tags);
        match request.send().await {
            Ok(answer) => Ok(answer.task_definition.map(|task| {
                let status = task
                    .status()
                    .map(|status| status.as_str().to_string())
                    .unwrap_or_default();
                (have_task(task, tags(answer.tags)), status)
            })),
            Err(e)
                if code(&e) == "ClientException"
                    && message(&e).contains("Unable to describe task definition") =>
            {
                Ok(None)
            }
            Err(e) => Err(self.failed("DescribeTaskDefinition", "find task definition", family, e)),
        }
    }

    /// Registers a new revision; ECS makes one at each call, so only what differs comes here.
    pub async fn register(
        &self,
        app: &str,
        want: &Task,
        tags: &[(String, String)],
        task_role: Option<String>,
    ) -> Result<String> {
        let family = self.aws.env.family_name(app);
        let built = |e| Error::refused(format!("cannot register task definition {family}: {e}"));
        let environment = want
            .environment
            .iter()
            .map(|(key, value)| KeyValuePair::builder().name(key).value(value));
        let port = want
            .ports
            .split('/')
            .next()
            .and_then(|port| port.parse().ok());
        let log = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", &want.log_group)
            .options("awslogs-region", &self.aws.env.region)
            .options("awslogs-stream-prefix", app);
        let container = ContainerDefinition::builder()
            .name(app)
            .image(&want.image)
            .essential(true)
            .port_mappings(
                PortMapping::builder()
                    .set_container_port(port)
                    .protocol(TransportProtocol::Tcp)
                    .build(),
            )
            .set_environment(Some(environment.map(|pair| pair.build()).collect()))
            .log_configuration(log.build().map_err(built)?)
            .linux_parameters(
                LinuxParameters::builder()
                    .init_process_enabled(true)
                    .build(),
            )
            .set_health_check(
                want.check
                    .as_ref()
                    .map(|(command, start)| {
                        HealthCheck::builder()
                            .command("CMD-SHELL")
                            .command(command)
                            .start_period(*start)
                            .build()
                    })
                    .transpose()
                    .map_err(built)?,
            )
            .set_stop_timeout(
                want.fixed
                    .get("stop timeout")
                    .and_then(|seconds| seconds.parse().ok()),
            );
        let platform = RuntimePlatform::builder()
            .operating_system_family(OsFamily::Linux)
            .cpu_architecture(CpuArchitecture::from(want.architecture.as_str()));
        let request = self
            .client
            .register_task_definition()
            .family(&family)
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu(&want.cpu)
            .memory(&want.memory)
            .runtime_platform(platform.build())
            .execution_role_arn(&want.execution_role)
            .set_task_role_arn(task_role)
            .container_definitions(container.build())
            .set_tags(Some(sdk_tags(tags)));
        let answer = request.send().await.map_err(|e| {
            self.failed(
                "RegisterTaskDefinition",
                "register task definition",
                &family,
                e,
            )
        })?;
        Ok(answer
            .task_definition
            .and_then(|task| task.task_definition_arn)
            .unwrap_or_default())
    }

    /// Services by name or ARN, ten in a call, whosever they are, the INACTIVE ones too; in no
    /// cluster there are none.
    pub async fn services(&self, names: &[String]) -> Result<Vec<HaveService>> {
        let calls = names.chunks(BATCH).map(|names| async move {
            let request = self
                .client
                .describe_services()
                .cluster(&self.cluster)
                .include(ServiceField::Tags);
            match request.set_services(Some(names.to_vec())).send().await {
                Ok(answer) => {
                    // What is neither here nor missing must not be taken for absent.
                    let odd = answer
                        .failures()
                        .iter()
                        .find(|failure| failure.reason() != Some("MISSING"));
                    match odd {
                        Some(failure) => Err(Error::refused(format!(
                            "cannot find service {}: {} (ecs:DescribeServices)",
                            failure.arn().unwrap_or_default(),
                            failure.reason().unwrap_or("no reason")
                        ))),
                        None => Ok(answer
                            .services
                            .unwrap_or_default()
                            .into_iter()
                            .map(have_service)
                            .collect()),
                    }
                }
                Err(e) if code(&e) == "ClusterNotFoundException" => Ok(Vec::new()),
                Err(e) => {
                    Err(self.failed("DescribeServices", "find service", &names.join(", "), e))
                }
            }
        });
        Ok(try_join_all(calls).await?.concat())
    }

    /// Makes a service; answers None where one of its name is there already.
    pub async fn create_service(
        &self,
        name: &str,
        want: &Settings,
        token: &str,
    ) -> Result<Option<String>> {
        let request = self
            .client
            .create_service()
            .cluster(&self.cluster)
            .service_name(name)
            .client_token(token)
            .task_definition(&want.task_definition)
            .desired_count(want.count)
            .launch_type(LaunchType::Fargate)
            .platform_version(&want.platform)
            .network_configuration(network(want)?)
            .load_balancers(target(want))
            .health_check_grace_period_seconds(want.grace)
            .deployment_configuration(deployment(want))
            .availability_zone_rebalancing(AvailabilityZoneRebalancing::from(
                want.rebalancing.as_str(),
            ))
            .propagate_tags(PropagateTags::from(want.propagate_tags.as_str()))
            .enable_ecs_managed_tags(want.managed_tags)
            .set_tags(self.tags_of(name));
        let call = || {
            wait::retry(&self.aws.control, CREATE_BUDGET, CREATE, || {
                request.clone().send()
            })
        };
        match wait::retry(&self.aws.control, CLUSTER_BUDGET, CLUSTER, call).await {
            Ok(answer) => Ok(Some(answer.service.and_then(|service| service.service_arn).unwrap_or_default())),
            Err(e) if message(&e).contains("Creation of service was not idempotent") => Ok(None),
            Err(e) if code(&e) == CLUSTER[0].0 => Err(Error::unfinished(format!(
                "cannot create service {name}: cluster {} is gone: another run deleted it (ecs:CreateService, {})",
                self.cluster, CLUSTER[0].0
            ))
            .hint("run the pipeline again when nothing else is at work")),
            Err(e) => Err(self.failed("CreateService", "create service", name, e)),
        }
    }

    /// Brings a service into line; says nothing of what did not change. `again` deploys also what
    /// did not.
    pub async fn update_service(
        &self,
        name: &str,
        have: &Settings,
        want: &Settings,
        again: bool,
    ) -> Result<()> {
        let mut request = self
            .client
            .update_service()
            .cluster(&self.cluster)
            .service(name);
        if again {
            request = request.force_new_deployment(true);
        }
        if have.task_definition != want.task_definition {
            request = request.task_definition(&want.task_definition);
        }
        if have.count != want.count {
            request = request.desired_count(want.count);
        }
        if have.grace != want.grace {
            request = request.health_check_grace_period_seconds(want.grace);
        }
        if !plan::same_network(have, want) {
            request = request.network_configuration(network(want)?);
        }
        if (&have.target_group, &have.target) != (&want.target_group, &want.target) {
            request = request.load_balancers(target(want));
        }
        let percents = |s: &Settings| (s.circuit_breaker, s.rollback, s.minimum, s.maximum);
        if percents(have) != percents(want) {
            request = request.deployment_configuration(deployment(want));
        }
        if have.rebalancing != want.rebalancing {
            request = request.availability_zone_rebalancing(AvailabilityZoneRebalancing::from(
                want.rebalancing.as_str(),
            ));
        }
        if have.propagate_tags != want.propagate_tags {
            request = request.propagate_tags(PropagateTags::from(want.propagate_tags.as_str()));
        }
        if have.managed_tags != want.managed_tags {
            request = request.enable_ecs_managed_tags(want.managed_tags);
        }
        if have.launch_type != want.launch_type {
            // No strategy of capacity providers is how a service returns to its launch type.
            request = request.set_capacity_provider_strategy(Some(Vec::new()));
        }
        if have.platform != want.platform {
            request = request.platform_version(&want.platform);
        }
        request
            .send()
            .await
            .map(drop)
            .map_err(|e| self.failed("UpdateService", "update service", name, e))
    }

    // For ls-env.

    /// The ARNs of the cluster's services that are not going.
    pub async fn service_names(&self) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_services()
            .cluster(&self.cluster)
            .max_results(100)
            .into_paginator();
        match pages.items().send().collect::<Result<_, _>>().await {
            Ok(names) => Ok(names),
            Err(e) if code(&e) == "ClusterNotFoundException" => Ok(Vec::new()),
            Err(e) => Err(self.failed("ListServices", "list the services of", &self.cluster, e)),
        }
    }

    /// The families that have an ACTIVE revision and may be someone's of ours.
    pub async fn families(&self) -> Result<Vec<String>> {
        let request = self
            .client
            .list_task_definition_families()
            .family_prefix("task-");
        let pages = request
            .status(TaskDefinitionFamilyStatus::Active)
            .into_paginator()
            .items()
            .send();
        let found = pages.collect::<Result<_, _>>().await;
        found.map_err(|e| {
            self.failed(
                "ListTaskDefinitionFamilies",
                "list the task definitions of",
                &self.aws.env.name,
                e,
            )
        })
    }

    fn tags_of(&self, name: &str) -> Option<Vec<Tag>> {
        Some(sdk_tags(&self.aws.env.tags_of(name)))
    }

    fn failed<E>(
        &self,
        operation: &str,
        what: &str,
        name: &str,
        e: aws_sdk_ecs::error::SdkError<E>,
    ) -> Error
    where
        E: aws_sdk_ecs::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        aws_error(&format!("ecs:{operation}"), format!("{what} {name}"), e)
    }
}

fn network(want: &Settings) -> Result<NetworkConfiguration> {
    let public = if want.public_ip {
        AssignPublicIp::Enabled
    } else {
        AssignPublicIp::Disabled
    };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(want.subnets.clone()))
        .set_security_groups(Some(want.groups.clone()))
        .assign_public_ip(public)
        .build()
        .map_err(|e| Error::refused(format!("cannot word a network configuration: {e}")))?;
    Ok(NetworkConfiguration::builder()
        .awsvpc_configuration(vpc)
        .build())
}

fn target(want: &Settings) -> LoadBalancer {
    let (container, port) = want.target.split_once(':').unwrap_or_default();
    LoadBalancer::builder()
        .target_group_arn(&want.target_group)
        .container_name(container)
        .set_container_port(port.parse().ok())
        .build()
}

fn deployment(want: &Settings) -> DeploymentConfiguration {
    DeploymentConfiguration::builder()
        .deployment_circuit_breaker(
            DeploymentCircuitBreaker::builder()
                .enable(want.circuit_breaker)
                .rollback(want.rollback)
                .build(),
        )
        .minimum_healthy_percent(want.minimum)
        .maximum_percent(want.maximum)
        .build()
}

fn sdk_tags(tags: &[(String, String)]) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
