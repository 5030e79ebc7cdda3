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
    /// Whose it is, where AWS says so: what manages it.
    pub whose: Option<String>,
    /// Whether it has the environment's identity tag, as those of our tasks have.
    pub is_ours: bool,
}

impl Interface {
    /// The ID of the endpoint that it is of; nothing of any other interface.
    pub fn endpoint(&self) -> Option<&str> {
        self.description.strip_prefix("VPC Endpoint Interface ")
    }

    /// Whether it is one of these NAT gateways'.
    pub fn is_of_nat_gateway(&self, nat_gateways: &[NatGateway]) -> bool {
        let mut nats = nat_gateways.iter();
        nats.any(|nat| self.description.ends_with(&nat.id))
    }

    /// Whether AWS removes it by itself: it belongs to something of ours that is deleted, or is being
    /// deleted.
    pub fn is_removed_by_aws(&self, env: &Env, nat_gateways: &[NatGateway]) -> bool {
        let description = self.description.as_str();
        if let Some(rest) = description.strip_prefix("ELB app/") {
            let load_balancer = rest.split('/').next().unwrap_or_default();
            return could_be(load_balancer, "alb", &env.name, LOAD_BALANCER_LIMIT);
        }
        let of_ecs = env.arn("ecs", "attachment/");
        self.is_ours || self.is_of_nat_gateway(nat_gateways) || description.starts_with(&of_ecs)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network interface {}", self.id)?;
        let mut words = vec![self.description.clone()];
        if !self.instance.is_empty() {
            words = vec![format!("instance {}", self.instance)];
        }
        words.extend(self.whose.clone());
        words.retain(|words| !words.is_empty());
        if words.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", words.join(", "))
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
    fn who_manages_an_interface_is_told_with_what_it_is_for() {
        let interface = |instance: &str, description: &str, whose: Option<&str>| {
            let interface = Interface {
                id: "eni-1".into(),
                instance: instance.into(),
                description: description.into(),
                whose: whose.map(String::from),
                ..Interface::default()
            };
            interface.to_string()
        };
        assert_eq!(interface("", "", None), "network interface eni-1");
        assert_eq!(
            interface("i-1", "x", None),
            "network interface eni-1 (instance i-1)"
        );
        assert_eq!(
            interface("", "RDSNetworkInterface", Some("managed by amazon-rds")),
            "network interface eni-1 (RDSNetworkInterface, managed by amazon-rds)"
        );
    }

    #[test]
    fn interfaces_of_others_stay() {
        assert!(!is_removed_by_aws("ELB app/theirs/50dc6c495c0c9188", false));
        assert!(!is_removed_by_aws("Primary network interface", false));
        assert!(!is_removed_by_aws("Interface for NAT Gateway nat-2", false));
    }
}
