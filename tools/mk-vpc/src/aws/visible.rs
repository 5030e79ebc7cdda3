//! Calls that are repeated while EC2 does not show what was just made.

use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use plumbing::{code, wait};
use tokio::time::Instant;

use super::Ec2;

/// EC2 shows what was just made to other calls with a delay.
const VISIBLE_BUDGET: Duration = Duration::from_secs(300);
/// After this time it is worth asking whether it will show at all: another run may have deleted the
/// VPC.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(1);
/// The codes by which EC2 says that it does not show what a call names, each with a part of the
/// message ("" for any).
pub(super) const NOT_VISIBLE: &[(&str, &str)] = &[
    ("InvalidVpcID.NotFound", ""),
    ("InvalidSubnetID.NotFound", ""),
    ("InvalidSubnetId.NotFound", ""),
    ("InvalidInternetGatewayID.NotFound", ""),
    ("InvalidRouteTableID.NotFound", ""),
    ("InvalidNatGatewayID.NotFound", ""),
    ("NatGatewayNotFound", ""),
    ("InvalidGroup.NotFound", ""),
    ("InvalidParameterException", ""), // CreateRoute, right after its table was made
];

impl Ec2 {
    /// Repeats a call while EC2 does not show what was just made; not where it never will, since
    /// another run deleted the VPC.
    pub(super) async fn until_visible<T, E, F, Fut>(&self, mut call: F) -> Result<T, SdkError<E>>
    where
        E: ProvideErrorMetadata,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E>>>,
    {
        let begun = Instant::now();
        let mut budget = FIRST_LOOK;
        loop {
            let answer = wait::retry(&self.aws.control, budget, NOT_VISIBLE, &mut call).await;
            let Err(error) = &answer else {
                return answer;
            };
            if !is_not_visible(code(error))
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
pub(super) fn is_not_visible(code: &str) -> bool {
    NOT_VISIBLE.iter().any(|(known, _)| *known == code)
}
