use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::time::timeout;

use super::requests::Requests;
use super::terminal::{Place, Terminal};
use super::{DEFAULT_SIZE, ReconnectingPtyRequest};
use crate::Result;
use crate::ssh::TerminalSize;

/// How long a client may take to go after it was told of the end.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Bytes of a client's stream that are read at once.
const INPUT_BYTES: usize = 4 * 1024;

/// Why a client is not served any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The terminal has ended.
    Terminal,
    /// The client has left.
    Client,
}

/// One client at a terminal, counted while this lives.
pub(super) struct Viewer<'a> {
    place: Place,
    size: TerminalSize,
    viewers: &'a AtomicI64,
}

impl<'a> Viewer<'a> {
    pub(super) fn new(place: Place, size: TerminalSize, viewers: &'a AtomicI64) -> Self {
        viewers.fetch_add(1, Ordering::Relaxed);
        Self {
            place,
            size,
            viewers,
        }
    }

    /// Shows the terminal until it ends or the client leaves.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite>(mut self, stream: S) -> Result<()> {
        let (mut reader, mut writer) = split(stream);
        let terminal = self.place.terminal().clone();
        let end = tokio::select! {
            end = show(&mut self.place, &mut writer) => Ok(end),
            end = obey(&terminal, self.size, &mut reader) => end,
        };
        // From here on it holds nobody up.
        drop((self, terminal));
        if matches!(end, Ok(End::Client)) {
            return Ok(());
        }
        // The end is told in good order, a mistake of the client too; the client goes first.
        let farewell = async {
            if let Err(error) = &end {
                let text = format!("\r\ncoder: {error}\r\n");
                writer.write_all(text.as_bytes()).await?;
            }
            writer.shutdown().await?;
            tokio::io::copy(&mut reader, &mut tokio::io::sink()).await
        };
        // If it does not go, it is left.
        let _ = timeout(CLOSE_WAIT, farewell).await;
        end.map(drop)
    }
}

impl Drop for Viewer<'_> {
    fn drop(&mut self) {
        self.viewers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Writes all output, from the replay on. What waits for the client is one chunk: a client that is
/// too slow for the program loses output, not the agent memory.
async fn show(place: &mut Place, writer: &mut (impl AsyncWrite + Unpin)) -> End {
    let mut news = place.news();
    loop {
        let ended = news.borrow_and_update().ended;
        let output = place.read();
        if output.is_empty() {
            place.taken();
            // The sender is held by the place.
            if ended || news.changed().await.is_err() {
                return End::Terminal;
            }
            continue;
        }
        if writer.write_all(&output).await.is_err() || writer.flush().await.is_err() {
            return End::Client;
        }
        place.taken();
    }
}

/// Does what the client asks for until it leaves.
///
/// # Errors
/// When it breaks the protocol.
async fn obey(
    terminal: &Terminal,
    mut size: TerminalSize,
    reader: &mut (impl AsyncRead + Unpin),
) -> Result<End> {
    let mut requests = Requests::default();
    let mut buffer = vec![0; INPUT_BYTES];
    loop {
        let length = match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => return Ok(End::Client),
            Ok(length) => length,
        };
        requests.push(buffer.get(..length).unwrap_or_default());
        while let Some(request) = requests.next()? {
            if request == ReconnectingPtyRequest::default() {
                continue;
            }
            size = resized(size, &request);
            // Who did something last sets the size.
            terminal.resize(size);
            terminal.type_in(request.data.as_bytes()).await;
            terminal.type_in(&request.bytes).await;
        }
    }
}

/// A size in characters; 0 is the default.
pub(super) fn size_of(height: u16, width: u16) -> TerminalSize {
    let known = |number| if number == 0 { DEFAULT_SIZE } else { number };
    TerminalSize {
        columns: known(width),
        rows: known(height),
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn resized(size: TerminalSize, request: &ReconnectingPtyRequest) -> TerminalSize {
    let or = |new, old| if new == 0 { old } else { new };
    TerminalSize {
        columns: or(request.width, size.columns),
        rows: or(request.height, size.rows),
        ..size
    }
}
