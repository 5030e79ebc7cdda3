//! An image on disk, ready to be pushed.

use plumbing::{Error, Result};
use tempfile::TempDir;

use crate::blob::Blob;

/// An image that is ready to be pushed.
#[derive(Debug)]
pub struct PackedImage {
    /// The digest of its manifest.
    pub digest: String,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest, byte for byte what the digest is of.
    pub manifest: Vec<u8>,
    /// Its configuration and its layers.
    pub blobs: Vec<Blob>,
    /// Where layers are that were compressed; removed with the image.
    pub(crate) _work: TempDir,
}

/// A folder for what is built and compressed; it is removed when it is dropped.
pub fn work_folder() -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix("push-image-").tempdir();
    made.map_err(|why| {
        let parent = std::env::temp_dir();
        let parent = parent.display();
        Error::refused(format!("cannot make a folder in {parent}: {why}"))
    })
}
