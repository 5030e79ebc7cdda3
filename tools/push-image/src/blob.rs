//! The parts of an image, somewhere on disk: read, and checked against their digests.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plumbing::{Error, Result};
use sha2::{Digest, Sha256};

use crate::thread::CancelToken;

/// What is read in one piece, in bytes.
pub(crate) const PIECE: usize = 256 << 10;
/// What everything that gzip wrote begins with.
pub(crate) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file of this machine.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Opened for each reading: a folder may have more files than may be open.
    Path(PathBuf),
    /// Open, whatever has become of its name.
    Open { file: Arc<File>, path: PathBuf },
}

/// A part of a file of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The file.
    pub(crate) source: Source,
    /// From where on, in bytes.
    pub(crate) offset: u64,
    /// How long, in bytes.
    pub(crate) size: u64,
}

impl Span {
    /// Opens it at its begin.
    pub(crate) fn open(&self) -> io::Result<SpanReader> {
        let file = match &self.source {
            Source::Path(path) => Arc::new(File::open(path)?),
            Source::Open { file, .. } => file.clone(),
        };
        Ok(SpanReader {
            file,
            at: self.offset,
            left: self.size,
        })
    }

    /// Reads it from its begin to its end, unless that is cancelled.
    pub(crate) fn reader(&self, token: &CancelToken) -> io::Result<impl Read> {
        Ok(Reader {
            source: self.open()?,
            token: token.clone(),
        })
    }

    /// How people know its file.
    pub(crate) fn path(&self) -> &Path {
        match &self.source {
            Source::Path(path) | Source::Open { path, .. } => path,
        }
    }
}

/// Reads a part of a file, which others may read meanwhile.
pub(crate) struct SpanReader {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl SpanReader {
    /// How many bytes are to come.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }
}

impl Read for SpanReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let most = most.min(bytes.len());
        let count = self.file.read_at(&mut bytes[..most], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// A part of an image, somewhere on disk.
#[derive(Clone, Debug)]
pub struct Blob {
    /// `sha256:…`, as the manifest says.
    pub digest: String,
    pub(crate) span: Span,
}

impl Blob {
    /// In bytes.
    pub fn size(&self) -> u64 {
        self.span.size
    }

    /// Opens it at its begin.
    pub fn open(&self) -> io::Result<impl Read> {
        self.reader()
    }

    pub(crate) fn reader(&self) -> io::Result<SpanReader> {
        self.span.open()
    }

    /// Refuses a blob that has not the digest that the manifest says.
    pub(crate) fn verify(&self, token: &CancelToken) -> Result<()> {
        let found = self.span.reader(token).and_then(hash);
        let (digest, size) = found.map_err(|why| unreadable(self.span.path(), &why.to_string()))?;
        if digest == self.digest && size == self.size() {
            return Ok(());
        }
        let why = format!(
            "it is damaged: blob {} is {digest} of {size} bytes, not of {}",
            self.digest,
            self.size()
        );
        Err(unreadable(self.span.path(), &why))
    }
}

/// What is said of an image that cannot be read.
pub(crate) fn unreadable(path: &Path, why: &str) -> Error {
    let path = path.display();
    Error::refused(format!("cannot read the image in {path}: {why}"))
}

/// What is said of a blob that has another digest.
pub(crate) fn damaged(digest: &str, found: &str) -> String {
    format!("it is damaged: blob {digest} is {found}")
}

struct Reader {
    source: SpanReader,
    token: CancelToken,
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.token.is_cancelled() {
            return Err(io::Error::other("nobody waits for it"));
        }
        self.source.read(bytes)
    }
}

/// The digest and the size of what a source reads.
pub(crate) fn hash(mut source: impl Read) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE];
    let mut size = 0;
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok((digest_of_hash(hash), size));
        }
        hash.update(&buffer[..count]);
        size += count as u64;
    }
}

/// The digest of bytes, as a manifest says it.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    digest_of_hash(Sha256::new_with_prefix(bytes))
}

pub(crate) fn digest_of_hash(hash: Sha256) -> String {
    format!("sha256:{:x}", hash.finalize())
}
