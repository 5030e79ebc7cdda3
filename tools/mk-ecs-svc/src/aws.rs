//! Every ECS call. Thin: what to call with what is decided in `plan.rs` and in the order of
//! `make.rs`, `delete.rs` and `stable.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::Builder;
use aws_sdk_ecs::types::{
    AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration, ClusterField, Compatibility, ContainerDefinition,
    CpuArchitecture, DeploymentCircuitBreaker, DeploymentConfiguration, DesiredStatus, KeyValuePair, LaunchType,
    LinuxParameters, LoadBalancer, LogConfiguration, LogDriver, NetworkConfiguration, NetworkMode, OsFamily,
    PortMapping, PropagateTags, RuntimePlatform, Service as SdkService, ServiceField, Tag, TaskDefinition,
    TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus, TransportProtocol,
};
use futures_util::future::try_join_all;
use plumbing::{Aws, Env, Error, Result, Stream, aws_error, code, message, wait};

use crate::plan::{self, Deployment, HaveCluster, HaveService, HaveTask, Settings, Tags, Task};

/// An account's first cluster makes ECS's service-linked role and loses the race against it.
const ROLE_BUDGET: Duration = Duration::from_secs(120);
const ROLE: &[(&str, &str)] = &[("InvalidParameterException", "Unable to assume the service linked role")];
/// What CreateService refuses for a moment: a target group that was just attached, a cluster that
/// was just made, and the same role.
const CREATE_BUDGET: Duration = Duration::from_secs(120);
const CREATE: &[(&str, &str)] = &[
    ("InvalidParameterException", "does not have an associated load balancer"),
    ("ClusterNotFoundException", ""),
    ("InvalidParameterException", "Unable to assume the service linked role"),
    ("InvalidParameterException", "verify that the ECS service role being passed has the proper permissions"),
];
/// A deployment must end before its service can be deleted, and what it uses be let go.
const DELETE_BUDGET: Duration = Duration::from_secs(600);
const DELETE: &[(&str, &str)] = &[
    ("InvalidParameterException", "cannot be stopped while deployments are active"),
    ("InvalidParameterException", "has a dependent object"),
    ("DependencyViolation", "has a dependent object"),
];
/// A cluster's services and tasks take minutes to leave it (Terraform waits 10).
const EMPTY_BUDGET: Duration = Duration::from_secs(600);
const EMPTY: &[(&str, &str)] = &[
    ("ClusterContainsServicesException", ""),
    ("ClusterContainsTasksException", ""),
    ("UpdateInProgressException", ""),
];
/// DescribeServices takes ten names, DeleteTaskDefinitions ten revisions.
const BATCH: usize = 10;

/// ECS, and for whom: the environment whose tags go into each create call.
pub struct Ecs {
    client: Client,
    /// Where waits learn that the tool must stop.
    pub stream: Stream,
    /// Whose services they are.
    pub env: Env,
    cluster: String,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws, stream: &Stream, env: &Env) -> Ecs {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    let cluster = plan::cluster_name(env);
    Ecs { client: Client::from_conf(config), stream: stream.clone(), env: env.clone(), cluster }
}

impl Ecs {
    /// The cluster of our name, whosever it is; an INACTIVE one is only a memory.
    pub async fn cluster(&self) -> Result<Option<HaveCluster>> {
        let request = self.client.describe_clusters().clusters(&self.cluster).include(ClusterField::Tags);
        let answer =
            request.send().await.map_err(|e| self.failed("DescribeClusters", "find cluster", &self.cluster, e))?;
        let mut found = answer.clusters.unwrap_or_default().into_iter().map(|cluster| HaveCluster {
            arn: cluster.cluster_arn.unwrap_or_default(),
            status: cluster.status.unwrap_or_default(),
            tags: tags(cluster.tags),
        });
        Ok(found.find(|cluster| cluster.status != "INACTIVE"))
    }

