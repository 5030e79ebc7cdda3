//! Archives laid out as the builders in use write them, each with what it puts beside the image.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use super::*;
use crate::blob::digest_of;
use crate::plan::manifest::OCI_MANIFEST;
use crate::thread::CancelGuard;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const GZIP_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// What gzip wrote, in three bytes: the first two count.
const LAYER: [u8; 3] = [0x1f, 0x8b, 1];

/// An archive in the making.
struct Archive {
    temp: TempDir,
}

impl Archive {
    fn new() -> Self {
        let temp = tempdir().unwrap();
        Archive { temp }
    }

    fn folder(&self) -> PathBuf {
        self.temp.path().join("archive")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes a blob under a name that holds its hex digits; answers its descriptor.
    fn blob(&self, place: &str, bytes: &[u8]) -> Value {
        let digest = digest_of(bytes);
        self.write(&place.replace("HEX", &digest[7..]), bytes);
        json!({"digest": digest, "size": bytes.len()})
    }

    /// Writes an image of one layer with its blobs at a place; answers its manifest's descriptor and bytes.
    fn image(&self, place: &str, architecture: &str, kind: &str) -> (Value, Vec<u8>) {
        let config = json!({"os": "linux", "architecture": architecture, "author": kind});
        let config = self.blob(place, config.to_string().as_bytes());
        let mut layer = self.blob(place, &LAYER);
        layer["mediaType"] = GZIP_LAYER.into();
        let manifest =
            json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]});
        let bytes = manifest.to_string().into_bytes();
        let mut manifest = self.blob(place, &bytes);
        manifest["mediaType"] = kind.into();
        (manifest, bytes)
    }

    fn tar(&self) -> PathBuf {
        let path = self.temp.path().join("archive.tar");
        let mut tar = tar::Builder::new(File::create(&path).unwrap());
        tar.follow_symlinks(false);
        tar.append_dir_all("", self.folder()).unwrap();
        tar.finish().unwrap();
        path
    }
}

fn pack_path(path: &Path, image: Option<&str>, platform: Platform) -> Result<PackedImage, String> {
    let guard = CancelGuard::default();
    let files = Files::open(path, &guard.token())?;
    let packed = pack(&files, image, platform)?;
    for blob in &packed.blobs {
        blob.verify(&guard.token()).map_err(|why| why.message)?;
    }
    Ok(packed)
}

fn digest(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}

/// buildx and buildctl: an index in the index, with attestations and other processors; `--output
/// type=docker` and containerd's export write the older list as well, nerdctl without other blobs.
#[test]
fn an_index_with_attestations_and_other_processors() {
    let archive = Archive::new();
    let place = "blobs/sha256/HEX";
    let (mut amd, _) = archive.image(place, "amd64", OCI_MANIFEST);
    let (mut arm, _) = archive.image(place, "arm64", OCI_MANIFEST);
    let (mut attestation, _) = archive.image(place, "unknown", OCI_MANIFEST);
    amd["platform"] = json!({"os": "linux", "architecture": "amd64"});
    arm["platform"] = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let lacking = json!({"digest": digest_of(b"x"), "size": 1, "platform": {"os": "linux", "architecture": "s390x"}});
    let index = json!({"schemaVersion": 2, "manifests": [amd, arm, attestation, lacking]});
    let mut index = archive.blob(place, index.to_string().as_bytes());
    index["mediaType"] = INDEX.into();
    index["annotations"] = json!({
        "io.containerd.image.name": "docker.io/library/web:1", "org.opencontainers.image.ref.name": "1",
    });
    archive.write("index.json", json!({"manifests": [index]}).to_string());
    archive.write("oci-layout", "{}");
    for path in [archive.folder(), archive.tar()] {
        for (platform, image) in [(Platform::AMD64, &amd), (Platform::ARM64, &arm)] {
            for name in [
                None,
                Some("web:1"),
                Some("1"),
                Some("docker.io/library/web:1"),
            ] {
                let packed = pack_path(&path, name, platform).unwrap();
                assert_eq!(packed.digest, digest(image), "{name:?}");
            }
        }
        let none = pack_path(&path, Some("web:2"), Platform::AMD64).unwrap_err();
        assert!(
            none.starts_with("it holds no image 'web:2', but docker.io/"),
            "{none}"
        );
    }
}

