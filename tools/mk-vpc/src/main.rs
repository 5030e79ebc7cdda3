//! Makes the network of an environment: a VPC with a public and a private subnet in each zone, an
//! internet gateway, and NAT gateways through which the private subnets reach out.
//!
//! Reads `env`. Writes `vpc` as soon as it exists, again when its subnets do, every part of it,
//! and `egress` when traffic from the private subnets can leave.

use clap::Parser;
use futures_util::future::try_join;
use mk_vpc::plan::{self, Name, NatMode, ResourceType, Want, dry_run};
use mk_vpc::range::{Range, range};
use mk_vpc::report::report;
use mk_vpc::{OWNER, aws, check, make};
use plumbing::{Aws, Error, Result, Stream};

/// How often the VPC may go to another run's: each run at the same time can make one.
const RACES: usize = 8;

/// Make the VPC of an environment, its subnets and its way out
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The IPv4 range, /16 to /23; each subnet takes a sixteenth of it
    #[arg(long, default_value = "10.0.0.0/16", value_parser = range)]
    cidr: Range,
    /// In how many availability zones
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=6))]
    zones: u8,
    /// NAT gateways: one in each zone, or a single one that costs half and fails with its zone
    #[arg(long, value_enum, default_value_t = NatMode::PerZone)]
    nat: NatMode,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let want = Want {
        cidr: args.cidr,
        zones: args.zones.into(),
        nat: args.nat,
    };
    let aws = Aws::connect(&stream, &env).await?;
    let ec2 = aws::client(&aws);
    let (zones, mut have) = try_join(ec2.list_zones(), ec2.find()).await?;
    stream.release(check::found(&env, &have));
    let layout = plan::layout(&env, &want, &have, &zones)?;
    if env.plan {
        for record in dry_run::network(&env, &layout, &have) {
            stream.write(record).await?;
        }
        return report(&stream, &env, &layout, &have).await;
    }
    for _ in 0..RACES {
        let layout = plan::layout(&env, &want, &have, &zones)?;
        stream.control.wait_for_account().await?;
        if make::network(&stream, &ec2, &layout, &have).await? {
            return report(&stream, &env, &layout, &have).await;
        }
        have = ec2.find().await?;
    }
    let name = Name::main(ResourceType::Vpc).tag(&env);
    let message = format!("{name} comes and goes: another run is at work");
    Err(Error::unfinished(message).hint("run the pipeline again"))
}
