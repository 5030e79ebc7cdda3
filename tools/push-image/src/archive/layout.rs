//! The image of an OCI layout: found by its index, and made ready to be pushed.

use serde_json::Value;

use crate::archive::files::Files;
use crate::blob::{Blob, digest_of};
use crate::compress::Compressor;
use crate::image::PackedImage;
use crate::plan::document;
use crate::plan::manifest::{self, Descriptor, OCI_MANIFEST};
use crate::plan::platform::Platform;

/// How many manifests of an index are looked into to find those that are no images.
const MOST_BESIDE: usize = 100;
/// How deep indexes point to indexes.
const DEPTH: usize = 4;

/// A manifest of an archive, and the configuration that it names.
pub(super) struct Manifest {
    bytes: Vec<u8>,
    value: Value,
    media_type: String,
    config: Value,
}

impl Manifest {
    /// Refuses an image that lacks layers of those that its configuration names.
    pub(super) fn check_layers(&self) -> Result<(), String> {
        let layers = match self.value["layers"].as_array() {
            Some(layers) => layers.len(),
            None => 0,
        };
        manifest::check_layers(&self.config, layers)
    }
}

/// The image of an index for a platform, which may be in an index of its own.
pub(super) fn find(
    files: &Files,
    mut entries: Vec<Descriptor>,
    platform: Platform,
) -> Result<Manifest, String> {
    for _ in 0..DEPTH {
        let images = without_artifacts(files, &entries);
        let chosen = manifest::choose(&images, platform)?.clone();
        let bytes = files.document(&chosen.digest)?;
        let value = document::parse(&bytes, "a manifest")?;
        let media_type = media_type_of(&chosen.media_type, &value);
        if !manifest::is_index(&media_type) {
            return read(files, bytes, value, media_type);
        }
        entries = manifest::entries(&value).ok_or("one of its indexes is no index")?;
    }
    Err("its indexes point to indexes without an end".into())
}

/// Entries without what builders put beside an image: signatures, attestations and bills of materials are
/// manifests too. What cannot be read is for another platform, or will be told.
fn without_artifacts(files: &Files, entries: &[Descriptor]) -> Vec<Descriptor> {
    let is_artifact = |entry: &Descriptor| {
        let bytes = files.document(&entry.digest);
        let manifest = bytes.and_then(|bytes| document::parse(&bytes, "a manifest"));
        manifest.is_ok_and(|manifest| manifest::is_artifact(&manifest))
    };
    let mut images = entries.to_vec();
    if (2..=MOST_BESIDE).contains(&images.len()) {
        images.retain(|entry| !is_artifact(entry));
    }
    images
}

/// The image of a directory that skopeo wrote: its manifest.json is the manifest, or an index.
pub(super) fn of_directory(
    files: &Files,
    bytes: Vec<u8>,
    value: Value,
    platform: Platform,
) -> Result<Manifest, String> {
    if let Some(entries) = manifest::entries(&value) {
        return find(files, entries, platform);
    }
    let media_type = media_type_of("", &value);
    read(files, bytes, value, media_type)
}

fn read(
    files: &Files,
    bytes: Vec<u8>,
    value: Value,
    media_type: String,
) -> Result<Manifest, String> {
    let config = descriptor(&value["config"])?;
    let config = document::parse(&files.document(&config.digest)?, "its configuration")?;
    Ok(Manifest {
        bytes,
        value,
        media_type,
        config,
    })
}

/// Makes an image ready to be pushed: its manifest stays as it is, unless a layer has to be
/// compressed.
pub(super) fn pack(
    files: &Files,
    image: Manifest,
    platform: Platform,
) -> Result<PackedImage, String> {
    manifest::check_platform(&image.config, platform)?;
    let mut manifest = image.value;
    let mut blobs = vec![blob(files, &descriptor(&manifest["config"])?)?];
    let mut is_changed = false;
    let mut compressor = Compressor::new(&files.token);
    let layers = manifest["layers"].as_array_mut();
    for layer in layers.ok_or("its manifest names no layers")? {
        let named = descriptor(layer)?;
        let found = blob(files, &named)?;
        let Some(media_type) = manifest::compressed_media_type(&named.media_type) else {
            blobs.push(found);
            continue;
        };
        let digest = Some(named.digest.as_str());
        let compressed = compressor.layer(&found.span, digest)?;
        layer["mediaType"] = media_type.into();
        layer["digest"] = compressed.digest.as_str().into();
        layer["size"] = compressed.size().into();
        blobs.push(compressed);
        is_changed = true;
    }
    let bytes = if is_changed {
        manifest.to_string().into_bytes()
    } else {
        image.bytes
    };
    Ok(PackedImage {
        digest: digest_of(&bytes),
        media_type: image.media_type,
        manifest: bytes,
        blobs,
    })
}

/// The media type that the entry of an index says, or else the manifest itself.
fn media_type_of(entry: &str, manifest: &Value) -> String {
    if !entry.is_empty() {
        return entry.into();
    }
    match manifest["mediaType"].as_str() {
        Some(media_type) if !media_type.is_empty() => media_type.into(),
        _ => OCI_MANIFEST.into(),
    }
}

fn descriptor(value: &Value) -> Result<Descriptor, String> {
    serde_json::from_value(value.clone()).map_err(|why| format!("its manifest is none: {why}"))
}

/// The blob that a descriptor names, if it has the size that the descriptor says.
fn blob(files: &Files, named: &Descriptor) -> Result<Blob, String> {
    let span = files.blob(&named.digest)?;
    if named.size != span.size {
        return Err(format!(
            "it is damaged: blob {} is of {} bytes, not of {}",
            named.digest, span.size, named.size
        ));
    }
    Ok(Blob {
        digest: named.digest.clone(),
        span,
    })
}
