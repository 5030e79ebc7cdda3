//! An image on disk, ready to be pushed.

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
}
