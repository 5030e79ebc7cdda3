//! Waits until an environment is healthy: load balancers active, services steady on what they were
//! asked to run, targets healthy, the first run of a new pipeline ended well. Then tells where the
//! public apps are reached.
//!
//! Reads `alb`, `listener`, `service` and `pipeline`, and looks at each as it arrives. Writes
//! nothing of its own, and holds no AWS knowledge: the crates of mk-alb, mk-ecs-svc and mk-pipeline
//! wait for theirs.

mod already_healthy;
mod load_balancers;
mod plan;
mod services;

use std::collections::BTreeSet;

use clap::Parser;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use plumbing::{
    Alb, App, Aws, Change, Env, Error, Failed, Image, Kind, Pipeline, Record, RecordType, Result,
    Service, Stream, TaskDefinition,
};
use tokio::{join, try_join};

use load_balancers::LoadBalancers;
use services::Services;

/// Wait until an environment is healthy
#[derive(Parser)]
#[command(version)]
#[command(after_help = "Example:\n  ls-env --env production-pr123 | wait-env")]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(include_str!("../iam-policy.json"), run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    if env.plan {
        return Ok(()); // what a dry run announces will not come
    }
    let aws = Aws::connect(&stream, &env).await?;
    let waited_for = wait_unless_upstream_failed(&stream, &aws).await?;
    let records = stream.all().await?;
    check_not_empty(&env, &records)?;
    tell_what_runs(&stream, &records, &waited_for);
    tell_addresses(&stream, &records);
    Ok(())
}

/// Nothing to wait for is no success: the environment's name, its region or the account is likely to be
/// a wrong one.
///
/// Errors: no record came of what can be waited for.
fn check_not_empty(env: &Env, records: &[Record]) -> Result<()> {
    let kinds = [Service::TYPE, Alb::TYPE, Pipeline::TYPE];
    if records.iter().any(|record| kinds.contains(&record.kind())) {
        return Ok(());
    }
    let Env {
        name,
        region,
        account,
        ..
    } = env;
    let message = format!(
        "nothing to wait for: no service, alb or pipeline record of {name} in {region}, account {account}, is on stdin"
    );
    let hint = "is the environment's name, the region or the account another one?";
    Err(Error::input(message).hint(hint))
}

/// Waits until everything is healthy, which it does not become where a tool upstream failed to make
/// a part of it. Answers the names of the services that had to be waited for.
async fn wait_unless_upstream_failed(stream: &Stream, aws: &Aws) -> Result<BTreeSet<String>> {
    let healthy = std::pin::pin!(wait_healthy(stream, aws));
    let failed = std::pin::pin!(stream.need_first::<Failed>());
    match select(healthy, failed).await {
        Either::Left((healthy, _)) => healthy,
        // Waiting changes nothing, so it may be dropped.
        Either::Right((Ok(_), _)) => Err(Error::new(Kind::Skipped, "a tool upstream failed")),
        // The input has ended, and no tool has failed.
        Either::Right((Err(_), healthy)) => healthy.await,
    }
}

/// Waits for each load balancer, service and pipeline as its record arrives.
async fn wait_healthy(stream: &Stream, aws: &Aws) -> Result<BTreeSet<String>> {
    let already_healthy = already_healthy::find(stream, aws).boxed_local().shared();
    let load_balancers = LoadBalancers::new(stream, aws, already_healthy.clone());
    let services = Services::new(stream, aws, already_healthy.clone());
    // Asked before any record comes: where nothing changes, no further call is needed.
    let ask_at_once = async {
        match already_healthy.await {
            Ok(_) => Ok(()),
            Err(error) => {
                stream.control.stop(error.clone());
                Err(error)
            }
        }
    };
    let all = async {
        let albs = stream.for_each_record(|alb: Alb| load_balancers.wait(alb));
        let services = stream.for_each_record(|service: Service| services.wait(service));
        let pipelines = stream.for_each_record(async |pipeline: Pipeline| {
            mk_pipeline::wait_first_run(aws, &pipeline).await
        });
        let (albs, services, pipelines) = join!(albs, services, pipelines);
        albs.and(services).and(pipelines)
    };
    try_join!(ask_at_once, all)?;
    Ok(services.waited_for())
}

/// Tells what the apps run now that were deployed: that is what a person wants to know then.
fn tell_what_runs(stream: &Stream, records: &[Record], waited_for: &BTreeSet<String>) {
    for service in records.iter().filter_map(Record::typed::<Service>) {
        let name = &service.name;
        let is_changed = service.change.is_some_and(|change| change != Change::Kept);
        let is_pushed = stream.get::<Image>(name).is_some();
        if is_changed || is_pushed || waited_for.contains(name) {
            let definition = stream.get::<TaskDefinition>(name);
            let line = plan::what_runs(&service, definition);
            stream.voice.say_undrawn(&line);
        }
    }
}

/// Tells where the public apps are reached.
fn tell_addresses(stream: &Stream, records: &[Record]) {
    for alb in records.iter().filter_map(Record::typed::<Alb>) {
        // What an app had before it became a worker, or came behind another one, goes.
        let app = stream.get::<App>(&alb.name);
        let goes = app.is_some_and(|app| !app.has_load_balancer());
        if alb.scheme == "internet-facing" && !goes {
            let line = format!("{}: http://{}/", alb.name, alb.dns);
            stream.voice.say_undrawn(&line);
        }
    }
    for app in records.iter().filter_map(Record::typed::<App>) {
        let behind = app.sharing.behind.as_ref();
        let alb = behind.and_then(|host| stream.get::<Alb>(host));
        if let Some(alb) = alb.filter(|alb| alb.scheme == "internet-facing") {
            let host = app.sharing.host.first().unwrap_or(&alb.dns);
            let path = app.sharing.path.first().map_or("/", String::as_str);
            let line = format!("{}: http://{host}{path}", app.name);
            stream.voice.say_undrawn(&line);
        }
    }
}
