//! Waiting until services run what they were asked to run, and saying why one does not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plumbing::{Error, Kind, Result, Service, wait};

use crate::aws::Ecs;
use crate::cause::{self, Stop};
use crate::plan::{self, HaveService, Progress};

/// A task starts within 2 to 5 minutes; the circuit breaker gives a broken one up within 10 to 20,
/// and its verdict is the better message.
const STEADY_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// A service that was just made may be missing from the first descriptions; after so many looks,
/// some ten seconds, it is gone. And an emulator has started no task by then if it starts any.
const LOOKS_WITHOUT: u32 = 8;

/// What was seen of the services so far, by their ARNs.
#[derive(Default)]
struct Seen {
    /// How often one was missing, or without tasks.
    without: BTreeMap<String, u32>,
    /// How many starts of tasks the stops were asked for.
    starts: BTreeMap<String, usize>,
    /// What ECS says of those that are not well.
    troubles: BTreeMap<String, String>,
    /// The names of those that were waited for.
    late: BTreeSet<String>,
}

impl Seen {
    fn looks_without(&mut self, arn: &str) -> u32 {
        let looks = self.without.entry(arn.into()).or_default();
        *looks += 1;
        *looks
    }
}

/// Waits until all of them are steady; all are looked at together. Answers the names of those that were
/// not steady at first.
pub async fn wait(
    ecs: &Ecs,
    services: &[Service],
    log: impl AsyncFn(&str, &str) -> Vec<String>,
) -> Result<BTreeSet<String>> {
    let waiting: BTreeMap<&str, &Service> = services
        .iter()
        .map(|service| (service.arn.as_str(), service))
        .collect();
    let (waiting, seen) = (RefCell::new(waiting), RefCell::<Seen>::default());
    let names: Vec<&str> = services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    let what = match names.as_slice() {
        [one] => format!("service {one} is not steady"),
        all => format!("of services {} not all are steady", all.join(", ")),
    };
    let result = wait::until(&ecs.aws.control, &what, STEADY_DEADLINE, || async {
        let asked: Vec<&Service> = waiting.borrow().values().copied().collect();
        let arns: Vec<String> = asked.iter().map(|asked| asked.arn.clone()).collect();
        let found = ecs.services(&arns).await?;
        for asked in asked {
            let have = found.iter().find(|have| have.arn == asked.arn);
            if look(ecs, asked, have, &seen, &log).await? {
                waiting.borrow_mut().remove(asked.arn.as_str());
            }
        }
        Ok(waiting.borrow().is_empty().then_some(()))
    })
    .await;
    let seen = seen.into_inner();
    let trouble = waiting
        .borrow()
        .keys()
        .find_map(|arn| seen.troubles.get(*arn).cloned());
    match (result, trouble) {
        (Ok(()), _) => Ok(seen.late),
        (Err(error), Some(trouble)) if error.kind == Kind::Unfinished => Err(Error {
            message: format!("{}: {trouble}", error.message),
            ..error
        }),
        (Err(error), _) => Err(error),
    }
}

/// Whether a service is steady.
///
/// Errors: it will not be.
async fn look(
    ecs: &Ecs,
    asked: &Service,
    have: Option<&HaveService>,
    seen: &RefCell<Seen>,
    log: &impl AsyncFn(&str, &str) -> Vec<String>,
) -> Result<bool> {
    let arn = &asked.arn;
    let Some(have) = have else {
        return match seen.borrow_mut().looks_without(arn) < LOOKS_WITHOUT {
            true => Ok(false),
            false => Err(Error::refused(format!(
                "service {} is gone (ecs:DescribeServices)",
                asked.name
            ))),
        };
    };
    match plan::progress(have, &asked.task_definition) {
        Progress::Steady => return Ok(true),
        Progress::Underway => {}
        Progress::Failed(why) => {
            let stops = stops(ecs, have).await;
            let mut failed = stops.iter().filter(|stop| stop.failed);
            let of_it = failed
                .clone()
                .find(|stop| stop.task_definition == asked.task_definition);
            return Err(told(ecs, asked, have, &why, of_it.or(failed.next()), log).await);
        }
    }
    seen.borrow_mut().late.insert(asked.name.clone());
    if have.forgets && have.events.is_empty() && have.running == 0 {
        let is_idle = seen.borrow_mut().looks_without(arn) >= LOOKS_WITHOUT;
        if is_idle {
            ecs.aws.voice.say(&format!(
                "app {} has no tasks: this endpoint starts none",
                asked.name
            ));
        }
        return Ok(is_idle);
    }
    if let Some(trouble) = plan::trouble(have)
        && seen
            .borrow_mut()
            .troubles
            .insert(arn.clone(), trouble.into())
            .is_none()
    {
        ecs.aws.voice.say(trouble); // it may pass, and a person may know that it will not
    }
    // The breaker needs many tasks, and minutes for each, to give up what cannot succeed.
    let Some(primary) = have.primary() else {
        return Ok(false);
    };
    let starts = plan::starts(have);
    let restarts =
        starts > 1 && seen.borrow_mut().starts.insert(arn.clone(), starts) != Some(starts);
    if (primary.failed > 0 || restarts)
        && let Some(stop) = cause::lasting(&stops(ecs, have).await, primary, have.settings.count)
    {
        let why = format!("it cannot run {}", plan::short(&primary.task_definition));
        return Err(told(ecs, asked, have, &why, Some(stop), log).await);
    }
    Ok(false)
}

/// The reasons are a help: not to get them must not hide the failure.
async fn stops(ecs: &Ecs, have: &HaveService) -> Vec<Stop> {
    ecs.stops(&have.name).await.unwrap_or_default()
}

/// The error of a service that failed: why, as ECS tells it of the deployment, of a task that stopped and
/// of the service. Says the last lines of that task's log.
async fn told(
    ecs: &Ecs,
    asked: &Service,
    have: &HaveService,
    why: &str,
    stop: Option<&Stop>,
    log: &impl AsyncFn(&str, &str) -> Vec<String>,
) -> Error {
    let app = &asked.name;
    let mut message = format!("service {app} failed: {}", why.trim_end_matches(['.', ' ']));
    for (what, text) in [
        ("a task stopped", stop.map(|stop| stop.reason.as_str())),
        ("event", plan::trouble(have)),
    ] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            message.push_str(&format!("; {what}: {}", text.trim_end_matches('.')));
        }
    }
    if let Some(stop) = stop {
        for line in log(app, &stop.task).await {
            ecs.aws.voice.say(&format!("{app} logged: {line}"));
        }
    }
    Error::refused(message).hint(format!(
        "mend {app} and run the pipeline again; ECS returns to what ran before"
    ))
}