    /// Makes the cluster; where another run just did, ECS answers with that one.
    pub async fn create_cluster(&self) -> Result<String> {
        let request = self.client.create_cluster().cluster_name(&self.cluster).set_tags(self.tags_of(&self.cluster));
        let answer = wait::retry(&self.stream, ROLE_BUDGET, ROLE, || request.clone().send()).await;
        let made = answer.map_err(|e| self.failed("CreateCluster", "create cluster", &self.cluster, e))?.cluster;
        Ok(made.and_then(|cluster| cluster.cluster_arn).unwrap_or_default())
    }

    /// Sets a resource's tags to ours; others' tags stay.
    pub async fn retag(&self, arn: &str, name: &str) -> Result<()> {
        let request = self.client.tag_resource().resource_arn(arn).set_tags(self.tags_of(name));
        request.send().await.map(drop).map_err(|e| self.failed("TagResource", "tag", name, e))
    }

    /// The newest ACTIVE revision of a family, or any one by its ARN, whosever it is.
    pub async fn task(&self, family: &str) -> Result<Option<HaveTask>> {
        let found = self.revision(family).await?;
        Ok(found.filter(|(_, status)| status == "ACTIVE").map(|(task, _)| task))
    }

    /// A revision with its status.
    pub async fn revision(&self, family: &str) -> Result<Option<(HaveTask, String)>> {
        let request = self.client.describe_task_definition().task_definition(family).include(TaskDefinitionField::Tags);
        match request.send().await {
            Ok(answer) => Ok(answer.task_definition.map(|task| {
                let status = task.status().map(|status| status.as_str().to_string()).unwrap_or_default();
                (have_task(task, tags(answer.tags)), status)
            })),
            Err(e) if code(&e) == "ClientException" && message(&e).contains("Unable to describe task definition") => {
                Ok(None)
            }
            Err(e) => Err(self.failed("DescribeTaskDefinition", "find task definition", family, e)),
        }
    }

    /// Registers a new revision; ECS makes one at each call, so only what differs comes here.
    pub async fn register(&self, app: &str, want: &Task, task_role: Option<String>) -> Result<String> {
        let family = plan::family(&self.env, app);
        let built = |e| Error::refused(format!("cannot register task definition {family}: {e}"));
        let environment = want.environment.iter().map(|(key, value)| KeyValuePair::builder().name(key).value(value));
        let port = want.ports.split('/').next().and_then(|port| port.parse().ok());
        let log = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", &want.log_group)
            .options("awslogs-region", &self.env.region)
            .options("awslogs-stream-prefix", app);
        let container = ContainerDefinition::builder()
            .name(app)
            .image(&want.image)
            .essential(true)
            .port_mappings(PortMapping::builder().set_container_port(port).protocol(TransportProtocol::Tcp).build())
            .set_environment(Some(environment.map(|pair| pair.build()).collect()))
            .log_configuration(log.build().map_err(built)?)
            .linux_parameters(LinuxParameters::builder().init_process_enabled(true).build())
            .set_stop_timeout(want.fixed.get("stop timeout").and_then(|seconds| seconds.parse().ok()));
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
            .set_tags(self.tags_of(&family));
        let answer = request
            .send()
            .await
            .map_err(|e| self.failed("RegisterTaskDefinition", "register task definition", &family, e))?;
        Ok(answer.task_definition.and_then(|task| task.task_definition_arn).unwrap_or_default())
    }

    /// Services by name or ARN, ten in a call, whosever they are, the INACTIVE ones too; in no
    /// cluster there are none.
    pub async fn services(&self, names: &[String]) -> Result<Vec<HaveService>> {
        let calls = names.chunks(BATCH).map(|names| async move {
            let request = self.client.describe_services().cluster(&self.cluster).include(ServiceField::Tags);
            match request.set_services(Some(names.to_vec())).send().await {
                Ok(answer) => {
                    // What is neither here nor missing must not be taken for absent.
                    let odd = answer.failures().iter().find(|failure| failure.reason() != Some("MISSING"));
                    match odd {
                        Some(failure) => Err(Error::refused(format!(
                            "cannot find service {}: {} (ecs:DescribeServices)",
                            failure.arn().unwrap_or_default(),
                            failure.reason().unwrap_or("no reason")
                        ))),
                        None => Ok(answer.services.unwrap_or_default().into_iter().map(have_service).collect()),
                    }
                }
                Err(e) if code(&e) == "ClusterNotFoundException" => Ok(Vec::new()),
                Err(e) => Err(self.failed("DescribeServices", "find service", &names.join(", "), e)),
            }
        });
        Ok(try_join_all(calls).await?.concat())
    }

