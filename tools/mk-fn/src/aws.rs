//! Every Lambda call about functions.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, DeadLetterConfig, DestinationConfig, Environment, EphemeralStorage, FunctionCode,
    FunctionConfiguration, LastUpdateStatus, LogFormat, LoggingConfig, PackageType, Runtime,
    State as Told, TracingConfig, TracingMode, VpcConfig,
};
use plumbing::{Aws, Error, Result, aws_error, code, message, wait};

use crate::plan::{self, Have, Part, State, Want};

/// A role just made is not known to Lambda for some seconds. The same is said of one that does not
/// trust it or lacks permissions, so the end of this time has to tell.
const ROLE: &[(&str, &str)] = &[
    (
        "InvalidParameterValueException",
        "role defined for the function cannot be assumed by Lambda",
    ),
    (
        "InvalidParameterValueException",
        "execution role does not have permissions",
    ),
];
const SPREADS: Duration = Duration::from_secs(120);
/// Another change of the same function is under way.
const CONFLICT: (&str, &str) = ("ResourceConflictException", "");
const CONFLICT_BUDGET: Duration = Duration::from_secs(120);
/// A function just made may be unknown to the next call, and so may the tag by which the caller's
/// policy lets it be changed.
const FRESH: &[(&str, &str)] = &[
    CONFLICT,
    ("ResourceNotFoundException", ""),
    ("AccessDeniedException", "no identity-based policy allows"),
];
/// One that exists by CreateFunction's word shows within seconds, or someone has deleted it since.
const SHOWS: Duration = Duration::from_secs(60);
/// A function outside of a VPC is Active, or changed, within seconds.
const ACTIVE_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// One that was deleted is gone as quickly.
const GONE_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// Lambda, and for whom.
pub struct Lambda {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Lambda {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Lambda {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Lambda {
    /// The function of a name, unless it is being deleted; two calls deep.
    pub async fn get(&self, name: &str) -> Result<Option<Have>> {
        let Some(have) = self
            .get_function(name)
            .await?
            .filter(|have| have.state != State::Deleting)
        else {
            return Ok(None);
        };
        if !self.aws.env.owns(&have.tags) {
            return Ok(Some(have));
        }
        match self
            .client
            .get_function_event_invoke_config()
            .function_name(name)
            .send()
            .await
        {
            Ok(answer) => Ok(Some(Have {
                retries: answer.maximum_retry_attempts,
                event_age: answer.maximum_event_age_in_seconds,
                destinations: answer
                    .destination_config
                    .map(destinations)
                    .unwrap_or_default(),
                ..have
            })),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(Some(have)),
            Err(error) => Err(aws_error(
                "lambda:GetFunctionEventInvokeConfig",
                format!("look at function {name}"),
                error,
            )),
        }
    }

    /// Waits for a function that someone else just made.
    pub async fn wait_visible(&self, name: &str) -> Result<Have> {
        wait::until(&self.aws.control, &hidden(name), SHOWS, || self.get(name)).await
    }

    /// The function of a name as it is. Of Lambda's calls only this one and few others have a limit
    /// of their own: it serves to wait as well.
    pub async fn get_function(&self, name: &str) -> Result<Option<Have>> {
        let answer = match self.client.get_function().function_name(name).send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(None),
            Err(error) => {
                return Err(aws_error(
                    "lambda:GetFunction",
                    format!("find function {name}"),
                    error,
                ));
            }
        };
        // Without the permission to read tags they are missing, and the function is not foreign for that.
        if let Some(error) = answer.tags_error {
            let (why, code) = (error.message, error.error_code);
            let text =
                format!("cannot read the tags of function {name}: {why} (lambda:ListTags, {code})");
            return Err(Error::refused(text)
                .hint("the tool's --iam-policy prints the permissions that it needs"));
        }
        let tags = answer.tags.unwrap_or_default().into_iter().collect();
        let concurrency = answer
            .concurrency
            .and_then(|concurrency| concurrency.reserved_concurrent_executions);
        Ok(answer.configuration.map(|configuration| Have {
            tags,
            concurrency,
            ..have(configuration)
        }))
    }

    /// Every function that could be the environment's, whosesoever, with its tags; two calls deep.
    pub async fn find(&self) -> Result<Vec<(String, BTreeMap<String, String>)>> {
        let pages = self.client.list_functions().into_paginator().items().send();
        let found: Vec<FunctionConfiguration> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("lambda:ListFunctions", "list functions", e))?;
        let names = found
            .into_iter()
            .filter_map(|function| function.function_name);
        let ours = names.filter(|name| plan::could_be_ours(&self.aws.env, name));
        let tagged = wait::all(ours.map(|name| self.tagged(name))).await?;
        Ok(tagged.into_iter().flatten().collect())
    }

