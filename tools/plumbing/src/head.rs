//! The head of a pipe: the env record, from stdin or from flags and credentials.

use std::collections::BTreeMap;

use crate::aws;
use crate::check;
use crate::error::{Error, Kind, Result};
use crate::flags::Common;
use crate::record::{Record, RecordType};
use crate::stream::Stream;
use crate::tags;
use crate::types::Env;

impl Stream {
    /// The environment: from stdin, or at the head of a pipe from `--env`, where it is written.
    ///
    /// `--env` counts at once, even if stdin stays open. PLUMBLINE_ENV, which every tool of a pipe
    /// sees, counts only where stdin is a terminal or `/dev/null`: there nothing can come.
    ///
    /// Errors: neither names one, or they name two.
    pub async fn env(&self) -> Result<Env> {
        let (env, new) = self.named_env().await?;
        if new {
            self.write(Record::of(&env)).await?;
        }
        Ok(env)
    }

    /// Like [`env`](Self::env), for a tool that is told the name in another way: it counts where
    /// records have come, and none of the environment among them, as after a `grep`.
    pub async fn env_or(&self, name: Option<&str>) -> Result<Env> {
        let missing = match (self.env().await, name) {
            (Err(missing), Some(name)) if missing.kind == Kind::Input => (missing, name),
            (needed, _) => return needed,
        };
        let (missing, name) = missing;
        let records = self.all().await?;
        if records.is_empty() {
            return Err(missing);
        }
        let env = self.common().environment(self, name).await?;
        for record in &records {
            check::belongs(record, &env).map_err(|why| {
                Error::input(format!("{} '{}' {why}", record.kind(), record.name()))
            })?;
        }
        self.control.account_is_right();
        self.write(Record::of(&env)).await?;
        Ok(env)
    }

    /// Like [`env`](Self::env), without writing it; answers whether no record of it is out yet.
    pub async fn named_env(&self) -> Result<(Env, bool)> {
        let name = match &self.common().env {
            Some(name) => name.clone(),
            // A pipe that ends without a record is bad input: what should have come was refused.
            None => match (self.shared.heads_pipe, Common::env_of_shell()?) {
                (true, Some(name)) => name,
                _ => return self.need_first().await.map(|env| (env, false)),
            },
        };
        if let Some(env) = self.known_env() {
            return Ok((env, false));
        }
        let env = self.common().environment(self, &name).await?;
        if let Some(env) = self.known_env() {
            return Ok((env, false)); // it came from stdin meanwhile, and was compared on arrival
        }
        self.control.account_is_right();
        Ok((env, true))
    }
}

impl Common {
    /// The environment that the flags name, with the account of the credentials.
    pub(crate) async fn environment(&self, stream: &Stream, name: &str) -> Result<Env> {
        let (environment, suffix) = name.split_once('-').unwrap_or((name, ""));
        self.new_env(stream, environment, suffix, None).await
    }

    /// For `mk-env`: the env record of an environment; asks STS only where no account is given.
    ///
    /// Errors: there are no credentials, or the flags and settings do not make an environment.
    pub async fn new_env(
        &self,
        stream: &Stream,
        environment: &str,
        suffix: &str,
        account: Option<String>,
    ) -> Result<Env> {
        let tags = all_tags(environment, suffix, &self.tags);
        tags::check(&tags).map_err(Error::usage)?; // before anything is asked
        let (region, account) = match (account, &self.region) {
            (Some(account), Some(region)) => (region.clone(), account),
            (Some(account), None) => (aws::default_region(stream).await?, account),
            (None, region) => aws::whoami(stream, region.clone()).await?,
        };
        let env = Env {
            name: format!("{environment}-{suffix}"),
            version: 1,
            environment: environment.into(),
            suffix: suffix.into(),
            region,
            account,
            tags,
            plan: false,
            rest: Default::default(),
        };
        env.check().map_err(Error::usage)?;
        Ok(env)
    }
}

/// The tags that every environment has, and those of the flags, which win.
fn all_tags(
    environment: &str,
    suffix: &str,
    given: &[(String, String)],
) -> BTreeMap<String, String> {
    let values = [environment, "plumbline", "plumbline", suffix, "devops"];
    let mut all = BTreeMap::new();
    for (key, value) in tags::DEFAULTS.into_iter().zip(values) {
        all.insert(key.to_string(), value.to_string());
    }
    all.extend(given.iter().cloned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_the_user_win_over_the_defaults() {
        let tags = all_tags("production", "pr1", &[("Team".into(), "web".into())]);
        assert_eq!(
            (tags["Team"].as_str(), tags["Environment"].as_str()),
            ("web", "production")
        );
    }
}
