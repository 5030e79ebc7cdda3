//! Makes the roles of an environment, each for one purpose: the execution role of each app, and for
//! each source those of its builds, its function, its pipeline and its rule.
//!
//! Reads `env`, `app`, `source`, and what a role is let at: `repo`, `bucket`, `connection`. Their records
//! say that each is ours: nothing is granted on something of somebody else's that has our name. What
//! the policies name besides is used by something that waits for it itself. Writes `role` as soon as it
//! exists, and again with its policy's name when it has that.

use clap::Parser;
use mk_role::aws::{self, Iam};
use mk_role::plan::{self, Have, Part};
use mk_role::purpose::Purpose;
use mk_role::want::{self, Want};
use plumbing::{App, Aws, Bucket, Change, Connection, Repo, Resource, Result, Source, Stream};

/// Make the IAM roles of an environment's apps and sources
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 mk-env production pr123 | mk-app web | mk-ecr | mk-logs | mk-role")]
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
        let want = async {
            stream.need::<Repo>(&app.name).await?;
            want::of_app(&iam.aws.env, &app.name)
        };
        make_or_mend(stream, iam, Purpose::Execution, &app.name, want).await
    });
    let sources = stream.for_each_record(|source: Source| async move {
        let roles = Purpose::OF_A_SOURCE.map(|purpose| of_source(stream, iam, purpose, &source));
        stream.control.run_all(roles).await.map(drop)
    });
    let unwanted = plumbing::write_unwanted(
        stream,
        &mk_role::OWNER,
        iam.list_names(),
        |wishes| want::role_names(&iam.aws.env, wishes),
        async |roles| mk_role::records_of(iam, roles).await,
    );
    let (apps, sources, unwanted) = tokio::join!(apps, sources, unwanted);
    apps.and(sources).and(unwanted)
}

async fn of_source(stream: &Stream, iam: &Iam, purpose: Purpose, source: &Source) -> Result<()> {
    let want = async {
        let mut connection = String::new();
        // Whatever a role is for: without the repository there is nothing to build.
        stream.need::<Repo>(&source.name).await?;
        if matches!(purpose, Purpose::Build | Purpose::Pipeline) {
            stream.need_first::<Bucket>().await?;
        }
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
            let differences = plan::compare(env, &want, have)?;
            let warnings = [
                plan::warning_of_other_policies(&want.role, have),
                plan::warning_of_profiles(&want.role, have),
                plan::warning_of_stricter(&want, have),
            ];
            for line in warnings.into_iter().flatten() {
                stream.voice.say(&line);
            }
            Ok(differences)
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
