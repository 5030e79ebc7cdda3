//! The pipelines of an environment (CodePipeline, type V2).
//!
//! Found again by name, and ours if they carry the identity tag. Approvals, tests, other branches'
//! pipelines and deployments to other accounts are deliberately absent.

pub mod aws;
mod check;
pub mod plan;

use aws::Pipelines;
use plumbing::name::SOURCE;
use plumbing::region::{self, Service};
use plumbing::step::delete_each;
use plumbing::{Aws, Change, Deletion, Error, Half, Owner, Pipeline, Record, Result, Stream, wait};

/// The pipelines, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-pipeline",
    half: Half::Pipelines,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["pipeline"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's pipelines as records, with what they tell of their sources.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    if region::lacks(&aws.env.region, Service::CodeBuild) {
        return Ok(Vec::new()); // no source can be built here, and there is no host to ask
    }
    let env = &aws.env;
    let pipelines = aws::client(aws);
    let names = pipelines.list_names().await?;
    let found = wait::all(names.iter().map(|name| pipelines.get(name))).await?;
    let mut records = Vec::new();
    for (name, have) in names.iter().zip(found) {
        let Some(have) = have else { continue };
        if env.owns(&have.tags) {
            records.extend(plan::records(env, name, &have));
        }
    }
    Ok(records)
}

/// The records of those among some pipelines that are the environment's.
pub async fn records_of(pipelines: &Pipelines, names: Vec<String>) -> Result<Vec<Record>> {
    let env = &pipelines.aws.env;
    let found = wait::all(names.iter().map(|name| pipelines.get(name))).await?;
    let mut records = Vec::new();
    for (name, have) in names.iter().zip(found) {
        if let Some(have) = have
            && env.owns(&have.tags)
        {
            let source = have.tags.get(SOURCE).unwrap_or(name);
            records.push(plan::record(env, source, name));
        }
    }
    Ok(records)
}

/// Stops the runs of the pipelines among `records` and deletes them.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let pipelines = aws::client(aws);
    delete_each(stream, records, async |record: &Pipeline| {
        let name = &record.pipeline;
        let Some(tags) = pipelines.tags(name).await? else {
            return Ok(false);
        };
        aws.env.check_ours(format!("pipeline {name}"), &tags)?;
        pipelines.stop_runs(name).await?;
        pipelines.delete(name).await?;
        Ok(true)
    })
    .await
}

/// Waits for the end of the run that a pipeline's making started, for `wait-env`: also where an
/// earlier run of the tools made the pipeline and did not see how that ended. That it had failed
/// before is told and no error.
///
/// Errors: it failed, with the action's own words; or it takes too long.
pub async fn wait_first_run(aws: &Aws, pipeline: &Pipeline) -> Result<()> {
    let pipelines = aws::client(aws);
    let name = &pipeline.name;
    let change = pipeline.rest.get("change");
    let is_new = change.is_some_and(|change| change == Change::Created.word());
    let run = if is_new {
        pipelines.wait_started(&pipeline.pipeline).await?
    } else {
        pipelines.only_run(&pipeline.pipeline).await?
    };
    let Some(run) = run else {
        if is_new {
            let line = format!("pipeline {name} is made, but the endpoint tells of no run");
            aws.voice.say(&line);
        }
        return Ok(());
    };
    if !is_new && run.has_ended() {
        if run.status == "Failed" {
            let line = format!(
                "the only run of pipeline {name} has failed; nothing of it is in production yet"
            );
            aws.voice.say(&line);
        }
        return Ok(());
    }
    let run = pipelines.wait_ended(&pipeline.pipeline, run).await?;
    let status = run.status.to_lowercase();
    if run.status == "Succeeded" {
        let line = format!("pipeline {name} has run: {status}");
        aws.voice.say(&line);
        return Ok(());
    }
    let why = match pipelines.why_failed(&pipeline.pipeline, &run.id).await? {
        Some(why) => format!(": {why}"),
        None => String::new(),
    };
    let message = format!("the run of pipeline {name} is {status}{why}");
    let hint = format!(
        "mend it and push, or aws codepipeline start-pipeline-execution --name {} --region {}",
        pipeline.pipeline, aws.env.region
    );
    Err(Error::refused(message).hint(hint))
}
