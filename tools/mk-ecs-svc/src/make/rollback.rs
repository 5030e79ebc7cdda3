//! Returning a service to what it ran before. A revision that a service leaves, or that never ran
//! well, is marked, so that neither a second rollback nor anything that asks for "the newest"
//! comes back to it.

use plumbing::{App, Change, Difference, Error, Result};
use tokio::try_join;

use super::context::Context;
use crate::aws::{Ecs, RevisionStatus};
use crate::plan;
use crate::plan::definition::HaveRevision;
use crate::plan::ownership::{is_ours, is_rolled_back, rolled_back_tags};
use crate::plan::past::has_failed;
use crate::plan::progress::{ecs_took_back, failed_deployment};
use crate::plan::revision::{between, is_newer, short};
use crate::plan::service::{HaveService, Settings, check_ports};

/// From where to where a service is taken back.
pub struct Rollback {
    /// The revision to return to.
    pub to: HaveRevision,
    /// The ARNs of the revisions to mark.
    pub from: Vec<String>,
}

/// Finds the revision to return to, and those to mark. While ECS is still at it, a second
/// run finds the same one; and where ECS itself went back from the newest, that counts as the
/// rollback.
///
/// Errors: the service has none before, or its load balancer does not fit that one.
pub async fn find(ecs: &Ecs, app: &App, have: &HaveService) -> Result<Rollback> {
    let runs = &have.settings.task_definition;
    let mut from = vec![runs.clone()];
    if let Some(newest) = find_newer(ecs, app, runs).await? {
        let is_marked = is_rolled_back(&newest);
        if !is_marked && ecs_took_back(have, &newest) {
            let to = get_running(ecs, have).await?;
            ecs.aws.voice.say(&format!(
                "ECS has taken {} back from {} already: it runs {} ({})",
                app.name,
                short(&newest.arn),
                to.definition.own.image,
                short(runs)
            ));
            let from = vec![newest.arn];
            return Ok(Rollback { to, from });
        }
        if is_marked && have.is_deploying() {
            let to = get_running(ecs, have).await?;
            return Ok(Rollback { to, from: vec![] });
        }
        if !is_marked {
            from.push(newest.arn); // it never ran
        }
    }
    find_previous(ecs, app, have, from).await
}

/// Has ECS end a deployment whose requests it shifts: the older tasks, which run still, get them all back
/// at once.
///
/// Errors: it is the first one, or has ended meanwhile.
pub async fn stop(context: &Context<'_>, app: &App, have: &HaveService) -> Result<()> {
    let ecs = context.ecs;
    let mut others = have.deployments.iter();
    let before = others.find(|one| one.status != "PRIMARY" && one.rollout == "COMPLETED");
    let Some(before) = before else {
        let message = format!("service {} is deployed for the first time", have.name);
        return Err(Error::refused(message).hint("rm-env takes it down"));
    };
    let (from, to) = (&have.settings.task_definition, &before.task_definition);
    mark(ecs, app, std::slice::from_ref(from)).await?;
    if !ecs.aws.env.plan {
        ecs.aws.control.wait_for_account().await?;
        if !ecs.stop_deployment(&have.name).await? {
            let message = format!(
                "the deployment of service {} has ended meanwhile: nothing is taken back",
                have.name
            );
            return Err(Error::unfinished(message)
                .hint("run it again: what ran before comes back by a deployment of its own"));
        }
    }
    let running = ecs.get_active_revision(to).await?;
    let image = running.map(|running| running.definition.own.image);
    let image = image.unwrap_or_default();
    let record = plan::record::task_definition(&app.name, to, &image);
    context
        .stream
        .write(record.changed(Change::Kept, &[]))
        .await?;
    let settings = Settings {
        task_definition: to.clone(),
        ..have.settings.clone()
    };
    let cluster = context.cluster.clone().await?;
    let is_scaled = plan::mark::is_scaled(app, &have.tags);
    let record = plan::record::service(&app.name, &have.arn, &cluster, &settings, is_scaled);
    let difference = Difference::between("task definition", short(from), short(to));
    context.write_found(record, difference.as_slice()).await
}

/// The newest revision of an app, if it is ours and newer than the one that its service runs.
async fn find_newer(ecs: &Ecs, app: &App, runs: &str) -> Result<Option<HaveRevision>> {
    let env = &ecs.aws.env;
    let newest = ecs.get_active_revision(&env.family_name(&app.name)).await?;
    Ok(newest.filter(|newest| is_newer(&newest.arn, runs) && is_ours(env, newest)))
}

async fn get_running(ecs: &Ecs, have: &HaveService) -> Result<HaveRevision> {
    let runs = &have.settings.task_definition;
    match ecs.get_active_revision(runs).await? {
        Some(running) => Ok(running),
        None => {
            let message = format!("service {} runs {runs}, which is gone", have.name);
            Err(Error::refused(message))
        }
    }
}

/// Finds the newest revision before the one that a service runs, without those that did not run
/// well. `from` are those to mark so far.
async fn find_previous(
    ecs: &Ecs,
    app: &App,
    have: &HaveService,
    mut from: Vec<String>,
) -> Result<Rollback> {
    let env = &ecs.aws.env;
    let runs = &have.settings.task_definition;
    let family = env.family_name(&app.name);
    let (active, past) = try_join!(
        ecs.list_revisions(&family, RevisionStatus::Active),
        ecs.list_past_deployments(&have.name)
    )?;
    for arn in between(active, "", runs) {
        let Some(revision) = ecs.get_active_revision(&arn).await? else {
            continue;
        };
        if !is_ours(env, &revision) || is_rolled_back(&revision) {
            continue;
        }
        if failed_deployment(have, &arn).is_some() || has_failed(&past, &arn) {
            from.push(arn); // ECS has gone back from it
            continue;
        }
        check_ports(&revision, &have.settings)?;
        return Ok(Rollback { to: revision, from });
    }
    let message = format!(
        "service {} runs {}, and there is none before it",
        have.name,
        short(runs)
    );
    let hint = format!(
        "mk-ecs-svc --image {}=REFERENCE names what it is to run",
        app.name
    );
    Err(Error::refused(message).hint(hint))
}

/// Marks those of some revisions that are ours, before the call that makes a service leave them: a
/// run that is interrupted in between does not go back one too many when it is repeated.
pub async fn mark(ecs: &Ecs, app: &App, revisions: &[String]) -> Result<()> {
    let env = &ecs.aws.env;
    if env.plan {
        return Ok(());
    }
    for arn in revisions {
        let Some(revision) = ecs.get_active_revision(arn).await? else {
            continue;
        };
        if is_ours(env, &revision) && !is_rolled_back(&revision) {
            ecs.aws.control.wait_for_account().await?;
            let tags = rolled_back_tags(env, &app.name, &revision);
            ecs.set_tags(arn, short(arn), &tags).await?;
        }
    }
    Ok(())
}
