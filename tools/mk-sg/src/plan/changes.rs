//! How a group's rules differ from those that are wanted, and what follows.
//!
//! The rules of a direction are compared as a set: their order and their descriptions do not count.
//! Rules are only added here: traffic that flows on what is surplus flows until everything that
//! replaces it is healthy, and then `prune-env` has it revoked.

use plumbing::{App, Difference};

use super::group::{Group, Purpose};
use super::rule::{DIRECTIONS, Direction, ExistingRule, GroupIds, Rule, Tags, record_name_of};
use super::want::{Known, is_final, wanted_rules};

/// How the rules of a group differ in one direction from those that are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleChanges {
    /// The direction.
    pub direction: Direction,
    /// The rules to add.
    pub missing: Vec<Rule>,
    /// The rules that no app needs: they are revoked at the end.
    pub surplus: Vec<ExistingRule>,
    /// The rules that no known app needs, but one that has yet to arrive may. They stay for now.
    pub undecided: Vec<ExistingRule>,
    /// Whether no app that has yet to arrive can need another rule.
    pub is_final: bool,
}

impl RuleChanges {
    /// Whether there is a rule to add.
    pub fn adds_rules(&self) -> bool {
        !self.missing.is_empty()
    }
}

/// The changes of a group's rules, for each direction whose peers' groups all exist.
pub fn rule_changes(
    known: &Known,
    app: &App,
    purpose: Purpose,
    existing: &[ExistingRule],
) -> Vec<RuleChanges> {
    let mut changes = Vec::new();
    for direction in DIRECTIONS {
        if let Some(wanted) = wanted_rules(known, app, purpose, direction) {
            let is_final = is_final(known, app, purpose, direction);
            let mut of_direction = compare(direction, &wanted, existing, is_final);
            of_direction
                .surplus
                .retain(|existing| !is_of_unwanted_app(known, existing));
            changes.push(of_direction);
        }
    }
    changes
}

/// Whether both directions have been compared, and no rule is undecided.
pub fn all_decided(changes: &[RuleChanges]) -> bool {
    let decided = changes.iter().all(|changes| changes.undecided.is_empty());
    changes.len() == DIRECTIONS.len() && decided
}

/// Whether both directions have been compared, and no app that has yet to arrive can change them.
pub fn all_final(changes: &[RuleChanges]) -> bool {
    let is_final = changes.iter().all(|changes| changes.is_final);
    changes.len() == DIRECTIONS.len() && is_final
}

/// Whether a rule leads from or to an app of the environment that has no record any more. It runs on
/// until it is deleted, and so does its traffic; its groups take their rules along.
fn is_of_unwanted_app(known: &Known, existing: &ExistingRule) -> bool {
    let Some(peer) = record_name_of(&existing.rule.peer, &known.group_ids) else {
        return false;
    };
    let app = peer.split_once('/').map(|(_, app)| app);
    app.is_some_and(|app| !known.apps.contains_key(app))
}

/// Has a group hold the rules that it has after these changes.
pub fn apply(changes: &[RuleChanges], group: &mut Group) {
    for of_direction in changes {
        for rule in &of_direction.missing {
            group.rules.push(ExistingRule {
                id: String::new(),
                direction: of_direction.direction,
                rule: rule.clone(),
                tags: Tags::new(),
            });
        }
    }
}

/// A group without the rules that no app needs: they are not marked as ours before they go.
pub fn without_surplus(group: &Group, changes: &[RuleChanges]) -> Group {
    let mut needed = group.clone();
    for of_direction in changes {
        let surplus = &of_direction.surplus;
        needed.rules.retain(|rule| !surplus.contains(rule));
    }
    needed
}

/// What was changed, or is to be, one difference for each direction.
pub fn rule_differences(changes: &[RuleChanges], group_ids: &GroupIds) -> Vec<Difference> {
    let mut differences = Vec::new();
    for direction in DIRECTIONS {
        let mut added = Vec::new();
        for of_direction in changes {
            if of_direction.direction == direction {
                added.extend(&of_direction.missing);
            }
        }
        let new = describe_all(&added, direction, group_ids);
        differences.extend(Difference::between(direction.word(), "nothing", new));
    }
    differences
}

