//! The AWS settings: everything that the AWS CLI takes from the environment and its two files works here
//! too, or is refused in words; the tools never go on as somebody else than the CLI would.
//!
//! The files are read here as botocore reads them, not by the SDK: [`ini`], [`files`]. [`identity`] decides
//! as whom to call, and [`provider`] makes the SDK's part of that; what the SDK needs to know beside (its
//! endpoints) it is given as a text of our own.

mod endpoint;
mod files;
mod identity;
mod ini;
mod metadata;
mod provider;
mod proxy;
mod wire;

use std::time::Duration;

use aws_config::identity::IdentityCache;
#[allow(deprecated)] // the name that needs no crate of its own
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, ConfigLoader, Region, SdkConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::error::Result;
use crate::region::check_region;
use endpoint::{Endpoints, is_endpoint};
use files::{Files, Profile, Variables, wrong};
use identity::{Source, check_key};
use metadata::Metadata;
use provider::{Means, PROFILE};
use proxy::Proxies;
use wire::{Wire, http_client};

/// The SDK's default is 3; with full jitter from 50 ms up to 1 s, 45 attempts last about 20 seconds.
pub(crate) const ATTEMPTS: u32 = 45;
/// One unlucky call holds up all that needs it, so the SDK's 20 seconds between two attempts are too many.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// How long a connection may take, and one attempt of a call, or of getting at the credentials: a
/// `credential_process` may wait for a person, and the SDK would wait for it for an hour.
const CONNECT: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(60);

/// Reads the settings; the region is the one given, else theirs.
///
/// Errors: one of them cannot be used.
pub(crate) async fn load(tool: &str, region: Option<String>) -> Result<SdkConfig> {
    let variables = variables();
    check(&variables)?;
    let files = Files::read(&variables)?;
    let profile = files.selected(&variables)?;
    let settings = Settings::of(&variables, &files, &profile, region)?;
    let identity = identity::identity(&variables, &files, &profile)?;
    settings.fit(&identity.source)?;
    let config = settings.loader(tool).load().await;
    let means = Means {
        config: &config,
        provider: settings.provider_config(settings.client.clone()),
        direct: match &identity.source {
            Source::Container(_) | Source::Machine => {
                settings.provider_config(http_client(settings.wire_without_proxy())?)
            }
            _ => ProviderConfig::empty(),
        },
        endpoints: &settings.endpoints.text,
        metadata: &settings.metadata,
    };
    let provider = provider::provider(identity, &means).await?;
    Ok(config.into_builder().credentials_provider(provider).build())
}

/// What the settings say of any call, also of one that is not to AWS.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// A file of certificates, and the setting that names it.
    pub bundle: Option<(String, String)>,
    /// The URLs that calls are not to go through a proxy for, as NO_PROXY has them.
    pub except: String,
    proxies: Proxies,
}

impl Surroundings {
    /// Reads the settings.
    ///
    /// Errors: one of them cannot be used.
    pub fn read() -> Result<Surroundings> {
        let variables = variables();
        let profile = Files::read(&variables)?.selected(&variables)?;
        let proxies = Proxies::of(&variables)?;
        Ok(Surroundings {
            bundle: bundle(&variables, &profile)?,
            except: proxies.except.clone(),
            proxies,
        })
    }

    /// The proxy on the way to a URL: the variable that names it, and where it is.
    pub fn proxy_to(&self, url: &str) -> Option<(String, String)> {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let Proxies { http, https, .. } = &self.proxies;
        let proxy = if scheme == "http" { http } else { https };
        let proxy = proxy.clone().filter(|_| !self.proxies.spare(host))?;
        Some((proxy.variable, proxy.url))
    }
}

/// The last of these botocore reads too, where neither of the others is.
fn bundle(variables: &Variables, profile: &Profile) -> Result<Option<(String, String)>> {
    let other = "REQUESTS_CA_BUNDLE";
    let found = value(variables, profile, "AWS_CA_BUNDLE", "ca_bundle").or(variables
        .get(other)
        .map(|path| (path.clone(), other.into())));
    match found {
        Some((path, setting)) if path.trim().is_empty() => Err(wrong(
            format!("{setting} is empty"),
            format!("unset {setting}"),
        )),
        found => Ok(found),
    }
}

fn variables() -> Variables {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Refuses keys with what no key has, and settings that would lead elsewhere than botocore's.
fn check(variables: &Variables) -> Result<()> {
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
    ] {
        if let Some(key) = variables.get(name).filter(|key| !key.is_empty()) {
            check_key(name, key)?;
        }
    }
    Ok(())
}

/// What a variable says, else the profile; and the name and place of the one that says it.
fn value(
    variables: &Variables,
    profile: &Profile,
    variable: &str,
    setting: &str,
) -> Option<(String, String)> {
    if let Some(value) = variables.get(variable) {
        return Some((value.clone(), variable.to_string()));
    }
    let found = profile.get(setting)?;
    Some((found.value.clone(), format!("{setting} ({})", found.place)))
}

struct Settings {
    region: String,
    fips: bool,
    dual_stack: bool,
    endpoints: Endpoints,
    metadata: Metadata,
    wire: Wire,
    client: SharedHttpClient,
}

