//! The order in which groups are deleted: first the rules by which they refer to each other, then
//! the groups, side by side. What is not ours and keeps a group from being deleted is named and
//! left alone.

use std::cell::RefCell;
use std::time::Duration;

use plumbing::{Aws, Change, Error, Record, Result, Stream, wait};
use tokio::try_join;

use crate::aws::{self, Ec2};
use crate::plan::{self, DIRECTIONS, Group, Interface};

/// The network interfaces of load balancers and tasks outlive these by 1 to 20 minutes. Those of
/// tasks are waited for when services are deleted. Terraform gives a group this long.
const UNUSED_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// Deletes the groups among `records` that are ours, once nothing uses them.
///
/// Errors: something that is not ours uses one or refers to it; it is named, and all else is
/// deleted.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    if !records.iter().any(plan::is_of_group) {
        return Ok(());
    }
    let ec2 = aws::client(aws);
    let groups = ec2.find().await?;
    let to_delete = plan::groups_to_delete(records, &groups);
    let revoked = revoke_references(&ec2, &groups, &to_delete).await;
    let deleted = stream
        .control
        .try_all(to_delete, async |group| {
            delete_when_unused(&ec2, group).await?;
            ec2.wait_deleted(&group.id).await?;
            let record_name = plan::record_name(&aws.env, group);
            let record = plan::record(&record_name, &group.id);
            stream.write(record.changed(Change::Deleted, &[])).await
        })
        .await;
    revoked.and(deleted)
}

/// Deletes one group of the environment's `groups` that nothing needs, once nothing uses it.
pub async fn delete_group(ec2: &Ec2, groups: &[Group], group: &Group) -> Result<()> {
    revoke_references(ec2, groups, &[group]).await?;
    delete_when_unused(ec2, group).await?;
    ec2.wait_deleted(&group.id).await
}

/// Revokes the rules by which the environment's groups keep each other from being deleted.
async fn revoke_references(ec2: &Ec2, groups: &[Group], to_delete: &[&Group]) -> Result<()> {
    let mut directions = Vec::new();
    for group in groups {
        directions.extend(DIRECTIONS.map(|direction| (group, direction)));
    }
    ec2.aws
        .control
        .try_all(directions, async |(group, direction)| {
            let rules = plan::rules_to_revoke(group, direction, to_delete);
            ec2.revoke_before_deletion(group, direction, &rules).await
        })
        .await
}

/// Tries to delete a group, again and again, until it is deleted.
///
/// Errors: something keeps it from being deleted that does not go away by itself, or another run of
/// the pipeline uses it again.
async fn delete_when_unused(ec2: &Ec2, group: &Group) -> Result<()> {
    let Group { name, id, .. } = group;
    let what = format!("security group {name} ({id}) is still in use");
    let at_first: RefCell<Option<Vec<Interface>>> = RefCell::default();
    wait::until(&ec2.aws.control, &what, UNUSED_DEADLINE, async || {
        if ec2.try_delete(group).await? {
            return Ok(Some(()));
        }
        let (interfaces, referring) =
            try_join!(ec2.interfaces_in(id), ec2.others_that_refer_to(id))?;
        let obstacles = plan::obstacles(&ec2.aws.env, &interfaces, &referring);
        if obstacles.is_empty() {
            let mut at_first = at_first.borrow_mut();
            let at_first = at_first.get_or_insert_with(|| interfaces.clone());
            return match plan::newcomer(at_first, &interfaces) {
                Some(newcomer) => Err(used_again(group, newcomer)),
                None => Ok(None),
            };
        }
        let obstacles = obstacles.join(", ");
        let message = format!(
            "cannot delete security group {name} ({id}): not this environment's, and in the way: {obstacles}"
        );
        Err(Error::refused(message).hint("delete these, or change them, and run it again"))
    })
    .await
}

/// The error where something new uses a group while it is to be deleted.
fn used_again(Group { name, id, .. }: &Group, newcomer: &Interface) -> Error {
    let message = format!("security group {name} ({id}) is used again: {newcomer} came since");
    Error::unfinished(message)
        .hint("if another run makes the environment, let it end; run it again")
}