    /// Adds a function's tags; nothing where it went away meanwhile.
    async fn tagged(&self, name: String) -> Result<Option<(String, BTreeMap<String, String>)>> {
        match self
            .client
            .list_tags()
            .resource(plan::arn(&self.aws.env, &name))
            .send()
            .await
        {
            Ok(answer) => Ok(Some((
                name,
                answer.tags.unwrap_or_default().into_iter().collect(),
            ))),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "lambda:ListTags",
                format!("read the tags of function {name}"),
                error,
            )),
        }
    }

    /// Makes a function with its tags; answers false where one of that name is there already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let name = &want.function;
        let request = self
            .client
            .create_function()
            .function_name(name)
            .package_type(PackageType::Zip)
            .code(
                FunctionCode::builder()
                    .zip_file(Blob::new(want.code.zip.as_slice()))
                    .build(),
            )
            .runtime(Runtime::from(plan::RUNTIME))
            .handler(plan::HANDLER)
            .architectures(Architecture::from(plan::ARCHITECTURE))
            .role(&want.role)
            .timeout(plan::TIMEOUT)
            .memory_size(plan::MEMORY)
            .description(&want.description)
            .publish(false)
            .set_tags(Some(want.tags.iter().cloned().collect()));
        match wait::retry(&self.aws.control, SPREADS, ROLE, || request.clone().send()).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "ResourceConflictException" => Ok(false),
            Err(error) => Err(refused(
                "lambda:CreateFunction",
                format!("create function {name}"),
                want,
                error,
            )),
        }
    }

    /// Brings parts into line, one after the other: Lambda refuses two changes of one function at
    /// once.
    pub async fn mend(&self, want: &Want, parts: Vec<Part>) -> Result<()> {
        let name = &want.function;
        self.wait_idle(name).await?;
        for part in parts {
            self.set(want, part).await?;
        }
        self.wait_ready(name).await
    }

    /// Brings one part into line, and waits until Lambda has done it.
    async fn set(&self, want: &Want, part: Part) -> Result<()> {
        match part {
            Part::Code => self.set_code(want).await,
            Part::Configuration => self.set_configuration(want).await,
            Part::Invocation => return self.set_invocation(&want.function).await,
            Part::Concurrency => return self.unreserve(&want.function).await,
            Part::Tags => return self.retag(want).await,
        }?;
        self.wait_idle(&want.function).await.map(drop)
    }

    async fn set_code(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .update_function_code()
            .function_name(&want.function)
            .zip_file(Blob::new(want.code.zip.as_slice()))
            .architectures(Architecture::from(plan::ARCHITECTURE))
            .publish(false);
        let answer = wait::retry(&self.aws.control, CONFLICT_BUDGET, &[CONFLICT], || {
            request.clone().send()
        })
        .await;
        let what = || format!("set the code of function {}", want.function);
        answer
            .map(drop)
            .map_err(|e| aws_error("lambda:UpdateFunctionCode", what(), e))
    }

    async fn set_configuration(&self, want: &Want) -> Result<()> {
        // What was there stays unless it is said, so all of it is.
        let nowhere = VpcConfig::builder()
            .set_subnet_ids(Some(Vec::new()))
            .set_security_group_ids(Some(Vec::new()));
        let logs = LoggingConfig::builder()
            .log_format(LogFormat::from(plan::LOG_FORMAT))
            .log_group(&want.log_group);
        let request = self
            .client
            .update_function_configuration()
            .function_name(&want.function)
            .runtime(Runtime::from(plan::RUNTIME))
            .handler(plan::HANDLER)
            .role(&want.role)
            .timeout(plan::TIMEOUT)
            .memory_size(plan::MEMORY)
            .description(&want.description)
            .environment(
                Environment::builder()
                    .set_variables(Some(Default::default()))
                    .build(),
            )
            .vpc_config(nowhere.build())
            .logging_config(logs.build())
            .set_layers(Some(Vec::new()))
            .set_file_system_configs(Some(Vec::new()))
            .dead_letter_config(DeadLetterConfig::builder().target_arn("").build())
            .tracing_config(
                TracingConfig::builder()
                    .mode(TracingMode::PassThrough)
                    .build(),
            )
            .ephemeral_storage(
                EphemeralStorage::builder()
                    .size(plan::DISK)
                    .build()
                    .map_err(incomplete)?,
            )
            .kms_key_arn("");
        let cases = [ROLE, &[CONFLICT]].concat();
        match wait::retry(&self.aws.control, SPREADS, &cases, || {
            request.clone().send()
        })
        .await
        {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("configure function {}", want.function);
                Err(refused(
                    "lambda:UpdateFunctionConfiguration",
                    what,
                    want,
                    error,
                ))
            }
        }
    }

    /// Sets what follows where the function does not end well; what is not said here is taken away.
    pub async fn set_invocation(&self, name: &str) -> Result<()> {
        let request = self
            .client
            .put_function_event_invoke_config()
            .function_name(name)
            .maximum_retry_attempts(plan::RETRIES)
            .maximum_event_age_in_seconds(plan::EVENT_AGE);
        let answer = wait::retry(&self.aws.control, CONFLICT_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        let what = || format!("set the retries of function {name}");
        answer
            .map(drop)
            .map_err(|e| aws_error("lambda:PutFunctionEventInvokeConfig", what(), e))
    }

    /// Lets as many run at once as the account has left.
    async fn unreserve(&self, name: &str) -> Result<()> {
        let request = self
            .client
            .delete_function_concurrency()
            .function_name(name);
        let answer = wait::retry(&self.aws.control, CONFLICT_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        let what = || format!("take away the reserved concurrency of function {name}");
        answer
            .map(drop)
            .map_err(|e| aws_error("lambda:DeleteFunctionConcurrency", what(), e))
    }

    /// Sets a function's tags to ours; others' tags stay.
    async fn retag(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource(plan::arn(&self.aws.env, &want.function));
        let request = request.set_tags(Some(want.tags.iter().cloned().collect()));
        let answer = wait::retry(&self.aws.control, CONFLICT_BUDGET, &[CONFLICT], || {
            request.clone().send()
        })
        .await;
        answer.map(drop).map_err(|e| {
            aws_error(
                "lambda:TagResource",
                format!("tag function {}", want.function),
                e,
            )
        })
    }

    /// Waits until a function can be invoked and its last change is done, and answers how it is then.
    ///
    /// Errors: it could not be made, or someone deletes it meanwhile.
    async fn wait_idle(&self, name: &str) -> Result<State> {
        let what = format!("function {name} is not ready");
        wait::until(&self.aws.control, &what, ACTIVE_DEADLINE, || async {
            let state = self.get_function(name).await?.map(|have| have.state);
            match state {
                None => Err(plan::deleted_meanwhile(name)),
                Some(State::Busy) => Ok(None),
                Some(State::Failed(why)) => Err(plan::cannot_be_mended(
                    name,
                    &format!("could not be made: {why}"),
                )),
                Some(State::Deleting) => Err(Error::unfinished(format!(
                    "function {name} is being deleted"
                ))
                .hint("run the pipeline again")),
                Some(state) => Ok(Some(state)),
            }
        })
        .await
    }

    /// Like [`wait_idle`](Self::wait_idle).
    ///
    /// Errors: also that its last change failed.
    pub async fn wait_ready(&self, name: &str) -> Result<()> {
        match self.wait_idle(name).await? {
            State::UpdateFailed(why) => Err(Error::refused(format!(
                "function {name} could not be changed: {why}"
            ))),
            _ => Ok(()),
        }
    }

    /// Like [`wait_ready`](Self::wait_ready), of one just made, which may not show yet.
    pub async fn wait_created(&self, name: &str) -> Result<()> {
        wait::until(&self.aws.control, &hidden(name), SHOWS, || {
            self.get_function(name)
        })
        .await?;
        self.wait_ready(name).await
    }

    /// Deletes a function and waits until it is gone.
    pub async fn delete(&self, name: &str, have: &Have) -> Result<()> {
        if have.state != State::Deleting {
            let request = self.client.delete_function().function_name(name);
            match wait::retry(&self.aws.control, CONFLICT_BUDGET, &[CONFLICT], || {
                request.clone().send()
            })
            .await
            {
                Ok(_) => {}
                Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(()),
                Err(error) => {
                    return Err(aws_error(
                        "lambda:DeleteFunction",
                        format!("delete function {name}"),
                        error,
                    ));
                }
            }
        }
        let what = format!("function {name} is still there");
        wait::until(&self.aws.control, &what, GONE_DEADLINE, || async {
            Ok(self.get_function(name).await?.is_none().then_some(()))
        })
        .await
    }
}

fn hidden(name: &str) -> String {
    format!("function {name} exists, but Lambda does not show it")
}

/// A refusal that may lie in the role, which is then shown.
fn refused<E>(operation: &str, what: impl Display, want: &Want, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let of_role = ROLE
        .iter()
        .any(|(known, text)| code(&error) == *known && message(&error).contains(text));
    if !of_role {
        return aws_error(operation, what, error);
    }
    let name = want.role.rsplit('/').next().unwrap_or_default();
    aws_error(operation, format!("{what} with role {}", want.role), error).hint(format!(
        "aws iam get-role --role-name {name} shows whom it trusts"
    ))
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}

fn have(told: FunctionConfiguration) -> Have {
    let (state, settings) = (state(&told), settings(&told));
    let log = told
        .logging_config
        .unwrap_or_else(|| LoggingConfig::builder().build());
    let own_group = || {
        format!(
            "/aws/lambda/{}",
            told.function_name.as_deref().unwrap_or_default()
        )
    };
    let variables = told
        .environment
        .and_then(|environment| environment.variables)
        .unwrap_or_default();
    let mut variables: Vec<String> = variables.into_keys().collect();
    variables.sort_unstable();
    let architecture = told
        .architectures
        .unwrap_or_default()
        .into_iter()
        .next()
        .unwrap_or(Architecture::X8664);
    Have {
        state,
        package: told
            .package_type
            .unwrap_or(PackageType::Zip)
            .as_str()
            .into(),
        sha: told.code_sha256.unwrap_or_default(),
        architecture: architecture.as_str().into(),
        runtime: told
            .runtime
            .map(|runtime| runtime.as_str().into())
            .unwrap_or_default(),
        handler: told.handler.unwrap_or_default(),
        role: told.role.unwrap_or_default(),
        timeout: told.timeout.unwrap_or_default(),
        memory: told.memory_size.unwrap_or_default(),
        description: told.description.unwrap_or_default(),
        variables,
        subnets: told
            .vpc_config
            .and_then(|vpc| vpc.subnet_ids)
            .unwrap_or_default(),
        log_group: log.log_group.unwrap_or_else(own_group),
        log_format: log
            .log_format
            .map_or(plan::LOG_FORMAT.into(), |format| format.as_str().into()),
        settings,
        ..Have::default()
    }
}

/// After what an event is sent elsewhere.
fn destinations(told: DestinationConfig) -> Vec<String> {
    let success = told.on_success.and_then(|on| on.destination);
    let failure = told.on_failure.and_then(|on| on.destination);
    let all = [("success", success), ("failure", failure)].into_iter();
    all.filter(|(_, where_to)| where_to.as_deref().is_some_and(is_said))
        .map(|(after, _)| after.to_string())
        .collect()
}

/// What a function is set to beside what we set, by name.
fn settings(told: &FunctionConfiguration) -> Vec<String> {
    let settings = [
        ("layers", !told.layers().is_empty()),
        ("file systems", !told.file_system_configs().is_empty()),
        (
            "dead-letter queue",
            told.dead_letter_config()
                .and_then(|queue| queue.target_arn())
                .is_some_and(is_said),
        ),
        (
            "tracing",
            told.tracing_config().and_then(|tracing| tracing.mode()) == Some(&TracingMode::Active),
        ),
        (
            "disk",
            told.ephemeral_storage()
                .is_some_and(|disk| disk.size != plan::DISK),
        ),
        ("key", told.kms_key_arn().is_some_and(is_said)),
    ];
    settings
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| name.to_string())
        .collect()
}

