//! The older form of `docker save`: a list of images, each with its configuration and its layers as
//! paths.

use std::io::Read;

use serde_json::{Value, json};

use crate::archive::files::Files;
use crate::blob::{Blob, Span, digest_of, hash};
use crate::compress::Compressor;
use crate::image::PackedImage;
use crate::plan::manifest::{self, OCI_MANIFEST};
use crate::plan::named::Names;
use crate::plan::platform::Platform;
use crate::plan::{document, named};
use crate::thread::CancelToken;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// What everything that zstd wrote begins with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Makes one image of a list ready to be pushed, with a manifest of our own.
pub(super) fn pack(
    files: &Files,
    list: &Value,
    image: Option<&str>,
    platform: Platform,
) -> Result<PackedImage, String> {
    let (image, config) = choose(files, list, image, platform)?;
    manifest::check_platform(&config.value, platform)?;
    let paths = image["Layers"].as_array();
    let paths = paths.ok_or("its manifest.json names no layers")?;
    manifest::check_layers(&config.value, paths.len())?;
    let mut blobs = vec![config.blob];
    let mut layers = Vec::new();
    let mut compressor = Compressor::new(&files.token);
    for (number, path) in paths.iter().enumerate() {
        let span = span_of(files, path)?;
        let digest = config.value["rootfs"]["diff_ids"][number].as_str();
        let (media_type, layer) = match zstd_layer(&span, &files.token)? {
            Some(layer) => (ZSTD_LAYER, layer),
            None => (LAYER, compressor.layer(&span, digest)?),
        };
        layers.push(descriptor(media_type, &layer));
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

/// The configuration of an image of the list.
struct Config {
    value: Value,
    blob: Blob,
}

/// The image that is named, or the one for the platform: some builders write one for each processor.
fn choose<'a>(
    files: &Files,
    list: &'a Value,
    image: Option<&str>,
    platform: Platform,
) -> Result<(&'a Value, Config), String> {
    let mut images: Vec<&Value> = list.as_array().into_iter().flatten().collect();
    let names: Vec<_> = images
        .iter()
        .enumerate()
        .map(|(n, image)| names(n, image))
        .collect();
    if let Some(image) = image {
        let chosen = named::choose(&names, image)?;
        images = chosen.into_iter().map(|n| images[n]).collect();
    }
    let mut found: Vec<(&Value, Config)> = Vec::new();
    for image in images {
        let span = span_of(files, &image["Config"])?;
        let bytes = files.read(&span)?;
        let value = document::parse(&bytes, "its configuration")?;
        let digest = digest_of(&bytes);
        if found.iter().any(|(_, config)| config.blob.digest == digest) {
            continue; // it has two names
        }
        found.push((
            image,
            Config {
                value,
                blob: Blob { digest, span },
            },
        ));
    }
    let fits = |config: &Config| manifest::check_platform(&config.value, platform).is_ok();
    if found.len() > 1 && found.iter().any(|(_, config)| fits(config)) {
        found.retain(|(_, config)| fits(config));
    }
    match found.len() {
        1 => found.pop().ok_or_else(|| "it holds no image".into()),
        0 => Err("it holds no image".into()),
        _ => Err(named::several(&names)),
    }
}

/// What an image of a list is called: its names, the digest of its configuration, its place.
fn names(number: usize, image: &Value) -> Names {
    let tags = image["RepoTags"].as_array().into_iter().flatten();
    let tags = tags.filter_map(Value::as_str).map(String::from).collect();
    let config = image["Config"].as_str().unwrap_or_default();
    let config = config.trim_end_matches(".json").rsplit(['/', ':']).next();
    Names {
        names: tags,
        digest: format!("sha256:{}", config.unwrap_or_default()),
        number,
    }
}

/// A layer that zstd compressed: it stays as it is. What is in it is checked by whoever runs it.
fn zstd_layer(span: &Span, token: &CancelToken) -> Result<Option<Blob>, String> {
    let mut begin = Vec::new();
    let reader = span.reader(token);
    let read = reader.and_then(|reader| reader.take(4).read_to_end(&mut begin));
    read.map_err(|why| why.to_string())?;
    if begin != ZSTD {
        return Ok(None);
    }
    let hashed = span.reader(token).and_then(hash);
    let (digest, _) = hashed.map_err(|why| why.to_string())?;
    let span = span.clone();
    Ok(Some(Blob { digest, span }))
}

fn span_of(files: &Files, path: &Value) -> Result<Span, String> {
    let path = path.as_str().ok_or("its manifest.json is none")?;
    files.span_of_path(path)
}

fn descriptor(media_type: &str, blob: &Blob) -> Value {
    json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size()})
}
