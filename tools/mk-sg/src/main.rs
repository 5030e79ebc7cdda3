//! Makes the security groups of an environment: who may reach whom, and nothing else.
//!
//! Reads `env`, `vpc`, as soon as it has an ID, and `app`. Writes `sg` for each app's
//! load balancer and for its tasks, and with a preset the `app` records that it stands for.

use clap::Parser;
use futures_util::future::try_join3;
use mk_sg::aws::Ec2;
use mk_sg::plan::{self, Group, PRESETS, Preset};
use mk_sg::{OWNER, aws, make};
use plumbing::{App, Aws, Error, Kind, Record, Result, Stream, Vpc};

/// Make the security groups of an environment
#[derive(Parser)]
#[command(version)]
#[command(after_help = "Example:\n  mk-vpc --env production-pr123 | mk-sg --private-api")]
struct Args {
    /// Where stdin holds no app record, make a public web that calls an internal api
    #[arg(long)]
    private_api: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let preset = plan::preset(&[("private-api", args.private_api)]);
    let env = stream.env().await?;
    let vpc = stream.need::<Vpc>("main");
    let find = async {
        let aws = Aws::connect(&stream, &env).await?;
        let ec2 = aws::client(&aws);
        let groups = ec2.find().await?;
        stream.release(plan::group_records(&env, &groups));
        Ok((ec2, groups))
    };
    // The order matters: what the input lacks is reported before AWS is asked.
    let (vpc, (), (ec2, groups)) = try_join3(vpc, need_apps(&stream, preset), find).await?;
    if env.plan {
        return dry_run(&stream, &ec2, &vpc.id, &groups).await;
    }
    stream.control.wait_for_account().await?;
    make::make_or_mend(&stream, &ec2, &vpc.id, &groups).await
}

/// Waits for the first app record, or writes the preset's where the input ends without one.
async fn need_apps(stream: &Stream, preset: Option<&Preset>) -> Result<()> {
    let Err(error) = stream.need_first::<App>().await else {
        return Ok(());
    };
    if error.kind != Kind::Input || stream.control.check_stopped().is_err() {
        return Err(error);
    }
    stream.need::<Vpc>("main").await?; // nothing is written into a pipe that lacks it
    let Some(preset) = preset else {
        let flags: Vec<String> = PRESETS
            .iter()
            .map(|preset| format!("--{}", preset.flag))
            .collect();
        let tool = stream.tool();
        let flags = flags.join(" or ");
        let hint = format!("mk-app web --public | mk-vpc | {tool}, or give {flags}");
        return Err(Error::input("no app record on stdin").hint(hint));
    };
    for app in preset.apps() {
        stream.write(Record::of(&app)).await?;
    }
    Ok(())
}

/// Writes what a run would do, once all apps are known.
async fn dry_run(stream: &Stream, ec2: &Ec2, vpc: &str, groups: &[Group]) -> Result<()> {
    let records = stream.all().await?;
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    let env = &ec2.aws.env;
    let peers = plan::peers(&apps);
    let ids: Vec<String> = peers.keys().cloned().collect();
    let there = ec2.find_peers(&ids).await?;
    plan::check_peers(env, groups, &peers, &there)?;
    for line in plan::told_of_peers(vpc, &there) {
        stream.voice.say(&line);
    }
    for record in plan::dry_run(env, vpc, groups, &apps)? {
        stream.write(record).await?;
    }
    Ok(())
}
