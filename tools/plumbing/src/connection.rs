//! What can stand between a call and its answer, and does not pass by asking again: a certificate that
//! nobody trusts, a proxy that refuses, a page instead of an answer, a host that does not exist. Pure.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io::{Error as IoError, ErrorKind};

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use crate::error::Error;
use crate::terminal::printable;

/// How much of a page is looked at, and of its title told.
const LOOKED_AT: usize = 64 << 10;
const TITLE: usize = 100;
/// How the machine says that a name may be known later (glibc's EAI_AGAIN).
const NAME_LATER: &str = "Temporary failure";

/// Where a call went.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// The host, with its port where it has one of its own.
    pub host: String,
    /// The setting that names this host, or what to look at instead.
    pub setting: String,
    /// The variable of the proxy on the way, if there is one.
    pub proxy: Option<String>,
    /// Whether this host has answered before: what fails then may pass.
    pub reached: bool,
}

/// An error of a connection in words that lack what was done, and in which operation. It goes through
/// the SDK as it is.
#[derive(Clone, Debug)]
pub(crate) struct Told(pub(crate) Error);

impl Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl StdError for Told {}

impl Way {
    /// The fault in words, if asking again cannot mend it.
    pub fn lasting(&self, error: &(dyn StdError + 'static)) -> Option<Error> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(why) = tls_of(error).and_then(|tls| self.of_tls(tls)) {
                return Some(why);
            }
            if let Some(io) = error.downcast_ref::<IoError>() {
                let inner = io
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<TlsError>());
                if let Some(why) = inner.and_then(|tls| self.of_tls(tls)) {
                    return Some(why);
                }
                if io.kind() == ErrorKind::ConnectionRefused && !self.reached {
                    return Some(self.nobody_listens());
                }
            }
            let text = error.to_string();
            if let Some(why) = self.of_text(&text) {
                return Some(why);
            }
            next = error.source();
        }
        None
    }

    fn of_tls(&self, error: &TlsError) -> Option<Error> {
        let host = &self.host;
        let what = format!("the certificate of {host}");
        let bundle = "AWS_CA_BUNDLE=FILE with the certificate of the CA, if a proxy opens TLS or the endpoint has a CA of its own";
        let (why, hint) = match error {
            TlsError::InvalidCertificate(why) => match why {
                CertificateError::UnknownIssuer => {
                    (format!("{what} is of nobody whom this machine trusts"), bundle.into())
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                    format!("{what} has expired"),
                    "look at this machine's clock, and tell who runs the endpoint".into(),
                ),
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    (format!("{what} is not valid yet"), "look at this machine's clock".into())
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => (
                    format!("{what} is for another name"),
                    format!("look at the host in {}", self.setting),
                ),
                CertificateError::Revoked => (format!("{what} has been revoked"), bundle.into()),
                other if format!("{other:?}").contains("CaUsedAsEndEntity") => (
                    format!("{what} is a CA's own, which is no server's"),
                    "give the endpoint a certificate that the CA has signed (basicConstraints CA:FALSE)".into(),
                ),
                _ => (format!("{what} is not sound"), bundle.into()),
            },
            _ if self.reached => return None,
            TlsError::InvalidMessage(_) => (
                format!("{host} does not speak TLS"),
                format!("http:// instead of https:// in {}, if it is an emulator", self.setting),
            ),
            TlsError::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion) => (
                format!("{host} speaks no TLS that the tools speak"),
                format!("look at {}", self.setting),
            ),
            _ => return None,
        };
        Some(Error::refused(why).hint(hint).pipe_wide())
    }

    /// What only its words tell: the types are the HTTP client's own.
    fn of_text(&self, text: &str) -> Option<Error> {
        if text.contains("proxy authorization required") {
            return Some(self.proxy_refuses("wants a user and a password"));
        }
        if self.reached {
            return None;
        }
        if text.starts_with("tunnel error: unsuccessful") {
            return Some(self.proxy_refuses("does not let the call through"));
        }
        if text.starts_with("failed to lookup address") && !text.contains(NAME_LATER) {
            let why = match &self.proxy {
                Some(variable) => format!("the host of the proxy ({variable}) does not exist"),
                None => format!("the host {} does not exist", self.host),
            };
            return Some(
                Error::refused(why)
                    .hint(format!("look at {}", self.look_at()))
                    .pipe_wide(),
            );
        }
        None
    }

    fn nobody_listens(&self) -> Error {
        let why = match &self.proxy {
            Some(variable) => format!("nobody listens where the proxy should be ({variable})"),
            None => format!("nobody listens at {} (connection refused)", self.host),
        };
        Error::refused(why)
            .hint(format!("look at {}", self.look_at()))
            .pipe_wide()
    }

    /// A proxy that refuses, on the way to a host.
    pub fn proxy_refuses(&self, what: &str) -> Error {
        let variable = self.proxy.as_deref().unwrap_or("HTTPS_PROXY");
        let hint = format!(
            "{variable}=http://USER:PASSWORD@HOST:PORT, or the host in NO_PROXY if it needs no proxy"
        );
        let why = format!("the proxy ({variable}) {what} to {}", self.host);
        Error::refused(why).hint(hint).pipe_wide()
    }

    /// A page where an answer belongs.
    pub(crate) fn page(&self, status: u16, title: &str) -> Error {
        let why = page_words(status, title);
        let by = match &self.proxy {
            Some(variable) => format!("the proxy ({variable}) or {}", self.setting),
            None => format!(
                "{}, and for a gateway that wants to be signed in to",
                self.setting
            ),
        };
        Error::refused(why)
            .hint(format!(
                "something answers in the place of {}: look at {by}",
                self.host
            ))
            .pipe_wide()
    }

    fn look_at(&self) -> &str {
        self.proxy.as_deref().unwrap_or(&self.setting)
    }
}

