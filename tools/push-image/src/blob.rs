//! The parts of an image, somewhere on disk: read, checked against their digests, and compressed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use plumbing::{Error, Result};
use sha2::{Digest, Sha256};

use crate::thread::CancelToken;

/// What is read in one piece, in bytes.
const PIECE: usize = 256 << 10;
/// What everything that gzip wrote begins with.
pub(crate) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A part of a file of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The file.
    pub(crate) file: PathBuf,
    /// From where on, in bytes.
    pub(crate) offset: u64,
    /// How long, in bytes.
    pub(crate) size: u64,
}

impl Span {
    /// Opens it at its begin.
    pub(crate) fn open(&self) -> io::Result<io::Take<File>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file.take(self.size))
    }

    /// Reads it from its begin to its end, unless that is cancelled.
    pub(crate) fn reader(&self, token: &CancelToken) -> io::Result<impl Read> {
        Ok(Reader {
            source: self.open()?,
            token: token.clone(),
        })
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
    pub fn open(&self) -> io::Result<io::Take<File>> {
        self.span.open()
    }

    /// Refuses a blob that has not the digest that the manifest says.
    pub(crate) fn verify(&self, token: &CancelToken) -> Result<()> {
        let found = self.span.reader(token).and_then(hash);
        let (digest, size) = found.map_err(|why| unreadable(&self.span.file, &why.to_string()))?;
        if digest == self.digest && size == self.size() {
            return Ok(());
        }
        let why = format!(
            "it is damaged: blob {} is {digest} of {size} bytes, not of {}",
            self.digest,
            self.size()
        );
        Err(unreadable(&self.span.file, &why))
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

/// Compresses a layer into `folder`: the same bytes come out each time. Checks the digest of what
/// went in; a layer that is compressed already stays as it is.
pub(crate) fn compress(
    span: &Span,
    folder: &Path,
    number: usize,
    digest: Option<&str>,
    token: &CancelToken,
) -> Result<Blob, String> {
    // Its media type, or docker save, may say that it is not compressed, and it is.
    if is_gzip(span, token).map_err(|why| why.to_string())? {
        return keep_compressed(span, digest, token);
    }
    let path = folder.join(format!("layer-{number}.gz"));
    let file = File::create(&path).map_err(|why| cannot_write(&path, &why))?;
    let mut source = span.reader(token).map_err(|why| why.to_string())?;
    let mut target = GzEncoder::new(HashingFile::new(file), Compression::default());
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        let count = source.read(&mut buffer).map_err(|why| why.to_string())?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        target
            .write_all(&buffer[..count])
            .map_err(|why| cannot_write(&path, &why))?;
    }
    let found = digest_of_hash(hash);
    if let Some(digest) = digest
        && digest != found
    {
        return Err(damaged(digest, &found));
    }
    let (digest, size) = target
        .finish()
        .and_then(HashingFile::finish)
        .map_err(|why| cannot_write(&path, &why))?;
    let span = Span {
        file: path,
        offset: 0,
        size,
    };
    Ok(Blob { digest, span })
}

/// The digest of a layer that is compressed already may be its own, or that of what is in it.
fn keep_compressed(span: &Span, digest: Option<&str>, token: &CancelToken) -> Result<Blob, String> {
    let found = span.reader(token).and_then(hash);
    let (found, size) = found.map_err(|why| why.to_string())?;
    if let Some(digest) = digest
        && digest != found
    {
        let inside = span.reader(token).and_then(hash_inside);
        let (inside, _) = inside.map_err(|why| why.to_string())?;
        if digest != inside {
            return Err(damaged(digest, &found));
        }
    }
    let span = Span {
        size,
        ..span.clone()
    };
    Ok(Blob {
        digest: found,
        span,
    })
}

fn is_gzip(span: &Span, token: &CancelToken) -> io::Result<bool> {
    let mut begin = Vec::new();
    span.reader(token)?.take(2).read_to_end(&mut begin)?;
    Ok(begin == GZIP)
}

fn cannot_write(path: &Path, why: &io::Error) -> String {
    format!("cannot write {}: {why}", path.display())
}

/// Hashes what is written into a file.
struct HashingFile {
    file: File,
    hash: Sha256,
    size: u64,
}

impl HashingFile {
    fn new(file: File) -> Self {
        HashingFile {
            file,
            hash: Sha256::new(),
            size: 0,
        }
    }

    /// The digest and the size of all that was written.
    fn finish(mut self) -> io::Result<(String, u64)> {
        self.file.flush()?;
        Ok((digest_of_hash(self.hash), self.size))
    }
}

impl Write for HashingFile {
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

struct Reader {
    source: io::Take<File>,
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
fn hash(mut source: impl Read) -> io::Result<(String, u64)> {
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

/// The digest and the size of what gzip compressed.
fn hash_inside(source: impl Read) -> io::Result<(String, u64)> {
    hash(MultiGzDecoder::new(BufReader::new(source)))
}

/// The digest of bytes, as a manifest says it.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    digest_of_hash(Sha256::new_with_prefix(bytes))
}

fn digest_of_hash(hash: Sha256) -> String {
    format!("sha256:{:x}", hash.finalize())
}
