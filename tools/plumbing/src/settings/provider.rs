//! The identity that was decided on, as a provider of the SDK's, and the words for its failures: whose
//! credentials they are, and what to do.

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::credential_process::CredentialProcessProvider;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
#[allow(deprecated)] // the name that needs no crate of its own
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::connection::Told;
use crate::error::{self, Error, Kind, Result, find};
use crate::settings::files::wrong;
use crate::settings::identity::{Identity, Role, Source, Sso};
use crate::settings::metadata::Metadata;

/// The profile of the text that the SDK is given to read.
pub(super) const PROFILE: &str = "plumbline";

/// What the providers are made with.
pub(super) struct Means<'a> {
    /// Region, endpoint and HTTP client, for roles.
    pub(super) config: &'a SdkConfig,
    /// The same for all others, and without any proxy for what is this machine's own.
    pub(super) provider: ProviderConfig,
    pub(super) direct: ProviderConfig,
    /// The endpoints of the profile, as the SDK reads them.
    pub(super) endpoints: &'a str,
    pub(super) metadata: &'a Metadata,
}

/// Whose credentials a provider has.
#[derive(Debug)]
enum Whose {
    Role { arn: String, profile: String },
    WebIdentity { arn: String, token_file: String },
    Sso { profile: String },
    Login { profile: String },
    Process { profile: String },
    Container(&'static str),
    Machine,
}

/// Makes the provider.
pub(super) async fn provider(
    identity: Identity,
    means: &Means<'_>,
) -> Result<SharedCredentialsProvider> {
    let profile = identity.profile.unwrap_or_default();
    let mut provider = source(identity.source, profile, means)?;
    for role in identity.roles {
        provider = assumed(role, provider, means.config).await;
    }
    Ok(provider)
}

fn source(source: Source, profile: String, means: &Means<'_>) -> Result<SharedCredentialsProvider> {
    Ok(match source {
        Source::Keys(keys) => SharedCredentialsProvider::new(Credentials::new(
            keys.access,
            keys.secret,
            keys.token,
            keys.expires,
            "Settings",
        )),
        Source::WebIdentity {
            token_file,
            role_arn,
            session_name,
        } => {
            let mut settings = vec![
                ("role_arn", role_arn.as_str()),
                ("web_identity_token_file", token_file.as_str()),
            ];
            settings.extend(
                session_name
                    .as_deref()
                    .map(|name| ("role_session_name", name)),
            );
            let provider = read_by_the_sdk(&settings, &[], means)?;
            worded(
                Whose::WebIdentity {
                    arn: role_arn,
                    token_file,
                },
                provider,
            )
        }
        Source::Sso(sso) => worded(Whose::Sso { profile }, of_sso(&sso, means)?),
        Source::Login(session) => {
            let provider = read_by_the_sdk(&[("login_session", &session)], &[], means)?;
            worded(Whose::Login { profile }, provider)
        }
        Source::Process(words) => {
            // The SDK gives it to a shell, and botocore does not.
            let quoted = words
                .iter()
                .map(|word| format!("'{}'", word.replace('\'', r"'\''")));
            let command = quoted.collect::<Vec<_>>().join(" ");
            worded(
                Whose::Process { profile },
                CredentialProcessProvider::new(command),
            )
        }
        Source::Container(variable) => {
            let provider = EcsCredentialsProvider::builder()
                .configure(&means.direct)
                .build();
            worded(Whose::Container(variable), provider)
        }
        Source::Machine => worded(Whose::Machine, of_machine(means)?),
    })
}

fn of_sso(sso: &Sso, means: &Means<'_>) -> Result<ProfileFileCredentialsProvider> {
    let place = [
        ("sso_start_url", sso.start_url.as_str()),
        ("sso_region", sso.region.as_str()),
    ];
    let mut settings = vec![
        ("sso_account_id", sso.account.as_str()),
        ("sso_role_name", sso.role.as_str()),
    ];
    match &sso.session {
        Some(session) => settings.push(("sso_session", session)),
        None => settings.extend(place),
    }
    let session = sso.session.as_deref().map(|name| (name, &place[..]));
    read_by_the_sdk(&settings, session.as_slice(), means)
}

/// A provider that the SDK makes from a text like that of a profile.
#[allow(deprecated)]
fn read_by_the_sdk(
    settings: &[(&str, &str)],
    session: &[(&str, &[(&str, &str)])],
    means: &Means<'_>,
) -> Result<ProfileFileCredentialsProvider> {
    let mut text = format!("[profile {PROFILE}]\n{}", lines(settings)?);
    text.push_str(means.endpoints);
    for (name, settings) in session {
        text.push_str(&format!(
            "[sso-session {}]\n{}",
            plain("sso_session", name)?,
            lines(settings)?
        ));
    }
    let files = ProfileFiles::builder()
        .with_contents(ProfileFileKind::Config, text)
        .build();
    Ok(ProfileFileCredentialsProvider::builder()
        .configure(&means.provider)
        .profile_files(files)
        .profile_name(PROFILE)
        .build())
}

fn lines(settings: &[(&str, &str)]) -> Result<String> {
    let line = |(name, value): &(&str, &str)| Ok(format!("{name} = {}\n", plain(name, value)?));
    settings.iter().map(line).collect()
}

/// A value that the SDK reads as botocore does: no comment in it, and one line.
fn plain<'a>(name: &str, value: &'a str) -> Result<&'a str> {
    if value.contains(['\n', '\r', '#', ';']) || value.trim() != value {
        let why = format!(
            "{name} '{}' holds what no such setting does",
            value.escape_debug()
        );
        return Err(wrong(why, format!("mend {name}")));
    }
    Ok(value)
}

