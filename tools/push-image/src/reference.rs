//! References of images, as people write them.

use oci_client::Reference;
use plumbing::{Error, Result};

/// Reads a reference.
///
/// Errors: it is none.
pub fn parse(reference: &str) -> Result<Reference> {
    match reference.parse() {
        Ok(parsed) => Ok(parsed),
        Err(why) => {
            let message = format!("'{reference}' is not an image reference: {why}");
            Err(Error::usage(message))
        }
    }
}