    /// Makes a service; answers None where one of its name is there already.
    pub async fn create_service(&self, name: &str, want: &Settings, token: &str) -> Result<Option<String>> {
        let request = self
            .client
            .create_service()
            .cluster(&self.cluster)
            .service_name(name)
            .client_token(token)
            .task_definition(&want.task_definition)
            .desired_count(want.count)
            .launch_type(LaunchType::Fargate)
            .platform_version("LATEST")
            .network_configuration(network(want)?)
            .load_balancers(target(want))
            .health_check_grace_period_seconds(want.grace)
            .deployment_configuration(deployment(want))
            .availability_zone_rebalancing(AvailabilityZoneRebalancing::from(want.rebalancing.as_str()))
            .propagate_tags(PropagateTags::from(want.propagate_tags.as_str()))
            .enable_ecs_managed_tags(want.managed_tags)
            .set_tags(self.tags_of(name));
        match wait::retry(&self.stream, CREATE_BUDGET, CREATE, || request.clone().send()).await {
            Ok(answer) => Ok(Some(answer.service.and_then(|service| service.service_arn).unwrap_or_default())),
            Err(e) if message(&e).contains("Creation of service was not idempotent") => Ok(None),
            Err(e) => Err(self.failed("CreateService", "create service", name, e)),
        }
    }

    /// Brings a service into line; says nothing of what did not change.
    pub async fn update_service(&self, name: &str, have: &Settings, want: &Settings) -> Result<()> {
        let mut request = self.client.update_service().cluster(&self.cluster).service(name);
        if have.task_definition != want.task_definition {
            request = request.task_definition(&want.task_definition);
        }
        if have.count != want.count {
            request = request.desired_count(want.count);
        }
        if have.grace != want.grace {
            request = request.health_check_grace_period_seconds(want.grace);
        }
        if (&have.subnets, &have.groups, have.public_ip) != (&want.subnets, &want.groups, want.public_ip) {
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
            request =
                request.availability_zone_rebalancing(AvailabilityZoneRebalancing::from(want.rebalancing.as_str()));
        }
        if have.propagate_tags != want.propagate_tags {
            request = request.propagate_tags(PropagateTags::from(want.propagate_tags.as_str()));
        }
        if have.managed_tags != want.managed_tags {
            request = request.enable_ecs_managed_tags(want.managed_tags);
        }
        request.send().await.map(drop).map_err(|e| self.failed("UpdateService", "update service", name, e))
    }

    // For ls-env.

    /// The ARNs of the cluster's services that are not going.
    pub async fn service_names(&self) -> Result<Vec<String>> {
        let pages = self.client.list_services().cluster(&self.cluster).max_results(100).into_paginator();
        match pages.items().send().collect::<Result<_, _>>().await {
            Ok(names) => Ok(names),
            Err(e) if code(&e) == "ClusterNotFoundException" => Ok(Vec::new()),
            Err(e) => Err(self.failed("ListServices", "list the services of", &self.cluster, e)),
        }
    }

    /// The families that have an ACTIVE revision and may be someone's of ours.
    pub async fn families(&self) -> Result<Vec<String>> {
        let request = self.client.list_task_definition_families().family_prefix("task-");
        let pages = request.status(TaskDefinitionFamilyStatus::Active).into_paginator().items().send();
        let found = pages.collect::<Result<_, _>>().await;
        found.map_err(|e| self.failed("ListTaskDefinitionFamilies", "list the task definitions of", &self.env.name, e))
    }

    // Deleting: what is gone already counts as deleted.

