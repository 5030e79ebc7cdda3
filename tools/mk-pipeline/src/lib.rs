//! The pipelines of an environment (CodePipeline, type V2).
//!
//! Found again by name, and ours if they carry the identity tag. Approvals, tests, other branches'
//! pipelines and deployments to other accounts are deliberately absent.

pub mod aws;
mod check;
pub mod plan;

use std::time::Duration;

use aws::Pipelines;
use aws::runs::Run;
use plumbing::name::SOURCE;
use plumbing::region::{self, Service};
use plumbing::step::delete_each;
use plumbing::{Aws, Change, Deletion, Error, Half, Owner, Pipeline, Record, Result, Stream, wait};
use tokio::time::sleep;

/// What a role may do is known everywhere within seconds.
const SPREADS: Duration = Duration::from_secs(10);

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
/// before is told and no error. One that fails for want of a right is started again, once: the
/// pipeline's role was made a moment before it, and AWS spreads what it may do slowly (aws-cdk #38858).
///
/// Errors: it failed, with the action's own words; or it takes too long.
pub async fn wait_first_run(aws: &Aws, pipeline: &Pipeline) -> Result<()> {
    let pipelines = &aws::client(aws);
    let name = &pipeline.name;
    let Some(run) = first_run(pipelines, pipeline).await? else {
        return Ok(());
    };
    let mut run = pipelines.wait_ended(&pipeline.pipeline, run).await?;
    let mut why = why_failed(pipelines, pipeline, &run).await?;
    if plan::may_lack_a_right_for_a_moment(&why) {
        let line =
            format!("pipeline {name}: its first run was not let, by a role that is new{why}");
        aws.voice.say(&format!("{line}; it is started again, once"));
        aws.control.wait_for_account().await?;
        let what = format!("the role of pipeline {name} is new");
        let spread = aws.control.unless_stopped(sleep(SPREADS));
        wait::telling(&aws.voice, &what, spread).await?;
        run = pipelines.start_again(&pipeline.pipeline, &run).await?;
        run = pipelines.wait_ended(&pipeline.pipeline, run).await?;
        why = why_failed(pipelines, pipeline, &run).await?;
    }
    let status = run.status.to_lowercase();
    if run.status == "Succeeded" {
        let line = format!("pipeline {name} has run: {status}");
        aws.voice.say(&line);
        return Ok(());
    }
    let message = format!("the run of pipeline {name} is {status}{why}");
    let hint = format!(
        "mend it and push, or aws codepipeline start-pipeline-execution --name {} --region {}",
        pipeline.pipeline, aws.env.region
    );
    Err(Error::refused(message).hint(hint))
}

/// The run to wait for, if there is one.
async fn first_run(pipelines: &Pipelines, pipeline: &Pipeline) -> Result<Option<Run>> {
    let Pipeline { name, .. } = pipeline;
    let change = pipeline.rest.get("change");
    let is_new = change.is_some_and(|change| change == Change::Created.word());
    let run = if is_new {
        pipelines.wait_started(&pipeline.pipeline).await?
    } else {
        pipelines.only_run(&pipeline.pipeline).await?
    };
    let voice = &pipelines.aws.voice;
    if run.is_none() && is_new {
        let line = format!("pipeline {name} is made, but the endpoint tells of no run");
        voice.say(&line);
    }
    let has_ended_before = |run: &Run| !is_new && run.has_ended();
    if run
        .as_ref()
        .is_some_and(|run| has_ended_before(run) && run.status == "Failed")
    {
        let line = format!(
            "the only run of pipeline {name} has failed; nothing of it is in production yet"
        );
        voice.say(&line);
    }
    Ok(run.filter(|run| !has_ended_before(run)))
}

/// Why a run failed, `: ` before it; "" where it did not.
async fn why_failed(pipelines: &Pipelines, pipeline: &Pipeline, run: &Run) -> Result<String> {
    if run.status == "Succeeded" {
        return Ok(String::new());
    }
    let why = pipelines.why_failed(&pipeline.pipeline, &run.id).await?;
    Ok(why.map_or(String::new(), |why| format!(": {why}")))
}
