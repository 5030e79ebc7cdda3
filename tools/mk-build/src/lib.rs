//! The build projects of an environment's sources, in CodeBuild.
//!
//! Found again by name, or all of them in the account's list, and ours if they carry the identity
//! tag. Networks of one's own, build batches, reports and badges are deliberately absent; so is
//! every secret, since what a build needs its role lets it do.

pub mod aws;
mod check;
mod delete;
pub mod plan;

use aws::CodeBuild;
use plumbing::region::{self, Service};
use plumbing::step::delete_each;
use plumbing::{Aws, Build, Deletion, Half, Owner, Record, Result, Stream};

/// The build projects, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-build",
    half: Half::Pipelines,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["build"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's build projects as records, with what they say of their sources.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    if region::lacks(&aws.env.region, Service::CodeBuild) {
        return Ok(Vec::new()); // no source can be built here, and there is no host to ask
    }
    let codebuild = aws::client(aws);
    let names = codebuild.list_names().await?;
    let mut records = Vec::new();
    for have in codebuild.get_all(&names).await? {
        if aws.env.owns(&have.tags) {
            records.push(plan::source_record(&have));
            records.push(plan::record(&aws.env, plan::source(&have), &have.name));
        }
    }
    Ok(records)
}

/// The records of those among some projects that are the environment's.
pub async fn records_of(codebuild: &CodeBuild, names: Vec<String>) -> Result<Vec<Record>> {
    let env = &codebuild.aws.env;
    let mut records = Vec::new();
    for have in codebuild.get_all(&names).await? {
        if env.owns(&have.tags) {
            records.push(plan::record(env, plan::source(&have), &have.name));
        }
    }
    Ok(records)
}

/// Deletes the build projects among `records`, once nothing starts their builds: those that run are
/// stopped, and all are deleted with their project.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let codebuild = aws::client(aws);
    delete_each(stream, records, async |record: &Build| {
        let Some(have) = codebuild.get(&record.project).await? else {
            return Ok(false);
        };
        let what = format!("build project {}", have.name);
        aws.env.check_ours(what, &have.tags)?;
        delete::project_with_builds(&codebuild, &have.name).await?;
        Ok(true)
    })
    .await
}
