//! An app's service: made, or brought into line.

use plumbing::step::{parts, without_parts};
use plumbing::{App, Change, Egress, Error, Range, Record, Result};
use tokio::join;

use super::cluster;
use super::context::Context;
use super::revision::{self, Revision};
use crate::plan;
use crate::plan::revision::is_newer;
use crate::plan::service::{HaveService, Part, Settings};
use crate::plan::shift::{self, Strategy, Turns};

/// How often another run may make the service first: it would have to be deleted in between.
const RACES: usize = 3;

/// Makes a service, or brings an existing one into line.
pub async fn make(
    context: &Context<'_>,
    app: &App,
    mut found: Option<HaveService>,
    mut revision: Revision,
    mut want: Settings,
) -> Result<()> {
    let env = context.env();
    let name = env.service_name(&app.name);
    let mut deleted = String::new();
    for _ in 0..RACES {
        if !env.plan && found.as_ref().is_some_and(HaveService::is_draining) {
            found = context.ecs.wait_drained(&name).await?;
        }
        match found {
            Some(have) if have.is_active() => {
                choose_revision(context, app, &have, &mut revision).await?;
                want.task_definition = revision.arn;
                return bring_into_line(context, app, &have, want).await;
            }
            Some(have) => deleted = have.created,
            None => {}
        }
        if env.plan {
            return announce(context, app, &name, &want).await;
        }
        if create(context, app, &name, &mut revision, &mut want, &deleted).await? {
            return Ok(());
        }
        context.services.note(&app.name);
        found = context.services.get(&app.name).await?;
    }
    let message = format!("service {name} comes and goes: another run is at work");
    Err(Error::unfinished(message).hint("run the pipeline again"))
}

/// Brings an existing service into line, and writes its record.
pub async fn bring_into_line(
    context: &Context<'_>,
    app: &App,
    have: &HaveService,
    want: Settings,
) -> Result<()> {
    let want = with_scaled_count(context, app, have, want).await?;
    let differences = plan::service::compare(context.env(), app, &want, have)?;
    let turns = shift::turns(have, &want, parts(&differences))?;
    cluster::ensure_spot(context, app).await?;
    if !context.env().plan {
        set_in_turns(context, app, have, &want, turns).await?;
    }
    let cluster = context.cluster.clone().await?;
    let is_scaled = plan::mark::is_scaled(app, &have.tags);
    let record = plan::record::service(&app.name, &have.arn, &cluster, &want, is_scaled);
    let differences = without_parts(differences);
    context.write_found(record, &differences).await?;
    match plan::mark::surplus(context.env(), app, &have.tags) {
        Some(surplus) => context.stream.write(Record::of(&surplus)).await,
        None => Ok(()),
    }
}

/// Brings parts of a service into line, in their order, and has its requests follow its tasks.
async fn set_in_turns(
    context: &Context<'_>,
    app: &App,
    have: &HaveService,
    want: &Settings,
    turns: Turns,
) -> Result<()> {
    let Context { stream, ecs, .. } = context;
    let mut rolling = want.clone();
    if turns.rolling_first || turns.strategy_last {
        rolling.strategy = Strategy::default();
    }
    if turns.rolling_first {
        set(context, app, have, &rolling, vec![Part::Strategy]).await?;
    }
    // A service that was a worker's has no requests that would have to follow.
    let moves = !have.settings.target.is_empty() && shift::moves(&have.settings, want);
    let is_told = moves && turns.parts.contains(&Part::LoadBalancer);
    set(context, app, have, &rolling, turns.parts).await?;
    context.moves.follow(stream, ecs, &app.name, want, is_told);
    if turns.strategy_last {
        context.moves.set_strategy(ecs, &app.name, have, want);
    }
    Ok(())
}

