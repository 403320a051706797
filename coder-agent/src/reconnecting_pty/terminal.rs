use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Mutex as AsyncMutex, Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::scrollback::{Reader, SCROLLBACK_BYTES, Scrollback};
use crate::platform::terminal::{
    Terminal as Pty, TerminalChild, TerminalControl, TerminalReader, TerminalWriter,
};
use crate::ssh::{Process, TerminalSize, wait};

/// Bytes taken from the program, and given to a viewer, at once.
const CHUNK: usize = 16 * 1024;

/// How far the program may be ahead of its fastest viewer: one more chunk still fits in what is
/// kept, so that viewer loses nothing.
const AHEAD: u64 = (SCROLLBACK_BYTES - CHUNK) as u64;

/// How long the program waits for its fastest viewer when that one takes nothing at all. Viewers
/// that have gone without a word must not hold it up.
const HOLD_UP: Duration = Duration::from_secs(2);

/// How long what a program has said may take to come out of the terminal after it has ended;
/// something it left behind may hold the terminal open.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// How long a program may read nothing before what is typed is dropped. Somebody has to look at
/// the viewer's stream from time to time, to see that it has gone.
const INPUT_STALL: Duration = Duration::from_secs(60);

/// A program in a terminal, and what it has said.
pub(super) struct Terminal {
    state: Mutex<State>,
    /// Changes with each output, and at the end.
    news: watch::Sender<News>,
    /// How many watch.
    viewers: watch::Sender<usize>,
    /// A viewer has seen more, or has gone.
    taken: Notify,
    writer: AsyncMutex<TerminalWriter>,
    control: TerminalControl,
}

struct State {
    scrollback: Scrollback,
    /// Up to where each viewer has seen the output.
    positions: BTreeMap<u64, u64>,
    next_viewer: u64,
    size: TerminalSize,
    ended: bool,
}

/// Why viewers should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct News {
    end: u64,
    pub(super) ended: bool,
}

/// A place from which a terminal is watched. Dropping it leaves the terminal.
pub(super) struct Place {
    terminal: Arc<Terminal>,
    number: u64,
    reader: Reader,
}

impl Terminal {
    /// The terminal, and what [`run`](Self::run) needs.
    pub(super) fn new(pty: Pty, size: TerminalSize) -> (Self, TerminalChild, TerminalReader) {
        let Pty {
            child,
            reader,
            writer,
            control,
        } = pty;
        let terminal = Self {
            state: Mutex::new(State {
                scrollback: Scrollback::default(),
                positions: BTreeMap::new(),
                next_viewer: 0,
                size,
                ended: false,
            }),
            news: watch::Sender::new(News {
                end: 0,
                ended: false,
            }),
            viewers: watch::Sender::new(0),
            taken: Notify::new(),
            writer: AsyncMutex::new(writer),
            control,
        };
        (terminal, child, reader)
    }

    /// Runs until the program ends, nobody has watched for `idle`, or `closing`. Tells whether the
    /// program ended by itself.
    pub(super) async fn run(
        &self,
        child: TerminalChild,
        reader: TerminalReader,
        idle: Duration,
        closing: &CancellationToken,
    ) -> bool {
        let mut process = Process::new(child);
        let by_itself = {
            let (child, group) = process.parts();
            let exit = async {
                // However it ended, it has ended.
                let _ = wait(child, group).await;
                sleep(LAST_OUTPUT).await;
            };
            tokio::select! {
                () = self.keep_output(reader) => true,
                () = exit => true,
                () = self.unwatched_for(idle) => false,
                () = closing.cancelled() => false,
            }
        };
        self.lock().ended = true;
        self.news.send_modify(|news| news.ended = true);
        let now = CancellationToken::new();
        now.cancel();
        process.outlive_session(&now).await;
        by_itself
    }

    /// Takes a place, unless the terminal has ended. Who comes last sets the size.
    pub(super) fn attach(self: &Arc<Self>, size: TerminalSize) -> Option<Place> {
        let (number, reader, full_screen) = {
            let mut state = self.lock();
            if state.ended {
                return None;
            }
            let number = state.next_viewer;
            state.next_viewer += 1;
            let reader = state.scrollback.reader();
            state.positions.insert(number, reader.position());
            self.viewers.send_replace(state.positions.len());
            (number, reader, state.scrollback.state().is_full_screen())
        };
        // A program that has the screen to itself may have said things that are not kept any more.
        if !self.resize(size) && full_screen {
            self.control.ask_to_redraw();
        }
        Some(Place {
            terminal: Arc::clone(self),
            number,
            reader,
        })
    }

