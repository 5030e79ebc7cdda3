//! Makes the cluster of an environment, and for each app a task definition and a Fargate service.
//!
//! Reads `env`, `app`, and for each app `role`, `log_group`, `image`, `sg`, `listener`; `vpc` and
//! `egress`; and whatever record an environment variable refers to. Writes `cluster`, and for
//! each app `task_definition` and `service`, each when it exists. It does not wait until tasks
//! are healthy: wait-env does. Where a service moves to another target group, its requests follow.

use clap::Parser;
use futures_util::FutureExt;
use mk_ecs_svc::make::context::{Context, Flags};
use mk_ecs_svc::plan::cluster::Insights;
use mk_ecs_svc::{OWNER, aws, make, plan};
use plumbing::{App, Aws, Error, Kind, Result, Stream, unknown};

/// Make the ECS cluster of an environment and the services of its apps
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Examples:\n\
    \x20 ls-env --env production-pr123 | mk-ecs-svc --image web=registry.example/web:2 | wait-env\n\
    \x20 ls-env --env production-pr123 | mk-ecs-svc --rollback web | wait-env")]
struct Args {
    /// What an app is to run, before its image record and its own image; may be given again
    #[arg(long = "image", value_name = "APP=REFERENCE", value_parser = plan::image_flag)]
    images: Vec<(String, String)>,
    /// Take an app's service back to the task definition before the one it runs; again for another
    #[arg(long = "rollback", value_name = "APP")]
    rollbacks: Vec<String>,
    /// Let an app have no image yet: its service has no tasks until its pipeline has built one
    #[arg(long)]
    placeholder: bool,
    /// What CloudWatch's Container Insights is told of services and tasks, at a price for each metric
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Insights::Enabled)]
    insights: Insights,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let insights = args.insights;
    let flags = flags(args)?;
    let env = stream.env().await?;
    need_named_apps(&stream, &flags).await?;
    let aws = Aws::connect(&stream, &env).await?;
    let ecs = aws::client(&aws);
    let cluster = make::cluster::make(&stream, &ecs, insights)
        .boxed_local()
        .shared();
    let context = Context::new(&stream, &ecs, &flags, cluster.clone());
    let make = async {
        let apps = stream.for_each_record(|app: App| {
            if let Some(line) = unknown::of_app(&app) {
                stream.voice.say(&line);
            }
            make::app(&context, app)
        });
        let unwanted = make::unwanted::report(&stream, &ecs);
        let (cluster, apps, unwanted) = tokio::join!(cluster, apps, unwanted);
        cluster.and(apps).and(unwanted)
    };
    context.moves.beside(&stream, make).await
}

/// Errors: two flags say what an app runs.
fn flags(args: Args) -> Result<Flags> {
    for (app, _) in &args.images {
        if args.rollbacks.contains(app) {
            return Err(Error::usage(format!(
                "--image and --rollback both say what app '{app}' runs"
            )));
        }
    }
    Ok(Flags {
        images: args.images.into_iter().collect(),
        rollbacks: args.rollbacks,
        placeholder: args.placeholder,
    })
}

/// Waits for the records of the apps that flags name, before anything is done: where one does not
/// come, the name of the environment is as likely to be wrong.
///
/// Errors: a flag names an app that no record names.
async fn need_named_apps(stream: &Stream, flags: &Flags) -> Result<()> {
    for app in flags.images.keys().chain(&flags.rollbacks) {
        let Err(missing) = stream.need::<App>(app).await else {
            continue;
        };
        if missing.kind != Kind::Input || stream.control.check_stopped().is_err() {
            return Err(missing);
        }
        let env = stream.env().await?.name;
        let message = format!(
            "a flag names app '{app}', which no app record names; the environment is {env}"
        );
        return Err(Error::input(message));
    }
    Ok(())
}
