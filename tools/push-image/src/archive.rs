//! Archives of images: an OCI layout in a folder or a tar file, and what `docker save` writes. Read in
//! place, layer by layer; what is not compressed yet is, since that is what is uploaded and stored.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use plumbing::{Error, Result, Stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::plan::{self, Descriptor, Place, Platform};

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

/// A part of an image, somewhere on disk.
#[derive(Clone, Debug)]
pub struct Blob {
    /// `sha256:…`, as the manifest says.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    file: PathBuf,
    offset: u64,
}

impl Blob {
    /// Opens it at its begin.
    pub fn open(&self) -> io::Result<io::Take<File>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file.take(self.size))
    }

    /// Refuses what is not what its digest says.
    pub fn verify(&self) -> Result<()> {
        let found = self.open().and_then(hash);
        let found = found.map_err(|why| unreadable(&self.file, &why.to_string()))?;
        match found == (self.digest.clone(), self.size) {
            true => Ok(()),
            false => {
                let what = format!("blob {} is {} of {} bytes, not of {}", self.digest, found.0, found.1, self.size);
                Err(unreadable(&self.file, &format!("it is damaged: {what}")))
            }
        }
    }
}

/// A folder for what is built and compressed; it goes when it is dropped.
pub fn work() -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("push-image-").tempdir();
    made.map_err(|why| Error::refused(format!("cannot make a folder in {}: {why}", std::env::temp_dir().display())))
}

/// Refuses a directory or an archive that is not there.
pub fn check(place: &Place) -> Result<()> {
    match place {
        Place::Context { directory, dockerfile } => {
            let directory = Path::new(directory);
            let file = directory.join(dockerfile);
            match (directory.is_dir(), file.is_file()) {
                (false, _) => Err(Error::usage(format!("{} is not a directory", directory.display()))),
                (true, false) => Err(Error::usage(format!("there is no {}", file.display()))),
                (true, true) => Ok(()),
            }
        }
        Place::Archive(path) => match std::fs::metadata(path) {
            Ok(_) => Ok(()),
            Err(why) => Err(Error::usage(format!("cannot read {path}: {why}"))),
        },
        Place::Reference(_) => Ok(()),
    }
}

/// Reads an archive that somebody made.
pub async fn open(stream: &Stream, path: &str, platform: Platform) -> Result<Packed> {
    pack(stream, Path::new(path), platform, work()?).await
}

/// Reads an archive, and makes it ready: for a large image that takes a while.
pub async fn pack(stream: &Stream, path: &Path, platform: Platform, work: TempDir) -> Result<Packed> {
    let path = path.to_path_buf();
    let packing = tokio::task::spawn_blocking(move || {
        Archive::open(&path).and_then(|archive| archive.pack(platform, work)).map_err(|why| unreadable(&path, &why))
    });
    stream.unless_stopped(packing).await?.map_err(|why| Error::refused(format!("cannot read an archive: {why}")))?
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::refused(format!("cannot read the image in {}: {why}", path.display()))
}

/// Where a file of the archive is: in which file of this machine, from where on, how long.
type Span = (PathBuf, u64, u64);

enum Archive {
    Folder(PathBuf),
    Tar(BTreeMap<String, Span>),
}

