//! What is deleted and in which order, and what keeps a group from being deleted.

use std::fmt::{Display, Formatter, Result};

use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::{Env, Record};

use super::group::Group;
use super::rule::{Direction, ExistingRule};

/// Whether a record is a security group's.
pub fn is_group(record: &Record) -> bool {
    record.kind() == "sg"
}

/// The groups whose IDs are in the records.
pub fn groups_in<'a>(records: &[Record], groups: &'a [Group]) -> Vec<&'a Group> {
    let mut found = Vec::new();
    for group in groups {
        let mut records = records.iter().filter(|record| is_group(record));
        if records.any(|record| record.text("id") == group.id) {
            found.push(group);
        }
    }
    found
}

/// The rules of a group, in one direction, that keep some of `deleted` from being deleted, since
/// AWS deletes no group that another one's rule names: of a group that is deleted those that name
/// any other group, of one that stays those that name a group that is deleted.
pub fn rules_to_revoke(
    group: &Group,
    direction: Direction,
    deleted: &[&Group],
) -> Vec<ExistingRule> {
    let is_deleted = |id: &str| deleted.iter().any(|group| group.id == id);
    let mut rules = Vec::new();
    for existing in &group.rules {
        let Some(peer) = existing.rule.peer_group() else {
            continue;
        };
        let matters = is_deleted(&group.id) || is_deleted(peer);
        if existing.direction == direction && peer != group.id && matters {
            rules.push(existing.clone());
        }
    }
    rules
}

/// A network interface in a group.
#[derive(Clone, Debug)]
pub struct Interface {
    /// `eni-…`.
    pub id: String,
    /// What whoever made it wrote on it.
    pub description: String,
    /// The ID of the instance that it is attached to; empty where there is none.
    pub instance: String,
    /// Whether it has the environment's identity tag, as those of our tasks have.
    pub is_ours: bool,
}

impl Interface {
    /// Whether AWS removes it by itself: it is of a load balancer or a task of ours, which has been
    /// deleted or is being deleted.
    fn is_removed_by_aws(&self, env: &Env) -> bool {
        if let Some(rest) = self.description.strip_prefix("ELB app/") {
            let load_balancer = rest.split('/').next().unwrap_or_default();
            return could_be(load_balancer, "alb", &env.name, LOAD_BALANCER_LIMIT);
        }
        let of_ecs = env.arn("ecs", "attachment/");
        self.is_ours || self.description.starts_with(&of_ecs)
    }
}

impl Display for Interface {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
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

/// What keeps a group from being deleted and does not go away by itself: interfaces in the group,
/// and `referring`, the groups of others whose rules name it.
pub fn obstacles(env: &Env, interfaces: &[Interface], referring: &[Group]) -> Vec<String> {
    let mut obstacles = Vec::new();
    for interface in interfaces {
        if !interface.is_removed_by_aws(env) {
            obstacles.push(format!("{interface} uses it"));
        }
    }
    for Group { name, id, .. } in referring {
        obstacles.push(format!(
            "a rule of security group {name} ({id}) refers to it"
        ));
    }
    obstacles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_removed_by_aws(description: &str, is_ours: bool) -> bool {
        let interface = Interface {
            id: "eni-1".into(),
            description: description.into(),
            instance: String::new(),
            is_ours,
        };
        interface.is_removed_by_aws(&Env::example())
    }

    #[test]
    fn interfaces_of_our_load_balancers_and_tasks_are_removed_by_aws() {
        assert!(is_removed_by_aws(
            "ELB app/alb-web-production-pr1/50dc6c495c0c9188",
            false
        ));
        assert!(is_removed_by_aws(
            "arn:aws:ecs:us-east-1:123456789012:attachment/1",
            false
        ));
        assert!(is_removed_by_aws("", true));
    }

    #[test]
    fn interfaces_of_others_stay() {
        assert!(!is_removed_by_aws("ELB app/theirs/50dc6c495c0c9188", false));
        assert!(!is_removed_by_aws(
            "ELB app/alb-web-production-pr2/50dc6c495c0c9188",
            false
        ));
        assert!(!is_removed_by_aws("Primary network interface", false));
    }
}
