//! Images as archives, and as they are stored in the registry.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use support::{LocalAws, Value, json, text, ureq};

use crate::REPOSITORY;

pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Bytes that no compression makes fewer, the same for each seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::fast());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

/// The file of a blob in an OCI layout.
pub fn blob_path(folder: &Path, digest: &str) -> PathBuf {
    let hex = digest.strip_prefix("sha256:").unwrap();
    folder.join("blobs/sha256").join(hex)
}

/// Writes a blob of an OCI layout; answers its descriptor.
pub fn put_blob(folder: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = digest_of(bytes);
    write(&blob_path(folder, &digest), bytes);
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}

/// Writes an image as an OCI layout, of one layer; answers its digest.
pub fn layout(folder: &Path, architecture: &str, layer: &[u8]) -> String {
    let config = json!({
        "os": "linux",
        "architecture": architecture,
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = put_blob(
        folder,
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
    );
    let layer = put_blob(
        folder,
        "application/vnd.oci.image.layer.v1.tar+gzip",
        &gzip(layer),
    );
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest =
        json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]});
    let manifest = put_blob(folder, media_type, manifest.to_string().as_bytes());
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    write(&folder.join("index.json"), index.to_string());
    let version = json!({"imageLayoutVersion": "1.0.0"});
    write(&folder.join("oci-layout"), version.to_string());
    text(&manifest["digest"]).to_string()
}

pub fn tar_of(folder: &Path) -> PathBuf {
    let path = folder.with_extension("tar");
    let mut tar = tar::Builder::new(File::create(&path).unwrap());
    tar.append_dir_all(".", folder).unwrap();
    tar.finish().unwrap();
    path
}

/// Writes what `docker save` writes: layers that are not compressed.
pub fn saved(folder: &Path, layer: &[u8]) -> PathBuf {
    let config = json!({"os": "linux", "architecture": "amd64"});
    write(&folder.join("config.json"), config.to_string());
    write(&folder.join("a/layer.tar"), layer);
    let list = json!([{"Config": "config.json", "RepoTags": ["web:1"], "Layers": ["a/layer.tar"]}]);
    write(&folder.join("manifest.json"), list.to_string());
    tar_of(folder)
}

/// The images in web's repository, as ECR describes them.
pub fn stored_images(aws: &LocalAws) -> Vec<Value> {
    let repository = json!({"repositoryName": REPOSITORY});
    let answer = aws.call("ecr", "describe_images", repository);
    match answer["imageDetails"].as_array() {
        Some(images) => images.clone(),
        None => Vec::new(),
    }
}

/// Pulls an image by its digest, checks that all of it is what its digest says, and answers its
/// layers as they were before they were compressed.
pub fn pull(aws: &LocalAws, digest: &str) -> Vec<Vec<u8>> {
    let manifest = get(aws, &format!("manifests/{digest}"));
    assert_eq!(digest_of(&manifest), digest);
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    pull_blob(aws, &manifest["config"]);
    let mut layers = Vec::new();
    for descriptor in manifest["layers"].as_array().unwrap() {
        let compressed = pull_blob(aws, descriptor);
        let mut layer = Vec::new();
        let mut decoder = GzDecoder::new(compressed.as_slice());
        decoder.read_to_end(&mut layer).unwrap();
        layers.push(layer);
    }
    layers
}

fn pull_blob(aws: &LocalAws, descriptor: &Value) -> Vec<u8> {
    let digest = text(&descriptor["digest"]);
    let bytes = get(aws, &format!("blobs/{digest}"));
    assert_eq!(digest_of(&bytes), digest);
    assert_eq!(descriptor["size"].as_u64(), Some(bytes.len() as u64));
    bytes
}

/// Something of web's repository, by HTTP as docker pulls it.
fn get(aws: &LocalAws, what: &str) -> Vec<u8> {
    let answer = aws.call("ecr", "get_authorization_token", json!({}));
    let token = text(&answer["authorizationData"][0]["authorizationToken"]);
    let url = format!("{}/v2/{REPOSITORY}/{what}", aws.url);
    let answer = ureq::get(url)
        .header("Authorization", format!("Basic {token}"))
        .call()
        .unwrap();
    let mut body = answer.into_body();
    body.with_config().limit(1 << 30).read_to_vec().unwrap()
}
