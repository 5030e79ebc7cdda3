//! Security groups: the two of each app, their names and tags.

use plumbing::name::{APP, LONG_LIMIT};
use plumbing::step::in_part;
use plumbing::{App, Difference, Differences, Env, Error, Record, Result, Sg};

use super::rule::{ExistingRule, GroupIds, Tags};

/// The description of every group. AWS cannot change it later, so it says nothing that may change;
/// and it may hold only ASCII.
pub const DESCRIPTION: &str = "Made by plumbline";

/// What an app's group is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Purpose {
    /// The app's load balancer.
    Alb,
    /// The app's tasks.
    Task,
}

/// What an app may have a group for.
pub const PURPOSES: [Purpose; 2] = [Purpose::Alb, Purpose::Task];

/// What an app has a group for: one without a load balancer has a group of its tasks alone.
pub fn purposes(app: &App) -> &'static [Purpose] {
    if !app.has_load_balancer() {
        return &[Purpose::Task];
    }
    &PURPOSES
}

impl Purpose {
    /// The name of the group's record: `alb/web`, `task/web`.
    pub fn record_name(self, app: &str) -> String {
        match self {
            Purpose::Alb => format!("alb/{app}"),
            Purpose::Task => format!("task/{app}"),
        }
    }
}

/// The name that a record's group has in AWS.
pub fn group_name(env: &Env, record_name: &str) -> String {
    let (purpose, app) = record_name.split_once('/').unwrap_or((record_name, ""));
    env.named(&format!("security-group-{purpose}"), app, LONG_LIMIT)
}

/// The name of a group's record: what it is for is in its name, which nobody can change, and its app
/// is in its tags. A group that does not tell is called by its whole name.
pub fn record_name(env: &Env, group: &Group) -> String {
    let Some(rest) = group.name.strip_prefix("security-group-") else {
        return group.name.clone();
    };
    match (rest.split_once('-'), app_of(env, group)) {
        (Some((purpose @ ("alb" | "task"), _)), Some(app)) => format!("{purpose}/{app}"),
        _ => group.name.clone(),
    }
}

/// The app of a group, by its tag; where somebody took that away, by its name.
fn app_of(env: &Env, group: &Group) -> Option<String> {
    if let Some(app) = group.tags.get(APP) {
        return Some(app.clone());
    }
    let rest = group.name.strip_suffix(&format!("-{}", env.name))?;
    let (_, app) = rest.strip_prefix("security-group-")?.split_once('-')?;
    Some(app.to_string())
}

/// The tags that a group and its rules are to have.
pub fn tags_of(env: &Env, group: &Group) -> Vec<(String, String)> {
    match app_of(env, group) {
        Some(app) => env.tags_of_app(&group.name, &app),
        None => env.tags_of(&group.name),
    }
}

/// A group that exists.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// `sg-…`.
    pub id: String,
    /// Its name in AWS.
    pub name: String,
    /// The ID of the VPC that it is in.
    pub vpc: String,
    /// Its tags.
    pub tags: Tags,
    /// Its rules, of both directions.
    pub rules: Vec<ExistingRule>,
}

/// The group of a name in a VPC, if there is one.
///
/// Errors: it is in another VPC.
pub fn find_in_vpc<'a>(groups: &'a [Group], vpc: &str, name: &str) -> Result<Option<&'a Group>> {
    let mut elsewhere = None;
    for group in groups {
        if group.name == name && group.vpc == vpc {
            return Ok(Some(group));
        }
        if group.name == name && elsewhere.is_none() {
            elsewhere = Some(group);
        }
    }
    let Some(Group { id, vpc: other, .. }) = elsewhere else {
        return Ok(None);
    };
    let message =
        format!("security group {name} ({id}) is in {other}, wanted {vpc}; a group cannot move");
    let hint = format!("delete {id} if nothing uses it, and run the pipeline again");
    Err(Error::refused(message).hint(hint))
}

/// The IDs of groups, also of apps that have no record any more.
pub fn group_ids<'a>(env: &Env, groups: impl IntoIterator<Item = &'a Group>) -> GroupIds {
    let mut ids = GroupIds::new();
    for group in groups {
        ids.insert(record_name(env, group), group.id.clone());
    }
    ids
}

/// In what the tags of a group and of its rules differ from what is wanted, each with the ID of the
/// group or rule that carries the tag.
pub fn tag_differences<'a>(
    env: &Env,
    group: &'a Group,
    group_ids: &GroupIds,
) -> Differences<&'a str> {
    let wanted = tags_of(env, group);
    let of_group = Difference::of_tags(&group.tags, &wanted);
    let mut differences: Differences<&str> = in_part(group.id.as_str(), of_group).collect();
    for existing in &group.rules {
        // This run added it, with its tags.
        if existing.id.is_empty() {
            continue;
        }
        let rule = existing.rule.describe(existing.direction, group_ids);
        for mut difference in Difference::of_tags(&existing.tags, &wanted) {
            difference.field = format!("{} of {rule}", difference.field);
            differences.push((&existing.id, difference));
        }
    }
    differences
}

/// A group's record.
pub fn record(name: &str, id: &str) -> Record {
    Record::of(&Sg {
        name: name.into(),
        id: id.into(),
        ..Sg::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_in_another_vpc_is_a_conflict() {
        let name = "security-group-alb-web-production-pr1";
        let group = |vpc: &str| Group {
            id: "sg-1".into(),
            name: name.into(),
            vpc: vpc.into(),
            ..Group::default()
        };
        let error = find_in_vpc(&[group("vpc-2")], "vpc-1", name).unwrap_err();
        assert_eq!(
            error.message,
            format!("security group {name} (sg-1) is in vpc-2, wanted vpc-1; a group cannot move")
        );
        let both = [group("vpc-2"), group("vpc-1")];
        assert!(find_in_vpc(&both, "vpc-1", name).unwrap().is_some());
        assert!(find_in_vpc(&[], "vpc-1", name).unwrap().is_none());
    }

    #[test]
    fn a_record_is_read_back_from_a_groups_tags() {
        let env = Env::example();
        for (purpose, app) in [
            (Purpose::Alb, "web"),
            (Purpose::Task, "web"),
            (Purpose::Task, "alb-x-production-pr1"),
        ] {
            let wanted = purpose.record_name(app);
            let name = group_name(&env, &wanted);
            let group = Group {
                tags: env.tags_of_app(&name, app).into_iter().collect(),
                name,
                ..Group::default()
            };
            assert_eq!(record_name(&env, &group), wanted);
        }
        let name = group_name(&env, "alb/web");
        assert_eq!(name, "security-group-alb-web-production-pr1");
        let untagged = Group {
            name,
            ..Group::default()
        };
        assert_eq!(record_name(&env, &untagged), "alb/web");
        let other = Group {
            name: "something else".into(),
            ..Group::default()
        };
        assert_eq!(record_name(&env, &other), "something else");
    }
}
