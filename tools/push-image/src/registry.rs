//! The registry, by the protocol of OCI: looking up images, uploading what is missing, and pinning
//! references.

mod connection;
mod error;
mod progress;
mod upload;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use plumbing::{Env, Error, Kind, Result, Stream};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::aws::Token;
use crate::blob::Blob;
use crate::image::PackedImage;
use crate::plan::address;
use crate::plan::manifest;
use crate::plan::platform::Platform;
use crate::reference;
use crate::registry::connection::{Connection, in_time};
use crate::registry::upload::Upload;

/// How many layers go up at once.
const UPLOADS_AT_ONCE: usize = 4;
/// What a manifest may be (OCI distribution specification, and docker's own).
const MANIFESTS: &[&str] = &[
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// A registry and the right to use it.
pub struct Registry {
    connection: Connection,
    /// Where it answers; nothing where each reference says it.
    host: Option<String>,
    uploads: Semaphore,
}

impl Registry {
    /// The account's own, by ECR's token.
    ///
    /// Errors: the token is none, or would go out in the clear.
    pub fn of_account(stream: &Stream, env: &Env, token: &Token) -> Result<Self> {
        let endpoint = address::endpoint(&token.endpoint).map_err(Error::refused)?;
        let Some(auth) = auth_of(token) else {
            return Err(Error::refused(
                "the registry's token is not one (ecr:GetAuthorizationToken)",
            ));
        };
        let host = endpoint.host;
        let mut name = env.registry();
        if host != name {
            name = format!("{name} at {host}");
        }
        let plain_http_host = endpoint.is_plain_http.then_some(host.as_str());
        Ok(Registry {
            connection: Connection::new(stream, auth, name, plain_http_host)?,
            host: Some(host),
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
        })
    }

    /// The one that a reference names, without credentials.
    pub fn of_reference(stream: &Stream, reference: &str) -> Result<Self> {
        let host = reference.split('/').next().unwrap_or_default();
        let plain_http_host = address::is_this_machine(host).then_some(host);
        let auth = RegistryAuth::Anonymous;
        let name = "its registry".to_string();
        Ok(Registry {
            connection: Connection::new(stream, auth, name, plain_http_host)?,
            host: None,
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
        })
    }

    /// Whether a repository has an image already.
    pub async fn has(&self, repository: &str, digest: &str) -> Result<bool> {
        let what = format!("look for image {digest} in {repository}");
        let reference = self.by_digest(repository, digest);
        self.connection
            .sign_in(&what, &reference, RegistryOperation::Pull)
            .await?;
        self.knows(repository, digest).await
    }

    /// Like `has`, where this is signed in.
    async fn knows(&self, repository: &str, digest: &str) -> Result<bool> {
        let Connection { client, auth, .. } = &self.connection;
        let what = format!("look for image {digest} in {repository}");
        let reference = self.by_digest(repository, digest);
        let fetch = || async {
            match in_time(client.fetch_manifest_digest(&reference, auth)).await {
                Ok(_) => Ok(true),
                Err(error) if error::is_missing(&error) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.connection.request(&what, fetch).await
    }

    /// Uploads the layers that the repository lacks, then the manifest, by which the image exists.
    /// An upload that was interrupted goes on here.
    pub async fn push(&self, app: &str, repository: &str, image: &PackedImage) -> Result<()> {
        let tag = address::tag(&image.digest);
        let reference = Reference::with_tag(self.host(), repository.into(), tag);
        let what = "sign in to the registry";
        self.connection
            .sign_in(what, &reference, RegistryOperation::Push)
            .await?;
        self.upload_blobs(app, &reference, image).await?;
        self.store_manifest(&reference, image).await
    }

    async fn upload_blobs(
        &self,
        app: &str,
        reference: &Reference,
        image: &PackedImage,
    ) -> Result<()> {
        let mut blobs: Vec<&Blob> = image.blobs.iter().collect();
        blobs.sort_by_key(|blob| &blob.digest);
        blobs.dedup_by_key(|blob| &blob.digest);
        let total = blobs.iter().map(|blob| blob.size()).sum();
        let sent = Arc::new(AtomicU64::new(0));
        let upload = Upload {
            connection: &self.connection,
            reference,
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

    async fn store_manifest(&self, reference: &Reference, image: &PackedImage) -> Result<()> {
        let repository = reference.repository();
        let what = format!("store image {} in {repository}", image.digest);
        let Ok(media_type) = image.media_type.parse() else {
            let message = format!("'{}' is no media type", image.media_type);
            return Err(Error::refused(message));
        };
        let client = &self.connection.client;
        let store = || {
            let media_type = Clone::clone(&media_type); // of a type of another crate
            in_time(client.push_manifest_raw(reference, image.manifest.clone(), media_type))
        };
        if let Err(error) = self.connection.request(&what, store).await {
            // Somebody else may have stored the same image: where tags are immutable the second
            // one is refused.
            let is_refused = error.kind == Kind::Refused;
            if is_refused && self.knows(repository, &image.digest).await.unwrap_or(false) {
                return Ok(());
            }
            return Err(error);
        }
        // ECR must know it by the digest that the record will name.
        if !self.knows(repository, &image.digest).await? {
            let name = &self.connection.name;
            let message =
                format!("cannot {what}: {name} took it, and does not know it by its digest");
            return Err(Error::refused(message));
        }
        Ok(())
    }

    /// The reference by digest of an image that a registry has, for a platform.
    pub async fn pin(&self, reference: &str, platform: Platform, app: &str) -> Result<String> {
        let Connection { client, auth, .. } = &self.connection;
        let with_host = match &self.host {
            Some(host) => format!("{host}/{reference}"),
            None => reference.to_string(),
        };
        let parsed = reference::parse(&with_host)?;
        let what = format!("find image {reference} of app '{app}'");
        self.connection
            .sign_in(&what, &parsed, RegistryOperation::Pull)
            .await?;
        let pull = || in_time(client.pull_manifest_raw(&parsed, auth, MANIFESTS));
        let (bytes, digest) = self.connection.request(&what, pull).await?;
        let unusable = |why: String| {
            let message = format!("cannot use image {reference} of app '{app}': {why}");
            Error::refused(message)
        };
        let manifest: Value =
            serde_json::from_slice(&bytes).map_err(|why| unusable(why.to_string()))?;
        let checked = match manifest::entries(&manifest) {
            Some(entries) => manifest::for_platform(&entries, platform).map(drop),
            None => {
                let config = self.pull_config(&what, &parsed, &manifest).await?;
                check_platform(&config, platform)
            }
        };
        checked.map_err(unusable)?;
        let repository = parsed.repository();
        Ok(match &self.host {
            Some(_) => format!("{repository}@{digest}"),
            None => format!("{}/{repository}@{digest}", parsed.registry()),
        })
    }

    async fn pull_config(
        &self,
        what: &str,
        reference: &Reference,
        manifest: &Value,
    ) -> Result<Vec<u8>> {
        let digest = manifest["config"]["digest"].as_str().unwrap_or_default();
        let pull = || async {
            let mut config = Vec::new();
            let client = &self.connection.client;
            in_time(client.pull_blob(reference, digest, &mut config)).await?;
            Ok(config)
        };
        self.connection.request(what, pull).await
    }

    fn by_digest(&self, repository: &str, digest: &str) -> Reference {
        Reference::with_digest(self.host(), repository.into(), digest.into())
    }

    fn host(&self) -> String {
        self.host.clone().unwrap_or_default()
    }
}

/// User and password of a token; nothing where it has none.
fn auth_of(token: &Token) -> Option<RegistryAuth> {
    let bytes = BASE64_STANDARD.decode(&token.basic).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(RegistryAuth::Basic(user.into(), password.into()))
}

fn check_platform(config: &[u8], platform: Platform) -> Result<(), String> {
    let config = serde_json::from_slice(config).map_err(|why| why.to_string())?;
    manifest::check_platform(&config, platform)
}
