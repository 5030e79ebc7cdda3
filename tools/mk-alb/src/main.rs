//! Makes a load balancer for each app: with a target group, and a listener on port 80 that
//! forwards to it; reached from the internet where the app is public, else from within the VPC.
//!
//! Reads `env`, `vpc`, `sg` and `app`. Writes `alb` and `target_group` as soon as each exists, and
//! `listener` when the one forwards to the other.

use clap::Parser;
use mk_alb::{aws, make};
use plumbing::{Aws, Result, Stream};

/// Make the load balancers of an environment
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 mk-env production pr123 | mk-app web --public | mk-vpc | mk-sg | mk-alb")]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_alb::OWNER, run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    make::for_each_app(&stream, &aws::client(&aws)).await
}
