//! The proxies that the environment names, as Python finds them (urllib's `getproxies`): a variable in
//! small letters wins, and where it is empty there is none. ALL_PROXY, which curl reads and Python does
//! not, counts where no other does.

use std::fmt::{Debug, Formatter};

use crate::error::Result;
use crate::settings::files::{Variables, wrong};

/// A proxy, and the variable that names it.
#[derive(Clone, PartialEq)]
pub(crate) struct Proxy {
    pub(crate) variable: String,
    /// It may hold a password.
    pub(crate) url: String,
}

impl Debug for Proxy {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.variable)
    }
}

/// Which proxy plain calls go through, and which secure ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Proxies {
    pub(crate) http: Option<Proxy>,
    pub(crate) https: Option<Proxy>,
    pub(crate) except: String,
}

impl Proxies {
    /// Reads the variables.
    ///
    /// Errors: one of them names what is no HTTP proxy.
    pub(crate) fn of(variables: &Variables) -> Result<Proxies> {
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            for variable in [name.to_lowercase(), name.to_string()] {
                if let Some(url) = variables.get(&variable).filter(|url| !url.is_empty()) {
                    usable(&variable, url)?;
                }
            }
        }
        let all = of(variables, "ALL_PROXY");
        // In a CGI program HTTP_PROXY is a header of its client's.
        let is_cgi = variables.contains_key("REQUEST_METHOD");
        let http =
            of(variables, "HTTP_PROXY").filter(|proxy| !is_cgi || proxy.variable == "http_proxy");
        let except = of(variables, "NO_PROXY").map_or(String::new(), |proxy| proxy.url);
        if except.trim() == "*" {
            return Ok(Proxies::default());
        }
        Ok(Proxies {
            http: http.or(all.clone()),
            https: of(variables, "HTTPS_PROXY").or(all),
            except,
        })
    }

    /// Whether NO_PROXY names a host; for words alone, since the HTTP client knows ranges too.
    pub(crate) fn spare(&self, host: &str) -> bool {
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let mut names = self
            .except
            .split(',')
            .map(|name| name.trim().trim_start_matches('.'));
        names.any(|name| {
            let is_within = host
                .strip_suffix(name)
                .is_some_and(|rest| rest.ends_with('.'));
            !name.is_empty() && (host == name || is_within)
        })
    }
}

fn of(variables: &Variables, name: &str) -> Option<Proxy> {
    let small = name.to_lowercase();
    let variable = if variables.contains_key(&small) {
        small
    } else {
        name.to_string()
    };
    let url = variables.get(&variable).filter(|url| !url.is_empty())?;
    let url = if name == "NO_PROXY" {
        url.clone()
    } else {
        with_scheme(url)
    };
    Some(Proxy { variable, url })
}

fn with_scheme(url: &str) -> String {
    if url.contains("://") {
        return url.to_string();
    }
    format!("http://{}", url.trim_start_matches('/'))
}

/// Refuses what is no HTTP proxy; the URL itself may hold a password, and is not told.
fn usable(variable: &str, url: &str) -> Result<()> {
    let url = with_scheme(url);
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let hint = format!("{variable}=http://HOST:PORT");
    if scheme.to_ascii_lowercase().starts_with("socks") {
        let why = format!(
            "{variable} names a SOCKS proxy ({scheme}://), which the tools do not go through"
        );
        return Err(wrong(why, hint));
    }
    let host = rest.rsplit('@').next().unwrap_or_default();
    let is_host = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    if !["http", "https"].contains(&scheme)
        || !is_host
        || !url.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(wrong(
            format!("{variable} is not the URL of an HTTP proxy"),
            hint,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_all(all: &[(&str, &str)]) -> Result<Proxies> {
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Proxies::of(&all.iter().map(own).collect())
    }

    #[test]
    fn proxies_are_found_as_python_finds_them() {
        let url = |proxy: Option<Proxy>| proxy.map(|proxy| proxy.url).unwrap_or_default();
        for (all, http, https) in [
            (&[][..], "", ""),
            (
                &[("HTTP_PROXY", "a:1"), ("HTTPS_PROXY", "http://b:2")],
                "http://a:1",
                "http://b:2",
            ),
            (
                &[("HTTP_PROXY", "a:1"), ("http_proxy", "c:3")],
                "http://c:3",
                "",
            ),
            (&[("HTTPS_PROXY", "a:1"), ("https_proxy", "")], "", ""),
            (&[("HTTP_PROXY", "a:1"), ("REQUEST_METHOD", "GET")], "", ""),
            (
                &[("ALL_PROXY", "a:1"), ("http_proxy", "c:3")],
                "http://c:3",
                "http://a:1",
            ),
        ] {
            let proxies = of_all(all).unwrap();
            assert_eq!(
                (url(proxies.http), url(proxies.https)),
                (http.into(), https.into())
            );
        }
    }

    #[test]
    fn what_is_no_http_proxy_is_refused_in_every_spelling() {
        for variable in [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
        ] {
            for url in [
                "socks5h://h:1",
                "socks4://h",
                "SOCKS5://h:1",
                "ftp://h",
                "http://",
                "h h",
            ] {
                let why = of_all(&[(variable, url)]).unwrap_err();
                assert!(why.message.starts_with(variable), "{why}");
            }
        }
        let secret = of_all(&[("HTTPS_PROXY", "ftp://u:hunter2@h")]).unwrap_err();
        assert!(!secret.message.contains("hunter2"));
    }
}
