//! The parts of an image, somewhere on disk: read, checked against their digests, and compressed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use plumbing::{Error, Result, Stream};
use sha2::{Digest, Sha256};

/// By which a thread knows whether somebody still waits for what it does.
pub(crate) type Wanted = Weak<()>;

/// Does what takes a while on a thread of its own, which is not dropped as a future is: it ends at its
/// next read when nobody waits any more, or an interrupted tool would wait for it.
pub(crate) async fn aside<T: Send + 'static>(
    stream: &Stream,
    work: impl FnOnce(&Wanted) -> Result<T> + Send + 'static,
) -> Result<T> {
    let waits = Arc::new(());
    let wanted = Arc::downgrade(&waits);
    let done = stream
        .control
        .unless_stopped(tokio::task::spawn_blocking(move || work(&wanted)))
        .await?;
    done.map_err(|why| Error::refused(format!("cannot read an image: {why}")))?
}

/// Where a part is: in which file of this machine, from where on, how long.
pub(crate) type Span = (PathBuf, u64, u64);

/// A part of an image, somewhere on disk.
#[derive(Clone, Debug)]
pub struct Blob {
    /// `sha256:…`, as the manifest says.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    pub(crate) file: PathBuf,
    pub(crate) offset: u64,
}

impl Blob {
    pub(crate) fn span(&self) -> Span {
        (self.file.clone(), self.offset, self.size)
    }

    /// Opens it at its begin.
    pub fn open(&self) -> io::Result<io::Take<File>> {
        open(&self.span())
    }

    /// Refuses what is not what its digest says.
    pub(crate) fn verify(&self, wanted: &Wanted) -> Result<()> {
        let found = reader(&self.span(), wanted).and_then(hash);
        let found = found.map_err(|why| unreadable(&self.file, &why.to_string()))?;
        match found == (self.digest.clone(), self.size) {
            true => Ok(()),
            false => {
                let what = format!(
                    "blob {} is {} of {} bytes, not of {}",
                    self.digest, found.0, found.1, self.size
                );
                Err(unreadable(&self.file, &format!("it is damaged: {what}")))
            }
        }
    }
}

pub(crate) fn unreadable(path: &Path, why: &str) -> Error {
    Error::refused(format!(
        "cannot read the image in {}: {why}",
        path.display()
    ))
}

/// Compresses a layer into `folder`: the same bytes come out each time. Checks the digest of what
/// went in; one that is compressed already may have that of what is in it.
pub(crate) fn compress(
    span: &Span,
    folder: &Path,
    number: usize,
    digest: Option<&str>,
    wanted: &Wanted,
) -> Result<Blob, String> {
    let path = folder.join(format!("layer-{number}.gz"));
    let disk = |why: io::Error| format!("cannot write {}: {why}", path.display());
    let mut source = reader(span, wanted).map_err(|why| why.to_string())?;
    let mut target = GzEncoder::new(
        Counted::new(File::create(&path).map_err(disk)?),
        Compression::default(),
    );
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
        let (found, size) = reader(span, wanted)
            .and_then(hash)
            .map_err(|why| why.to_string())?;
        let inside = || {
            reader(span, wanted).and_then(|file| hash(MultiGzDecoder::new(BufReader::new(file))))
        };
        if let Some(digest) = digest.filter(|digest| *digest != found)
            && inside().map_err(|why| why.to_string())?.0 != digest
        {
            return Err(format!("it is damaged: blob {digest} is {found}"));
        }
        return Ok(Blob {
            digest: found,
            size,
            file: span.0.clone(),
            offset: span.1,
        });
    }
    let found = format!("sha256:{:x}", before.finalize());
    if let Some(digest) = digest.filter(|digest| *digest != found) {
        return Err(format!("it is damaged: blob {digest} is {found}"));
    }
    let (digest, size) = target.finish().and_then(Counted::finish).map_err(disk)?;
    Ok(Blob {
        digest,
        size,
        file: path,
        offset: 0,
    })
}

/// Hashes what is written through it.
struct Counted {
    file: File,
    hash: Sha256,
    size: u64,
}

impl Counted {
    fn new(file: File) -> Self {
        Counted {
            file,
            hash: Sha256::new(),
            size: 0,
        }
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

/// Reads a part from its begin to its end, as long as it is wanted.
pub(crate) fn reader(span: &Span, wanted: &Wanted) -> io::Result<impl Read> {
    Ok(Reader {
        source: open(span)?,
        wanted: wanted.clone(),
    })
}

fn open((file, offset, size): &Span) -> io::Result<io::Take<File>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(*offset))?;
    Ok(file.take(*size))
}

struct Reader {
    source: io::Take<File>,
    wanted: Wanted,
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.wanted.strong_count() {
            0 => Err(io::Error::other("nobody waits for it")),
            _ => self.source.read(bytes),
        }
    }
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

pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}