/// Chooses the revision that an existing service is to run, where other runs may have registered
/// some at the same time.
async fn choose_revision(
    context: &Context<'_>,
    app: &App,
    have: &HaveService,
    revision: &mut Revision,
) -> Result<()> {
    let runs = &have.settings.task_definition;
    // Another run has registered one after ours and made the service run it: one is enough.
    if is_newer(runs, &revision.arn) {
        *revision = revision::make(context, app).await?;
    }
    if revision.existed && revision.arn != *runs && !context.env().plan {
        revision::agree(context, app, revision, "", runs).await?;
    }
    Ok(())
}

/// Writes the record of a service that a run would make.
async fn announce(context: &Context<'_>, app: &App, name: &str, want: &Settings) -> Result<()> {
    let env = context.env();
    let cluster = context.cluster.clone().await?;
    let arn = env.arn("ecs", &format!("service/{}/{name}", env.cluster_name()));
    let is_scaled = app.scale.range().is_some();
    let record = plan::record::service(&app.name, &arn, &cluster, want, is_scaled);
    context
        .stream
        .write(record.changed(Change::Create, &[]))
        .await
}

/// Makes a service and writes its record; answers false where another run was faster.
///
/// `deleted` tells when the deleted one of its name was made, "" if there is none.
async fn create(
    context: &Context<'_>,
    app: &App,
    name: &str,
    revision: &mut Revision,
    want: &mut Settings,
    deleted: &str,
) -> Result<bool> {
    let ecs = context.ecs;
    let egress = context.stream.need::<Egress>("main");
    let (cluster, egress) = join!(context.cluster.clone(), egress);
    let cluster = cluster?;
    egress?;
    cluster::ensure_spot(context, app).await?;
    ecs.aws.control.wait_for_account().await?;
    if revision.existed {
        revision::agree(context, app, revision, "", "").await?;
        want.task_definition = revision.arn.clone();
    }
    let token = plan::service::token(name, &want.task_definition, deleted);
    let Some(arn) = ecs.create_service(app, want, &token).await? else {
        return Ok(false);
    };
    context
        .moves
        .follow(context.stream, ecs, &app.name, want, false);
    let is_scaled = app.scale.range().is_some();
    let record = plan::record::service(&app.name, &arn, &cluster, want, is_scaled);
    let record = record.changed(Change::Created, &[]);
    context.stream.write(record).await?;
    Ok(true)
}

/// The wanted settings; with the count that Application Auto Scaling has set, where it does that.
/// A count that a person has set does not stay. Where the app has no range any more, ours sets it no
/// longer: `prune-env` takes that away at the end.
async fn with_scaled_count(
    context: &Context<'_>,
    app: &App,
    have: &HaveService,
    want: Settings,
) -> Result<Settings> {
    let count = have.settings.count;
    if count == want.count {
        return Ok(want);
    }
    if app.scale.range().is_some() {
        let stays = plan::count::stays(app, count, want.count);
        let count = if stays { count } else { want.count };
        return Ok(Settings { count, ..want });
    }
    let aws = &context.ecs.aws;
    let scaled = mk_scaling::of_service(aws, &app.name).await?;
    let Some(Range { least, most }) = scaled.filter(|one| !one.is_ours).map(|one| one.range) else {
        return Ok(want);
    };
    aws.voice.say(&format!(
        "{} keeps {count} tasks: Application Auto Scaling sets from {least} to {most}",
        app.name
    ));
    Ok(Settings { count, ..want })
}

/// Brings parts of a service into line.
async fn set(
    context: &Context<'_>,
    app: &App,
    have: &HaveService,
    want: &Settings,
    mut parts: Vec<Part>,
) -> Result<()> {
    let ecs = context.ecs;
    let all = parts.len();
    parts.retain(|part| *part != Part::Tags);
    if !parts.is_empty() {
        // The new tasks pull their image through it.
        context.stream.need::<Egress>("main").await?;
        ecs.aws.control.wait_for_account().await?;
        ecs.update_service(&have.name, want, &parts).await?;
    }
    if parts.len() < all {
        ecs.aws.control.wait_for_account().await?;
        let tags = plan::mark::tags(&ecs.aws.env, app);
        ecs.set_tags(&have.arn, &have.name, &tags).await?;
    }
    Ok(())
}
