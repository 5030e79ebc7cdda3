//! Makes the security groups of an environment: who may reach whom, and nothing else.
//!
//! Reads `env`, `vpc`, as soon as it has an ID and a range, and `app`. Writes `sg` for each app's
//! load balancer and tasks, and with a preset the `app` records that it stands for.

use clap::Parser;
use futures_util::future::try_join3;
use mk_sg::plan::{self, PRESETS, Preset, Want};
use mk_sg::{OWNER, aws, make};
use plumbing::{App, Aws, Error, Kind, Record, Result, Stream, Vpc};

/// Make the security groups of an environment
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Admit only the apps that call it to an internal load balancer, not the VPC's whole range;
    /// without app records, make a public web that calls an internal api
    #[arg(long)]
    private_api: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(OWNER.policy, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let preset = plan::preset(&[("private-api", args.private_api)]);
    let env = stream.env().await?;
    let find = async {
        let aws = Aws::connect(&stream, &env).await?;
        let ec2 = aws::client(&aws);
        let have = ec2.find().await?;
        Ok((ec2, have))
    };
    // In this order: what the input lacks is told before AWS is asked.
    let (vpc, (), (ec2, have)) =
        try_join3(stream.need::<Vpc>("main"), apps(&stream, preset), find).await?;
    let callers_only = preset.is_some_and(|preset| preset.callers_only);
    let want = Want {
        vpc: vpc.id,
        cidr: vpc.cidr,
        callers_only,
    };
    if env.plan {
        let apps = stream
            .all()
            .await?
            .iter()
            .filter_map(Record::typed)
            .collect();
        for record in plan::dry_run(&env, &want, &have, apps)? {
            stream.write(record).await?;
        }
        return Ok(());
    }
    stream.control.wait_for_account().await?;
    make::groups(&stream, &ec2, &want, &have).await
}

/// Waits for the first app, or writes the preset's where the input ends without one.
async fn apps(stream: &Stream, preset: Option<&Preset>) -> Result<()> {
    match stream.need_first::<App>().await {
        Err(missing) if missing.kind == Kind::Input && stream.control.check_stopped().is_ok() => {
            let _ = stream.need::<Vpc>("main").await?; // nothing is written for a pipe that lacks it
        }
        app => return app.map(drop),
    }
    let Some(preset) = preset else {
        let flags: Vec<String> = PRESETS
            .iter()
            .map(|preset| format!("--{}", preset.flag))
            .collect();
        return Err(Error::input("no app record on stdin").hint(format!(
            "mk-app web --public | mk-vpc | {}, or give {}",
            stream.tool(),
            flags.join(" or ")
        )));
    };
    for app in preset.apps() {
        stream.write(Record::of(&app)).await?;
    }
    Ok(())
}