fn is_said(text: &str) -> bool {
    !text.is_empty()
}

/// How a function is, by its two states. Until it was changed once, the second may be missing.
fn state(told: &FunctionConfiguration) -> State {
    let why = |reason: Option<&str>, code: Option<&str>| {
        let reason = reason.unwrap_or("no reason").trim_end_matches('.');
        code.map_or(reason.to_string(), |code| format!("{reason} ({code})"))
    };
    match (told.state(), told.last_update_status()) {
        (Some(Told::Deleting), _) => State::Deleting,
        (Some(Told::Failed), _) => State::Failed(why(
            told.state_reason(),
            told.state_reason_code().map(|code| code.as_str()),
        )),
        (Some(Told::Pending), _) | (_, Some(LastUpdateStatus::InProgress)) => State::Busy,
        (_, Some(LastUpdateStatus::Failed)) => State::UpdateFailed(why(
            told.last_update_status_reason(),
            told.last_update_status_reason_code()
                .map(|code| code.as_str()),
        )),
        _ => State::Ready,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::config::http::HttpResponse;
    use aws_sdk_lambda::error::ErrorMetadata;
    use aws_sdk_lambda::primitives::SdkBody;
    use aws_sdk_lambda::types::{LastUpdateStatusReasonCode, StateReasonCode};

    use super::*;
    use crate::code::code;

    fn told() -> aws_sdk_lambda::types::builders::FunctionConfigurationBuilder {
        FunctionConfiguration::builder()
            .state(Told::Active)
            .last_update_status(LastUpdateStatus::Successful)
    }

    #[test]
    fn both_states_say_how_a_function_is() {
        let failed = told()
            .state(Told::Failed)
            .state_reason("No.")
            .state_reason_code(StateReasonCode::InternalError);
        let stale = told()
            .last_update_status(LastUpdateStatus::Failed)
            .last_update_status_reason("No.");
        let stale = stale.last_update_status_reason_code(
            LastUpdateStatusReasonCode::InsufficientRolePermissions,
        );
        for (told, wanted) in [
            (told(), State::Ready),
            (told().set_last_update_status(None), State::Ready),
            (told().state(Told::Inactive), State::Ready),
            (
                told().state(Told::Pending).set_last_update_status(None),
                State::Busy,
            ),
            (
                told().last_update_status(LastUpdateStatus::InProgress),
                State::Busy,
            ),
            (failed, State::Failed("No (InternalError)".into())),
            (
                stale,
                State::UpdateFailed("No (InsufficientRolePermissions)".into()),
            ),
            (told().state(Told::Deleting), State::Deleting),
        ] {
            assert_eq!(state(&told.build()), wanted);
        }
    }

    #[test]
    fn what_others_set_is_named_and_what_every_function_has_is_not() {
        let bare = told().function_name("f").build();
        let default = told()
            .function_name("f")
            .tracing_config(
                aws_sdk_lambda::types::TracingConfigResponse::builder()
                    .mode(TracingMode::PassThrough)
                    .build(),
            )
            .ephemeral_storage(EphemeralStorage::builder().size(512).build().unwrap())
            .dead_letter_config(DeadLetterConfig::builder().target_arn("").build())
            .logging_config(
                LoggingConfig::builder()
                    .log_format(LogFormat::Text)
                    .log_group("/aws/lambda/f")
                    .build(),
            )
            .build();
        for told in [bare, default] {
            let have = have(told);
            assert_eq!(
                (
                    have.settings,
                    have.log_group.as_str(),
                    have.log_format.as_str()
                ),
                (vec![], "/aws/lambda/f", "Text")
            );
        }
        let other = told()
            .layers(aws_sdk_lambda::types::Layer::builder().arn("arn").build())
            .file_system_configs(
                aws_sdk_lambda::types::FileSystemConfig::builder()
                    .arn("arn")
                    .local_mount_path("/mnt/x")
                    .build()
                    .unwrap(),
            )
            .tracing_config(
                aws_sdk_lambda::types::TracingConfigResponse::builder()
                    .mode(TracingMode::Active)
                    .build(),
            )
            .ephemeral_storage(EphemeralStorage::builder().size(1024).build().unwrap())
            .dead_letter_config(DeadLetterConfig::builder().target_arn("arn").build())
            .kms_key_arn("arn");
        assert_eq!(
            have(other.build()).settings,
            [
                "layers",
                "file systems",
                "dead-letter queue",
                "tracing",
                "disk",
                "key"
            ]
        );
    }

    #[test]
    fn a_refusal_of_the_role_shows_the_role() {
        let env: Env = serde_json::from_str(
            r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#,
        )
        .unwrap();
        let want = plan::want(
            &env,
            "web",
            "arn:aws:iam::123456789012:role/a/b",
            "/x",
            &code().unwrap(),
        );
        let error = |message: &str| {
            let meta = ErrorMetadata::builder()
                .code("InvalidParameterValueException")
                .message(message)
                .build();
            SdkError::service_error(
                meta,
                HttpResponse::new(400.try_into().unwrap(), SdkBody::empty()),
            )
        };
        let refusal = error("The role defined for the function cannot be assumed by Lambda.");
        let told = refused("lambda:CreateFunction", "create function x", &want, refusal);
        assert_eq!(
            told.message,
            "cannot create function x with role arn:aws:iam::123456789012:role/a/b: The role defined for the function cannot be assumed by Lambda (lambda:CreateFunction, InvalidParameterValueException)"
        );
        assert_eq!(
            told.hint.as_deref(),
            Some("aws iam get-role --role-name b shows whom it trusts")
        );
        let told = refused(
            "lambda:CreateFunction",
            "create function x",
            &want,
            error("Memory"),
        );
        assert!(
            !told.message.contains("role") && told.hint.is_none(),
            "{told:?}"
        );
    }
}
