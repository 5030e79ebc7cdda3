//! The registry, by the protocol of OCI: looking up images, uploading what is missing, and pinning
//! references. What it answers is somebody's: it is read up to where it has to end, and trusted by
//! its digest alone.

mod body;
mod error;
mod http;
mod progress;
mod session;
mod upload;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use plumbing::reference::{Reference, is_digest};
use plumbing::{Env, Error, Kind, Result, Stream};
use reqwest::header::HeaderValue;
use reqwest::{Body, Method, Response, Url};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::aws::Token;
use crate::blob::{Blob, damaged, digest_of};
use crate::image::PackedImage;
use crate::plan::platform::Platform;
use crate::plan::{address, document, manifest};
use crate::registry::error::Fault;
use crate::registry::http::{Answer, Http, in_time};
use crate::registry::session::{Connection, Right, Session, secret};
use crate::registry::upload::Upload;

/// How many layers go up at once.
const UPLOADS_AT_ONCE: usize = 4;
/// What a manifest may be (OCI distribution specification, and docker's own).
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json";
/// How an answer names its digest.
const DIGEST: &str = "Docker-Content-Digest";

/// A registry and the right to use it.
pub struct Registry {
    connection: Connection,
    uploads: Semaphore,
}

impl Registry {
    /// The account's own, by ECR's token.
    ///
    /// Errors: the token is none, or would go out in the clear or to somebody else.
    pub fn of_account(stream: &Stream, env: &Env, token: &Token) -> Result<Self> {
        let url = address::of_account(&token.endpoint, env, token.aws.as_deref());
        let url = url.map_err(Error::refused)?;
        let Some(password) = password_of(token) else {
            return Err(Error::refused(
                "the registry's token is not one (ecr:GetAuthorizationToken)",
            ));
        };
        let mut name = env.registry();
        let host = address::host_and_port(&url);
        if host != name {
            name = format!("{name} at {host}");
        }
        Registry::new(stream, url, Some(password), name)
    }

    /// The one that a reference names, without credentials.
    pub fn of_reference(stream: &Stream, reference: &Reference) -> Result<Self> {
        let url = address::of_reference(reference).map_err(Error::usage)?;
        Registry::new(stream, url, None, "its registry".to_string())
    }

    fn new(stream: &Stream, url: Url, password: Option<HeaderValue>, name: String) -> Result<Self> {
        let connection = Connection {
            http: Http::new(url)?,
            password,
            name,
            control: stream.control.clone(),
            voice: stream.voice.clone(),
        };
        Ok(Registry {
            connection,
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
        })
    }

    /// Whether a repository has an image already.
    pub async fn has(&self, repository: &str, digest: &str) -> Result<bool> {
        let what = format!("look for image {digest} in {repository}");
        let session = Session::open(&self.connection, &what, repository, Right::Pull).await?;
        knows(&session, digest).await
    }

    /// Uploads the layers that the repository lacks, then the manifest, by which the image exists.
    /// An upload that was interrupted goes on here.
    pub async fn push(&self, app: &str, repository: &str, image: &PackedImage) -> Result<()> {
        let what = "sign in to the registry";
        let session = Session::open(&self.connection, what, repository, Right::Push).await?;
        self.upload_blobs(app, &session, image).await?;
        self.store_manifest(&session, image).await
    }

    async fn upload_blobs(
        &self,
        app: &str,
        session: &Session<'_>,
        image: &PackedImage,
    ) -> Result<()> {
        let mut blobs: Vec<&Blob> = image.blobs.iter().collect();
        blobs.sort_by_key(|blob| &blob.digest);
        blobs.dedup_by_key(|blob| &blob.digest);
        let total = blobs.iter().map(|blob| blob.size()).sum();
        let sent = Arc::new(AtomicU64::new(0));
        let upload = Upload {
            session,
            sent: sent.clone(),
        };
        let upload = &upload;
        let uploads = blobs.into_iter().map(|blob| async move {
            let _turn = self.uploads.acquire().await;
            upload.blob(blob).await
        });
        let all = self.connection.control.run_all(uploads);
        progress::say_while(&self.connection.voice, app, total, &sent, all).await?;
        Ok(())
    }

    async fn store_manifest(&self, session: &Session<'_>, image: &PackedImage) -> Result<()> {
        let what = format!("store image {} in {}", image.digest, session.repository);
        let Ok(media_type) = HeaderValue::from_str(&image.media_type) else {
            let message = format!("{:?} is no media type", image.media_type);
            return Err(Error::refused(message));
        };
        let tag = address::tag(&image.digest);
        let url = session.url(&format!("manifests/{tag}"));
        let store = || async {
            let login = session.login();
            let size = image.manifest.len() as u64;
            let content = Body::from(image.manifest.clone());
            let http = &self.connection.http;
            in_time(http.put(
                url.clone(),
                content,
                size,
                media_type.clone(),
                login.as_ref(),
            ))
            .await
        };
        if let Err(error) = session.request(&what, store).await {
            // Somebody else may have stored the same image: where tags are immutable the second
            // one is refused.
            let is_refused = error.kind == Kind::Refused;
            if is_refused && knows(session, &image.digest).await.unwrap_or(false) {
                return Ok(());
            }
            return Err(error);
        }
        // ECR must know it by the digest that the record will name.
        if !knows(session, &image.digest).await? {
            let name = &self.connection.name;
            let message =
                format!("cannot {what}: {name} took it, and does not know it by its digest");
            return Err(Error::refused(message));
        }
        Ok(())
    }

