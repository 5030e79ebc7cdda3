//! Waits until an environment is healthy: load balancers active, services steady on what they were
//! asked to run, targets healthy, the first run of a new pipeline at its good end. Then tells where
//! the public apps are reached.
//!
//! Reads `alb`, `listener`, `service` and `pipeline`, and looks at each as it arrives. Writes nothing
//! of its own, and holds no AWS knowledge: the crates of mk-alb, mk-ecs-svc and mk-pipeline wait for
//! theirs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use clap::Parser;
use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, Shared, select, select_ok};
use plumbing::{
    Alb, App, Aws, Change, Env, Error, Failed, Image, Kind, Listener, Pipeline, Record, Result,
    Service, Stream, TaskDefinition,
};
use tokio::sync::oneshot;
use tokio::{join, try_join};

/// How long after its service a target group may still be empty.
const TARGETS_SHOW: Duration = Duration::from_secs(15);

/// Wait until an environment is healthy
#[derive(Parser)]
#[command(version)]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(include_str!("../iam-policy.json"), run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    if env.plan {
        return Ok(()); // what a dry run announces will not come
    }
    let aws = Aws::connect(&stream, &env).await?;
    let at_once = at_once(&stream, &aws, &env).boxed_local().shared();
    let (albs, services, late) = Default::default();
    let watch = Watch {
        stream: &stream,
        aws: &aws,
        env: &env,
        at_once: at_once.clone(),
        albs,
        services,
        late,
    };
    let look = async {
        at_once
            .await
            .map(drop)
            .inspect_err(|error| stream.control.stop(error.clone()))
    };
    let healthy = std::pin::pin!(async { try_join!(look, watch.healthy()).map(drop) });
    let failed = std::pin::pin!(stream.need_first::<Failed>());
    // With a part missing the whole does not become healthy; and looking may be dropped.
    match select(healthy, failed).await {
        Either::Left((healthy, _)) => healthy?,
        Either::Right((Ok(_), _)) => {
            return Err(Error::new(Kind::Skipped, "a tool upstream failed"));
        }
        Either::Right((Err(_), healthy)) => healthy.await?,
    }
    let records = stream.all().await?;
    for service in records.iter().filter_map(Record::typed::<Service>) {
        let changed = service.change.is_some_and(|change| change != Change::Kept);
        let waited = watch.late.borrow().contains(&service.name);
        if changed || waited || stream.get::<Image>(&service.name).is_some() {
            stream.voice.say(&runs(&stream, &service));
        }
    }
    for alb in records.iter().filter_map(Record::typed::<Alb>) {
        if alb.scheme == "internet-facing" {
            stream
                .voice
                .say(&format!("{}: http://{}/", alb.name, alb.dns));
        }
    }
    Ok(())
}

/// What an app runs now: after a deployment that is what a person wants to know.
fn runs(stream: &Stream, service: &Service) -> String {
    let revision = service
        .task_definition
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let task = stream
        .get::<TaskDefinition>(&service.name)
        .filter(|task| task.arn == service.task_definition);
    if service.rest.get("count").is_some_and(|count| count == 0) {
        return format!("{} runs no tasks ({revision})", service.name);
    }
    let image = task
        .as_ref()
        .and_then(|task| task.rest.get("image"))
        .and_then(|image| image.as_str());
    match image {
        Some(image) => format!("{} runs {image} ({revision})", service.name),
        None => format!("{} runs {revision}", service.name),
    }
}

/// What is well before any record of it has come: an environment that does not change is then
/// known to be healthy as soon as the other tools say that they kept it.
#[derive(Clone, Default)]
struct Well {
    /// The ARNs of target groups that are healthy.
    serving: Vec<String>,
    steady: Vec<Service>,
}