/// The error of TLS that an error is; those of the system hold it without naming it as their source.
fn tls_of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a TlsError> {
    let mut error = error;
    while let Some(held) = error.downcast_ref::<IoError>().and_then(IoError::get_ref) {
        error = held;
    }
    error.downcast_ref()
}

/// That a page came, with its title.
pub fn page_words(status: u16, title: &str) -> String {
    if title.is_empty() {
        return format!("a web page came instead of an answer (status {status})");
    }
    format!("a web page came instead of an answer (status {status}, '{title}')")
}

/// The title of a web page, "" if it has none; None where it is no page.
pub fn page_title(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
    let text = text.trim_start_matches('\u{feff}');
    let small = text.to_ascii_lowercase();
    let mut rest = small.trim_start();
    let mut is_page = false;
    for (begin, end) in [
        ("<?", "?>"),
        ("<!--", "-->"),
        ("<!doctype", ">"),
        ("<!--", "-->"),
    ] {
        if let Some(within) = rest.strip_prefix(begin) {
            let (inner, after) = within.split_once(end)?;
            is_page |= begin == "<!doctype" && inner.trim_start().starts_with("html");
            rest = after.trim_start();
        }
    }
    if !is_page && !rest.starts_with("<html") {
        return None;
    }
    let title = small.find("<title").and_then(|at| {
        let begin = at + small[at..].find('>')? + 1;
        let end = begin + small[begin..].find("</title")?;
        Some(&text[begin..end])
    });
    let words: Vec<&str> = title.unwrap_or_default().split_whitespace().collect();
    let shown: String = words.join(" ").chars().take(TITLE).collect();
    Some(printable(&shown))
}

