//! The wish for a pipeline, and whether it says something that can be built.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::github;
use crate::name;
use crate::record::RecordType;

/// A repository on GitHub that is to be built, and what follows a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// What it is called; the image repository (ECR) has the same name, and so has the app, if one
    /// runs what is built.
    pub name: String,
    /// `OWNER/NAME` on GitHub.
    pub repository: String,
    /// The branch of which every push is built.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// What starts the pipeline on a push: `connection` or `events`.
    #[serde(default = "connection_trigger")]
    pub trigger: String,
    /// The folder in the repository that `docker build` gets.
    #[serde(default = "here")]
    pub context: String,
    /// The Dockerfile, from that folder.
    #[serde(default = "dockerfile")]
    pub dockerfile: String,
    /// Whether the app of the same name is deployed with what was built.
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub deploy: bool,
    /// Whether it was read back from a pipeline, which may have been changed by hand: what that names need
    /// not be on GitHub.
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub found: bool,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Source {
    const TYPE: &'static str = "source";
    const IS_RESOURCE: bool = false;

    fn check(&self) -> Result<(), String> {
        name::check_part("source", &self.name)?;
        if self.found {
            check_text("repository", &self.repository)?;
            check_text("branch", &self.branch)?;
        } else {
            github::check_repository(&self.repository)?;
            github::check_branch(&self.branch)?;
        }
        let trigger = self.trigger.as_str();
        if !matches!(trigger, "connection" | "events") {
            return Err(format!("trigger '{trigger}' must be connection or events"));
        }
        for (what, path) in [("context", &self.context), ("dockerfile", &self.dockerfile)] {
            if !is_plain_path(path) {
                return Err(format!(
                    "{what} '{path}' is not a path within the repository, of letters, digits and - _ . / + @"
                ));
            }
        }
        Ok(())
    }
}

/// What a pipeline that somebody changed may name; it becomes a part of policies, where * and ? stand
/// for others.
fn check_text(what: &str, text: &str) -> Result<(), String> {
    let stands_for_others = |c: char| c.is_control() || "*?$".contains(c);
    if text.is_empty() || text.contains(stands_for_others) {
        return Err(format!(
            "{what} '{text}' is empty, or stands for more than one"
        ));
    }
    Ok(())
}

/// Whether it is a path within the repository that no shell reads otherwise.
fn is_plain_path(path: &str) -> bool {
    (1..=255).contains(&path.len())
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./+@".contains(&b))
        && !path.starts_with(['/', '-'])
        && path.split('/').all(|part| part != "..")
}

fn main_branch() -> String {
    "main".into()
}

fn connection_trigger() -> String {
    "connection".into()
}

fn here() -> String {
    ".".into()
}

fn dockerfile() -> String {
    "Dockerfile".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        serde_json::from_str(r#"{"name":"web","repository":"owner/name.js"}"#).unwrap()
    }

    #[test]
    fn a_source_needs_only_its_repository() {
        let source = source();
        assert_eq!(source.check(), Ok(()));
        assert_eq!(source.branch, "main");
        assert_eq!(source.trigger, "connection");
        assert_eq!(source.context, ".");
        assert_eq!(source.dockerfile, "Dockerfile");
        assert!(!source.deploy);
    }

    #[test]
    fn what_a_pipeline_names_already_need_not_be_on_github() {
        let mut source = source();
        source.repository = "group/sub/name".into();
        assert!(source.check().is_err());
        source.found = true;
        assert_eq!(source.check(), Ok(()));
        source.branch = "*".into();
        assert!(source.check().is_err());
    }

    #[test]
    fn what_a_shell_would_read_otherwise_is_no_path() {
        for path in ["", "/a", "../a", "a/../b", "a b", "a;b", "-f"] {
            let mut with_context = source();
            with_context.context = path.into();
            assert!(with_context.check().is_err(), "{path}");
            let mut with_dockerfile = source();
            with_dockerfile.dockerfile = path.into();
            assert!(with_dockerfile.check().is_err(), "{path}");
        }
    }

    #[test]
    fn a_trigger_is_the_connection_or_an_event() {
        let mut source = source();
        source.trigger = "push".into();
        assert!(source.check().is_err());
    }
}
