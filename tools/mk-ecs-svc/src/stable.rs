//! Waiting until services run what they were asked to run, and saying why one does not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use plumbing::{Error, Kind, Result, Service, wait};

use crate::aws::Ecs;
use crate::cause::{self, Stop};
use crate::plan::{self, HaveService, Progress};

/// A task starts within 2 to 5 minutes; the circuit breaker gives a broken one up within 10 to 20,
/// and its verdict is the better message.
const STEADY_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// A service that was just made may be missing from the first descriptions; after so many looks,
/// some ten seconds, it is gone.
const LOOKS_WITHOUT: u32 = 8;

/// Waits until all of them are steady; all are looked at together.
pub async fn wait(ecs: &Ecs, services: &[Service], log: impl AsyncFn(&str, &str) -> Vec<String>) -> Result<()> {
    let waiting: BTreeMap<&str, &Service> = services.iter().map(|service| (service.arn.as_str(), service)).collect();
    let waiting = RefCell::new(waiting);
    let events = RefCell::new(Vec::new());
    let missing = RefCell::new(BTreeMap::<String, u32>::new());
    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let what = match names.as_slice() {
        [one] => format!("service {one} is not steady"),
        all => format!("of services {} not all are steady", all.join(", ")),
    };
    let result = wait::until(&ecs.stream, &what, STEADY_DEADLINE, || async {
        let arns: Vec<String> = waiting.borrow().keys().map(|arn| arn.to_string()).collect();
        let found = ecs.services(&arns).await?;
        events.borrow_mut().clear();
        for arn in &arns {
            let Some(asked) = waiting.borrow().get(arn.as_str()).copied() else { continue };
            let Some(have) = found.iter().find(|have| have.arn == *arn) else {
                let mut missing = missing.borrow_mut();
                let looks = missing.entry(arn.clone()).or_default();
                *looks += 1;
                match *looks < LOOKS_WITHOUT {
                    true => continue,
                    false => {
                        return Err(Error::refused(format!("service {} is gone (ecs:DescribeServices)", asked.name)));
                    }
                }
            };
            match plan::progress(have, &asked.task_definition) {
                Progress::Steady => drop(waiting.borrow_mut().remove(arn.as_str())),
                Progress::Underway => {
                    // The breaker needs many tasks, and minutes for each, to give up what cannot succeed.
                    if plan::fails(have, &asked.task_definition)
                        && let Some(stop) = cause::lasting(&stops(ecs, have).await, &asked.task_definition)
                    {
                        let why = format!("it cannot run {}", plan::short(&asked.task_definition));
                        return Err(failed(ecs, asked, have, &why, Some(stop), &log).await);
                    }
                    events.borrow_mut().push(have.event.clone());
                }
                Progress::Failed(why) => {
                    let stops = stops(ecs, have).await;
                    let stop = stops.iter().find(|stop| stop.task_definition == asked.task_definition);
                    return Err(failed(ecs, asked, have, &why, stop.or(stops.first()), &log).await);
                }
            }
        }
        Ok(waiting.borrow().is_empty().then_some(()))
    })
    .await;
    // Without capacity, for one, AWS says so in an event alone.
    let event = events.borrow().iter().find(|event| !event.is_empty()).cloned();
    result.map_err(|error| match (error.kind, event) {
        (Kind::Unfinished, Some(event)) => Error { message: format!("{}: {event}", error.message), ..error },
        _ => error,
    })
}

/// The reasons are a help: not to get them must not hide the failure.
async fn stops(ecs: &Ecs, have: &HaveService) -> Vec<Stop> {
    ecs.stops(&have.name).await.unwrap_or_default()
}

async fn failed(
    ecs: &Ecs,
    asked: &Service,
    have: &HaveService,
    why: &str,
    stop: Option<&Stop>,
    log: &impl AsyncFn(&str, &str) -> Vec<String>,
) -> Error {
    let app = &asked.name;
    let mut message = format!("service {app} failed: {}", why.trim_end_matches(['.', ' ']));
    let stopped = stop.map(|stop| stop.reason.clone());
    for (what, text) in [("a task stopped", stopped), ("newest event", Some(have.event.clone()))] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            message.push_str(&format!("; {what}: {}", text.trim_end_matches('.')));
        }
    }
    if let Some(stop) = stop {
        for line in log(app, &stop.task).await {
            ecs.stream.say(&format!("{app} logged: {line}"));
        }
    }
    Error::refused(message).hint(format!("mend {app} and run the pipeline again; ECS returns to what ran before"))
}
