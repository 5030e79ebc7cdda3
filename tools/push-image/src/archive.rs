//! Archives of images: an OCI layout in a folder or a tar file, and what `docker save` writes. Read in
//! place, layer by layer; what is not compressed yet is, since that is what is uploaded and stored.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use plumbing::{Error, Result, Stream};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::blob::{Blob, Span, Wanted, aside, compress, digest_of, reader, unreadable};
use crate::plan::{self, Descriptor, Place, Platform};
use crate::registry;

/// A manifest or a configuration is never larger: registries refuse more than 4 MiB.
const DOCUMENT: u64 = 8 << 20;
/// How deep indexes point to indexes.
const DEPTH: usize = 4;
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image that is ready to be pushed.
#[derive(Debug)]
pub struct Packed {
    /// The digest of its manifest.
    pub digest: String,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest, byte for byte what the digest is of.
    pub manifest: Vec<u8>,
    /// Its layers and its configuration.
    pub blobs: Vec<Blob>,
    _work: Arc<TempDir>,
}

/// A folder for what is built and compressed; it goes when it is dropped.
pub fn work() -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("push-image-").tempdir();
    made.map_err(|why| {
        Error::refused(format!(
            "cannot make a folder in {}: {why}",
            std::env::temp_dir().display()
        ))
    })
}

/// Refuses a directory or an archive that is not there, and a reference that is none.
pub fn check(place: &Place) -> Result<()> {
    match place {
        Place::Context {
            directory,
            dockerfile,
        } => {
            let file = PathBuf::from(plan::dockerfile(directory, dockerfile));
            let directory = Path::new(directory);
            match (directory.is_dir(), file.is_file()) {
                (false, _) => Err(Error::usage(format!(
                    "{} is not a directory",
                    directory.display()
                ))),
                (true, false) => Err(Error::usage(format!("there is no {}", file.display()))),
                (true, true) => Ok(()),
            }
        }
        Place::Archive(path) => match std::fs::metadata(path) {
            Ok(data) if data.is_file() || data.is_dir() => Ok(()),
            Ok(_) => Err(Error::usage(format!(
                "{path} is neither a file nor a directory, and is read more than once"
            ))),
            Err(why) => Err(Error::usage(format!("cannot read {path}: {why}"))),
        },
        Place::Reference(reference) => registry::parse(reference).map(drop),
    }
}

/// Reads an archive that somebody made.
pub async fn open(stream: &Stream, path: &str, platform: Platform) -> Result<Packed> {
    pack(stream, Path::new(path), platform, work()?).await
}

/// Reads an archive, and makes it ready: for a large image that takes a while.
pub async fn pack(
    stream: &Stream,
    path: &Path,
    platform: Platform,
    work: TempDir,
) -> Result<Packed> {
    let path = path.to_path_buf();
    let packing = move |wanted: &Wanted| {
        let packed = Archive::open(&path, wanted).and_then(|archive| archive.pack(platform, work));
        packed.map_err(|why| unreadable(&path, &why))
    };
    aside(stream, packing).await
}

/// The files of an archive, as long as it is wanted.
struct Archive {
    files: Files,
    wanted: Wanted,
}

enum Files {
    Folder(PathBuf),
    Tar(BTreeMap<String, Span>),
}

impl Archive {
    fn open(path: &Path, wanted: &Wanted) -> Result<Self, String> {
        let of = |files| Archive {
            files,
            wanted: wanted.clone(),
        };
        if path.is_dir() {
            return Ok(of(Files::Folder(path.to_path_buf())));
        }
        let mut file = File::open(path).map_err(|why| why.to_string())?;
        let mut magic = [0; 2];
        if file.read(&mut magic).map_err(|why| why.to_string())? == 2 && magic == [0x1f, 0x8b] {
            return Err("it is compressed as a whole; gunzip it first".into());
        }
        file.rewind().map_err(|why| why.to_string())?;
        let length = file.metadata().map_err(|why| why.to_string())?.len();
        let mut files = BTreeMap::new();
        let mut links = Vec::new();
        let mut tar = tar::Archive::new(BufReader::new(file));
        for entry in tar.entries_with_seek().map_err(|why| not_tar(&why))? {
            let entry = entry.map_err(|why| not_tar(&why))?;
            let name = plain(&entry.path().map_err(|why| not_tar(&why))?);
            let kind = entry.header().entry_type();
            if kind.is_file() {
                let (begin, size) = (entry.raw_file_position(), entry.size());
                if begin.checked_add(size).is_none_or(|end| end > length) {
                    return Err(format!("it ends in the middle of {name}"));
                }
                files.insert(name, (path.to_path_buf(), begin, size));
            } else if let (true, Ok(Some(to))) =
                (kind.is_symlink() || kind.is_hard_link(), entry.link_name())
            {
                // docker save writes a layer that it wrote before as a link.
                let to = if kind.is_symlink() {
                    Path::new(&name).parent().unwrap_or(Path::new("")).join(to)
                } else {
                    to.to_path_buf()
                };
                links.push((name, plain(&to)));
            }
        }
        for (name, to) in links {
            if let Some(span) = files.get(&to).cloned() {
                files.insert(name, span);
            }
        }
        Ok(of(Files::Tar(files)))
    }

