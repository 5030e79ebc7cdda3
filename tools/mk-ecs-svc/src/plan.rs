//! What a task definition and a service should be, what is there, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::{App, Cluster, Difference, Env, Error, Record, Result, Service, TaskDefinition, name};
use serde_json::Value;

/// ECS takes no longer start period of a container's health check, in seconds.
const START_PERIOD: i32 = 300;
/// How long a container may take to end before it is killed, in seconds.
const STOP_TIMEOUT: i32 = 30;

/// The tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// The ECS cluster.
#[derive(Clone, Debug, Default)]
pub struct HaveCluster {
    /// Its ARN.
    pub arn: String,
    /// `ACTIVE`, `PROVISIONING`, `DEPROVISIONING`, `FAILED` or `INACTIVE`.
    pub status: String,
    /// Its tags.
    pub tags: Tags,
}

/// What a task definition says, in so far as we set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// The image reference.
    pub image: String,
    /// `5000/tcp`.
    pub ports: String,
    /// Fargate CPU units.
    pub cpu: String,
    /// MiB.
    pub memory: String,
    /// `X86_64` or `ARM64`.
    pub architecture: String,
    /// The command that tells whether the container is well, and for how many seconds after its
    /// start it may fail.
    pub check: Option<(String, i32)>,
    /// The ARN of the role that pulls the image and writes the log.
    pub execution_role: String,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// The log group's name.
    pub log_group: String,
    /// What is the same for every app, by what a difference of it is called.
    pub fixed: BTreeMap<&'static str, String>,
}

/// A revision of a task definition.
#[derive(Clone, Debug, Default)]
pub struct HaveTask {
    /// Its ARN, with the revision.
    pub arn: String,
    /// A role that someone gave the tasks; we give none.
    pub task_role: Option<String>,
    /// The ARN of who registered it.
    pub registered_by: String,
    /// What it says.
    pub task: Task,
    /// Its tags.
    pub tags: Tags,
}

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
    /// `FARGATE`; fixed from the service's creation on.
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
    /// How many tasks run.
    pub running: i32,
    /// Its deployments.
    pub deployments: Vec<Deployment>,
    /// The newest event's text.
    pub event: String,
    /// Its tags.
    pub tags: Tags,
}

impl HaveService {
    /// Whether no deployment is under way.
    pub fn is_settled(&self) -> bool {
        self.deployments.iter().all(|deployment| deployment.rollout != "IN_PROGRESS")
    }
}

/// One deployment of a service.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
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

/// Marks a revision whose image a pipeline deployed, also when it is registered again with another
/// field changed.
const BY_PIPELINE: (&str, &str) = ("plumbline:image", "pipeline");

/// The tag of a revision that a service was taken back from.
const ROLLED_BACK: &str = "plumbline:rolled-back";

/// The mark of a revision that a service is taken back from.
pub fn mark_rolled_back() -> (String, String) {
    (ROLLED_BACK.into(), "true".into())
}

/// Whether a service was taken back from a revision.
pub fn rolled_back(have: &HaveTask) -> bool {
    have.tags.contains_key(ROLLED_BACK)
}

/// Whether the app's pipeline deployed what a revision runs: it did before, by the mark; or its role
/// registered the revision; or nobody tagged it, and it runs an image of the app's own repository.
pub fn by_pipeline(env: &Env, have: &HaveTask) -> bool {
    let Some(app) = app_of(env, "task", family_of(&have.arn)) else { return false };
    let marked = have.tags.get(BY_PIPELINE.0).is_some_and(|value| value == BY_PIPELINE.1);
    let registered = have.registered_by.contains(":assumed-role/role-pipeline-");
    let untagged = !have.tags.contains_key(name::IDENTITY);
    of_its_repository(env, &app, &have.task.image) && (marked || registered || untagged)
}

/// Whether a revision is the environment's: by its tag, or because the app's pipeline, which may
/// know no tags, registered it.
pub fn owns_task(env: &Env, have: &HaveTask) -> bool {
    env.owns(&have.tags) || !have.tags.contains_key(name::IDENTITY) && by_pipeline(env, have)
}

