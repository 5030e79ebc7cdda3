//! Finding the load balancers and target groups of an environment.

use futures_util::future::try_join_all;
use plumbing::{Error, Result, wait};
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
        self.with_rules(have).await
    }

    /// Adds the rules of load balancers at which several apps answer; of no other any is asked for.
    async fn with_rules(&self, mut have: Have) -> Result<Have> {
        let env = &self.aws.env;
        let shared = have
            .load_balancers
            .iter()
            .map(|one| have.is_shared(env, one));
        let shared: Vec<bool> = shared.collect();
        let shared = have.load_balancers.iter_mut().zip(shared);
        let listeners = shared.filter(|(_, is_shared)| *is_shared);
        let listeners = listeners.flat_map(|(one, _)| &mut one.listeners);
        let asked = listeners.map(async |listener| {
            listener.rules = self.rules(&listener.arn).await?;
            Ok::<(), Error>(())
        });
        try_join_all(asked).await?;
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
