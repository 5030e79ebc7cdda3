//! Makes the bucket in which pipelines hand their artifacts over: private, encrypted, versioned, and
//! emptied of what is older than 30 days.
//!
//! Reads `env`. Writes `bucket` as soon as it exists, and again, with its encryption, when all of that
//! is set.

use clap::Parser;
use mk_bucket::aws;
use mk_bucket::plan::{self, Have, Part};
use plumbing::{Aws, Change, Error, Resource, Result, Stream, name};

/// Make the artifact bucket of an environment's pipelines
#[derive(Parser)]
#[command(version)]
#[command(after_help = "Example:\n  mk-env production pr123 | mk-bucket")]
struct Args {
    /// How objects are encrypted: aws:kms, with the key aws/s3 that AWS manages, or AES256
    #[arg(long, value_name = "HOW", default_value = "aws:kms", value_parser = plan::encryption)]
    encryption: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_bucket::OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let s3 = aws::client(&aws);
    let want = plan::want(&env, &args.encryption);
    let found = s3.get(&want.bucket).await?;
    if found.is_none() {
        name::check_bucket(&want.bucket).map_err(Error::input)?;
    }
    let encryption = plan::encryption_to_be(&want, found.as_ref());
    let record = plan::record(&env, Some(encryption));
    // The first record has no encryption, which says that not all is set yet.
    let created_first = plan::record(&env, None).changed(Change::Created, &[]);
    let created = record.clone().changed(Change::Created, &[]);
    let ours = found.iter().filter(|have| env.owns(&have.tags));
    stream.release(ours.map(|_| record.clone()));
    let bucket = Resource {
        found,
        record,
        create: async || {
            if !s3.create(&want).await? {
                return Ok(false);
            }
            stream.write(created_first).await?;
            s3.set_up(&want).await?;
            stream.write(created).await?;
            Ok(true)
        },
        wait_visible: async || s3.wait_visible(&want.bucket).await,
        compare: |have: &Have| {
            let differences = plan::compare(&env, &want, have)?;
            let stricter = plan::warning_of_stricter(&want, have);
            let others = plan::warning_of_others(&want, have);
            for line in stricter.into_iter().chain(others) {
                stream.voice.say(&line);
            }
            Ok(differences)
        },
        mend: async |parts: Vec<Part>| {
            // One after the other: S3 refuses two changes of one bucket at once.
            for part in parts {
                s3.set(&want, part).await?;
            }
            Ok(())
        },
    };
    bucket.make_or_mend(&stream, &aws).await
}
