//! Requests to a registry, made again while it is in trouble, each within its time.

use std::time::Duration;

use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use plumbing::{Control, Error, Result, Stream, Voice};
use tokio::time::{sleep, timeout};

use crate::registry::error::{
    self, codes, is_denied, is_temporary, is_too_many, reason, status, with_codes,
};

/// How often a request is made that a registry in trouble or the network refuses, and the first
/// pause.
const ATTEMPTS: u32 = 5;
/// The same where it says that there were too many: ECR counts those of a second, over all who
/// push.
const ATTEMPTS_OF_TOO_MANY: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// How long a connection may take to open, and an answer to come.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// What a registry answers.
pub(super) type Answer<T> = std::result::Result<T, OciDistributionError>;

/// A client of a registry, and the right to use it.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) auth: RegistryAuth,
    /// How people know the registry.
    pub(super) name: String,
    /// Whether the tool may go on.
    pub(super) control: Control,
    /// How it speaks to people.
    pub(super) voice: Voice,
}

impl Connection {
    /// Makes the client of a registry. One on this machine is spoken to by plain HTTP.
    pub(super) fn new(
        stream: &Stream,
        auth: RegistryAuth,
        name: String,
        plain_http_host: Option<&str>,
    ) -> Result<Self> {
        Ok(Connection {
            client: client(plain_http_host)?,
            auth,
            name,
            control: stream.control.clone(),
            voice: stream.voice.clone(),
        })
    }

    /// Signs in once, for what follows. The client does so by itself as well, and goes on without
    /// where the registry is in trouble.
    pub(super) async fn sign_in(
        &self,
        what: &str,
        reference: &Reference,
        operation: RegistryOperation,
    ) -> Result<()> {
        let sign_in = || in_time(self.client.auth(reference, &self.auth, operation));
        self.request(what, sign_in).await.map(drop)
    }

    /// Makes a request, and again while the registry is in trouble.
    ///
    /// Errors: what the registry says, in one line.
    pub(super) async fn request<T, F, Fut>(&self, what: &str, mut request: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Answer<T>>,
    {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let error = match self.control.unless_stopped(request()).await? {
                Ok(answer) => return Ok(answer),
                Err(error) => with_codes(error),
            };
            if attempt >= self.attempts(&error) {
                return Err(self.error(what, &error));
            }
            self.voice
                .detail(|| format!("again in {} ms: {}", pause.as_millis(), reason(&error)));
            self.control.unless_stopped(sleep(pause)).await?;
            pause *= 2;
            attempt += 1;
        }
    }

    /// How often a request is made that meets an error.
    fn attempts(&self, error: &OciDistributionError) -> u32 {
        // A registry in trouble may not have asked to sign in, and then refuses the next request.
        let is_anonymous = matches!(self.auth, RegistryAuth::Anonymous);
        let was_not_signed_in = !is_anonymous && status(error) == Some(401);
        if is_too_many(error) {
            ATTEMPTS_OF_TOO_MANY
        } else if is_temporary(error) || was_not_signed_in {
            ATTEMPTS
        } else {
            1
        }
    }

    /// Words what the registry says.
    fn error(&self, what: &str, error: &OciDistributionError) -> Error {
        let message = format!("cannot {what}: {} ({})", reason(error), self.name);
        if is_denied(error) && matches!(self.auth, RegistryAuth::Anonymous) {
            let hint = "only what anybody may pull is found there; \
                        push the image itself, by --archive APP=FILE";
            return Error::refused(message).hint(hint);
        }
        if is_denied(error) {
            let hint = "the tool's --iam-policy prints the permissions that it needs; \
                        a token lasts 12 hours";
            return Error::refused(message).hint(hint);
        }
        if is_temporary(error) {
            let hint = "check the connection to the registry, and run the pipeline again";
            return Error::unfinished(message).hint(hint);
        }
        if let Some(OciErrorCode::NameUnknown) = codes(error).first() {
            let hint = "mk-ecr makes the repository; run it before push-image";
            return Error::refused(message).hint(hint);
        }
        Error::refused(message)
    }
}

/// Awaits an answer for as long as one may take.
pub(super) async fn in_time<T>(request: impl Future<Output = Answer<T>>) -> Answer<T> {
    match timeout(ANSWER_DEADLINE, request).await {
        Ok(answer) => answer,
        Err(_) => Err(error::no_answer(ANSWER_DEADLINE)),
    }
}

fn client(plain_http_host: Option<&str>) -> Result<Client> {
    // Another part of this process may have chosen already; it is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let plain_http_hosts = plain_http_host.into_iter().map(String::from).collect();
    let config = ClientConfig {
        protocol: ClientProtocol::HttpsExcept(plain_http_hosts),
        // Else it uploads in pieces of less than 5 MiB, which ECR does not take.
        use_monolithic_push: true,
        connect_timeout: Some(CONNECT_DEADLINE),
        user_agent: concat!("push-image/", env!("CARGO_PKG_VERSION")),
        extra_root_certificates: certificates()?,
        ..ClientConfig::default()
    };
    Client::try_from(config)
        .map_err(|why| Error::refused(format!("cannot make a client of the registry: {why}")))
}

/// The certificates that the shell names, as for AWS.
fn certificates() -> Result<Vec<Certificate>> {
    let path = std::env::var_os("AWS_CA_BUNDLE").unwrap_or_default();
    if path.is_empty() {
        return Ok(Vec::new());
    }
    match std::fs::read(&path) {
        Ok(data) => Ok(vec![Certificate {
            encoding: CertificateEncoding::Pem,
            data,
        }]),
        Err(why) => {
            let path = path.to_string_lossy();
            let message = format!("cannot read AWS_CA_BUNDLE {path}: {why}");
            Err(Error::usage(message))
        }
    }
}
