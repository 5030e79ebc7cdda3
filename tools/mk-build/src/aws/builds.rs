//! The calls about the builds of a project.

use aws_sdk_codebuild::config::Builder;
use aws_sdk_codebuild::config::retry::RetryConfig;
use aws_sdk_codebuild::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_codebuild::types::{BuildNotDeleted, StatusType};
use plumbing::{Error, Result, aws_error, code};

use super::CodeBuild;

/// How many builds one call takes.
const BATCH: usize = 100;
/// For a call that an emulator may not know: the SDK takes its answer for a fault that may pass.
const FEW_ATTEMPTS: u32 = 3;

impl CodeBuild {
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
            Err(error) => {
                let what = format!("list the builds of project {project}");
                Err(aws_error("codebuild:ListBuildsForProject", what, error))
            }
        }
    }

    /// Those of these builds that have not ended.
    pub async fn running_builds(&self, project: &str, ids: &[String]) -> Result<Vec<String>> {
        let mut running = Vec::new();
        for ids in ids.chunks(BATCH) {
            let request = self.client.batch_get_builds().set_ids(Some(ids.to_vec()));
            let answer = request.send().await.map_err(|error| {
                let what = format!("look at the builds of project {project}");
                aws_error("codebuild:BatchGetBuilds", what, error)
            })?;
            for build in answer.builds.unwrap_or_default() {
                if build.build_status == Some(StatusType::InProgress) {
                    running.extend(build.id);
                }
            }
        }
        Ok(running)
    }

    /// Has a build end.
    pub async fn stop_build(&self, id: &str) -> Result<()> {
        match self.client.stop_build().id(id).send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
            Err(error) => {
                let what = format!("stop build {id}");
                Err(aws_error("codebuild:StopBuild", what, error))
            }
        }
    }

    /// Deletes builds that have ended.
    ///
    /// Errors: one began meanwhile.
    pub async fn delete_builds(&self, project: &str, ids: &[String]) -> Result<()> {
        for ids in ids.chunks(BATCH) {
            let few_attempts = RetryConfig::standard().with_max_attempts(FEW_ATTEMPTS);
            let request = self
                .client
                .batch_delete_builds()
                .set_ids(Some(ids.to_vec()))
                .customize()
                .config_override(Builder::new().retry_config(few_attempts));
            match request.send().await {
                // CodeBuild answers 200 also where it kept some.
                Ok(answer) => {
                    if let Some(kept) = answer.builds_not_deleted().first() {
                        return Err(not_deleted(kept));
                    }
                }
                Err(error) if is_unknown_call(&error) => {
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
}

fn not_deleted(kept: &BuildNotDeleted) -> Error {
    let id = kept.id().unwrap_or_default();
    let why = kept.status_code().unwrap_or_default();
    let message = format!("cannot delete build {id}: {why} (codebuild:BatchDeleteBuilds)");
    Error::unfinished(message).hint("run it again")
}

/// Whether no AWS answered, but an emulator that knows no such call: by a 500 without a code.
fn is_unknown_call<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let Some(answer) = error.raw_response() else {
        return false;
    };
    code(error).is_empty() && answer.status().as_u16() == 500
}

#[cfg(test)]
mod tests {
    use aws_sdk_codebuild::config::http::HttpResponse;
    use aws_sdk_codebuild::error::ErrorMetadata;

    use super::*;

    fn answer(status: u16) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), "<html>".into())
    }

    #[test]
    fn a_500_without_a_code_is_no_aws() {
        let page = SdkError::<ErrorMetadata>::response_error("no JSON", answer(500));
        assert!(is_unknown_call(&page));
        let without_code = ErrorMetadata::builder().build();
        let without_code = SdkError::service_error(without_code, answer(500));
        assert!(is_unknown_call(&without_code));

        let with_code = ErrorMetadata::builder()
            .code("InvalidInputException")
            .message("no")
            .build();
        let with_code = SdkError::service_error(with_code, answer(400));
        assert!(!is_unknown_call(&with_code));
        let busy = SdkError::<ErrorMetadata>::response_error("no JSON", answer(503));
        assert!(!is_unknown_call(&busy));
    }
}
