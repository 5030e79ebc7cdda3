//! Takes away what nothing needs any more, at the end of a pipe: first rules, then whole groups.

use plumbing::step::delete_each;
use plumbing::{App, Aws, Record, Result, Stream, Surplus};

use crate::aws::{self, Ec2};
use crate::delete;
use crate::plan::{self, Group};

/// Takes away what surplus `records` name, if it is ours, and no app of the stream needs it: a surplus
/// record may have been forged, or saved long ago.
pub async fn prune(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let mut surplus = records.iter().filter_map(Record::typed::<Surplus>);
    let is_of_ours = |surplus: &Surplus| {
        plan::surplus_rule(surplus).is_some() || plan::surplus_group(surplus).is_some()
    };
    if !surplus.any(|surplus| is_of_ours(&surplus)) {
        return Ok(());
    }
    let ec2 = aws::client(aws);
    let groups = ec2.find().await?;
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    revoke_rules(stream, &ec2, records, &apps, &groups).await?;
    delete_groups(stream, &ec2, records, &apps, &groups).await
}

async fn revoke_rules(
    stream: &Stream,
    ec2: &Ec2,
    records: &[Record],
    apps: &[App],
    groups: &[Group],
) -> Result<()> {
    let surplus_ids = plan::surplus_ids(&ec2.aws.env, apps, groups);
    delete_each(stream, records, async |surplus: &Surplus| {
        let Some((group_id, rule_id)) = plan::surplus_rule(surplus) else {
            return Ok(false);
        };
        let Some(group) = groups.iter().find(|group| group.id == group_id) else {
            return Ok(false);
        };
        let Some(existing) = group.rules.iter().find(|rule| rule.id == rule_id) else {
            return Ok(false);
        };
        if !surplus_ids.contains(&existing.id) {
            return Ok(false);
        }
        let rules = std::slice::from_ref(existing);
        ec2.revoke(group, existing.direction, rules).await?;
        Ok(true)
    })
    .await
}

/// Deletes whole groups, once nothing uses them: mk-alb has deleted their load balancers before.
async fn delete_groups(
    stream: &Stream,
    ec2: &Ec2,
    records: &[Record],
    apps: &[App],
    groups: &[Group],
) -> Result<()> {
    let env = &ec2.aws.env;
    let of_apps = apps
        .iter()
        .flat_map(|app| plan::surplus_groups(env, app, groups));
    let surplus: Vec<Surplus> = of_apps.collect();
    delete_each(stream, records, async |named: &Surplus| {
        let Some(id) = plan::surplus_group(named) else {
            return Ok(false);
        };
        let is_surplus = surplus
            .iter()
            .any(|one| plan::surplus_group(one) == Some(id));
        let Some(group) = groups.iter().find(|group| is_surplus && group.id == id) else {
            return Ok(false);
        };
        delete::delete_group(ec2, groups, group).await?;
        Ok(true)
    })
    .await
}