    /// Has a service end all its tasks, and deletes it.
    pub async fn delete_service(&self, have: &HaveService) -> Result<()> {
        let name = &have.name;
        if have.settings.count > 0 {
            let request = self.client.update_service().cluster(&self.cluster).service(name).desired_count(0);
            match request.send().await {
                Ok(_) => {}
                Err(e) if is_gone(code(&e)) => return Ok(()),
                Err(e) => return Err(self.failed("UpdateService", "stop service", name, e)),
            }
        }
        let request = self.client.delete_service().cluster(&self.cluster).service(name).force(true);
        match wait::retry(&self.stream, DELETE_BUDGET, DELETE, || request.clone().send()).await {
            Err(e) if !is_gone(code(&e)) => Err(self.failed("DeleteService", "delete service", name, e)),
            _ => Ok(()),
        }
    }

    /// Stops the tasks that no service of the cluster keeps.
    pub async fn stop_tasks(&self) -> Result<()> {
        for task in self.tasks(None, DesiredStatus::Running).await? {
            let request = self.client.stop_task().cluster(&self.cluster).task(&task).reason("the environment goes");
            match request.send().await {
                Ok(_) => {}
                Err(e) if code(&e) == "InvalidParameterException" => {} // it has ended by itself
                Err(e) => return Err(self.failed("StopTask", "stop task", &task, e)),
            }
        }
        Ok(())
    }

    async fn tasks(&self, service: Option<&str>, status: DesiredStatus) -> Result<Vec<String>> {
        let request = self.client.list_tasks().cluster(&self.cluster).desired_status(status);
        let pages = request.set_service_name(service.map(String::from)).into_paginator().items().send();
        match pages.collect::<Result<_, _>>().await {
            Ok(tasks) => Ok(tasks),
            Err(e) if is_gone(code(&e)) => Ok(Vec::new()),
            Err(e) => Err(self.failed("ListTasks", "list the tasks of", service.unwrap_or(&self.cluster), e)),
        }
    }

    /// Why the last of a service's tasks stopped, where AWS still knows.
    pub async fn stopped_reason(&self, service: &str) -> Result<Option<String>> {
        let mut tasks = self.tasks(Some(service), DesiredStatus::Stopped).await?;
        tasks.truncate(100); // what DescribeTasks takes
        if tasks.is_empty() {
            return Ok(None);
        }
        let request = self.client.describe_tasks().cluster(&self.cluster).set_tasks(Some(tasks));
        let answer = request.send().await.map_err(|e| self.failed("DescribeTasks", "look at tasks of", service, e))?;
        let mut tasks = answer.tasks.unwrap_or_default();
        tasks.sort_by_key(|task| task.stopped_at().map(|at| at.secs()));
        Ok(tasks.into_iter().rev().find_map(|task| {
            let container = task.containers().iter().find_map(|container| container.reason());
            let reasons = [task.stopped_reason(), container].into_iter().flatten().filter(|reason| !reason.is_empty());
            let reasons: Vec<&str> = reasons.collect();
            (!reasons.is_empty()).then(|| reasons.join(": "))
        }))
    }

    /// The ARNs of a family's revisions of a status.
    pub async fn revisions(&self, family: &str, status: TaskStatus) -> Result<Vec<String>> {
        let status = match status {
            TaskStatus::Active => TaskDefinitionStatus::Active,
            TaskStatus::Inactive => TaskDefinitionStatus::Inactive,
        };
        let pages = self.client.list_task_definitions().family_prefix(family).status(status).into_paginator();
        let found = pages.items().send().collect::<Result<Vec<String>, _>>().await;
        let found = found.map_err(|e| self.failed("ListTaskDefinitions", "list the revisions of", family, e))?;
        Ok(found.into_iter().filter(|arn| plan::family_of(arn) == family).collect())
    }

    /// Makes a revision INACTIVE.
    pub async fn deregister(&self, arn: &str) -> Result<()> {
        let request = self.client.deregister_task_definition().task_definition(arn);
        match request.send().await {
            Ok(_) => Ok(()),
            // Another run was faster.
            Err(e) if message(&e).contains("Unable to describe task definition") => Ok(()),
            Err(e) => Err(self.failed("DeregisterTaskDefinition", "deregister", plan::short(arn), e)),
        }
    }