fn of_machine(means: &Means<'_>) -> Result<ImdsCredentialsProvider> {
    let metadata = means.metadata;
    let conf = if metadata.direct {
        &means.direct
    } else {
        &means.provider
    };
    let client = imds::Client::builder()
        .configure(conf)
        .endpoint(&metadata.endpoint)
        .map_err(|_| metadata.refused())?
        .max_attempts(metadata.attempts)
        .connect_timeout(Duration::from_secs(metadata.seconds))
        .read_timeout(Duration::from_secs(metadata.seconds))
        .build();
    Ok(ImdsCredentialsProvider::builder()
        .configure(conf)
        .imds_client(client)
        .build())
}

async fn assumed(
    role: Role,
    by: SharedCredentialsProvider,
    config: &SdkConfig,
) -> SharedCredentialsProvider {
    let mut builder = AssumeRoleProvider::builder(&role.arn).configure(config);
    if let Some(id) = role.external_id {
        builder = builder.external_id(id);
    }
    if let Some(name) = role.session_name {
        builder = builder.session_name(name);
    }
    if let Some(seconds) = role.seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
        builder = builder.session_length(Duration::from_secs(seconds));
    }
    let provider = builder.build_from_provider(by).await;
    worded(
        Whose::Role {
            arn: role.arn,
            profile: role.profile,
        },
        provider,
    )
}

fn worded(whose: Whose, inner: impl ProvideCredentials + 'static) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Worded {
        whose,
        inner: SharedCredentialsProvider::new(inner),
    })
}

/// A provider whose failures are told in our words.
#[derive(Debug)]
struct Worded {
    whose: Whose,
    inner: SharedCredentialsProvider,
}

impl ProvideCredentials for Worded {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let answer = self.inner.provide_credentials().await;
            answer.map_err(|error| self.whose.told(error))
        })
    }
}

impl Whose {
    /// What failed before it, or between it and its endpoint, is told as it is; but a machine without a
    /// metadata service is no fault.
    fn told(&self, error: CredentialsError) -> CredentialsError {
        let own = matches!(self, Whose::Container(_) | Whose::Machine);
        if !own && find::<Told>(&error).is_some() {
            return error;
        }
        CredentialsError::provider_error(Told(self.words(&error).pipe_wide()))
    }

    fn words(&self, error: &CredentialsError) -> Error {
        let layers = error::words(error);
        let why = match find::<Told>(error) {
            Some(Told(why)) => why.message.clone(),
            None => error::innermost(&layers),
        };
        match self {
            Whose::Role { arn, profile } => role_refused(arn, profile, error),
            Whose::WebIdentity { arn, token_file } => token_refused(arn, token_file, error),
            Whose::Sso { profile } => {
                let what = format!("no credentials: the SSO session of the profile '{profile}'");
                let login =
                    format!("aws sso login --profile {profile}, and run the pipeline again");
                of_session(&what, &why, &login, error)
            }
            Whose::Login { profile } => {
                let what = format!("no credentials: the login session of the profile '{profile}'");
                let login = format!("aws login --profile {profile}, and run the pipeline again");
                of_session(&what, &why, &login, error)
            }
            Whose::Process { profile } => {
                let why = of_process(profile, &layers.join("\n"));
                let hint = format!("run the credential_process of the profile '{profile}' by hand");
                Error::refused(format!("no credentials: {why}")).hint(hint)
            }
            Whose::Container(variable) => {
                let what = format!("the container's own ({variable}) cannot be had: {why}");
                let token = "AWS_CONTAINER_AUTHORIZATION_TOKEN or its _FILE";
                let hint = format!("look at {variable}, and {token}");
                Error::refused(format!("no credentials: {what}")).hint(hint)
            }
            Whose::Machine if matches!(error, CredentialsError::CredentialsNotLoaded(_)) => none(),
            Whose::Machine => {
                let what = "the metadata service of this machine gave none";
                Error::refused(format!("no credentials: {what}: {why}"))
                    .hint("look at the role of the instance, or set AWS_PROFILE")
            }
        }
    }
}

