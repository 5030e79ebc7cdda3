//! What is healthy before any record of it has come: an environment that does not change is then
//! known to be healthy as soon as the other tools say that they kept it.

use futures_util::future::{LocalBoxFuture, Shared};
use mk_alb::Healthy;
use plumbing::{App, Aws, Listener, Result, Service, Stream};
use tokio::try_join;

use crate::plan;

/// What is healthy already.
#[derive(Clone, Default)]
pub struct AlreadyHealthy {
    target_groups: Vec<Healthy>,
    services: Vec<Service>,
}

/// It is asked for once, and awaited wherever a record comes.
pub type AlreadyHealthyOnce<'a> = Shared<LocalBoxFuture<'a, Result<AlreadyHealthy>>>;

/// Asks for the target groups and services of the apps that have arrived.
pub async fn find(stream: &Stream, aws: &Aws) -> Result<AlreadyHealthy> {
    let apps = stream.arrived::<App>();
    if apps.is_empty() {
        return Ok(AlreadyHealthy::default());
    }
    let names: Vec<String> = apps.iter().map(|app| app.name.clone()).collect();
    let balanced: Vec<App> = apps.into_iter().filter(|app| !app.worker).collect();
    let target_groups = async {
        if balanced.is_empty() {
            return Ok(Vec::new());
        }
        mk_alb::healthy_target_groups(aws, &balanced).await
    };
    let (target_groups, services) = try_join!(target_groups, mk_ecs_svc::find_steady(aws, &names))?;
    for group in &target_groups {
        let mut services = services.iter();
        if let Some(service) = services.find(|service| service.name == group.app)
            && let Some(line) = plan::told_of_targets(service, &group.targets)
        {
            stream.voice.say(&line);
        }
    }
    Ok(AlreadyHealthy {
        target_groups,
        services,
    })
}

impl AlreadyHealthy {
    /// Whether no target group is.
    pub fn has_no_target_groups(&self) -> bool {
        self.target_groups.is_empty()
    }

    /// Whether the target group of a listener is; of two between which requests are shifted, one of them.
    pub fn has_targets_of(&self, listener: &Listener) -> bool {
        let mut arns = vec![listener.target_group.as_str()];
        arns.extend(listener.pair().map(|(alternate, _)| alternate));
        let mut groups = self.target_groups.iter();
        groups.any(|healthy| arns.contains(&healthy.arn.as_str()))
    }

    /// Whether a service is, on the task definition that its record names.
    pub fn has_service(&self, service: &Service) -> bool {
        self.services
            .iter()
            .any(|healthy| plan::is_same(healthy, service))
    }
}
