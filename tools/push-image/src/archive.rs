//! Archives of images: an OCI layout in a folder or a tar file, and what `docker save` writes.
//!
//! Read where they are, layer by layer. Layers that are not compressed yet become so, since
//! compressed ones are what is uploaded and stored.

mod docker;
mod files;
mod layout;
mod tar_file;
mod unpacked;

use std::path::Path;

use plumbing::{Control, Result};

use crate::archive::files::Files;
use crate::archive::layout::Manifest;
use crate::blob::unreadable;
use crate::image::PackedImage;
use crate::plan::manifest::Descriptor;
use crate::plan::platform::Platform;
use crate::plan::{document, manifest, named};
use crate::thread;
use crate::work::WorkFolder;

/// Reads an archive that somebody made, and makes it ready to be pushed: for a large image that
/// takes a while. `image` names one of several.
pub async fn open(
    control: &Control,
    path: &str,
    image: Option<String>,
    platform: Platform,
) -> Result<PackedImage> {
    let path = Path::new(path).to_path_buf();
    thread::run(control, move |token| {
        let image = image.as_deref();
        let packed = Files::open(&path, token).and_then(|files| pack(&files, image, platform));
        packed.map_err(|why| unreadable(&path, &why))
    })
    .await
}

/// The same of what an engine saved in a folder, which is not needed once it is open: while an
/// image is compressed and pushed there is nothing that a killed process would leave.
pub async fn open_built(
    control: &Control,
    path: &Path,
    platform: Platform,
    work: WorkFolder,
) -> Result<PackedImage> {
    let path = path.to_path_buf();
    thread::run(control, move |token| {
        let files = Files::open(&path, token);
        drop(work);
        let packed = files.and_then(|files| pack(&files, None, platform));
        packed.map_err(|why| unreadable(&path, &why))
    })
    .await
}

fn pack(files: &Files, image: Option<&str>, platform: Platform) -> Result<PackedImage, String> {
    let list = match files.span("manifest.json")? {
        Some(span) => {
            let bytes = files.read(&span)?;
            let value = document::parse(&bytes, "manifest.json")?;
            Some((bytes, value))
        }
        None => None,
    };
    if let Some(index) = files.span("index.json")? {
        let index = document::parse(&files.read(&index)?, "index.json")?;
        let entries = manifest::entries(&index).ok_or("its index.json is no index")?;
        match of_index(files, entries, image, platform) {
            Ok(image) => return layout::pack(files, image, platform),
            Err(why) if list.is_none() => return Err(why),
            Err(_) => {} // the list says why, such as that there are several images
        }
    }
    match list {
        Some((bytes, value)) if value.is_object() => {
            let image = layout::of_directory(files, bytes, value, platform)?;
            image.check_layers()?;
            layout::pack(files, image, platform)
        }
        Some((_, list)) => docker::pack(files, &list, image, platform),
        None => Err(
            "it is neither an OCI layout (index.json) nor what docker save writes (manifest.json)"
                .into(),
        ),
    }
}

/// The image of an index that has all of its layers. Docker 25.0 saved indexes without the image, or with
/// one without its layers: then the list counts, which it writes as well.
fn of_index(
    files: &Files,
    mut entries: Vec<Descriptor>,
    image: Option<&str>,
    platform: Platform,
) -> Result<Manifest, String> {
    if let Some(image) = image {
        let names = entries.iter().enumerate().map(|(n, entry)| entry.names(n));
        let chosen = named::choose(&names.collect::<Vec<_>>(), image)?;
        entries = chosen.into_iter().map(|n| entries[n].clone()).collect();
    }
    let image = layout::find(files, entries, platform)?;
    image.check_layers()?;
    Ok(image)
}

