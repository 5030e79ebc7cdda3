//! What a service says, and is to say.

use std::collections::BTreeMap;

use plumbing::step::in_part;
use plumbing::{App, Difference, Differences, Env, Error, Result, name};

use super::definition::HaveRevision;
use super::revision::short;

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
    /// Container and port that the target group sends to, `web:5000`.
    pub target: String,
    /// Whether a deployment that fails is given up.
    pub circuit_breaker: bool,
    /// Whether the last good revision then comes back.
    pub rollback: bool,
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
    /// `FARGATE`, or the capacity providers that somebody chose instead.
    pub launch_type: String,
    /// `ECS`: rolling deployments; we never change it.
    pub controller: String,
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
    /// Fargate, without capacity providers.
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
    /// The ARN of the target group.
    pub target_group: String,
}

/// What the app's service is to say; without an image to run it has no tasks.
pub fn want(app: &App, task_definition: &str, has_image: bool, network: &Network) -> Settings {
    let count = if has_image { app.count } else { 0 };
    Settings {
        task_definition: task_definition.into(),
        count: i32::try_from(count).unwrap_or(i32::MAX),
        grace: i32::try_from(app.grace).unwrap_or(i32::MAX),
        subnets: network.subnets.clone(),
        groups: vec![network.group.clone()],
        public_ip: false,
        target_group: network.target_group.clone(),
        target: format!("{}:{}", app.name, app.port),
        circuit_breaker: true,
        rollback: true,
        minimum: 100,
        maximum: 200,
        rebalancing: "ENABLED".into(),
        propagate_tags: "SERVICE".into(),
        managed_tags: true,
        execute_command: false,
        platform: "LATEST".into(),
        launch_type: "FARGATE".into(),
        controller: "ECS".into(),
    }
}

