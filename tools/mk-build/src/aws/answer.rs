//! A project as CodeBuild answers it, in the words of the plan.

use aws_sdk_codebuild::types::{
    self, CloudWatchLogsConfig, EnvironmentVariable, EnvironmentVariableType,
    ImagePullCredentialsType, LogsConfigStatusType, ProjectCache, ProjectEnvironment,
    ProjectVisibilityType, VpcConfig,
};

use crate::plan::{NO_CACHE, Project};

/// The key that a project has which names none.
const DEFAULT_KEY: &str = "alias/aws/s3";

/// Reads a project.
pub(super) fn project(answer: types::Project) -> Project {
    let mut have = Project {
        settings: settings(&answer),
        stricter: stricter(&answer),
        is_public: answer.project_visibility == Some(ProjectVisibilityType::PublicRead),
        name: answer.name.unwrap_or_default(),
        description: answer.description.unwrap_or_default(),
        role: answer.service_role.unwrap_or_default(),
        timeout: answer.timeout_in_minutes.unwrap_or_default(),
        queued_timeout: answer.queued_timeout_in_minutes.unwrap_or_default(),
        cache: cache(answer.cache),
        ..Project::default()
    };
    if let Some(source) = answer.source {
        have.source = source.r#type.as_str().into();
        have.buildspec = source.buildspec.unwrap_or_default();
    }
    if let Some(artifacts) = answer.artifacts {
        have.artifacts = artifacts.r#type.as_str().into();
    }
    if let Some(environment) = answer.environment {
        have.environment = environment.r#type.as_str().into();
        have.compute = environment.compute_type.as_str().into();
        have.image = environment.image;
        have.privileged = environment.privileged_mode == Some(true);
        let variables = environment.environment_variables.unwrap_or_default();
        have.variables = variables.into_iter().map(variable).collect();
    }
    if let Some(logs) = answer.logs_config {
        have.log = logs.cloud_watch_logs.map(log).unwrap_or_default();
        if let Some(s3) = logs.s3_logs {
            have.s3_log = s3.status.as_str().into();
        }
    }
    for tag in answer.tags.unwrap_or_default() {
        let key = tag.key.unwrap_or_default();
        have.tags.insert(key, tag.value.unwrap_or_default());
    }
    have
}

/// The type of a cache and its modes.
fn cache(answer: Option<ProjectCache>) -> String {
    let Some(cache) = answer else {
        return NO_CACHE.into();
    };
    let mut words = vec![cache.r#type.as_str()];
    for mode in cache.modes.iter().flatten() {
        words.push(mode.as_str());
    }
    words.join(" ")
}

/// The log group that builds log to; one with a log stream, or one that is not used, has more words.
fn log(answer: CloudWatchLogsConfig) -> String {
    let mut words = Vec::new();
    words.extend(answer.group_name());
    words.extend(answer.stream_name());
    let words = words.join(" ");
    if answer.status == LogsConfigStatusType::Enabled {
        return words;
    }
    let status = answer.status.as_str();
    format!("{status} {words}").trim_end().into()
}

/// The name and value of a variable. One that CodeBuild takes from elsewhere, which is not ours, has
/// for its value where it is taken from.
fn variable(answer: EnvironmentVariable) -> (String, String) {
    let value = match answer.r#type {
        None | Some(EnvironmentVariableType::Plaintext) => answer.value,
        Some(kind) => format!("{}: {}", kind.as_str(), answer.value),
    };
    (answer.name, value)
}

/// What makes a project stricter than we make it, with its value.
fn stricter(answer: &types::Project) -> Vec<String> {
    let vpc = answer.vpc_config().and_then(VpcConfig::vpc_id);
    let vpc = vpc.filter(|vpc| is_set(vpc));
    let builds_at_once = answer.concurrent_build_limit().filter(|limit| *limit > 0);
    let key = answer.encryption_key();
    let key = key.filter(|key| is_set(key) && !key.ends_with(DEFAULT_KEY));
    let stricter = [
        vpc.map(|vpc| format!("VPC {vpc}")),
        key.map(|key| format!("key {key}")),
        builds_at_once.map(|limit| format!("concurrent build limit {limit}")),
    ];
    stricter.into_iter().flatten().collect()
}

/// What is set of a project that we do not set, by name.
fn settings(answer: &types::Project) -> Vec<String> {
    let settings = [
        ("file systems", !answer.file_system_locations().is_empty()),
        ("secondary sources", !answer.secondary_sources().is_empty()),
        (
            "secondary artifacts",
            !answer.secondary_artifacts().is_empty(),
        ),
    ];
    let mut names = names_of_set(&settings);
    if let Some(environment) = answer.environment() {
        names.extend(settings_of_environment(environment));
    }
    names
}

fn settings_of_environment(environment: &ProjectEnvironment) -> Vec<String> {
    let pulls = environment.image_pull_credentials_type();
    let settings = [
        (
            "pull credentials",
            pulls.is_some_and(|kind| *kind != ImagePullCredentialsType::Codebuild),
        ),
        (
            "registry credential",
            environment.registry_credential().is_some(),
        ),
        ("certificate", environment.certificate().is_some_and(is_set)),
        ("fleet", environment.fleet().is_some()),
        ("docker server", environment.docker_server().is_some()),
    ];
    names_of_set(&settings)
}

fn names_of_set(settings: &[(&str, bool)]) -> Vec<String> {
    let mut names = Vec::new();
    for (name, is_set) in settings {
        if *is_set {
            names.push(name.to_string());
        }
    }
    names
}

fn is_set(text: &str) -> bool {
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(status: LogsConfigStatusType, log_stream: Option<&str>) -> String {
        let answer = CloudWatchLogsConfig::builder()
            .status(status)
            .group_name("/x")
            .set_stream_name(log_stream.map(String::from));
        log(answer.build().unwrap())
    }

    #[test]
    fn a_log_is_ours_only_as_we_set_it() {
        assert_eq!(log_of(LogsConfigStatusType::Enabled, None), "/x");
        assert_eq!(log_of(LogsConfigStatusType::Enabled, Some("y")), "/x y");
        assert_eq!(log_of(LogsConfigStatusType::Disabled, None), "DISABLED /x");
    }

    #[test]
    fn a_variable_is_ours_only_as_we_set_it() {
        let builder = EnvironmentVariable::builder().name("A").value("/b");
        let elsewhere = builder
            .clone()
            .r#type(EnvironmentVariableType::ParameterStore);
        assert_eq!(
            variable(builder.build().unwrap()),
            ("A".into(), "/b".into())
        );
        assert_eq!(
            variable(elsewhere.build().unwrap()),
            ("A".into(), "PARAMETER_STORE: /b".into())
        );
    }
}