#[cfg(test)]
mod builders;

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{Read, Write};
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use flate2::Compression;
    use flate2::read::GzDecoder;
    use flate2::write::GzEncoder;
    use serde_json::{Value, json};
    use tempfile::tempdir;

    use super::*;
    use crate::blob::{Blob, digest_of};
    use crate::plan::manifest::OCI_MANIFEST;
    use crate::thread::CancelGuard;

    const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    const COMPRESSED_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

    fn write(path: &Path, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The path of a blob in a layout.
    fn path_of(digest: &str) -> String {
        let hex = digest.strip_prefix("sha256:").unwrap();
        format!("blobs/sha256/{hex}")
    }

    /// Writes a blob of a layout; answers its descriptor.
    fn put(folder: &Path, bytes: &[u8]) -> Value {
        let digest = digest_of(bytes);
        write(&folder.join(path_of(&digest)), bytes);
        json!({"digest": digest, "size": bytes.len()})
    }

    fn write_index(folder: &Path, manifests: &Value) {
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        write(&folder.join("index.json"), index.to_string());
    }

    /// Writes a layout of an image with one layer; answers its digest.
    fn layout(folder: &Path, architecture: &str, layer_type: &str, layer: &[u8]) -> String {
        let config = json!({"os": "linux", "architecture": architecture});
        let mut config = put(folder, config.to_string().as_bytes());
        config["mediaType"] = CONFIG.into();
        let mut layer = put(folder, layer);
        layer["mediaType"] = layer_type.into();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config,
            "layers": [layer],
        });
        let mut manifest = put(folder, manifest.to_string().as_bytes());
        manifest["mediaType"] = OCI_MANIFEST.into();
        write_index(folder, &json!([manifest]));
        manifest["digest"].as_str().unwrap().to_string()
    }

    fn pack_path(path: &Path) -> Result<PackedImage, String> {
        let guard = CancelGuard::default();
        let files = Files::open(path, &guard.token())?;
        pack(&files, None, Platform::AMD64)
    }

    fn verify(blob: &Blob) -> Result<()> {
        let guard = CancelGuard::default();
        blob.verify(&guard.token())
    }

    fn verify_all(image: &PackedImage) {
        for blob in &image.blobs {
            verify(blob).unwrap();
        }
    }

    fn tar_of(folder: &Path) -> PathBuf {
        let path = folder.with_extension("tar");
        let mut tar = tar::Builder::new(File::create(&path).unwrap());
        tar.follow_symlinks(false);
        tar.append_dir_all(".", folder).unwrap();
        tar.finish().unwrap();
        path
    }

    #[test]
    fn a_layout_is_pushed_as_it_is_from_a_folder_or_a_tar() {
        let temp = tempdir().unwrap();
        let folder = temp.path().join("layout");
        let digest = layout(&folder, "amd64", COMPRESSED_LAYER, &[0x1f, 0x8b, 1]);
        for path in [folder.clone(), tar_of(&folder)] {
            let image = pack_path(&path).unwrap();
            assert_eq!(image.digest, digest);
            assert_eq!(image.blobs.len(), 2);
            assert_eq!(digest_of(&image.manifest), digest);
            verify_all(&image);
        }
    }

    #[test]
    fn what_is_not_compressed_becomes_so_and_the_same_each_time() {
        let temp = tempdir().unwrap();
        let folder = temp.path();
        let layer = vec![7; 100_000];
        let digest = layout(folder, "amd64", LAYER, &layer);
        let one = pack_path(folder).unwrap();
        let other = pack_path(folder).unwrap();
        assert_eq!(one.digest, other.digest);
        assert_ne!(one.digest, digest);
        verify_all(&one);
        let mut back = Vec::new();
        GzDecoder::new(one.blobs[1].open().unwrap())
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back, layer);
        let manifest: Value = serde_json::from_slice(&one.manifest).unwrap();
        assert_eq!(manifest["layers"][0]["mediaType"], COMPRESSED_LAYER);
    }

    #[test]
    fn what_docker_saved_is_read_links_included() {
        let temp = tempdir().unwrap();
        let folder = temp.path().join("saved");
        let config = json!({"os": "linux", "architecture": "amd64"}).to_string();
        write(&folder.join("c.json"), &config);
        write(&folder.join("a/layer.tar"), [7; 5000]);
        fs::create_dir_all(folder.join("b")).unwrap();
        symlink("../a/layer.tar", folder.join("b/layer.tar")).unwrap();
        let layers = ["a/layer.tar", "b/layer.tar"];
        let list = json!([{"Config": "c.json", "RepoTags": null, "Layers": layers}]);
        write(&folder.join("manifest.json"), list.to_string());
        let image = pack_path(&tar_of(&folder)).unwrap();
        assert_eq!(image.blobs.len(), 3);
        assert_eq!(image.blobs[1].digest, image.blobs[2].digest);
        assert_eq!(image.blobs[0].digest, digest_of(config.as_bytes()));
    }

    /// What Docker saves since version 25, without its index: a layout, and the older list with it.
    /// Answers the manifest.
    fn save(folder: &Path, layer: &[u8]) -> Value {
        let digest = digest_of(layer);
        let config =
            json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [digest]}});
        let mut config = put(folder, config.to_string().as_bytes());
        let mut layer = put(folder, layer);
        let config_path = path_of(config["digest"].as_str().unwrap());
        let list = json!([{"Config": config_path, "RepoTags": null, "Layers": [path_of(&digest)]}]);
        write(&folder.join("manifest.json"), list.to_string());
        config["mediaType"] = CONFIG.into();
        layer["mediaType"] = LAYER.into();
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]})
    }

    #[test]
    fn what_docker_saved_is_whole_whichever_version_it_was() {
        let temp = tempdir().unwrap();
        let folder = temp.path();
        let image = save(folder, &[7; 5000]);
        // 25.0.0 forgot the layers, and all of 25.0 the images that were saved by their ID.
        let mut without_layers = image.clone();
        without_layers["layers"] = json!([]);
        let without_layers = put(folder, without_layers.to_string().as_bytes());
        for manifests in [json!([without_layers]), json!(null), json!([])] {
            write_index(folder, &manifests);
            let packed = pack_path(folder).unwrap();
            assert_eq!(packed.blobs.len(), 2);
            assert_eq!(packed.media_type, OCI_MANIFEST);
            verify_all(&packed);
        }
        // Later ones name an image once for each of its tags.
        let manifest = put(folder, image.to_string().as_bytes());
        write_index(folder, &json!([manifest, manifest]));
        assert_eq!(pack_path(folder).unwrap().blobs.len(), 2);
        // Without the list the index counts, such as it is.
        fs::remove_file(folder.join("manifest.json")).unwrap();
        write_index(folder, &json!([without_layers]));
        let refused = pack_path(folder).unwrap_err();
        assert!(refused.contains("names 1 layers, and its manifest 0"));
    }

    #[test]
    fn a_layer_that_docker_saved_is_what_the_configuration_says() {
        let temp = tempdir().unwrap();
        let folder = temp.path();
        save(folder, &[7; 5000]);
        assert_eq!(pack_path(folder).unwrap().blobs.len(), 2);
        let layer = folder.join(path_of(&digest_of(&[7; 5000])));
        write(&layer, [8; 5000]);
        let refused = pack_path(folder).unwrap_err();
        assert!(refused.starts_with("it is damaged: blob sha256:"));
        // The same one, compressed.
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&[7; 5000]).unwrap();
        write(&layer, gzip.finish().unwrap());
        assert_eq!(pack_path(folder).unwrap().blobs.len(), 2);
    }

    #[test]
    fn a_folder_gives_no_file_of_another() {
        let temp = tempdir().unwrap();
        let folder = temp.path().join("saved");
        write(&temp.path().join("secret"), b"of this machine");
        let config = json!({"os": "linux", "architecture": "amd64"});
        write(&folder.join("c.json"), config.to_string());
        symlink("../secret", folder.join("layer.tar")).unwrap();
        for layer in ["layer.tar", "../secret"] {
            let list = json!([{"Config": "c.json", "Layers": [layer]}]);
            write(&folder.join("manifest.json"), list.to_string());
            let refused = pack_path(&folder).unwrap_err();
            assert!(
                refused == "layer.tar leads out of it" || refused == "it lacks ../secret",
                "{refused}"
            );
        }
    }

    #[test]
    fn a_layout_that_is_damaged_or_for_another_processor_is_refused() {
        let temp = tempdir().unwrap();
        let folder = temp.path();
        let layer = [0x1f, 0x8b, 1];
        let digest = layout(folder, "amd64", COMPRESSED_LAYER, &layer);
        write(&folder.join(path_of(&digest)), b"{}");
        let refused = pack_path(folder).unwrap_err();
        assert!(refused.starts_with(&format!("it is damaged: blob {digest} is sha256:")));

        layout(folder, "arm64", COMPRESSED_LAYER, &layer);
        assert_eq!(
            pack_path(folder).unwrap_err(),
            "the image is for linux/arm64, but its app runs on linux/amd64"
        );

        let digest = layout(folder, "amd64", COMPRESSED_LAYER, &layer);
        let manifest = fs::read_to_string(folder.join(path_of(&digest))).unwrap();
        let shorter = manifest.replace("\"size\":3,", "\"size\":2,");
        let shorter = put(folder, shorter.as_bytes());
        write_index(folder, &json!([shorter]));
        let refused = pack_path(folder).unwrap_err();
        assert!(refused.ends_with(" is of 3 bytes, not of 2"), "{refused}");
    }

    #[test]
    fn what_is_something_else_is_refused() {
        let temp = tempdir().unwrap();
        let text = temp.path().join("text");
        write(&text, [b'x'; 2000]);
        let refused = pack_path(&text).unwrap_err();
        assert!(
            refused.starts_with("it is not a whole tar file"),
            "{refused}"
        );

        let empty = tempdir().unwrap();
        let refused = pack_path(empty.path()).unwrap_err();
        assert!(refused.starts_with("it is neither an OCI layout"));
        write_index(
            empty.path(),
            &json!([{"digest": "sha256:../../etc/passwd", "size": 1}]),
        );
        let refused = pack_path(empty.path()).unwrap_err();
        assert!(refused.contains("is not a digest of SHA-256"));
    }

    #[test]
    fn an_archive_that_was_cut_or_spoilt_is_refused_or_whole() {
        let temp = tempdir().unwrap();
        let saved = temp.path().join("saved");
        let config = json!({"os": "linux", "architecture": "amd64"});
        write(&saved.join("c.json"), config.to_string());
        write(&saved.join("layer.tar"), [7; 5000]);
        let list = json!([{"Config": "c.json", "Layers": ["layer.tar"]}]);
        write(&saved.join("manifest.json"), list.to_string());
        let with_index = temp.path().join("layout");
        layout(&with_index, "amd64", LAYER, &[7; 5000]);
        for folder in [saved, with_index] {
            let bytes = fs::read(tar_of(&folder)).unwrap();
            let path = temp.path().join("spoilt.tar");
            let layer = bytes
                .windows(2000)
                .position(|window| window.iter().all(|byte| *byte == 7))
                .unwrap();
            fs::write(&path, &bytes[..layer + 1000]).unwrap();
            assert!(pack_path(&path).is_err(), "cut in a layer");
            for at in (0..bytes.len()).step_by(37) {
                let mut spoilt = bytes.clone();
                spoilt[at] ^= 0x15;
                fs::write(&path, &spoilt).unwrap();
                if let Ok(image) = pack_path(&path) {
                    verify_all(&image);
                }
            }
        }
    }

    #[test]
    fn a_layer_that_is_not_what_its_digest_says_is_found_before_it_is_sent() {
        let temp = tempdir().unwrap();
        let folder = temp.path();
        layout(folder, "amd64", COMPRESSED_LAYER, &[0x1f, 0x8b, 1]);
        let layer = path_of(&digest_of(&[0x1f, 0x8b, 1]));
        write(&folder.join(layer), [0x1f, 0x8b, 2]);
        let image = pack_path(folder).unwrap();
        let refused = verify(&image.blobs[1]).unwrap_err();
        assert!(refused.message.contains("it is damaged"));
    }
}