    /// Sets the size, and tells whether it is another one.
    pub(super) fn resize(&self, size: TerminalSize) -> bool {
        let mut state = self.lock();
        let changes = state.size != size;
        if changes {
            state.size = size;
            self.control.resize(size);
        }
        changes
    }

    /// Types bytes, in the order in which they come.
    pub(super) async fn type_in(&self, mut bytes: &[u8]) {
        let mut writer = self.writer.lock().await;
        while !bytes.is_empty() {
            match timeout(INPUT_STALL, writer.write(bytes)).await {
                Ok(Ok(written)) => bytes = bytes.get(written..).unwrap_or_default(),
                // The program has ended, which is told elsewhere.
                Ok(Err(_)) => return,
                Err(_) => {
                    let lost = bytes.len();
                    tracing::debug!(lost, "input that a program does not read was dropped");
                    return;
                }
            }
        }
    }

    /// Takes what the program says. Without viewers as fast as it comes, else not faster than the
    /// fastest of them; the others lose what they are too slow for.
    async fn keep_output(&self, mut reader: TerminalReader) {
        let mut buffer = vec![0; CHUNK];
        let mut given_up = None;
        loop {
            self.wait_for_viewers(&mut given_up).await;
            match reader.read(&mut buffer).await {
                // A terminal whose program has gone ends with a failure.
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    let end = {
                        let mut state = self.lock();
                        let output = buffer.get(..length).unwrap_or_default();
                        state.scrollback.push(output);
                        state.scrollback.end()
                    };
                    self.news.send_modify(|news| news.end = end);
                }
            }
        }
    }

    /// Waits until the fastest viewer is near enough. `given_up` is where it stood when it was
    /// waited for in vain.
    async fn wait_for_viewers(&self, given_up: &mut Option<u64>) {
        let mut waiting = None;
        loop {
            let taken = self.taken.notified();
            let Some(fastest) = self.lock().behind() else {
                *given_up = None;
                return;
            };
            if *given_up == Some(fastest) {
                return;
            }
            let deadline = match waiting {
                Some((place, deadline)) if place == fastest => deadline,
                _ => Instant::now() + HOLD_UP,
            };
            waiting = Some((fastest, deadline));
            if timeout_at(deadline, taken).await.is_err() {
                *given_up = Some(fastest);
                return;
            }
        }
    }

    async fn unwatched_for(&self, idle: Duration) {
        let mut viewers = self.viewers.subscribe();
        loop {
            // The sender is ours.
            let _ = viewers.wait_for(|count| *count == 0).await;
            if timeout(idle, viewers.wait_for(|count| *count > 0))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    /// A panic while the lock was held leaves a whole state behind.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Where the fastest viewer stands, if that is too far behind.
    fn behind(&self) -> Option<u64> {
        let fastest = *self.positions.values().max()?;
        (fastest + AHEAD < self.scrollback.end()).then_some(fastest)
    }
}

impl Place {
    pub(super) const fn terminal(&self) -> &Arc<Terminal> {
        &self.terminal
    }

    /// Tells of output.
    pub(super) fn news(&self) -> watch::Receiver<News> {
        self.terminal.news.subscribe()
    }

    /// The next output, at most about a chunk; empty when all was seen.
    pub(super) fn read(&mut self) -> Vec<u8> {
        let state = self.terminal.lock();
        state.scrollback.read(&mut self.reader, CHUNK)
    }

    /// Notes that what was read has been taken.
    pub(super) fn taken(&self) {
        let mut state = self.terminal.lock();
        state.positions.insert(self.number, self.reader.position());
        drop(state);
        self.terminal.taken.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.terminal.lock();
        state.positions.remove(&self.number);
        self.terminal.viewers.send_replace(state.positions.len());
        drop(state);
        self.terminal.taken.notify_waiters();
    }
}