/// The tags of a revision.
pub fn task_tags(env: &Env, family: &str, by_pipeline: bool) -> Vec<(String, String)> {
    let mark = by_pipeline.then(|| (BY_PIPELINE.0.to_string(), BY_PIPELINE.1.to_string()));
    env.tags_of(family).into_iter().chain(mark).collect()
}

/// Whether an image is one of the app's own repository, by digest: as a pipeline deploys it.
fn of_its_repository(env: &Env, app: &str, image: &str) -> bool {
    image.starts_with(&format!("{}@sha256:", env.repository_uri(app)))
}

/// What an app without an image names until its pipeline has built one: the tag that the pipeline
/// will give it.
pub fn placeholder(env: &Env, app: &str) -> String {
    format!("{}:production", env.repository_uri(app))
}

/// The app of a service's or a family's name: `web` of `task-web-production-pr1`.
pub fn app_of(env: &Env, kind: &str, name: &str) -> Option<String> {
    let app = name.strip_prefix(kind)?.strip_prefix('-')?.strip_suffix(&env.name)?.strip_suffix('-')?;
    (!app.is_empty()).then(|| app.to_string())
}

/// The name that a revision belongs to: `task-web-production-pr1` of its ARN.
pub fn family_of(arn: &str) -> &str {
    let name = arn.rsplit('/').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default()
}

/// Reads `--image APP=REFERENCE`.
pub fn image_flag(text: &str) -> Result<(String, String), String> {
    let (app, image) = text.split_once('=').ok_or("an image is written APP=REFERENCE")?;
    name::check_part("app", app)?;
    match image.is_empty() || image.contains(char::is_whitespace) {
        true => Err(format!("'{image}' is not an image reference")),
        false => Ok((app.to_string(), image.to_string())),
    }
}

/// What the app's task definition is to say.
pub fn task(
    env: &Env,
    app: &App,
    image: String,
    execution_role: String,
    log_group: String,
    environment: BTreeMap<String, String>,
) -> Task {
    Task {
        image,
        ports: format!("{}/tcp", app.port),
        cpu: app.cpu.to_string(),
        memory: app.memory.to_string(),
        architecture: app.architecture.clone(),
        check: app
            .check
            .clone()
            .map(|command| (command, i32::try_from(app.grace).unwrap_or(i32::MAX).min(START_PERIOD))),
        execution_role,
        environment,
        log_group,
        fixed: fixed(
            "awsvpc",
            "FARGATE",
            "LINUX",
            &app.name,
            true,
            "awslogs",
            &env.region,
            &app.name,
            true,
            STOP_TIMEOUT,
        ),
    }
}

/// What is the same for every app; both what is wanted and what is there are told through it.
#[allow(clippy::too_many_arguments)] // one for each field
pub fn fixed(
    network: &str,
    requires: &str,
    system: &str,
    containers: &str,
    essential: bool,
    driver: &str,
    region: &str,
    prefix: &str,
    init: bool,
    stop_timeout: i32,
) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("network mode", network.to_string()),
        ("requires", requires.into()),
        ("operating system", system.into()),
        ("containers", containers.into()),
        ("essential", essential.to_string()),
        ("log driver", driver.into()),
        ("log region", region.into()),
        ("log stream prefix", prefix.into()),
        ("init process", init.to_string()),
        ("stop timeout", stop_timeout.to_string()),
    ])
}

