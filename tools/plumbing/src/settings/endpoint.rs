//! The endpoints that the settings name, as botocore finds them (configprovider.py,
//! `ConfiguredEndpointProvider`). Pure.

use crate::error::Result;
use crate::settings::files::{Files, Profile, Variables, wrong};
use crate::settings::ini::nested;
use crate::settings::value;

/// The endpoints of the settings.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Endpoints {
    /// Those of the profile, as lines that the SDK reads; the variables it reads itself.
    pub(super) text: String,
    /// All settings that name one, with its URL.
    pub(super) named: Vec<(String, String)>,
    /// Whether all services have one.
    pub(super) is_for_all: bool,
    /// A setting that names the one of a single service.
    pub(super) for_one: Option<String>,
    /// A variable that names one, where all of them are to be ignored.
    pub(super) ignored: Option<String>,
}

impl Endpoints {
    /// Reads the settings.
    ///
    /// Errors: one of them is not the URL of an endpoint.
    pub(super) fn of(variables: &Variables, files: &Files, profile: &Profile) -> Result<Endpoints> {
        let mut endpoints = Endpoints::default();
        let of_variables = variables
            .iter()
            .filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        for (variable, url) in of_variables {
            check(variable, url)?;
            endpoints.named.push((variable.clone(), url.clone()));
            endpoints.is_for_all |= variable == "AWS_ENDPOINT_URL";
            if variable != "AWS_ENDPOINT_URL" {
                endpoints.for_one = Some(variable.clone());
            }
        }
        let ignore = value(
            variables,
            profile,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "ignore_configured_endpoint_urls",
        );
        if ignore.is_some_and(|(value, _)| value.eq_ignore_ascii_case("true")) {
            return Ok(Endpoints {
                text: "ignore_configured_endpoint_urls = true\n".into(),
                ignored: endpoints.named.pop().map(|(variable, _)| variable),
                ..Endpoints::default()
            });
        }
        if let Some(url) = profile
            .get("endpoint_url")
            .filter(|url| !url.value.is_empty())
        {
            let setting = format!("endpoint_url ({})", url.place);
            check(&setting, &url.value)?;
            endpoints
                .text
                .push_str(&format!("endpoint_url = {}\n", url.value));
            endpoints.named.push((setting, url.value.clone()));
            endpoints.is_for_all = true;
        }
        endpoints.of_services(files, profile)?;
        check_s3(profile)?;
        Ok(endpoints)
    }

    /// Another kind of AWS's hosts does not go for what has an endpoint of its own (botocore); the SDK
    /// refuses the two together, and knows one setting for all services.
    pub(super) fn fit(&self, another_kind: bool) -> Result<()> {
        match &self.for_one {
            Some(setting) if another_kind && !self.is_for_all => {
                let why = format!(
                    "{setting} is set beside AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT, which is not supported"
                );
                Err(wrong(
                    why,
                    "set AWS_ENDPOINT_URL for all services, or unset one of the two",
                ))
            }
            _ => Ok(()),
        }
    }

    fn of_services(&mut self, files: &Files, profile: &Profile) -> Result<()> {
        let Some(services) = profile.get("services") else {
            return Ok(());
        };
        let Some(section) = files.services.get(&services.value) else {
            let why = format!(
                "services ({}) names '{}', which does not exist",
                services.place, services.value
            );
            return Err(wrong(
                why,
                format!("look for [services {}]", services.value),
            ));
        };
        let mut text = String::new();
        for (service, settings) in section {
            let nested = nested(settings).map_err(|why| wrong(why, "mend it"))?;
            let Some(url) = nested.get("endpoint_url").filter(|url| !url.is_empty()) else {
                continue;
            };
            let setting = format!("endpoint_url of {service} ({})", settings.place);
            check(&setting, url)?;
            text.push_str(&format!("{service} =\n  endpoint_url = {url}\n"));
            self.for_one = Some(setting.clone());
            self.named.push((setting, url.clone()));
        }
        if !text.is_empty() {
            self.text
                .push_str(&format!("services = own\n[services own]\n{text}"));
        }
        Ok(())
    }
}

/// Refuses other hosts of S3 than the tools ask.
fn check_s3(profile: &Profile) -> Result<()> {
    let Some(s3) = profile.get("s3") else {
        return Ok(());
    };
    let nested = nested(s3).map_err(|why| wrong(why, "mend it"))?;
    for name in ["use_accelerate_endpoint", "use_dualstack_endpoint"] {
        if nested
            .get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            let why = format!("{name} of s3 ({}) is not supported", s3.place);
            return Err(wrong(
                why,
                "remove it; use_dualstack_endpoint of the profile itself goes for all services",
            ));
        }
    }
    Ok(())
}

/// Refuses what the SDK would panic over, or use as it is.
fn check(setting: &str, url: &str) -> Result<()> {
    if url.is_empty() {
        return Err(wrong(
            format!("{setting} is empty"),
            format!("unset {setting}"),
        ));
    }
    if !is_endpoint(url) {
        let why = format!("{setting} '{url}' is not the URL of an endpoint");
        return Err(wrong(why, format!("{setting}=http://HOST:PORT")));
    }
    Ok(())
}

/// Whether it begins like the URL of a host.
pub(super) fn is_endpoint(url: &str) -> bool {
    let host = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['))
        && url.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sdk_would_panic_over_is_refused() {
        for (setting, value, why) in [
            ("AWS_ENDPOINT_URL", "", "AWS_ENDPOINT_URL is empty"),
            ("AWS_ENDPOINT_URL_S3", "", "AWS_ENDPOINT_URL_S3 is empty"),
            (
                "AWS_ENDPOINT_URL",
                "localhost:5000",
                "AWS_ENDPOINT_URL 'localhost:5000' is not the URL of an endpoint",
            ),
            (
                "AWS_ENDPOINT_URL",
                "http://",
                "AWS_ENDPOINT_URL 'http://' is not the URL of an endpoint",
            ),
            (
                "AWS_ENDPOINT_URL",
                "ftp://x",
                "AWS_ENDPOINT_URL 'ftp://x' is not the URL of an endpoint",
            ),
        ] {
            assert_eq!(check(setting, value).unwrap_err().message, why);
        }
        for url in ["http://127.0.0.1:5000", "https://[::1]/x"] {
            assert_eq!(check("AWS_ENDPOINT_URL", url), Ok(()), "{url}");
        }
    }
}
