//! A function as Lambda answers it, in the words of the plan.

use aws_sdk_lambda::types::{
    self, Architecture, DeadLetterConfig, DestinationConfig, FunctionConfiguration,
    LastUpdateStatus, PackageType, TracingMode,
};

use crate::plan::{DISK, Have, LOG_FORMAT, State};

/// Reads a function's configuration.
pub(super) fn have(answer: FunctionConfiguration) -> Have {
    let mut have = Have {
        state: state(&answer),
        settings: settings(&answer),
        stricter: stricter(&answer),
        sha: answer.code_sha256.unwrap_or_default(),
        handler: answer.handler.unwrap_or_default(),
        role: answer.role.unwrap_or_default(),
        timeout: answer.timeout.unwrap_or_default(),
        memory: answer.memory_size.unwrap_or_default(),
        description: answer.description.unwrap_or_default(),
        log_format: LOG_FORMAT.into(),
        ..Have::default()
    };
    let package = answer.package_type.unwrap_or(PackageType::Zip);
    have.package = package.as_str().into();
    let architecture = match answer.architectures.unwrap_or_default().first() {
        Some(architecture) => architecture.clone(),
        None => Architecture::X8664,
    };
    have.architecture = architecture.as_str().into();
    if let Some(runtime) = answer.runtime {
        have.runtime = runtime.as_str().into();
    }
    let variables = answer
        .environment
        .and_then(|environment| environment.variables);
    have.variables = variables.unwrap_or_default().into_keys().collect();
    have.variables.sort_unstable();
    let name = answer.function_name.unwrap_or_default();
    have.log_group = format!("/aws/lambda/{name}"); // where none is said
    if let Some(logs) = answer.logging_config {
        if let Some(group) = logs.log_group {
            have.log_group = group;
        }
        if let Some(format) = logs.log_format {
            have.log_format = format.as_str().into();
        }
    }
    have
}

/// After what an event is sent elsewhere.
pub(super) fn destinations(answer: DestinationConfig) -> Vec<String> {
    let success = answer.on_success.and_then(|success| success.destination);
    let failure = answer.on_failure.and_then(|failure| failure.destination);
    let settings = [
        ("success", success.as_deref().is_some_and(is_set)),
        ("failure", failure.as_deref().is_some_and(is_set)),
    ];
    names_of_set(&settings)
}

/// What makes a function stricter than we make it, or is otherwise nobody's harm, with its value.
fn stricter(answer: &FunctionConfiguration) -> Vec<String> {
    let subnets = match answer.vpc_config() {
        Some(vpc) => vpc.subnet_ids(),
        None => &[],
    };
    let key = answer.kms_key_arn().filter(|key| is_set(key));
    let tracing = answer.tracing_config().and_then(|tracing| tracing.mode());
    let tracing = tracing.filter(|mode| **mode == TracingMode::Active);
    let stricter = [
        (!subnets.is_empty()).then(|| format!("subnets {}", subnets.join(" "))),
        key.map(|key| format!("key {key}")),
        tracing.map(|_| "tracing".to_string()),
    ];
    stricter.into_iter().flatten().collect()
}

