//! What an app's task definition and service are to say: from its record, from what other tools
//! made for it, and from what the values of its environment variables refer to.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::future::{Either, select, try_join_all};
use plumbing::{
    Alb, App, Control, Error, Image, Kind, Listener, LogGroup, Record, RecordType, Result, Role,
    Sg, Vpc,
};
use serde_json::Value;
use tokio::try_join;

use super::context::Context;
use crate::plan;
use crate::plan::container::Container;
use crate::plan::definition::{Definition, HaveRevision, Known, placeholder};
use crate::plan::ownership::is_by_pipeline;
use crate::plan::service::Network;
use crate::plan::shift::Pair;
use crate::reference::{Piece, Reference, pieces};

/// The app's task definition, once all that it names is known.
pub async fn definition(context: &Context<'_>, app: &App) -> Result<Definition> {
    let role_name = format!("execution/{}", app.name);
    let (role, task_role, log, image, environment, of_others) = try_join!(
        context.stream.need::<Role>(&role_name),
        task_role(context, app),
        context.stream.need::<LogGroup>(&app.name),
        image(context, app),
        environment(context, app, &app.set),
        environments_of_others(context, app)
    )?;
    let versions = role.rest.get("secrets").and_then(Value::as_str);
    let versions = versions.unwrap_or_default().to_string();
    let known = Known {
        image,
        execution_role: role.arn,
        task_role,
        secret_versions: app.secrets.restart_on_change.then_some(versions),
        log_group: log.group,
        environment,
        of_others,
    };
    Ok(plan::definition::want(context.env(), app, &known))
}

/// The role that the app's tasks have, where its record gives them rights.
async fn task_role(context: &Context<'_>, app: &App) -> Result<Option<String>> {
    if !app.has_task_role() {
        return Ok(None);
    }
    let name = format!("task/{}", app.name);
    let role = context.stream.need::<Role>(&name).await?;
    Ok(Some(role.arn))
}

/// The variables of the containers beside the app's own.
async fn environments_of_others(
    context: &Context<'_>,
    app: &App,
) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let mut all = Vec::new();
    for sidecar in &app.container.containers {
        all.push(async {
            let set = environment(context, app, &sidecar.set).await?;
            Ok::<_, Error>((sidecar.name.clone(), set))
        });
    }
    Ok(try_join_all(all).await?.into_iter().collect())
}

/// The network of the app's tasks, once it is known.
pub async fn network(context: &Context<'_>, app: &App) -> Result<Network> {
    let stream = context.stream;
    let group_name = format!("task/{}", app.name);
    let (vpc, group, (target_group, pair)) = try_join!(
        stream.need_where("main", |vpc: &Vpc| !vpc.private_subnets.is_empty()),
        stream.need::<Sg>(&group_name),
        target_groups(context, app)
    )?;
    Ok(Network {
        subnets: vpc.private_subnets,
        group: group.id,
        target_group,
        pair,
    })
}

/// The ARN of the app's target group, "" of a worker's, which has none; and the second one, where ECS
/// shifts the requests between two.
async fn target_groups(context: &Context<'_>, app: &App) -> Result<(String, Option<Pair>)> {
    let stream = context.stream;
    if app.worker {
        return Ok((String::new(), None));
    }
    if !app.deploy.shifts() {
        let listener = stream.need::<Listener>(&app.name).await?;
        return Ok((listener.target_group, None));
    }
    let role_name = format!("deploy/{}", app.name);
    let (listener, role) = try_join!(
        stream.need_where(&app.name, |one: &Listener| one.pair().is_some()),
        stream.need_where(&role_name, Role::is_whole) // ECS shifts by what it may do
    )?;
    let pair = listener.pair().map(|(alternate, rule)| Pair {
        alternate: alternate.into(),
        rule: rule.into(),
        role: role.arn,
    });
    Ok((listener.target_group.clone(), pair))
}

/// Whether a revision's image stays because the app's pipeline deployed it: the image of the app's
/// record is only the first one. A flag or an image record replaces it.
pub fn keeps_image(context: &Context<'_>, app: &App, have: &HaveRevision) -> bool {
    let has_flag = context.flags.images.contains_key(&app.name);
    !has_flag && !has_image_record(context, app) && is_by_pipeline(context.env(), have)
}

/// The definition with the image that stays; says so where it is another than the wanted one.
pub fn with_kept_image(
    context: &Context<'_>,
    app: &App,
    want: Definition,
    kept: &str,
) -> Definition {
    if want.own.image != kept {
        let name = &app.name;
        context.ecs.aws.voice.say(&format!(
            "{name} keeps {kept}, which its pipeline deployed; --image {name}=REFERENCE replaces it"
        ));
    }
    let own = Container {
        image: kept.to_string(),
        ..want.own
    };
    Definition { own, ..want }
}

