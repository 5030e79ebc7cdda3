//! The files of an archive, in a folder or a tar file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Component, Path, PathBuf};

use crate::blob::{GZIP, Span, damaged, digest_of};
use crate::plan::megabytes;
use crate::thread::CancelToken;

/// A manifest or a configuration is never larger: registries refuse more than 4 MiB.
const LARGEST_DOCUMENT: u64 = 8 << 20;

/// The files of an archive, read as long as somebody waits for it.
pub(super) struct Files {
    store: Store,
    pub(super) token: CancelToken,
}

enum Store {
    Folder(PathBuf),
    /// By their names, where they are in the tar file.
    Tar(BTreeMap<String, Span>),
}

impl Files {
    pub(super) fn open(path: &Path, token: &CancelToken) -> Result<Self, String> {
        let store = if path.is_dir() {
            Store::Folder(path.to_path_buf())
        } else {
            Store::Tar(list_tar(path)?)
        };
        Ok(Files {
            store,
            token: token.clone(),
        })
    }

    /// Where a file is, if there is one of that name.
    pub(super) fn span(&self, name: &str) -> Option<Span> {
        let name = normal_name(Path::new(name));
        match &self.store {
            Store::Tar(files) => files.get(&name).cloned(),
            Store::Folder(folder) => {
                let file = folder.join(name);
                let metadata = file.metadata().ok()?;
                if !metadata.is_file() {
                    return None;
                }
                Some(Span {
                    file,
                    offset: 0,
                    size: metadata.len(),
                })
            }
        }
    }

    /// Where a file is that the archive names by its path. No digest says what it has to be, so it
    /// must not be another file of this machine.
    pub(super) fn span_inside(&self, path: &str) -> Result<Span, String> {
        let Some(span) = self.span(path) else {
            return Err(format!("it lacks {path}"));
        };
        if let Store::Folder(folder) = &self.store
            && !is_within(folder, &span.file)
        {
            return Err(format!("{path} leads out of it"));
        }
        Ok(span)
    }

    /// Where a blob of an OCI layout is.
    pub(super) fn blob(&self, digest: &str) -> Result<Span, String> {
        let Some(hex) = hex_of(digest) else {
            return Err(format!("'{digest}' is not a digest of SHA-256"));
        };
        match self.span(&format!("blobs/sha256/{hex}")) {
            Some(span) => Ok(span),
            None => Err(format!("it lacks blob {digest}")),
        }
    }

    pub(super) fn read(&self, span: &Span) -> Result<Vec<u8>, String> {
        if span.size > LARGEST_DOCUMENT {
            let size = megabytes(span.size);
            return Err(format!("a document of {size} is too long"));
        }
        let mut bytes = Vec::new();
        let mut reader = span.reader(&self.token).map_err(|why| why.to_string())?;
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(why) => Err(why.to_string()),
        }
    }

    /// Reads a document by its digest, which it must have.
    pub(super) fn document(&self, digest: &str) -> Result<Vec<u8>, String> {
        let bytes = self.read(&self.blob(digest)?)?;
        let found = digest_of(&bytes);
        if found != digest {
            return Err(damaged(digest, &found));
        }
        Ok(bytes)
    }
}

/// Lists the files of a tar file, and where they are in it.
fn list_tar(path: &Path) -> Result<BTreeMap<String, Span>, String> {
    let file = open_tar(path).map_err(|why| why.to_string())?;
    let Some(file) = file else {
        return Err("it is compressed as a whole; gunzip it first".into());
    };
    let length = file.metadata().map_err(|why| why.to_string())?.len();
    let mut files = BTreeMap::new();
    let mut links = Vec::new();
    let mut tar = tar::Archive::new(BufReader::new(file));
    for entry in tar.entries_with_seek().map_err(not_tar)? {
        let entry = entry.map_err(not_tar)?;
        let name = normal_name(&entry.path().map_err(not_tar)?);
        if entry.header().entry_type().is_file() {
            let span = Span {
                file: path.to_path_buf(),
                offset: entry.raw_file_position(),
                size: entry.size(),
            };
            let end = span.offset.checked_add(span.size);
            if end.is_none_or(|end| end > length) {
                return Err(format!("it ends in the middle of {name}"));
            }
            files.insert(name, span);
        } else if let Some(target) = link_target(&entry, &name) {
            links.push((name, target));
        }
    }
    for (name, target) in links {
        if let Some(span) = files.get(&target).cloned() {
            files.insert(name, span);
        }
    }
    Ok(files)
}

/// Opens a tar file; answers nothing where it is compressed.
fn open_tar(path: &Path) -> io::Result<Option<File>> {
    let mut file = File::open(path)?;
    let mut begin = [0; 2];
    if file.read(&mut begin)? == 2 && begin == GZIP {
        return Ok(None);
    }
    file.rewind()?;
    Ok(Some(file))
}

/// The name of the file that an entry links to, if it is a link: docker save writes a layer that it
/// wrote before as one.
fn link_target(entry: &tar::Entry<'_, impl Read>, name: &str) -> Option<String> {
    let kind = entry.header().entry_type();
    if !kind.is_symlink() && !kind.is_hard_link() {
        return None;
    }
    let target = entry.link_name().ok()??;
    if kind.is_hard_link() {
        return Some(normal_name(&target));
    }
    let parent = Path::new(name).parent().unwrap_or(Path::new(""));
    Some(normal_name(&parent.join(target)))
}

/// The digits of a digest of SHA-256.
fn hex_of(digest: &str) -> Option<&str> {
    let hex = digest.strip_prefix("sha256:")?;
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(hex)
}

/// Whether a file is in a folder, when all links are followed.
fn is_within(folder: &Path, file: &Path) -> bool {
    match (folder.canonicalize(), file.canonicalize()) {
        (Ok(folder), Ok(file)) => file.starts_with(folder),
        _ => false,
    }
}

/// What the tar crate says quotes the bytes that it could not read.
fn not_tar(_: io::Error) -> String {
    "it is not a whole tar file".into()
}

/// The name of a file in the archive, without `.` and what leads out of it.
fn normal_name(path: &Path) -> String {
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