    /// The digest of an image that a registry has, for a platform; `shown` is how people know it.
    pub async fn pin(
        &self,
        reference: &Reference,
        shown: &str,
        platform: Platform,
        app: &str,
    ) -> Result<String> {
        let what = format!("find image {shown} of app '{app}'");
        let repository = &reference.repository;
        let session = Session::open(&self.connection, &what, repository, Right::Pull).await?;
        let get = || get_manifest(&session, reference);
        let bytes = session.request(&what, get).await?;
        let unusable = |why: String| {
            let message = format!("cannot use image {shown} of app '{app}': {why}");
            Error::refused(message)
        };
        let manifest = document::parse(&bytes, "its manifest").map_err(unusable)?;
        let checked = match manifest::entries(&manifest) {
            Some(entries) => manifest::for_platform(&entries, platform).map(drop),
            None => {
                let config = config_of(&manifest).map_err(unusable)?;
                let get = || get_config(&session, config);
                let config = session.request(&what, get).await?;
                check_platform(&config, platform)
            }
        };
        checked.map_err(unusable)?;
        Ok(digest_of(&bytes))
    }
}

/// Whether a repository has an image.
async fn knows(session: &Session<'_>, digest: &str) -> Result<bool> {
    let what = format!("look for image {digest} in {}", session.repository);
    let ask = || async {
        match in_time(has_manifest(session, digest)).await {
            Ok(()) => Ok(true),
            Err(fault) if fault.is_missing() => Ok(false),
            Err(fault) => Err(fault),
        }
    };
    session.request(&what, ask).await
}

/// Asks for the digest of a manifest alone, and for all of it where that is not said.
async fn has_manifest(session: &Session<'_>, digest: &str) -> Answer<()> {
    let login = session.login();
    let url = session.url(&format!("manifests/{digest}"));
    let http = &session.connection.http;
    let head = http
        .get(Method::HEAD, url.clone(), MANIFESTS, login.as_ref())
        .await?;
    let found = match named_digest(&head) {
        Some(found) => found,
        None => {
            let response = http
                .get(Method::GET, url, MANIFESTS, login.as_ref())
                .await?;
            digest_of(&body::read(response, body::MANIFEST, "a manifest").await?)
        }
    };
    check_digest(digest, &found)
}

/// The manifest or index of a reference, as its digests say.
async fn get_manifest(session: &Session<'_>, reference: &Reference) -> Answer<Vec<u8>> {
    let login = session.login();
    let name = reference.digest.as_ref().or(reference.tag.as_ref());
    let name = name.map(String::as_str).unwrap_or_default();
    let url = session.url(&format!("manifests/{name}"));
    let http = &session.connection.http;
    let get = async {
        let response = http
            .get(Method::GET, url, MANIFESTS, login.as_ref())
            .await?;
        let named = named_digest(&response);
        let bytes = body::read(response, body::MANIFEST, "a manifest").await?;
        let found = digest_of(&bytes);
        for digest in named.iter().chain(&reference.digest) {
            check_digest(digest, &found)?;
        }
        Ok(bytes)
    };
    in_time(get).await
}

async fn get_config(session: &Session<'_>, digest: &str) -> Answer<Vec<u8>> {
    let login = session.login();
    let url = session.url(&format!("blobs/{digest}"));
    let http = &session.connection.http;
    let get = async {
        let response = http.get(Method::GET, url, "*/*", login.as_ref()).await?;
        let bytes = body::read(response, body::CONFIG, "a configuration").await?;
        check_digest(digest, &digest_of(&bytes))?;
        Ok(bytes)
    };
    in_time(get).await
}

/// The digest that an answer names, if it is of SHA-256.
fn named_digest(response: &Response) -> Option<String> {
    let digest = response.headers().get(DIGEST)?.to_str().ok()?;
    is_digest(digest).then(|| digest.to_string())
}

fn check_digest(digest: &str, found: &str) -> Answer<()> {
    if digest == found {
        return Ok(());
    }
    Err(Fault::Unusable(damaged(digest, found)))
}

/// The digest of a manifest's configuration; it goes into an address.
fn config_of(manifest: &Value) -> Result<&str, String> {
    match manifest["config"]["digest"].as_str() {
        Some(digest) if is_digest(digest) => Ok(digest),
        _ => Err("its manifest names no configuration".into()),
    }
}

/// User and password of a token, as they go into a request; nothing where it has none.
fn password_of(token: &Token) -> Option<HeaderValue> {
    let bytes = BASE64_STANDARD.decode(&token.basic).ok()?;
    if !bytes.contains(&b':') {
        return None;
    }
    secret(&format!("Basic {}", token.basic))
}

fn check_platform(config: &[u8], platform: Platform) -> Result<(), String> {
    let config = document::parse(config, "its configuration")?;
    manifest::check_platform(&config, platform)
}