    fn span(&self, name: &str) -> Option<Span> {
        match &self.files {
            Files::Tar(files) => files.get(&plain(Path::new(name))).cloned(),
            Files::Folder(folder) => {
                let path = folder.join(plain(Path::new(name)));
                let size = path.metadata().ok().filter(|data| data.is_file())?.len();
                Some((path, 0, size))
            }
        }
    }

    fn blob(&self, digest: &str) -> Result<Span, String> {
        let hex = digest
            .strip_prefix("sha256:")
            .filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let hex = hex.ok_or_else(|| format!("'{digest}' is not a digest of SHA-256"))?;
        self.span(&format!("blobs/sha256/{hex}"))
            .ok_or_else(|| format!("it lacks blob {digest}"))
    }

    fn read(&self, span: &Span) -> Result<Vec<u8>, String> {
        if span.2 > DOCUMENT {
            return Err(format!(
                "a document of {} is too long",
                plan::megabytes(span.2)
            ));
        }
        let mut bytes = Vec::new();
        reader(span, &self.wanted)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|why| why.to_string())?;
        Ok(bytes)
    }

    /// A document by its digest, which it must have.
    fn document(&self, digest: &str) -> Result<Vec<u8>, String> {
        let bytes = self.read(&self.blob(digest)?)?;
        let found = digest_of(&bytes);
        match found == digest {
            true => Ok(bytes),
            false => Err(format!("it is damaged: blob {digest} is {found}")),
        }
    }

    fn pack(&self, platform: Platform, work: TempDir) -> Result<Packed, String> {
        let list = self.span("manifest.json");
        if let Some(index) = self.span("index.json") {
            let entries = plan::manifests(&parse(&self.read(&index)?, "index.json")?)
                .ok_or("its index.json is no index")?;
            // Docker 25.0 saved indexes without the image, or with one without its layers: then the
            // list counts, which it writes beside.
            if list.is_none() || !entries.is_empty() {
                let image = self.find(entries, platform)?;
                let whole = plan::check_layers(&image.config, image.layers().len());
                if list.is_none() || whole.is_ok() {
                    return whole.and_then(|()| self.of_manifest(image, platform, work));
                }
            }
        }
        match list {
            Some(list) => self.of_docker(&parse(&self.read(&list)?, "manifest.json")?, platform, work),
            None => Err("it is neither an OCI layout (index.json) nor what docker save writes (manifest.json)".into()),
        }
    }

    /// The image of an index for a platform, which may be in an index of its own.
    fn find(&self, mut entries: Vec<Descriptor>, platform: Platform) -> Result<Manifest, String> {
        for _ in 0..DEPTH {
            let chosen = plan::choose(&entries, platform)?.clone();
            let bytes = self.document(&chosen.digest)?;
            let value = parse(&bytes, "a manifest")?;
            let stated = value
                .get("mediaType")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let media_type = if chosen.media_type.is_empty() {
                stated.to_string()
            } else {
                chosen.media_type
            };
            if plan::is_index(&media_type) {
                entries = plan::manifests(&value).ok_or("one of its indexes is no index")?;
                continue;
            }
            let media_type = if media_type.is_empty() {
                OCI_MANIFEST.into()
            } else {
                media_type
            };
            let config = parse(
                &self.document(&descriptor(&value["config"])?.digest)?,
                "its configuration",
            )?;
            return Ok(Manifest {
                bytes,
                value,
                media_type,
                config,
            });
        }
        Err("its indexes point to indexes without an end".into())
    }

    fn of_manifest(
        &self,
        image: Manifest,
        platform: Platform,
        work: TempDir,
    ) -> Result<Packed, String> {
        plan::check_platform(&image.config, platform)?;
        let Manifest {
            bytes,
            value: mut manifest,
            media_type,
            ..
        } = image;
        let config = descriptor(&manifest["config"])?;
        let mut blobs = vec![blob(&config, self.blob(&config.digest)?)?];
        let mut changed = false;
        for layer in manifest["layers"]
            .as_array_mut()
            .ok_or("its manifest names no layers")?
        {
            let told = descriptor(layer)?;
            let found = blob(&told, self.blob(&told.digest)?)?;
            match plan::compressed(&told.media_type) {
                None => blobs.push(found),
                Some(media_type) => {
                    let smaller = compress(
                        &found.span(),
                        work.path(),
                        blobs.len(),
                        Some(&told.digest),
                        &self.wanted,
                    )?;
                    layer["mediaType"] = media_type.into();
                    layer["digest"] = smaller.digest.as_str().into();
                    layer["size"] = smaller.size.into();
                    blobs.push(smaller);
                    changed = true;
                }
            }
        }
        let bytes = if changed {
            manifest.to_string().into_bytes()
        } else {
            bytes
        };
        Ok(Packed {
            digest: digest_of(&bytes),
            media_type,
            manifest: bytes,
            blobs,
            _work: Arc::new(work),
        })
    }

    /// The older form of `docker save`: a list of images, each with its configuration and its layers
    /// as paths.
    fn of_docker(&self, list: &Value, platform: Platform, work: TempDir) -> Result<Packed, String> {
        let images = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let [image] = images else {
            return Err(format!("it holds {} images; one is wanted", images.len()));
        };
        let path = |value: &Value| {
            let path = value.as_str().ok_or("its manifest.json is none")?;
            let span = self.span(path).ok_or_else(|| format!("it lacks {path}"))?;
            // No digest says what is meant: another file of this machine is not.
            match &self.files {
                Files::Folder(folder) if !within(folder, &span.0) => {
                    Err(format!("{path} leads out of it"))
                }
                _ => Ok(span),
            }
        };
        let span = path(&image["Config"])?;
        let bytes = self.read(&span)?;
        let config = parse(&bytes, "its configuration")?;
        plan::check_platform(&config, platform)?;
        let told = |media_type: &str, blob: &Blob| json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size});
        let mut blobs = vec![Blob {
            digest: digest_of(&bytes),
            size: span.2,
            file: span.0,
            offset: span.1,
        }];
        let mut layers = Vec::new();
        let paths = image["Layers"]
            .as_array()
            .ok_or("its manifest.json names no layers")?;
        plan::check_layers(&config, paths.len())?;
        for (number, layer) in paths.iter().enumerate() {
            let digest = config["rootfs"]["diff_ids"][number].as_str();
            let packed = compress(
                &path(layer)?,
                work.path(),
                blobs.len(),
                digest,
                &self.wanted,
            )?;
            layers.push(told("application/vnd.oci.image.layer.v1.tar+gzip", &packed));
            blobs.push(packed);
        }
        let config = told("application/vnd.oci.image.config.v1+json", &blobs[0]);
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers});
        let bytes = manifest.to_string().into_bytes();
        let digest = digest_of(&bytes);
        Ok(Packed {
            digest,
            media_type: OCI_MANIFEST.into(),
            manifest: bytes,
            blobs,
            _work: Arc::new(work),
        })
    }
}

