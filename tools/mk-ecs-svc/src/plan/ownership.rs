//! Whether a revision is the environment's, and what its tags say of it.

use std::collections::BTreeMap;

use plumbing::{Env, name};

use super::definition::HaveRevision;
use super::revision::{app_of, family_of};

/// Marks a revision whose image a pipeline deployed, also when it is registered again with another
/// field changed.
const BY_PIPELINE: (&str, &str) = ("plumbline:image", "pipeline");

/// The tag of a revision that a service was taken back from.
const ROLLED_BACK: &str = "plumbline:rolled-back";

/// Whether a revision is the environment's: by its tag, or because the app's pipeline, which may
/// know no tags, registered it.
pub fn is_ours(env: &Env, revision: &HaveRevision) -> bool {
    env.owns(&revision.tags) || !is_tagged(&revision.tags) && is_by_pipeline(env, revision)
}

/// The app that a revision is of.
pub fn app_of_revision(env: &Env, revision: &HaveRevision) -> Option<String> {
    app_of(env, "task", family_of(&revision.arn), &revision.tags)
}

/// Whether the app's pipeline deployed the image of a revision. It is then an image of the app's
/// own repository; and the revision is marked, or the pipeline's role registered it, or nobody
/// tagged it.
pub fn is_by_pipeline(env: &Env, revision: &HaveRevision) -> bool {
    let Some(app) = app_of_revision(env, revision) else {
        return false;
    };
    let (key, value) = BY_PIPELINE;
    let is_marked = revision.tags.get(key).is_some_and(|found| found == value);
    let role_registered_it = revision
        .registered_by
        .contains(":assumed-role/role-pipeline-");
    is_of_repository(env, &app, &revision.definition.own.image)
        && (is_marked || role_registered_it || !is_tagged(&revision.tags))
}

/// Whether a service was taken back from a revision.
pub fn is_rolled_back(revision: &HaveRevision) -> bool {
    revision.tags.contains_key(ROLLED_BACK)
}

/// The tags of a revision of an app.
pub fn tags(env: &Env, app: &str, by_pipeline: bool) -> Vec<(String, String)> {
    let mut tags = env.tags_of_app(&env.family_name(app), app);
    if by_pipeline {
        let (key, value) = BY_PIPELINE;
        tags.push((key.to_string(), value.to_string()));
    }
    tags
}

/// The tags of a revision that a service is taken back from.
pub fn rolled_back_tags(env: &Env, app: &str, revision: &HaveRevision) -> Vec<(String, String)> {
    let mut tags = tags(env, app, is_by_pipeline(env, revision));
    tags.push((ROLLED_BACK.into(), "true".into()));
    tags
}

fn is_tagged(tags: &BTreeMap<String, String>) -> bool {
    tags.contains_key(name::IDENTITY)
}

/// Whether an image is one of the app's own repository, by digest: as a pipeline deploys it.
fn is_of_repository(env: &Env, app: &str, image: &str) -> bool {
    image.starts_with(&format!("{}@sha256:", env.repository_uri(app)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::container::Container;
    use crate::plan::definition::Definition;
    use crate::plan::examples::env;

    const FAMILY: &str = "task-web-production-pr1";
    const REPOSITORY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1";
    const PIPELINE: &str = "arn:aws:sts::123456789012:assumed-role/role-pipeline-web-x/1";
    const USER: &str = "arn:aws:iam::123456789012:user/a";

    fn revision(image: &str, tags: &[(String, String)], registered_by: &str) -> HaveRevision {
        HaveRevision {
            arn: format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{FAMILY}:7"),
            registered_by: registered_by.into(),
            definition: Definition {
                own: Container {
                    image: image.into(),
                    ..Container::default()
                },
                ..Definition::default()
            },
            tags: tags.iter().cloned().collect(),
            ..HaveRevision::default()
        }
    }

    #[test]
    fn a_pipeline_deployed_only_an_image_of_the_apps_own_repository() {
        let ours = env().tags_of(FAMILY);
        let marked = tags(&env(), "web", true);
        let digest = format!("{REPOSITORY}@sha256:00");
        let by_tag = format!("{REPOSITORY}:1");
        let of_api = REPOSITORY.replace("web", "api");
        let elsewhere = "registry.example/web@sha256:00";
        for (have, by_pipeline, owned) in [
            (revision(&digest, &[], ""), true, true),
            (revision(&digest, &ours, PIPELINE), true, true),
            (revision(&digest, &marked, ""), true, true),
            (revision(&digest, &ours, USER), false, true),
            (revision(&by_tag, &[], PIPELINE), false, false),
            (revision(elsewhere, &[], ""), false, false),
            (revision(&of_api, &[], ""), false, false),
        ] {
            assert_eq!(is_by_pipeline(&env(), &have), by_pipeline, "{have:?}");
            assert_eq!(is_ours(&env(), &have), owned, "{have:?}");
        }
    }
}
