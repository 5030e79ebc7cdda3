//! What can be refused before anything is asked: an origin of an image that does not exist.

use std::path::Path;

use plumbing::{Error, Result, reference};

use crate::plan::origin::{Context, Origin};

/// Refuses a directory or an archive that does not exist, and a reference that is none.
pub fn check(origin: &Origin) -> Result<()> {
    match origin {
        Origin::Context(context) => check_context(context),
        Origin::Archive(path) => check_archive(path),
        Origin::Reference(reference) => match reference::parse(reference) {
            Ok(_) => Ok(()),
            Err(why) => Err(Error::usage(why)),
        },
    }
}

/// Refuses a directory that does not exist, or has no Dockerfile.
pub fn check_context(context: &Context) -> Result<()> {
    let directory = &context.directory;
    if !Path::new(directory).is_dir() {
        return Err(Error::usage(format!("{directory} is not a directory")));
    }
    let dockerfile = context.dockerfile_path();
    if !Path::new(&dockerfile).is_file() {
        return Err(Error::usage(format!("there is no {dockerfile}")));
    }
    Ok(())
}

fn check_archive(path: &str) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() || metadata.is_dir() => Ok(()),
        Ok(_) => Err(Error::usage(format!(
            "{path} is neither a file nor a directory, and is read more than once"
        ))),
        Err(why) => Err(Error::usage(format!("cannot read {path}: {why}"))),
    }
}
