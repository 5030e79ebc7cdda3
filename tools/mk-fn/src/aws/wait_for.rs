//! Waiting for what Lambda does after its answer.

use std::time::Duration;

use plumbing::{Error, Result, wait};

use super::client::Lambda;
use crate::plan::{self, Have, State};

/// A function that exists by CreateFunction's word shows within seconds, or someone has deleted it
/// since.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);
/// A function outside of a VPC is Active, or changed, within seconds.
const ACTIVE_DEADLINE: Duration = Duration::from_secs(5 * 60);

impl Lambda {
    /// Waits for a function that someone else just made.
    pub async fn wait_visible(&self, name: &str) -> Result<Have> {
        let what = not_visible(name);
        let get = || self.get(name);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    /// Waits for a function that was just made, and like [`wait_ready`](Self::wait_ready).
    pub async fn wait_created(&self, name: &str) -> Result<()> {
        let what = not_visible(name);
        let get = || self.get_function(name);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await?;
        self.wait_ready(name).await
    }

    /// Like [`wait_idle`](Self::wait_idle).
    ///
    /// Errors: also that its last change failed.
    pub async fn wait_ready(&self, name: &str) -> Result<()> {
        match self.wait_idle(name).await? {
            State::UpdateFailed(why) => {
                let message = format!("function {name} could not be changed: {why}");
                Err(Error::refused(message))
            }
            _ => Ok(()),
        }
    }

    /// Waits until a function can be invoked and its last change is done, and answers how it is then.
    ///
    /// Errors: it could not be made, or someone deletes it meanwhile.
    pub(super) async fn wait_idle(&self, name: &str) -> Result<State> {
        let what = format!("function {name} is not ready");
        let get = || self.get_idle_state(name);
        wait::until(&self.aws.control, &what, ACTIVE_DEADLINE, get).await
    }

    /// How a function is, unless a change of it is under way.
    async fn get_idle_state(&self, name: &str) -> Result<Option<State>> {
        let Some(have) = self.get_function(name).await? else {
            return Err(plan::deleted_meanwhile(name));
        };
        match have.state {
            State::Busy => Ok(None),
            State::Ready | State::UpdateFailed(_) => Ok(Some(have.state)),
            State::Failed(why) => {
                let why = format!("could not be made: {why}");
                Err(plan::cannot_be_mended(name, &why))
            }
            State::Deleting => {
                let message = format!("function {name} is being deleted");
                Err(Error::unfinished(message).hint("run the pipeline again"))
            }
        }
    }
}

fn not_visible(name: &str) -> String {
    format!("function {name} exists, but Lambda does not show it")
}