fn role_refused(arn: &str, profile: &str, error: &CredentialsError) -> Error {
    let what =
        format!("no credentials: the role {arn} of the profile '{profile}' cannot be assumed");
    let hint = "look whether the role trusts the credentials before it (its source_profile or credential_source), whether they may sts:AssumeRole, and at external_id";
    of_sts::<AssumeRoleError>(&what, "sts:AssumeRole", hint, error)
}

fn token_refused(arn: &str, file: &str, error: &CredentialsError) -> Error {
    let io = find::<std::io::Error>(error);
    if io.is_some_and(|io| io.kind() == std::io::ErrorKind::NotFound) {
        let why = format!("there is no token in {file} (AWS_WEB_IDENTITY_TOKEN_FILE)");
        return Error::refused(format!("no credentials: {why}"))
            .hint("look at web_identity_token_file, or at what writes the token");
    }
    let what = format!("no credentials: the role {arn} cannot be assumed with the token in {file}");
    let hint = "look at the token's age, issuer and audience, and at whom the role trusts";
    of_sts::<AssumeRoleWithWebIdentityError>(&what, "sts:AssumeRoleWithWebIdentity", hint, error)
}

fn none() -> Error {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let hint = if set("AWS_SECRET_ACCESS_KEY") {
        "AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not: set both".into()
    } else if set("AWS_PROFILE") || set("AWS_DEFAULT_PROFILE") {
        "the profile has none: look for it in ~/.aws/config, or aws configure".to_string()
    } else {
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".into()
    };
    Error::refused("no credentials: there are none").hint(hint)
}

/// What STS said, or that it said nothing.
fn of_sts<E>(what: &str, operation: &str, hint: &str, error: &CredentialsError) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let sdk = find::<SdkError<E, HttpResponse>>(error);
    let (code, message) = sdk.map_or(("", ""), |sdk| (error::code(sdk), error::message(sdk)));
    if code.is_empty() {
        let text = format!(
            "{what}: {} ({operation})",
            error::innermost(&error::words(error))
        );
        return silent(text, hint, error);
    }
    let message = message.trim().trim_end_matches('.');
    let text = format!("{what}: {message} ({operation}, {code})");
    match error::kind_of(code) {
        Kind::Unfinished => Error::unfinished(text).hint("run the pipeline again"),
        kind => {
            Error::new(kind, text).hint(error::hint_of_credentials(code, message).unwrap_or(hint))
        }
    }
}

/// A session that a person signs in to.
fn of_session(what: &str, why: &str, login: &str, error: &CredentialsError) -> Error {
    if find::<ConnectorError>(error).is_some() {
        return silent(format!("{what}: {why}"), login, error);
    }
    Error::refused(format!("{what} has ended, or never began")).hint(login)
}

/// An error without AWS's words: the connection may come back.
fn silent(text: String, hint: &str, error: &CredentialsError) -> Error {
    if find::<ConnectorError>(error).is_some() {
        return Error::unfinished(text).hint("look at the connection, and run the pipeline again");
    }
    Error::refused(text).hint(hint)
}

/// What is said where a program that gets credentials failed: nothing of what it wrote, which may be
/// secret, and goes into records.
fn of_process(profile: &str, all: &str) -> String {
    let of_profile = format!("the credential_process of the profile '{profile}'");
    let status = all.split_once("external process exited with code ");
    let status = status.and_then(|(_, rest)| rest.split(". Stderr:").next());
    match status {
        Some(status) => format!("{of_profile} ended with {}", error::first_line(status)),
        None => format!("{of_profile} answered none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_credential_process_wrote_is_not_told() {
        let failed = "Error retrieving credentials: external process exited with code exit status: 3. Stderr: hunter2";
        let told = of_process("p", failed);
        assert_eq!(
            told,
            "the credential_process of the profile 'p' ended with exit status: 3"
        );
        let odd =
            "Error retrieving credentials from external process, could not parse response: hunter2";
        assert!(of_process("p", odd).ends_with("' answered none"));
    }

    #[test]
    fn what_the_sdk_would_read_otherwise_is_refused() {
        for value in ["a # b", "a\nb", " a", "a;b"] {
            assert!(plain("x", value).is_err(), "{value}");
        }
        assert_eq!(plain("x", "https://a/b c").unwrap(), "https://a/b c");
    }
}
