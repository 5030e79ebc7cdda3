//! How the metadata service of a machine is reached, as botocore has it (utils.py, `IMDSFetcher`). Pure.

use crate::error::{Error, Result};
use crate::settings::files::{Profile, Variables, wrong};
use crate::settings::value;

/// Where it is, and how long it is waited for.
#[derive(Debug, PartialEq)]
pub(super) struct Metadata {
    pub(super) endpoint: String,
    /// The setting that names the endpoint.
    pub(super) setting: String,
    pub(super) seconds: u64,
    pub(super) attempts: u32,
    /// Whether no proxy that botocore knows is on the way.
    pub(super) direct: bool,
}

impl Metadata {
    /// Reads the settings.
    ///
    /// Errors: one of them cannot be used, whether or not the service is asked.
    pub(super) fn of(variables: &Variables, profile: &Profile, direct: bool) -> Result<Metadata> {
        let get = |variable: &str, setting: &str| value(variables, profile, variable, setting);
        let endpoint = get(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            "ec2_metadata_service_endpoint",
        );
        let mode = get(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
            "ec2_metadata_service_endpoint_mode",
        );
        let v6 = get("AWS_IMDS_USE_IPV6", "imds_use_ipv6")
            .is_some_and(|(v6, _)| v6.eq_ignore_ascii_case("true"));
        let v6 = match &mode {
            Some((mode, _)) if mode.eq_ignore_ascii_case("ipv4") => false,
            Some((mode, _)) if mode.eq_ignore_ascii_case("ipv6") => true,
            Some((mode, setting)) => {
                return Err(wrong(
                    format!("{setting} '{mode}' is neither IPv4 nor IPv6"),
                    format!("mend {setting}"),
                ));
            }
            None => v6,
        };
        let default = if v6 {
            "http://[fd00:ec2::254]"
        } else {
            "http://169.254.169.254"
        };
        let (endpoint, setting) = endpoint
            .filter(|(url, _)| !url.is_empty())
            .unwrap_or((default.into(), "AWS_EC2_METADATA_SERVICE_ENDPOINT".into()));
        let number = |variable: &str, setting: &str| match get(variable, setting) {
            None => Ok(1),
            Some((text, setting)) => text.trim().parse::<u32>().map_err(|_| {
                wrong(
                    format!("{setting} '{text}' is no number"),
                    format!("mend {setting}"),
                )
            }),
        };
        let metadata = Metadata {
            endpoint,
            setting,
            seconds: number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout")?
                .max(1)
                .into(),
            attempts: number(
                "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
                "metadata_service_num_attempts",
            )?
            .max(1),
            direct,
        };
        if !super::is_endpoint(&metadata.endpoint) {
            return Err(metadata.refused());
        }
        Ok(metadata)
    }

    /// The error of an endpoint that is none.
    pub(super) fn refused(&self) -> Error {
        let Metadata {
            endpoint, setting, ..
        } = self;
        let why = format!("{setting} '{endpoint}' is not the URL of an endpoint");
        wrong(why, format!("{setting}=http://HOST:PORT"))
    }
}
