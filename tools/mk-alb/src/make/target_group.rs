//! An app's target group, or its two: made, or brought into line.

use plumbing::step::parts;
use plumbing::{Change, Result, Step};
use tokio::join;

use super::Run;
use super::listener::Groups;
use crate::plan::Have;
use crate::plan::target_group::{self, Part, TargetGroup};
use crate::plan::want::Want;
use crate::record;

/// The target groups of an app.
pub(super) struct TargetGroups {
    wanted: Made,
    /// The other one, where ECS shifts the requests between two.
    alternate: Option<Made>,
}

/// A target group that is there.
struct Made {
    want: Want,
    group: TargetGroup,
    /// Whether it was made just now: then its attributes are AWS's own.
    is_new: bool,
}

impl TargetGroups {
    /// Their ARNs.
    pub fn groups(&self) -> Groups<'_> {
        let alternate = self.alternate.as_ref();
        Groups {
            wanted: &self.wanted.group.arn,
            alternate: alternate.map(|made| made.group.arn.as_str()),
        }
    }
}

impl Run<'_> {
    /// Makes an app's target groups, or brings them into line.
    pub(super) async fn make_target_groups(
        &self,
        want: &Want,
        have: &Have,
    ) -> Result<TargetGroups> {
        let alternate = async {
            match want.of_alternate() {
                Some(other) => self.make_one(other, have).await.map(Some),
                None => Ok(None),
            }
        };
        let (wanted, alternate) = join!(
            self.or_stop(self.make_one(want.clone(), have)),
            self.or_stop(alternate),
        );
        Ok(TargetGroups {
            wanted: wanted?,
            alternate: alternate?,
        })
    }

    /// Sets the attributes of those that were made just now.
    pub(super) async fn set_attributes(&self, made: &TargetGroups) -> Result<()> {
        let all = [Some(&made.wanted), made.alternate.as_ref()];
        let new = all.into_iter().flatten().filter(|made| made.is_new);
        let set =
            new.map(|made| self.set_target_group(&made.want, &made.group, &[Part::Attributes]));
        self.stream.control.run_all(set).await.map(drop)
    }

    async fn make_one(&self, want: Want, have: &Have) -> Result<Made> {
        let (group, is_new) = self.make_target_group(&want, have).await?;
        Ok(Made {
            want,
            group,
            is_new,
        })
    }

    /// Makes a target group or brings it into line, and answers it as soon as it exists, and whether it was
    /// made just now.
    async fn make_target_group(&self, want: &Want, have: &Have) -> Result<(TargetGroup, bool)> {
        let elb = self.elb;
        let env = &elb.aws.env;
        let name = &want.target_group_name;
        let vpc = self.vpc_with_subnets().await?;
        let mut found = have.target_group(name).cloned();
        loop {
            match target_group::step(env, want, &vpc.id, found)? {
                Step::Keep(have) => {
                    let record = record::target_group(&want.group_record, &have);
                    self.write(record, Change::Kept).await?;
                    return Ok((have, false));
                }
                Step::Change(mut have, differences) => {
                    let parts = parts(&differences);
                    self.set_target_group(want, &have, &parts).await?;
                    have.health_check = want.health_check.clone();
                    let record = record::target_group(&want.group_record, &have);
                    self.write_changed(record, differences).await?;
                    return Ok((have, false));
                }
                Step::Create if env.plan => {
                    let planned = record::planned_target_group(env, want);
                    let record = record::target_group(&want.group_record, &planned);
                    self.write(record, Change::Create).await?;
                    return Ok((planned, false));
                }
                Step::Create => {
                    elb.aws.control.wait_for_account().await?;
                    if let Some(created) = elb.create_target_group(want, &vpc.id).await? {
                        let record = record::target_group(&want.group_record, &created);
                        self.write(record, Change::Created).await?;
                        return Ok((created, true));
                    }
                    // Another run was faster.
                    found = Some(elb.wait_target_group_visible(name).await?);
                }
            }
        }
    }

    /// Brings parts of a target group into line, unless this is a dry run.
    async fn set_target_group(
        &self,
        want: &Want,
        have: &TargetGroup,
        parts: &[target_group::Part],
    ) -> Result<()> {
        let elb = self.elb;
        if elb.aws.env.plan {
            return Ok(());
        }
        elb.aws.control.wait_for_account().await?;
        let calls = parts
            .iter()
            .map(|part| elb.set_target_group(want, have, *part));
        elb.aws.control.run_all(calls).await.map(drop)
    }
}
