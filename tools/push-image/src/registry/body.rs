//! What a registry answers, read up to where it has to end. A registry may be somebody's who sends
//! without an end.

use reqwest::Response;

use crate::plan::document;
use crate::registry::error::Fault;

/// A manifest or an index: registries have to take 4 MiB (OCI distribution specification), and take
/// no more.
pub(super) const MANIFEST: u64 = 4 << 20;
/// A configuration, which is a blob of any size to a registry.
pub(super) const CONFIG: u64 = document::LARGEST;
/// An answer with a token: that has to fit into a header, of which servers take some 8 KiB.
pub(super) const TOKEN: u64 = 64 << 10;
/// An error: of its text 400 characters are shown.
pub(super) const ERROR: u64 = 16 << 10;

/// Reads a body to its end; `what` words it.
///
/// Errors: it is longer than the limit, or says so.
pub(super) async fn read(mut response: Response, limit: u64, what: &str) -> Result<Vec<u8>, Fault> {
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Err(Fault::too_long(what, limit));
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if (body.len() + piece.len()) as u64 > limit {
            return Err(Fault::too_long(what, limit));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Reads the begin of an error's text. What of it does not come is no other error.
pub(super) async fn read_error(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() as u64 > ERROR {
            body.truncate(ERROR as usize);
            break;
        }
    }
    body
}
