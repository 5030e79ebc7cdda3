//! Revokes the rules that nothing needs any more, at the end of a pipe.

use plumbing::step::delete_each;
use plumbing::{App, Aws, Record, Result, Stream, Surplus};

use crate::aws;
use crate::plan;

/// Revokes the rules among the surplus `records`, if their groups are ours and still have them, and no
/// app of the stream needs them: a surplus record may have been forged, or saved long ago.
pub async fn prune(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let mut surplus = records.iter().filter_map(Record::typed::<Surplus>);
    if !surplus.any(|surplus| plan::surplus_rule(&surplus).is_some()) {
        return Ok(());
    }
    let ec2 = aws::client(aws);
    let groups = ec2.find().await?;
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    let surplus_ids = plan::surplus_ids(&aws.env, &apps, &groups);
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
