//! Makes the connection to GitHub that an environment's pipelines read through, or adopts one that
//! is there.
//!
//! Reads `env`. Writes `connection` with its status. It does not wait for the person who has to
//! finish the handshake: all else can be made meanwhile, and mk-pipeline waits.

use clap::Parser;
use mk_connection::plan::{self, Adopt, Step};
use mk_connection::{POLICY, aws};
use plumbing::{Aws, Change, Difference, Result, Stream};

/// Make or adopt the connection to GitHub
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Use this connection instead of making one, and never change or delete it
    #[arg(long, value_name = "ARN or NAME", value_parser = plan::adopt)]
    adopt: Option<Adopt>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(POLICY, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    if let Some(Adopt::Arn(arn)) = &args.adopt {
        plan::belongs(&env, arn)?;
    }
    let aws = Aws::connect(&stream, &env).await?;
    let connections = aws::client(&aws);
    if let Some(adopt) = args.adopt {
        let have = match &adopt {
            Adopt::Arn(arn) => connections.get(arn).await?,
            Adopt::Name(name) => plan::named(&connections.all().await?, name)?,
        };
        let have = have.ok_or_else(|| plan::absent(&env, &adopt))?;
        return stream
            .write(plan::record(&have, true).changed(Change::Kept, &[]))
            .await;
    }
    let name = env.connection_name();
    let found = connections.named(&name).await?;
    let have = match plan::step(&env, &name, found.clone())? {
        Step::Keep(have) => have,
        Step::Create if env.plan => {
            let planned = plan::Have {
                arn: env.planned(&name),
                status: "PENDING".into(),
                ..Default::default()
            };
            return stream
                .write(plan::record(&planned, false).changed(Change::Create, &[]))
                .await;
        }
        Step::Create => {
            stream.control.wait_for_account().await?;
            let made = connections.create(&name).await?;
            stream
                .write(plan::record(&made, false).changed(Change::Created, &[]))
                .await?;
            let stays = connections.elected(&name, made).await?;
            stream.voice.say(&plan::where_to_click(&env, &name));
            return stream
                .write(plan::record(&stays, false).changed(Change::Created, &[]))
                .await;
        }
    };
    let losers = plan::losers(&env, &found, &have);
    if !losers.is_empty() && !env.plan {
        stream.control.wait_for_account().await?; // two runs at once made them, and neither saw the other's
        stream
            .control
            .run_all(losers.iter().map(|arn| connections.delete(arn)))
            .await?;
    }
    let differences = Difference::of_tags(&have.tags, &env.tags_of(&name));
    if !differences.is_empty() && !env.plan {
        stream.control.wait_for_account().await?;
        connections.retag(&have.arn, &name).await?;
    }
    let change = Change::from_differences(&differences, env.plan);
    stream
        .write(plan::record(&have, false).changed(change, &differences))
        .await
}
