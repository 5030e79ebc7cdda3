//! What a service says, and is to say.

use plumbing::{App, Difference, Error, Result, name};

use super::Tags;
use super::revision::short;
use super::task::HaveTask;

/// What a service says, in so far as we set it.
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
    /// `LATEST`, or a version of Fargate that somebody held fast.
    pub platform: String,
    /// `FARGATE`, or the capacity providers that somebody chose instead.
    pub launch_type: String,
    /// `ECS`: rolling deployments; we never change it.
    pub controller: String,
}

/// A service.
#[derive(Clone, Debug, Default)]
pub struct HaveService {
    /// Its name in AWS.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// When it was made: what tells a dead one from its successor.
    pub created: String,
    /// What it says.
    pub settings: Settings,
    /// Whether it tells of its grace period, circuit breaker and zone rebalancing nothing at all. ECS
    /// tells of them; an emulator may forget them, and to set them again would change nothing. It has no
    /// deployments after the first either.
    pub forgets: bool,
    /// How many tasks run.
    pub running: i32,
    /// Its deployments.
    pub deployments: Vec<Deployment>,
    /// Its events, the newest first: when, in milliseconds since 1970, and what.
    pub events: Vec<(i64, String)>,
    /// Its tags.
    pub tags: Tags,
}

impl HaveService {
    /// The deployment that is to last.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments
            .iter()
            .find(|deployment| deployment.status == "PRIMARY")
    }

    /// What it says, with what it does not tell as it is wanted.
    pub fn settings_beside(&self, want: &Settings) -> Settings {
        let have = self.settings.clone();
        match self.forgets {
            false => have,
            true => Settings {
                grace: want.grace,
                circuit_breaker: want.circuit_breaker,
                rollback: want.rollback,
                rebalancing: want.rebalancing.clone(),
                managed_tags: want.managed_tags,
                ..have
            },
        }
    }

    /// Whether no deployment is under way.
    pub fn is_settled(&self) -> bool {
        self.deployments
            .iter()
            .all(|deployment| deployment.rollout != "IN_PROGRESS")
    }
}

/// One deployment of a service.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// Its ID, by which its tasks name it.
    pub id: String,
    /// When it began, in milliseconds since 1970.
    pub begun: i64,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// The ARN of its task definition.
    pub task_definition: String,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub rollout: String,
    /// Why.
    pub reason: String,
    /// How many of its tasks stopped since the last one that ran well.
    pub failed: i32,
    /// When ECS last moved it on, in milliseconds since 1970.
    pub moved: i64,
}

/// What surrounds an app's tasks.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The private subnets.
    pub subnets: Vec<String>,
    /// The tasks' security group.
    pub group: String,
    /// The target group.
    pub target_group: String,
}

/// What the app's service is to say; without an image to run it has no tasks.
pub fn settings(
    app: &App,
    task_definition: &str,
    has_image: bool,
    around: &Surroundings,
) -> Settings {
    Settings {
        task_definition: task_definition.into(),
        count: if has_image {
            i32::try_from(app.count).unwrap_or(i32::MAX)
        } else {
            0
        },
        grace: i32::try_from(app.grace).unwrap_or(i32::MAX),
        subnets: around.subnets.clone(),
        groups: vec![around.group.clone()],
        public_ip: false,
        target_group: around.target_group.clone(),
        target: format!("{}:{}", app.name, app.port),
        circuit_breaker: true,
        rollback: true,
        minimum: 100,
        maximum: 200,
        rebalancing: "ENABLED".into(),
        propagate_tags: "SERVICE".into(),
        managed_tags: true,
        platform: "LATEST".into(),
        launch_type: "FARGATE".into(),
        controller: "ECS".into(),
    }
}

