//! The JSON documents of an archive.

use serde_json::Value;

/// Reads a document; `what` words which one it is.
pub(super) fn parse(bytes: &[u8], what: &str) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|why| format!("{what} is not JSON: {why}"))
}
