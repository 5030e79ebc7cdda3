//! Every CodeBuild call about projects and their builds.

use std::time::Duration;

use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::config::Builder;
use aws_sdk_codebuild::config::retry::RetryConfig;
use aws_sdk_codebuild::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_codebuild::types::{
    ArtifactsType, CacheMode, CacheType, CloudWatchLogsConfig, ComputeType, EnvironmentType,
    EnvironmentVariable, EnvironmentVariableType, ImagePullCredentialsType, LogsConfig,
    LogsConfigStatusType, ProjectArtifacts, ProjectCache, ProjectEnvironment, ProjectSource,
    S3LogsConfig, SourceType, StatusType, Tag, VpcConfig,
};
use plumbing::{Aws, Error, Result, aws_error, code, message, name, wait};

use crate::plan::Project;

/// A role just made is not known to CodeBuild at once; the same is said of a trust that is wrong.
const CANNOT_ASSUME: &[(&str, &str)] = &[(
    "InvalidInputException",
    "CodeBuild is not authorized to perform: sts:AssumeRole on",
)];
const SPREADS: Duration = Duration::from_secs(120);
/// A project that exists by CreateProject's word shows within seconds.
const SHOWS: Duration = Duration::from_secs(60);
/// How many names or builds one call takes.
const BATCH: usize = 100;
/// For a call that an emulator may not know: the SDK takes its answer for a fault that may pass.
const FEW_ATTEMPTS: u32 = 3;
/// What UpdateProject takes for "as many builds at once as the account lets run".
const NO_LIMIT: i32 = -1;
/// The key that a project has which names none.
const OWN_KEY: &str = "alias/aws/s3";
/// What a pipeline's project has for locations: CodeBuild ignores them and does not tell them back,
/// but moto wants some.
const NOWHERE: &str = "codepipeline";

/// CodeBuild, and for whom.
pub struct CodeBuild {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> CodeBuild {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    CodeBuild {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl CodeBuild {
    /// The project of a name, whosesoever.
    pub async fn get(&self, project: &str) -> Result<Option<Project>> {
        Ok(self.batch(&[project.to_string()]).await?.pop())
    }

    /// Waits for a project that someone else just made.
    pub async fn wait_visible(&self, project: &str) -> Result<Project> {
        let what = format!("build project {project} exists, but CodeBuild does not show it");
        wait::until(&self.aws.control, &what, SHOWS, || self.get(project)).await
    }

    /// Every project that could be the environment's, whosesoever: CodeBuild lists names alone.
    pub async fn find(&self) -> Result<Vec<Project>> {
        let names: Vec<String> = self
            .client
            .list_projects()
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("codebuild:ListProjects", "list the build projects", e))?;
        let could_be = |project: &String| {
            name::could_be(project, "build", &self.aws.env.name, name::PROJECT_LIMIT)
        };
        let names: Vec<String> = names.into_iter().filter(could_be).collect();
        let mut found = Vec::new();
        for names in names.chunks(BATCH) {
            found.extend(self.batch(names).await?);
        }
        Ok(found)
    }

    /// The projects of these names; those that are not there are not told.
    async fn batch(&self, names: &[String]) -> Result<Vec<Project>> {
        let request = self
            .client
            .batch_get_projects()
            .set_names(Some(names.to_vec()));
        let what = || format!("find build project {}", names.join(", "));
        let answer = request
            .send()
            .await
            .map_err(|e| aws_error("codebuild:BatchGetProjects", what(), e))?;
        Ok(answer
            .projects
            .unwrap_or_default()
            .into_iter()
            .map(told)
            .collect())
    }

    /// Makes a project with its tags; answers false where one of that name is there already.
    pub async fn create(&self, want: &Project) -> Result<bool> {
        let request = self
            .client
            .create_project()
            .name(&want.name)
            .description(&want.description)
            .service_role(&want.role)
            .source(source(want)?)
            .artifacts(artifacts(want)?)
            .environment(environment(want)?)
            .timeout_in_minutes(want.timeout)
            .queued_timeout_in_minutes(want.queued_timeout)
            .cache(cache(want)?)
            .logs_config(logs(want)?)
            .set_tags(Some(tags(want)));
        match wait::retry(&self.aws.control, SPREADS, CANNOT_ASSUME, || {
            request.clone().send()
        })
        .await
        {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "ResourceAlreadyExistsException" => Ok(false),
            Err(error) => Err(unmade("codebuild:CreateProject", "create", want, error)),
        }
    }

