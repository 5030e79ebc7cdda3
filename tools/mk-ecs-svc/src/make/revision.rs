//! The revision that an app is to run: an existing one, or a new one.

use plumbing::{App, Change, Difference, Result};
use tokio::try_join;

use super::context::Context;
use super::{rollback, want};
use crate::aws::RevisionStatus;
use crate::plan;
use crate::plan::compare::compare;
use crate::plan::definition::{Definition, HaveRevision};
use crate::plan::ownership::{self, is_ours, is_rolled_back};
use crate::plan::progress::failed_revisions;
use crate::plan::revision::{between, deregistration, follows, in_words, is_newer};
use crate::plan::service::HaveService;

/// The revision that an app is to run.
pub struct Revision {
    /// Its ARN.
    pub arn: String,
    /// What it says.
    pub definition: Definition,
    /// Whether it existed before this run.
    pub existed: bool,
}

/// Registers the task definition if it differs from the newest and from what the service runs.
pub async fn make(context: &Context<'_>, app: &App) -> Result<Revision> {
    let env = context.env();
    let family = env.family_name(&app.name);
    let (mut newest, want) = try_join!(
        find_newest(context, app, &family),
        want::definition(context, app)
    )?;
    if newest.as_ref().is_some_and(is_rolled_back) {
        newest = find_running(context, app, "").await?.or(newest);
    }
    let Some(newest) = newest else {
        let tags = ownership::tags(env, &app.name, false);
        return register(context, app, None, want, &tags, &[]).await;
    };
    let keeps_image = want::keeps_image(context, app, &newest);
    let mut want = want;
    if keeps_image {
        want = want::with_kept_image(context, app, want, &newest.definition.own.image);
    }
    // What the service does not run may be what failed: only what runs shows that it can be stricter.
    let running = find_running(context, app, &newest.arn).await?;
    let runs = running.as_ref().unwrap_or(&newest);
    want = want::with_kept(context, app, want, &runs.definition);
    let tags = ownership::tags(env, &app.name, keeps_image);
    let differences = compare(&newest.definition, &want);
    if differences.is_empty() {
        return keep(context, app, newest, want, &tags).await;
    }
    if let Some(running) = running
        && compare(&running.definition, &want).is_empty()
    {
        // The service was taken back to it.
        return keep(context, app, running, want, &tags).await;
    }
    let service = context.services.get(&app.name).await?;
    if let Some(service) = service.filter(HaveService::is_active) {
        rollback::mark(context.ecs, app, &failed_revisions(&service, &newest)).await?;
    }
    register(context, app, Some(newest), want, &tags, &differences).await
}

/// The newest revision of a family that is the environment's. Later ones that are not were registered by
/// hand for the app's service, if there is one: they stay, and what is wanted comes after them.
///
/// Errors: there is no service, and the newest is not the environment's; all that are in the way are
/// named.
async fn find_newest(
    context: &Context<'_>,
    app: &App,
    family: &str,
) -> Result<Option<HaveRevision>> {
    let env = context.env();
    let ecs = context.ecs;
    let Some(newest) = ecs.get_active_revision(family).await? else {
        return Ok(None);
    };
    if is_ours(env, &newest) {
        return Ok(Some(newest));
    }
    let before = ecs.list_revisions(family, RevisionStatus::Active).await?;
    let mut others = vec![newest.arn.clone()];
    let mut ours = None;
    for arn in between(before, "", &newest.arn) {
        let Some(revision) = ecs.get_active_revision(&arn).await? else {
            continue;
        };
        if is_ours(env, &revision) {
            ours = Some(revision);
            break;
        }
        others.push(arn);
    }
    let service = context.services.get(&app.name).await?;
    if service.is_some_and(|service| service.is_active()) {
        return Ok(ours);
    }
    let command = deregistration(&env.region, &others);
    let hint = format!("if nobody needs it: {command}");
    Err(env
        .not_ours(format!("task definition {}", in_words(&others)))
        .hint(hint))
}

/// The revision that an app's service runs, where it is ours and another one than `known`.
async fn find_running(
    context: &Context<'_>,
    app: &App,
    known: &str,
) -> Result<Option<HaveRevision>> {
    let Some(service) = context.services.get(&app.name).await? else {
        return Ok(None);
    };
    let runs = &service.settings.task_definition;
    if !service.is_active() || runs == known {
        return Ok(None);
    }
    let running = context.ecs.get_active_revision(runs).await?;
    Ok(running.filter(|running| is_ours(context.env(), running)))
}

