//! The order of a deletion: the services until they are INACTIVE, then their task definitions and
//! the cluster. What is not ours is left alone.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::time::Duration;

use plumbing::name::IDENTITY;
use plumbing::step::delete_each;
use plumbing::{
    Change, Cluster, Env, Error, Record, RecordType, Result, Service, Stream, TaskDefinition, wait,
};

use crate::aws::{DRAIN_DEADLINE, Ecs, RevisionStatus};
use crate::plan::ownership;
use crate::plan::revision::{app_of, deregistration, in_words, number};
use crate::plan::service::HaveService;

/// An empty cluster is deleted within seconds.
const CLUSTER_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// A cluster that was just deleted may be described as before for a moment; one that is so often, for
/// some ten seconds, is another one.
const STILL_ACTIVE: u32 = 8;
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
///
/// Errors: another run has made one again.
async fn write_drained(
    stream: &Stream,
    ecs: &Ecs,
    draining: &RefCell<Vec<HaveService>>,
) -> Result<Option<()>> {
    let before = draining.take();
    let names: Vec<String> = before.iter().map(|have| have.name.clone()).collect();
    let found = ecs.find_services(&names).await?;
    let mut drained = Vec::new();
    let mut made_again = None;
    for have in before {
        let mut same_name = found.iter().filter(|found| found.arn == have.arn);
        match same_name.find(|found| !found.is_inactive()) {
            Some(found) if found.created == have.created => draining.borrow_mut().push(have),
            Some(_) => made_again = Some(made_again_by_another(&format!("service {}", have.name))),
            None => drained.push(have),
        }
    }
    for have in drained {
        let app = app_of(&ecs.aws.env, "service", &have.name, &have.tags).unwrap_or_default();
        let record = Record::new(Service::TYPE, &app).with("arn", have.arn.as_str());
        stream.write(record.changed(Change::Deleted, &[])).await?;
    }
    if let Some(error) = made_again {
        return Err(error);
    }
    if draining.borrow().is_empty() {
        return Ok(Some(()));
    }
    Ok(None)
}

fn made_again_by_another(what: &str) -> Error {
    let message = format!("{what} was deleted, and another run has made it again");
    Error::unfinished(message).hint("run it again when nothing else is at work")
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
    let (mut revisions, _) = own_revisions(ecs, app, RevisionStatus::Inactive).await?;
    let (active, mut others) = own_revisions(ecs, app, RevisionStatus::Active).await?;
    if !others.is_empty() {
        others.sort_by_key(|arn| Reverse(number(arn)));
        ecs.aws.voice.say(&stays(&ecs.aws.env, &others));
    }
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

/// What is said of revisions that are in the way of the environment, should it be made again.
fn stays(env: &Env, others: &[String]) -> String {
    let words = in_words(others);
    let name = &env.name;
    let command = deregistration(&env.region, others);
    format!(
        "task definition {words} is not tagged {IDENTITY}={name}; it stays, if nobody needs it: {command}"
    )
}

/// The revisions of an app that are the environment's, and those that are not. An active one that a pipeline registered
/// gets the identity tag first: the policy of this tool lets it delete only what carries that.
async fn own_revisions(
    ecs: &Ecs,
    app: &str,
    status: RevisionStatus,
) -> Result<(Vec<String>, Vec<String>)> {
    let env = &ecs.aws.env;
    let family = env.family_name(app);
    let mut own = Vec::new();
    let mut others = Vec::new();
    for arn in ecs.list_revisions(&family, status).await? {
        let Some(revision) = ecs.get_revision(&arn).await? else {
            continue;
        };
        if !env.owns(&revision.tags) {
            if status == RevisionStatus::Inactive || !ownership::is_ours(env, &revision) {
                others.push(arn);
                continue;
            }
            let tags = ownership::tags(env, app, true);
            ecs.set_tags(&arn, &family, &tags).await?;
        }
        own.push(arn);
    }
    Ok((own, others))
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
        let seen_active = Cell::new(0);
        let check = || check_cluster_deleted(ecs, &seen_active);
        wait::until(&ecs.aws.control, &what, CLUSTER_DEADLINE, check).await?;
        Ok(true)
    })
    .await
}

/// Answers nothing while the cluster exists.
///
/// Errors: ECS could not delete it, or another run has made it again.
async fn check_cluster_deleted(ecs: &Ecs, seen_active: &Cell<u32>) -> Result<Option<()>> {
    match ecs.get_cluster().await? {
        None => Ok(Some(())),
        Some(have) if have.status == "FAILED" => {
            let name = ecs.aws.env.cluster_name();
            let message = format!("cluster {name} could not be deleted");
            Err(Error::refused(message))
        }
        Some(have) if have.status == "ACTIVE" => {
            seen_active.set(seen_active.get() + 1);
            if seen_active.get() < STILL_ACTIVE {
                return Ok(None);
            }
            let name = ecs.aws.env.cluster_name();
            Err(made_again_by_another(&format!("cluster {name}")))
        }
        Some(_) => Ok(None),
    }
}

fn of_type<T: RecordType>(records: &[Record]) -> impl Iterator<Item = &Record> {
    records.iter().filter(|record| record.kind() == T::TYPE)
}
