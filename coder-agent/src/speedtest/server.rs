use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::protocol::{Answer, BLOCK_BYTES, Direction, GRACE, Report, Request, block};
use crate::{Error, ErrorKind, Result};

/// Tests at once: each takes as much as it can get.
const MAX_TESTS: usize = 2;

/// How often an upload is reported on.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// The agent's side of speed tests; cheap to clone.
#[derive(Clone)]
pub struct SpeedtestServer(Arc<Semaphore>);

impl Default for SpeedtestServer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_TESTS)))
    }
}

impl SpeedtestServer {
    /// Serves one test. Never takes longer than the test may and a few seconds.
    ///
    /// # Errors
    /// When the client breaks off, is silent or too slow.
    pub async fn serve<S>(&self, mut stream: S) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut request = [0; Request::LEN];
        let read = timeout(GRACE, stream.read_exact(&mut request)).await;
        read.map_err(|_| late())?.map_err(broken)?;
        let permit = self.0.try_acquire();
        let (answer, request) = match (Request::decode(request), &permit) {
            (Some(request), Ok(_)) => (Answer::Begins, Some(request)),
            (Some(_), Err(_)) => (Answer::Busy, None),
            (None, _) => (Answer::NotUnderstood, None),
        };
        let duration = Duration::from_secs(request.map_or(0, |request| request.seconds).into());
        let serve = async {
            stream.write_all(&[answer.encode()]).await?;
            stream.flush().await?;
            match request.map(|request| request.direction) {
                Some(Direction::Down) => send(&mut stream, duration).await?,
                Some(Direction::Up) => receive(&mut stream).await?,
                None => {}
            }
            stream.shutdown().await
        };
        let served = timeout(duration + GRACE, serve).await;
        served.map_err(|_| late())?.map_err(broken)
    }
}

async fn send(writer: &mut (impl AsyncWrite + Unpin), duration: Duration) -> io::Result<()> {
    let (block, end) = (block(), Instant::now() + duration);
    // The last block need not get through.
    while let Ok(sent) = timeout_at(end, writer.write_all(&block)).await {
        sent?;
    }
    Ok(())
}

async fn receive(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let mut buffer = vec![0; BLOCK_BYTES];
    let mut begin = None;
    let mut next = Instant::now();
    let mut bytes = 0;
    loop {
        let length = stream.read(&mut buffer).await?;
        let now = Instant::now();
        let begin = *begin.get_or_insert(now);
        bytes += length as u64;
        if length == 0 || now >= next {
            next = now + REPORT_INTERVAL;
            let elapsed = now - begin;
            stream
                .write_all(&Report { elapsed, bytes }.encode())
                .await?;
            stream.flush().await?;
        }
        if length == 0 {
            return Ok(());
        }
    }
}

fn late() -> Error {
    Error::new(ErrorKind::TimedOut, "client of a speed test was too slow")
}

fn broken(error: io::Error) -> Error {
    Error::new(ErrorKind::Closed, "client of a speed test broke off").with_source(error)
}

impl fmt::Debug for SpeedtestServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.0.available_permits();
        formatter
            .debug_struct("SpeedtestServer")
            .field("free", &free)
            .finish()
    }
}
