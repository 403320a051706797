//! `--network-info-dir`: a file with the state of the connection, which editors show.
//!
//! It is named after the process that called us, `<pid>.json`: the SSH client, for a ProxyCommand.

use crate::cli::{
    client::Client,
    ping::{Pong, ping},
    reach::Reached,
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout},
};
use tokio_util::io::{InspectReader, InspectWriter};

/// How long an agent may take to answer before the last figure is kept.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that went through a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    up: AtomicU64,
    down: AtomicU64,
}

/// What the file says.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Report {
    /// Never: every stream goes through the server.
    p2p: bool,
    /// Milliseconds to the agent and back.
    latency: f64,
    /// Through which server.
    preferred_derp: String,
    /// Milliseconds to the server and back, by server.
    derp_latency: BTreeMap<String, f64>,
    upload_bytes_sec: u64,
    download_bytes_sec: u64,
    using_coder_connect: bool,
}

/// Keeps the file. It is removed at the end.
pub(super) struct NetworkInfo<'a> {
    client: &'a Client,
    reached: &'a Reached,
    file: PathBuf,
    traffic: Traffic,
}

impl Traffic {
    /// The stream, with its bytes counted.
    pub(super) fn count<S: AsyncRead + AsyncWrite + Send + 'static>(
        &self,
        stream: S,
    ) -> impl AsyncRead + AsyncWrite + Send + 'static + use<S> {
        let (up, down) = (Arc::clone(&self.0), Arc::clone(&self.0));
        let read = move |bytes: &[u8]| add(&down.down, bytes);
        let written = move |bytes: &[u8]| add(&up.up, bytes);
        InspectWriter::new(InspectReader::new(stream, read), written)
    }

    fn take(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        (take(&self.0.up), take(&self.0.down))
    }
}

fn add(counter: &AtomicU64, bytes: &[u8]) {
    counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
}

impl<'a> NetworkInfo<'a> {
    pub(super) fn new(
        client: &'a Client,
        reached: &'a Reached,
        folder: &Path,
        traffic: Traffic,
    ) -> Self {
        let caller = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        Self {
            client,
            reached,
            file: folder.join(format!("{caller}.json")),
            traffic,
        }
    }

    /// Writes the file at once and then again and again.
    pub(super) async fn keep(self, interval: Duration) -> Infallible {
        let mut last = Pong::default();
        let mut begin = Instant::now();
        loop {
            let answer = timeout(PING_TIMEOUT, ping(self.client, &self.reached.agent)).await;
            if let Ok(Ok(pong)) = answer {
                last = pong;
            }
            let (elapsed, traffic) = (begin.elapsed(), self.traffic.take());
            begin = Instant::now();
            let server = self.client.url.host_str().unwrap_or_default();
            let report = Report::new(server, &last, traffic, elapsed);
            if let Err(error) = self.write(&report) {
                tracing::debug!(%error, "the network info is not written");
            }
            tokio::time::sleep(interval).await;
        }
    }

    fn write(&self, report: &Report) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let temporary = self.file.with_extension("new");
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(report)?)?;
        std::fs::rename(temporary, &self.file)
    }
}

impl Drop for NetworkInfo<'_> {
    fn drop(&mut self) {
        // Nobody shall read the state of a connection that is over.
        drop(std::fs::remove_file(&self.file));
    }
}

impl Report {
    fn new(server: &str, pong: &Pong, traffic: (u64, u64), elapsed: Duration) -> Self {
        let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        let rate = |bytes: u64| {
            let seconds = elapsed.as_millis().max(1);
            u64::try_from(u128::from(bytes) * 1_000 / seconds).unwrap_or(u64::MAX)
        };
        Self {
            p2p: false,
            latency: millis(pong.total),
            preferred_derp: server.to_owned(),
            derp_latency: BTreeMap::from([(server.to_owned(), millis(pong.to_server()))]),
            upload_bytes_sec: rate(traffic.0),
            download_bytes_sec: rate(traffic.1),
            using_coder_connect: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn bytes_are_counted_both_ways() {
        let traffic = Traffic::default();
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Box::pin(traffic.count(near));
        near.write_all(b"12345").await.expect("written");
        near.flush().await.expect("flushed");
        far.write_all(b"123").await.expect("written");
        let mut three = [0; 3];
        near.read_exact(&mut three).await.expect("read");
        assert_eq!(traffic.take(), (5, 3));
        assert_eq!(traffic.take(), (0, 0));
    }

    #[test]
    fn the_report_is_per_second() {
        let pong = Pong {
            total: Duration::from_millis(30),
            agent: Duration::from_millis(10),
        };
        let report = Report::new("s", &pong, (1_000, 500), Duration::from_millis(500));
        assert_eq!((report.latency, report.derp_latency["s"]), (30.0, 20.0));
        assert_eq!(
            (report.upload_bytes_sec, report.download_bytes_sec),
            (2_000, 1_000)
        );
    }
}
