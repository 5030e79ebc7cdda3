//! What an app's load balancer should be, what is there, and what follows. Pure. Each kind of
//! resource has a file of its own in `plan/`; here is what is said of all of them.

pub mod conflict;
pub mod health;
pub mod listener;
pub mod load_balancer;
pub mod rule;
pub mod surplus;
pub mod tags;
pub mod target_group;
pub mod traffic;
pub mod want;

use std::collections::HashMap;

use plumbing::{Env, Result};

use listener::Listener;
use load_balancer::LoadBalancer;
use rule::Rule;
use tags::{Tags, app_of};
use target_group::TargetGroup;
use want::Want;

/// What could be ours by its name; the tags tell whether it is.
#[derive(Clone, Debug, Default)]
pub struct Have {
    /// Load balancers.
    pub load_balancers: Vec<LoadBalancer>,
    /// Target groups.
    pub target_groups: Vec<TargetGroup>,
}

impl Have {
    /// The load balancer of a name.
    pub fn load_balancer(&self, name: &str) -> Option<&LoadBalancer> {
        let mut all = self.load_balancers.iter();
        all.find(|load_balancer| load_balancer.name == name)
    }

    /// The target group of a name.
    pub fn target_group(&self, name: &str) -> Option<&TargetGroup> {
        let mut all = self.target_groups.iter();
        all.find(|target_group| target_group.name == name)
    }

    /// The ARNs of all.
    pub fn arns(&self) -> Vec<String> {
        let mut arns = Vec::new();
        for load_balancer in &self.load_balancers {
            arns.push(load_balancer.arn.clone());
        }
        for target_group in &self.target_groups {
            arns.push(target_group.arn.clone());
        }
        arns
    }

    /// Those whose names and tags fulfil a condition, and the others.
    pub fn partition(self, condition: impl Fn(&str, &Tags) -> bool) -> (Have, Have) {
        let (load_balancers, other_load_balancers) = self
            .load_balancers
            .into_iter()
            .partition(|one| condition(&one.name, &one.tags));
        let (target_groups, other_target_groups) = self
            .target_groups
            .into_iter()
            .partition(|one| condition(&one.name, &one.tags));
        let fulfil = Have {
            load_balancers,
            target_groups,
        };
        let others = Have {
            load_balancers: other_load_balancers,
            target_groups: other_target_groups,
        };
        (fulfil, others)
    }

    /// Those that are ours.
    pub fn ours(&self, env: &Env) -> Have {
        self.clone().partition(|_, tags| env.owns(tags)).0
    }

    /// Those of ours that are tagged as an app's.
    pub fn of_app(&self, env: &Env, app: &str) -> Have {
        let ours = self.ours(env);
        ours.partition(|_, tags| app_of(tags) == Some(app)).0
    }

    /// The rules of ours that are an app's, each with the load balancer that it is of, as far as rules were
    /// asked for.
    pub fn rules_of_app(&self, env: &Env, app: &str) -> Vec<(&LoadBalancer, &Rule)> {
        let mut rules = Vec::new();
        for load_balancer in self.load_balancers.iter().filter(|one| env.owns(&one.tags)) {
            for listener in &load_balancer.listeners {
                let of_app = rule::of_app(env, app, &listener.rules).into_iter();
                rules.extend(of_app.map(|rule| (load_balancer, rule)));
            }
        }
        rules
    }

    /// Whether an app of ours without a load balancer of its own answers at one: a target group of another
    /// app hangs on it.
    pub fn is_shared(&self, env: &Env, load_balancer: &LoadBalancer) -> bool {
        let app = app_of(&load_balancer.tags);
        let mut groups = self.target_groups.iter();
        env.owns(&load_balancer.tags)
            && groups.any(|group| {
                env.owns(&group.tags)
                    && app_of(&group.tags) != app
                    && group.load_balancers.contains(&load_balancer.arn)
            })
    }

    /// Adds the tags by their ARNs. What has none that could be read was deleted since it was
    /// listed, and is left out.
    pub fn with_tags(self, tags: &HashMap<String, Tags>) -> Have {
        let mut tagged = Have::default();
        for mut load_balancer in self.load_balancers {
            if let Some(tags) = tags.get(&load_balancer.arn) {
                load_balancer.tags = tags.clone();
                tagged.load_balancers.push(load_balancer);
            }
        }
        for mut target_group in self.target_groups {
            if let Some(tags) = tags.get(&target_group.arn) {
                target_group.tags = tags.clone();
                tagged.target_groups.push(target_group);
            }
        }
        tagged
    }

    /// Adds others.
    pub fn extend(&mut self, others: Have) {
        self.load_balancers.extend(others.load_balancers);
        self.target_groups.extend(others.target_groups);
    }
}

/// Adds the tags of listeners in the same way.
pub fn with_tags(listeners: &[Listener], tags: &HashMap<String, Tags>) -> Vec<Listener> {
    let mut tagged = Vec::new();
    for listener in listeners {
        if let Some(tags) = tags.get(&listener.arn) {
            tagged.push(Listener {
                tags: tags.clone(),
                ..listener.clone()
            });
        }
    }
    tagged
}

/// Refuses what no record from upstream can mend, before anything is made.
pub fn check(env: &Env, want: &Want, have: &Have) -> Result<()> {
    if let Some(load_balancer) = have.load_balancer(&want.load_balancer_name) {
        load_balancer::check(env, want, None, load_balancer)?;
    }
    for name in want.target_group_names() {
        if let Some(target_group) = have.target_group(name) {
            target_group::check(env, want, None, target_group)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::load_balancer::tests::web_load_balancer;
    use super::tags::app_of;
    use super::target_group::tests::web_target_group;
    use super::want::tests::{app, web};
    use super::*;

    #[test]
    fn names_fit_the_limit_and_the_tags_keep_the_app() {
        let env = Env::example();
        let app = app(r#"{"name":"recommendations-of-the-day"}"#);
        let want = want::want(&env, &app);
        let tags = tags::tags(&env, &want.app, &want.load_balancer_name);
        let tags: Tags = tags.into_iter().collect();
        assert!(want.load_balancer_name.len() <= 32);
        assert_eq!(app_of(&tags), Some("recommendations-of-the-day"));
    }

    #[test]
    fn a_conflict_that_needs_no_record_is_found_before_anything_is_made() {
        let env = Env::example();
        let internal = LoadBalancer {
            scheme: "internal".into(),
            ..web_load_balancer()
        };
        let have = Have {
            load_balancers: vec![internal],
            target_groups: Vec::new(),
        };
        assert!(check(&env, &web(), &have).is_err());
        assert_eq!(check(&env, &web(), &Have::default()), Ok(()));
    }

    #[test]
    fn what_was_deleted_since_it_was_listed_has_no_tags_and_is_left_out() {
        let have = Have {
            load_balancers: vec![web_load_balancer()],
            target_groups: vec![web_target_group()],
        };
        let tags = HashMap::from([(web_target_group().arn, Tags::new())]);
        let tagged = have.with_tags(&tags);
        assert_eq!(tagged.arns(), [web_target_group().arn]);
    }
}