/// The definition with what its record does not say and that stays of what runs: what somebody made
/// stricter, which is said, and a role that somebody gave the tasks.
pub fn with_kept(
    context: &Context<'_>,
    app: &App,
    mut want: Definition,
    runs: &Definition,
) -> Definition {
    let name = &app.name;
    want.keep_of(context.env(), name, runs);
    let mut kept = vec![want.own.keep_stricter(&runs.own)];
    for (other, container) in &mut want.others {
        if let Some(runs) = runs.others.get(other) {
            let words = container.keep_stricter(runs);
            kept.extend((!words.is_empty()).then(|| format!("{words} of {other}")));
        }
    }
    kept.retain(|words| !words.is_empty());
    if !kept.is_empty() {
        let kept = kept.join(", ");
        let line = format!("{name} keeps {kept}: stricter than its record says");
        context.ecs.aws.voice.say(&line);
    }
    want
}

/// Says which role tasks have: somebody gave it to them by hand, and it stays.
pub fn tell_of_task_role(context: &Context<'_>, app: &App, role: Option<&str>) {
    let name = &app.name;
    if let Some(role) = role
        && !app.has_task_role()
    {
        context.ecs.aws.voice.say(&format!(
            "{name} keeps task role {role}, which somebody gave it by hand: its tasks have that role's rights"
        ));
    }
}

/// The image of the flag, or of the image record, or of the app's own record. An image record is
/// waited for only where one will come, or where nothing else names an image.
async fn image(context: &Context<'_>, app: &App) -> Result<String> {
    let name = &app.name;
    if let Some(image) = context.flags.images.get(name) {
        return Ok(image.clone());
    }
    if let Some(image) = &app.image
        && !has_image_record(context, app)
    {
        return Ok(image.clone());
    }
    let has_reference = |record: &Image| record.image.is_some();
    let missing = match context.stream.need_where(name, has_reference).await {
        Ok(record) => return Ok(record.image.unwrap_or_default()),
        Err(missing) => missing,
    };
    if !is_lacking(&context.stream.control, &missing) {
        return Err(missing);
    }
    match &app.image {
        Some(image) => Ok(image.clone()),
        None if context.flags.placeholder => Ok(placeholder(context.env(), name)),
        None => {
            let hint = format!(
                "mk-app {name} --image REFERENCE, mk-ecs-svc --image {name}=REFERENCE, or push-image"
            );
            Err(Error::input(format!("app '{name}' has no image")).hint(hint))
        }
    }
}

/// Whether an image record of an app has come, if only to announce one, or will come, since the
/// app has a directory that its image is built from.
fn has_image_record(context: &Context<'_>, app: &App) -> bool {
    app.context.is_some() || context.stream.get::<Image>(&app.name).is_some()
}

/// The environment variables, with what they refer to filled in.
async fn environment(
    context: &Context<'_>,
    app: &App,
    set: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let mut variables = Vec::new();
    for (key, value) in set {
        variables.push(variable(context, app, key, value));
    }
    Ok(try_join_all(variables).await?.into_iter().collect())
}

async fn variable(
    context: &Context<'_>,
    app: &App,
    key: &str,
    value: &str,
) -> Result<(String, String)> {
    let mut texts = Vec::new();
    for piece in pieces(value) {
        texts.push(text_of(context, app, key, piece));
    }
    Ok((key.to_string(), try_join_all(texts).await?.concat()))
}

/// The record that a reference means, as soon as it is there: for the load balancer of an app that is behind
/// another one, that one's.
async fn record_of(context: &Context<'_>, kind: &str, name: &str) -> Result<Record> {
    let stream = context.stream;
    if kind != Alb::TYPE {
        return stream.need_record(kind, name).await;
    }
    let is_behind = |app: &App| app.sharing.behind.is_some();
    let app = pin!(stream.need_where(name, is_behind));
    let own = pin!(stream.need_record(kind, name));
    match select(app, own).await {
        Either::Left((Ok(app), _)) => {
            let host = app.sharing.behind.unwrap_or_default();
            stream.need_record(kind, &host).await
        }
        Either::Left((Err(_), own)) => own.await, // it has its own, or is not there
        Either::Right((record, _)) => record,
    }
}

async fn text_of(context: &Context<'_>, app: &App, key: &str, piece: Piece) -> Result<String> {
    let reference = match piece {
        Piece::Text(text) => return Ok(text),
        Piece::Reference(reference) => reference,
    };
    let Reference { kind, name, field } = &reference;
    let sets = format!("app '{}' sets {key} from {reference}", app.name);
    let record = match record_of(context, kind, name).await {
        Ok(record) => record,
        Err(missing) if is_lacking(&context.stream.control, &missing) => {
            let message = format!("{sets}, but no {kind} record '{name}' is on stdin");
            let hint = format!("if it is text, write \\{reference}");
            return Err(Error::input(message).hint(hint));
        }
        Err(error) => return Err(error),
    };
    let text = record.text(field);
    if text.is_empty() {
        let message = format!("{sets}, but {kind} '{name}' has no text '{field}'");
        return Err(Error::input(message));
    }
    Ok(text.to_string())
}

/// Whether an error says that the input lacks a record, and not that the tool must stop.
fn is_lacking(control: &Control, error: &Error) -> bool {
    error.kind == Kind::Input && control.check_stopped().is_ok()
}