impl Archive {
    fn open(path: &Path) -> Result<Self, String> {
        if path.is_dir() {
            return Ok(Archive::Folder(path.to_path_buf()));
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
            } else if let (true, Ok(Some(to))) = (kind.is_symlink() || kind.is_hard_link(), entry.link_name()) {
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
        Ok(Archive::Tar(files))
    }

    fn span(&self, name: &str) -> Option<Span> {
        match self {
            Archive::Tar(files) => files.get(&plain(Path::new(name))).cloned(),
            Archive::Folder(folder) => {
                let path = folder.join(plain(Path::new(name)));
                let size = path.metadata().ok().filter(|data| data.is_file())?.len();
                Some((path, 0, size))
            }
        }
    }

    fn blob(&self, digest: &str) -> Result<Span, String> {
        let hex =
            digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let hex = hex.ok_or_else(|| format!("'{digest}' is not a digest of SHA-256"))?;
        self.span(&format!("blobs/sha256/{hex}")).ok_or_else(|| format!("it lacks blob {digest}"))
    }

    fn read(&self, span: &Span) -> Result<Vec<u8>, String> {
        if span.2 > DOCUMENT {
            return Err(format!("a document of {} is too long", plan::megabytes(span.2)));
        }
        let mut bytes = Vec::new();
        reader(span).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(|why| why.to_string())?;
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
        if let Some(index) = self.span("index.json") {
            let entries =
                plan::manifests(&parse(&self.read(&index)?, "index.json")?).ok_or("its index.json is no index")?;
            return self.of_layout(entries, platform, work);
        }
        if let Some(list) = self.span("manifest.json") {
            return self.of_docker(&parse(&self.read(&list)?, "manifest.json")?, platform, work);
        }
        Err("it is neither an OCI layout (index.json) nor what docker save writes (manifest.json)".into())
    }

    fn of_layout(&self, mut entries: Vec<Descriptor>, platform: Platform, work: TempDir) -> Result<Packed, String> {
        for _ in 0..DEPTH {
            let chosen = plan::choose(&entries, platform)?.clone();
            let bytes = self.document(&chosen.digest)?;
            let manifest = parse(&bytes, "a manifest")?;
            let stated = manifest.get("mediaType").and_then(Value::as_str).unwrap_or_default();
            let media_type = if chosen.media_type.is_empty() { stated.to_string() } else { chosen.media_type };
            if plan::is_index(&media_type) {
                entries = plan::manifests(&manifest).ok_or("one of its indexes is no index")?;
                continue;
            }
            let media_type = if media_type.is_empty() { OCI_MANIFEST.into() } else { media_type };
            return self.of_manifest(bytes, manifest, media_type, platform, work);
        }
        Err("its indexes point to indexes without an end".into())
    }

    fn of_manifest(
        &self,
        bytes: Vec<u8>,
        mut manifest: Value,
        media_type: String,
        platform: Platform,
        work: TempDir,
    ) -> Result<Packed, String> {
        let descriptor = |value: &Value| {
            serde_json::from_value::<Descriptor>(value.clone()).map_err(|why| format!("its manifest is none: {why}"))
        };
        let config = descriptor(&manifest["config"])?;
        plan::check_platform(&parse(&self.document(&config.digest)?, "its configuration")?, platform)?;
        let mut blobs = vec![blob(&config, self.blob(&config.digest)?)];
        let mut changed = false;
        for layer in manifest["layers"].as_array_mut().ok_or("its manifest names no layers")? {
            let told = descriptor(layer)?;
            let span = self.blob(&told.digest)?;
            match plan::compressed(&told.media_type) {
                None => blobs.push(blob(&told, span)),
                Some(media_type) => {
                    let smaller = compress(&span, work.path(), blobs.len(), Some(&told.digest))?;
                    layer["mediaType"] = media_type.into();
                    layer["digest"] = smaller.digest.as_str().into();
                    layer["size"] = smaller.size.into();
                    blobs.push(smaller);
                    changed = true;
                }
            }
        }
        let bytes = if changed { manifest.to_string().into_bytes() } else { bytes };
        Ok(Packed { digest: digest_of(&bytes), media_type, manifest: bytes, blobs, _work: Arc::new(work) })
    }

    /// The older form of `docker save`: a list of images, each with its configuration and its layers
    /// as paths.
    fn of_docker(&self, list: &Value, platform: Platform, work: TempDir) -> Result<Packed, String> {
        let images = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let [image] = images else { return Err(format!("it holds {} images; one is wanted", images.len())) };
        let path = |value: &Value| {
            let path = value.as_str().ok_or("its manifest.json is none")?;
            self.span(path).ok_or_else(|| format!("it lacks {path}"))
        };
        let span = path(&image["Config"])?;
        let config = self.read(&span)?;
        plan::check_platform(&parse(&config, "its configuration")?, platform)?;
        let told =
            |media_type: &str, blob: &Blob| json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size});
        let mut blobs = vec![Blob { digest: digest_of(&config), size: span.2, file: span.0, offset: span.1 }];
        let mut layers = Vec::new();
        for layer in image["Layers"].as_array().ok_or("its manifest.json names no layers")? {
            let packed = compress(&path(layer)?, work.path(), blobs.len(), None)?;
            layers.push(told("application/vnd.oci.image.layer.v1.tar+gzip", &packed));
            blobs.push(packed);
        }
        let config = told("application/vnd.oci.image.config.v1+json", &blobs[0]);
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers});
        let bytes = manifest.to_string().into_bytes();
        let digest = digest_of(&bytes);
        Ok(Packed { digest, media_type: OCI_MANIFEST.into(), manifest: bytes, blobs, _work: Arc::new(work) })
    }
}

