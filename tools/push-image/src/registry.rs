//! The registry, by the protocol of OCI: looking up, uploading what lacks, and resolving references.

use std::io::{IsTerminal, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::stream;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use plumbing::{Env, Error, Kind, Result, Stream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval, sleep, timeout};

use crate::archive::Packed;
use crate::aws::Token;
use crate::blob::{Blob, aside};
use crate::plan::{self, Platform};

/// How often a request is made that a registry in trouble or the network refuses, and the first pause.
const ATTEMPTS: u32 = 5;
/// The same where it says that there were too many: ECR counts those of a second, over all who push.
const ATTEMPTS_IN_TURN: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// How long a connection may take to open, an answer to come, and an upload to stand still: at its end
/// the registry reads all of a layer again.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);
const STANDSTILL: Duration = Duration::from_secs(5 * 60);
/// How many layers go up at once.
const AT_ONCE: usize = 4;
/// What is read and sent in one piece, in bytes.
const PIECE: usize = 256 << 10;
/// How often a person is told how far it is: at a terminal, and in a log.
const TELL: Duration = Duration::from_secs(2);
const TELL_LOG: Duration = Duration::from_secs(30);
/// What a manifest may be (OCI distribution specification, and docker's own).
const MANIFESTS: &[&str] = &[
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// A registry and the right to use it.
pub struct Registry {
    client: Client,
    auth: RegistryAuth,
    /// Where it answers; nothing where each reference says it.
    host: Option<String>,
    /// How people know it.
    shown: String,
    /// Whose turn it is to go up.
    few: Semaphore,
}

impl Registry {
    /// The account's own, by ECR's token.
    ///
    /// Errors: the token is none, or would go out in the clear.
    pub fn own(env: &Env, token: Token) -> Result<Self> {
        let (host, clear) = plan::endpoint(&token.endpoint).map_err(Error::refused)?;
        let pair = BASE64_STANDARD
            .decode(&token.basic)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = pair.as_deref().and_then(|pair| pair.split_once(':'));
        let (user, password) = pair.ok_or_else(|| {
            Error::refused("the registry's token is not one (ecr:GetAuthorizationToken)")
        })?;
        let shown = if host == env.registry() {
            host.clone()
        } else {
            format!("{} at {host}", env.registry())
        };
        let auth = RegistryAuth::Basic(user.into(), password.into());
        Ok(Registry {
            client: client(clear.then(|| host.clone()))?,
            auth,
            host: Some(host),
            shown,
            few: Semaphore::new(AT_ONCE),
        })
    }

    /// The one that a reference names, without credentials.
    pub fn of(reference: &str) -> Result<Self> {
        let host = reference.split('/').next().unwrap_or_default();
        let here = plan::is_here(host).then(|| host.to_string());
        let (auth, shown) = (RegistryAuth::Anonymous, "its registry".into());
        Ok(Registry {
            client: client(here)?,
            auth,
            host: None,
            shown,
            few: Semaphore::new(AT_ONCE),
        })
    }

    /// Whether an image is there already.
    pub async fn has(&self, stream: &Stream, repository: &str, digest: &str) -> Result<bool> {
        let reference = Reference::with_digest(self.host(), repository.into(), digest.into());
        let what = format!("look for image {digest} in {repository}");
        self.sign_in(stream, &what, &reference, RegistryOperation::Pull)
            .await?;
        self.knows(stream, &reference, repository, digest).await
    }

    /// Signs in once, for what follows: the client does so by itself as well, and goes on without where
    /// the registry is in trouble.
    async fn sign_in(
        &self,
        stream: &Stream,
        what: &str,
        reference: &Reference,
        to: RegistryOperation,
    ) -> Result<()> {
        let sign_in = || within(ANSWER, self.client.auth(reference, &self.auth, to));
        self.patiently(stream, what, sign_in).await.map(drop)
    }

    async fn knows(
        &self,
        stream: &Stream,
        reference: &Reference,
        repository: &str,
        digest: &str,
    ) -> Result<bool> {
        let what = format!("look for image {digest} in {repository}");
        let look = || async {
            match within(
                ANSWER,
                self.client.fetch_manifest_digest(reference, &self.auth),
            )
            .await
            {
                Ok(_) => Ok(true),
                Err(error) if is_missing(&error) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.patiently(stream, &what, look).await
    }

    /// Uploads the layers that lack, then the manifest, by which the image exists: what was cut before
    /// goes on here.
    pub async fn push(
        &self,
        stream: &Stream,
        app: &str,
        repository: &str,
        image: &Packed,
    ) -> Result<()> {
        let reference =
            Reference::with_tag(self.host(), repository.into(), plan::tag(&image.digest));
        self.sign_in(
            stream,
            "sign in to the registry",
            &reference,
            RegistryOperation::Push,
        )
        .await?;
        let sent = Arc::new(AtomicU64::new(0));
        let mut blobs: Vec<&Blob> = image.blobs.iter().collect();
        blobs.sort_by(|one, other| one.digest.cmp(&other.digest));
        blobs.dedup_by(|one, other| one.digest == other.digest);
        let total = blobs.iter().map(|blob| blob.size).sum();
        let uploads = blobs.into_iter().map(|blob| async {
            let _turn = self.few.acquire().await;
            self.upload(stream, &reference, blob, &sent).await
        });
        told(stream, app, total, &sent, stream.control.run_all(uploads)).await?;
        let what = format!("store image {} in {repository}", image.digest);
        let media_type = image
            .media_type
            .parse()
            .map_err(|_| Error::refused(format!("'{}' is no media type", image.media_type)))?;
        let store = || {
            let (manifest, media_type): (Vec<u8>, _) =
                (image.manifest.clone(), Clone::clone(&media_type));
            within(
                ANSWER,
                self.client
                    .push_manifest_raw(&reference, manifest, media_type),
            )
        };
        let stored = self.patiently(stream, &what, store).await;
        let by_digest =
            Reference::with_digest(self.host(), repository.into(), image.digest.clone());
        let known = || self.knows(stream, &by_digest, repository, &image.digest);
        match stored {
            // Somebody else may have stored the same one: where tags are immutable the second is refused.
            Err(error) if error.kind == Kind::Refused && known().await.unwrap_or(false) => Ok(()),
            Err(error) => Err(error),
            // ECR must know it by the digest that the record will name.
            Ok(_) if known().await? => Ok(()),
            Ok(_) => {
                let why = format!("{} took it, and does not know it by its digest", self.shown);
                Err(Error::refused(format!("cannot {what}: {why}")))
            }
        }
    }

    async fn upload(
        &self,
        stream: &Stream,
        reference: &Reference,
        blob: &Blob,
        sent: &Arc<AtomicU64>,
    ) -> Result<()> {
        let name = reference.repository();
        let look = || within(ANSWER, self.client.blob_exists(reference, &blob.digest));
        let looking = format!("look for blob {} in {name}", blob.digest);
        if self.patiently(stream, &looking, look).await? {
            sent.fetch_add(blob.size, Ordering::Relaxed);
            return Ok(());
        }
        let checked = blob.clone();
        aside(stream, move |wanted| checked.verify(wanted)).await?;
        let upload = || async {
            let mine = Arc::new(AtomicU64::new(0));
            let pieces = Pieces {
                source: blob.open()?,
                counts: [sent.clone(), mine.clone()],
            };
            let push = self.client.push_blob_stream(
                reference,
                stream::iter(pieces),
                &blob.digest,
                Some(blob.size),
            );
            let done = unless_it_stands(&mine, push).await;
            if done.is_err() {
                sent.fetch_sub(mine.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            done
        };
        let done = self
            .patiently(
                stream,
                &format!("upload blob {} to {name}", blob.digest),
                upload,
            )
            .await;
        let there = self.patiently(stream, &looking, look);
        match done {
            // What the registry answered is not what the protocol says, and the blob is there.
            Err(error) if error.kind == Kind::Refused && there.await.unwrap_or(false) => Ok(()),
            done => done.map(drop),
        }
    }

    /// The reference by digest of an image that is there, for a platform.
    pub async fn resolve(
        &self,
        stream: &Stream,
        reference: &str,
        platform: Platform,
        app: &str,
    ) -> Result<String> {
        let written = match &self.host {
            Some(host) => format!("{host}/{reference}"),
            None => reference.to_string(),
        };
        let parsed = parse(&written)?;
        let what = format!("find image {reference} of app '{app}'");
        self.sign_in(stream, &what, &parsed, RegistryOperation::Pull)
            .await?;
        let pull = || {
            within(
                ANSWER,
                self.client
                    .pull_manifest_raw(&parsed, &self.auth, MANIFESTS),
            )
        };
        let (bytes, digest) = self.patiently(stream, &what, pull).await?;
        let refused = |why: String| {
            Error::refused(format!(
                "cannot use image {reference} of app '{app}': {why}"
            ))
        };
        let manifest: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|why| refused(why.to_string()))?;
        match plan::manifests(&manifest) {
            Some(entries) => plan::fitting(&entries, platform)
                .map(drop)
                .map_err(refused)?,
            None => {
                let config = manifest["config"]["digest"].as_str().unwrap_or_default();
                let look = || async {
                    let mut text = Vec::new();
                    within(ANSWER, self.client.pull_blob(&parsed, config, &mut text))
                        .await
                        .map(|()| text)
                };
                let text = self.patiently(stream, &what, look).await?;
                let config =
                    serde_json::from_slice(&text).map_err(|why| refused(why.to_string()))?;
                plan::check_platform(&config, platform).map_err(refused)?;
            }
        }
        let name = match &self.host {
            Some(_) => parsed.repository().to_string(),
            None => format!("{}/{}", parsed.registry(), parsed.repository()),
        };
        Ok(format!("{name}@{digest}"))
    }

    fn host(&self) -> String {
        self.host.clone().unwrap_or_default()
    }

    /// Makes a request again while the registry is in trouble, and words what it says in one line.
    async fn patiently<T, F, Fut>(&self, stream: &Stream, what: &str, mut request: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = std::result::Result<T, OciDistributionError>>,
    {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let error = match stream.control.unless_stopped(request()).await? {
                Ok(answer) => return Ok(answer),
                Err(error) => understood(error),
            };
            // Who was not asked to sign in, since the registry was in trouble, is refused then.
            let asked =
                !matches!(self.auth, RegistryAuth::Anonymous) && status(&error) == Some(401);
            let most = if is_too_many(&error) {
                ATTEMPTS_IN_TURN
            } else {
                ATTEMPTS
            };
            if attempt >= most || !is_passing(&error) && !asked {
                return Err(self.worded(what, &error));
            }
            stream
                .voice
                .detail(|| format!("again in {} ms: {}", pause.as_millis(), reason(&error)));
            stream.control.unless_stopped(sleep(pause)).await?;
            pause *= 2;
        }
        unreachable!("the last attempt answers")
    }

    fn worded(&self, what: &str, error: &OciDistributionError) -> Error {
        let text = format!("cannot {what}: {} ({})", reason(error), self.shown);
        match codes(error).first() {
            _ if is_denied(error) && matches!(self.auth, RegistryAuth::Anonymous) => Error::refused(text)
                .hint("only what anybody may pull is found there; push the image itself, by --archive APP=FILE"),
            _ if is_denied(error) => Error::refused(text)
                .hint("the tool's --iam-policy prints the permissions that it needs; a token lasts 12 hours"),
            _ if is_passing(error) => {
                Error::unfinished(text).hint("check the connection to the registry, and run the pipeline again")
            }
            Some(OciErrorCode::NameUnknown) => {
                Error::refused(text).hint("mk-ecr makes the repository; run it before push-image")
            }
            _ => Error::refused(text),
        }
    }
}

/// Reads a reference as people write it.
///
/// Errors: it is none.
pub fn parse(reference: &str) -> Result<Reference> {
    reference
        .parse()
        .map_err(|why| Error::usage(format!("'{reference}' is not an image reference: {why}")))
}

/// Says how far an upload is, while it lasts.
async fn told<T>(
    stream: &Stream,
    app: &str,
    total: u64,
    sent: &AtomicU64,
    work: impl Future<Output = T>,
) -> T {
    let every = if std::io::stderr().is_terminal() {
        TELL
    } else {
        TELL_LOG
    };
    let mut work = std::pin::pin!(work);
    let mut ticks = interval(every);
    ticks.tick().await; // the first comes at once
    let begun = Instant::now();
    loop {
        tokio::select! {
            done = &mut work => {
                stream.voice.detail(|| format!("{app}: {} in {:.1} s", plan::megabytes(total), begun.elapsed().as_secs_f64()));
                return done;
            }
            _ = ticks.tick() => {
                let now = plan::megabytes(sent.load(Ordering::Relaxed).min(total));
                stream.voice.say(&format!("pushing {app}: {now} of {}", plan::megabytes(total)));
            }
        }
    }
}

type Answer<T> = std::result::Result<T, OciDistributionError>;

async fn within<T>(limit: Duration, request: impl Future<Output = Answer<T>>) -> Answer<T> {
    timeout(limit, request)
        .await
        .unwrap_or_else(|_| Err(silent(limit)))
}

/// An upload takes as long as it takes, as long as something goes out.
async fn unless_it_stands<T>(
    sent: &AtomicU64,
    upload: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    let mut upload = std::pin::pin!(upload);
    loop {
        let before = sent.load(Ordering::Relaxed);
        match timeout(STANDSTILL, upload.as_mut()).await {
            Ok(done) => return done,
            Err(_) if sent.load(Ordering::Relaxed) == before => return Err(silent(STANDSTILL)),
            Err(_) => {}
        }
    }
}

fn silent(limit: Duration) -> OciDistributionError {
    let why = format!("the registry did not answer for {} s", limit.as_secs());
    OciDistributionError::IoError(std::io::Error::new(std::io::ErrorKind::TimedOut, why))
}

/// A blob in pieces.
struct Pieces {
    source: std::io::Take<std::fs::File>,
    counts: [Arc<AtomicU64>; 2],
}

impl Iterator for Pieces {
    type Item = std::result::Result<Bytes, OciDistributionError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = vec![0; PIECE.min(usize::try_from(self.source.limit()).unwrap_or(PIECE))];
        match self.source.read(&mut piece) {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                self.counts
                    .iter()
                    .for_each(|bytes| _ = bytes.fetch_add(count as u64, Ordering::Relaxed));
                Some(Ok(piece.into()))
            }
            Err(why) => Some(Err(why.into())),
        }
    }
}

fn client(in_the_clear: Option<String>) -> Result<Client> {
    // Another part of this process may have chosen already; it is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = ClientConfig {
        protocol: ClientProtocol::HttpsExcept(in_the_clear.into_iter().collect()),
        // In pieces of less than 5 MiB, which ECR does not take.
        use_monolithic_push: true,
        connect_timeout: Some(CONNECT),
        user_agent: concat!("push-image/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    if let Some(path) = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        let data = std::fs::read(&path).map_err(|why| {
            Error::usage(format!(
                "cannot read AWS_CA_BUNDLE {}: {why}",
                path.to_string_lossy()
            ))
        })?;
        config.extra_root_certificates.push(Certificate {
            encoding: CertificateEncoding::Pem,
            data,
        });
    }
    Client::try_from(config)
        .map_err(|why| Error::refused(format!("cannot make a client of the registry: {why}")))
}

/// The client leaves what an upload is answered as it came: where it is in the words of OCI, they count.
fn understood(error: OciDistributionError) -> OciDistributionError {
    match error {
        OciDistributionError::ServerError { code, url, message } if code < 500 => {
            match serde_json::from_str(&message) {
                Ok(envelope) => OciDistributionError::RegistryError { envelope, url },
                Err(_) => OciDistributionError::ServerError { code, url, message },
            }
        }
        other => other,
    }
}

fn codes(error: &OciDistributionError) -> Vec<&OciErrorCode> {
    match error {
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().map(|error| &error.code).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether an error says that something is not there.
fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        _ => codes(error)
            .iter()
            .any(|code| matches!(code, OciErrorCode::ManifestUnknown | OciErrorCode::NotFound)),
    }
}

/// The status of an answer that has no more to say, as that to a HEAD.
fn status(error: &OciDistributionError) -> Option<u16> {
    match error {
        OciDistributionError::UnauthorizedError { .. } => Some(401),
        OciDistributionError::RequestError(error) => error.status().map(|status| status.as_u16()),
        OciDistributionError::ServerError { code, .. } => Some(*code),
        _ => None,
    }
}

/// Whether the credentials are at fault.
fn is_denied(error: &OciDistributionError) -> bool {
    matches!(status(error), Some(401 | 403))
        || codes(error)
            .iter()
            .any(|code| matches!(code, OciErrorCode::Denied | OciErrorCode::Unauthorized))
}

fn is_too_many(error: &OciDistributionError) -> bool {
    status(error) == Some(429) || codes(error).contains(&&OciErrorCode::Toomanyrequests)
}

/// Whether the same request may succeed in a moment.
fn is_passing(error: &OciDistributionError) -> bool {
    match (error, status(error)) {
        (_, Some(status)) => status >= 500 || status == 429,
        (OciDistributionError::RequestError(error), None) => !error.is_builder(),
        (OciDistributionError::IoError(error), None) => {
            error.kind() == std::io::ErrorKind::TimedOut
        }
        _ => codes(error).iter().any(|code| {
            matches!(
                code,
                OciErrorCode::Toomanyrequests
                    | OciErrorCode::BlobUploadUnknown
                    | OciErrorCode::BlobUploadInvalid
            )
        }),
    }
}

/// What a registry or the network says, without the address of each request.
fn reason(error: &OciDistributionError) -> String {
    match error {
        OciDistributionError::RegistryError { envelope, .. } => {
            let said = envelope.errors.iter().map(|error| {
                let code = serde_json::to_value(&error.code).ok();
                let code = code
                    .as_ref()
                    .and_then(|code| code.as_str())
                    .unwrap_or("no code")
                    .to_string();
                match error.message.trim().trim_end_matches('.') {
                    "" => code,
                    message => format!("{message}, {code}"),
                }
            });
            said.collect::<Vec<_>>().join("; ")
        }
        OciDistributionError::UnauthorizedError { .. } => {
            "the registry does not accept the credentials".into()
        }
        OciDistributionError::ServerError { code, message, .. } => {
            let message: String = message
                .split_whitespace()
                .take(30)
                .collect::<Vec<_>>()
                .join(" ");
            format!("the registry answered {code} {message}")
                .trim_end()
                .to_string()
        }
        OciDistributionError::RequestError(error) => match error.status() {
            Some(status) => format!("the registry answered {status}"),
            None => innermost(error),
        },
        other => other.to_string(),
    }
}

/// The outer layers say only that a request failed, and to where.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        words.push(error.to_string());
        next = error.source();
    }
    let tail = words.split_off(words.len().saturating_sub(2));
    tail.join(": ")
}
