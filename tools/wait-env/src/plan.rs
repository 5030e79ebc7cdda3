//! What the records of services say. Pure.

use plumbing::{Service, TaskDefinition};

/// Whether two records name the same service with the same task definition.
pub fn is_same(one: &Service, other: &Service) -> bool {
    one.arn == other.arn && one.task_definition == other.task_definition
}

/// Whether a service is to run no tasks.
pub fn has_no_tasks(service: &Service) -> bool {
    service.rest.get("count").is_some_and(|count| count == 0)
}

/// What is said where an app has more targets than its steady service has tasks: somebody registered one
/// by hand.
pub fn told_of_targets(service: &Service, targets: &[String]) -> Option<String> {
    let count = service.rest.get("count")?.as_u64()?;
    let more = targets.len().checked_sub(usize::try_from(count).ok()?)?;
    if more == 0 {
        return None;
    }
    let name = &service.name;
    let (has, all) = (targets.len(), targets.join(", "));
    Some(format!(
        "app {name} runs {count} tasks, and its target group has {has} targets, {all}: somebody registered {more} by hand; they get requests: deregister what nobody wants"
    ))
}

/// What a service runs now, in one line. A record of another revision does not tell its image.
pub fn what_runs(service: &Service, definition: Option<TaskDefinition>) -> String {
    let name = &service.name;
    let arn = &service.task_definition;
    let revision = arn.rsplit('/').next().unwrap_or_default();
    if has_no_tasks(service) {
        return format!("{name} runs no tasks ({revision})");
    }
    let definition = definition.filter(|definition| definition.arn == *arn);
    let image = definition.as_ref().and_then(|it| it.rest.get("image"));
    match image.and_then(|image| image.as_str()) {
        Some(image) => format!("{name} runs {image} ({revision})"),
        None => format!("{name} runs {revision}"),
    }
}
