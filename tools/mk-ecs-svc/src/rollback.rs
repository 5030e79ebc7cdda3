//! Returning a service to what it ran before. The revision that it leaves is marked, so that neither a
//! second rollback nor anything that asks for "the newest" comes back to it.

use plumbing::{App, Change, Difference, Error, Result};

use crate::aws::Ecs;
use crate::aws::going::TaskStatus;
use crate::plan::{self, HaveService, HaveTask};

/// The revision to return to. Run again while ECS is still about it, it is the same one.
///
/// Errors: the service has none before.
pub async fn target(ecs: &Ecs, app: &App, have: &HaveService) -> Result<HaveTask> {
    let (family, runs) = (ecs.env.family_name(&app.name), &have.settings.task_definition);
    let newest = ecs.task(&family).await?;
    if newest.is_some_and(|newest| plan::rolled_back(&newest) && plan::newer(&newest.arn, runs) && !have.is_settled()) {
        let under_way = ecs.task(runs).await?;
        return under_way.ok_or_else(|| Error::refused(format!("service {} runs {runs}, which is gone", have.name)));
    }
    for arn in plan::between(ecs.revisions(&family, TaskStatus::Active).await?, "", runs) {
        match ecs.task(&arn).await? {
            Some(task) if plan::owns_task(&ecs.env, &task) && !plan::rolled_back(&task) => return Ok(task),
            _ => {}
        }
    }
    Err(Error::refused(format!("service {} runs {}, and there is none before it", have.name, plan::short(runs)))
        .hint(format!("mk-ecs-svc --image {}=REFERENCE names what it is to run", app.name)))
}

/// Marks the revision that a service leaves, ahead of its leaving: a run that is cut in between does
/// not go back one too many when it is repeated.
pub async fn leave(ecs: &Ecs, app: &App, have: &HaveService, to: &HaveTask) -> Result<()> {
    let (runs, family) = (&have.settings.task_definition, ecs.env.family_name(&app.name));
    if !ecs.env.plan && *runs != to.arn {
        ecs.stream.may_change().await?;
        ecs.retag(runs, &family, &[plan::mark_rolled_back()]).await?;
    }
    let record = plan::task_record(&app.name, &to.arn, &to.task.image);
    ecs.stream.write(record.changed(Change::Kept, &[] as &[Difference])).await
}
