//! Makes the network of an environment: a VPC with a public and a private subnet in each zone, an
//! internet gateway, and NAT gateways through which the private subnets reach out.
//!
//! Reads `env`. Writes `vpc` as soon as it exists, again when its subnets do, every part of it,
//! and `egress` when traffic from the private subnets can leave.

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use futures_util::future::try_join;
use mk_vpc::aws::Ec2;
use mk_vpc::plan::zones::{self, RegionZone};
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
#[command(after_help = "\
    Example:\n\
    \x20 mk-env production pr123 | mk-vpc --nat single | mk-sg --private-api")]
struct Args {
    /// The IPv4 range, /16 to /24; each subnet takes a sixteenth of it, of a /24 an eighth
    #[arg(long, default_value = "10.0.0.0/16", value_parser = range)]
    cidr: Range,
    /// An availability zone by its name or ID, such as us-east-1b or use1-az2; again for each
    #[arg(long = "zone", value_name = "NAME_OR_ID", value_parser = NonEmptyStringValueParser::new())]
    named: Vec<String>,
    /// In how many availability zones: those of --zone and others; without either, 2
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=6))]
    zones: Option<u8>,
    /// NAT gateways: one in each zone, or a single one that costs half and fails with its zone
    #[arg(long, value_enum, default_value_t = NatMode::PerZone)]
    nat: NatMode,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let count = zones::check_flags(&args.named, args.zones, args.cidr.zones())?;
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let ec2 = aws::client(&aws);
    let (zones, mut have) = try_join(ec2.list_zones(), ec2.find()).await?;
    let want = Want {
        cidr: args.cidr,
        zones: count,
        named: named_zones(&ec2, &args.named, &zones).await?,
        nat: args.nat,
    };
    for line in zones::doubts(&env, &want.named) {
        stream.voice.say(&line);
    }
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

/// The zones that the command line names, among those that can be used.
///
/// Errors: there is no such zone, it cannot be used, or it is named twice.
async fn named_zones(
    ec2: &Ec2,
    named: &[String],
    usable: &[RegionZone],
) -> Result<Vec<RegionZone>> {
    if let Some(unknown) = zones::first_unknown(named, usable) {
        let all = ec2.list_all_zones().await?;
        return Err(zones::why_not(&ec2.aws.env, unknown, &all, usable));
    }
    zones::named(named, usable)
}
