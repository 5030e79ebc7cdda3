//! Waiting until services run what they were asked to run, and saying why one does not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plumbing::{Error, Kind, Result, Service, hints, is_about_zone, wait, zone_hint};

use crate::aws::Ecs;
use crate::plan::progress::{Progress, count_starts, newest_problem, progress, what_helps};
use crate::plan::record::MINUTES;
use crate::plan::revision::short;
use crate::plan::service::HaveService;
use crate::plan::stopped::{StoppedTask, permanent_failure};

/// A task starts within 2 to 5 minutes; the circuit breaker gives a broken one up within 10 to 20,
/// and its verdict is the better message.
const STEADY_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// A service that was just made may be missing from the first descriptions; one that is missing
/// from so many, for some ten seconds, was deleted. And an emulator that has started no task by
/// then starts none.
const ABSENCES: u32 = 8;

/// The services of some apps that are steady at this moment.
pub async fn find(ecs: &Ecs, apps: &[String]) -> Result<Vec<Service>> {
    let env = &ecs.aws.env;
    let names: Vec<String> = apps.iter().map(|app| env.service_name(app)).collect();
    let mut steady = Vec::new();
    for have in ecs.find_services(&names).await? {
        let progress = progress(&have, &have.settings.task_definition);
        if progress == Progress::Steady && env.owns(&have.tags) {
            let mut apps = apps.iter();
            let app = apps.find(|app| env.service_name(app) == have.name);
            let count = ("count".to_string(), have.running.into());
            steady.push(Service {
                name: app.cloned().unwrap_or_default(),
                rest: [count].into_iter().collect(),
                arn: have.arn,
                task_definition: have.settings.task_definition,
                ..Service::default()
            });
        }
    }
    Ok(steady)
}

/// Waits until all of some services are steady, which are described together. Answers the names of
/// those that were not steady at first.
pub async fn wait(
    ecs: &Ecs,
    services: &[Service],
    last_lines: impl AsyncFn(&str, &StoppedTask) -> Vec<String>,
) -> Result<BTreeSet<String>> {
    let mut waiting = BTreeMap::new();
    for service in services {
        waiting.insert(service.arn.as_str(), service);
    }
    let watch = Watch {
        ecs,
        last_lines,
        waiting: RefCell::new(waiting),
        seen: RefCell::default(),
    };
    let what = still_waiting(services);
    let check = || watch.check_all();
    let waits = services
        .iter()
        .filter_map(|one| one.rest.get(MINUTES)?.as_u64());
    let deadline = STEADY_DEADLINE + Duration::from_secs(60 * waits.max().unwrap_or_default());
    match wait::until(&ecs.aws.control, &what, deadline, check).await {
        Ok(()) => Ok(watch.seen.into_inner().waited_for),
        Err(error) if error.kind == Kind::Unfinished => Err(watch.with_problem(error)),
        Err(error) => Err(error),
    }
}

/// How the wait is worded.
fn still_waiting(services: &[Service]) -> String {
    let names: Vec<&str> = services.iter().map(|one| one.name.as_str()).collect();
    match names[..] {
        [name] => format!("service {name} is not steady"),
        _ => format!("of services {} not all are steady", names.join(", ")),
    }
}

/// The services that are waited for.
struct Watch<'a, L> {
    ecs: &'a Ecs,
    /// The last lines of the log of an app's task that stopped.
    last_lines: L,
    /// Those that are not steady yet, by their ARNs.
    waiting: RefCell<BTreeMap<&'a str, &'a Service>>,
    seen: RefCell<Seen>,
}

/// What was seen of the services so far, by their ARNs.
#[derive(Default)]
struct Seen {
    /// How often one was missing, or without tasks.
    absences: BTreeMap<String, u32>,
    /// How many starts of tasks its events told when it was last asked why tasks stopped.
    starts: BTreeMap<String, usize>,
    /// What ECS says of those that are not well.
    problems: BTreeMap<String, String>,
    /// What ECS does with the requests of those that are deployed.
    stages: BTreeMap<String, String>,
    /// The names of those that were not steady at first.
    waited_for: BTreeSet<String>,
}

