//! Builds and pushes the images of apps: from a directory, from an archive, or from a reference
//! that is in a registry already, each pinned by its digest.
//!
//! An engine builds, and this tool pushes: the credentials of the registry never leave it, an image
//! that the registry has is not uploaded again, and an upload that was interrupted goes on with the
//! layers that are missing. The record is an `image`. Signing, and images of several platforms, are
//! deliberately absent.

pub mod archive;
pub mod aws;
pub mod blob;
pub mod check;
mod compress;
pub mod engine;
mod file;
pub mod image;
pub mod plan;
pub mod push;
pub mod registry;
mod scratch;
mod thread;
pub mod work;