fn blob(told: &Descriptor, (file, offset, _): Span) -> Blob {
    Blob { digest: told.digest.clone(), size: told.size, file, offset }
}

/// Compresses a layer into `folder`: the same bytes come out each time. Checks the digest of what
/// went in.
fn compress(span: &Span, folder: &Path, number: usize, digest: Option<&str>) -> Result<Blob, String> {
    let path = folder.join(format!("layer-{number}.gz"));
    let disk = |why: io::Error| format!("cannot write {}: {why}", path.display());
    let mut source = reader(span).map_err(|why| why.to_string())?;
    let mut target = GzEncoder::new(Counted::new(File::create(&path).map_err(disk)?), Compression::default());
    let (mut buffer, mut before) = (vec![0; 256 << 10], Sha256::new());
    let mut raw = true;
    let mut begun = false;
    loop {
        let count = source.read(&mut buffer).map_err(|why| why.to_string())?;
        if count == 0 {
            break;
        }
        if !begun && buffer.starts_with(&[0x1f, 0x8b]) {
            raw = false; // it says that it is not compressed, and is
            break;
        }
        begun = true;
        before.update(&buffer[..count]);
        target.write_all(&buffer[..count]).map_err(disk)?;
    }
    if !raw {
        let (digest, size) = reader(span).and_then(hash).map_err(|why| why.to_string())?;
        return Ok(Blob { digest, size, file: span.0.clone(), offset: span.1 });
    }
    let found = format!("sha256:{:x}", before.finalize());
    if let Some(digest) = digest.filter(|digest| *digest != found) {
        return Err(format!("it is damaged: blob {digest} is {found}"));
    }
    let (digest, size) = target.finish().and_then(Counted::finish).map_err(disk)?;
    Ok(Blob { digest, size, file: path, offset: 0 })
}

/// Hashes what is written through it.
struct Counted {
    file: File,
    hash: Sha256,
    size: u64,
}

impl Counted {
    fn new(file: File) -> Self {
        Counted { file, hash: Sha256::new(), size: 0 }
    }

    fn finish(mut self) -> io::Result<(String, u64)> {
        self.file.flush()?;
        Ok((format!("sha256:{:x}", self.hash.finalize()), self.size))
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn reader((file, offset, size): &Span) -> io::Result<io::Take<File>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(*offset))?;
    Ok(file.take(*size))
}

