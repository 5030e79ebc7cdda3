//! Returning a service to what it ran before. A revision that a service leaves, or that never ran well,
//! is marked, so that neither a second rollback nor anything that asks for "the newest" comes back to it.

use plumbing::{App, Error, Result};

use crate::aws::Ecs;
use crate::aws::going::TaskStatus;
use crate::plan::{self, HaveService, HaveTask};

/// The revision to return to, and those to mark. Run again while ECS is still about it, it is the same
/// one; and where ECS itself went back from the newest, that was it.
///
/// Errors: the service has none before, or its load balancer does not fit that one.
pub async fn target(ecs: &Ecs, app: &App, have: &HaveService) -> Result<(HaveTask, Vec<String>)> {
    let (family, runs) = (
        ecs.aws.env.family_name(&app.name),
        &have.settings.task_definition,
    );
    let newest = ecs.task(&family).await?;
    let newest = newest
        .filter(|newest| plan::newer(&newest.arn, runs) && plan::owns_task(&ecs.aws.env, newest));
    let mut from = vec![runs.clone()];
    if let Some(newest) = newest {
        let marked = plan::rolled_back(&newest);
        let by_ecs = !marked && plan::came_back(have, &newest);
        if by_ecs || marked && !have.is_settled() {
            let there = ecs.task(runs).await?;
            let there = there.ok_or_else(|| {
                Error::refused(format!("service {} runs {runs}, which is gone", have.name))
            })?;
            if by_ecs {
                let (from, to) = (plan::short(&newest.arn), plan::short(runs));
                let image = &there.task.image;
                ecs.aws.voice.say(&format!(
                    "ECS has taken {} back from {from} already: it runs {image} ({to})",
                    app.name
                ));
            }
            return Ok((there, if by_ecs { vec![newest.arn] } else { Vec::new() }));
        }
        if !marked {
            from.push(newest.arn); // it never ran
        }
    }
    for arn in plan::between(ecs.revisions(&family, TaskStatus::Active).await?, "", runs) {
        match ecs.task(&arn).await? {
            Some(task) if plan::owns_task(&ecs.aws.env, &task) && !plan::rolled_back(&task) => {
                if plan::failed(have, &arn) {
                    from.push(arn); // ECS has just come back from it
                    continue;
                }
                plan::fits(&task, &have.settings)?;
                return Ok((task, from));
            }
            _ => {}
        }
    }
    Err(Error::refused(format!(
        "service {} runs {}, and there is none before it",
        have.name,
        plan::short(runs)
    ))
    .hint(format!(
        "mk-ecs-svc --image {}=REFERENCE names what it is to run",
        app.name
    )))
}

/// Marks those of some revisions that are ours, ahead of what makes a service leave them: a run that is
/// cut in between does not go back one too many when it is repeated.
pub async fn mark(ecs: &Ecs, revisions: &[String]) -> Result<()> {
    for revision in revisions.iter().filter(|_| !ecs.aws.env.plan) {
        let Some(have) = ecs
            .task(revision)
            .await?
            .filter(|have| plan::owns_task(&ecs.aws.env, have))
        else {
            continue;
        };
        if !plan::rolled_back(&have) {
            ecs.aws.control.wait_for_account().await?;
            ecs.retag(
                revision,
                plan::short(revision),
                &plan::marked_rolled_back(&ecs.aws.env, &have),
            )
            .await?;
        }
    }
    Ok(())
}
