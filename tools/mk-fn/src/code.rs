//! The code of every function, and the zip that Lambda takes it in. Pure.

use std::io::{Cursor, Write};

use plumbing::{Error, Result};
use sha2::{Digest, Sha256};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

const FILE: &str = "index.py";
const PYTHON: &str = include_str!("../function/index.py");

/// What a function is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// The zip.
    pub zip: Vec<u8>,
    /// Its SHA-256 in base64, as Lambda answers it: where both are equal, nothing changed.
    pub sha: String,
}

/// Makes the zip: of the same code the same bytes, in every run and on every machine.
pub fn code() -> Result<Code> {
    let zip = zip()
        .map_err(|why| Error::refused(format!("cannot make the zip of the function: {why}")))?;
    let sha = aws_smithy_types::base64::encode(Sha256::digest(&zip));
    Ok(Code { zip, sha })
}

fn zip() -> Result<Vec<u8>, ZipError> {
    // Neither compressed, which another version of the library may do differently, nor dated. Lambda
    // reads the file as another user, so everyone may read it.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(FILE, options)?;
    zip.write_all(PYTHON.as_bytes())?;
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn two_zips_are_equal_and_hold_the_code_for_everyone_to_read() {
        let (one, other) = (code().unwrap(), code().unwrap());
        assert_eq!(one, other);
        let mut zip = ZipArchive::new(Cursor::new(one.zip)).unwrap();
        assert_eq!(zip.len(), 1);
        let mut file = zip.by_index(0).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(
            (file.name(), file.unix_mode().map(|mode| mode & 0o777)),
            ("index.py", Some(0o644))
        );
        assert_eq!(text, PYTHON);
    }

    #[test]
    fn the_bytes_are_these_in_every_version_of_the_library() {
        let zip = code().unwrap().zip;
        // The header of the file: its signature, then from byte 10 on no time, and the 1st of January 1980.
        assert_eq!(
            (&zip[..4], &zip[10..14]),
            (&b"PK\x03\x04"[..], &[0, 0, 0x21, 0][..])
        );
        let around = zip.len() - PYTHON.len();
        assert!(around < 200, "{around} bytes around the code");
    }

    #[test]
    fn the_sum_is_as_lambda_answers_it() {
        let code = code().unwrap();
        assert!(
            code.sha.len() == 44 && code.sha.ends_with('='),
            "{}",
            code.sha
        );
    }
}