    /// Brings a project into line. CodeBuild removes the tags that are not said again, and keeps all
    /// else: what is in its settings is taken away.
    pub async fn update(&self, want: &Project) -> Result<()> {
        let request = self
            .client
            .update_project()
            .name(&want.name)
            .description(&want.description)
            .service_role(&want.role)
            .source(source(want)?)
            .artifacts(artifacts(want)?)
            .environment(environment(want)?)
            .timeout_in_minutes(want.timeout)
            .queued_timeout_in_minutes(want.queued_timeout)
            .cache(cache(want)?)
            .logs_config(logs(want)?)
            .set_tags(Some(tags(want)));
        let request = match want.settings.is_empty() {
            true => request,
            // The others of them are of the environment, which is replaced whole.
            false => request
                .vpc_config(VpcConfig::builder().build())
                .concurrent_build_limit(NO_LIMIT)
                .encryption_key(self.aws.env.arn("kms", OWN_KEY))
                .set_file_system_locations(Some(Vec::new()))
                .set_secondary_sources(Some(Vec::new()))
                .set_secondary_artifacts(Some(Vec::new())),
        };
        let answer = wait::retry(&self.aws.control, SPREADS, CANNOT_ASSUME, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| unmade("codebuild:UpdateProject", "update", want, e))
    }

    /// The builds of a project that CodeBuild remembers.
    pub async fn list_builds(&self, project: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_builds_for_project()
            .project_name(project)
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<_, _>>().await {
            Ok(ids) => Ok(ids),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(Vec::new()),
            Err(error) => Err(aws_error(
                "codebuild:ListBuildsForProject",
                format!("list the builds of project {project}"),
                error,
            )),
        }
    }

    /// Those of these builds that have not ended.
    pub async fn running_builds(&self, project: &str, ids: &[String]) -> Result<Vec<String>> {
        let mut running = Vec::new();
        for ids in ids.chunks(BATCH) {
            let request = self.client.batch_get_builds().set_ids(Some(ids.to_vec()));
            let what = || format!("look at the builds of project {project}");
            let answer = request
                .send()
                .await
                .map_err(|e| aws_error("codebuild:BatchGetBuilds", what(), e))?;
            let builds = answer.builds.unwrap_or_default().into_iter();
            let builds = builds.filter(|build| build.build_status == Some(StatusType::InProgress));
            running.extend(builds.filter_map(|build| build.id));
        }
        Ok(running)
    }

    /// Has a build end.
    pub async fn stop_build(&self, id: &str) -> Result<()> {
        match self.client.stop_build().id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
            Err(error) => Err(aws_error(
                "codebuild:StopBuild",
                format!("stop build {id}"),
                error,
            )),
        }
    }

    /// Deletes builds that have ended.
    ///
    /// Errors: one began meanwhile.
    pub async fn delete_builds(&self, project: &str, ids: &[String]) -> Result<()> {
        for ids in ids.chunks(BATCH) {
            let few = RetryConfig::standard().with_max_attempts(FEW_ATTEMPTS);
            let request = self
                .client
                .batch_delete_builds()
                .set_ids(Some(ids.to_vec()))
                .customize();
            match request
                .config_override(Builder::new().retry_config(few))
                .send()
                .await
            {
                Ok(answer) => {
                    // CodeBuild answers 200 also where it kept some.
                    if let Some(kept) = answer.builds_not_deleted().first() {
                        let (id, why) = (
                            kept.id().unwrap_or_default(),
                            kept.status_code().unwrap_or_default(),
                        );
                        return Err(Error::unfinished(format!(
                            "cannot delete build {id}: {why} (codebuild:BatchDeleteBuilds)"
                        ))
                        .hint("run it again"));
                    }
                }
                Err(error) if no_such_call(&error) => {
                    self.aws.voice.say(&format!(
                        "the builds of project {project} stay: the endpoint cannot delete them"
                    ));
                    return Ok(());
                }
                Err(error) => {
                    let what = format!("delete the builds of project {project}");
                    return Err(aws_error("codebuild:BatchDeleteBuilds", what, error));
                }
            }
        }
        Ok(())
    }

    /// Deletes a project; one that is gone already is no error to CodeBuild.
    pub async fn delete(&self, project: &str) -> Result<()> {
        let answer = self.client.delete_project().name(project).send().await;
        let what = || format!("delete build project {project}");
        answer
            .map(drop)
            .map_err(|e| aws_error("codebuild:DeleteProject", what(), e))
    }
}

/// Whether it is no AWS that answered, but an emulator that knows no such call: a 500 without a code.
fn no_such_call<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    code(error).is_empty()
        && error
            .raw_response()
            .is_some_and(|answer| answer.status().as_u16() == 500)
}

/// Why a project could not be made or mended; with the role, where it is the role's fault.
fn unmade<E>(operation: &str, verb: &str, want: &Project, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let of_role = CANNOT_ASSUME
        .iter()
        .any(|(_, text)| message(&error).contains(text));
    let error = aws_error(
        operation,
        format!("{verb} build project {}", want.name),
        error,
    );
    match of_role {
        true => error.hint(format!(
            "mk-role sets the trust of {}: it must let codebuild.amazonaws.com assume it for this project",
            want.role
        )),
        false => error,
    }
}

