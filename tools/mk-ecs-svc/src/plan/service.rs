//! What a service says, and is to say.

use std::collections::BTreeMap;

use plumbing::step::in_part;
use plumbing::{App, Difference, Differences, Env, Error, Result, name};

use super::definition::HaveRevision;
use super::revision::short;
use super::shift::{self, Pair, Strategy};
use super::{alarms, count, mark, spot};

/// What a service says, as far as we set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The ARN of the task definition's revision.
    pub task_definition: String,
    /// How many tasks.
    pub count: i32,
    /// For how many seconds failing health checks do not count.
    pub grace: i32,
    /// The private subnets, in any order.
    pub subnets: Vec<String>,
    /// The security groups, in any order.
    pub groups: Vec<String>,
    /// Whether tasks have public addresses.
    pub public_ip: bool,
    /// The ARN of the load balancer's target group.
    pub target_group: String,
    /// The second target group, where ECS shifts the requests between two.
    pub pair: Option<Pair>,
    /// Container and port that the target group sends to, `web:5000`.
    pub target: String,
    /// Whether a deployment that fails is given up.
    pub circuit_breaker: bool,
    /// Whether the last good revision then comes back.
    pub rollback: bool,
    /// How the requests get to a new deployment.
    pub strategy: Strategy,
    /// The alarms that end a deployment, by their names, in order; none where they are not heeded.
    pub alarms: Vec<String>,
    /// Whether the last good revision then comes back.
    pub alarms_roll_back: bool,
    /// The least tasks during a deployment, in percent of the count.
    pub minimum: i32,
    /// The most.
    pub maximum: i32,
    /// `ENABLED`: tasks are spread over the zones again after one comes back.
    pub rebalancing: String,
    /// `SERVICE`: tasks carry the service's tags.
    pub propagate_tags: String,
    /// Whether tasks carry ECS's own tags.
    pub managed_tags: bool,
    /// Whether a person can run commands in its tasks (ECS Exec).
    pub execute_command: bool,
    /// `LATEST`, or a version of Fargate that somebody chose.
    pub platform: String,
    /// `FARGATE`; "" where capacity providers are chosen instead.
    pub launch_type: String,
    /// The capacity providers, by name.
    pub providers: Vec<Provider>,
    /// `ECS`: rolling deployments; we never change it.
    pub controller: String,
}

/// Where a share of a service's tasks runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provider {
    /// `FARGATE`, `FARGATE_SPOT`, or one of somebody's own.
    pub name: String,
    /// How many tasks it has before any share counts.
    pub base: i32,
    /// Its share of the others.
    pub weight: i32,
}

/// A part of a service that one call brings into line: its tags, or one parameter of
/// UpdateService.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The revision that it runs.
    TaskDefinition,
    /// How many tasks.
    Count,
    /// The health checks' grace period.
    Grace,
    /// Subnets, security groups and public addresses.
    Network,
    /// The target group, and where it sends to.
    LoadBalancer,
    /// The circuit breaker, and how many tasks run during a deployment.
    DeploymentConfiguration,
    /// The alarms, with all of the deployment configuration: one parameter says both.
    Alarms,
    /// How the requests get to a new deployment.
    Strategy,
    /// Whether tasks are spread over the zones again.
    Rebalancing,
    /// Whose tags the tasks carry.
    PropagateTags,
    /// Whether tasks carry ECS's own tags.
    ManagedTags,
    /// Whether a person can run commands in its tasks.
    ExecuteCommand,
    /// The version of Fargate.
    Platform,
    /// Fargate, or capacity providers instead.
    LaunchType,
    /// Another deployment, since the newest failed.
    NewDeployment,
    /// Its own tags.
    Tags,
}

/// A service that exists.
#[derive(Clone, Debug, Default)]
pub struct HaveService {
    /// Its name in AWS.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// When it was made, in seconds since 1970: this distinguishes a deleted one from its
    /// successor.
    pub created: String,
    /// What it says.
    pub settings: Settings,
    /// Whether its description leaves out grace period, circuit breaker and zone rebalancing. ECS
    /// leaves none out; an emulator may forget them, and to set them again would change nothing.
    /// Such an emulator has no deployments after the first either.
    pub omits_settings: bool,
    /// How many tasks run.
    pub running: i32,
    /// Its deployments.
    pub deployments: Vec<Deployment>,
    /// Its events, the newest first.
    pub events: Vec<Event>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// One deployment of a service.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// Its ID, by which its tasks name it.
    pub id: String,
    /// When it began, in milliseconds since 1970.
    pub created: i64,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub rollout: String,
    /// Why.
    pub reason: String,
    /// How many of its tasks run.
    pub running: i32,
    /// How many of its tasks stopped since the last one that ran well.
    pub failed_tasks: i32,
    /// When ECS last changed it, in milliseconds since 1970.
    pub updated: i64,
}