/// ko, apko and cosign save: signatures, attestations and bills of materials as images without a platform.
#[test]
fn an_index_with_signatures_and_bills_of_materials() {
    let archive = Archive::new();
    let place = "blobs/sha256/HEX";
    let (image, _) = archive.image(place, "amd64", OCI_MANIFEST);
    let mut entries = vec![image.clone()];
    for kind in [
        "application/vnd.dev.cosign.simplesigning.v1+json",
        "application/vnd.in-toto+json",
        "text/spdx+json",
    ] {
        let mut config = archive.blob(place, b"{}");
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        let mut layer = archive.blob(place, kind.as_bytes());
        layer["mediaType"] = kind.into();
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
        let mut manifest = archive.blob(place, manifest.to_string().as_bytes());
        manifest["mediaType"] = OCI_MANIFEST.into();
        entries.push(manifest);
    }
    archive.write("index.json", json!({"manifests": entries}).to_string());
    let packed = pack_path(&archive.tar(), None, Platform::AMD64).unwrap();
    assert_eq!(packed.digest, digest(&image));
}

/// skopeo and podman as oci-archive, with several images: named by their references.
#[test]
fn several_images_of_a_layout() {
    let archive = Archive::new();
    let place = "blobs/sha256/HEX";
    let (mut web, _) = archive.image(place, "amd64", OCI_MANIFEST);
    let (mut api, _) = archive.image(place, "amd64", DOCKER_MANIFEST);
    web["annotations"] = json!({"org.opencontainers.image.ref.name": "localhost/web:1"});
    api["annotations"] = json!({"org.opencontainers.image.ref.name": "2.0"});
    archive.write("index.json", json!({"manifests": [web, api]}).to_string());
    for (name, image) in [
        ("web:1", &web),
        ("localhost/web:1", &web),
        ("2.0", &api),
        ("@1", &api),
        (digest(&api), &api),
    ] {
        let packed = pack_path(&archive.tar(), Some(name), Platform::AMD64).unwrap();
        assert_eq!(packed.digest, digest(image), "{name}");
    }
    let unclear = pack_path(&archive.folder(), None, Platform::AMD64).unwrap_err();
    assert!(
        unclear.starts_with("it holds 2 images; say which"),
        "{unclear}"
    );
    assert!(
        unclear.contains("localhost/web:1") && unclear.contains("2.0"),
        "{unclear}"
    );
}

/// skopeo's `dir:`: every file in one folder, the manifest or an index as manifest.json.
#[test]
fn a_directory_of_skopeo() {
    let archive = Archive::new();
    archive.write("version", "Directory Transport Version: 1.1\n");
    let (image, bytes) = archive.image("HEX", "amd64", DOCKER_MANIFEST);
    archive.write("manifest.json", &bytes);
    let packed = pack_path(&archive.folder(), None, Platform::AMD64).unwrap();
    assert_eq!(
        (packed.digest.as_str(), packed.media_type.as_str()),
        (digest(&image), DOCKER_MANIFEST)
    );
    let other = pack_path(&archive.folder(), None, Platform::ARM64).unwrap_err();
    assert!(other.contains("is for linux/amd64"), "{other}");

    // copy --all: manifests have an end of their own.
    let path = archive.folder().join(&digest(&image)[7..]);
    fs::rename(&path, path.with_extension("manifest.json")).unwrap();
    let mut entry = image.clone();
    entry["platform"] = json!({"os": "linux", "architecture": "amd64"});
    archive.write("manifest.json", json!({"manifests": [entry]}).to_string());
    let packed = pack_path(&archive.folder(), None, Platform::AMD64).unwrap();
    assert_eq!(packed.digest, digest(&image));
}

