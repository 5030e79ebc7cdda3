//! Every CodeBuild call about projects and their builds.

mod answer;
mod builds;
mod request;

use std::time::Duration;

use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::config::Builder;
use aws_sdk_codebuild::error::{ProvideErrorMetadata, SdkError};
use plumbing::{Aws, Error, Result, aws_error, code, message, name, wait};

use crate::plan::Project;

/// A role just made is not known to CodeBuild at once; the same is said of a trust that is wrong.
const CANNOT_ASSUME: &str = "CodeBuild is not authorized to perform: sts:AssumeRole on";
/// A project that exists by CreateProject's word shows within seconds.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);
/// How many projects BatchGetProjects takes.
const BATCH: usize = 100;

/// CodeBuild, for one environment.
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
    /// The project of a name, ours or not.
    pub async fn get(&self, project: &str) -> Result<Option<Project>> {
        Ok(self.batch_get(&[project.to_string()]).await?.pop())
    }

    /// Waits for a project that someone else just made.
    pub async fn wait_visible(&self, project: &str) -> Result<Project> {
        let what = format!("build project {project} exists, but CodeBuild does not show it");
        let get = || self.get(project);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    /// Every project that could be the environment's by its name, ours or not. CodeBuild lists names
    /// alone.
    pub async fn list_names(&self) -> Result<Vec<String>> {
        let pages = self.client.list_projects().into_paginator().items().send();
        let mut names: Vec<String> = pages.collect::<Result<_, _>>().await.map_err(|error| {
            aws_error("codebuild:ListProjects", "list the build projects", error)
        })?;
        let env = &self.aws.env.name;
        names.retain(|project| name::could_be(project, "build", env, name::PROJECT_LIMIT));
        Ok(names)
    }

    /// The projects of these names; those that do not exist are left out.
    pub async fn get_all(&self, names: &[String]) -> Result<Vec<Project>> {
        let mut found = Vec::new();
        for names in names.chunks(BATCH) {
            found.extend(self.batch_get(names).await?);
        }
        Ok(found)
    }

    async fn batch_get(&self, names: &[String]) -> Result<Vec<Project>> {
        let request = self
            .client
            .batch_get_projects()
            .set_names(Some(names.to_vec()));
        match request.send().await {
            Ok(answer) => {
                let projects = answer.projects.unwrap_or_default();
                Ok(projects.into_iter().map(answer::project).collect())
            }
            Err(error) => {
                let what = format!("find build project {}", names.join(", "));
                Err(aws_error("codebuild:BatchGetProjects", what, error))
            }
        }
    }

    /// Makes a project with its tags; answers false where one of that name is there already.
    pub async fn create(&self, want: &Project) -> Result<bool> {
        let request = self
            .client
            .create_project()
            .name(&want.name)
            .description(&want.description)
            .service_role(&want.role)
            .source(request::source(want)?)
            .artifacts(request::artifacts(want)?)
            .environment(request::environment(want)?)
            .timeout_in_minutes(want.timeout)
            .queued_timeout_in_minutes(want.queued_timeout)
            .cache(request::cache(want)?)
            .logs_config(request::logs(want)?)
            .set_tags(Some(request::tags(want)));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "codebuild:CreateProject", send).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "ResourceAlreadyExistsException" => Ok(false),
            Err(error) => {
                let what = format!("create build project {}", want.name);
                let role = &want.role;
                Err(error_of_role("codebuild:CreateProject", what, role, error))
            }
        }
    }

    /// Brings a project into line. CodeBuild removes the tags that are not said again, and keeps all
    /// else: what `want` has for settings is taken away.
    pub async fn update(&self, want: &Project) -> Result<()> {
        let mut request = self
            .client
            .update_project()
            .name(&want.name)
            .description(&want.description)
            .service_role(&want.role)
            .source(request::source(want)?)
            .artifacts(request::artifacts(want)?)
            .environment(request::environment(want)?)
            .timeout_in_minutes(want.timeout)
            .queued_timeout_in_minutes(want.queued_timeout)
            .cache(request::cache(want)?)
            .logs_config(request::logs(want)?)
            .set_tags(Some(request::tags(want)));
        if !want.settings.is_empty() {
            // The other settings are of the environment, which CodeBuild replaces as a whole.
            request = request
                .set_file_system_locations(Some(Vec::new()))
                .set_secondary_sources(Some(Vec::new()))
                .set_secondary_artifacts(Some(Vec::new()));
        }
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "codebuild:UpdateProject", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("update build project {}", want.name);
                let role = &want.role;
                Err(error_of_role("codebuild:UpdateProject", what, role, error))
            }
        }
    }

    /// Deletes a project; one that does not exist is no error to CodeBuild.
    pub async fn delete(&self, project: &str) -> Result<()> {
        match self.client.delete_project().name(project).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("delete build project {project}");
                Err(aws_error("codebuild:DeleteProject", what, error))
            }
        }
    }
}

/// The error of a call that gives a project its role; with the role, where it is the role's fault.
fn error_of_role<E>(operation: &str, what: String, role: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let cannot_assume = message(&error).contains(CANNOT_ASSUME);
    let error = aws_error(operation, what, error);
    if !cannot_assume {
        return error;
    }
    error.hint(format!(
        "run the pipeline again; if it stays so: mk-role sets the trust of {role}, which must let codebuild.amazonaws.com assume it for this project"
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_codebuild::config::http::HttpResponse;
    use aws_sdk_codebuild::error::ErrorMetadata;

    use super::*;

    fn error(message: &str) -> Error {
        let metadata = ErrorMetadata::builder()
            .code("InvalidInputException")
            .message(message)
            .build();
        let answer = HttpResponse::new(400.try_into().unwrap(), "<html>".into());
        let error = SdkError::service_error(metadata, answer);
        let what = "create build project build-x".to_string();
        error_of_role("codebuild:CreateProject", what, "arn:x", error)
    }

    #[test]
    fn a_role_that_cannot_be_assumed_is_named() {
        let text = "CodeBuild is not authorized to perform: sts:AssumeRole on arn:x";
        let about_role = error(text);
        assert_eq!(
            about_role.message,
            format!(
                "cannot create build project build-x: {text} (codebuild:CreateProject, InvalidInputException)"
            )
        );
        assert!(about_role.hint.unwrap().contains("the trust of arn:x"));
        assert_eq!(error("no").hint, None);
    }
}
