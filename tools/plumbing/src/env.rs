//! What follows from the environment's record alone: the names of everything that is made, its tags
//! and its ARNs. What follows from a name is not awaited, so a name that two tools need stands here.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::Map;

use crate::error::{Error, Result};
use crate::name::{self, APP, IDENTITY, SOURCE, Words};
use crate::region;
use crate::types::Env;

impl Env {
    /// The name of a resource: `kind-of-environment-suffix` within a limit. `of` is the app or source
    /// that it is for, or nothing. Where that could be read otherwise, it ends in a hash.
    pub fn named(&self, kind: &str, of: &str, limit: usize) -> String {
        self.named_with(kind, of, "", limit)
    }

    /// The same with a detail that AWS cannot change, such as a port: `kind-of-detail-environment-suffix`.
    pub fn named_with(&self, kind: &str, of: &str, detail: &str, limit: usize) -> String {
        let words = Words {
            kind,
            of,
            detail,
            environment: &self.environment,
            suffix: &self.suffix,
        };
        words.name(limit)
    }

    /// The name of an app's image repository (ECR). Here because mk-ecr makes it and mk-role lets
    /// the app's role pull from it: what follows from a name is not awaited.
    pub fn repository_name(&self, app: &str) -> String {
        self.named("repo", app, name::REPOSITORY_LIMIT)
    }

    /// The host of the account's image repositories.
    pub fn registry(&self) -> String {
        let suffix = self.dns_suffix();
        format!("{}.dkr.ecr.{}.{suffix}", self.account, self.region)
    }

    /// What the references of an app's images begin with, in its repository.
    pub fn repository_uri(&self, app: &str) -> String {
        format!("{}/{}", self.registry(), self.repository_name(app))
    }

    /// The name of an app's log group. Here because mk-logs makes it and mk-role lets the app's
    /// role write to it. The environment comes first, so that one look by prefix lists its groups.
    pub fn log_group_name(&self, app: &str) -> String {
        format!("/ecs/{}/{app}", self.name)
    }

    /// The name of the cluster (ECS). Here because mk-ecs-svc makes it and a pipeline deploys to it,
    /// like the two names below.
    pub fn cluster_name(&self) -> String {
        self.named("cluster", "", name::LONG_LIMIT)
    }

    /// The name of an app's service (ECS).
    pub fn service_name(&self, app: &str) -> String {
        self.named("service", app, name::LONG_LIMIT)
    }

    /// The family of an app's task definitions (ECS).
    pub fn family_name(&self, app: &str) -> String {
        self.named("task", app, name::LONG_LIMIT)
    }

    /// The name of the connection to GitHub (CodeConnections).
    pub fn connection_name(&self) -> String {
        self.named("connection", "", name::CONNECTION_LIMIT)
    }

    /// The name of the artifact bucket (S3). Bucket names are worldwide, so it carries account and
    /// region. Here because mk-bucket makes it and mk-role lets the pipelines' roles use it.
    pub fn bucket_name(&self) -> String {
        let place = format!("{}-{}", self.account, self.region);
        self.named_with("bucket", "", &place, name::BUCKET_LIMIT)
    }

    /// The name of a source's build project (CodeBuild).
    pub fn project_name(&self, source: &str) -> String {
        self.named("build", source, name::PROJECT_LIMIT)
    }

    /// The name of a source's function (Lambda).
    pub fn function_name(&self, source: &str) -> String {
        self.named("function", source, name::FUNCTION_LIMIT)
    }

    /// The name of a source's pipeline (CodePipeline).
    pub fn pipeline_name(&self, source: &str) -> String {
        self.named("pipeline", source, name::PIPELINE_LIMIT)
    }

    /// The name of a source's rule (EventBridge).
    pub fn rule_name(&self, source: &str) -> String {
        self.named("rule", source, name::RULE_LIMIT)
    }

    /// The log group that CodeBuild writes a source's builds to.
    pub fn build_log_group_name(&self, source: &str) -> String {
        format!("/aws/codebuild/{}", self.project_name(source))
    }

    /// The log group that Lambda writes to for a source's function.
    pub fn function_log_group_name(&self, source: &str) -> String {
        format!("/aws/lambda/{}", self.function_name(source))
    }

    /// The tags of a resource of a source's pipeline: a name that was cut does not tell whose it is.
    pub fn tags_of_source(&self, name: &str, source: &str) -> Vec<(String, String)> {
        let mut tags = self.tags_of(name);
        tags.push((SOURCE.to_string(), source.to_string()));
        tags
    }

    /// The tags of a resource of an app.
    pub fn tags_of_app(&self, name: &str, app: &str) -> Vec<(String, String)> {
        let mut tags = self.tags_of(name);
        tags.push((APP.to_string(), app.to_string()));
        tags
    }

