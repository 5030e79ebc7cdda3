//! The order of a deletion: the services until they are INACTIVE, then their task definitions and
//! the cluster. What is not ours is left alone.

use std::cell::RefCell;
use std::time::Duration;

use plumbing::step::delete_each;
use plumbing::{
    Change, Cluster, Error, Record, RecordType, Result, Service, Stream, TaskDefinition, wait,
};

use crate::aws::{DRAIN_DEADLINE, Ecs, RevisionStatus};
use crate::plan::ownership;
use crate::plan::revision::app_of;
use crate::plan::service::HaveService;

/// An empty cluster is deleted within seconds.
const CLUSTER_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// A revision that was just deregistered may still count as ACTIVE for a moment.
const INACTIVE_DEADLINE: Duration = Duration::from_secs(60);

/// Deletes what `records` name of ours.
pub async fn delete(stream: &Stream, ecs: &Ecs, records: &[Record]) -> Result<()> {
    let services = delete_services(stream, ecs, records).await;
    let task_definitions = delete_task_definitions(stream, ecs, records).await;
    // A cluster with a service in it cannot be deleted: the service's error says enough.
    let mut cluster = Ok(());
    if services.is_ok() {
        cluster = delete_clusters(stream, ecs, records).await;
    }
    services.and(task_definitions).and(cluster)
}

async fn delete_services(stream: &Stream, ecs: &Ecs, records: &[Record]) -> Result<()> {
    let env = &ecs.aws.env;
    let control = &ecs.aws.control;
    let mut names = Vec::new();
    let mut arns = Vec::new();
    for record in of_type::<Service>(records) {
        names.push(env.service_name(record.name()));
        arns.push(record.text("arn"));
    }
    let mut found = ecs.find_services(&names).await?;
    found.retain(|have| {
        !have.is_inactive() && env.owns(&have.tags) && arns.contains(&have.arn.as_str())
    });
    let draining = RefCell::new(Vec::new());
    let deleted = control
        .try_all(found, async |have: HaveService| {
            if !have.is_draining() {
                ecs.delete_service(&have).await?;
            }
            draining.borrow_mut().push(have);
            Ok(())
        })
        .await;
    let what = format!("{} services are still draining", draining.borrow().len());
    let write_drained = || write_drained(stream, ecs, &draining);
    let drained = wait::until(control, &what, DRAIN_DEADLINE, write_drained).await;
    deleted.and(drained)
}

/// Writes the records of the services that have stopped draining; answers nothing while some
/// drain.
async fn write_drained(
    stream: &Stream,
    ecs: &Ecs,
    draining: &RefCell<Vec<HaveService>>,
) -> Result<Option<()>> {
    let before = draining.take();
    let names: Vec<String> = before.iter().map(|have| have.name.clone()).collect();
    let found = ecs.find_services(&names).await?;
    let mut drained = Vec::new();
    for have in before {
        let drains = |found: &HaveService| found.arn == have.arn && !found.is_inactive();
        if found.iter().any(drains) {
            draining.borrow_mut().push(have);
        } else {
            drained.push(have);
        }
    }
    for have in drained {
        let app = app_of(&ecs.aws.env, "service", &have.name).unwrap_or_default();
        let record = Record::new(Service::TYPE, &app).with("arn", have.arn.as_str());
        stream.write(record.changed(Change::Deleted, &[])).await?;
    }
    if draining.borrow().is_empty() {
        return Ok(Some(()));
    }
    Ok(None)
}

async fn delete_task_definitions(stream: &Stream, ecs: &Ecs, records: &[Record]) -> Result<()> {
    let records = of_type::<TaskDefinition>(records);
    let delete = async |record: &Record| delete_task_definition(stream, ecs, record.name()).await;
    ecs.aws.control.try_all(records, delete).await
}

/// Deletes every revision of an app's task definition that is ours, one after the other, since ECS
/// allows few of these calls in a second. Its record names the last one.
async fn delete_task_definition(stream: &Stream, ecs: &Ecs, app: &str) -> Result<()> {
    let family = ecs.aws.env.family_name(app);
    let mut revisions = own_revisions(ecs, &family, RevisionStatus::Inactive).await?;
    let active = own_revisions(ecs, &family, RevisionStatus::Active).await?;
    for arn in &active {
        ecs.deregister_revision(arn).await?;
    }
    let what = format!("task definition {family} is still active");
    let check = || check_inactive(ecs, &active);
    wait::until(&ecs.aws.control, &what, INACTIVE_DEADLINE, check).await?;
    revisions.extend(active);
    ecs.delete_revisions(&revisions).await?;
    let Some(last) = revisions.last() else {
        return Ok(());
    };
    let record = Record::new(TaskDefinition::TYPE, app).with("arn", last.as_str());
    stream.write(record.changed(Change::Deleted, &[])).await
}

/// The revisions of a family that are the environment's. An active one that a pipeline registered
/// gets the identity tag first: the policy of this tool lets it delete only what carries that.
async fn own_revisions(ecs: &Ecs, family: &str, status: RevisionStatus) -> Result<Vec<String>> {
    let env = &ecs.aws.env;
    let mut own = Vec::new();
    for arn in ecs.list_revisions(family, status).await? {
        let Some(revision) = ecs.get_revision(&arn).await? else {
            continue;
        };
        if !env.owns(&revision.tags) {
            if status == RevisionStatus::Inactive || !ownership::is_ours(env, &revision) {
                continue;
            }
            ecs.set_tags(&arn, family, &ownership::tags(env, family, true))
                .await?;
        }
        own.push(arn);
    }
    Ok(own)
}

/// Answers nothing while one of some revisions is ACTIVE.
async fn check_inactive(ecs: &Ecs, revisions: &[String]) -> Result<Option<()>> {
    for arn in revisions {
        if ecs.get_active_revision(arn).await?.is_some() {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

async fn delete_clusters(stream: &Stream, ecs: &Ecs, records: &[Record]) -> Result<()> {
    delete_each(stream, records, async |record: &Cluster| {
        let Some(have) = ecs.get_cluster().await? else {
            return Ok(false);
        };
        if record.arn != have.arn || !ecs.aws.env.owns(&have.tags) {
            return Ok(false);
        }
        if have.status != "DEPROVISIONING" {
            ecs.stop_tasks().await?;
            ecs.delete_cluster().await?;
        }
        let what = format!("cluster {} is still there", ecs.aws.env.cluster_name());
        let check = || check_cluster_deleted(ecs);
        wait::until(&ecs.aws.control, &what, CLUSTER_DEADLINE, check).await?;
        Ok(true)
    })
    .await
}

/// Answers nothing while the cluster exists.
///
/// Errors: ECS could not delete it.
async fn check_cluster_deleted(ecs: &Ecs) -> Result<Option<()>> {
    match ecs.get_cluster().await? {
        None => Ok(Some(())),
        Some(have) if have.status == "FAILED" => {
            let name = ecs.aws.env.cluster_name();
            let message = format!("cluster {name} could not be deleted");
            Err(Error::refused(message))
        }
        Some(_) => Ok(None),
    }
}

fn of_type<T: RecordType>(records: &[Record]) -> impl Iterator<Item = &Record> {
    records.iter().filter(|record| record.kind() == T::TYPE)
}