/// In what a service differs from what is wanted.
///
/// Errors: it differs in what AWS does not change.
pub fn compare(
    env: &Env,
    app: &str,
    want: &Settings,
    have: &HaveService,
) -> Result<Differences<Part>> {
    let settings = have.settings_or(want);
    check_changeable(&have.name, want, &settings)?;
    let mut differences = compare_settings(want, &settings);
    if have.newest_deployment_failed() {
        // What made it fail may be mended; ECS does not try again by itself.
        let failed = Difference::between("deployment", "failed", "new");
        differences.extend(in_part(Part::NewDeployment, failed));
    }
    let tags = Difference::of_tags(&have.tags, &env.tags_of_app(&have.name, app));
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

/// Refuses a service whose launch type or deployment controller would have to change. A service
/// with capacity providers can return to Fargate.
fn check_changeable(name: &str, want: &Settings, have: &Settings) -> Result<()> {
    let mut fixed = Vec::new();
    if matches!(have.launch_type.as_str(), "EC2" | "EXTERNAL") {
        fixed.push(("launch type", &have.launch_type, &want.launch_type));
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
        (
            Part::DeploymentConfiguration,
            "circuit breaker",
            circuit_breaker,
        ),
        (Part::DeploymentConfiguration, "rollback", rollback),
        (Part::DeploymentConfiguration, "minimum percent", minimum),
        (Part::DeploymentConfiguration, "maximum percent", maximum),
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
        (
            Part::LaunchType,
            "launch type",
            settings.launch_type.clone(),
        ),
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
mod tests {
    use plumbing::step::without_parts;

    use super::*;
    use crate::plan::container::Container;
    use crate::plan::definition::Definition;
    use crate::plan::examples::{env, network, texts, web};

    fn want_web() -> Settings {
        want(&web(), "arn:x/task-web:2", true, &network())
    }

    fn service(settings: Settings) -> HaveService {
        let name = "service-web-production-pr1";
        HaveService {
            name: name.into(),
            settings,
            tags: env().tags_of_app(name, "web").into_iter().collect(),
            ..HaveService::default()
        }
    }

    fn differences(have: &HaveService) -> Vec<String> {
        let differences = compare(&env(), "web", &want_web(), have).unwrap();
        texts(&without_parts(differences))
    }

    #[test]
    fn the_same_service_has_no_differences_whatever_the_order_of_its_subnets() {
        let mut have = service(want_web());
        have.settings.subnets.reverse();
        assert_eq!(differences(&have), Vec::<String>::new());
    }

    #[test]
    fn a_service_differs_field_by_field() {
        let have = service(Settings {
            task_definition: "arn:x/task-web:1".into(),
            count: 5,
            rebalancing: "DISABLED".into(),
            ..want_web()
        });
        assert_eq!(
            differences(&have),
            [
                "task definition: task-web:1 -> task-web:2",
                "count: 5 -> 2",
                "zone rebalancing: DISABLED -> ENABLED"
            ]
        );
    }

    #[test]
    fn each_difference_is_of_the_part_that_one_call_brings_into_line() {
        let mut have = service(Settings {
            public_ip: true,
            rollback: false,
            maximum: 100,
            ..want_web()
        });
        have.deployments = vec![Deployment {
            status: "PRIMARY".into(),
            rollout: "FAILED".into(),
            ..Deployment::default()
        }];
        have.tags.insert("Team".into(), "nobody".into());
        let differences = compare(&env(), "web", &want_web(), &have).unwrap();
        let parts: Vec<Part> = differences.iter().map(|(part, _)| *part).collect();
        assert_eq!(
            parts,
            [
                Part::Network,
                Part::DeploymentConfiguration,
                Part::DeploymentConfiguration,
                Part::NewDeployment,
                Part::Tags
            ]
        );
        assert_eq!(
            texts(&without_parts(differences))[3..],
            ["deployment: failed -> new", "tag Team: nobody -> devops"]
        );
    }

    #[test]
    fn what_a_service_does_not_tell_is_no_difference() {
        let settings = Settings {
            grace: 0,
            circuit_breaker: false,
            rollback: false,
            managed_tags: false,
            rebalancing: "DISABLED".into(),
            count: 1,
            ..want_web()
        };
        let have = HaveService {
            omits_settings: true,
            ..service(settings)
        };
        assert_eq!(differences(&have), ["count: 1 -> 2"]);
        let have = HaveService {
            omits_settings: false,
            ..have
        };
        assert_eq!(differences(&have).len(), 6);
    }

    #[test]
    fn another_launch_type_is_a_conflict_and_capacity_providers_are_not() {
        let mut have = service(Settings {
            launch_type: "EC2".into(),
            ..want_web()
        });
        assert_eq!(
            compare(&env(), "web", &want_web(), &have)
                .unwrap_err()
                .message,
            "service service-web-production-pr1 has launch type EC2, wanted FARGATE; that cannot be changed"
        );
        have.settings.launch_type = "FARGATE_SPOT".into();
        assert_eq!(differences(&have), ["launch type: FARGATE_SPOT -> FARGATE"]);
    }

    #[test]
    fn another_deployment_controller_is_a_conflict() {
        let have = service(Settings {
            controller: "CODE_DEPLOY".into(),
            ..want_web()
        });
        assert_eq!(
            compare(&env(), "web", &want_web(), &have)
                .unwrap_err()
                .message,
            "service service-web-production-pr1 has deployment controller CODE_DEPLOY, wanted ECS; that cannot be changed"
        );
    }

    #[test]
    fn other_target_groups_than_its_own_are_a_difference() {
        let own = want_web().target_group;
        let other = own.replace("tg-web", "theirs");
        for (group, count) in [
            (own.replace("tg-web/1", "tg-web/0"), 1),
            (other.clone(), 1),
            (format!("{other} {own}"), 1),
            (String::new(), 1),
            (own, 0),
        ] {
            let have = service(Settings {
                target_group: group.clone(),
                ..want_web()
            });
            assert_eq!(differences(&have).len(), count, "{group}");
        }
    }

    fn revision_with(ports: &str) -> HaveRevision {
        HaveRevision {
            arn: "arn/t:1".into(),
            definition: Definition {
                own: Container {
                    ports: ports.into(),
                    image: "web:1".into(),
                    ..Container::default()
                },
                ..Definition::default()
            },
            ..HaveRevision::default()
        }
    }

    #[test]
    fn a_revision_without_the_port_that_the_load_balancer_sends_to_does_not_fit() {
        assert_eq!(check_ports(&revision_with("5000/tcp"), &want_web()), Ok(()));
        let two = revision_with("80/tcp 5000/tcp");
        assert_eq!(check_ports(&two, &want_web()), Ok(()));
        let other = revision_with("15000/tcp");
        assert_eq!(
            check_ports(&other, &want_web()).unwrap_err().message,
            "t:1 listens on 15000/tcp, but the load balancer of its service sends to web:5000"
        );
        let without_load_balancer = Settings {
            target: String::new(),
            ..want_web()
        };
        assert_eq!(check_ports(&other, &without_load_balancer), Ok(()));
    }

    #[test]
    fn a_token_is_stable_short_and_another_after_a_deletion() {
        let name = env().service_name("recommendations");
        let revision = "arn:x/task-recommendations-production-pr1:1";
        let first = token(&name, revision, "");
        assert_eq!(first, token(&name, revision, ""));
        assert!(first.len() <= 36);
        assert_ne!(first, token(&name, revision, "2026-11-22"));
    }
}
