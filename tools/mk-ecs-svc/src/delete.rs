//! The order in which services go: the services until they are INACTIVE, then their task
//! definitions and the cluster. What is not ours is left alone.

use std::cell::RefCell;
use std::time::Duration;

use plumbing::{Change, Error, Record, Result, Stream, wait};

use crate::aws::Ecs;
use crate::aws::going::TaskStatus;
use crate::make::DRAIN_DEADLINE;
use crate::plan::{self, HaveService};

/// An empty cluster is gone within seconds.
const CLUSTER_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// A revision that was just deregistered may still count as ACTIVE for a moment.
const INACTIVE_DEADLINE: Duration = Duration::from_secs(60);

/// Deletes what `records` name of ours.
pub async fn all(stream: &Stream, ecs: &Ecs, records: &[Record]) -> Result<()> {
    let of = |kind: &'static str| records.iter().filter(move |record| record.kind() == kind);
    let services = services(stream, ecs, of("service").collect()).await;
    let tasks = ecs
        .aws
        .control
        .try_all(of("task_definition"), async |record| {
            task(stream, ecs, record).await
        })
        .await;
    // With a service in it, a cluster cannot be deleted: the service's error tells enough.
    let cluster = match &services {
        Ok(()) => {
            ecs.aws
                .control
                .try_all(of("cluster"), async |record| {
                    cluster(stream, ecs, record).await
                })
                .await
        }
        Err(_) => Ok(()),
    };
    services.and(tasks).and(cluster)
}

async fn services(stream: &Stream, ecs: &Ecs, records: Vec<&Record>) -> Result<()> {
    let names: Vec<String> = records
        .iter()
        .map(|record| ecs.aws.env.service_name(record.name()))
        .collect();
    let found = ecs.services(&names).await?;
    let meant = |have: &&HaveService| {
        have.status != "INACTIVE"
            && ecs.aws.env.owns(&have.tags)
            && records.iter().any(|record| record.text("arn") == have.arn)
    };
    let going = RefCell::new(Vec::new());
    let ended = ecs
        .aws
        .control
        .try_all(found.iter().filter(meant), async |have: &HaveService| {
            if have.status != "DRAINING" {
                ecs.delete_service(have).await?;
            }
            going.borrow_mut().push(have);
            Ok(())
        })
        .await;
    let what = format!("{} services are still draining", going.borrow().len());
    let gone = wait::until(&ecs.aws.control, &what, DRAIN_DEADLINE, || async {
        let names: Vec<String> = going
            .borrow()
            .iter()
            .map(|have| have.name.clone())
            .collect();
        let now = ecs.services(&names).await?;
        let is_gone = |have: &HaveService| {
            now.iter()
                .find(|now| now.arn == have.arn)
                .is_none_or(|now| now.status == "INACTIVE")
        };
        let (done, rest): (Vec<_>, Vec<_>) =
            going.take().into_iter().partition(|have| is_gone(have));
        going.replace(rest);
        for have in done {
            let name = plan::app_of(&ecs.aws.env, "service", &have.name).unwrap_or_default();
            let record = Record::new("service", &name).with("arn", have.arn.as_str());
            stream.write(record.changed(Change::Deleted, &[])).await?;
        }
        Ok(going.borrow().is_empty().then_some(()))
    })
    .await;
    ended.and(gone)
}

/// Deletes every revision of a family that is ours: one after the other, since ECS allows few of
/// these calls in a second.
async fn task(stream: &Stream, ecs: &Ecs, record: &Record) -> Result<()> {
    let family = ecs.aws.env.family_name(record.name());
    let mut dead = ours(
        ecs,
        ecs.revisions(&family, TaskStatus::Inactive).await?,
        false,
    )
    .await?;
    let alive = ours(ecs, ecs.revisions(&family, TaskStatus::Active).await?, true).await?;
    for arn in &alive {
        ecs.deregister(arn).await?;
    }
    let what = format!("task definition {family} is still active");
    wait::until(&ecs.aws.control, &what, INACTIVE_DEADLINE, || async {
        for arn in &alive {
            if ecs.task(arn).await?.is_some() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    dead.extend(alive.iter().cloned());
    ecs.delete_revisions(&dead).await?;
    match dead.last() {
        Some(last) => {
            let record = Record::new("task_definition", record.name()).with("arn", last.as_str());
            stream.write(record.changed(Change::Deleted, &[])).await
        }
        None => Ok(()),
    }
}

/// Of some revisions, those that are the environment's. An active one that a pipeline registered
/// gets the tag first, since the policy of this tool lets it delete only what carries that.
async fn ours(ecs: &Ecs, arns: Vec<String>, active: bool) -> Result<Vec<String>> {
    let mut ours = Vec::new();
    for arn in arns {
        let Some((task, _)) = ecs.revision(&arn).await? else {
            continue;
        };
        let tagged = ecs.aws.env.owns(&task.tags);
        if !tagged && active && plan::owns_task(&ecs.aws.env, &task) {
            let family = plan::family_of(&arn);
            ecs.retag(&arn, family, &plan::task_tags(&ecs.aws.env, family, true))
                .await?;
        } else if !tagged {
            continue;
        }
        ours.push(arn);
    }
    Ok(ours)
}

async fn cluster(stream: &Stream, ecs: &Ecs, record: &Record) -> Result<()> {
    let Some(have) = ecs.cluster().await? else {
        return Ok(());
    };
    if record.text("arn") != have.arn || !ecs.aws.env.owns(&have.tags) {
        return Ok(());
    }
    if have.status != "DEPROVISIONING" {
        ecs.stop_tasks().await?;
        ecs.delete_cluster().await?;
    }
    let name = ecs.aws.env.cluster_name();
    wait::until(
        &ecs.aws.control,
        &format!("cluster {name} is still there"),
        CLUSTER_DEADLINE,
        || async {
            match ecs.cluster().await? {
                None => Ok(Some(())),
                Some(have) if have.status == "FAILED" => Err(Error::refused(format!(
                    "cluster {name} could not be deleted"
                ))),
                Some(_) => Ok(None),
            }
        },
    )
    .await?;
    stream
        .write(plan::cluster_record(&have.arn).changed(Change::Deleted, &[]))
        .await
}
