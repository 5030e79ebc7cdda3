//! Whether the targets of a target group are healthy. Pure.

/// A target, as Elastic Load Balancing sees it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Its IP address.
    pub id: String,
    /// Its port.
    pub port: Option<i32>,
    /// `initial`, `healthy`, `unhealthy`, `draining` and so on.
    pub state: String,
    /// Why it is not healthy.
    pub reason: String,
}

/// How the targets of a target group are.
#[derive(Clone, Debug, PartialEq)]
pub enum Health {
    /// There are some, and each that is to stay is healthy.
    Healthy,
    /// One is not healthy; says which and why.
    Unhealthy(String),
    /// There are none that are to stay.
    NoTargets,
    /// The target group was deleted.
    NoTargetGroup,
}

/// How many targets a target group has, while an app moves to it or from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// How many are healthy.
    pub healthy: usize,
    /// How many are to stay, healthy or not.
    pub staying: usize,
    /// Which one is not healthy and why; empty where all are.
    pub trouble: String,
}

/// Counts targets. Those that are draining are about to go: they do not count.
pub fn count(targets: &[Target]) -> Targets {
    let mut counted = Targets::default();
    for target in targets {
        match target.state.as_str() {
            "draining" | "unhealthy.draining" => continue,
            "healthy" => counted.healthy += 1,
            _ => counted.trouble = unhealthy(target),
        }
        counted.staying += 1;
    }
    counted
}

/// Where the targets are that are to stay.
pub fn addresses(targets: &[Target]) -> Vec<String> {
    let mut addresses = Vec::new();
    for target in targets {
        if !target.state.ends_with("draining") {
            addresses.push(address(target));
        }
    }
    addresses
}

fn address(target: &Target) -> String {
    match target.port {
        Some(port) => format!("{}:{port}", target.id),
        None => target.id.clone(),
    }
}

/// How the targets of a target group are. Those that are draining are about to go: they do not
/// count.
pub fn health(targets: &[Target]) -> Health {
    let mut healthy = 0;
    for target in targets {
        match target.state.as_str() {
            "draining" | "unhealthy.draining" => {}
            "healthy" => healthy += 1,
            _ => return Health::Unhealthy(unhealthy(target)),
        }
    }
    if healthy == 0 {
        return Health::NoTargets;
    }
    Health::Healthy
}

fn unhealthy(target: &Target) -> String {
    let id = address(target);
    let reason = target.reason.trim_end_matches('.');
    format!("target {id} is {}: {reason}", target.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(state: &str) -> Target {
        Target {
            id: "10.0.0.9".into(),
            port: Some(5000),
            state: state.into(),
            reason: "Health checks failed.".into(),
        }
    }

    #[test]
    fn targets_that_are_to_stay_decide() {
        let draining = target("draining");
        let going = target("unhealthy.draining");
        assert_eq!(health(&[]), Health::NoTargets);
        assert_eq!(health(&[draining.clone(), going]), Health::NoTargets);
        assert_eq!(health(&[draining, target("healthy")]), Health::Healthy);
    }

    #[test]
    fn targets_are_counted_without_those_that_go() {
        let all = ["draining", "healthy", "initial", "unused"].map(target);
        let counted = count(&all);
        assert_eq!((counted.healthy, counted.staying), (1, 3));
        assert_eq!(addresses(&all), ["10.0.0.9:5000"; 3]);
        assert!(counted.trouble.contains("is unused"), "{}", counted.trouble);
        assert_eq!(count(&[]), Targets::default());
    }

    #[test]
    fn a_target_that_is_not_healthy_is_named_with_the_reason() {
        let message = "target 10.0.0.9:5000 is unhealthy: Health checks failed".to_string();
        assert_eq!(
            health(&[target("healthy"), target("unhealthy")]),
            Health::Unhealthy(message)
        );
    }
}
