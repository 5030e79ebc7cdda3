//! Two services, for the tests of the plan.

use std::collections::BTreeMap;

use plumbing::{App, Env};

use super::group::PURPOSES;
use super::preset::PRESETS;
use super::rule::{Direction, ExistingRule, GroupIds, Rule};
use super::want::Known;

/// The preset's two apps, whose groups have IDs like `sg-alb-web`.
pub fn two_services() -> Known {
    let mut apps: BTreeMap<String, App> = BTreeMap::new();
    let mut group_ids = GroupIds::new();
    for app in PRESETS[0].apps() {
        for purpose in PURPOSES {
            let record_name = purpose.record_name(&app.name);
            let id = format!("sg-{}", record_name.replace('/', "-"));
            group_ids.insert(record_name, id);
        }
        apps.insert(app.name.clone(), app);
    }
    Known {
        apps,
        group_ids,
        has_all_apps: true,
    }
}

/// A rule of the group of the api's load balancer, with the tags that it should have.
pub fn existing(id: &str, direction: Direction, rule: Rule) -> ExistingRule {
    let tags = Env::example().tags_of("security-group-alb-api-production-pr1");
    ExistingRule {
        id: id.into(),
        direction,
        rule,
        tags: tags.into_iter().collect(),
    }
}