    /// Deletes INACTIVE revisions; ECS lets each vanish when no task uses it any more.
    pub async fn delete_revisions(&self, arns: &[String]) -> Result<()> {
        for arns in arns.chunks(BATCH) {
            let names = arns.iter().map(|arn| plan::short(arn)).collect::<Vec<_>>().join(", ");
            let request = self.client.delete_task_definitions().set_task_definitions(Some(arns.to_vec()));
            let answer = request.send().await.map_err(|e| self.failed("DeleteTaskDefinitions", "delete", &names, e))?;
            let odd = answer
                .failures()
                .iter()
                .find(|failure| !failure.reason().unwrap_or_default().to_lowercase().contains("does not exist"));
            if let Some(failure) = odd {
                return Err(Error::refused(format!(
                    "cannot delete {}: {} (ecs:DeleteTaskDefinitions)",
                    plan::short(failure.arn().unwrap_or(&names)),
                    failure.reason().unwrap_or("no reason")
                )));
            }
        }
        Ok(())
    }

    /// Deletes the cluster, once its services and tasks have left it.
    pub async fn delete_cluster(&self) -> Result<()> {
        let request = self.client.delete_cluster().cluster(&self.cluster);
        match wait::retry(&self.stream, EMPTY_BUDGET, EMPTY, || request.clone().send()).await {
            Err(e) if !is_gone(code(&e)) => Err(self.failed("DeleteCluster", "delete cluster", &self.cluster, e)),
            _ => Ok(()),
        }
    }

    fn tags_of(&self, name: &str) -> Option<Vec<Tag>> {
        Some(
            self.env
                .tags_of(name)
                .into_iter()
                .map(|(key, value)| Tag::builder().key(key).value(value).build())
                .collect(),
        )
    }

    fn failed<E>(&self, operation: &str, what: &str, name: &str, e: aws_sdk_ecs::error::SdkError<E>) -> Error
    where
        E: aws_sdk_ecs::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        aws_error(&format!("ecs:{operation}"), format!("{what} {name}"), e)
    }
}

/// Which revisions of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// Those that can be run.
    Active,
    /// Those that were deregistered.
    Inactive,
}

fn is_gone(code: &str) -> bool {
    matches!(code, "ServiceNotFoundException" | "ServiceNotActiveException" | "ClusterNotFoundException")
}

fn network(want: &Settings) -> Result<NetworkConfiguration> {
    let public = if want.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(want.subnets.clone()))
        .set_security_groups(Some(want.groups.clone()))
        .assign_public_ip(public)
        .build()
        .map_err(|e| Error::refused(format!("cannot word a network configuration: {e}")))?;
    Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
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
            DeploymentCircuitBreaker::builder().enable(want.circuit_breaker).rollback(want.rollback).build(),
        )
        .minimum_healthy_percent(want.minimum)
        .maximum_percent(want.maximum)
        .build()
}

