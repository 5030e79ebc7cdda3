//! The ECS cluster of an environment, and the task definition and service of each of its apps.
//!
//! Found again by name, which ECS keeps unique; whose it is, the identity tag says. A task
//! definition is compared with its family's newest revision, and registered again only when it
//! differs. Task roles and autoscaling are deliberately absent;
//! a count that Application Auto Scaling sets stays.

pub mod aws;
pub mod cause;
mod delete;
pub mod make;
pub mod plan;
pub mod reference;
mod rollback;
mod stable;

use std::collections::BTreeSet;

use plumbing::name::{LONG_LIMIT, could_be};
use plumbing::{Aws, Deletion, Half, Owner, Record, Result, Service, Stream, wait};
use tokio::try_join;

/// The cluster, services and task definitions, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-ecs-svc",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["service", "task_definition", "cluster"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
};

/// The cluster, the services with what they tell of their apps, and the task definitions, for
/// `ls-env`; two calls deep, and three where a service runs another revision than the newest.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let env = &aws.env;
    let ecs = aws::client(aws);
    let (cluster, names, families) = try_join!(ecs.cluster(), ecs.service_names(), ecs.families())?;
    let families = families
        .into_iter()
        .filter(|family| could_be(family, "task", &env.name, LONG_LIMIT));
    let tasks = wait::all(families.map(|family| {
        let ecs = &ecs;
        async move { ecs.task(&family).await }
    }));
    let (tasks, services) = try_join!(tasks, ecs.services(&names))?;
    let tasks: Vec<_> = tasks
        .into_iter()
        .flatten()
        .filter(|task| plan::owns_task(env, task))
        .collect();
    let cluster = cluster.filter(|cluster| env.owns(&cluster.tags));
    let mut records: Vec<Record> = cluster
        .iter()
        .map(|cluster| plan::cluster_record(&cluster.arn))
        .collect();
    for task in &tasks {
        let Some(app) = plan::app_of(env, "task", plan::family_of(&task.arn)) else {
            continue;
        };
        records.push(plan::task_record(&app, &task.arn, &task.task.image));
    }
    let services: Vec<_> = services
        .into_iter()
        .filter(|service| service.status != "INACTIVE" && env.owns(&service.tags))
        .collect();
    let runs = |service: &plan::HaveService| service.settings.task_definition.clone();
    let older = services
        .iter()
        .map(runs)
        .filter(|arn| !tasks.iter().any(|task| task.arn == *arn));
    let older = wait::all(older.map(|arn| {
        let ecs = &ecs;
        async move { ecs.task(&arn).await }
    }));
    let older: Vec<_> = older.await?.into_iter().flatten().collect();
    for service in &services {
        let Some(app) = plan::app_of(env, "service", &service.name) else {
            continue;
        };
        let family = env.family_name(&app);
        let running = older
            .iter()
            .chain(&tasks)
            .find(|task| task.arn == runs(service));
        let newest = || {
            tasks
                .iter()
                .find(|task| plan::family_of(&task.arn) == family)
        };
        if let Some(task) = running.or_else(newest) {
            records.push(plan::app_record(env, &app, &task.task, &service.settings));
        }
        let cluster = cluster
            .as_ref()
            .map(|cluster| cluster.arn.as_str())
            .unwrap_or_default();
        records.push(plan::service_record(
            &app,
            &service.arn,
            cluster,
            &service.settings,
        ));
    }
    Ok(records)
}

/// Deletes the services, task definitions and cluster among `records`.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    delete::all(stream, &aws::client(aws), records).await
}

/// Waits until each service runs, in full, the task definition that its record names, for
/// `wait-env`; looks at once, and at ten services in a call. `log` answers the last lines of the log
/// of an app's task. Answers the names of the services that were not steady at first.
///
/// Errors: a deployment failed, was rolled back or cannot succeed, with AWS's reasons; or it takes too
/// long.
pub async fn wait_stable(
    aws: &Aws,
    services: &[Service],
    log: impl AsyncFn(&str, &str) -> Vec<String>,
) -> Result<BTreeSet<String>> {
    stable::wait(&aws::client(aws), services, log).await
}

/// The services of some apps that are steady at this moment, for `wait-env`.
pub async fn steady(aws: &Aws, apps: &[String]) -> Result<Vec<Service>> {
    let env = &aws.env;
    let names: Vec<String> = apps.iter().map(|app| env.service_name(app)).collect();
    let found = aws::client(aws).services(&names).await?;
    let steady = found.into_iter().filter(|have| {
        let progress = plan::progress(have, &have.settings.task_definition);
        matches!(progress, plan::Progress::Steady) && env.owns(&have.tags)
    });
    let service = |have: plan::HaveService| Service {
        arn: have.arn,
        task_definition: have.settings.task_definition,
        ..Service::default()
    };
    Ok(steady.map(service).collect())
}
