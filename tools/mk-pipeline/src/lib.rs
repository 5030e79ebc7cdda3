//! The pipelines of an environment (CodePipeline, type V2).
//!
//! Found again by name, and ours if they carry the identity tag. Approvals, tests, other branches'
//! pipelines and deployments to other accounts are deliberately absent.

pub mod aws;
pub mod plan;

use plumbing::{Aws, Change, Env, Error, Pipeline, Record, Result, Stream, wait};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's pipelines as records, with what they tell of their sources, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let pipelines = aws::client(aws);
    let names = pipelines.names().await?;
    let found = wait::all(names.iter().map(|name| pipelines.look(name))).await?;
    let ours = names
        .iter()
        .zip(&found)
        .filter_map(|(name, have)| Some((name, have.as_ref()?)));
    let ours = ours.filter(|(_, have)| env.owns(&have.tags));
    Ok(ours
        .flat_map(|(name, have)| plan::records(env, name, have))
        .collect())
}

/// Stops what runs of the pipelines among `records` and deletes them, for `rm-env`.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let records: Vec<Pipeline> = records.iter().filter_map(Record::typed).collect();
    if records.is_empty() {
        return Ok(());
    }
    let pipelines = aws::client(aws);
    stream
        .control
        .try_all(records, async |record| {
            let name = &record.pipeline;
            let Some(tags) = pipelines.tags(name).await? else {
                return Ok(());
            };
            if !env.owns(&tags) {
                return Err(plan::foreign(env, name));
            }
            pipelines.stop(name).await?;
            pipelines.delete(name).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}

/// Follows the run that a pipeline's making started to its end, for `wait-env`: also where an earlier
/// run of the tools made the pipeline and did not see how that ended. What has ended before is only
/// told.
///
/// Errors: it failed, with the action's own words; or it takes too long.
pub async fn follow(stream: &Stream, aws: &Aws, env: &Env, pipeline: &Pipeline) -> Result<()> {
    let pipelines = aws::client(aws);
    let name = &pipeline.name;
    let made = pipeline
        .rest
        .get("change")
        .is_some_and(|change| change == Change::Created.word());
    let run = match made {
        true => pipelines.newest(&pipeline.pipeline).await?,
        false => pipelines.only(&pipeline.pipeline).await?,
    };
    let run = match run {
        Some(run) if made || run.goes_on() => pipelines.followed(&pipeline.pipeline, run).await?,
        Some(run) if run.status == "Failed" => {
            stream.voice.say(&format!(
                "the only run of pipeline {name} has failed; nothing of it is in production yet"
            ));
            return Ok(());
        }
        None if made => {
            stream.voice.say(&format!(
                "pipeline {name} is made, but the endpoint tells of no run"
            ));
            return Ok(());
        }
        _ => return Ok(()),
    };
    if run.status == "Succeeded" {
        stream.voice.say(&format!(
            "pipeline {} has run: {}",
            pipeline.name,
            run.status.to_lowercase()
        ));
        return Ok(());
    }
    let why = pipelines.why(&pipeline.pipeline, &run.id).await?;
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let again = format!(
        "aws codepipeline start-pipeline-execution --name {}",
        pipeline.pipeline
    );
    Err(Error::refused(format!(
        "the run of pipeline {} is {}{why}",
        pipeline.name,
        run.status.to_lowercase()
    ))
    .hint(format!(
        "mend it and push, or {again} --region {}",
        env.region
    )))
}
