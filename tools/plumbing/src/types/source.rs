//! The wish for a pipeline, and whether it says something that can be built.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::name;
use crate::record::RecordType;

/// A repository on GitHub that is to be built, and what follows a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Source {
    const TYPE: &'static str = "source";
    const IS_RESOURCE: bool = false;

    fn check(&self) -> Result<(), String> {
        name::check_part("source", &self.name)?;
        let repository = &self.repository;
        match repository.split_once('/') {
            Some((owner, name)) if is_github_name(owner) && is_github_name(name) => {}
            _ => {
                return Err(format!(
                    "repository '{repository}' is not OWNER/NAME on GitHub"
                ));
            }
        }
        let branch = &self.branch;
        if !is_branch(branch) {
            return Err(format!("branch '{branch}' is not the name of a branch"));
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

/// Whether GitHub takes it as the name of an owner or a repository.
fn is_github_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !matches!(text, "." | "..")
}

/// Whether git takes it as a branch's name (git-check-ref-format), and it holds no '#', which
/// begins a variable in a pipeline.
fn is_branch(branch: &str) -> bool {
    branch.len() <= 255
        && branch
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"~^:?*[\\#\"'`$".contains(&b))
        && !branch.contains("..")
        && !branch.starts_with('-')
        && branch
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
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
    fn only_a_repository_on_github_is_one() {
        for repository in [
            "",
            "n",
            "o/",
            "/n",
            "o/n/m",
            "o/n m",
            "o/..",
            "https://github.com/o/n",
        ] {
            let mut source = source();
            source.repository = repository.into();
            assert!(source.check().is_err(), "{repository}");
        }
    }

    #[test]
    fn what_git_or_a_pipeline_would_read_otherwise_is_no_branch() {
        let mut source = source();
        source.branch = "release/1.2".into();
        assert_eq!(source.check(), Ok(()));
        for branch in [
            "", "a b", "a//b", "/a", "-a", "a..b", "#{a}", "a.lock", "refs/*", "$(x)",
        ] {
            source.branch = branch.into();
            assert!(source.check().is_err(), "{branch}");
        }
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