fn hash(mut source: impl Read) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok((format!("sha256:{:x}", hash.finalize()), size)),
            count => {
                hash.update(&buffer[..count]);
                size += count as u64;
            }
        }
    }
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
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
        write(folder, "index.json", json!({"schemaVersion": 2, "manifests": [manifest]}).to_string().as_bytes());
        digest
    }

    fn packed(path: &Path) -> Result<Packed, String> {
        Archive::open(path)?.pack(AMD, work().unwrap())
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
        let digest = layout(&folder, "amd64", "application/vnd.oci.image.layer.v1.tar+gzip", &[0x1f, 0x8b, 1]);
        for path in [folder.clone(), tar_of(&folder)] {
            let image = packed(&path).unwrap();
            assert_eq!((image.digest.as_str(), image.blobs.len()), (digest.as_str(), 2));
            assert_eq!(digest_of(&image.manifest), digest);
            image.blobs.iter().for_each(|blob| blob.verify().unwrap());
        }
    }

    #[test]
    fn what_is_not_compressed_becomes_so_and_the_same_each_time() {
        let place = work().unwrap();
        let layer = vec![7; 100_000];
        let told = layout(place.path(), "amd64", "application/vnd.oci.image.layer.v1.tar", &layer);
        let (one, other) = (packed(place.path()).unwrap(), packed(place.path()).unwrap());
        assert_eq!(one.digest, other.digest);
        assert_ne!(one.digest, told);
        one.blobs.iter().for_each(|blob| blob.verify().unwrap());
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(one.blobs[1].open().unwrap()).read_to_end(&mut back).unwrap();
        assert_eq!(back, layer);
        let manifest: Value = serde_json::from_slice(&one.manifest).unwrap();
        assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
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

    #[test]
    fn what_is_damaged_or_something_else_is_refused() {
        let place = work().unwrap();
        let gz = "application/vnd.oci.image.layer.v1.tar+gzip";
        let digest = layout(place.path(), "amd64", gz, &[0x1f, 0x8b, 1]);
        let refused = |path: &Path| packed(path).unwrap_err();

        write(place.path(), &format!("blobs/sha256/{}", &digest[7..]), b"{}");
        assert!(refused(place.path()).starts_with(&format!("it is damaged: blob {digest} is sha256:")));

        layout(place.path(), "arm64", gz, &[0x1f, 0x8b, 1]);
        assert_eq!(refused(place.path()), "the image is for linux/arm64, but its app runs on linux/amd64");

        let text = place.path().join("text");
        write(place.path(), "text", &[b'x'; 2000]);
        assert!(refused(&text).starts_with("it is not a whole tar file"), "{}", refused(&text));

        let empty = work().unwrap();
        assert!(refused(empty.path()).starts_with("it is neither an OCI layout"));
        write(empty.path(), "index.json", br#"{"manifests":[{"digest":"sha256:../../etc/passwd","size":1}]}"#);
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
        layout(&place.path().join("layout"), "amd64", "application/vnd.oci.image.layer.v1.tar", &[7; 5000]);
        for folder in [folder, place.path().join("layout")] {
            let bytes = std::fs::read(tar_of(&folder)).unwrap();
            let path = place.path().join("spoilt.tar");
            let layer = bytes.windows(2000).position(|window| window.iter().all(|byte| *byte == 7)).unwrap();
            std::fs::write(&path, &bytes[..layer + 1000]).unwrap();
            assert!(packed(&path).is_err(), "cut in a layer");
            for at in (0..bytes.len()).step_by(37) {
                let mut spoilt = bytes.clone();
                spoilt[at] ^= 0x15;
                std::fs::write(&path, &spoilt).unwrap();
                if let Ok(image) = packed(&path) {
                    image.blobs.iter().for_each(|blob| blob.verify().unwrap());
                }
            }
        }
    }

    #[test]
    fn a_layer_that_is_not_what_its_digest_says_is_found_before_it_is_sent() {
        let place = work().unwrap();
        layout(place.path(), "amd64", "application/vnd.oci.image.layer.v1.tar+gzip", &[0x1f, 0x8b, 1]);
        let layer = digest_of(&[0x1f, 0x8b, 1]);
        write(place.path(), &format!("blobs/sha256/{}", &layer[7..]), &[0x1f, 0x8b, 2]);
        let image = packed(place.path()).unwrap();
        assert!(image.blobs[1].verify().unwrap_err().message.contains("it is damaged"));
    }
}
