//! A repository of a registry, signed in to: requests are made again while the registry is in
//! trouble, each within its time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plumbing::wait::telling;
use plumbing::{Control, Error, Result, Voice};
use reqwest::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Response, Url};
use serde::Deserialize;
use tokio::time::sleep;

use crate::plan::address;
use crate::plan::challenge::{self, Challenge};
use crate::registry::error::Fault;
use crate::registry::http::{Answer, Http, in_time, success};

/// How often a request is made that a registry in trouble or the network refuses, and the first
/// pause.
const ATTEMPTS: u32 = 5;
/// The same where it says that there were too many: ECR counts those of a second, over all who
/// push.
const ATTEMPTS_OF_TOO_MANY: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(300);

/// A registry, and the right to use it.
pub(super) struct Connection {
    pub(super) http: Http,
    /// User and password, as they go into a request.
    pub(super) password: Option<HeaderValue>,
    /// How people know the registry.
    pub(super) name: String,
    /// Whether the tool may go on.
    pub(super) control: Control,
    /// How it speaks to people.
    pub(super) voice: Voice,
}

/// What is done in a repository.
#[derive(Clone, Copy)]
pub(super) enum Right {
    Pull,
    Push,
}

/// A repository, signed in to.
pub(super) struct Session<'a> {
    pub(super) connection: &'a Connection,
    pub(super) repository: &'a str,
    right: Right,
    /// What goes into each request to the registry; nothing where it asks for nothing.
    login: Mutex<Option<HeaderValue>>,
}

/// An answer with a token, by either name (distribution's token authentication).
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl<'a> Session<'a> {
    /// Signs in; `what` words for what.
    pub(super) async fn open(
        connection: &'a Connection,
        what: &str,
        repository: &'a str,
        right: Right,
    ) -> Result<Self> {
        let session = Session {
            connection,
            repository,
            right,
            login: Mutex::default(),
        };
        session.request(what, || session.sign_in()).await?;
        Ok(session)
    }

    /// The address of something in the repository.
    pub(super) fn url(&self, path: &str) -> Url {
        let path = format!("/v2/{}/{path}", self.repository);
        self.connection.http.url(&path)
    }

    /// What goes into a request.
    pub(super) fn login(&self) -> Option<HeaderValue> {
        self.lock().clone()
    }

    /// Makes a request, and again while the registry is in trouble.
    ///
    /// Errors: what the registry says, in one line.
    pub(super) async fn request<T, F, Fut>(&self, what: &str, mut request: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Answer<T>>,
    {
        let Connection { control, voice, .. } = self.connection;
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let fault = match control.unless_stopped(request()).await? {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if attempt >= self.connection.attempts(&fault) {
                return Err(self.connection.error(what, &fault));
            }
            voice.detail(|| format!("again in {} ms: {}", pause.as_millis(), fault.reason()));
            let again = control.unless_stopped(sleep(pause));
            telling(voice, &format!("{what}: {}", fault.reason()), again).await?;
            if fault.status() == Some(401) {
                // A token may have expired; what is wrong otherwise the request itself is told.
                let _ = control.unless_stopped(self.sign_in()).await?;
            }
            pause *= 2;
            attempt += 1;
        }
    }

    async fn sign_in(&self) -> Answer<()> {
        let response = in_time(self.connection.http.ping()).await?;
        let login = match challenge_of(&response) {
            None => {
                let status = response.status();
                if status.is_server_error() || status.as_u16() == 429 {
                    in_time(success(response)).await?;
                }
                None
            }
            Some(Challenge::Basic) => self.connection.password.clone(),
            Some(Challenge::Bearer { realm, service }) => {
                Some(self.token(&realm, service.as_deref()).await?)
            }
        };
        *self.lock() = login;
        Ok(())
    }

    async fn token(&self, realm: &str, service: Option<&str>) -> Answer<HeaderValue> {
        let Connection { http, password, .. } = self.connection;
        let url = address::realm(&http.registry, realm, password.is_some());
        let mut url = url.map_err(Fault::Unusable)?;
        let actions = match self.right {
            Right::Pull => "pull",
            Right::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.repository);
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        let body = in_time(http.get_token(url, password.as_ref())).await?;
        let no_token = || Fault::Unusable("the registry's token is not one".into());
        let token: Token = serde_json::from_slice(&body).map_err(|_| no_token())?;
        let token = if token.token.is_empty() {
            token.access_token
        } else {
            token.token
        };
        if token.is_empty() {
            return Err(no_token());
        }
        secret(&format!("Bearer {token}")).ok_or_else(no_token)
    }

    fn lock(&self) -> MutexGuard<'_, Option<HeaderValue>> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// How often a request is made that meets a fault.
    fn attempts(&self, fault: &Fault) -> u32 {
        // A registry in trouble may not have asked to sign in, and then refuses the next request.
        let was_not_signed_in = self.password.is_some() && fault.status() == Some(401);
        if fault.lasting(&self.http.way()).is_some() {
            1
        } else if fault.is_too_many() {
            ATTEMPTS_OF_TOO_MANY
        } else if fault.is_temporary() || was_not_signed_in {
            ATTEMPTS
        } else {
            1
        }
    }

    /// Words what the registry says.
    fn error(&self, what: &str, fault: &Fault) -> Error {
        if let Some(why) = fault.lasting(&self.http.way()) {
            let message = format!("cannot {what}: {} ({})", why.message, self.name);
            return Error {
                message,
                pipe_wide: false,
                ..why
            };
        }
        let message = format!("cannot {what}: {} ({})", fault.reason(), self.name);
        if fault.is_page() && !fault.is_temporary() {
            return Error::refused(message).hint(
                "something answers in the registry's place: look at its name, a proxy, a gateway \
                 that wants to be signed in to",
            );
        }
        if fault.is_denied() && self.password.is_none() {
            return Error::refused(message).hint(
                "only what anybody may pull is found there; push the image itself, by \
                 --archive APP=FILE",
            );
        }
        if fault.is_denied() {
            return Error::refused(message).hint(
                "the tool's --iam-policy prints the permissions that it needs; a token lasts \
                 12 hours",
            );
        }
        if fault.is_temporary() {
            let hint = "check the connection to the registry, and run the pipeline again";
            return Error::unfinished(message).hint(hint);
        }
        if fault.is_no_repository() {
            let hint = "mk-ecr makes the repository; run it before push-image";
            return Error::refused(message).hint(hint);
        }
        Error::refused(message)
    }
}

/// A header that is not shown where requests are.
pub(super) fn secret(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

fn challenge_of(response: &Response) -> Option<Challenge> {
    let headers = response.headers().get_all(WWW_AUTHENTICATE);
    let texts = headers.iter().filter_map(|header| header.to_str().ok());
    challenge::of_headers(texts)
}
