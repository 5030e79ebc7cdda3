//! Makes the rule of each source that starts its pipeline when an event says that GitHub got a
//! push.
//!
//! Reads `env`, `source`, and for each source `pipeline` and `role`. Writes `rule` as soon as it
//! exists. It is enabled only where the source's trigger is `events`: with the connection's own
//! trigger one push would start two runs.

use clap::Parser;
use mk_rule::aws::{self, Events};
use mk_rule::plan::{self, Have, Part};
use plumbing::{Aws, Change, Error, Pipeline, Resource, Result, Role, Source, Stream};

/// Make the rules that start an environment's pipelines
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 … | mk-source web owner/web --trigger events | … | mk-pipeline | mk-rule")]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_rule::OWNER, run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let events = aws::client(&aws);
    let (stream, events) = (&stream, &events);
    let sources = stream.for_each_record(|source: Source| make_or_mend(stream, events, source));
    let unwanted = plumbing::write_unwanted(
        stream,
        &mk_rule::OWNER,
        events.list_names(),
        |wishes| {
            let sources = wishes.sources.iter();
            sources
                .map(|source| events.aws.env.rule_name(source))
                .collect()
        },
        async |names| mk_rule::records_of(events, names).await,
    );
    let (sources, unwanted) = tokio::join!(sources, unwanted);
    sources.and(unwanted)
}

/// Makes or mends the rule of a source. It is looked for before its pipeline exists.
async fn make_or_mend(stream: &Stream, events: &Events, source: Source) -> Result<()> {
    let env = &events.aws.env;
    let rule = env.rule_name(&source.name);
    let role = format!("events/{}", source.name);
    let (found, pipeline, role) = tokio::try_join!(
        events.get(&rule),
        stream.need::<Pipeline>(&source.name),
        stream.need::<Role>(&role)
    )?;
    let want = plan::want(env, &source, &pipeline.arn, &role.arn);
    let record = plan::record(env, &source.name, &rule, want.enabled);
    let created = record.clone().changed(Change::Created, &[]);
    let resource = Resource {
        found,
        record,
        create: async || {
            events.set(&want, Part::Rule).await?;
            stream.write(created).await?;
            events.set(&want, Part::Target).await?;
            Ok(true)
        },
        // PutRule makes a rule or changes the one that is there: it never says that one exists.
        wait_visible: async || {
            let message = format!("rule {rule} exists already (this is a defect of the tool)");
            Err(Error::refused(message))
        },
        compare: |have: &Have| {
            let differences = plan::compare(env, &want, have)?;
            if let Some(line) = plan::warning_of_targets(&rule, have) {
                stream.voice.say(&line);
            }
            Ok(differences)
        },
        mend: async |parts: Vec<Part>| {
            // One after the other: EventBridge refuses two changes of one rule at once.
            for part in parts {
                events.set(&want, part).await?;
            }
            Ok(())
        },
    };
    resource.make_or_mend(stream, &events.aws).await
}