/// How a service differs from what is wanted, field by field.
///
/// Errors: it differs in what AWS does not change.
pub fn service_differences(
    name: &str,
    have: &Settings,
    want: &Settings,
) -> Result<Vec<Difference>> {
    let launch_type = Difference::between("launch type", &have.launch_type, &want.launch_type);
    let fixed = [
        launch_type
            .clone()
            .filter(|difference| matches!(difference.old.as_str(), "EC2" | "EXTERNAL")),
        Difference::between("deployment controller", &have.controller, &want.controller),
    ];
    if let Some(Difference { field, old, new }) = fixed.into_iter().flatten().next() {
        return Err(Error::refused(format!(
            "service {name} has {field} {old}, wanted {new}; that cannot be changed"
        ))
        .hint("delete the service, and run the pipeline again: it makes another"));
    }
    Ok([
        Difference::between(
            "task definition",
            short(&have.task_definition),
            short(&want.task_definition),
        ),
        Difference::between("count", have.count, want.count),
        Difference::between("grace", have.grace, want.grace),
        Difference::between("subnets", sorted(&have.subnets), sorted(&want.subnets)),
        Difference::between(
            "security groups",
            sorted(&have.groups),
            sorted(&want.groups),
        ),
        Difference::between("public ip", have.public_ip, want.public_ip),
        Difference::between("target group", &have.target_group, &want.target_group),
        Difference::between("target", &have.target, &want.target),
        Difference::between(
            "circuit breaker",
            have.circuit_breaker,
            want.circuit_breaker,
        ),
        Difference::between("rollback", have.rollback, want.rollback),
        Difference::between("minimum percent", have.minimum, want.minimum),
        Difference::between("maximum percent", have.maximum, want.maximum),
        Difference::between("zone rebalancing", &have.rebalancing, &want.rebalancing),
        Difference::between(
            "propagated tags",
            &have.propagate_tags,
            &want.propagate_tags,
        ),
        Difference::between("ecs managed tags", have.managed_tags, want.managed_tags),
        Difference::between("platform version", &have.platform, &want.platform),
        launch_type,
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// Errors: the service's load balancer sends to a port that a revision does not have.
pub fn fits(task: &HaveTask, service: &Settings) -> Result<()> {
    let sends = |port: &str| {
        service
            .target
            .split(' ')
            .any(|target| target.ends_with(&format!(":{port}")))
    };
    let mut ports = task
        .task
        .ports
        .split(' ')
        .filter_map(|port| port.split('/').next());
    if service.target.is_empty() || ports.any(sends) {
        return Ok(());
    }
    let revision = short(&task.arn);
    Err(Error::refused(format!(
        "{revision} listens on {}, but the load balancer of its service sends to {}",
        task.task.ports, service.target
    ))
    .hint(format!(
        "--image with {} runs that image as the app is now",
        task.task.image
    )))
}

/// Whether two services' tasks stand in the same network.
pub fn same_network(one: &Settings, other: &Settings) -> bool {
    let network = |s: &Settings| (sorted(&s.subnets), sorted(&s.groups), s.public_ip);
    network(one) == network(other)
}

fn sorted(ids: &[String]) -> String {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.join(" ")
}

/// The token of a service's creation: a second run's is the same; that of a service in the place
/// of a dead one is another, since AWS would answer with the dead one.
pub fn token(name: &str, task_definition: &str, dead: &str) -> String {
    name::cut(&format!("{name}-{}-{dead}", short(task_definition)), 36)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Task;
    use crate::plan::examples::{around, env, told, web};

    #[test]
    fn the_same_service_has_no_differences_whatever_the_order_of_its_subnets() {
        let (mut around, want) = (around(), settings(&web(), "arn/t:1", true, &around()));
        around.subnets.reverse();
        assert_eq!(
            service_differences("x", &settings(&web(), "arn/t:1", true, &around), &want),
            Ok(vec![])
        );
    }

    #[test]
    fn a_service_differs_field_by_field() {
        let want = settings(&web(), "arn:x/task-web:2", true, &around());
        let mut have = Settings {
            task_definition: "arn:x/task-web:1".into(),
            count: 5,
            ..want.clone()
        };
        have.rebalancing = "DISABLED".into();
        assert_eq!(
            told(&service_differences("x", &have, &want).unwrap()),
            [
                "task definition: task-web:1 -> task-web:2",
                "count: 5 -> 2",
                "zone rebalancing: DISABLED -> ENABLED"
            ]
        );
    }

    #[test]
    fn what_a_service_does_not_tell_is_no_difference() {
        let want = settings(&web(), "arn/t:1", true, &around());
        let untold = Settings {
            grace: 0,
            circuit_breaker: false,
            rollback: false,
            managed_tags: false,
            ..want.clone()
        };
        let settings = Settings {
            rebalancing: "DISABLED".into(),
            count: 1,
            ..untold
        };
        let have = HaveService {
            settings,
            forgets: true,
            ..HaveService::default()
        };
        let differences = service_differences("x", &have.settings_beside(&want), &want).unwrap();
        assert_eq!(told(&differences), ["count: 1 -> 2"]);
        let tells = HaveService {
            forgets: false,
            ..have
        };
        assert_eq!(
            service_differences("x", &tells.settings_beside(&want), &want)
                .unwrap()
                .len(),
            6
        );
    }

    #[test]
    fn another_launch_type_is_a_conflict_and_capacity_providers_are_not() {
        let want = settings(&web(), "arn/t:1", true, &around());
        let have = Settings {
            launch_type: "EC2".into(),
            ..want.clone()
        };
        assert_eq!(
            service_differences("service-web", &have, &want)
                .unwrap_err()
                .message,
            "service service-web has launch type EC2, wanted FARGATE; that cannot be changed"
        );
        let have = Settings {
            launch_type: "FARGATE_SPOT".into(),
            ..want.clone()
        };
        assert_eq!(
            told(&service_differences("x", &have, &want).unwrap()),
            ["launch type: FARGATE_SPOT -> FARGATE"]
        );
    }

    #[test]
    fn other_target_groups_than_its_own_are_a_difference() {
        let want = settings(&web(), "arn/t:1", true, &around());
        let theirs = want.target_group.replace("tg-web", "theirs");
        for (group, differences) in [
            (want.target_group.replace("tg-web/1", "tg-web/0"), 1),
            (theirs.clone(), 1),
            (format!("{theirs} {}", want.target_group), 1),
            (String::new(), 1),
            (want.target_group.clone(), 0),
        ] {
            let have = Settings {
                target_group: group.clone(),
                ..want.clone()
            };
            assert_eq!(
                service_differences("x", &have, &want).unwrap().len(),
                differences,
                "{group}"
            );
        }
    }

    #[test]
    fn a_revision_without_the_port_that_the_load_balancer_sends_to_does_not_fit() {
        let want = settings(&web(), "arn/t:1", true, &around());
        let task = |ports: &str| HaveTask {
            arn: "arn/t:1".into(),
            task: Task {
                ports: ports.into(),
                image: "web:1".into(),
                ..Task::default()
            },
            ..HaveTask::default()
        };
        assert_eq!(fits(&task("5000/tcp"), &want), Ok(()));
        assert_eq!(fits(&task("80/tcp 5000/tcp"), &want), Ok(()));
        let why = fits(&task("15000/tcp"), &want).unwrap_err();
        assert_eq!(
            why.message,
            "t:1 listens on 15000/tcp, but the load balancer of its service sends to web:5000"
        );
        assert_eq!(
            fits(
                &task("15000/tcp"),
                &Settings {
                    target: String::new(),
                    ..want
                }
            ),
            Ok(())
        );
    }

    #[test]
    fn a_token_is_stable_short_and_another_after_a_death() {
        let name = env().service_name("recommendations");
        let token = |dead| token(&name, "arn:x/task-recommendations-production-pr1:1", dead);
        assert_eq!(token(""), token(""));
        assert!(token("").len() <= 36);
        assert_ne!(token(""), token("2026-11-22"));
    }
}
