//! Which groups and rules are deleted, and what keeps a group from being deleted.

use std::fmt;

use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::{Env, Record};

use super::group::Group;
use super::rule::{Direction, ExistingRule};

/// Whether a record is of a security group.
pub fn is_of_group(record: &Record) -> bool {
    record.kind() == "sg"
}

/// The groups that records name by their IDs.
pub fn groups_to_delete<'a>(records: &[Record], groups: &'a [Group]) -> Vec<&'a Group> {
    let mut to_delete = Vec::new();
    for group in groups {
        let mut records = records.iter().filter(|record| is_of_group(record));
        if records.any(|record| record.text("id") == group.id) {
            to_delete.push(group);
        }
    }
    to_delete
}

/// The rules of a group, in one direction, that have to be revoked before the groups `to_delete`:
/// AWS deletes no group while a rule of another group names it. Of a group that is deleted these are
/// all rules that name another group; of a group that stays, those that name one that is deleted.
pub fn rules_to_revoke(
    group: &Group,
    direction: Direction,
    to_delete: &[&Group],
) -> Vec<ExistingRule> {
    let is_deleted = |id: &str| to_delete.iter().any(|group| group.id == id);
    let mut rules = Vec::new();
    for existing in &group.rules {
        let Some(peer) = existing.rule.peer_group() else {
            continue;
        };
        let names_another = peer != group.id;
        let one_is_deleted = is_deleted(&group.id) || is_deleted(peer);
        if existing.direction == direction && names_another && one_is_deleted {
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
    /// Its description, in which AWS's services say what it is for.
    pub description: String,
    /// The ID of the instance that it is attached to; empty where there is none.
    pub instance: String,
    /// Whether it has the environment's identity tag, as those of our tasks have.
    pub is_ours: bool,
}

impl Interface {
    /// Whether AWS removes it by itself: it is of a load balancer or a task of ours, and those are
    /// deleted before the groups.
    fn is_removed_by_aws(&self, env: &Env) -> bool {
        if let Some(rest) = self.description.strip_prefix("ELB app/") {
            let load_balancer = rest.split('/').next().unwrap_or_default();
            return could_be(load_balancer, "alb", &env.name, LOAD_BALANCER_LIMIT);
        }
        let of_ecs = env.arn("ecs", "attachment/");
        self.is_ours || self.description.starts_with(&of_ecs)
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

/// An interface that was not in a group at first: of what goes, none comes, so something new uses it.
pub fn newcomer<'a>(at_first: &[Interface], now: &'a [Interface]) -> Option<&'a Interface> {
    now.iter()
        .find(|interface| at_first.iter().all(|known| known.id != interface.id))
}

/// What keeps a group from being deleted and does not go away by itself, in words. `referring` are
/// the groups of others whose rules name this one.
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
    use super::super::example::existing;
    use super::super::rule::{ANYWHERE, Rule};
    use super::*;

    #[test]
    fn rules_that_name_a_deleted_group_are_revoked_and_the_rest_of_a_staying_one_is_kept() {
        let egress = |id: &str, peer: &str| existing(id, Direction::Egress, Rule::tcp(80, peer));
        let rules = vec![
            egress("sgr-1", "sg-stays"),
            egress("sgr-2", "sg-deleted"),
            egress("sgr-3", "sg-another"),
            egress("sgr-4", ANYWHERE),
        ];
        let group = |id: &str| Group {
            id: id.into(),
            rules: rules.clone(),
            ..Group::default()
        };
        let stays = group("sg-stays");
        let deleted = group("sg-deleted");
        let revoked = |group: &Group, direction: Direction| -> Vec<String> {
            let rules = rules_to_revoke(group, direction, &[&deleted]);
            rules.into_iter().map(|rule| rule.id).collect()
        };
        assert_eq!(revoked(&stays, Direction::Egress), ["sgr-2"]);
        assert_eq!(revoked(&deleted, Direction::Egress), ["sgr-1", "sgr-3"]);
        assert!(revoked(&deleted, Direction::Ingress).is_empty());
    }

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
    fn what_uses_a_group_again_is_what_came_since() {
        let interface = |id: &str| Interface {
            id: id.into(),
            description: String::new(),
            instance: String::new(),
            is_ours: true,
        };
        let at_first = [interface("eni-1"), interface("eni-2")];
        assert!(newcomer(&at_first, &at_first[1..]).is_none());
        let now = [interface("eni-2"), interface("eni-3")];
        assert_eq!(newcomer(&at_first, &now).unwrap().id, "eni-3");
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