/// A manifest of an archive, and the configuration that it names.
struct Manifest {
    bytes: Vec<u8>,
    value: Value,
    media_type: String,
    config: Value,
}

impl Manifest {
    fn layers(&self) -> &[Value] {
        self.value["layers"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

fn descriptor(value: &Value) -> Result<Descriptor, String> {
    serde_json::from_value(value.clone()).map_err(|why| format!("its manifest is none: {why}"))
}

fn blob(told: &Descriptor, (file, offset, size): Span) -> Result<Blob, String> {
    match told.size == size {
        true => Ok(Blob {
            digest: told.digest.clone(),
            size,
            file,
            offset,
        }),
        false => Err(format!(
            "it is damaged: blob {} is of {size} bytes, not of {}",
            told.digest, told.size
        )),
    }
}

/// Whether a file is in a folder, when all links are followed.
fn within(folder: &Path, file: &Path) -> bool {
    match (folder.canonicalize(), file.canonicalize()) {
        (Ok(folder), Ok(file)) => file.starts_with(folder),
        _ => false,
    }
}

fn parse(bytes: &[u8], what: &str) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|why| format!("{what} is not JSON: {why}"))
}

/// What the tar crate says quotes the bytes that it could not read.
fn not_tar(_: &io::Error) -> String {
    "it is not a whole tar file".into()
}

/// A path within the archive, without `.` and what leads out of it.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(blob: &Blob) -> Result<()> {
        let waits = Arc::new(());
        blob.verify(&Arc::downgrade(&waits))
    }

    const AMD: Platform = Platform::AMD64;

    fn write(folder: &Path, name: &str, bytes: &[u8]) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn put(folder: &Path, bytes: &[u8]) -> Value {
        let digest = digest_of(bytes);
        write(folder, &format!("blobs/sha256/{}", &digest[7..]), bytes);
        json!({"digest": digest, "size": bytes.len()})
    }

    fn layout(folder: &Path, architecture: &str, layer_type: &str, layer: &[u8]) -> String {
        let config = json!({"os": "linux", "architecture": architecture}).to_string();
        let (mut config, mut layer) = (put(folder, config.as_bytes()), put(folder, layer));
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        layer["mediaType"] = layer_type.into();
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
        let mut manifest = put(folder, manifest.to_string().as_bytes());
        manifest["mediaType"] = OCI_MANIFEST.into();
        let digest = manifest["digest"].as_str().unwrap().to_string();
        write(
            folder,
            "index.json",
            json!({"schemaVersion": 2, "manifests": [manifest]})
                .to_string()
                .as_bytes(),
        );
        digest
    }

    fn packed(path: &Path) -> Result<Packed, String> {
        let waits = Arc::new(());
        Archive::open(path, &Arc::downgrade(&waits))?.pack(AMD, work().unwrap())
    }

    fn tar_of(folder: &Path) -> PathBuf {
        let path = folder.with_extension("tar");
        let mut tar = tar::Builder::new(File::create(&path).unwrap());
        tar.append_dir_all(".", folder).unwrap();
        tar.finish().unwrap();
        path
    }

    #[test]
    fn a_layout_is_pushed_as_it_is_from_a_folder_or_a_tar() {
        let place = work().unwrap();
        let folder = place.path().join("layout");
        let digest = layout(
            &folder,
            "amd64",
            "application/vnd.oci.image.layer.v1.tar+gzip",
            &[0x1f, 0x8b, 1],
        );
        for path in [folder.clone(), tar_of(&folder)] {
            let image = packed(&path).unwrap();
            assert_eq!(
                (image.digest.as_str(), image.blobs.len()),
                (digest.as_str(), 2)
            );
            assert_eq!(digest_of(&image.manifest), digest);
            image.blobs.iter().for_each(|blob| verify(blob).unwrap());
        }
    }

    #[test]
    fn what_is_not_compressed_becomes_so_and_the_same_each_time() {
        let place = work().unwrap();
        let layer = vec![7; 100_000];
        let told = layout(
            place.path(),
            "amd64",
            "application/vnd.oci.image.layer.v1.tar",
            &layer,
        );
        let (one, other) = (packed(place.path()).unwrap(), packed(place.path()).unwrap());
        assert_eq!(one.digest, other.digest);
        assert_ne!(one.digest, told);
        one.blobs.iter().for_each(|blob| verify(blob).unwrap());
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(one.blobs[1].open().unwrap())
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back, layer);
        let manifest: Value = serde_json::from_slice(&one.manifest).unwrap();
        assert_eq!(
            manifest["layers"][0]["mediaType"],
            "application/vnd.oci.image.layer.v1.tar+gzip"
        );
    }

    #[test]
    fn what_docker_saved_is_read_links_included() {
        let place = work().unwrap();
        let folder = place.path().join("saved");
        let config = json!({"os": "linux", "architecture": "amd64"}).to_string();
        write(&folder, "c.json", config.as_bytes());
        write(&folder, "a/layer.tar", &[7; 5000]);
        std::fs::create_dir_all(folder.join("b")).unwrap();
        std::os::unix::fs::symlink("../a/layer.tar", folder.join("b/layer.tar")).unwrap();
        let list = json!([{"Config": "c.json", "RepoTags": null, "Layers": ["a/layer.tar", "b/layer.tar"]}]);
        write(&folder, "manifest.json", list.to_string().as_bytes());
        let path = place.path().join("saved.tar");
        let mut tar = tar::Builder::new(File::create(&path).unwrap());
        tar.follow_symlinks(false);
        tar.append_dir_all(".", &folder).unwrap();
        tar.finish().unwrap();
        let image = packed(&path).unwrap();
        assert_eq!(image.blobs.len(), 3);
        assert_eq!(image.blobs[1].digest, image.blobs[2].digest);
        assert_eq!(image.blobs[0].digest, digest_of(config.as_bytes()));
    }

    /// What Docker saves since version 25: a layout, and the older list beside it.
    fn saved(folder: &Path, layer: &[u8]) -> Value {
        let digest = digest_of(layer);
        let config =
            json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [digest]}})
                .to_string();
        let (mut config, mut layer) = (put(folder, config.as_bytes()), put(folder, layer));
        let path = |of: &Value| format!("blobs/sha256/{}", &of["digest"].as_str().unwrap()[7..]);
        let list = json!([{"Config": path(&config), "RepoTags": null, "Layers": [path(&layer)]}]);
        write(folder, "manifest.json", list.to_string().as_bytes());
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar".into();
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]})
    }

    #[test]
    fn what_docker_saved_is_whole_whichever_version_it_was() {
        let place = work().unwrap();
        let folder = place.path();
        let image = saved(folder, &[7; 5000]);
        let index = |manifests: Value| {
            write(
                folder,
                "index.json",
                json!({"schemaVersion": 2, "manifests": manifests})
                    .to_string()
                    .as_bytes(),
            );
        };
        // 25.0.0 forgot the layers, and all of 25.0 the images that were saved by their ID.
        let mut bare = image.clone();
        bare["layers"] = json!([]);
        let manifest = put(folder, bare.to_string().as_bytes());
        for manifests in [json!([manifest]), json!(null), json!([])] {
            index(manifests);
            let packed = packed(folder).unwrap();
            assert_eq!(
                (packed.blobs.len(), packed.media_type.as_str()),
                (2, OCI_MANIFEST)
            );
            packed.blobs.iter().for_each(|blob| verify(blob).unwrap());
        }
        // Later ones name an image once for each of its tags.
        let manifest = put(folder, image.to_string().as_bytes());
        index(json!([manifest, manifest]));
        assert_eq!(packed(folder).unwrap().blobs.len(), 2);
        // Without the list the index counts, such as it is.
        std::fs::remove_file(folder.join("manifest.json")).unwrap();
        let manifest = put(folder, bare.to_string().as_bytes());
        index(json!([manifest]));
        assert!(
            packed(folder)
                .unwrap_err()
                .contains("names 1 layers, and its manifest 0")
        );
    }

    #[test]
    fn a_layer_that_docker_saved_is_what_the_configuration_says() {
        let place = work().unwrap();
        saved(place.path(), &[7; 5000]);
        assert_eq!(packed(place.path()).unwrap().blobs.len(), 2);
        let layer = format!("blobs/sha256/{}", &digest_of(&[7; 5000])[7..]);
        write(place.path(), &layer, &[8; 5000]);
        assert!(
            packed(place.path())
                .unwrap_err()
                .starts_with("it is damaged: blob sha256:")
        );
        // The same one, compressed.
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, &[7; 5000]).unwrap();
        write(place.path(), &layer, &gz.finish().unwrap());
        assert_eq!(packed(place.path()).unwrap().blobs.len(), 2);
    }

    #[test]
    fn a_folder_gives_no_file_of_another() {
        let place = work().unwrap();
        let folder = place.path().join("saved");
        write(place.path(), "secret", b"of this machine");
        write(
            &folder,
            "c.json",
            json!({"os": "linux", "architecture": "amd64"})
                .to_string()
                .as_bytes(),
        );
        std::os::unix::fs::symlink("../secret", folder.join("layer.tar")).unwrap();
        for layer in ["layer.tar", "../secret"] {
            let list = json!([{"Config": "c.json", "Layers": [layer]}]);
            write(&folder, "manifest.json", list.to_string().as_bytes());
            let refused = packed(&folder).unwrap_err();
            assert!(
                refused == "layer.tar leads out of it" || refused == "it lacks ../secret",
                "{refused}"
            );
        }
    }

    #[test]
    fn what_is_damaged_or_something_else_is_refused() {
        let place = work().unwrap();
        let gz = "application/vnd.oci.image.layer.v1.tar+gzip";
        let digest = layout(place.path(), "amd64", gz, &[0x1f, 0x8b, 1]);
        let refused = |path: &Path| packed(path).unwrap_err();

        write(
            place.path(),
            &format!("blobs/sha256/{}", &digest[7..]),
            b"{}",
        );
        assert!(
            refused(place.path()).starts_with(&format!("it is damaged: blob {digest} is sha256:"))
        );

        layout(place.path(), "arm64", gz, &[0x1f, 0x8b, 1]);
        assert_eq!(
            refused(place.path()),
            "the image is for linux/arm64, but its app runs on linux/amd64"
        );

        let digest = layout(place.path(), "amd64", gz, &[0x1f, 0x8b, 1]);
        let manifest =
            std::fs::read_to_string(place.path().join("blobs/sha256").join(&digest[7..])).unwrap();
        let shorter = put(
            place.path(),
            manifest.replace("\"size\":3,", "\"size\":2,").as_bytes(),
        );
        write(
            place.path(),
            "index.json",
            json!({"manifests": [shorter]}).to_string().as_bytes(),
        );
        assert!(
            refused(place.path()).ends_with(" is of 3 bytes, not of 2"),
            "{}",
            refused(place.path())
        );

        let text = place.path().join("text");
        write(place.path(), "text", &[b'x'; 2000]);
        assert!(
            refused(&text).starts_with("it is not a whole tar file"),
            "{}",
            refused(&text)
        );

        let empty = work().unwrap();
        assert!(refused(empty.path()).starts_with("it is neither an OCI layout"));
        write(
            empty.path(),
            "index.json",
            br#"{"manifests":[{"digest":"sha256:../../etc/passwd","size":1}]}"#,
        );
        assert!(refused(empty.path()).contains("is not a digest of SHA-256"));
    }

    #[test]
    fn an_archive_that_was_cut_or_spoilt_is_refused_or_whole() {
        let place = work().unwrap();
        let folder = place.path().join("saved");
        let config = json!({"os": "linux", "architecture": "amd64"}).to_string();
        write(&folder, "c.json", config.as_bytes());
        write(&folder, "layer.tar", &[7; 5000]);
        let list = json!([{"Config": "c.json", "Layers": ["layer.tar"]}]);
        write(&folder, "manifest.json", list.to_string().as_bytes());
        layout(
            &place.path().join("layout"),
            "amd64",
            "application/vnd.oci.image.layer.v1.tar",
            &[7; 5000],
        );
        for folder in [folder, place.path().join("layout")] {
            let bytes = std::fs::read(tar_of(&folder)).unwrap();
            let path = place.path().join("spoilt.tar");
            let layer = bytes
                .windows(2000)
                .position(|window| window.iter().all(|byte| *byte == 7))
                .unwrap();
            std::fs::write(&path, &bytes[..layer + 1000]).unwrap();
            assert!(packed(&path).is_err(), "cut in a layer");
            for at in (0..bytes.len()).step_by(37) {
                let mut spoilt = bytes.clone();
                spoilt[at] ^= 0x15;
                std::fs::write(&path, &spoilt).unwrap();
                if let Ok(image) = packed(&path) {
                    image.blobs.iter().for_each(|blob| verify(blob).unwrap());
                }
            }
        }
    }

    #[test]
    fn a_layer_that_is_not_what_its_digest_says_is_found_before_it_is_sent() {
        let place = work().unwrap();
        layout(
            place.path(),
            "amd64",
            "application/vnd.oci.image.layer.v1.tar+gzip",
            &[0x1f, 0x8b, 1],
        );
        let layer = digest_of(&[0x1f, 0x8b, 1]);
        write(
            place.path(),
            &format!("blobs/sha256/{}", &layer[7..]),
            &[0x1f, 0x8b, 2],
        );
        let image = packed(place.path()).unwrap();
        assert!(
            verify(&image.blobs[1])
                .unwrap_err()
                .message
                .contains("it is damaged")
        );
    }
}
