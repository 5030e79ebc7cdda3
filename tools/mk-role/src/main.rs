//! Makes the roles of an environment, each for one purpose: the execution role of each app, and for
//! each source those of its builds, its function, its pipeline and its rule.
//!
//! Reads `env`, `app`, `source`, and for a pipeline's role `connection`. Writes `role` as soon as
//! it exists, and again with its policy's name when it has that. All else that the policies name
//! follows from names, and is not awaited.

use clap::Parser;
use mk_role::aws::{self, Iam};
use mk_role::plan::{self, Have, Part};
use mk_role::purpose::Purpose;
use mk_role::want::{self, Want};
use plumbing::{App, Aws, Change, Connection, Resource, Result, Source, Stream};

/// Make the IAM roles of an environment's apps and sources
#[derive(Parser)]
#[command(version)]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_role::OWNER, run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let iam = aws::client(&aws);
    let (stream, iam) = (&stream, &iam);
    let apps = stream.for_each_record(|app: App| async move {
        let want = async { want::of_app(&iam.aws.env, &app.name) };
        make_or_mend(stream, iam, Purpose::Execution, &app.name, want).await
    });
    let sources = stream.for_each_record(|source: Source| async move {
        let roles = Purpose::OF_A_SOURCE.map(|purpose| of_source(stream, iam, purpose, &source));
        stream.control.run_all(roles).await.map(drop)
    });
    let (apps, sources) = tokio::join!(apps, sources);
    apps.and(sources)
}

async fn of_source(stream: &Stream, iam: &Iam, purpose: Purpose, source: &Source) -> Result<()> {
    let want = async {
        let mut connection = String::new();
        if purpose == Purpose::Pipeline {
            connection = stream.need_first::<Connection>().await?.arn;
        }
        want::of_source(&iam.aws.env, purpose, source, &connection)
    };
    make_or_mend(stream, iam, purpose, &source.name, want).await
}

/// Makes or mends one role. IAM is asked for it before all that its policy names is known.
async fn make_or_mend(
    stream: &Stream,
    iam: &Iam,
    purpose: Purpose,
    name: &str,
    want: impl Future<Output = Result<Want>>,
) -> Result<()> {
    let env = &iam.aws.env;
    let role = want::role_name(env, purpose, name);
    let found = iam.get(&role, purpose.word());
    let (found, want) = tokio::try_join!(found, want)?;
    let resource = Resource {
        found,
        record: plan::record(&want.name, &want.arn),
        create: async || {
            let Some(arn) = iam.create(&want).await? else {
                return Ok(false);
            };
            let record = plan::record_without_policy(&want.name, &arn);
            stream.write(record.changed(Change::Created, &[])).await?;
            // Nothing here waits until the role has spread: what uses it starts later and retries.
            iam.set_policy_of_new(&want).await?;
            let record = plan::record(&want.name, &arn);
            stream.write(record.changed(Change::Created, &[])).await?;
            Ok(true)
        },
        wait_visible: async || iam.wait_visible(&want).await,
        compare: |have: &Have| {
            if let Some(line) = plan::warning_of_other_policies(&want.role, have) {
                stream.voice.say(&line);
            }
            plan::compare(env, &want, have)
        },
        mend: async |parts: Vec<Part>| {
            // One after the other: IAM refuses two changes of one role at once.
            for part in parts {
                iam.set(&want, part).await?;
            }
            Ok(())
        },
    };
    resource.make_or_mend(stream, &iam.aws).await
}
