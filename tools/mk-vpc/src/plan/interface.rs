//! Network interfaces, which keep what they lie in from being deleted. Pure.

use std::fmt;

use plumbing::Env;
use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};

use super::have::NatGateway;

/// A network interface.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// `eni-…`.
    pub id: String,
    /// The subnet it lies in.
    pub subnet: String,
    /// Its description, in which AWS's services say what it is for.
    pub description: String,
    /// The ID of the instance that it is attached to; empty where there is none.
    pub instance: String,
    /// Whether it has the environment's identity tag, as those of our tasks have.
    pub is_ours: bool,
}

impl Interface {
    /// Whether AWS removes it by itself: it belongs to something of ours that is deleted, or is being
    /// deleted.
    pub fn is_removed_by_aws(&self, env: &Env, nat_gateways: &[NatGateway]) -> bool {
        let description = self.description.as_str();
        if let Some(rest) = description.strip_prefix("ELB app/") {
            let load_balancer = rest.split('/').next().unwrap_or_default();
            return could_be(load_balancer, "alb", &env.name, LOAD_BALANCER_LIMIT);
        }
        let of_ecs = env.arn("ecs", "attachment/");
        let mut nats = nat_gateways.iter();
        self.is_ours
            || nats.any(|nat| description.ends_with(&nat.id))
            || description.starts_with(&of_ecs)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network interface {}", self.id)?;
        if !self.instance.is_empty() {
            return write!(f, " (instance {})", self.instance);
        }
        if !self.description.is_empty() {
            return write!(f, " ({})", self.description);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_removed_by_aws(description: &str, is_ours: bool) -> bool {
        let nats = [NatGateway {
            id: "nat-1".into(),
            ..NatGateway::default()
        }];
        let interface = Interface {
            description: description.into(),
            is_ours,
            ..Interface::default()
        };
        interface.is_removed_by_aws(&Env::example(), &nats)
    }

    #[test]
    fn interfaces_of_our_load_balancers_tasks_and_gateways_are_removed_by_aws() {
        assert!(is_removed_by_aws(
            "ELB app/alb-web-production-pr1/50dc6c495c0c9188",
            false
        ));
        assert!(is_removed_by_aws(
            "arn:aws:ecs:us-east-1:123456789012:attachment/1",
            false
        ));
        assert!(is_removed_by_aws("Interface for NAT Gateway nat-1", false));
        assert!(is_removed_by_aws("", true));
    }

    #[test]
    fn interfaces_of_others_stay() {
        assert!(!is_removed_by_aws("ELB app/theirs/50dc6c495c0c9188", false));
        assert!(!is_removed_by_aws("Primary network interface", false));
        assert!(!is_removed_by_aws("Interface for NAT Gateway nat-2", false));
    }
}
