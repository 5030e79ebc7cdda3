//! An app's target group: made, or brought into line.

use plumbing::step::parts;
use plumbing::{Change, Result, Step};

use super::Run;
use crate::plan::Have;
use crate::plan::target_group::{self, TargetGroup};
use crate::plan::want::Want;
use crate::record;

impl Run<'_> {
    /// Makes the target group or brings it into line, and answers it as soon as it exists, and
    /// whether it was made just now: then its attributes are AWS's own.
    pub(super) async fn make_target_group(
        &self,
        want: &Want,
        have: &Have,
    ) -> Result<(TargetGroup, bool)> {
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
    pub(super) async fn set_target_group(
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
