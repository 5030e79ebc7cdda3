//! Returning a service to what it ran before. The revision that it leaves is marked, so that neither a
//! second rollback nor anything that asks for "the newest" comes back to it.

use plumbing::{App, Change, Difference, Error, Result};

use crate::aws::Ecs;
use crate::aws::going::TaskStatus;
use crate::plan::{self, HaveService, HaveTask};

/// The revision to return to, and the one to mark. Run again while ECS is still about it, it is the same
/// one; and where ECS itself went back from the newest, that was it.
///
/// Errors: the service has none before.
pub async fn target(ecs: &Ecs, app: &App, have: &HaveService) -> Result<(HaveTask, Option<String>)> {
    let (family, runs) = (ecs.env.family_name(&app.name), &have.settings.task_definition);
    let newest = ecs.task(&family).await?;
    if let Some(newest) = newest.filter(|newest| plan::newer(&newest.arn, runs) && plan::owns_task(&ecs.env, newest)) {
        let by_ecs = !plan::rolled_back(&newest);
        if by_ecs || !have.is_settled() {
            if by_ecs {
                let (from, to) = (plan::short(&newest.arn), plan::short(runs));
                ecs.stream.say(&format!("ECS has taken {} back from {from} to {to} already", app.name));
            }
            let there = ecs.task(runs).await?;
            let there =
                there.ok_or_else(|| Error::refused(format!("service {} runs {runs}, which is gone", have.name)))?;
            return Ok((there, by_ecs.then_some(newest.arn)));
        }
    }
    for arn in plan::between(ecs.revisions(&family, TaskStatus::Active).await?, "", runs) {
        match ecs.task(&arn).await? {
            Some(task) if plan::owns_task(&ecs.env, &task) && !plan::rolled_back(&task) => {
                return Ok((task, Some(runs.clone())));
            }
            _ => {}
        }
    }
    Err(Error::refused(format!("service {} runs {}, and there is none before it", have.name, plan::short(runs)))
        .hint(format!("mk-ecs-svc --image {}=REFERENCE names what it is to run", app.name)))
}

/// Marks the revision that a service leaves, ahead of its leaving: a run that is cut in between does
/// not go back one too many when it is repeated.
pub async fn leave(ecs: &Ecs, app: &App, from: Option<String>, to: &HaveTask) -> Result<()> {
    if let Some(from) = from.filter(|_| !ecs.env.plan) {
        ecs.stream.may_change().await?;
        ecs.retag(&from, &ecs.env.family_name(&app.name), &[plan::mark_rolled_back()]).await?;
    }
    let record = plan::task_record(&app.name, &to.arn, &to.task.image);
    ecs.stream.write(record.changed(Change::Kept, &[] as &[Difference])).await
}
