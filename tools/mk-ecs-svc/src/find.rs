//! The cluster, the task definitions and the services of an environment, as the records that the
//! tool would have written; and the apps, as far as these describe them.

use plumbing::name::{LONG_LIMIT, could_be};
use plumbing::{Aws, Record, Result, wait};
use tokio::try_join;

use crate::aws::{self, Ecs};
use crate::plan::definition::HaveRevision;
use crate::plan::ownership::is_ours;
use crate::plan::record;
use crate::plan::revision::{app_of, family_of};
use crate::plan::service::HaveService;

/// Finds all of it; two calls deep, and three where a service runs an older revision than the
/// newest.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let env = &aws.env;
    let ecs = aws::client(aws);
    let (cluster, arns, families) = try_join!(
        ecs.get_cluster(),
        ecs.list_service_arns(),
        ecs.list_families()
    )?;
    let (newest, services) = try_join!(
        find_newest_revisions(&ecs, families),
        find_own_services(&ecs, &arns)
    )?;
    let older = find_older_revisions(&ecs, &services, &newest).await?;

    let mut records = Vec::new();
    let mut cluster_arn = String::new();
    if let Some(cluster) = cluster
        && env.owns(&cluster.tags)
    {
        cluster_arn = cluster.arn;
        records.push(record::cluster(&cluster_arn));
    }
    for revision in &newest {
        if let Some(app) = app_of(env, "task", family_of(&revision.arn)) {
            let image = &revision.definition.image;
            records.push(record::task_definition(&app, &revision.arn, image));
        }
    }
    for service in &services {
        let Some(app) = app_of(env, "service", &service.name) else {
            continue;
        };
        let settings = &service.settings;
        let running = by_arn(&older, &settings.task_definition)
            .or_else(|| by_arn(&newest, &settings.task_definition))
            .or_else(|| by_family(&newest, &env.family_name(&app)));
        if let Some(running) = running {
            records.push(record::app(env, &app, &running.definition, settings));
        }
        records.push(record::service(&app, &service.arn, &cluster_arn, settings));
    }
    Ok(records)
}

/// The newest revisions of the families that are the environment's.
async fn find_newest_revisions(ecs: &Ecs, mut families: Vec<String>) -> Result<Vec<HaveRevision>> {
    let env = &ecs.aws.env;
    families.retain(|family| could_be(family, "task", &env.name, LONG_LIMIT));
    let mut newest = get_all(ecs, &families).await?;
    newest.retain(|revision| is_ours(env, revision));
    Ok(newest)
}

/// The services among `arns` that are the environment's.
async fn find_own_services(ecs: &Ecs, arns: &[String]) -> Result<Vec<HaveService>> {
    let mut services = ecs.find_services(arns).await?;
    services.retain(|service| !service.is_inactive() && ecs.aws.env.owns(&service.tags));
    Ok(services)
}

/// The revisions that services run, and that are not the newest.
async fn find_older_revisions(
    ecs: &Ecs,
    services: &[HaveService],
    newest: &[HaveRevision],
) -> Result<Vec<HaveRevision>> {
    let mut arns = Vec::new();
    for service in services {
        let runs = &service.settings.task_definition;
        if by_arn(newest, runs).is_none() {
            arns.push(runs.clone());
        }
    }
    get_all(ecs, &arns).await
}

async fn get_all(ecs: &Ecs, names: &[String]) -> Result<Vec<HaveRevision>> {
    let revisions = names.iter().map(|name| ecs.get_active_revision(name));
    let found = wait::all(revisions).await?;
    Ok(found.into_iter().flatten().collect())
}

fn by_arn<'a>(revisions: &'a [HaveRevision], arn: &str) -> Option<&'a HaveRevision> {
    revisions.iter().find(|revision| revision.arn == arn)
}

fn by_family<'a>(revisions: &'a [HaveRevision], family: &str) -> Option<&'a HaveRevision> {
    revisions
        .iter()
        .find(|revision| family_of(&revision.arn) == family)
}