/// Compares the rules of one direction.
fn compare(
    direction: Direction,
    wanted: &[Rule],
    existing: &[ExistingRule],
    is_final: bool,
) -> RuleChanges {
    let mut missing = wanted.to_vec();
    let mut unneeded = Vec::new();
    for existing in existing {
        if existing.direction != direction {
            continue;
        }
        missing.retain(|rule| *rule != existing.rule);
        if !wanted.contains(&existing.rule) {
            unneeded.push(existing.clone());
        }
    }
    let mut changes = RuleChanges {
        direction,
        missing,
        surplus: Vec::new(),
        undecided: Vec::new(),
        is_final,
    };
    if is_final {
        changes.surplus = unneeded;
    } else {
        changes.undecided = unneeded;
    }
    changes
}

/// Rules in words.
fn describe_all(rules: &[&Rule], direction: Direction, group_ids: &GroupIds) -> String {
    if rules.is_empty() {
        return "nothing".into();
    }
    let words: Vec<String> = rules
        .iter()
        .map(|rule| rule.describe(direction, group_ids))
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::example::{existing, two_services};
    use super::super::rule::ANYWHERE;
    use super::*;

    /// The changes of one direction of an app's group.
    fn changes_of(
        known: &Known,
        app: &str,
        purpose: Purpose,
        direction: Direction,
        existing: &[ExistingRule],
    ) -> Option<RuleChanges> {
        let all = rule_changes(known, &known.apps[app], purpose, existing);
        all.into_iter()
            .find(|changes| changes.direction == direction)
    }

    /// The changes of who may reach the api's load balancer.
    fn api_ingress(known: &Known, existing: &[ExistingRule]) -> RuleChanges {
        let ingress = Direction::Ingress;
        changes_of(known, "api", Purpose::Alb, ingress, existing).unwrap()
    }

    #[test]
    fn a_direction_waits_for_the_groups_that_it_names() {
        let mut known = two_services();
        known.group_ids.remove("alb/api");
        let of_web = |direction| changes_of(&known, "web", Purpose::Task, direction, &[]);
        assert!(of_web(Direction::Ingress).is_some());
        assert_eq!(of_web(Direction::Egress), None);
    }

    #[test]
    fn a_caller_may_arrive_until_the_input_ends() {
        let mut known = two_services();
        known.has_all_apps = false;
        let theirs = existing("sgr-1", Direction::Ingress, Rule::tcp(22, ANYWHERE));
        let ours = existing("sgr-2", Direction::Ingress, Rule::tcp(80, "sg-task-web"));
        let rules = [theirs.clone(), ours];
        let open = api_ingress(&known, &rules);
        assert_eq!(
            (open.is_final, &open.missing[..], &open.undecided[..]),
            (false, &[][..], &[theirs][..])
        );
        assert_eq!(open.surplus, []);
        assert!(!open.adds_rules());
        assert_eq!(rule_differences(&[open], &known.group_ids), []);
        let ingress = Direction::Ingress;
        let of_public = changes_of(&known, "web", Purpose::Alb, ingress, &rules);
        assert!(of_public.unwrap().is_final);
    }

    #[test]
    fn what_is_not_wanted_is_surplus_and_no_difference() {
        let known = two_services();
        let range = Rule {
            protocol: "tcp".into(),
            from_port: 8000,
            to_port: 8100,
            peer: "10.0.0.0/8".into(),
        };
        let all = Rule {
            protocol: "-1".into(),
            from_port: -1,
            to_port: -1,
            peer: "sg-theirs".into(),
        };
        let rules = [
            existing("sgr-1", Direction::Ingress, range),
            existing("sgr-2", Direction::Ingress, all),
        ];
        let changes = api_ingress(&known, &rules);
        assert_eq!(changes.surplus.len(), 2);
        let Difference { field, old, new } =
            rule_differences(&[changes], &known.group_ids).remove(0);
        assert_eq!(
            (field.as_str(), old.as_str(), new.as_str()),
            ("ingress", "nothing", "tcp 80 from task/web")
        );
    }

    #[test]
    fn a_rule_of_the_other_direction_does_not_count() {
        let known = two_services();
        let rule = Rule::tcp(80, "sg-task-web");
        let changes = api_ingress(&known, &[existing("sgr-1", Direction::Egress, rule)]);
        assert_eq!((changes.missing.len(), changes.surplus.len()), (1, 0));
    }
}
