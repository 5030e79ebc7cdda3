//! Writes the `env` record: the head of every pipe. It makes nothing in AWS; the account comes
//! from the credentials, unless it is given.

use clap::Parser;
use plumbing::{Error, Record, Result, Stream, name};

/// Write the env record that names an environment
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Examples:\n\
    \x20 mk-env production pr123 --tag Team=web --region ap-southeast-1 | mk-vpc\n\
    \x20 mk-env production pr123 --plan | mk-vpc")]
struct Args {
    /// What it is for: production, staging
    #[arg(value_parser = environment)]
    environment: String,
    /// What tells it from others like it: pr123
    #[arg(value_parser = suffix)]
    suffix: String,
    /// Make the whole pipe a dry run: every tool reads, none writes
    #[arg(long)]
    plan: bool,
    /// The account, 12 digits [default: the credentials' account]
    #[arg(long, value_parser = account)]
    account: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_env(POLICY, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let common = stream.common();
    if let Some(other) = common
        .env
        .as_deref()
        .filter(|name| *name != format!("{}-{}", args.environment, args.suffix))
    {
        return Err(Error::usage(format!(
            "--env {other} contradicts '{} {}'",
            args.environment, args.suffix
        )));
    }
    let mut env = common
        .new_env(&stream, &args.environment, &args.suffix, args.account)
        .await?;
    name::check_bucket(&env.bucket_name()).map_err(Error::usage)?;
    env.plan = args.plan;
    stream.write(Record::of(&env)).await
}

fn environment(text: &str) -> Result<String, String> {
    name::check_environment(text).map(|()| text.to_string())
}

fn suffix(text: &str) -> Result<String, String> {
    name::check_part("suffix", text).map(|()| text.to_string())
}

fn account(text: &str) -> Result<String, String> {
    let fits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.to_string())
        .ok_or_else(|| "an account is 12 digits".into())
}

/// STS answers this question to everyone; the statement documents the call.
const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [{ "Sid": "Look", "Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*" }]
}
"#;