fn source(want: &Project) -> Result<ProjectSource> {
    let kind = SourceType::from(want.source.as_str());
    let source = ProjectSource::builder()
        .r#type(kind)
        .location(NOWHERE)
        .buildspec(&want.buildspec);
    source.build().map_err(incomplete)
}

fn artifacts(want: &Project) -> Result<ProjectArtifacts> {
    let kind = ArtifactsType::from(want.artifacts.as_str());
    ProjectArtifacts::builder()
        .r#type(kind)
        .location(NOWHERE)
        .build()
        .map_err(incomplete)
}

fn environment(want: &Project) -> Result<ProjectEnvironment> {
    let variables = want.variables.iter().map(|(name, value)| {
        let variable = EnvironmentVariable::builder().name(name).value(value);
        variable.r#type(EnvironmentVariableType::Plaintext).build()
    });
    let environment = ProjectEnvironment::builder()
        .r#type(EnvironmentType::from(want.environment.as_str()))
        .compute_type(ComputeType::from(want.compute.as_str()))
        .image(&want.image)
        .privileged_mode(want.privileged)
        .set_environment_variables(Some(
            variables.collect::<Result<_, _>>().map_err(incomplete)?,
        ));
    environment.build().map_err(incomplete)
}

fn cache(want: &Project) -> Result<ProjectCache> {
    let mut words = want.cache.split(' ');
    let cache = ProjectCache::builder().r#type(CacheType::from(words.next().unwrap_or_default()));
    let modes: Vec<CacheMode> = words.map(CacheMode::from).collect();
    cache
        .set_modes((!modes.is_empty()).then_some(modes))
        .build()
        .map_err(incomplete)
}

fn logs(want: &Project) -> Result<LogsConfig> {
    let cloud_watch = CloudWatchLogsConfig::builder()
        .status(LogsConfigStatusType::Enabled)
        .group_name(&want.log);
    let s3 = S3LogsConfig::builder().status(LogsConfigStatusType::from(want.s3_log.as_str()));
    let logs = LogsConfig::builder().cloud_watch_logs(cloud_watch.build().map_err(incomplete)?);
    Ok(logs.s3_logs(s3.build().map_err(incomplete)?).build())
}

fn tags(want: &Project) -> Vec<Tag> {
    want.tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}

