//! Finding the load balancers and target groups of an environment.

use plumbing::{Result, wait};
use tokio::try_join;

use super::Elb;
use crate::plan::Have;

/// So many whose names were cut are looked at before it is known whose they are.
const FEW: usize = 8;

impl Elb {
    /// All that could be ours by its name, with tags, attributes and listeners; the listeners without
    /// their tags. Two calls deep.
    ///
    /// A name that was cut may be any environment's: where there are many such, what is not ours by
    /// its tags comes without attributes and listeners.
    pub async fn find(&self) -> Result<Have> {
        let env = &self.aws.env;
        let listed = self.list().await?;
        let arns = listed.arns();
        let (mut with_env_name, mut cut) = listed.partition(|name, _| name.contains(&env.name));
        if cut.arns().len() <= FEW {
            with_env_name.extend(std::mem::take(&mut cut));
        }
        // Read while the tags are: to wait for those would be another call deep in every run.
        let (tags, with_env_name) = try_join!(self.tags(&arns), self.with_details(with_env_name))?;
        let cut = cut.with_tags(&tags);
        let (ours, others) = cut.partition(|_, tags| env.owns(tags));
        let mut have = with_env_name.with_tags(&tags);
        have.extend(self.with_details(ours).await?);
        have.extend(others);
        Ok(have)
    }

    /// All that could be ours by its name, as AWS lists it.
    async fn list(&self) -> Result<Have> {
        let (load_balancers, target_groups) =
            try_join!(self.list_load_balancers(), self.list_target_groups())?;
        Ok(Have {
            load_balancers,
            target_groups,
        })
    }

    /// Adds the attributes, and to load balancers their listeners.
    async fn with_details(&self, have: Have) -> Result<Have> {
        let load_balancers = have.load_balancers.into_iter();
        let load_balancers = load_balancers.map(|one| self.with_listeners_and_attributes(one));
        let target_groups = have.target_groups.into_iter();
        let target_groups = target_groups.map(|one| self.with_attributes(one));
        let (load_balancers, target_groups) =
            try_join!(wait::all(load_balancers), wait::all(target_groups))?;
        Ok(Have {
            load_balancers,
            target_groups,
        })
    }
}
