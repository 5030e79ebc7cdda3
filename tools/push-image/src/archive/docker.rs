//! The older form of `docker save`: a list of images, each with its configuration and its layers as
//! paths.

use serde_json::{Value, json};

use crate::archive::files::Files;
use crate::blob::{Blob, Span, digest_of};
use crate::compress::Compressor;
use crate::image::PackedImage;
use crate::plan::document;
use crate::plan::manifest::{self, OCI_MANIFEST};
use crate::plan::platform::Platform;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Makes the one image of a list ready to be pushed, with a manifest of our own.
pub(super) fn pack(files: &Files, list: &Value, platform: Platform) -> Result<PackedImage, String> {
    let images = match list.as_array() {
        Some(images) => images.as_slice(),
        None => &[],
    };
    let [image] = images else {
        return Err(format!("it holds {} images; one is wanted", images.len()));
    };
    let span = span_of(files, &image["Config"])?;
    let bytes = files.read(&span)?;
    let config = document::parse(&bytes, "its configuration")?;
    manifest::check_platform(&config, platform)?;
    let paths = image["Layers"].as_array();
    let paths = paths.ok_or("its manifest.json names no layers")?;
    manifest::check_layers(&config, paths.len())?;
    let digest = digest_of(&bytes);
    let mut blobs = vec![Blob { digest, span }];
    let mut layers = Vec::new();
    let mut compressor = Compressor::new(&files.token);
    for (number, path) in paths.iter().enumerate() {
        let span = span_of(files, path)?;
        let digest = config["rootfs"]["diff_ids"][number].as_str();
        let layer = compressor.layer(&span, digest)?;
        layers.push(descriptor(LAYER, &layer));
        blobs.push(layer);
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(CONFIG, &blobs[0]),
        "layers": layers,
    });
    let bytes = manifest.to_string().into_bytes();
    Ok(PackedImage {
        digest: digest_of(&bytes),
        media_type: OCI_MANIFEST.into(),
        manifest: bytes,
        blobs,
    })
}

fn span_of(files: &Files, path: &Value) -> Result<Span, String> {
    let path = path.as_str().ok_or("its manifest.json is none")?;
    files.span_of_path(path)
}

fn descriptor(media_type: &str, blob: &Blob) -> Value {
    json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size()})
}
