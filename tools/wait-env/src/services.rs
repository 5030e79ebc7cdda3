//! Waiting until services are steady on what they were asked to run, and their targets healthy.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select, select_ok};
use mk_ecs_svc::plan::stopped::StoppedTask;
use plumbing::{App, Aws, Change, Listener, Result, Service, Stream};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::already_healthy::{AlreadyHealthy, AlreadyHealthyOnce};
use crate::plan::{has_no_tasks, is_same};

/// How long after its service a target group may still be empty.
const TARGETS_DEADLINE: Duration = Duration::from_secs(15);

/// The services that are waited for: those whose records come together are one call.
pub struct Services<'a> {
    stream: &'a Stream,
    aws: &'a Aws,
    already_healthy: AlreadyHealthyOnce<'a>,
    /// Those that have arrived and are not asked for yet.
    arrived: RefCell<Vec<Arrived>>,
    /// The names of those that were not steady at first.
    waited_for: RefCell<BTreeSet<String>>,
}

/// A service that has arrived.
struct Arrived {
    service: Service,
    /// For the result of the call that takes it along.
    result: oneshot::Sender<Result<()>>,
}

impl<'a> Services<'a> {
    /// None has arrived yet.
    pub fn new(
        stream: &'a Stream,
        aws: &'a Aws,
        already_healthy: AlreadyHealthyOnce<'a>,
    ) -> Services<'a> {
        Services {
            stream,
            aws,
            already_healthy,
            arrived: RefCell::default(),
            waited_for: RefCell::default(),
        }
    }

    /// The names of the services that were not steady at first.
    pub fn waited_for(self) -> BTreeSet<String> {
        self.waited_for.into_inner()
    }

    /// Waits until a service is steady and its targets are healthy.
    pub async fn wait(&self, service: Service) -> Result<()> {
        let already_healthy = self.already_healthy.clone().await?;
        let is_kept = service.change.is_none_or(|change| change == Change::Kept);
        let is_steady = is_kept && already_healthy.has_service(&service);
        let steady = self.wait_steady(&service, is_steady);
        let is_worker = |app: App| app.worker;
        if has_no_tasks(&service) || self.stream.get(&service.name).is_some_and(is_worker) {
            return steady.await; // no targets
        }
        let already_healthy = is_kept.then_some(&already_healthy);
        let healthy = self.wait_targets(&service.name, already_healthy);
        self.wait_both(&service.name, steady, healthy).await
    }

    /// Waits until a service is steady; `is_steady` says that it was at first.
    async fn wait_steady(&self, service: &Service, is_steady: bool) -> Result<()> {
        let mut newest = service.clone();
        // What an earlier run wrote (ls-env, a saved stream) mk-ecs-svc may be about to change: to
        // wait for that would hide why the new one fails.
        if is_steady || service.change.is_none() {
            self.stream.all().await?;
            newest = self.newest(service);
            if is_steady && is_same(&newest, service) {
                return Ok(());
            }
        }
        self.wait_together(newest).await
    }

    /// Waits until a service is steady, together with all that arrived at the same time; where
    /// another call has taken it along, for that call's result.
    async fn wait_together(&self, service: Service) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        let arrived = Arrived {
            service,
            result: sender,
        };
        self.arrived.borrow_mut().push(arrived);
        self.stream.input_quiet().await?;
        yield_now().await; // the others' turn to say what they wait for
        let together = self.arrived.take();
        let services = together.iter().map(|one| one.service.clone()).collect();
        let result = self.wait_all(services).await;
        for one in together {
            let _ = one.result.send(result.clone()); // who does not listen any more has failed already
        }
        match receiver.await {
            Ok(result) => result,
            Err(_) => self.stream.control.check_stopped(),
        }
    }

    /// Waits until all of some services are steady. A record of an earlier run (ls-env, a saved
    /// stream) may come first, and that of this run after it, with another revision: only the last
    /// one counts.
    async fn wait_all(&self, mut services: Vec<Service>) -> Result<()> {
        while !services.is_empty() {
            let Some(steady) = self.wait_unless_outdated(&services).await else {
                services = services.iter().map(|old| self.newest(old)).collect();
                continue;
            };
            self.stream.all().await?;
            let newer = self.newer(&services);
            if newer.is_empty() {
                let waited_for = steady?;
                self.waited_for.borrow_mut().extend(waited_for);
                return Ok(());
            }
            services = newer;
        }
        Ok(())
    }

    /// Waits until all of some services are steady, and answers the names of those that were not at
    /// first; or nothing, once a newer record of one of them has come. Waiting changes nothing, so
    /// it may be dropped.
    async fn wait_unless_outdated(&self, services: &[Service]) -> Option<Result<BTreeSet<String>>> {
        let last_lines = async |app: &str, task: &StoppedTask| {
            mk_logs::last_lines(self.aws, app, &task.container, &task.id).await
        };
        // Boxed, since the compiler follows types only to some depth.
        let steady = mk_ecs_svc::wait_steady(self.aws, services, last_lines).boxed_local();
        let newer = services
            .iter()
            .map(|old| self.wait_newer(old).boxed_local());
        match select(steady, select_ok(newer)).await {
            Either::Left((steady, _)) => Some(steady),
            Either::Right((Err(_), steady)) => Some(steady.await), // the input has ended
            Either::Right((Ok(_), _)) => None,
        }
    }

    /// The last record of a service that has arrived.
    fn newest(&self, old: &Service) -> Service {
        match self.stream.get(&old.name) {
            Some(newest) => newest,
            None => old.clone(),
        }
    }

    /// The last records of services, where they name another revision.
    fn newer(&self, services: &[Service]) -> Vec<Service> {
        let mut newer = Vec::new();
        for service in services {
            let newest = self.newest(service);
            if !services.iter().any(|old| is_same(old, &newest)) {
                newer.push(newest);
            }
        }
        newer
    }

    /// Waits for a record of a service that names another revision.
    async fn wait_newer(&self, old: &Service) -> Result<Service> {
        self.stream
            .need_where(&old.name, |new| !is_same(old, new))
            .await
    }

    /// Waits until a service is steady and its targets are healthy. Where ECS says that a service
    /// is steady, and the target group knows of no target at all for a while after, nobody tells
    /// more: AWS registers them before it says so, but an emulator may have no targets.
    async fn wait_both(
        &self,
        app: &str,
        steady: impl Future<Output = Result<()>>,
        healthy: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let steady = pin!(steady);
        let healthy = pin!(healthy);
        let mut healthy = match select(steady, healthy).await {
            Either::Right((healthy, steady)) => return healthy.and(steady.await),
            Either::Left((steady, healthy)) => {
                steady?;
                healthy
            }
        };
        if let Ok(healthy) = timeout(TARGETS_DEADLINE, healthy.as_mut()).await {
            return healthy;
        }
        if let Some(listener) = self.stream.get::<Listener>(app)
            && mk_alb::has_no_targets(self.aws, &listener).await?
        {
            let line = format!("app {app} is steady, but its target group tells of no targets");
            self.stream.voice.say(&line);
            return Ok(());
        }
        healthy.await
    }

    /// Waits until the targets of an app are healthy, where its load balancer is known.
    async fn wait_targets(
        &self,
        app: &str,
        already_healthy: Option<&AlreadyHealthy>,
    ) -> Result<()> {
        let Ok(listener) = self.stream.need::<Listener>(app).await else {
            return self.stream.control.check_stopped();
        };
        if already_healthy.is_some_and(|healthy| healthy.has_targets_of(&listener)) {
            return Ok(());
        }
        mk_alb::wait_healthy(self.aws, app, &listener).await
    }
}