/// How a task definition differs from what is wanted, field by field.
pub fn task_differences(have: &Task, want: &Task) -> Vec<Difference> {
    let fields = |task: &Task| {
        let mut fields = vec![
            ("image".to_string(), task.image.clone()),
            ("port".into(), task.ports.clone()),
            ("cpu".into(), task.cpu.clone()),
            ("memory".into(), task.memory.clone()),
            ("architecture".into(), task.architecture.clone()),
            (
                "check".into(),
                task.check.as_ref().map_or("(none)".into(), |(command, start)| format!("{command}, after {start} s")),
            ),
            ("execution role".into(), task.execution_role.clone()),
            ("log group".into(), task.log_group.clone()),
        ];
        fields.extend(task.fixed.iter().map(|(field, value)| (field.to_string(), value.clone())));
        fields
    };
    let same = fields(have).into_iter().zip(fields(want));
    let mut differences: Vec<_> =
        same.filter_map(|((field, old), (_, new))| Difference::between(&field, old, new)).collect();
    let mut keys: Vec<&String> = have.environment.keys().chain(want.environment.keys()).collect();
    keys.sort();
    keys.dedup();
    differences.extend(keys.into_iter().filter_map(|key| {
        let value = |task: &Task| task.environment.get(key).cloned();
        let told = |value: Option<String>| value.unwrap_or_else(|| "(none)".into());
        let (old, new) = (value(have), value(want));
        (old != new).then(|| Difference { field: format!("environment {key}"), old: told(old), new: told(new) })
    }));
    differences
}

/// What the app's service is to say; without an image to run it has no tasks.
pub fn settings(app: &App, task_definition: &str, has_image: bool, around: &Surroundings) -> Settings {
    Settings {
        task_definition: task_definition.into(),
        count: if has_image { i32::try_from(app.count).unwrap_or(i32::MAX) } else { 0 },
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
        launch_type: "FARGATE".into(),
        controller: "ECS".into(),
    }
}

