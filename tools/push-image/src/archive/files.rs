//! The files of an archive, in a folder or a tar file, and none that lies outside of it.

use std::io::Read;
use std::path::{Path, PathBuf};

use plumbing::reference::is_digest;

use crate::archive::tar_file::{self, Listing, normal_name};
use crate::archive::unpacked;
use crate::blob::{Source, Span, damaged, digest_of};
use crate::plan::{document, megabytes};
use crate::thread::CancelToken;

/// The files of an archive, read as long as somebody waits for it.
pub(super) struct Files {
    store: Store,
    pub(super) token: CancelToken,
}

enum Store {
    /// Where it is, with all links followed.
    Folder(PathBuf),
    /// By their names, where they are in the tar file.
    Tar(Listing),
}

impl Files {
    pub(super) fn open(path: &Path, token: &CancelToken) -> Result<Self, String> {
        let store = if path.is_dir() {
            Store::Folder(path.canonicalize().map_err(|why| why.to_string())?)
        } else {
            Store::Tar(tar_file::list(unpacked::open(path, token)?)?)
        };
        Ok(Files {
            store,
            token: token.clone(),
        })
    }

    /// Where a file is, if there is one of that name.
    ///
    /// Errors: it is a link to another file of this machine.
    pub(super) fn span(&self, name: &str) -> Result<Option<Span>, String> {
        self.find(name, false)
    }

    /// `is_blob` says of a file that it must have a digest by which the archive names it. It alone may be a
    /// link to elsewhere, as bazel makes them: whoever knows what is in a file learns nothing from it.
    fn find(&self, name: &str, is_blob: bool) -> Result<Option<Span>, String> {
        let normal = normal_name(Path::new(name));
        let folder = match &self.store {
            Store::Tar(files) => return Ok(files.get(&normal).cloned()),
            Store::Folder(folder) => folder,
        };
        let path = folder.join(normal);
        let Ok(file) = path.canonicalize() else {
            return Ok(None);
        };
        let is_inside = |path: &Path| path.canonicalize().is_ok_and(|it| it.starts_with(folder));
        let may_be_link = is_blob && path.parent().is_some_and(is_inside);
        if !may_be_link && !file.starts_with(folder) {
            return Err(format!("{name} leads out of it"));
        }
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some(Span {
                source: Source::Path(file),
                offset: 0,
                size: metadata.len(),
            })),
            _ => Ok(None),
        }
    }

    /// Where a file is that the archive names by its path.
    pub(super) fn span_of_path(&self, path: &str) -> Result<Span, String> {
        let span = self.span(path)?;
        span.ok_or_else(|| format!("it lacks {path}"))
    }

    /// Where a blob is: in the folder of an OCI layout, or as skopeo writes a directory, beside all others.
    pub(super) fn blob(&self, digest: &str) -> Result<Span, String> {
        let Some(hex) = digest.strip_prefix("sha256:").filter(|_| is_digest(digest)) else {
            return Err(format!("'{digest}' is not a digest of SHA-256"));
        };
        for path in [
            format!("blobs/sha256/{hex}"),
            hex.to_string(),
            format!("{hex}.manifest.json"),
        ] {
            if let Some(span) = self.find(&path, true)? {
                return Ok(span);
            }
        }
        Err(format!("it lacks blob {digest}"))
    }

    pub(super) fn read(&self, span: &Span) -> Result<Vec<u8>, String> {
        if span.size > document::LARGEST {
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