impl<L: AsyncFn(&str, &StoppedTask) -> Vec<String>> Watch<'_, L> {
    /// Answers nothing while some are not steady.
    async fn check_all(&self) -> Result<Option<()>> {
        let waiting = self.waiting.borrow().clone();
        let arns: Vec<String> = waiting.keys().map(|arn| arn.to_string()).collect();
        let found = self.ecs.find_services(&arns).await?;
        for (arn, asked) in waiting {
            let have = found.iter().find(|have| have.arn == arn);
            if self.check(asked, have).await? {
                self.waiting.borrow_mut().remove(arn);
            }
        }
        if self.waiting.borrow().is_empty() {
            return Ok(Some(()));
        }
        Ok(None)
    }

    /// Whether a service is steady.
    ///
    /// Errors: it will not be.
    async fn check(&self, asked: &Service, have: Option<&HaveService>) -> Result<bool> {
        let Some(have) = have else {
            return self.check_missing(asked);
        };
        let (running, count) = (have.running, have.settings.count);
        if let (Ok(running), Ok(count)) = (running.try_into(), count.try_into()) {
            let voice = &self.ecs.aws.voice;
            voice.progress(&asked.name, "tasks", running, count);
        }
        match progress(have, &asked.task_definition) {
            Progress::Steady => return Ok(true),
            Progress::Underway => {}
            Progress::Failed(why) => return Err(self.deployment_error(asked, have, &why).await),
        }
        let name = asked.name.clone();
        self.seen.borrow_mut().waited_for.insert(name);
        if have.omits_settings && have.events.is_empty() && have.running == 0 {
            return Ok(self.accept_without_tasks(asked));
        }
        self.say_problem(asked, have);
        self.say_stage(asked, have).await;
        self.check_stopped_tasks(asked, have).await?;
        Ok(false)
    }

    /// Whether a service that is missing is steady: not yet.
    ///
    /// Errors: it was missing too often.
    fn check_missing(&self, asked: &Service) -> Result<bool> {
        if self.count_absence(asked) < ABSENCES {
            return Ok(false);
        }
        let name = &asked.name;
        let message = format!("service {name} is gone (ecs:DescribeServices)");
        Err(Error::refused(message))
    }

    /// Whether a service without tasks counts as steady: an emulator that has started none for so
    /// long starts none.
    fn accept_without_tasks(&self, asked: &Service) -> bool {
        if self.count_absence(asked) < ABSENCES {
            return false;
        }
        let name = &asked.name;
        let line = format!("app {name} has no tasks: this endpoint starts none");
        self.ecs.aws.voice.say(&line);
        true
    }

    fn count_absence(&self, asked: &Service) -> u32 {
        let mut seen = self.seen.borrow_mut();
        let absences = seen.absences.entry(asked.arn.clone()).or_default();
        *absences += 1;
        *absences
    }

    /// Says once what is not well: it may pass, and a person may know that it will not.
    fn say_problem(&self, asked: &Service, have: &HaveService) {
        let Some(problem) = newest_problem(have) else {
            return;
        };
        let problems = &mut self.seen.borrow_mut().problems;
        if problems.insert(asked.arn.clone(), problem.into()).is_none() {
            self.ecs.aws.voice.say(problem);
        }
    }

    /// Says once each what ECS does with the requests, where it shifts them.
    async fn say_stage(&self, asked: &Service, have: &HaveService) {
        if have.settings.strategy.is_rolling() {
            return;
        }
        let Ok(Some(stage)) = self.ecs.stage(&have.name).await else {
            return;
        };
        let what = match stage.as_str() {
            "BAKE_TIME" => "has all requests on its new tasks, and bakes",
            "PRODUCTION_TRAFFIC_SHIFT" => "shifts its requests to its new tasks",
            _ => return,
        };
        let stages = &mut self.seen.borrow_mut().stages;
        if stages.insert(asked.arn.clone(), stage.clone()) != Some(stage) {
            let (name, how) = (&asked.name, have.settings.strategy.words());
            self.ecs.aws.voice.say(&format!("{name} {what} ({how})"));
        }
    }

    /// Refuses a deployment that cannot succeed. ECS's circuit breaker gives it up too, but needs
    /// many tasks for that, and minutes for each.
    async fn check_stopped_tasks(&self, asked: &Service, have: &HaveService) -> Result<()> {
        let Some(primary) = have.primary() else {
            return Ok(());
        };
        let starts = count_starts(have);
        let has_restarted = starts > 1 && self.note_starts(asked, starts);
        if primary.failed_tasks == 0 && !has_restarted {
            return Ok(());
        }
        let stopped = self.stopped_tasks(have).await;
        match permanent_failure(&stopped, primary, have.settings.count) {
            Some(task) => {
                let why = format!("it cannot run {}", short(&primary.task_definition));
                Err(self.error(asked, have, &why, Some(task)).await)
            }
            None => Ok(()),
        }
    }

    /// Whether tasks were started since this was last asked.
    fn note_starts(&self, asked: &Service, starts: usize) -> bool {
        let before = &mut self.seen.borrow_mut().starts;
        before.insert(asked.arn.clone(), starts) != Some(starts)
    }

    /// The error of a service whose deployment ECS gave up, with the reason of a task that failed.
    async fn deployment_error(&self, asked: &Service, have: &HaveService, why: &str) -> Error {
        let mut failed = self.stopped_tasks(have).await;
        failed.retain(|task| task.failed);
        let of_asked = failed
            .iter()
            .find(|task| task.task_definition == asked.task_definition);
        let task = of_asked.or(failed.first());
        self.error(asked, have, why, task).await
    }

    /// The reasons only help to understand a failure: not to get them must not hide it.
    async fn stopped_tasks(&self, have: &HaveService) -> Vec<StoppedTask> {
        let stopped = self.ecs.find_stopped_tasks(&have.name).await;
        stopped.unwrap_or_default()
    }

    /// The error of a service that failed: why, as ECS says it of the deployment, of a task that
    /// stopped and of the service. Says the last lines of that task's log.
    async fn error(
        &self,
        asked: &Service,
        have: &HaveService,
        why: &str,
        task: Option<&StoppedTask>,
    ) -> Error {
        let app = &asked.name;
        let mut message = format!("service {app} failed: {}", why.trim_end_matches(['.', ' ']));
        let of_task = task.map_or("", |task| task.reason.as_str());
        let of_event = newest_problem(have).unwrap_or_default();
        for (what, text) in [("a task stopped", of_task), ("event", of_event)] {
            if !text.is_empty() {
                let text = text.trim_end_matches('.');
                message.push_str(&format!("; {what}: {text}"));
            }
        }
        let mut lines = Vec::new();
        if let Some(task) = task {
            lines = (self.last_lines)(app, task).await;
            let who = match &task.container {
                container if container == app => app.clone(),
                container => format!("container {container} of {app}"),
            };
            for line in &lines {
                self.ecs.aws.voice.say(&format!("{who} logged: {line}"));
            }
        }
        if is_about_zone("", &message) {
            return Error::refused(message).hint(zone_hint(&[]));
        }
        Error::refused(message).hint(what_helps(app, [of_task, of_event], &lines))
    }

    /// Adds to the error of the deadline what ECS says of a service that is not well.
    fn with_problem(&self, error: Error) -> Error {
        let seen = self.seen.borrow();
        for arn in self.waiting.borrow().keys() {
            if let Some(problem) = seen.problems.get(*arn) {
                let message = format!("{}: {problem}", error.message);
                let hint = if is_about_zone("", problem) {
                    Some(format!("run the pipeline again, or {}", zone_hint(&[])))
                } else {
                    hints::of("ecs:CreateService", "", problem).or(error.hint)
                };
                return Error {
                    message,
                    hint,
                    ..error
                };
            }
        }
        error
    }
}
