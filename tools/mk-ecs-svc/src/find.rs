//! The cluster, the task definitions and the services of an environment, as the records that the
//! tool would have written; and the apps, as far as these describe them.

use std::cmp::Reverse;

use plumbing::name::{LONG_LIMIT, could_be};
use plumbing::{Aws, Env, Record, Result, wait};
use tokio::try_join;

use crate::aws::{self, Ecs, RevisionStatus};
use crate::plan::definition::HaveRevision;
use crate::plan::mark::SCALED;
use crate::plan::ownership::{app_of_revision, is_ours};
use crate::plan::record;
use crate::plan::revision::{app_of, family_of, number, short};
use crate::plan::service::{HaveService, Settings};

/// Why something of the environment has no record.
const NO_APP: &str = "neither its tag plumbline:app nor its name says which app it is of";

/// The services and families that could be the environment's: not yet known whether they are.
pub struct Listed {
    /// The ARNs of the cluster's services.
    services: Vec<String>,
    /// The families, with an ACTIVE revision or without.
    families: Vec<String>,
}

impl Listed {
    /// Those that are not of some apps.
    pub fn without<'a>(mut self, env: &Env, apps: impl IntoIterator<Item = &'a str>) -> Self {
        for app in apps {
            let service = format!("/{}", env.service_name(app));
            let family = env.family_name(app);
            self.services.retain(|arn| !arn.ends_with(&service));
            self.families.retain(|other| *other != family);
        }
        self
    }
}

/// Lists the cluster's services and the families; one call deep.
pub async fn list(ecs: &Ecs) -> Result<Listed> {
    let (services, mut families) = try_join!(ecs.list_service_arns(), ecs.list_families())?;
    let env = &ecs.aws.env;
    families.retain(|family| could_be(family, "task", &env.name, LONG_LIMIT));
    Ok(Listed { services, families })
}

/// Finds all of it; two calls deep, and three where a service runs an older revision than the
/// newest. Where nothing but INACTIVE revisions of a family are left, four.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let ecs = aws::client(aws);
    let (cluster, listed) = try_join!(ecs.get_cluster(), list(&ecs))?;
    let cluster = cluster.filter(|cluster| aws.env.owns(&cluster.tags));
    let cluster_arn = cluster.map(|cluster| cluster.arn).unwrap_or_default();
    let mut records = Vec::new();
    if !cluster_arn.is_empty() {
        records.push(record::cluster(&cluster_arn));
    }
    records.extend(describe(&ecs, listed, &cluster_arn).await?);
    Ok(records)
}

/// The records of the services and families that are the environment's, and of their apps.
pub async fn describe(ecs: &Ecs, listed: Listed, cluster: &str) -> Result<Vec<Record>> {
    let env = &ecs.aws.env;
    let (newest, services) = try_join!(
        find_newest_revisions(ecs, &listed.families),
        find_own_services(ecs, &listed.services)
    )?;
    let running = find_running_revisions(ecs, &services, &newest).await?;
    let mut records = Vec::new();
    for newest in &newest {
        let Some(app) = app_of_revision(env, newest) else {
            let family = format!("task definition {}", family_of(&newest.arn));
            records.push(Record::left_out(&family, NO_APP));
            continue;
        };
        let revision = of_app(env, &running, &app).unwrap_or(newest);
        let image = &revision.definition.own.image;
        records.push(record::task_definition(&app, &revision.arn, image));
    }
    for service in &services {
        let Some(app) = app_of(env, "service", &service.name, &service.tags) else {
            let service = format!("service {}", service.name);
            records.push(Record::left_out(&service, NO_APP));
            continue;
        };
        // What it runs, whoever registered that.
        let mut of_service = running.iter().filter(|one| one.arn == service.runs());
        let revision = of_service.next().or_else(|| of_app(env, &newest, &app));
        if let Some(revision) = revision {
            let definition = &revision.definition;
            records.push(record::app(env, &app, definition, &service.settings));
            records.extend(unsaid(&app, revision));
        }
        let settings = Settings {
            task_definition: service.runs().into(),
            ..service.settings.clone()
        };
        let is_scaled = service.tags.contains_key(SCALED);
        let record = record::service(&app, &service.arn, cluster, &settings, is_scaled);
        records.push(record);
    }
    Ok(records)
}

