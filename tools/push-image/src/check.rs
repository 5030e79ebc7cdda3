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

fn check_archive(archive: &str) -> Result<()> {
    let (path, image) = path_and_image(archive);
    if image.as_deref() == Some("") {
        return Err(Error::usage(format!(
            "{archive} names no image after its last colon"
        )));
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() || metadata.is_dir() => Ok(()),
        Ok(_) => Err(Error::usage(format!(
            "{path} is neither a file nor a directory, and is read more than once"
        ))),
        Err(why) => Err(Error::usage(format!("cannot read {path}: {why}"))),
    }
}

/// Takes `PATH:NAME` apart, as skopeo has it: a path may hold colons, and so may the name of an image. So
/// the path is the longest that there is.
pub fn path_and_image(archive: &str) -> (&str, Option<String>) {
    let is_there = |path: &str| std::fs::metadata(path).is_ok();
    if is_there(archive) {
        return (archive, None);
    }
    for (at, _) in archive.rmatch_indices(':') {
        if is_there(&archive[..at]) {
            return (&archive[..at], Some(archive[at + 1..].to_string()));
        }
    }
    (archive, None)
}
