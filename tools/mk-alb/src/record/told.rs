//! What a load balancer and a target group tell of an app's wish: what an app says by saying nothing is
//! left out. Pure.

use plumbing::{Balancing, HealthCheck, Record};

use crate::plan::load_balancer::LoadBalancer;
use crate::plan::rule::Rule;
use crate::plan::tags::{Tags, app_of};
use crate::plan::target_group::TargetGroup;
use crate::plan::want::{
    DRAIN, IDLE_TIMEOUT, LB_COOKIE, PUBLIC, SLOW_START, STICKY, STICKY_BY, STICKY_FOR, TRAFFIC_PORT,
};

/// Adds what a load balancer tells.
pub fn of_load_balancer(wish: Record, have: &LoadBalancer) -> Record {
    let idle = number(&have.attributes, IDLE_TIMEOUT).filter(|seconds| *seconds != 60);
    with(wish, "idle_timeout", idle)
}

/// Adds what the rule of an app tells that answers at another one's load balancer.
pub fn of_rule(wish: Record, load_balancer: &LoadBalancer, rule: &Rule) -> Record {
    let mut wish = wish;
    if load_balancer.scheme == PUBLIC {
        wish = wish.with("public", true);
    }
    if let Some(host) = app_of(&load_balancer.tags) {
        wish = wish.with("behind", host);
    }
    for (field, patterns) in [("path", &rule.paths), ("host", &rule.hosts)] {
        if !patterns.is_empty() {
            wish = wish.with(field, patterns.clone());
        }
    }
    wish
}

/// Adds what a target group tells.
pub fn of_target_group(wish: Record, have: &TargetGroup) -> Record {
    let found = &have.health_check;
    let mut wish = wish.with("port", have.port);
    if !found.path.is_empty() {
        wish = wish.with("health", found.path.as_str());
    }
    let unsaid = HealthCheck::default();
    let codes = found.matcher.as_str();
    if !codes.is_empty() && codes != unsaid.codes() {
        wish = wish.with("health_codes", codes);
    }
    let other = |found: i32, unsaid: u32| {
        let found = u32::try_from(found).ok().filter(|found| *found > 0);
        found.filter(|found| *found != unsaid)
    };
    let own_port = Some(found.port.as_str()).filter(|port| *port != TRAFFIC_PORT);
    let own_port = own_port.and_then(|port| port.parse::<u32>().ok());
    let own_port = own_port.filter(|port| port.to_string() != have.port.to_string());
    wish = with(wish, "health_port", own_port);
    for (field, found, unsaid) in [
        ("health_interval", found.interval, unsaid.interval()),
        ("health_timeout", found.timeout, unsaid.timeout()),
        (
            "healthy_after",
            found.healthy_threshold,
            unsaid.healthy_after(),
        ),
        (
            "unhealthy_after",
            found.unhealthy_threshold,
            unsaid.unhealthy_after(),
        ),
    ] {
        wish = with(wish, field, other(found, unsaid));
    }
    with_attributes(wish, &have.attributes)
}

fn with_attributes(wish: Record, have: &Tags) -> Record {
    let is = |key: &str, value: &str| have.get(key).is_some_and(|found| found == value);
    let slow_start = number(have, SLOW_START).filter(|seconds| *seconds > 0);
    let by_cookie = is(STICKY, "true") && is(STICKY_BY, LB_COOKIE);
    let sticky = number(have, STICKY_FOR).filter(|_| by_cookie);
    let unsaid = Balancing::default().drain();
    let drain = number(have, DRAIN).filter(|seconds| *seconds != unsaid);
    let wish = with(wish, "slow_start", slow_start);
    let wish = with(wish, "sticky", sticky);
    with(wish, "drain", drain)
}

fn with(wish: Record, field: &str, number: Option<u32>) -> Record {
    match number {
        Some(number) => wish.with(field, number),
        None => wish,
    }
}

fn number(attributes: &Tags, key: &str) -> Option<u32> {
    attributes.get(key)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use plumbing::{App, Env};

    use super::*;
    use crate::plan::want::{Attribute, want};

    /// What is read back of what an app asks for.
    fn read_back(app: &str) -> String {
        let app: App = serde_json::from_str(app).unwrap();
        let want = want(&Env::example(), &app);
        let tags = |attributes: Vec<Attribute>| -> Tags {
            let attributes = attributes.into_iter();
            attributes
                .map(|one| (one.key.to_string(), one.value))
                .collect()
        };
        let group = TargetGroup {
            port: want.port,
            health_check: want.health_check,
            attributes: tags(want.group_attributes),
            ..TargetGroup::default()
        };
        let balancer = LoadBalancer {
            attributes: tags(want.balancer_attributes),
            ..LoadBalancer::default()
        };
        let wish = of_load_balancer(Record::new("app", "web"), &balancer);
        serde_json::to_string(&of_target_group(wish, &group).0).unwrap()
    }

    #[test]
    fn what_an_app_asks_for_is_read_back_and_what_it_does_not_say_is_left_out() {
        assert_eq!(
            read_back(r#"{"name":"web","health_codes":"200","health_port":5000,"drain":30}"#),
            r#"{"type":"app","name":"web","port":5000,"health":"/"}"#
        );
        let all = r#"{"type":"app","name":"web","idle_timeout":5,"port":5000,"health":"/well","health_codes":"200,302","health_port":9000,"health_interval":6,"health_timeout":3,"healthy_after":4,"unhealthy_after":5,"slow_start":30,"sticky":60,"drain":0}"#;
        assert_eq!(read_back(all), all);
    }
}