/// A project as CodeBuild tells it, in the words of the plan.
fn told(project: aws_sdk_codebuild::types::Project) -> Project {
    let settings = settings(&project);
    let tags = project.tags.unwrap_or_default().into_iter();
    let logs = project.logs_config.as_ref();
    let cache = project.cache.map_or("NO_CACHE".into(), |cache| {
        let modes = cache.modes.iter().flatten().map(|mode| mode.as_str());
        [cache.r#type.as_str()]
            .into_iter()
            .chain(modes)
            .collect::<Vec<_>>()
            .join(" ")
    });
    let have = Project {
        name: project.name.unwrap_or_default(),
        description: project.description.unwrap_or_default(),
        role: project.service_role.unwrap_or_default(),
        artifacts: project
            .artifacts
            .map(|artifacts| artifacts.r#type.as_str().into())
            .unwrap_or_default(),
        timeout: project.timeout_in_minutes.unwrap_or_default(),
        queued_timeout: project.queued_timeout_in_minutes.unwrap_or_default(),
        cache,
        log: logs
            .and_then(LogsConfig::cloud_watch_logs)
            .map(told_log)
            .unwrap_or_default(),
        s3_log: logs
            .and_then(LogsConfig::s3_logs)
            .map(|s3| s3.status.as_str().into())
            .unwrap_or_default(),
        settings,
        tags: tags
            .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
            .collect(),
        ..Project::default()
    };
    let have = match project.source {
        Some(source) => Project {
            source: source.r#type.as_str().into(),
            buildspec: source.buildspec.unwrap_or_default(),
            ..have
        },
        None => have,
    };
    match project.environment {
        Some(environment) => Project {
            environment: environment.r#type.as_str().into(),
            compute: environment.compute_type.as_str().into(),
            image: environment.image,
            privileged: environment.privileged_mode == Some(true),
            variables: environment
                .environment_variables
                .into_iter()
                .flatten()
                .map(told_variable)
                .collect(),
            ..have
        },
        None => have,
    }
}

/// What a project is set to beside what we set, by name.
fn settings(project: &aws_sdk_codebuild::types::Project) -> Vec<String> {
    let environment = project.environment();
    let pulls = environment.and_then(|environment| environment.image_pull_credentials_type());
    let settings = [
        (
            "VPC",
            project
                .vpc_config()
                .and_then(VpcConfig::vpc_id)
                .is_some_and(|vpc| !vpc.is_empty()),
        ),
        (
            "concurrent build limit",
            project
                .concurrent_build_limit()
                .is_some_and(|limit| limit > 0),
        ),
        (
            "key",
            project
                .encryption_key()
                .is_some_and(|key| !key.is_empty() && !key.ends_with(OWN_KEY)),
        ),
        ("file systems", !project.file_system_locations().is_empty()),
        ("secondary sources", !project.secondary_sources().is_empty()),
        (
            "secondary artifacts",
            !project.secondary_artifacts().is_empty(),
        ),
        (
            "pull credentials",
            pulls.is_some_and(|kind| *kind != ImagePullCredentialsType::Codebuild),
        ),
        (
            "registry credential",
            environment.is_some_and(|environment| environment.registry_credential().is_some()),
        ),
        (
            "certificate",
            environment
                .and_then(|environment| environment.certificate())
                .is_some_and(|at| !at.is_empty()),
        ),
        (
            "fleet",
            environment.is_some_and(|environment| environment.fleet().is_some()),
        ),
        (
            "docker server",
            environment.is_some_and(|environment| environment.docker_server().is_some()),
        ),
    ];
    settings
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| name.to_string())
        .collect()
}

/// A group that builds log to; one that is named by a stream too, or not used, in other words.
fn told_log(log: &CloudWatchLogsConfig) -> String {
    let words = [log.group_name(), log.stream_name()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    match log.status {
        LogsConfigStatusType::Enabled => words,
        _ => format!("{} {words}", log.status.as_str()).trim_end().into(),
    }
}

/// A variable; one that CodeBuild takes from elsewhere with where that is, so that it is not ours.
fn told_variable(variable: EnvironmentVariable) -> (String, String) {
    let value = match variable.r#type {
        None | Some(EnvironmentVariableType::Plaintext) => variable.value,
        Some(kind) => format!("{}: {}", kind.as_str(), variable.value),
    };
    (variable.name, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_codebuild::config::http::HttpResponse;
    use aws_sdk_codebuild::error::ErrorMetadata;

    fn answer(status: u16) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), "<html>".into())
    }

    fn refused(code: &str, message: &str) -> SdkError<ErrorMetadata> {
        SdkError::service_error(
            ErrorMetadata::builder().code(code).message(message).build(),
            answer(400),
        )
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_named() {
        let want = Project {
            name: "build-x".into(),
            role: "arn:x".into(),
            ..Project::default()
        };
        let text = "CodeBuild is not authorized to perform: sts:AssumeRole on arn:x";
        let error = unmade(
            "codebuild:CreateProject",
            "create",
            &want,
            refused("InvalidInputException", text),
        );
        assert_eq!(
            error.message,
            format!(
                "cannot create build project build-x: {text} (codebuild:CreateProject, InvalidInputException)"
            )
        );
        assert!(error.hint.unwrap().contains("the trust of arn:x"));
        let error = unmade(
            "codebuild:CreateProject",
            "create",
            &want,
            refused("InvalidInputException", "no"),
        );
        assert_eq!(error.hint, None);
    }

    #[test]
    fn a_500_without_a_code_is_no_aws() {
        let page = SdkError::<ErrorMetadata>::response_error("no JSON", answer(500));
        assert!(no_such_call(&page));
        assert!(no_such_call(&SdkError::service_error(
            ErrorMetadata::builder().build(),
            answer(500)
        )));
        assert!(!no_such_call(&refused("InvalidInputException", "no")));
        assert!(!no_such_call(&SdkError::<ErrorMetadata>::response_error(
            "no JSON",
            answer(503)
        )));
    }

    #[test]
    fn what_is_told_of_logs_and_variables_is_ours_only_as_we_make_it() {
        let log = |status| {
            CloudWatchLogsConfig::builder()
                .status(status)
                .group_name("/x")
        };
        let told = |log: aws_sdk_codebuild::types::builders::CloudWatchLogsConfigBuilder| {
            told_log(&log.build().unwrap())
        };
        assert_eq!(told(log(LogsConfigStatusType::Enabled)), "/x");
        assert_eq!(
            told(log(LogsConfigStatusType::Enabled).stream_name("y")),
            "/x y"
        );
        assert_eq!(told(log(LogsConfigStatusType::Disabled)), "DISABLED /x");
        let variable = EnvironmentVariable::builder().name("A").value("/b");
        let elsewhere = variable
            .clone()
            .r#type(EnvironmentVariableType::ParameterStore);
        assert_eq!(
            told_variable(variable.build().unwrap()),
            ("A".into(), "/b".into())
        );
        assert_eq!(
            told_variable(elsewhere.build().unwrap()),
            ("A".into(), "PARAMETER_STORE: /b".into())
        );
    }
}
