//! Deleting a project and all its builds, which would outlive it.

use std::time::Duration;

use plumbing::{Result, wait};

use crate::aws::CodeBuild;

/// A build that was stopped ends within a minute or so, one that is still being provisioned later.
const ENDED_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// Stops the builds that run, waits until they have ended, and deletes all builds, then the project.
pub async fn project_with_builds(codebuild: &CodeBuild, project: &str) -> Result<()> {
    let builds = codebuild.list_builds(project).await?;
    let running = codebuild.running_builds(project, &builds).await?;
    for id in &running {
        codebuild.stop_build(id).await?;
    }
    // A build that has not ended cannot be deleted, and would write to a log group made anew.
    let what = format!("a build of project {project} still runs");
    wait::until(&codebuild.aws.control, &what, ENDED_DEADLINE, || async {
        let running = codebuild.running_builds(project, &running).await?;
        Ok(running.is_empty().then_some(()))
    })
    .await?;
    codebuild.delete_builds(project, &builds).await?;
    codebuild.delete(project).await
}
