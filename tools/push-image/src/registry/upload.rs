//! The upload of an image's blobs, those that the repository lacks.

use std::fs::File;
use std::io::{Read, Take};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use oci_client::Reference;
use plumbing::{Kind, Result};
use tokio::time::timeout;

use crate::blob::Blob;
use crate::registry::connection::{Answer, Connection, in_time};
use crate::registry::error;
use crate::thread;

/// What is read and sent in one piece, in bytes.
const PIECE: usize = 256 << 10;
/// How long nothing of an upload may go out: at its end the registry reads all of a layer again.
const STANDSTILL: Duration = Duration::from_secs(5 * 60);

/// Where the blobs of an image go.
pub(super) struct Upload<'a> {
    pub(super) connection: &'a Connection,
    pub(super) reference: &'a Reference,
    /// How many bytes of all blobs the registry has.
    pub(super) sent: Arc<AtomicU64>,
}

impl Upload<'_> {
    /// Uploads a blob, unless the repository has it.
    pub(super) async fn blob(&self, blob: &Blob) -> Result<()> {
        if self.exists(blob).await? {
            self.sent.fetch_add(blob.size(), Ordering::Relaxed);
            return Ok(());
        }
        let checked = blob.clone();
        let verify = move |token: &thread::CancelToken| checked.verify(token);
        thread::run(&self.connection.control, verify).await?;
        let repository = self.reference.repository();
        let what = format!("upload blob {} to {repository}", blob.digest);
        let uploaded = self.connection.request(&what, || self.send(blob)).await;
        match uploaded {
            Ok(_) => Ok(()),
            // What the registry answered is not what the protocol says, and it has the blob.
            Err(error)
                if error.kind == Kind::Refused && self.exists(blob).await.unwrap_or(false) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn exists(&self, blob: &Blob) -> Result<bool> {
        let client = &self.connection.client;
        let repository = self.reference.repository();
        let what = format!("look for blob {} in {repository}", blob.digest);
        let ask = || in_time(client.blob_exists(self.reference, &blob.digest));
        self.connection.request(&what, ask).await
    }

    /// Sends a blob once; what was sent of it in vain does not count.
    async fn send(&self, blob: &Blob) -> Answer<String> {
        let of_blob = Arc::new(AtomicU64::new(0));
        let pieces = Pieces {
            source: blob.open()?,
            counters: [self.sent.clone(), of_blob.clone()],
        };
        let size = Some(blob.size());
        let pieces = stream::iter(pieces);
        let client = &self.connection.client;
        let upload = client.push_blob_stream(self.reference, pieces, &blob.digest, size);
        let uploaded = unless_standing_still(&of_blob, upload).await;
        if uploaded.is_err() {
            let in_vain = of_blob.load(Ordering::Relaxed);
            self.sent.fetch_sub(in_vain, Ordering::Relaxed);
        }
        uploaded
    }
}

/// An upload may take any time, as long as something goes out.
async fn unless_standing_still<T>(
    sent: &AtomicU64,
    upload: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    let mut upload = std::pin::pin!(upload);
    loop {
        let before = sent.load(Ordering::Relaxed);
        if let Ok(uploaded) = timeout(STANDSTILL, upload.as_mut()).await {
            return uploaded;
        }
        if sent.load(Ordering::Relaxed) == before {
            return Err(error::no_answer(STANDSTILL));
        }
    }
}

/// A blob in pieces, which counts what is taken of it.
struct Pieces {
    source: Take<File>,
    counters: [Arc<AtomicU64>; 2],
}

impl Iterator for Pieces {
    type Item = Answer<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = usize::try_from(self.source.limit()).unwrap_or(PIECE);
        let mut piece = vec![0; PIECE.min(rest)];
        let count = match self.source.read(&mut piece) {
            Ok(0) => return None,
            Ok(count) => count,
            Err(why) => return Some(Err(why.into())),
        };
        piece.truncate(count);
        for counter in &self.counters {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
        Some(Ok(piece.into()))
    }
}