/// How a service differs from what is wanted, field by field.
///
/// Errors: it differs in what AWS does not change.
pub fn service_differences(name: &str, have: &Settings, want: &Settings) -> Result<Vec<Difference>> {
    // The same group made again is another ARN of the same name; another name is another app's.
    let group = |arn: &str| arn.split('/').nth(1).unwrap_or(arn).to_string();
    let fixed = [
        Difference::between("launch type", &have.launch_type, &want.launch_type),
        Difference::between("deployment controller", &have.controller, &want.controller),
        Difference::between("target group", group(&have.target_group), group(&want.target_group))
            .filter(|_| !want.target_group.starts_with("planned:")),
    ];
    if let Some(Difference { field, old, new }) = fixed.into_iter().flatten().next() {
        let old = if old.is_empty() { "none".into() } else { old };
        return Err(Error::refused(format!("service {name} has {field} {old}, wanted {new}; that cannot be changed"))
            .hint("delete the service, and run the pipeline again: it makes another"));
    }
    Ok([
        Difference::between("task definition", short(&have.task_definition), short(&want.task_definition)),
        Difference::between("count", have.count, want.count),
        Difference::between("grace", have.grace, want.grace),
        Difference::between("subnets", sorted(&have.subnets), sorted(&want.subnets)),
        Difference::between("security groups", sorted(&have.groups), sorted(&want.groups)),
        Difference::between("public ip", have.public_ip, want.public_ip),
        Difference::between("target group", &have.target_group, &want.target_group),
        Difference::between("target", &have.target, &want.target),
        Difference::between("circuit breaker", have.circuit_breaker, want.circuit_breaker),
        Difference::between("rollback", have.rollback, want.rollback),
        Difference::between("minimum percent", have.minimum, want.minimum),
        Difference::between("maximum percent", have.maximum, want.maximum),
        Difference::between("zone rebalancing", &have.rebalancing, &want.rebalancing),
        Difference::between("propagated tags", &have.propagate_tags, &want.propagate_tags),
        Difference::between("ecs managed tags", have.managed_tags, want.managed_tags),
    ]
    .into_iter()
    .flatten()
    .collect())
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

/// A revision as people write it: `task-web-production-pr1:3`.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Whether one revision of a family came after another.
pub fn newer(one: &str, other: &str) -> bool {
    matches!((revision(one), revision(other)), (Some((a, one)), Some((b, other))) if a == b && one > other)
}

/// Whether no revision was registered between the newest that was found, "" for none, and ours.
pub fn next(ours: &str, found: &str) -> bool {
    let number = |arn| revision(arn).map_or(0, |(_, number)| number);
    number(ours) == number(found) + 1
}

/// The revisions of a family after one and before another, the newest first.
pub fn between(revisions: Vec<String>, after: &str, before: &str) -> Vec<String> {
    let mut between: Vec<String> =
        revisions.into_iter().filter(|arn| newer(before, arn) && (after.is_empty() || newer(arn, after))).collect();
    between.sort_by_key(|arn| std::cmp::Reverse(revision(arn).map(|(_, number)| number)));
    between
}

/// The family, with what precedes it, and the number of a revision's ARN.
fn revision(arn: &str) -> Option<(&str, u32)> {
    let (family, number) = arn.rsplit_once(':')?;
    Some((family, number.parse().ok()?))
}

/// The token of a service's creation: a second run's is the same; that of a service in the place
/// of a dead one is another, since AWS would answer with the dead one.
pub fn token(name: &str, task_definition: &str, dead: &str) -> String {
    name::cut(&format!("{name}-{}-{dead}", short(task_definition)), 36)
}

/// Refuses what has our name and not our identity tag.
pub fn ours(env: &Env, kind: &str, name: &str, tags: &Tags) -> Result<()> {
    if env.owns(tags) {
        return Ok(());
    }
    let tag = name::IDENTITY;
    let whose = tags.get(tag).map_or_else(|| format!("has no tag {tag}"), |other| format!("is tagged {tag}={other}"));
    Err(Error::refused(format!("{kind} {name} exists, but is not of environment {}: it {whose}", env.name))
        .hint("delete it, or choose another name for the environment or the app"))
}

/// How far a service is.
#[derive(Debug, PartialEq)]
pub enum Progress {
    /// It runs what was asked for, in full.
    Steady,
    /// Not yet.
    Underway,
    /// It will not: why.
    Failed(String),
}

/// Whether a service runs the revision that was asked for. A rollback ends steady as well, on
/// another revision, so the primary deployment's is compared.
pub fn progress(have: &HaveService, asked: &str) -> Progress {
    if have.status != "ACTIVE" {
        return Progress::Failed(format!("it is {}", have.status.to_lowercase()));
    }
    let Some(primary) = have.deployments.iter().find(|deployment| deployment.status == "PRIMARY") else {
        return Progress::Underway;
    };
    let failed = have.deployments.iter().find(|d| d.task_definition == asked && d.rollout == "FAILED");
    // ECS goes back to the last good revision; to a newer one another run has asked for since.
    let elsewhere = primary.task_definition != asked;
    if elsewhere && (failed.is_some() || !newer(&primary.task_definition, asked)) {
        let why = failed.filter(|failed| !failed.reason.is_empty()).unwrap_or(primary);
        return Progress::Failed(format!(
            "it was to run {} and runs {}: {}",
            short(asked),
            short(&primary.task_definition),
            why.reason
        ));
    }
    match primary.rollout.as_str() {
        "FAILED" => Progress::Failed(primary.reason.clone()),
        "COMPLETED" if have.running == have.settings.count => Progress::Steady,
        _ => Progress::Underway,
    }
}

/// Whether tasks of the revision that was asked for stop, so that it is worth asking why.
pub fn fails(have: &HaveService, asked: &str) -> bool {
    have.deployments.iter().any(|deployment| deployment.task_definition == asked && deployment.failed > 0)
}

/// Whether ECS gave the newest deployment up: it starts no task any more until there is another.
pub fn gave_up(have: &HaveService) -> bool {
    have.deployments.iter().any(|deployment| deployment.status == "PRIMARY" && deployment.rollout == "FAILED")
}

/// The cluster's record.
pub fn cluster_record(arn: &str) -> Record {
    Record::of(&Cluster { name: "main".into(), arn: arn.into(), ..Cluster::default() })
}

/// A task definition's record.
pub fn task_record(app: &str, arn: &str, image: &str) -> Record {
    Record::of(&TaskDefinition { name: app.into(), arn: arn.into(), ..TaskDefinition::default() }).with("image", image)
}

/// A service's record.
pub fn service_record(app: &str, arn: &str, cluster: &str, settings: &Settings) -> Record {
    let service = Service {
        name: app.into(),
        arn: arn.into(),
        cluster: cluster.into(),
        task_definition: settings.task_definition.clone(),
        ..Service::default()
    };
    Record::of(&service).with("count", settings.count)
}

/// What an app's task definition and service tell of its record. The count of one that has no image
/// yet is not its own.
pub fn app_record(env: &Env, app: &str, task: &Task, settings: &Settings) -> Record {
    let number = |text: &str| text.parse::<u32>().map_or(Value::Null, Value::from);
    let port = task.ports.split('/').next().unwrap_or_default();
    let record = Record::new("app", app)
        .with("port", number(port))
        .with("set", serde_json::to_value(&task.environment).unwrap_or_default())
        .with("image", task.image.as_str())
        .with("cpu", number(&task.cpu))
        .with("memory", number(&task.memory))
        .with("grace", settings.grace)
        .with("architecture", task.architecture.as_str());
    let record = match task.image == placeholder(env, app) {
        true => record,
        false => record.with("count", settings.count),
    };
    match &task.check {
        Some((command, _)) => record.with("check", command.as_str()),
        None => record,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_deployed_only_an_image_of_the_apps_own_repository() {
        let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/task-web-production-pr1:7";
        let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1";
        let have = |image: &str, tags: Tags, by: &str| HaveTask {
            arn: arn.into(),
            task_role: None,
            registered_by: by.into(),
            task: Task { image: image.into(), ..Task::default() },
            tags,
        };
        let ours: Tags = env().tags_of("task-web-production-pr1").into_iter().collect();
        let marked: Tags = task_tags(&env(), "task-web-production-pr1", true).into_iter().collect();
        let (role, digest) =
            ("arn:aws:sts::123456789012:assumed-role/role-pipeline-web-x/1", format!("{own}@sha256:00"));
        for (image, tags, by, deployed, owned) in [
            (&digest, Tags::new(), "", true, true),
            (&digest, ours.clone(), role, true, true),
            (&digest, marked, "", true, true),
            (&digest, ours.clone(), "arn:aws:iam::123456789012:user/a", false, true),
            (&format!("{own}:1"), Tags::new(), role, false, false),
            (&"registry.example/web@sha256:00".to_string(), Tags::new(), "", false, false),
            (&own.replace("web", "api"), Tags::new(), "", false, false),
        ] {
            let have = have(image, tags, by);
            assert_eq!((by_pipeline(&env(), &have), owns_task(&env(), &have)), (deployed, owned), "{have:?}");
        }
    }

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
    }

    fn web() -> App {
        serde_json::from_str(r#"{"name":"web"}"#).unwrap()
    }

    fn web_task() -> Task {
        let environment = BTreeMap::from([("A".to_string(), "1".to_string())]);
        task(&env(), &web(), "web:1".into(), "arn:role".into(), "/x".into(), environment)
    }

    fn around() -> Surroundings {
        let target_group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg-web/1".to_string();
        Surroundings { subnets: vec!["subnet-2".into(), "subnet-1".into()], group: "sg-1".into(), target_group }
    }

    fn told(differences: &[Difference]) -> Vec<String> {
        differences.iter().map(|d| format!("{}: {} -> {}", d.field, d.old, d.new)).collect()
    }

    #[test]
    fn an_image_is_given_for_an_app() {
        let image = image_flag("web=registry:5000/a@sha256:00=");
        assert_eq!(image, Ok(("web".into(), "registry:5000/a@sha256:00=".into())));
        assert!(image_flag("web").is_err() && image_flag("=x").is_err() && image_flag("web=").is_err());
    }

    #[test]
    fn the_same_task_has_no_differences() {
        assert_eq!(task_differences(&web_task(), &web_task()), []);
    }

    #[test]
    fn a_task_differs_field_by_field() {
        let mut have = Task { image: "web:0".into(), cpu: "512".into(), ..web_task() };
        have.fixed.insert("containers", "web sidecar".into());
        have.environment = BTreeMap::from([("A".to_string(), "0".to_string()), ("B".to_string(), String::new())]);
        assert_eq!(
            told(&task_differences(&have, &web_task())),
            [
                "image: web:0 -> web:1",
                "cpu: 512 -> 256",
                "containers: web sidecar -> web",
                "environment A: 0 -> 1",
                "environment B:  -> (none)"
            ]
        );
    }

    #[test]
    fn the_same_service_has_no_differences_whatever_the_order_of_its_subnets() {
        let (mut around, want) = (around(), settings(&web(), "arn/t:1", true, &around()));
        around.subnets.reverse();
        assert_eq!(service_differences("x", &settings(&web(), "arn/t:1", true, &around), &want), Ok(vec![]));
    }

    #[test]
    fn a_service_differs_field_by_field() {
        let want = settings(&web(), "arn:x/task-web:2", true, &around());
        let mut have = Settings { task_definition: "arn:x/task-web:1".into(), count: 5, ..want.clone() };
        have.rebalancing = "DISABLED".into();
        assert_eq!(
            told(&service_differences("x", &have, &want).unwrap()),
            ["task definition: task-web:1 -> task-web:2", "count: 5 -> 2", "zone rebalancing: DISABLED -> ENABLED"]
        );
    }

    #[test]
    fn another_launch_type_or_target_group_is_a_conflict() {
        let want = settings(&web(), "arn/t:1", true, &around());
        let have = Settings { launch_type: "EC2".into(), ..want.clone() };
        assert_eq!(
            service_differences("service-web", &have, &want).unwrap_err().message,
            "service service-web has launch type EC2, wanted FARGATE; that cannot be changed"
        );
        let have = Settings { target_group: want.target_group.replace("tg-web", "theirs"), ..want.clone() };
        assert!(service_differences("x", &have, &want).unwrap_err().message.contains("target group theirs"));
    }

    #[test]
    fn a_target_group_made_again_is_a_difference() {
        let want = settings(&web(), "arn/t:1", true, &around());
        let have = Settings { target_group: want.target_group.replace("tg-web/1", "tg-web/0"), ..want.clone() };
        assert_eq!(service_differences("x", &have, &want).unwrap().len(), 1);
    }

    #[test]
    fn a_token_is_stable_short_and_another_after_a_death() {
        let name = env().service_name("recommendations");
        let token = |dead| token(&name, "arn:x/task-recommendations-production-pr1:1", dead);
        assert_eq!(token(""), token(""));
        assert!(token("").len() <= 36);
        assert_ne!(token(""), token("2026-11-22"));
    }

    #[test]
    fn what_lacks_the_identity_tag_is_refused_by_name() {
        let why = ours(&env(), "service", "service-web-production-pr1", &Tags::new()).unwrap_err();
        assert_eq!(
            why.message,
            "service service-web-production-pr1 exists, but is not of environment production-pr1: it has no tag plumbline:env"
        );
    }

    #[test]
    fn the_app_is_read_back_from_names() {
        assert_eq!(app_of(&env(), "task", "task-web-2-production-pr1").as_deref(), Some("web-2"));
        assert_eq!(app_of(&env(), "task", "task-production-pr1"), None);
        assert_eq!(family_of("arn:aws:ecs:us-east-1:123456789012:task-definition/task-web:3"), "task-web");
    }

    fn running(deployments: &[(&str, &str, &str)]) -> HaveService {
        let deployments = deployments.iter().map(|(status, task, rollout)| Deployment {
            status: status.to_string(),
            task_definition: task.to_string(),
            rollout: rollout.to_string(),
            reason: format!("{rollout} {task}"),
            failed: 0,
        });
        HaveService {
            status: "ACTIVE".into(),
            settings: Settings { count: 2, ..Settings::default() },
            running: 2,
            deployments: deployments.collect(),
            ..HaveService::default()
        }
    }

    #[test]
    fn a_service_is_steady_when_the_asked_revision_is_completed_and_all_its_tasks_run() {
        assert_eq!(progress(&running(&[("PRIMARY", "t:2", "COMPLETED")]), "t:2"), Progress::Steady);
        assert_eq!(progress(&running(&[("PRIMARY", "t:2", "IN_PROGRESS")]), "t:2"), Progress::Underway);
        let starting = HaveService { running: 1, ..running(&[("PRIMARY", "t:2", "COMPLETED")]) };
        assert_eq!(progress(&starting, "t:2"), Progress::Underway);
    }

    #[test]
    fn a_failed_rollout_and_a_rollback_are_failures() {
        let failed = |have, why: &str| assert_eq!(progress(&have, "t:2"), Progress::Failed(why.into()));
        failed(running(&[("PRIMARY", "t:2", "FAILED")]), "FAILED t:2");
        let back = running(&[("PRIMARY", "t:1", "COMPLETED"), ("ACTIVE", "t:2", "FAILED")]);
        failed(back, "it was to run t:2 and runs t:1: FAILED t:2");
        let gone = HaveService { status: "DRAINING".into(), ..running(&[]) };
        failed(gone, "it is draining");
    }

    #[test]
    fn a_deployment_is_given_up_when_the_newest_one_failed() {
        assert!(gave_up(&running(&[("PRIMARY", "t:1", "FAILED")])));
        assert!(!gave_up(&running(&[("PRIMARY", "t:1", "COMPLETED"), ("ACTIVE", "t:2", "FAILED")])));
    }

    #[test]
    fn a_revision_that_another_run_asked_for_since_counts_as_ours() {
        assert_eq!(progress(&running(&[("PRIMARY", "t:3", "COMPLETED")]), "t:2"), Progress::Steady);
        assert_eq!(progress(&running(&[("PRIMARY", "t:3", "IN_PROGRESS")]), "t:2"), Progress::Underway);
        assert!(newer("t:10", "t:9") && !newer("t:9", "t:10") && !newer("u:10", "t:9") && !newer("t:1", "t:1"));
        assert!(!newer("arn:aws:ecs:us-east-1:1:task-definition/t:1", "planned:t"));
    }

    #[test]
    fn a_revision_that_does_not_follow_the_one_found_had_a_rival() {
        assert!(next("t:1", "") && next("t:10", "t:9"));
        assert!(!next("t:2", "") && !next("t:11", "t:9"));
        let all = ["t:1", "t:9", "t:10", "t:11", "t:12", "u:10"].map(String::from);
        assert_eq!(between(all.to_vec(), "t:1", "t:12"), ["t:11", "t:10", "t:9"]);
        assert_eq!(between(all.to_vec(), "", "t:10"), ["t:9", "t:1"]);
    }

    #[test]
    fn without_an_image_there_are_no_tasks_and_the_count_stays_the_apps() {
        let settings = settings(&web(), "arn/t:1", false, &around());
        assert_eq!(settings.count, 0);
        let task = Task { image: placeholder(&env(), "web"), ..web_task() };
        assert_eq!(app_record(&env(), "web", &task, &settings).typed::<App>().unwrap().count, 2);
    }

    #[test]
    fn the_app_comes_back_as_it_was_asked_for() {
        let settings = settings(&web(), "arn/t:1", true, &around());
        let record = app_record(&env(), "web", &web_task(), &settings);
        let mut app: App = record.typed().unwrap();
        app.rest.clear(); // `type`
        let set = BTreeMap::from([("A".to_string(), "1".to_string())]);
        assert_eq!(app, App { set, image: Some("web:1".into()), ..web() });
    }
}
