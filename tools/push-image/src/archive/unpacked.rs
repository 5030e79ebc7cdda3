//! A tar file as it is, also where somebody compressed all of it, as nix does and `docker save | gzip`.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::blob::{GZIP, PIECE, Source, Span};
use crate::compress::LARGEST_UNPACKED;
use crate::plan::megabytes;
use crate::scratch::Scratch;
use crate::thread::CancelToken;

/// How what other programs compressed begins, and the command that unpacks it.
const OTHERS: [(&[u8], &str); 4] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd -d"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz -dk"),
    (b"BZh", "bunzip2 -k"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4 -d"),
];
/// The longest of these begins.
const LONGEST_BEGIN: usize = 6;

/// Opens a tar file. One that gzip compressed is unpacked into a file without a name.
///
/// Errors: it cannot be read, or another program compressed it.
pub(super) fn open(path: &Path, token: &CancelToken) -> Result<Span, String> {
    let file = File::open(path).map_err(|why| why.to_string())?;
    let size = file.metadata().map_err(|why| why.to_string())?.len();
    let mut begin = [0; LONGEST_BEGIN];
    let count = file.read_at(&mut begin, 0).unwrap_or_default();
    let begin = &begin[..count];
    let whole = Span {
        source: Source::Open {
            file: Arc::new(file),
            path: path.to_path_buf(),
        },
        offset: 0,
        size,
    };
    if begin.starts_with(&GZIP) {
        return unpack(&whole, token);
    }
    match OTHERS.iter().find(|(other, _)| begin.starts_with(other)) {
        Some((_, command)) => Err(format!(
            "it is compressed as a whole, and not by gzip; unpack it first: {command} {}",
            path.display()
        )),
        None => Ok(whole),
    }
}

fn unpack(whole: &Span, token: &CancelToken) -> Result<Span, String> {
    let packed = whole.reader(token).map_err(|why| why.to_string())?;
    let mut source = MultiGzDecoder::new(BufReader::new(packed)).take(LARGEST_UNPACKED + 1);
    let mut scratch = Scratch::default();
    let begin = scratch.end()?;
    let mut buffer = vec![0; PIECE];
    loop {
        let read = source.read(&mut buffer);
        let count =
            read.map_err(|why| format!("what gzip compressed cannot be unpacked: {why}"))?;
        if count == 0 {
            break;
        }
        let written = scratch.write_all(&buffer[..count]);
        written.map_err(|why| Scratch::cannot_write(&why))?;
    }
    let span = scratch.span_from(begin)?;
    if span.size > LARGEST_UNPACKED {
        let limit = megabytes(LARGEST_UNPACKED);
        return Err(format!(
            "it unpacks to more than {limit}, which is more than a task has"
        ));
    }
    Ok(span)
}
