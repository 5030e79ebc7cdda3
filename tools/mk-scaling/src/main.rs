//! Has the tasks of apps become more and fewer: for each app with a range a scalable target, with
//! policies and scheduled actions.
//!
//! Reads `env`, `app`, and for each app with a range `service`, and `listener` where requests decide.
//! Writes `scaling` as soon as the target exists.

use clap::Parser;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use mk_scaling::aws::{self, Scaling};
use mk_scaling::plan::{self, Have, Part};
use mk_scaling::{OWNER, records_of};
use plumbing::{
    App, Aws, Change, Error, Listener, Record, Resource, Result, Service, Stream, Unwanted,
};
use serde_json::{Map, Value};
use tokio::{join, try_join};

/// Have the tasks of an environment's apps become more and fewer
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 … | mk-app web --scale 2..10 --scale-on cpu=60,requests=1000 | … | mk-ecs-svc | mk-scaling")]
struct Args {}

/// What was found, once that is known.
type Found<'a> = Shared<LocalBoxFuture<'a, Result<Vec<Have>>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&OWNER, run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    if !stream.until_needed(|| is_needed(&stream)).await? {
        return Ok(());
    }
    let aws = Aws::connect(&stream, &env).await?;
    let scaling = aws::client(&aws);
    let (stream, scaling) = (&stream, &scaling);
    let found: Found = find(stream, scaling).boxed_local().shared();
    let release = async {
        let found = found.clone().await?;
        stream.release(records_of(&scaling.aws, &found));
        Ok(())
    };
    let apps = stream.for_each_record(|app: App| make_or_mend(stream, scaling, found.clone(), app));
    let unwanted = plumbing::write_unwanted(
        stream,
        &OWNER,
        async {
            let found = found.clone().await?;
            Ok(found.iter().map(|have| have.app(&env)).collect())
        },
        |wishes| wishes.apps.iter().cloned().collect(),
        async |names| {
            let mut records = records_of(&scaling.aws, &found.clone().await?);
            records.retain(|record| names.contains(&record.name().to_string()));
            Ok(records)
        },
    );
    let surplus = write_surplus(stream, scaling, found.clone());
    let (release, apps, unwanted, surplus) = join!(release, apps, unwanted, surplus);
    release.and(apps).and(unwanted).and(surplus)
}

/// Whether an app has a range, or has lost it: its service says so, whether the app is wanted or not.
fn is_needed(stream: &Stream) -> bool {
    let says_so = |fields: &Map<String, Value>| fields.get("scaled") == Some(&true.into());
    let apps = stream.arrived::<App>();
    let services = stream.arrived::<Service>();
    let dropped = stream.arrived::<Unwanted>();
    apps.iter().any(|app| app.scale.range().is_some())
        || services.iter().any(|service| says_so(&service.rest))
        || dropped.iter().any(|unwanted| says_so(&unwanted.record.0))
}

/// What there is. An emulator that has no such service has none of it, and says so only where an app
/// wants it.
async fn find(stream: &Stream, scaling: &Scaling) -> Result<Vec<Have>> {
    let error = match scaling.find().await {
        Err(error) if aws::is_lacking(&error) => error,
        found => return found,
    };
    let records = stream.all().await?;
    let mut apps = records.iter().filter_map(Record::typed::<App>);
    if apps.any(|app| app.scale.range().is_some()) {
        return Err(error);
    }
    Ok(Vec::new())
}

/// Makes or mends the target of an app that has a range. It is looked for before its service exists.
async fn make_or_mend(
    stream: &Stream,
    scaling: &Scaling,
    found: Found<'_>,
    app: App,
) -> Result<()> {
    let Some(range) = app.scale.range() else {
        return Ok(());
    };
    let env = &scaling.aws.env;
    let name = &app.name;
    let (found, service, label) =
        try_join!(found, stream.need::<Service>(name), label(stream, &app))?;
    let count = service.rest.get("count").and_then(|count| count.as_i64());
    if plan::has_no_image(range, count) {
        let line = format!("app {name} has no image yet, and no tasks to scale");
        stream.voice.say(&line);
        return Ok(());
    }
    let want = plan::want(env, &app, range, &label);
    let found = found
        .into_iter()
        .find(|have| have.resource == want.resource);
    let arn = found
        .as_ref()
        .map_or(env.planned(name), |have| have.arn.clone());
    let record = plan::record(name, &arn, range, &want.policies);
    let created = record.clone();
    let resource = Resource {
        found,
        record,
        create: async || {
            let arn = scaling.create(&want).await?;
            let created = created.with("arn", arn.as_str());
            stream.write(created.changed(Change::Created, &[])).await?;
            let policies = (0..want.policies.len()).map(Part::Policy);
            let actions = (0..want.actions.len()).map(Part::Action);
            for part in policies.chain(actions) {
                scaling.set(&want, &arn, part).await?;
            }
            Ok(true)
        },
        // RegisterScalableTarget makes a target or changes the one that is there: it never says that
        // one exists.
        wait_visible: async || {
            let message = format!("a target of {name} exists (this is a defect of the tool)");
            Err(Error::refused(message))
        },
        compare: |have: &Have| {
            let differences = plan::compare(env, &want, have)?;
            for line in plan::by_hand(env, name, have) {
                stream.voice.say(&line);
            }
            Ok(differences)
        },
        // One after the other: Application Auto Scaling refuses two changes of one target at once.
        mend: async |parts: Vec<Part>| {
            for part in parts {
                scaling.set(&want, &arn, part).await?;
            }
            Ok(())
        },
    };
    resource.make_or_mend(stream, &scaling.aws).await
}

/// Which load balancer and target group an app's requests come through, where they decide; "" where
/// they do not.
///
/// Errors: its listener tells neither.
async fn label(stream: &Stream, app: &App) -> Result<String> {
    if app.scale.on.requests.is_none() {
        return Ok(String::new());
    }
    let listener = stream.need::<Listener>(&app.name).await?;
    match plan::label(&listener) {
        Some(label) => Ok(label),
        None if stream.env().await?.plan => Ok("planned".into()),
        None => {
            let (name, arn) = (&app.name, &listener.arn);
            let message = format!("listener '{name}' has arn {arn}, which names no load balancer");
            Err(Error::input(message))
        }
    }
}

/// Tells what no app wants any more of a target that stays, or of an app that stays without one: it
/// decides how many tasks there are, and goes at the end.
async fn write_surplus(stream: &Stream, scaling: &Scaling, found: Found<'_>) -> Result<()> {
    stream.all().await?;
    if stream.upstream_failed() {
        return Ok(()); // a wish may be missing for that
    }
    let found = found.await?;
    let apps = stream.arrived::<App>();
    for leftover in plan::leftovers(&scaling.aws.env, &apps, &found) {
        let surplus = leftover.surplus();
        let line = format!("nothing needs {}: prune-env takes it away", surplus.what);
        stream.voice.say(&line);
        stream.write(Record::of(&surplus)).await?;
    }
    Ok(())
}
