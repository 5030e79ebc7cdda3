//! Deleting a project and all its builds, which would outlive it.

use std::time::Duration;

use plumbing::{Result, wait};

use crate::aws::CodeBuild;

/// A build that was stopped ends within a minute or so, one that is still being provisioned later.
const ENDS: Duration = Duration::from_secs(10 * 60);

/// Stops the builds that run, waits until they have ended, and deletes all of them, then the project.
pub async fn with_builds(codebuild: &CodeBuild, project: &str) -> Result<()> {
    let builds = codebuild.builds(project).await?;
    let running = codebuild.running(project, &builds).await?;
    for id in &running {
        codebuild.stop(id).await?;
    }
    // One that has not ended cannot be deleted, and would write to a log group made anew.
    let what = format!("a build of project {project} still runs");
    wait::until(&codebuild.aws.control, &what, ENDS, || async {
        Ok(codebuild
            .running(project, &running)
            .await?
            .is_empty()
            .then_some(()))
    })
    .await?;
    codebuild.forget(project, &builds).await?;
    codebuild.delete(project).await
}
