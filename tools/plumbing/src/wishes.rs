//! Which apps and sources a stream wants, and what of an environment none of them wants any more.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::owner::{Half, Owner};
use crate::record::{Record, RecordType};
use crate::stream::Stream;
use crate::types::{App, Role, Service, Source, Unwanted};

/// The apps and sources of a stream, once all of it is known.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The names of the apps.
    pub apps: BTreeSet<String>,
    /// The names of the sources.
    pub sources: BTreeSet<String>,
    /// The names of the roles that only some apps have: `task/web`.
    pub own_roles: BTreeSet<String>,
}

impl Wishes {
    /// What these apps and sources want.
    pub fn of(apps: &[App], sources: &[Source]) -> Self {
        let roles_of = |app: &App| {
            let roles = app.own_roles().into_iter();
            let names = roles.map(|role| format!("{role}/{}", app.name));
            names.collect::<Vec<String>>()
        };
        Wishes {
            apps: apps.iter().map(|app| app.name.clone()).collect(),
            sources: sources.iter().map(|source| source.name.clone()).collect(),
            own_roles: apps.iter().flat_map(roles_of).collect(),
        }
    }

    /// Whether nothing in the stream wants what a record tells of: the app or source that it is named
    /// by is not there. A stream that wants no app at all is a pipeline's, and does not say what
    /// becomes of apps; and the other way round.
    pub fn drop(&self, half: Half, record: &Record) -> bool {
        let name = record.name().rsplit('/').next().unwrap_or_default();
        let lacks = |names: &BTreeSet<String>| !names.is_empty() && !names.contains(name);
        if is_own_role(record) {
            return !self.apps.is_empty() && !self.own_roles.contains(record.name());
        }
        match half {
            Half::Services => lacks(&self.apps),
            Half::Pipelines => lacks(&self.sources),
            Half::Both => lacks(&self.apps) && lacks(&self.sources),
            Half::ByRecord(half_of) => self.drop(half_of(record), record),
        }
    }
}

/// Whether a record is of a role that only some apps have, so that an app that is wanted may want it no
/// more.
pub fn is_own_role(record: &Record) -> bool {
    let is_one = |word: &str| matches!(word, "task" | "deploy");
    let word = record.name().split('/').next();
    record.kind() == Role::TYPE && word.is_some_and(is_one)
}

/// Whether mk-ecs-svc stood in the pipe and looked after the service of an app: what runs is as its record
/// says, or was told not to be.
pub fn is_deployed(records: &[Record], app: &str) -> bool {
    let mut services = records.iter().filter_map(Record::typed::<Service>);
    services.any(|service| service.name == app && service.change.is_some())
}

/// Writes what the environment holds of a tool's resources and nothing in the stream wants any more,
/// such as those of an app that was dropped: `prune-env` names it.
///
/// `list` lists the names that could be the environment's, side by side with the tool's first calls.
/// Of those that are not `wanted`, `records_of` answers the records of what is ours.
pub async fn write_unwanted(
    stream: &Stream,
    owner: &Owner,
    list: impl Future<Output = Result<Vec<String>>>,
    wanted: impl Fn(&Wishes) -> Vec<String>,
    records_of: impl AsyncFnOnce(Vec<String>) -> Result<Vec<Record>>,
) -> Result<()> {
    if !stream.wants_something().await? {
        return Ok(());
    }
    let mut names = list.await?;
    stream.all().await?;
    if stream.upstream_failed() {
        return Ok(()); // a wish may be missing for that
    }
    let wishes = stream.wishes();
    let wanted = wanted(&wishes);
    names.retain(|name| !wanted.contains(name));
    if names.is_empty() {
        return Ok(());
    }
    for record in records_of(names).await? {
        if wishes.drop(owner.half, &record) {
            let unwanted = Unwanted::of(record);
            stream.write(Record::of(&unwanted)).await?;
        }
    }
    Ok(())
}

impl Stream {
    /// The apps and sources that have arrived.
    fn wishes(&self) -> Wishes {
        Wishes::of(&self.arrived::<App>(), &self.arrived::<Source>())
    }

    /// Waits for the first app or source; answers false where the input ends without.
    async fn wants_something(&self) -> Result<bool> {
        let mut changed = self.control.changes();
        loop {
            let ended = self.input().ended; // read first: what came last came before the end
            let wishes = self.wishes();
            if !wishes.apps.is_empty() || !wishes.sources.is_empty() {
                return Ok(true);
            }
            self.control.check_stopped()?;
            if ended {
                return Ok(false);
            }
            let _ = changed.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn a_stream_drops_only_what_is_of_its_half() {
        let of_apps = Wishes {
            apps: names(&["web"]),
            ..Wishes::default()
        };
        let of_sources = Wishes {
            sources: names(&["web"]),
            ..Wishes::default()
        };
        let of_both = Wishes {
            apps: names(&["web"]),
            sources: names(&["web"]),
            ..Wishes::default()
        };
        let web = Record::new("role", "execution/web");
        let jobs = Record::new("role", "execution/jobs");
        for half in [Half::Services, Half::Pipelines, Half::Both] {
            for wishes in [&of_apps, &of_sources, &of_both] {
                assert!(!wishes.drop(half, &web));
            }
            assert!(of_both.drop(half, &jobs));
            assert!(!Wishes::default().drop(half, &jobs));
        }
        for own in ["task/web", "deploy/web"] {
            let role = Record::new("role", own);
            assert!(of_apps.drop(Half::Services, &role) && !of_sources.drop(Half::Services, &role));
            let with_role = Wishes {
                own_roles: names(&[own]),
                ..of_apps.clone()
            };
            assert!(!with_role.drop(Half::Services, &role));
        }
        assert!(of_apps.drop(Half::Services, &jobs) && !of_apps.drop(Half::Pipelines, &jobs));
        assert!(of_sources.drop(Half::Pipelines, &jobs) && !of_sources.drop(Half::Services, &jobs));
        assert!(!of_apps.drop(Half::Both, &jobs) && !of_sources.drop(Half::Both, &jobs));
    }
}
