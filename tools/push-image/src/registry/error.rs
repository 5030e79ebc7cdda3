//! What a registry or the network says instead of an answer, and what that means.

use std::io::{Error as IoError, ErrorKind};
use std::time::Duration;

use plumbing::Error;
use plumbing::connection::{Way, page_title, page_words};
use serde::Deserialize;

/// How many words, and how many characters of an error's text are shown.
const WORDS: usize = 30;
const CHARACTERS: usize = 400;
/// How many errors of one answer are shown.
const ERRORS: usize = 3;

/// Why there is no answer that can be used.
#[derive(Debug)]
pub(super) enum Fault {
    /// The registry refused, by a status and words.
    Refused(Refusal),
    /// The network, or what lies between.
    Network(reqwest::Error),
    /// A part of the image cannot be read here, or nothing came in time.
    Io(IoError),
    /// The answer is not what the protocol says.
    Unusable(String),
}

/// A status that is not success, and what was said with it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// In the words of OCI; empty where it is not in them.
    errors: Vec<OciError>,
    /// Else the begin of the text.
    text: String,
}

/// An error in the words of OCI (distribution specification, "Error Codes").
#[derive(Debug, Deserialize)]
struct OciError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<OciError>,
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        Fault::Network(error)
    }
}

impl From<IoError> for Fault {
    fn from(error: IoError) -> Self {
        Fault::Io(error)
    }
}

impl Refusal {
    /// Reads the begin of a body, which is enough for all that is said in the words of OCI.
    pub(super) fn new(status: u16, body: &[u8]) -> Self {
        let errors = match serde_json::from_slice::<Envelope>(body) {
            Ok(envelope) => envelope.errors,
            Err(_) => Vec::new(),
        };
        Refusal {
            status,
            errors,
            text: String::from_utf8_lossy(body).into_owned(),
        }
    }

    fn reason(&self) -> String {
        let status = self.status;
        if status == 401 {
            return "the registry does not accept the credentials".into();
        }
        if self.errors.is_empty()
            && let Some(title) = page_title(self.text.as_bytes())
        {
            return page_words(status, &title);
        }
        if self.errors.is_empty() {
            let words: Vec<&str> = self.text.split_whitespace().take(WORDS).collect();
            let text = format!("the registry answered {status} {}", words.join(" "));
            return shortened(text.trim_end());
        }
        let mut reasons = Vec::new();
        for error in self.errors.iter().take(ERRORS) {
            reasons.push(error.reason());
        }
        shortened(&reasons.join("; "))
    }
}

impl OciError {
    fn reason(&self) -> String {
        let code = if self.code.is_empty() {
            "no code"
        } else {
            &self.code
        };
        let message = self.message.trim().trim_end_matches('.');
        if message.is_empty() {
            code.into()
        } else {
            format!("{message}, {code}")
        }
    }
}

impl Fault {
    /// The fault of a registry that does not answer.
    pub(super) fn no_answer(limit: Duration) -> Self {
        let seconds = limit.as_secs();
        let why = format!("the registry did not answer for {seconds} s");
        Fault::Io(IoError::new(ErrorKind::TimedOut, why))
    }

    /// The fault of an answer that does not end where it has to.
    pub(super) fn too_long(what: &str, limit: u64) -> Self {
        let kib = limit >> 10;
        let why = format!("the registry sends {what} of more than {kib} KiB, which is none");
        Fault::Unusable(why)
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Fault::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// Whether it says that something does not exist: by a status alone, or in these words. A
    /// repository that does not exist is told in others.
    pub(super) fn is_missing(&self) -> bool {
        let is_without_words = match self {
            Fault::Refused(refusal) => refusal.errors.is_empty(),
            _ => false,
        };
        let is_not_found = is_without_words && self.status() == Some(404);
        is_not_found || self.has_code(&["MANIFEST_UNKNOWN", "NOT_FOUND"])
    }

    /// Whether a web page came: something answers in the registry's place.
    pub(super) fn is_page(&self) -> bool {
        matches!(self, Fault::Refused(refusal) if page_title(refusal.text.as_bytes()).is_some())
    }

    /// Whether the credentials are at fault.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.status(), Some(401 | 403)) || self.has_code(&["DENIED", "UNAUTHORIZED"])
    }

    /// Whether there were too many requests.
    pub(super) fn is_too_many(&self) -> bool {
        self.status() == Some(429) || self.has_code(&["TOOMANYREQUESTS"])
    }

    /// Whether the repository does not exist.
    pub(super) fn is_no_repository(&self) -> bool {
        self.has_code(&["NAME_UNKNOWN"])
    }

    /// What no other request mends, in words: a certificate, a proxy, a host that is not there.
    pub(super) fn lasting(&self, way: &Way) -> Option<Error> {
        match self {
            Fault::Network(error) => way.lasting(error),
            Fault::Refused(refusal) if refusal.status == 407 => {
                Some(way.proxy_refuses("wants a user and a password"))
            }
            _ => None,
        }
    }

    /// Whether the same request may succeed in a moment.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Fault::Refused(refusal) => {
                let lost = ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"];
                refusal.status >= 500 || self.is_too_many() || self.has_code(&lost)
            }
            Fault::Network(error) => !error.is_builder(),
            Fault::Io(error) => error.kind() == ErrorKind::TimedOut,
            Fault::Unusable(_) => false,
        }
    }

    /// What a registry or the network says, without the address of each request.
    pub(super) fn reason(&self) -> String {
        match self {
            Fault::Refused(refusal) => refusal.reason(),
            Fault::Network(error) => innermost(error),
            Fault::Io(error) => error.to_string(),
            Fault::Unusable(why) => why.clone(),
        }
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        match self {
            Fault::Refused(refusal) => {
                let mut errors = refusal.errors.iter();
                errors.any(|error| codes.contains(&error.code.as_str()))
            }
            _ => false,
        }
    }
}

/// A text that is not longer than a line or two.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// The inner two of an error's layers: the outer ones say only that a request failed, and to where.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut layers = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        layers.push(error.to_string());
        next = error.source();
    }
    let first = layers.len().saturating_sub(2);
    layers[first..].join(": ")
}
