//! Makes the rule of each source that starts its pipeline when an event says that GitHub got a push.
//!
//! Reads `env`, `source`, and for each source `pipeline` and `role`. Writes `rule` as soon as it
//! exists. It is enabled only where the source's trigger is `events`: with the connection's own
//! trigger one push would start two runs.

use clap::Parser;
use mk_rule::plan::{self, Field, Want};
use mk_rule::{POLICY, aws};
use plumbing::{Aws, Change, Env, Pipeline, Result, Role, Source, Step, Stream};

/// Make the rules that start an environment's pipelines
#[derive(Parser)]
#[command(version)]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(POLICY, run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let events = aws::client(&aws);
    let (stream, env, events) = (&stream, &env, &events);
    stream
        .for_each_record(|source: Source| rule(stream, env, events, source))
        .await
}

/// Makes or mends one rule. It is looked for before its pipeline exists.
async fn rule(stream: &Stream, env: &Env, events: &aws::Events, source: Source) -> Result<()> {
    let (rule_name, role_name) = (
        env.rule_name(&source.name),
        format!("events/{}", source.name),
    );
    let (there, pipeline, role) = tokio::try_join!(
        events.look(&rule_name),
        stream.need::<Pipeline>(&source.name),
        stream.need::<Role>(&role_name)
    )?;
    let want = plan::want(env, &source, &pipeline.arn, &role.arn);
    let record = || plan::record(env, &source.name, &rule_name, want.enabled);
    let (change, differences) = match plan::step(env, &want, there.as_ref())? {
        Step::Create => (
            if env.plan {
                Change::Create
            } else {
                Change::Created
            },
            Vec::new(),
        ),
        Step::Change(differences) => (
            Change::from_differences(&differences, env.plan),
            differences,
        ),
    };
    let mut fields = plan::fields(&differences);
    if change == Change::Created {
        fields = vec![Field::Rule, Field::Target];
    }
    if matches!(change, Change::Created | Change::Updated) {
        stream.control.wait_for_account().await?;
        for field in fields {
            set(events, &want, field).await?;
            if (change, field) == (Change::Created, Field::Rule) {
                stream.write(record().changed(change, &[])).await?;
            }
        }
        if change == Change::Created {
            return Ok(());
        }
    }
    stream.write(record().changed(change, &differences)).await
}

/// One after the other: EventBridge refuses two changes of one rule at once.
async fn set(events: &aws::Events, want: &Want, field: Field) -> Result<()> {
    match field {
        Field::Rule => events.put(want).await,
        Field::Target => events.aim(want).await,
        Field::Tags => events.retag(want).await,
    }
}