/// Whether a refusal is an emulator's word that it has no such service: what HTTP says of unknown things,
/// without a code of AWS's, or what LocalStack and its kin say under one. Any other trouble may pass, and
/// what is there stays hidden until then.
pub fn is_lacking(message: &str) -> bool {
    let unknown =
        |status| message.contains(&format!("answered {status} without an AWS error code"));
    let not_there = ["not yet been ", "not yet implemented"];
    [400, 404, 405, 501].into_iter().any(unknown)
        || not_there.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(proxy: Option<&str>, reached: bool) -> Way {
        Way {
            host: "x.example".into(),
            setting: "AWS_ENDPOINT_URL".into(),
            proxy: proxy.map(str::to_string),
            reached,
        }
    }

    fn io(inner: TlsError) -> IoError {
        IoError::new(ErrorKind::InvalidData, inner)
    }

    #[test]
    fn a_certificate_that_cannot_be_used_says_why() {
        let ca = CertificateError::Other(rustls::OtherError(std::sync::Arc::new(IoError::other(
            "CaUsedAsEndEntity",
        ))));
        for (why, words, hint) in [
            (
                CertificateError::UnknownIssuer,
                "is of nobody whom this machine trusts",
                "AWS_CA_BUNDLE",
            ),
            (CertificateError::Expired, "has expired", "clock"),
            (CertificateError::NotValidYet, "is not valid yet", "clock"),
            (
                CertificateError::NotValidForName,
                "is for another name",
                "AWS_ENDPOINT_URL",
            ),
            (ca, "is a CA's own", "CA:FALSE"),
            (
                CertificateError::BadEncoding,
                "is not sound",
                "AWS_CA_BUNDLE",
            ),
        ] {
            let error = IoError::other(io(TlsError::InvalidCertificate(why)));
            let told = way(None, true).lasting(&error).unwrap();
            assert!(told.message.contains(words) && told.pipe_wide, "{told}");
            assert!(told.hint.unwrap().contains(hint));
        }
    }

    #[test]
    fn what_a_host_did_that_has_answered_before_may_pass() {
        let refused = IoError::from(ErrorKind::ConnectionRefused);
        let none =
            IoError::other("failed to lookup address information: Name or service not known");
        let later = IoError::other(
            "failed to lookup address information: Temporary failure in name resolution",
        );
        let proxy = IoError::other("tunnel error: unsuccessful");
        for (error, words) in [
            (&refused, "nobody listens at x.example"),
            (&none, "x.example does not exist"),
            (&proxy, "the proxy (HTTPS_PROXY)"),
        ] {
            assert!(
                way(None, false)
                    .lasting(error)
                    .unwrap()
                    .message
                    .contains(words)
            );
            assert_eq!(way(None, true).lasting(error), None);
        }
        assert_eq!(way(None, false).lasting(&later), None);
        let wants = IoError::other("tunnel error: proxy authorization required");
        let told = way(Some("https_proxy"), true).lasting(&wants).unwrap();
        assert!(
            told.message.contains("(https_proxy) wants a user"),
            "{told}"
        );
    }

    #[test]
    fn a_page_is_told_from_an_answer() {
        for (body, title) in [
            (
                "<!DOCTYPE html><html><head><TITLE lang=en> Sign\n in </TITLE>",
                "Sign in",
            ),
            ("\n<html>\n<body>no", ""),
            ("<?xml version='1.0'?><html xmlns='x'><title>T</title>", "T"),
            ("<!-- x --><html><title>\u{e9}</title>", "\u{e9}"),
        ] {
            assert_eq!(
                page_title(body.as_bytes()).as_deref(),
                Some(title),
                "{body}"
            );
        }
        for body in [
            "",
            "{}",
            "<Response><Errors/></Response>",
            "<?xml version='1.0'?><A><html/></A>",
        ] {
            assert_eq!(page_title(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_an_emulator_lacks_is_told_from_what_it_refuses() {
        for (message, lacking) in [
            (
                "cannot list the pipelines: the endpoint answered 400 without an AWS error code; it may",
                true,
            ),
            (
                "cannot list the pipelines: the endpoint answered 501 without an AWS error code; it may",
                true,
            ),
            (
                "API for operation 'X' has not yet been implemented in Y (ecs:DescribeClusters, InternalFailure)",
                true,
            ),
            (
                "API for service 'ecs' not yet implemented or pro feature (ecs:DescribeClusters, InternalFailure)",
                true,
            ),
            (
                "cannot list the repositories: the endpoint answered 200 without an AWS error code",
                false,
            ),
            (
                "cannot list the services: the endpoint answered 500 without an AWS error code; it may",
                false,
            ),
            (
                "cannot list the services: the endpoint answered 503 without an AWS error code; it may",
                false,
            ),
            (
                "cannot list the pipelines: An internal failure (codepipeline:ListPipelines, InternalFailure)",
                false,
            ),
            (
                "cannot list the pipelines: connection closed before message completed",
                false,
            ),
        ] {
            assert_eq!(is_lacking(message), lacking, "{message}");
        }
    }
}
