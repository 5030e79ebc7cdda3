//! A project as it is to be, in the SDK's types.

use aws_sdk_codebuild::error::BuildError;
use aws_sdk_codebuild::types::{
    ArtifactsType, CacheMode, CacheType, CloudWatchLogsConfig, ComputeType, EnvironmentType,
    EnvironmentVariable, EnvironmentVariableType, LogsConfig, LogsConfigStatusType,
    ProjectArtifacts, ProjectCache, ProjectEnvironment, ProjectSource, S3LogsConfig, SourceType,
    Tag,
};
use plumbing::{Error, Result};

use crate::plan::Project;

/// What a pipeline's project has for locations: CodeBuild ignores them and does not answer them, but
/// moto wants some.
const IGNORED_LOCATION: &str = "codepipeline";

pub(super) fn source(want: &Project) -> Result<ProjectSource> {
    let source = ProjectSource::builder()
        .r#type(SourceType::from(want.source.as_str()))
        .location(IGNORED_LOCATION)
        .buildspec(&want.buildspec);
    source.build().map_err(incomplete)
}

pub(super) fn artifacts(want: &Project) -> Result<ProjectArtifacts> {
    let artifacts = ProjectArtifacts::builder()
        .r#type(ArtifactsType::from(want.artifacts.as_str()))
        .location(IGNORED_LOCATION);
    artifacts.build().map_err(incomplete)
}

pub(super) fn environment(want: &Project) -> Result<ProjectEnvironment> {
    let mut variables = Vec::new();
    for (name, value) in &want.variables {
        let variable = EnvironmentVariable::builder()
            .name(name)
            .value(value)
            .r#type(EnvironmentVariableType::Plaintext);
        variables.push(variable.build().map_err(incomplete)?);
    }
    let environment = ProjectEnvironment::builder()
        .r#type(EnvironmentType::from(want.environment.as_str()))
        .compute_type(ComputeType::from(want.compute.as_str()))
        .image(&want.image)
        .privileged_mode(want.privileged)
        .set_environment_variables(Some(variables));
    environment.build().map_err(incomplete)
}

pub(super) fn cache(want: &Project) -> Result<ProjectCache> {
    let mut words = want.cache.split(' ');
    let kind = CacheType::from(words.next().unwrap_or_default());
    let modes: Vec<CacheMode> = words.map(CacheMode::from).collect();
    let mut cache = ProjectCache::builder().r#type(kind);
    if !modes.is_empty() {
        cache = cache.set_modes(Some(modes));
    }
    cache.build().map_err(incomplete)
}

pub(super) fn logs(want: &Project) -> Result<LogsConfig> {
    let cloud_watch = CloudWatchLogsConfig::builder()
        .status(LogsConfigStatusType::Enabled)
        .group_name(&want.log);
    let s3 = S3LogsConfig::builder().status(LogsConfigStatusType::from(want.s3_log.as_str()));
    let logs = LogsConfig::builder()
        .cloud_watch_logs(cloud_watch.build().map_err(incomplete)?)
        .s3_logs(s3.build().map_err(incomplete)?);
    Ok(logs.build())
}

pub(super) fn tags(want: &Project) -> Vec<Tag> {
    let tags = want.tags.iter();
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