/// Takes an existing revision, and brings its tags into line.
async fn keep(
    context: &Context<'_>,
    app: &App,
    have: HaveRevision,
    want: Definition,
    tags: &[(String, String)],
) -> Result<Revision> {
    let env = context.env();
    let ecs = context.ecs;
    want::tell_of_task_role(context, app, want.task_role.as_deref());
    let differences = Difference::of_tags(&have.tags, tags);
    if !differences.is_empty() && !env.plan {
        ecs.aws.control.wait_for_account().await?;
        let family = env.family_name(&app.name);
        ecs.set_tags(&have.arn, &family, tags).await?;
    }
    let record = plan::record::task_definition(&app.name, &have.arn, &want.own.image);
    context.write_found(record, &differences).await?;
    Ok(Revision {
        arn: have.arn,
        definition: want,
        existed: true,
    })
}

/// Registers a new revision after the newest, if there is one; in a dry run, only writes its record.
async fn register(
    context: &Context<'_>,
    app: &App,
    newest: Option<HaveRevision>,
    want: Definition,
    tags: &[(String, String)],
    differences: &[Difference],
) -> Result<Revision> {
    let env = context.env();
    let ecs = context.ecs;
    let is_first = newest.is_none();
    let before = newest.map(|newest| newest.arn).unwrap_or_default();
    want::tell_of_task_role(context, app, want.task_role.as_deref());
    let arn = if env.plan {
        env.planned(&env.family_name(&app.name))
    } else {
        ecs.aws.control.wait_for_account().await?;
        let look = async || find_registered(context, app, &want, &before).await;
        ecs.register_revision(&app.name, &want, tags, look).await?
    };
    let change = match (is_first, env.plan) {
        (true, false) => Change::Created,
        (true, true) => Change::Create,
        (false, false) => Change::Updated,
        (false, true) => Change::Update,
    };
    let record = plan::record::task_definition(&app.name, &arn, &want.own.image);
    let record = record.changed(change, differences);
    context.stream.write(record).await?;
    let mut registered = Revision {
        arn,
        definition: want,
        existed: false,
    };
    if !env.plan && !follows(&registered.arn, &before) {
        // Another run registered one as well.
        agree(context, app, &mut registered, &before, "").await?;
    }
    Ok(registered)
}

/// The newest revision, where another run has registered it since `before` and it says what is wanted.
/// Whoever asks can do without.
async fn find_registered(
    context: &Context<'_>,
    app: &App,
    want: &Definition,
    before: &str,
) -> Option<String> {
    let family = context.env().family_name(&app.name);
    let newest = context.ecs.get_active_revision(&family).await.ok()??;
    let is_same = is_ours(context.env(), &newest) && compare(&newest.definition, want).is_empty();
    (is_same && newest.arn != before && !is_rolled_back(&newest)).then_some(newest.arn)
}

/// Has runs at the same time agree on one revision: ECS makes one at each call, so each run has
/// registered its own with the same definition.
///
/// All take the one that the service is `running`, or else the first after the revision `before`.
/// Of those that came after it, a run deregisters the one that it registered itself; a run that
/// found an existing one deregisters them all.
pub async fn agree(
    context: &Context<'_>,
    app: &App,
    revision: &mut Revision,
    before: &str,
    running: &str,
) -> Result<()> {
    let ecs = context.ecs;
    let alike = find_alike(context, app, revision, before).await?;
    let mut chosen = alike[alike.len() - 1].clone();
    if alike.iter().any(|arn| arn == running) {
        chosen = running.to_string();
    }
    for arn in &alike {
        if is_newer(arn, &chosen) && (revision.existed || *arn == revision.arn) {
            ecs.aws.control.wait_for_account().await?;
            ecs.deregister_revision(arn).await?;
        }
    }
    if chosen != revision.arn {
        revision.arn = chosen;
        let image = &revision.definition.own.image;
        let record = plan::record::task_definition(&app.name, &revision.arn, image);
        context.write_found(record, &[]).await?;
    }
    Ok(())
}

/// A revision and those directly before it that say the same, the newest first, back to the
/// revision `before`.
async fn find_alike(
    context: &Context<'_>,
    app: &App,
    revision: &Revision,
    before: &str,
) -> Result<Vec<String>> {
    let env = context.env();
    let ecs = context.ecs;
    let family = env.family_name(&app.name);
    let active = ecs.list_revisions(&family, RevisionStatus::Active).await?;
    let mut alike = vec![revision.arn.clone()];
    for arn in between(active, before, &revision.arn) {
        let Some(have) = ecs.get_active_revision(&arn).await? else {
            continue; // the run that registered it has deregistered it
        };
        let is_same = compare(&have.definition, &revision.definition).is_empty();
        if !is_ours(env, &have) || is_rolled_back(&have) || !is_same {
            break;
        }
        alike.push(arn);
    }
    Ok(alike)
}
