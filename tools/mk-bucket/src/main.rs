//! Makes the bucket in which pipelines hand their artifacts over: private, encrypted, versioned, and
//! emptied of what is older than 30 days.
//!
//! Reads `env`. Writes `bucket` as soon as it exists, and again, with its encryption, when it is all
//! that.

use clap::Parser;
use mk_bucket::plan;
use mk_bucket::{POLICY, aws};
use plumbing::{Aws, Change, Result, Step, Stream};

/// Make the artifact bucket of an environment's pipelines
#[derive(Parser)]
#[command(version)]
struct Args {
    /// How objects are encrypted: aws:kms, with the key aws/s3 that AWS manages, or AES256
    #[arg(long, value_name = "HOW", default_value = "aws:kms", value_parser = plan::encryption)]
    encryption: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(POLICY, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let s3 = aws::client(&aws);
    let name = env.bucket_name();
    let record = || plan::record(&env, Some(&args.encryption));
    let mut there = s3.look(&name).await?;
    if there.is_none() && !env.plan {
        stream.control.wait_for_account().await?;
        if s3.create(&name).await? {
            stream
                .write(plan::record(&env, None).changed(Change::Created, &[]))
                .await?;
            s3.set_up(&name, &args.encryption).await?;
            return stream.write(record().changed(Change::Created, &[])).await;
        }
        there = Some(s3.there(&name).await?); // a run at the same time was faster
    }
    let (change, differences) = match plan::step(&env, &name, &args.encryption, there.as_ref())? {
        Step::Create => (Change::Create, Vec::new()),
        Step::Change(differences) => (
            Change::from_differences(&differences, env.plan),
            differences,
        ),
    };
    if change == Change::Updated {
        stream.control.wait_for_account().await?;
        // One after the other: S3 refuses two changes of one bucket at once.
        for field in plan::fields(&differences) {
            s3.set(&name, field, &args.encryption).await?;
        }
    }
    stream.write(record().changed(change, &differences)).await
}
