//! Builds and pushes the images of apps: from a directory, from an archive, or from a reference that
//! is there already, each pinned by its digest.
//!
//! An engine builds, and this tool pushes: the credentials of the registry never leave it, an image
//! that is there is not uploaded again, and an upload that was cut goes on with the layers that lack.
//! The record is an `image`. Signing, and images of several platforms, are deliberately absent.

pub mod archive;
pub mod aws;
pub mod blob;
pub mod engine;
pub mod plan;
pub mod registry;

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");
