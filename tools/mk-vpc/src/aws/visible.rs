//! Calls that are repeated while EC2 does not show what was just made.

use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use plumbing::{code, message, not_yet, wait};
use tokio::time::Instant;

use super::Ec2;

/// EC2 shows what was just made to other calls with a delay.
const VISIBLE_BUDGET: Duration = Duration::from_secs(300);
/// After this time it is worth asking whether it will show at all: another run may have deleted the
/// VPC.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(1);

impl Ec2 {
    /// Repeats a call while EC2 does not show what was just made; not where it never will, since
    /// another run deleted the VPC.
    pub(super) async fn until_visible<T, E, F, Fut>(
        &self,
        operation: &str,
        mut call: F,
    ) -> Result<T, SdkError<E>>
    where
        E: ProvideErrorMetadata,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E>>>,
    {
        let begun = Instant::now();
        let mut budget = FIRST_LOOK;
        loop {
            let answer = wait::retry_for(&self.aws.control, budget, operation, &mut call).await;
            let Err(error) = &answer else {
                return answer;
            };
            if !is_not_visible(operation, error)
                || begun.elapsed() >= VISIBLE_BUDGET
                || self.aws.control.check_stopped().is_err()
                || self.has_lost_vpc().await
            {
                return answer;
            }
            budget *= 2;
        }
    }

    /// Looks whether another run deleted the VPC: EC2 showed it before, or shows another one.
    pub(super) async fn has_lost_vpc(&self) -> bool {
        let Ok(vpcs) = self.list_vpcs().await else {
            return false;
        };
        let mut current = self.current_vpc.borrow_mut();
        let is_there = vpcs.iter().any(|vpc| vpc.id == current.id);
        current.deleted = !is_there && (current.seen || !vpcs.is_empty());
        current.seen |= is_there;
        current.deleted
    }
}

/// Whether what a call names may just not show yet.
pub(super) fn is_not_visible<E: ProvideErrorMetadata>(
    operation: &str,
    error: &SdkError<E>,
) -> bool {
    not_yet::find(operation, code(error), message(error)).is_some()
}
