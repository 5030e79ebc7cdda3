//! The layers of an image, each compressed once: compressed ones are what is uploaded and stored.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::blob::{Blob, GZIP, PIECE, Span, damaged, digest_of_hash, hash};
use crate::plan::megabytes;
use crate::scratch::Scratch;
use crate::thread::CancelToken;

/// The most that a compressed layer may hold: no task of Fargate has more room.
pub(crate) const LARGEST_UNPACKED: u64 = 200 << 30;

/// What is compressed of an image.
pub(crate) struct Compressor<'a> {
    token: &'a CancelToken,
    scratch: Scratch,
    /// Where each was, and the digest that it has to have.
    done: BTreeMap<(PathBuf, u64, Option<String>), Blob>,
}

impl<'a> Compressor<'a> {
    /// Begins with nothing.
    pub(crate) fn new(token: &'a CancelToken) -> Self {
        Compressor {
            token,
            scratch: Scratch::default(),
            done: BTreeMap::new(),
        }
    }

    /// The compressed form of a layer, which has to have a digest before or after. An image may
    /// name one layer hundreds of times.
    pub(crate) fn layer(&mut self, span: &Span, digest: Option<&str>) -> Result<Blob, String> {
        let key = (span.path().into(), span.offset, digest.map(String::from));
        if let Some(blob) = self.done.get(&key) {
            return Ok(blob.clone());
        }
        let blob = compress(span, &mut self.scratch, digest, self.token)?;
        self.done.insert(key, blob.clone());
        Ok(blob)
    }
}

/// Compresses a layer: the same bytes come out each time. Checks the digest of what went in; a
/// layer that is compressed already stays as it is.
fn compress(
    span: &Span,
    scratch: &mut Scratch,
    digest: Option<&str>,
    token: &CancelToken,
) -> Result<Blob, String> {
    // Its media type, or docker save, may say that it is not compressed, and it is.
    if is_gzip(span, token).map_err(|why| why.to_string())? {
        return keep_compressed(span, digest, token);
    }
    let mut source = span.reader(token).map_err(|why| why.to_string())?;
    let begin = scratch.end()?;
    let mut target = GzEncoder::new(HashingWriter::new(&mut *scratch), Compression::default());
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        let count = source.read(&mut buffer).map_err(|why| why.to_string())?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        let written = target.write_all(&buffer[..count]);
        written.map_err(|why| Scratch::cannot_write(&why))?;
    }
    let found = digest_of_hash(hash);
    if let Some(digest) = digest
        && digest != found
    {
        return Err(damaged(digest, &found));
    }
    let target = target.finish().map_err(|why| Scratch::cannot_write(&why))?;
    let digest = digest_of_hash(target.hash);
    let span = scratch.span_from(begin)?;
    Ok(Blob { digest, span })
}

/// The digest of a layer that is compressed already may be its own, or that of what is in it.
fn keep_compressed(span: &Span, digest: Option<&str>, token: &CancelToken) -> Result<Blob, String> {
    let found = span.reader(token).and_then(hash);
    let (found, size) = found.map_err(|why| why.to_string())?;
    if let Some(digest) = digest
        && digest != found
    {
        let inside = span.reader(token);
        let inside = inside.and_then(|source| hash_inside(source, LARGEST_UNPACKED));
        let inside = inside.map_err(|why| why.to_string())?;
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

/// Hashes what is written.
struct HashingWriter<W> {
    target: W,
    hash: Sha256,
}

impl<W> HashingWriter<W> {
    fn new(target: W) -> Self {
        HashingWriter {
            target,
            hash: Sha256::new(),
        }
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.target.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target.flush()
    }
}

/// The digest of what gzip compressed, if that ends within a limit: some megabytes may unpack to
/// thousands of times as much.
fn hash_inside(source: impl Read, limit: u64) -> io::Result<String> {
    let inside = MultiGzDecoder::new(BufReader::new(source));
    let (digest, size) = hash(inside.take(limit + 1))?;
    if size > limit {
        let limit = megabytes(limit);
        let why = format!("a layer unpacks to more than {limit}, which is more than a task has");
        return Err(io::Error::other(why));
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_without_an_end_is_refused_at_its_limit() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        io::copy(&mut io::repeat(0).take(50 << 20), &mut gzip).unwrap();
        let small = gzip.finish().unwrap();
        assert!(small.len() < 100_000);
        let refused = hash_inside(small.as_slice(), 1 << 20).unwrap_err();
        let expected = "a layer unpacks to more than 1.0 MB, which is more than a task has";
        assert_eq!(refused.to_string(), expected);
        assert!(hash_inside(small.as_slice(), 50 << 20).is_ok());
    }
}