    /// The tags of a resource: its `Name`, the environment's tags, the identity.
    pub fn tags_of(&self, name: &str) -> Vec<(String, String)> {
        let mut tags = vec![("Name".to_string(), name.to_string())];
        tags.extend(
            self.tags
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        tags.push((IDENTITY.to_string(), self.name.clone()));
        tags
    }

    /// Whether a resource with these tags is this environment's.
    pub fn owns(&self, tags: &BTreeMap<String, String>) -> bool {
        tags.get(IDENTITY) == Some(&self.name)
    }

    /// What is said of a resource that has our name and not our tag: `what` is its kind and name.
    pub fn not_ours(&self, what: impl Display) -> Error {
        let name = &self.name;
        Error::refused(format!(
            "{what} exists and is not tagged {IDENTITY}={name}; it is left alone"
        ))
        .hint("delete it, or choose another name for the environment, the app or the source")
    }

    /// Refuses a resource that has our name and not our tag.
    pub fn check_ours(&self, what: impl Display, tags: &BTreeMap<String, String>) -> Result<()> {
        if self.owns(tags) {
            return Ok(());
        }
        Err(self.not_ours(what))
    }

    /// An environment for tests and examples: production-pr1 in us-east-1, with a tag of its own.
    pub fn example() -> Env {
        Env {
            name: "production-pr1".into(),
            version: 1,
            environment: "production".into(),
            suffix: "pr1".into(),
            region: "us-east-1".into(),
            account: "123456789012".into(),
            tags: BTreeMap::from([("Team".to_string(), "devops".to_string())]),
            plan: false,
            rest: Map::new(),
        }
    }

    /// The ID that a plan writes for what does not exist yet.
    pub fn planned(&self, name: &str) -> String {
        format!("planned:{name}")
    }

    /// The ARN of something in this account and region: `arn:aws:SERVICE:REGION:ACCOUNT:REST`.
    pub fn arn(&self, service: &str, rest: &str) -> String {
        let partition = self.partition();
        format!(
            "arn:{partition}:{service}:{}:{}:{rest}",
            self.region, self.account
        )
    }

    /// What the names of AWS's own hosts end in.
    pub fn dns_suffix(&self) -> &'static str {
        region::partition(&self.region).map_or("amazonaws.com", |one| &one.dns_suffix)
    }

    /// The partition that the region belongs to.
    pub fn partition(&self) -> &'static str {
        region::id_of(&self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(environment: &str, suffix: &str) -> Env {
        Env {
            name: format!("{environment}-{suffix}"),
            environment: environment.into(),
            suffix: suffix.into(),
            ..Env::example()
        }
    }

    #[test]
    fn every_name_stays_what_it_is() {
        let env = Env::example();
        for (name, expected) in [
            (env.repository_name("web"), "repo-web-production-pr1"),
            (env.log_group_name("web"), "/ecs/production-pr1/web"),
            (env.cluster_name(), "cluster-production-pr1"),
            (env.service_name("web"), "service-web-production-pr1"),
            (env.family_name("web"), "task-web-production-pr1"),
            (env.connection_name(), "connection-production-pr1"),
            (
                env.bucket_name(),
                "bucket-123456789012-us-east-1-production-pr1",
            ),
            (env.project_name("web"), "build-web-production-pr1"),
            (env.function_name("web"), "function-web-production-pr1"),
            (env.pipeline_name("web"), "pipeline-web-production-pr1"),
            (env.rule_name("web"), "rule-web-production-pr1"),
            (
                env.build_log_group_name("web"),
                "/aws/codebuild/build-web-production-pr1",
            ),
            (
                env.function_log_group_name("web"),
                "/aws/lambda/function-web-production-pr1",
            ),
            (
                env.named_with("role-execution", "web", "us-east-1", name::ROLE_LIMIT),
                "role-execution-web-us-east-1-production-pr1",
            ),
            (
                env.service_name("my-web"),
                "service-my-web-production-pr1-f72cd8cf",
            ),
        ] {
            assert_eq!(name, expected);
        }
    }

    #[test]
    fn one_name_has_one_reading() {
        let long = env("prod", "b-prod-c");
        let short = env("prod", "c");
        let name = long.repository_name("a");
        assert_ne!(name, short.repository_name("a-prod-b"));
        assert!(name.starts_with("repo-a-prod-b-prod-c-"), "{name}");
        let main = env("production", "staging-x");
        let staging = env("staging", "x");
        assert_ne!(
            main.named("alb", "web", 32),
            staging.named("alb", "web-production", 32)
        );
    }

    #[test]
    fn a_name_without_a_hyphen_in_its_words_has_no_hash() {
        assert_eq!(
            env("production", "pr-12").cluster_name(),
            "cluster-production-pr-12"
        );
        let name = env("production", "pr12").service_name("web");
        assert_eq!(name, "service-web-production-pr12");
    }
}
