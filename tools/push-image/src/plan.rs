//! What each app's image is made from, by which commands, and how what comes out is to be read.
//! Pure.

pub mod address;
pub mod challenge;
pub mod command;
pub mod document;
pub mod manifest;
pub mod named;
pub mod origin;
pub mod platform;

/// Bytes as people read them.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