/// What ECS says that happened to a service.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub created: i64,
    /// What.
    pub message: String,
}

impl HaveService {
    /// Whether it runs tasks.
    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// Whether it was deleted and its tasks have not ended.
    pub fn is_draining(&self) -> bool {
        self.status == "DRAINING"
    }

    /// Whether it was deleted and its name is free again.
    pub fn is_inactive(&self) -> bool {
        self.status == "INACTIVE"
    }

    /// The newest deployment, which is to stay.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments
            .iter()
            .find(|deployment| deployment.status == "PRIMARY")
    }

    /// Whether a deployment is under way.
    pub fn is_deploying(&self) -> bool {
        self.deployments
            .iter()
            .any(|deployment| deployment.rollout == "IN_PROGRESS")
    }

    /// Whether ECS gave the newest deployment up: until the next one, it starts no more tasks.
    pub fn newest_deployment_failed(&self) -> bool {
        match self.primary() {
            Some(primary) => primary.rollout == "FAILED",
            None => false,
        }
    }

    /// Whether it starts no more tasks in a target group that it was told to be in.
    pub fn gave_up(&self, target_group: &str) -> bool {
        !self.is_active()
            || self.newest_deployment_failed()
            || self.settings.target_group != target_group
    }

    /// The revision that it runs: what it was asked to; or where ECS gave that up, what runs on.
    pub fn runs(&self) -> &str {
        let older = self
            .deployments
            .iter()
            .find(|one| one.status != "PRIMARY" && one.running > 0);
        match older {
            Some(older) if self.newest_deployment_failed() => &older.task_definition,
            _ => &self.settings.task_definition,
        }
    }

    /// What it says; and where its description omits settings, those that are wanted.
    fn settings_or(&self, want: &Settings) -> Settings {
        let have = self.settings.clone();
        if !self.omits_settings {
            return have;
        }
        Settings {
            grace: want.grace,
            circuit_breaker: want.circuit_breaker,
            rollback: want.rollback,
            pair: want.pair.clone(),
            strategy: want.strategy.clone(),
            alarms: want.alarms.clone(),
            alarms_roll_back: want.alarms_roll_back,
            rebalancing: want.rebalancing.clone(),
            managed_tags: want.managed_tags,
            ..have
        }
    }
}

/// The network that an app's tasks are in.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The private subnets.
    pub subnets: Vec<String>,
    /// The tasks' security group.
    pub group: String,
    /// The ARN of the target group; "" of a worker's.
    pub target_group: String,
    /// The second one, where ECS shifts the requests between two.
    pub pair: Option<Pair>,
}

/// What the app's service is to say; without an image to run it has no tasks.
pub fn want(app: &App, task_definition: &str, has_image: bool, network: &Network) -> Settings {
    let providers = spot::providers(app);
    let launch_type = if providers.is_empty() { "FARGATE" } else { "" };
    let (grace, target) = if app.worker {
        (0, String::new())
    } else {
        (app.grace, format!("{}:{}", app.name, app.port))
    };
    Settings {
        task_definition: task_definition.into(),
        count: if has_image { count::at_first(app) } else { 0 },
        grace: i32::try_from(grace).unwrap_or(i32::MAX),
        subnets: network.subnets.clone(),
        groups: vec![network.group.clone()],
        public_ip: false,
        target_group: network.target_group.clone(),
        pair: network.pair.clone(),
        target,
        strategy: shift::wanted(app),
        circuit_breaker: true,
        rollback: true,
        alarms: alarms::wanted(app),
        alarms_roll_back: !app.deploy.rollback_on.is_empty(),
        minimum: 100,
        maximum: 200,
        rebalancing: "ENABLED".into(),
        propagate_tags: "SERVICE".into(),
        managed_tags: true,
        execute_command: false,
        platform: "LATEST".into(),
        launch_type: launch_type.into(),
        providers,
        controller: "ECS".into(),
    }
}

