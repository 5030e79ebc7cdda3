//! The order in which groups go: first the rules by which they refer to groups, then the groups
//! themselves, side by side. What is not ours and in the way is named and left alone.

use std::time::Duration;

use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::{Aws, Change, Env, Error, Record, Result, Stream, wait};

use crate::aws::{self, Ec2, Interface};
use crate::plan::{self, DIRECTIONS, Found, Group};

/// Interfaces of load balancers and tasks outlive their owners by 1 to 20 minutes; those of tasks
/// are waited for with their services (Terraform's limit for a group).
const INTERFACES_GO: Duration = Duration::from_secs(15 * 60);

/// Deletes the groups that `records` name, if they are ours.
///
/// Errors: something that is not ours uses one or refers to it; it is named, and all else is
/// deleted.
pub async fn groups(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    if !records.iter().any(|record| record.kind() == "sg") {
        return Ok(());
    }
    let ec2 = &aws::client(aws);
    let have = ec2.find().await?;
    let going: Vec<&Group> = have
        .iter()
        .filter(|group| named(records, &group.id))
        .collect();
    let goes = |id: &str| going.iter().any(|group| group.id == id);
    // Rules go where they refer to a group: all in what goes, else those that hold what goes.
    let holds = |group: &Group, found: &&Found| {
        found
            .rule
            .group()
            .is_some_and(|peer| peer != group.id && (goes(&group.id) || goes(peer)))
    };
    let revoked = ec2
        .aws
        .control
        .try_all(
            have.iter()
                .flat_map(|group| DIRECTIONS.map(|way| (group, way))),
            async |(group, way)| {
                let rules = group.rules.iter().filter(|found| found.direction == way);
                let rules: Vec<Found> =
                    rules.filter(|found| holds(group, found)).cloned().collect();
                ec2.revoke(group, way, &rules, true).await
            },
        )
        .await;
    let deleted = ec2
        .aws
        .control
        .try_all(&going, async |group| {
            gone(ec2, group).await?;
            ec2.gone(&group.id).await?;
            let record = plan::record(&plan::key(&ec2.aws.env, &group.name), &group.id);
            stream.write(record.changed(Change::Deleted, &[])).await
        })
        .await;
    revoked.and(deleted)
}

/// Tries the deletion until it is done, as long as what stands in the way goes away by itself.
async fn gone(ec2: &Ec2, group: &Group) -> Result<()> {
    let what = format!(
        "security group {} ({}) is still in use",
        group.name, group.id
    );
    wait::until(&ec2.aws.control, &what, INTERFACES_GO, async || {
        if ec2.delete(group).await? {
            return Ok(Some(()));
        }
        let (interfaces, referrers) =
            tokio::try_join!(ec2.interfaces(&group.id), ec2.foreign_referrers(&group.id))?;
        let staying = interfaces
            .iter()
            .filter(|interface| !passes(interface, &ec2.aws.env));
        let staying = staying.map(|interface| format!("{interface} uses it"));
        let referring = referrers.iter().map(|g| {
            format!(
                "a rule of security group {} ({}) refers to it",
                g.name, g.id
            )
        });
        let foreign: Vec<String> = staying.chain(referring).collect();
        if foreign.is_empty() {
            return Ok(None);
        }
        Err(Error::refused(format!(
            "cannot delete security group {} ({}): not this environment's, and in the way: {}",
            group.name,
            group.id,
            foreign.join(", ")
        ))
        .hint("delete these, or change them, and run it again"))
    })
    .await
}

/// Whether an interface belongs to something of ours that is gone or going, so that AWS removes it.
fn passes(interface: &Interface, env: &Env) -> bool {
    let description = interface.description.as_str();
    if let Some(rest) = description.strip_prefix("ELB app/") {
        let name = rest.split('/').next().unwrap_or_default();
        return could_be(name, "alb", &env.name, LOAD_BALANCER_LIMIT);
    }
    interface.ours || description.starts_with(&env.arn("ecs", "attachment/"))
}

fn named(records: &[Record], id: &str) -> bool {
    records
        .iter()
        .any(|record| record.kind() == "sg" && record.text("id") == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes_with(description: &str, ours: bool) -> bool {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        let env: Env = serde_json::from_str(text).unwrap();
        let (id, description, instance) = ("eni-1".into(), description.into(), String::new());
        passes(
            &Interface {
                id,
                description,
                instance,
                ours,
            },
            &env,
        )
    }

    #[test]
    fn interfaces_of_our_load_balancers_and_tasks_pass() {
        assert!(passes_with(
            "ELB app/alb-web-production-pr1/50dc6c495c0c9188",
            false
        ));
        assert!(passes_with(
            "arn:aws:ecs:us-east-1:123456789012:attachment/1",
            false
        ));
        assert!(passes_with("", true));
    }

    #[test]
    fn interfaces_of_others_stay() {
        assert!(!passes_with("ELB app/theirs/50dc6c495c0c9188", false));
        assert!(!passes_with(
            "ELB app/alb-web-production-pr2/50dc6c495c0c9188",
            false
        ));
        assert!(!passes_with("Primary network interface", false));
    }
}