async fn at_once(stream: &Stream, aws: &Aws, env: &Env) -> Result<Well> {
    let apps: Vec<String> = stream
        .arrived::<App>()
        .into_iter()
        .map(|app| app.name)
        .collect();
    if apps.is_empty() {
        return Ok(Well::default());
    }
    let (serving, steady) = try_join!(
        mk_alb::serving(stream, aws, env, &apps),
        mk_ecs_svc::steady(stream, aws, env, &apps)
    )?;
    Ok(Well { serving, steady })
}

/// What arrived and is not looked at yet: records that come together are one call; and what was waited for.
struct Watch<'a> {
    stream: &'a Stream,
    aws: &'a Aws,
    env: &'a Env,
    at_once: Shared<LocalBoxFuture<'a, Result<Well>>>,
    albs: RefCell<Vec<String>>,
    services: RefCell<Vec<(Service, oneshot::Sender<Result<()>>)>>,
    late: RefCell<BTreeSet<String>>,
}

impl Watch<'_> {
    async fn healthy(&self) -> Result<()> {
        let albs = self.stream.for_each_record::<Alb, _, _>(|alb| async {
            if !self.serves(&alb).await? {
                self.albs.borrow_mut().push(alb.arn);
                self.active().await?;
            }
            Ok(())
        });
        let services = self
            .stream
            .for_each_record::<Service, _, _>(|service| async move {
                let well = self.at_once.clone().await?;
                let kept = service.change.is_none_or(|change| change == Change::Kept);
                let steady = async {
                    let is_steady = kept && well.steady.iter().any(|steady| same(steady, &service));
                    let mut asked = service.clone();
                    // What an earlier run wrote (ls-env, a saved stream) mk-ecs-svc may be about to change:
                    // to wait for that would hide why the new one fails.
                    if is_steady || service.change.is_none() {
                        self.stream.all().await?;
                        asked = self.stream.get::<Service>(&service.name).unwrap_or(asked);
                        if is_steady && same(&asked, &service) {
                            return Ok(());
                        }
                    }
                    self.steady(asked).await
                };
                if service.rest.get("count").is_some_and(|count| count == 0) {
                    return steady.await; // no tasks, no targets
                }
                self.both(
                    &service.name,
                    steady,
                    self.targets(&service.name, kept.then_some(&well)),
                )
                .await
            });
        let pipelines = self
            .stream
            .for_each_record::<Pipeline, _, _>(|pipeline| async move {
                mk_pipeline::follow(self.stream, self.aws, self.env, &pipeline).await
            });
        let (albs, services, pipelines) = join!(albs, services, pipelines);
        albs.and(services).and(pipelines)
    }

    /// Whether a load balancer that was kept had healthy targets from the first.
    async fn serves(&self, alb: &Alb) -> Result<bool> {
        let well = self.at_once.clone().await?;
        let changed = alb
            .rest
            .get("change")
            .is_some_and(|change| change != Change::Kept.word());
        if changed || well.serving.is_empty() {
            return Ok(false);
        }
        let listener = self.stream.need::<Listener>(&alb.name).await;
        Ok(listener.is_ok_and(|listener| well.serving.contains(&listener.target_group)))
    }

    async fn active(&self) -> Result<()> {
        self.stream.input_quiet().await?;
        tokio::task::yield_now().await; // the others' turn to say what they wait for
        match self.albs.take() {
            none if none.is_empty() => Ok(()),
            arns => mk_alb::wait_active(self.stream, self.aws, self.env, &arns).await,
        }
    }

    /// One call looks for several: who finds that another has taken its service along hears from it.
    async fn steady(&self, asked: Service) -> Result<()> {
        let (tell, heard) = oneshot::channel();
        self.services.borrow_mut().push((asked, tell));
        self.stream.input_quiet().await?;
        tokio::task::yield_now().await;
        let (asked, tell): (Vec<_>, Vec<_>) = self.services.take().into_iter().unzip();
        let steady = self.all_steady(asked).await;
        for one in tell {
            let _ = one.send(steady.clone()); // who does not listen any more has failed already
        }
        heard
            .await
            .unwrap_or_else(|_| self.stream.control.check_stopped())
    }

    async fn all_steady(&self, mut asked: Vec<Service>) -> Result<()> {
        while !asked.is_empty() {
            // A record of an earlier run (ls-env, a saved stream) may come first, and that of
            // this run after it, with another revision: only the last one counts.
            let Some(steady) = self.steady_unless_outdated(&asked).await else {
                let newest = |old: &Service| {
                    self.stream
                        .get::<Service>(&old.name)
                        .unwrap_or_else(|| old.clone())
                };
                asked = asked.iter().map(newest).collect();
                continue;
            };
            self.stream.all().await?;
            let newest = asked
                .iter()
                .filter_map(|service| self.stream.get::<Service>(&service.name));
            let newer: Vec<Service> = newest
                .filter(|newest| !asked.iter().any(|old| same(old, newest)))
                .collect();
            if newer.is_empty() {
                return steady.map(|late| self.late.borrow_mut().extend(late));
            }
            asked = newer;
        }
        Ok(())
    }

    /// None when a newer record of one of these services has come: looking may be dropped.
    async fn steady_unless_outdated(&self, asked: &[Service]) -> Option<Result<BTreeSet<String>>> {
        let log = async |app: &str, task: &str| {
            mk_logs::last_lines(self.stream, self.aws, self.env, app, task).await
        };
        let steady = std::pin::pin!(mk_ecs_svc::wait_stable(
            self.stream,
            self.aws,
            self.env,
            asked,
            log
        ));
        let newer = asked.iter().map(|old| {
            self.stream
                .need_where::<Service>(&old.name, move |new| !same(old, new))
                .boxed_local()
        });
        match select(steady, select_ok(newer)).await {
            Either::Left((steady, _)) => Some(steady),
            Either::Right((Err(_), steady)) => Some(steady.await), // the input has ended
            Either::Right((Ok(_), _)) => None,
        }
    }

    /// A service steady and its targets healthy. Where ECS says that a service is steady, and the
    /// target group knows of no target at all for a while after, nobody tells more: AWS registers
    /// them before it says so, but an emulator may have no targets.
    async fn both<S, T>(&self, app: &str, steady: S, targets: T) -> Result<()>
    where
        S: Future<Output = Result<()>>,
        T: Future<Output = Result<()>>,
    {
        let (steady, targets) = (std::pin::pin!(steady), std::pin::pin!(targets));
        let mut targets = match select(steady, targets).await {
            Either::Right((targets, steady)) => return targets.and(steady.await),
            Either::Left((steady, targets)) => steady.map(|()| targets)?,
        };
        if let Ok(healthy) = tokio::time::timeout(TARGETS_SHOW, targets.as_mut()).await {
            return healthy;
        }
        match self.stream.get::<Listener>(app) {
            Some(listener)
                if mk_alb::targetless(self.stream, self.aws, self.env, &listener.target_group)
                    .await? =>
            {
                self.stream.voice.say(&format!(
                    "app {app} is steady, but its target group tells of no targets"
                ));
                Ok(())
            }
            _ => targets.await,
        }
    }

    /// The targets of an app whose load balancer is known.
    async fn targets(&self, app: &str, well: Option<&Well>) -> Result<()> {
        match self.stream.need::<Listener>(app).await {
            Ok(listener)
                if well.is_some_and(|well| well.serving.contains(&listener.target_group)) =>
            {
                Ok(())
            }
            Ok(listener) => {
                mk_alb::wait_healthy(self.stream, self.aws, self.env, app, &listener.target_group)
                    .await
            }
            Err(_) => self.stream.control.check_stopped(),
        }
    }
}

fn same(one: &Service, other: &Service) -> bool {
    (&one.arn, &one.task_definition) == (&other.arn, &other.task_definition)
}
