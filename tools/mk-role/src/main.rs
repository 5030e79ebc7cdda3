//! Makes the roles of an environment, each for one purpose: the execution role of each app and the one of
//! its tasks, and for each source those of its builds, its function, its pipeline and its rule.
//!
//! Reads `env`, `app`, `source`, and what a role is let at: `repo`, `bucket`, `connection`. Their records
//! say that each is ours: nothing is granted on something of somebody else's that has our name. What
//! the policies name besides is used by something that waits for it itself. Writes `role` as soon as it
//! exists, and again with its policy's name when it has that. Before it makes or changes any, the secrets
//! of all apps that have arrived are looked up: with one that is not there, nothing would start.

use clap::Parser;
use mk_role::aws::{self, Iam};
use mk_role::leftover;
use mk_role::lookup::{self, Lookup};
use mk_role::placing::{Placing, before, boundary};
use mk_role::plan::{self, Have, Part};
use mk_role::purpose::Purpose;
use mk_role::secrets::AllFound;
use mk_role::want::{self, Want};
use plumbing::{
    App, Aws, Bucket, Change, Connection, Record, Repo, Resource, Result, Source, Stream,
};

/// Make the IAM roles of an environment's apps and sources
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 mk-env production pr123 | mk-app web | mk-ecr | mk-logs | mk-role")]
struct Args {
    /// The ARN of a policy beyond which none of the roles may go, whatever its own policy says
    #[arg(long, value_name = "ARN", value_parser = boundary)]
    boundary: Option<String>,
    /// What the path of the roles begins with, such as /team/, before /plumbline/REGION/ENVIRONMENT/
    #[arg(long, value_name = "PATH", default_value = "/", value_parser = before)]
    path: String,
}

/// What the work on every role needs.
struct Context<'a> {
    stream: &'a Stream,
    iam: &'a Iam,
    lookup: Lookup,
    placing: Placing,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_role::OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let placing = Placing {
        before: args.path,
        boundary: args.boundary,
    };
    placing.check(&env)?;
    let aws = Aws::connect(&stream, &env).await?;
    let (stream, iam) = (&stream, &aws::client(&aws));
    let path = placing.path(&env);
    let context = &Context {
        stream,
        iam,
        lookup: lookup::client(&aws),
        placing,
    };
    let apps = stream.for_each_record(|app: App| async move {
        let roles = Purpose::of_app(&app).into_iter();
        let roles = roles.map(|purpose| of_app(context, purpose, &app));
        stream.control.run_all(roles).await.map(drop)
    });
    let sources = stream.for_each_record(|source: Source| async move {
        let roles = Purpose::OF_A_SOURCE.map(|purpose| of_source(context, purpose, &source));
        stream.control.run_all(roles).await.map(drop)
    });
    let unwanted = plumbing::write_unwanted(
        stream,
        &mk_role::OWNER,
        iam.list_names(&path),
        |wishes| want::role_names(&iam.aws.env, wishes),
        async |roles| mk_role::records_of(iam, roles).await,
    );
    let (apps, sources, unwanted) = tokio::join!(apps, sources, unwanted);
    apps.and(sources).and(unwanted)
}

async fn of_app(context: &Context<'_>, purpose: Purpose, app: &App) -> Result<()> {
    let Context {
        stream,
        iam,
        placing,
        ..
    } = context;
    let want = async {
        match purpose {
            Purpose::Task => return want::of_tasks(&iam.aws.env, placing, app),
            Purpose::Deploy => return want::of_deployments(&iam.aws.env, placing, app),
            _ => {}
        }
        let repository = stream.need::<Repo>(&app.name);
        let (_, found) = tokio::try_join!(repository, context.secrets())?;
        want::of_app(&iam.aws.env, placing, app, &found)
    };
    make_or_mend(context, purpose, &app.name, want).await
}

async fn of_source(context: &Context<'_>, purpose: Purpose, source: &Source) -> Result<()> {
    let Context {
        stream,
        iam,
        placing,
        ..
    } = context;
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
        want::of_source(&iam.aws.env, placing, purpose, source, &connection)
    };
    make_or_mend(context, purpose, &source.name, want).await
}

impl Context<'_> {
    /// What AWS tells of the secrets of all apps that have arrived.
    ///
    /// Errors: one cannot be read.
    async fn secrets(&self) -> Result<AllFound> {
        self.lookup.learn(&self.stream.arrived::<App>()).await
    }
}

/// Makes or mends one role. IAM is asked for it before all that its policy names is known.
async fn make_or_mend(
    context: &Context<'_>,
    purpose: Purpose,
    name: &str,
    want: impl Future<Output = Result<Want>>,
) -> Result<()> {
    let Context { stream, iam, .. } = context;
    let env = &iam.aws.env;
    let role = want::role_name(env, purpose, name);
    let found = iam.get(&role, purpose.word());
    let (found, want, _) = tokio::try_join!(found, want, context.secrets())?;
    let policy = found.as_ref().and_then(|have| have.policy.as_ref());
    let surplus = policy.and_then(|policy| leftover::surplus(&want, policy));
    let resource = Resource {
        found,
        record: plan::record_of(&want, &want.arn, true),
        create: async || {
            let Some(arn) = iam.create(&want).await? else {
                return Ok(false);
            };
            let record = plan::record_of(&want, &arn, false);
            stream.write(record.changed(Change::Created, &[])).await?;
            // Nothing here waits until the role has spread: what uses it starts later and retries.
            iam.set_policy_of_new(&want).await?;
            let record = plan::record_of(&want, &arn, true);
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
    resource.make_or_mend(stream, &iam.aws).await?;
    match surplus {
        Some(surplus) => stream.write(Record::of(&surplus)).await,
        None => Ok(()),
    }
}
