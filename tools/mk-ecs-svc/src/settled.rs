//! Whether the services of some apps have taken up what is wanted of them. As long as one has not, its
//! tasks live on what a change has left over: `prune-env` must not take that away, whatever tool of
//! the pipe was killed, left out or put in another place.

use plumbing::{App, Error, Listener, Result, Service};

use crate::aws::Ecs;
use crate::plan::record::MINUTES;
use crate::plan::service::HaveService;
use crate::plan::stopped::StoppedTask;
use crate::steady;

/// Waits until the services of these apps run in full where the apps and listeners say, and in no subnet
/// that the network leaves. One that does not exist has nothing to lose.
///
/// Errors: one is still to be moved; or its deployment fails, or takes too long.
pub async fn wait(ecs: &Ecs, apps: &[App], listeners: &[Listener], left: &[String]) -> Result<()> {
    let env = &ecs.aws.env;
    let names: Vec<String> = apps.iter().map(|app| env.service_name(&app.name)).collect();
    let found = ecs.find_services(&names).await?;
    let mut running = Vec::new();
    for app in apps {
        let name = env.service_name(&app.name);
        let mut found = found.iter();
        let ours = |have: &&HaveService| have.name == name && env.owns(&have.tags);
        let Some(have) = found.find(|have| ours(have) && have.is_active()) else {
            continue;
        };
        let listener = listeners.iter().find(|one| one.name == app.name);
        if let Some(why) = to_be_moved(app, listener, have).or(in_left(left, have)) {
            return Err(not_moved(&name, &why));
        }
        let minutes = have.settings.strategy.minutes();
        running.push(Service {
            name,
            rest: [(MINUTES.to_string(), minutes.into())]
                .into_iter()
                .collect(),
            arn: have.arn.clone(),
            task_definition: have.settings.task_definition.clone(),
            ..Service::default()
        });
    }
    if running.is_empty() {
        return Ok(());
    }
    let no_lines = async |_: &str, _: &StoppedTask| Vec::new();
    steady::wait(ecs, &running, no_lines).await.map(drop)
}

/// Refuses to go on while a service of the environment has its tasks in one of these subnets, whoever
/// wants it, but for those of these apps, which go first.
pub async fn check_left(ecs: &Ecs, left: &[String], going: &[String]) -> Result<()> {
    let env = &ecs.aws.env;
    let going: Vec<String> = going.iter().map(|app| env.service_name(app)).collect();
    let arns = ecs.list_service_arns().await?;
    for have in ecs.find_services(&arns).await? {
        let stays = have.is_active() && !going.contains(&have.name);
        if let Some(why) = in_left(left, &have).filter(|_| stays) {
            return Err(not_moved(&have.name, &why));
        }
    }
    Ok(())
}

fn not_moved(service: &str, why: &str) -> Error {
    let message = format!("service {service} {why}: nothing is taken away before it has moved");
    let hint = "run the whole pipe again: mk-ecs-svc moves it, wait-env says when it has";
    Error::unfinished(message).hint(hint)
}

/// In which subnets a service is that the network leaves. Pure.
fn in_left(left: &[String], have: &HaveService) -> Option<String> {
    let mut subnets = have.settings.subnets.clone();
    subnets.retain(|subnet| left.contains(subnet));
    if subnets.is_empty() {
        return None;
    }
    let subnets = subnets.join(", ");
    Some(format!("is in {subnets}, of a zone that is left"))
}

/// Why a service is still to be moved. Pure.
fn to_be_moved(app: &App, wanted: Option<&Listener>, have: &HaveService) -> Option<String> {
    let settings = &have.settings;
    let target = format!("{}:{}", app.name, app.port);
    if settings.target.is_empty() {
        return None; // it serves nobody
    }
    if app.worker {
        let group = &settings.target_group;
        return Some(format!("is in target group {group}, and none is wanted"));
    }
    if settings.target != target {
        let serves = &settings.target;
        return Some(format!("serves at {serves}, and {target} is wanted"));
    }
    let second = settings.pair.as_ref().map(|pair| pair.alternate.as_str());
    if let (Some(second), Some(wanted)) = (second, wanted)
        && wanted.pair().map(|(alternate, _)| alternate) != Some(second)
    {
        return Some(format!(
            "is in target group {second} as well, and that is not wanted"
        ));
    }
    match wanted {
        Some(wanted) if wanted.target_group != settings.target_group => Some(format!(
            "is in target group {}, and {} is wanted",
            settings.target_group, wanted.target_group
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::service::Settings;
    use crate::plan::shift::Pair;

    fn service(target: &str, target_group: &str) -> HaveService {
        HaveService {
            settings: Settings {
                target: target.into(),
                target_group: target_group.into(),
                ..Settings::default()
            },
            ..HaveService::default()
        }
    }

    #[test]
    fn a_service_in_a_zone_that_is_left_is_to_be_moved() {
        let mut have = service("web:8080", "new");
        have.settings.subnets = vec!["subnet-1".into(), "subnet-2".into()];
        assert_eq!(in_left(&["subnet-3".into()], &have), None);
        let why = in_left(&["subnet-1".into(), "subnet-3".into()], &have).unwrap();
        assert_eq!(why, "is in subnet-1, of a zone that is left");
    }

    #[test]
    fn a_service_at_another_port_or_in_another_target_group_is_to_be_moved() {
        let app: App = serde_json::from_str(r#"{"name":"web","port":8080}"#).unwrap();
        let wanted = Listener {
            name: "web".into(),
            target_group: "new".into(),
            ..Listener::default()
        };
        let mut shifting = service("web:8080", "new");
        shifting.settings.pair = Some(Pair {
            alternate: "second".into(),
            ..Pair::default()
        });
        let why = to_be_moved(&app, Some(&wanted), &shifting).unwrap();
        assert_eq!(
            why,
            "is in target group second as well, and that is not wanted"
        );
        for (target, target_group, is_to_be_moved) in [
            ("web:8080", "new", false),
            ("web:8080", "old", true),
            ("web:5000", "new", true),
            ("web:5000", "old", true),
            ("", "", false),
        ] {
            let have = service(target, target_group);
            let why = to_be_moved(&app, Some(&wanted), &have);
            assert_eq!(why.is_some(), is_to_be_moved, "{why:?}");
        }
        let worker = App {
            worker: true,
            ..app.clone()
        };
        assert!(to_be_moved(&worker, None, &service("web:8080", "old")).is_some());
        assert_eq!(to_be_moved(&worker, None, &service("", "")), None);
        // Without a record of its target group, where mk-alb is not in the pipe, the port tells.
        assert_eq!(to_be_moved(&app, None, &service("web:8080", "old")), None);
        assert!(to_be_moved(&app, None, &service("web:5000", "old")).is_some());
    }
}