/// In what a service differs from what is wanted.
///
/// Errors: it differs in what AWS does not change.
pub fn compare(
    env: &Env,
    app: &App,
    want: &Settings,
    have: &HaveService,
) -> Result<Differences<Part>> {
    let mut settings = have.settings_or(want);
    if want.target.is_empty() {
        settings.grace = want.grace; // that of a load balancer which is gone says nothing
    }
    check_changeable(&have.name, want, &settings)?;
    let mut differences = compare_settings(want, &settings);
    if have.newest_deployment_failed() {
        // What made it fail may be mended; ECS does not try again by itself.
        let failed = Difference::between("deployment", "failed", "new");
        differences.extend(in_part(Part::NewDeployment, failed));
    }
    let tags = Difference::of_tags(&have.tags, &mark::tags(env, app));
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

/// Refuses a service whose launch type or deployment controller would have to change. A service
/// with capacity providers can return to Fargate.
fn check_changeable(name: &str, want: &Settings, have: &Settings) -> Result<()> {
    let mut fixed = Vec::new();
    let launch_type = spot::launch_type(want);
    if matches!(have.launch_type.as_str(), "EC2" | "EXTERNAL") {
        fixed.push(("launch type", &have.launch_type, &launch_type));
    }
    fixed.push(("deployment controller", &have.controller, &want.controller));
    for (field, old, new) in fixed {
        if old != new {
            let message =
                format!("service {name} has {field} {old}, wanted {new}; that cannot be changed");
            let hint = "delete the service, and run the pipeline again: it makes another";
            return Err(Error::refused(message).hint(hint));
        }
    }
    Ok(())
}

fn compare_settings(want: &Settings, have: &Settings) -> Differences<Part> {
    let mut differences = Differences::new();
    for ((part, field, old), (_, _, new)) in fields(have).into_iter().zip(fields(want)) {
        differences.extend(in_part(part, Difference::between(field, old, new)));
    }
    differences
}

/// All settings that can be changed, each with its part and its name in a difference.
fn fields(settings: &Settings) -> Vec<(Part, &'static str, String)> {
    let task_definition = short(&settings.task_definition).to_string();
    let circuit_breaker = settings.circuit_breaker.to_string();
    let rollback = settings.rollback.to_string();
    let minimum = settings.minimum.to_string();
    let maximum = settings.maximum.to_string();
    let propagate_tags = settings.propagate_tags.clone();
    let managed_tags = settings.managed_tags.to_string();
    let execute_command = settings.execute_command.to_string();
    let Pair {
        alternate,
        rule,
        role,
    } = settings.pair.clone().unwrap_or_else(|| Pair {
        alternate: "none".into(),
        rule: "none".into(),
        role: "none".into(),
    });
    vec![
        (Part::TaskDefinition, "task definition", task_definition),
        (Part::Count, "count", settings.count.to_string()),
        (Part::Grace, "grace", settings.grace.to_string()),
        (Part::Network, "subnets", sorted(&settings.subnets)),
        (Part::Network, "security groups", sorted(&settings.groups)),
        (Part::Network, "public ip", settings.public_ip.to_string()),
        (
            Part::LoadBalancer,
            "target group",
            settings.target_group.clone(),
        ),
        (Part::LoadBalancer, "target", settings.target.clone()),
        (Part::LoadBalancer, "alternate target group", alternate),
        (Part::LoadBalancer, "listener rule", rule),
        (Part::LoadBalancer, "deploy role", role),
        (
            Part::DeploymentConfiguration,
            "circuit breaker",
            circuit_breaker,
        ),
        (Part::DeploymentConfiguration, "rollback", rollback),
        (Part::DeploymentConfiguration, "minimum percent", minimum),
        (Part::DeploymentConfiguration, "maximum percent", maximum),
        (Part::Alarms, "rollback on", alarms::words(settings)),
        (Part::Strategy, "deploy", settings.strategy.words()),
        (
            Part::Rebalancing,
            "zone rebalancing",
            settings.rebalancing.clone(),
        ),
        (Part::PropagateTags, "propagated tags", propagate_tags),
        (Part::ManagedTags, "ecs managed tags", managed_tags),
        (Part::ExecuteCommand, "execute command", execute_command),
        (
            Part::Platform,
            "platform version",
            settings.platform.clone(),
        ),
        (Part::LaunchType, "launch type", spot::launch_type(settings)),
    ]
}

fn sorted(ids: &[String]) -> String {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.join(" ")
}

/// Errors: the service's load balancer sends to a port that a revision does not have.
pub fn check_ports(revision: &HaveRevision, service: &Settings) -> Result<()> {
    let ports = &revision.definition.own.ports;
    if service.target.is_empty() || sends_to_one_of(ports, &service.target) {
        return Ok(());
    }
    let message = format!(
        "{} listens on {ports}, but the load balancer of its service sends to {}",
        short(&revision.arn),
        service.target
    );
    let image = &revision.definition.own.image;
    let hint = format!("--image with {image} runs that image as the app is now");
    Err(Error::refused(message).hint(hint))
}

/// Whether one of the targets, `web:5000`, has one of the ports, `5000/tcp`.
fn sends_to_one_of(ports: &str, targets: &str) -> bool {
    for port in ports.split(' ') {
        let number = port.split('/').next().unwrap_or_default();
        let end = format!(":{number}");
        if targets.split(' ').any(|target| target.ends_with(&end)) {
            return true;
        }
    }
    false
}

/// The token of a service's creation, by which AWS knows a repeated call: a second run's is the
/// same. After a deletion it must be another, or AWS would answer with the deleted service; so it
/// has in it when that one was made, "" for none.
pub fn token(name: &str, task_definition: &str, deleted: &str) -> String {
    let revision = short(task_definition);
    name::cut(&format!("{name}-{revision}-{deleted}"), 36)
}

#[cfg(test)]
mod tests;