fn tags(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

fn have_task(task: TaskDefinition, tags: Tags) -> HaveTask {
    let containers = task.container_definitions();
    let names: Vec<&str> = containers.iter().filter_map(|container| container.name()).collect();
    let none = ContainerDefinition::builder().build();
    let container = containers.first().unwrap_or(&none);
    let ports = container.port_mappings().iter().map(|port| {
        // ECS leaves tcp out where nothing was said.
        format!("{}/{}", port.container_port().unwrap_or_default(), port.protocol().map_or("tcp", |p| p.as_str()))
    });
    let log = container.log_configuration();
    let option = |key: &str| log.and_then(|log| log.options()).and_then(|o| o.get(key)).cloned().unwrap_or_default();
    let requires: Vec<&str> = task.requires_compatibilities().iter().map(|one| one.as_str()).collect();
    let platform = task.runtime_platform();
    let environment = container
        .environment()
        .iter()
        .filter_map(|pair| Some((pair.name()?.to_string(), pair.value().unwrap_or_default().to_string())));
    let said = Task {
        image: container.image().unwrap_or_default().into(),
        ports: ports.collect::<Vec<_>>().join(" "),
        cpu: task.cpu().unwrap_or_default().into(),
        memory: task.memory().unwrap_or_default().into(),
        architecture: platform.and_then(|p| p.cpu_architecture()).map_or("X86_64", |a| a.as_str()).into(),
        execution_role: task.execution_role_arn().unwrap_or_default().into(),
        environment: environment.collect::<BTreeMap<_, _>>(),
        log_group: option("awslogs-group"),
        fixed: plan::fixed(
            task.network_mode().map_or("bridge", |mode| mode.as_str()),
            &requires.join(" "),
            platform.and_then(|p| p.operating_system_family()).map_or("LINUX", |system| system.as_str()),
            &names.join(" "),
            container.essential().unwrap_or(true),
            log.map_or("", |log| log.log_driver().as_str()),
            &option("awslogs-region"),
            &option("awslogs-stream-prefix"),
            container.linux_parameters().and_then(|linux| linux.init_process_enabled()).unwrap_or_default(),
            container.stop_timeout().unwrap_or_default(),
        ),
    };
    HaveTask { task: said, task_role: task.task_role_arn, arn: task.task_definition_arn.unwrap_or_default(), tags }
}

fn have_service(service: SdkService) -> HaveService {
    let network = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let mut subnets = network.map(|network| network.subnets().to_vec()).unwrap_or_default();
    let mut groups = network.map(|network| network.security_groups().to_vec()).unwrap_or_default();
    subnets.sort();
    groups.sort();
    let deployment = service.deployment_configuration();
    let breaker = deployment.and_then(|deployment| deployment.deployment_circuit_breaker());
    let targets = service.load_balancers().iter();
    let join = |words: Vec<String>| words.join(" ");
    let settings = Settings {
        task_definition: service.task_definition().unwrap_or_default().into(),
        count: service.desired_count(),
        grace: service.health_check_grace_period_seconds().unwrap_or_default(),
        subnets,
        groups,
        public_ip: network.and_then(|n| n.assign_public_ip()) == Some(&AssignPublicIp::Enabled),
        target_group: join(targets.clone().filter_map(|t| t.target_group_arn().map(String::from)).collect()),
        target: join(
            targets
                .map(|t| {
                    format!("{}:{}", t.container_name().unwrap_or_default(), t.container_port().unwrap_or_default())
                })
                .collect(),
        ),
        circuit_breaker: breaker.is_some_and(|breaker| breaker.enable()),
        rollback: breaker.is_some_and(|breaker| breaker.rollback()),
        minimum: deployment.and_then(|d| d.minimum_healthy_percent()).unwrap_or(100),
        maximum: deployment.and_then(|d| d.maximum_percent()).unwrap_or(200),
        rebalancing: service.availability_zone_rebalancing().map_or("DISABLED", |r| r.as_str()).into(),
        propagate_tags: service.propagate_tags().map_or("NONE", |p| p.as_str()).into(),
        managed_tags: service.enable_ecs_managed_tags(),
        launch_type: service.launch_type().map(|launch| launch.as_str().to_string()).unwrap_or_default(),
        controller: service.deployment_controller().map_or("ECS", |c| c.r#type().as_str()).into(),
    };
    let deployments = service.deployments().iter().map(|deployment| Deployment {
        status: deployment.status().unwrap_or_default().into(),
        task_definition: deployment.task_definition().unwrap_or_default().into(),
        rollout: deployment.rollout_state().map(|state| state.as_str().to_string()).unwrap_or_default(),
        reason: deployment.rollout_state_reason().unwrap_or_default().into(),
    });
    HaveService {
        deployments: deployments.collect(),
        event: service.events().first().and_then(|event| event.message()).unwrap_or_default().into(),
        created: service.created_at().map(|at| at.secs().to_string()).unwrap_or_default(),
        running: service.running_count(),
        settings,
        name: service.service_name.unwrap_or_default(),
        arn: service.service_arn.unwrap_or_default(),
        status: service.status.unwrap_or_default(),
        tags: tags(service.tags),
    }
}