/// kaniko, ko, crane, jib, apko and bazel's oci_load: a list without an index, its files named by digest
/// or by their content; layers are compressed already, and apko and ko may write one image a processor.
#[test]
fn a_list_of_whatever_names() {
    for (config_name, layer_name) in [
        ("sha256:c0ffee", "0ff1ce.tar.gz"),
        ("config.json", "0ff1ce.tar.gz"),
        ("blobs/sha256/c0ffee", "blobs/sha256/0ff1ce"),
        ("./c0ffee.json", "./0ff1ce/layer.tar"),
    ] {
        let archive = Archive::new();
        let mut list = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let config = json!({"os": "linux", "architecture": architecture});
            let config_name = config_name.replace("c0ffee", &format!("c0ffee{architecture}"));
            archive.write(&config_name, config.to_string());
            archive.write(layer_name, LAYER);
            let tags = [format!("web:1-{architecture}")];
            list.push(json!({"Config": config_name, "RepoTags": tags, "Layers": [layer_name]}));
            if config_name == "config.json" {
                break;
            }
        }
        archive.write("manifest.json", json!(list).to_string());
        archive.write("repositories", "{}");
        archive.write("sbom-x86_64.spdx.json", "{}");
        let packed = pack_path(&archive.tar(), None, Platform::AMD64).unwrap();
        assert_eq!(packed.blobs[1].digest, digest_of(&LAYER), "{config_name}");
        let named = pack_path(&archive.tar(), Some("web:1-amd64"), Platform::AMD64).unwrap();
        assert_eq!(named.digest, packed.digest);
    }
}

/// kaniko and buildx with `compression=zstd`: the layer stays as it is.
#[test]
fn a_list_with_layers_of_zstd() {
    let archive = Archive::new();
    let layer = [0x28, 0xb5, 0x2f, 0xfd, 1, 2];
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [digest_of(b"inside")]}});
    archive.write("c.json", config.to_string());
    archive.write("l.tar.gz", layer);
    let list = json!([{"Config": "c.json", "RepoTags": [], "Layers": ["l.tar.gz"]}]);
    archive.write("manifest.json", list.to_string());
    let packed = pack_path(&archive.tar(), None, Platform::AMD64).unwrap();
    let manifest: Value = serde_json::from_slice(&packed.manifest).unwrap();
    let written = &manifest["layers"][0];
    assert_eq!(
        written["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+zstd"
    );
    assert_eq!(written["digest"], digest_of(&layer));
}

/// bazel's oci_image: a layout whose blobs are links into bazel's own folders. What is not named by its
/// digest leads nowhere.
#[test]
fn a_layout_of_links() {
    let archive = Archive::new();
    let (image, _) = archive.image("blobs/sha256/HEX", "amd64", OCI_MANIFEST);
    archive.write("index.json", json!({"manifests": [image]}).to_string());
    let elsewhere = archive.temp.path().join("bazel-out");
    fs::rename(archive.folder().join("blobs/sha256"), &elsewhere).unwrap();
    fs::create_dir_all(archive.folder().join("blobs/sha256")).unwrap();
    for entry in fs::read_dir(&elsewhere).unwrap() {
        let file = entry.unwrap();
        let link = archive.folder().join("blobs/sha256").join(file.file_name());
        symlink(file.path(), link).unwrap();
    }
    let packed = pack_path(&archive.folder(), None, Platform::AMD64).unwrap();
    assert_eq!(packed.digest, digest(&image));

    let index = archive.folder().join("index.json");
    fs::rename(&index, elsewhere.join("index.json")).unwrap();
    symlink(elsewhere.join("index.json"), &index).unwrap();
    let refused = pack_path(&archive.folder(), None, Platform::AMD64).unwrap_err();
    assert_eq!(refused, "index.json leads out of it");
}