impl Settings {
    fn of(
        variables: &Variables,
        files: &Files,
        profile: &Profile,
        region: Option<String>,
    ) -> Result<Settings> {
        let get = |variable: &str, setting: &str| value(variables, profile, variable, setting);
        let is = |variable: &str, setting: &str| {
            get(variable, setting).is_some_and(|(value, _)| value.eq_ignore_ascii_case("true"))
        };
        let sts = get("AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints");
        if let Some((value, setting)) =
            sts.filter(|(value, _)| !value.is_empty() && !value.eq_ignore_ascii_case("regional"))
        {
            let why = format!("{setting} is '{value}', and the tools ask STS in the region alone");
            return Err(wrong(why, format!("remove {setting}")));
        }
        let fips = is("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
        let dual_stack = is("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
        let proxies = Proxies::of(variables)?;
        let by_all = |proxy: &proxy::Proxy| proxy.variable.eq_ignore_ascii_case("ALL_PROXY");
        let metadata = Metadata::of(
            variables,
            profile,
            proxies.http.as_ref().is_some_and(by_all),
        )?;
        let mut endpoints = Endpoints::of(variables, files, profile)?;
        endpoints.fit(fips || dual_stack)?;
        endpoints
            .named
            .push((metadata.setting.clone(), metadata.endpoint.clone()));
        let wire = Wire {
            bundle: bundle(variables, profile)?,
            proxies,
            endpoints: endpoints.named.clone(),
        };
        Ok(Settings {
            region: match region {
                Some(region) => check_region(&region)
                    .map_err(|why| wrong(why, "set AWS_REGION"))
                    .map(|()| region)?,
                None => region_of(variables, profile)?,
            },
            fips: fips && !endpoints.is_for_all,
            dual_stack: dual_stack && !endpoints.is_for_all,
            endpoints,
            metadata,
            client: http_client(wire.clone())?,
            wire,
        })
    }

    /// Refuses what the SDK's own clients for credentials would not heed.
    fn fit(&self, source: &Source) -> Result<()> {
        let folder = std::env::var("AWS_LOGIN_CACHE_DIRECTORY").unwrap_or_default();
        if matches!(source, Source::Login(_)) && folder.contains(['~', '$']) {
            let why = format!("AWS_LOGIN_CACHE_DIRECTORY '{folder}' is not written in full");
            return Err(wrong(why, "write the folder in full"));
        }
        let asks = matches!(
            source,
            Source::WebIdentity { .. } | Source::Sso(_) | Source::Login(_)
        );
        match &self.endpoints.ignored {
            Some(endpoint) if asks => {
                let why = format!(
                    "{endpoint} is set, and AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says to ignore it"
                );
                Err(wrong(why, format!("unset {endpoint}")))
            }
            _ => Ok(()),
        }
    }

    #[allow(deprecated)]
    fn loader(&self, tool: &str) -> ConfigLoader {
        let text = format!("[profile {PROFILE}]\n{}", self.endpoints.text);
        let files = ProfileFiles::builder()
            .with_contents(ProfileFileKind::Config, text)
            .build();
        let mut loader = aws_config::from_env()
            .http_client(self.client.clone())
            .region(Region::new(self.region.clone()))
            .profile_files(files)
            .profile_name(PROFILE)
            .no_credentials()
            .use_fips(self.fips)
            .use_dual_stack(self.dual_stack)
            .retry_config(retries(ATTEMPTS))
            // To wait for one's turn looks like a slow upload; an attempt has its time limit.
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled()
                    .upload_enabled(false)
                    .build(),
            )
            .identity_cache(IdentityCache::lazy().load_timeout(ATTEMPT).build())
            .timeout_config(time_limits());
        if let Ok(name) = AppName::new(tool.to_string()) {
            loader = loader.app_name(name); // shows in CloudTrail which tool it was
        }
        loader
    }

    fn provider_config(&self, client: SharedHttpClient) -> ProviderConfig {
        ProviderConfig::without_region()
            .with_region(Some(Region::new(self.region.clone())))
            .with_use_fips(Some(self.fips))
            .with_use_dual_stack(Some(self.dual_stack))
            .with_retry_config(retries(ATTEMPTS))
            .with_timeout_config(time_limits())
            .with_http_client(client)
    }

    fn wire_without_proxy(&self) -> Wire {
        Wire {
            proxies: Proxies::default(),
            ..self.wire.clone()
        }
    }
}

fn time_limits() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .build()
}

pub(crate) fn retries(attempts: u32) -> RetryConfig {
    let retries = RetryConfig::standard().with_max_attempts(attempts);
    retries
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF)
}

/// As the AWS CLI looks for it: AWS_REGION, AWS_DEFAULT_REGION, the profile. An empty AWS_REGION, which
/// many CI systems set, is none.
fn region_of(variables: &Variables, profile: &Profile) -> Result<String> {
    let ours = variables
        .get("AWS_REGION")
        .filter(|region| !region.is_empty());
    let found = match ours {
        Some(region) => Some((region.clone(), "AWS_REGION".to_string())),
        None => value(variables, profile, "AWS_DEFAULT_REGION", "region"),
    };
    let Some((region, setting)) = found else {
        return Ok("us-east-1".into());
    };
    let refuse = |why: String| {
        wrong(
            format!("{why} ({setting})"),
            format!("set AWS_REGION, or mend {setting}"),
        )
    };
    check_region(&region).map_err(refuse)?;
    Ok(region)
}
