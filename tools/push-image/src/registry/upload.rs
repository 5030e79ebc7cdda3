//! The upload of an image's blobs, those that the repository lacks.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use plumbing::{Kind, Result};
use reqwest::header::HeaderValue;
use reqwest::{Body, Method};
use tokio::time::timeout;

use crate::blob::{Blob, SpanReader};
use crate::registry::error::Fault;
use crate::registry::http::{Answer, in_time};
use crate::registry::session::Session;
use crate::thread;

/// What is read and sent in one piece, in bytes.
const PIECE: usize = 256 << 10;
/// How long nothing of an upload may go out: at its end the registry reads all of a layer again.
const STANDSTILL: Duration = Duration::from_secs(5 * 60);

/// Where the blobs of an image go.
pub(super) struct Upload<'a> {
    pub(super) session: &'a Session<'a>,
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
        thread::run(&self.session.connection.control, verify).await?;
        let repository = self.session.repository;
        let what = format!("upload blob {} to {repository}", blob.digest);
        let uploaded = self.session.request(&what, || self.send(blob)).await;
        match uploaded {
            Ok(()) => Ok(()),
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
        let session = self.session;
        let repository = session.repository;
        let what = format!("look for blob {} in {repository}", blob.digest);
        let url = session.url(&format!("blobs/{}", blob.digest));
        let http = &session.connection.http;
        let ask = || async {
            let login = session.login();
            let asked = http.get(Method::HEAD, url.clone(), "*/*", login.as_ref());
            match in_time(asked).await {
                Ok(_) => Ok(true),
                Err(fault) if fault.status() == Some(404) => Ok(false),
                Err(fault) => Err(fault),
            }
        };
        session.request(&what, ask).await
    }

    /// Sends a blob once; what was sent of it in vain does not count.
    async fn send(&self, blob: &Blob) -> Answer<()> {
        let of_blob = Arc::new(AtomicU64::new(0));
        let pieces = Pieces {
            source: blob.reader()?,
            counters: [self.sent.clone(), of_blob.clone()],
        };
        let sending = self.put(blob, Body::wrap_stream(stream::iter(pieces)));
        let uploaded = unless_standing_still(&of_blob, sending).await;
        if uploaded.is_err() {
            let in_vain = of_blob.load(Ordering::Relaxed);
            self.sent.fetch_sub(in_vain, Ordering::Relaxed);
        }
        uploaded
    }

    /// A registry may have a blob sent elsewhere, where its login does not go: an address of a
    /// storage is signed itself. ECR has it sent to its own host.
    async fn put(&self, blob: &Blob, content: Body) -> Answer<()> {
        let session = self.session;
        let http = &session.connection.http;
        let login = session.login();
        let begun = http.begin_upload(session.url("blobs/uploads/"), login.as_ref());
        let mut url = in_time(begun).await?;
        url.query_pairs_mut().append_pair("digest", &blob.digest);
        let media_type = HeaderValue::from_static("application/octet-stream");
        http.put(url, content, blob.size(), media_type, login.as_ref())
            .await
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
            return Err(Fault::no_answer(STANDSTILL));
        }
    }
}

/// A blob in pieces, which counts what is taken of it.
struct Pieces {
    source: SpanReader,
    counters: [Arc<AtomicU64>; 2],
}

impl Iterator for Pieces {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = usize::try_from(self.source.left()).unwrap_or(PIECE);
        let mut piece = vec![0; PIECE.min(rest)];
        let count = match self.source.read(&mut piece) {
            Ok(0) => return None,
            Ok(count) => count,
            Err(why) => return Some(Err(why)),
        };
        piece.truncate(count);
        for counter in &self.counters {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
        Some(Ok(piece.into()))
    }
}
