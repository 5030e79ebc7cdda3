//! Deletes what is on stdin, dependents first and the rest side by side. It knows no AWS itself:
//! each tool's crate deletes its own, after looking again whether it carries the identity tag.

use clap::Parser;
use plumbing::{Aws, Change, Error, Kind, Record, Result, Stream};

/// Delete the resources on stdin
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Examples:\n\
    \x20 ls-env --env production-pr123 | rm-env --plan\n\
    \x20 ls-env --env production-pr123 | rm-env --confirm production-pr123")]
struct Args {
    /// The environment's name, as a sign that you mean it
    #[arg(long, value_name = "NAME", required_unless_present = "plan")]
    confirm: Option<String>,
    /// Tell what would be deleted, and delete nothing
    #[arg(long)]
    plan: bool,
    /// Delete also what has deletion protection
    #[arg(long)]
    lift_protection: bool,
    /// Delete also what GuardDuty put into the VPC by itself: its endpoint and its security group
    #[arg(long = "guardduty")]
    remove_guard_duty: bool,
}

/// The type of the records of what GuardDuty put into the VPC.
const GUARD_DUTY: &str = "guardduty";

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(&rm_env::policy(), run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let mut env = stream.env_or(args.confirm.as_deref()).await?;
    if let Some(other) = args.confirm.filter(|name| *name != env.name) {
        let name = &env.name;
        return Err(Error::usage(format!(
            "--confirm {other} is not the environment on stdin, {name}"
        )));
    }
    if args.plan && !env.plan {
        env.plan = true; // for what comes after it in the pipe as well
        stream.write(Record::of(&env)).await?;
    }
    // All of it first: a list that ends in the middle would have the network go before its users.
    let mut records = stream.all().await?;
    records.retain(|record| ls_env::owner_of(record.kind()).is_some());
    if stream.upstream_failed() {
        return Err(Error::new(Kind::Skipped, "a tool upstream failed"));
    }
    if records.is_empty() {
        let (name, region, account) = (&env.name, &env.region, &env.account);
        let line = format!("nothing to delete of {name} in {region} of account {account}");
        stream.voice.say(&line);
        return Ok(());
    }
    if env.plan {
        tell_of_protection(&stream, &records, args.lift_protection);
        if !args.remove_guard_duty {
            tell_of_guard_duty(&stream, &records);
            records.retain(|record| record.kind() != GUARD_DUTY);
        }
        return announce(&stream, records).await;
    }
    let mut aws = Aws::connect(&stream, &env).await?;
    aws.lift_protection = args.lift_protection;
    aws.remove_guard_duty = args.remove_guard_duty;
    aws.control.wait_for_account().await?;
    rm_env::delete(&stream, &aws, &records).await
}

/// Tells of what a run would refuse to delete, or whose protection it would lift.
fn tell_of_protection(stream: &Stream, records: &[Record], lift_protection: bool) {
    for name in rm_env::protected(records) {
        let what = if lift_protection {
            "which would be lifted"
        } else {
            "and nothing would be deleted without --lift-protection"
        };
        let line = format!("{name} has deletion protection, {what}");
        stream.voice.say(&line);
    }
}

/// Tells of what GuardDuty put into the VPC, which would stay, and keep the VPC from going.
fn tell_of_guard_duty(stream: &Stream, records: &[Record]) {
    for record in records.iter().filter(|record| record.kind() == GUARD_DUTY) {
        let id = record.text("id");
        let line = format!(
            "{id} is GuardDuty's (GuardDutyManaged=true): it would stay, and the VPC with it, without --guardduty"
        );
        stream.voice.say(&line);
    }
}

/// Writes what a run would delete. What was adopted stays.
async fn announce(stream: &Stream, records: Vec<Record>) -> Result<()> {
    for record in records {
        if record.0.get("adopted") != Some(&true.into()) {
            stream.write(record.changed(Change::Delete, &[])).await?;
        }
    }
    Ok(())
}