/// What is set of a function that we do not set, by name.
fn settings(answer: &FunctionConfiguration) -> Vec<String> {
    let queue = answer.dead_letter_config();
    let queue = queue.and_then(DeadLetterConfig::target_arn);
    let disk = answer.ephemeral_storage();
    let settings = [
        ("layers", !answer.layers().is_empty()),
        ("file systems", !answer.file_system_configs().is_empty()),
        ("dead-letter queue", queue.is_some_and(is_set)),
        ("disk", disk.is_some_and(|disk| disk.size != DISK)),
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

/// How a function is, by its two states. Until it was changed once, the second may be missing.
fn state(answer: &FunctionConfiguration) -> State {
    match answer.state() {
        Some(types::State::Deleting) => return State::Deleting,
        Some(types::State::Failed) => {
            let code = answer.state_reason_code().map(|code| code.as_str());
            return State::Failed(reason(answer.state_reason(), code));
        }
        Some(types::State::Pending) => return State::Busy,
        _ => {}
    }
    match answer.last_update_status() {
        Some(LastUpdateStatus::InProgress) => State::Busy,
        Some(LastUpdateStatus::Failed) => {
            let code = answer.last_update_status_reason_code();
            let code = code.map(|code| code.as_str());
            State::UpdateFailed(reason(answer.last_update_status_reason(), code))
        }
        _ => State::Ready,
    }
}

fn reason(reason: Option<&str>, code: Option<&str>) -> String {
    let reason = reason.unwrap_or("no reason").trim_end_matches('.');
    match code {
        Some(code) => format!("{reason} ({code})"),
        None => reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::types::builders::FunctionConfigurationBuilder;
    use aws_sdk_lambda::types::{
        EphemeralStorage, FileSystemConfig, LastUpdateStatusReasonCode, Layer, LogFormat,
        LoggingConfig, StateReasonCode, TracingConfigResponse, VpcConfigResponse,
    };

    use super::*;

    fn active() -> FunctionConfigurationBuilder {
        FunctionConfiguration::builder()
            .state(types::State::Active)
            .last_update_status(LastUpdateStatus::Successful)
    }

    fn tracing(mode: TracingMode) -> TracingConfigResponse {
        TracingConfigResponse::builder().mode(mode).build()
    }

    fn disk(size: i32) -> EphemeralStorage {
        EphemeralStorage::builder().size(size).build().unwrap()
    }

    fn queue(arn: &str) -> DeadLetterConfig {
        DeadLetterConfig::builder().target_arn(arn).build()
    }

    #[test]
    fn both_states_say_how_a_function_is() {
        let never_changed = active().set_last_update_status(None);
        let inactive = active().state(types::State::Inactive);
        let pending = active()
            .state(types::State::Pending)
            .set_last_update_status(None);
        let being_changed = active().last_update_status(LastUpdateStatus::InProgress);
        let failed = active()
            .state(types::State::Failed)
            .state_reason("No.")
            .state_reason_code(StateReasonCode::InternalError);
        let update_failed = active()
            .last_update_status(LastUpdateStatus::Failed)
            .last_update_status_reason("No.")
            .last_update_status_reason_code(
                LastUpdateStatusReasonCode::InsufficientRolePermissions,
            );
        let deleting = active().state(types::State::Deleting);
        let update_error = "No (InsufficientRolePermissions)".to_string();
        for (answer, expected) in [
            (active(), State::Ready),
            (never_changed, State::Ready),
            (inactive, State::Ready),
            (pending, State::Busy),
            (being_changed, State::Busy),
            (failed, State::Failed("No (InternalError)".into())),
            (update_failed, State::UpdateFailed(update_error)),
            (deleting, State::Deleting),
        ] {
            assert_eq!(state(&answer.build()), expected);
        }
    }

    #[test]
    fn what_every_function_has_is_no_setting_of_others() {
        let nothing_said = active().function_name("f").build();
        let logs = LoggingConfig::builder()
            .log_format(LogFormat::Text)
            .log_group("/aws/lambda/f");
        let defaults = active()
            .function_name("f")
            .tracing_config(tracing(TracingMode::PassThrough))
            .ephemeral_storage(disk(512))
            .dead_letter_config(queue(""))
            .logging_config(logs.build())
            .build();
        for answer in [nothing_said, defaults] {
            let have = have(answer);
            assert_eq!(have.settings, Vec::<String>::new());
            assert_eq!(have.stricter, Vec::<String>::new());
            assert_eq!(have.log_group, "/aws/lambda/f");
            assert_eq!(have.log_format, "Text");
        }
    }

    #[test]
    fn what_others_set_is_named() {
        let files = FileSystemConfig::builder()
            .arn("arn")
            .local_mount_path("/mnt/x")
            .build()
            .unwrap();
        let answer = active()
            .layers(Layer::builder().arn("arn").build())
            .file_system_configs(files)
            .ephemeral_storage(disk(1024))
            .dead_letter_config(queue("arn"));
        assert_eq!(
            have(answer.build()).settings,
            ["layers", "file systems", "dead-letter queue", "disk"]
        );
        let vpc = VpcConfigResponse::builder().subnet_ids("subnet-1").build();
        let stricter = active()
            .vpc_config(vpc)
            .tracing_config(tracing(TracingMode::Active))
            .kms_key_arn("arn");
        let stricter = have(stricter.build());
        assert_eq!(stricter.settings, Vec::<String>::new());
        assert_eq!(
            stricter.stricter,
            ["subnets subnet-1", "key arn", "tracing"]
        );
    }
}