/// What somebody registered by hand that no record of the app can tell.
fn unsaid(app: &str, revision: &HaveRevision) -> Option<Record> {
    let words = record::unsaid(&revision.definition)?;
    let what = format!("of app '{app}' in {}", short(&revision.arn));
    let why = format!("{words}; the next revision that mk-ecs-svc registers has none of it");
    Some(Record::partly_left_out(&what, &why))
}

/// The newest revision of each family that is the environment's, the ACTIVE ones first.
async fn find_newest_revisions(ecs: &Ecs, families: &[String]) -> Result<Vec<HaveRevision>> {
    let newest = families.iter().map(|family| find_newest(ecs, family));
    Ok(wait::all(newest).await?.into_iter().flatten().collect())
}

/// The newest revision of a family that is the environment's. Somebody else's may have come after it;
/// and where a deletion was cut, only INACTIVE ones are left.
async fn find_newest(ecs: &Ecs, family: &str) -> Result<Option<HaveRevision>> {
    let env = &ecs.aws.env;
    let newest = ecs.get_active_revision(family).await?;
    let is_active = newest.is_some();
    if let Some(newest) = newest.filter(|newest| is_ours(env, newest)) {
        return Ok(Some(newest));
    }
    let mut arns = Vec::new();
    if is_active {
        arns = newest_first(ecs.list_revisions(family, RevisionStatus::Active).await?);
    }
    let inactive = ecs.list_revisions(family, RevisionStatus::Inactive).await?;
    arns.extend(newest_first(inactive));
    for arn in arns {
        let revision = ecs.get_revision(&arn).await?;
        if let Some(revision) = revision.filter(|revision| can_be_deleted(env, revision)) {
            return Ok(Some(revision));
        }
    }
    Ok(None)
}

fn newest_first(mut arns: Vec<String>) -> Vec<String> {
    arns.sort_by_key(|arn| Reverse(number(arn)));
    arns
}

/// Whether a revision is ours to delete. An INACTIVE one takes no tag any more, so that it must have
/// ours already; one whose deletion is under way needs no other.
fn can_be_deleted(env: &Env, revision: &HaveRevision) -> bool {
    match revision.status.as_str() {
        "ACTIVE" => is_ours(env, revision),
        "INACTIVE" => env.owns(&revision.tags),
        _ => false,
    }
}

/// The services among `arns` that are the environment's.
async fn find_own_services(ecs: &Ecs, arns: &[String]) -> Result<Vec<HaveService>> {
    let mut services = ecs.find_services(arns).await?;
    services.retain(|service| !service.is_inactive() && ecs.aws.env.owns(&service.tags));
    Ok(services)
}

/// The revisions that services run; those that are the newest were read already. One that somebody
/// deregistered runs on.
async fn find_running_revisions(
    ecs: &Ecs,
    services: &[HaveService],
    newest: &[HaveRevision],
) -> Result<Vec<HaveRevision>> {
    let mut running = Vec::new();
    let mut to_get = Vec::new();
    for service in services {
        let runs = service.runs();
        match newest.iter().find(|revision| revision.arn == runs) {
            Some(revision) => running.push(revision.clone()),
            None => to_get.push(ecs.get_revision(runs)),
        }
    }
    running.extend(wait::all(to_get).await?.into_iter().flatten());
    Ok(running)
}

/// The revision of an app among some, if that is ours.
fn of_app<'a>(env: &Env, revisions: &'a [HaveRevision], app: &str) -> Option<&'a HaveRevision> {
    let mut own = revisions.iter().filter(|revision| is_ours(env, revision));
    own.find(|revision| app_of_revision(env, revision).as_deref() == Some(app))
}
