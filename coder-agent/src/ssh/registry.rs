use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelWriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::closing::Closing;
use super::input::{self, Backlog, InputReceiver, InputSender};
use super::limits::{CONTROL_QUEUE, MAX_CHANNELS};
use super::output::{Blocked, Output, OutputState};
use super::setup::{SessionSetup, TerminalSize};
use super::transport::Unsent;
use crate::platform::process::Signal;
use crate::traffic::Traffic;

/// What a client says to a running session besides its input.
#[derive(Clone, Copy, Debug)]
pub(super) enum Control {
    Resize(TerminalSize),
    Signal(Signal),
}

/// The open channels of one connection.
#[derive(Clone)]
pub(super) struct Registry {
    state: Arc<Mutex<State>>,
    connection: CancellationToken,
    unsent: Unsent,
    closing: Closing,
    traffic: Traffic,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<u32, Entry>,
    /// Channels that we have asked the client for and that it has not answered.
    expected: usize,
}

struct Entry {
    stage: Stage,
    /// `None` after the client's end of input.
    input: Option<InputSender>,
    /// What was not read yet, also after that.
    backlog: Backlog,
    control: mpsc::Sender<Control>,
    closed: CancellationToken,
    left: CancellationToken,
    /// Whether what the client has sent counts after it has closed the channel.
    drains: bool,
    blocked: Blocked,
    input_ended: Arc<AtomicBool>,
}

enum Stage {
    /// A session whose program was not started yet.
    Setup(Box<Pending>),
    /// The client has opened the channel for us, and nobody has taken it yet.
    Confirmed(Receivers),
    /// A task has taken it.
    Served,
}

/// A session that is being set up.
pub(super) struct Pending {
    writer: ChannelWriteHalf<Msg>,
    handle: Handle,
    receivers: Receivers,
    pub(super) setup: SessionSetup,
}

struct Receivers {
    input: InputReceiver,
    control: mpsc::Receiver<Control>,
}

/// What a channel is, and whether it was waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Session,
    /// A stream that the client opens.
    Stream,
    /// A stream that it opens for us.
    Expected,
}

/// The place of a channel that the client was asked for.
pub(super) struct Expected(Weak<Mutex<State>>);

/// A channel, from the side of the task that serves it.
pub(super) struct ServedChannel {
    pub(super) input: InputReceiver,
    pub(super) control: mpsc::Receiver<Control>,
    pub(super) output: Output,
    /// Cancelled when the channel, its connection or the agent ends.
    pub(super) closed: CancellationToken,
    /// Cancelled then, and when the client has closed a stream: it takes nothing any more, but what it has sent
    /// is still in `input`.
    pub(super) left: CancellationToken,
    /// Keeps the channel known.
    pub(super) registration: Registration,
}

/// Forgets the channel when its task ends.
pub(super) struct Registration {
    state: Weak<Mutex<State>>,
    id: u32,
}

impl Registry {
    pub(super) fn new(connection: CancellationToken, unsent: Unsent, traffic: Traffic) -> Self {
        Self {
            state: Arc::default(),
            connection,
            unsent,
            closing: Closing::default(),
            traffic,
        }
    }

    /// Cancelled when the connection ends.
    pub(super) const fn connection(&self) -> &CancellationToken {
        &self.connection
    }

    /// How channels of this connection are closed.
    pub(super) const fn closing(&self) -> &Closing {
        &self.closing
    }

    /// Opens a session, unless there are too many channels.
    pub(super) fn open_session(&self, writer: ChannelWriteHalf<Msg>, handle: Handle) -> bool {
        let id = u32::from(writer.id());
        let Some(receivers) = self.insert(id, Place::Session) else {
            return false;
        };
        self.closing.session_opened();
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.stage = Stage::Setup(Box::new(Pending {
                writer,
                handle,
                receivers,
                setup: SessionSetup::default(),
            }));
        }
        true
    }

    /// Opens a channel that is served at once, unless there are too many.
    pub(super) fn open(
        &self,
        writer: ChannelWriteHalf<Msg>,
        handle: Handle,
    ) -> Option<ServedChannel> {
        let id = u32::from(writer.id());
        let receivers = self.insert(id, Place::Stream)?;
        self.serve(id, writer, handle, receivers)
    }

    /// Keeps a place for a channel that the client is to open, unless there are too many.
    pub(super) fn expect_channel(&self) -> Option<Expected> {
        let mut state = self.lock();
        if self.is_full(&state) {
            return None;
        }
        state.expected += 1;
        Some(Expected(Arc::downgrade(&self.state)))
    }

    /// The client has opened a channel for us. Its first bytes may follow before the task that
    /// wanted it knows.
    pub(super) fn confirm(&self, id: ChannelId) {
        let id = u32::from(id);
        // A client that confirms what nobody asked for gets nothing.
        let is_expected = self.lock().expected > 0;
        if !is_expected {
            return;
        }
        let Some(receivers) = self.insert(id, Place::Expected) else {
            return;
        };
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.stage = Stage::Confirmed(receivers);
        }
    }

    /// Takes a channel that the client has opened for us; `None` if it was ended meanwhile.
    pub(super) fn take_confirmed(
        &self,
        expected: Expected,
        writer: ChannelWriteHalf<Msg>,
        handle: Handle,
    ) -> Option<ServedChannel> {
        let id = u32::from(writer.id());
        // The library tells the task that waits before it calls `confirm`: either may come first.
        let receivers = match self.insert(id, Place::Expected) {
            Some(receivers) => receivers,
            None => self.take_receivers(id)?,
        };
        drop(expected);
        self.serve(id, writer, handle, receivers)
    }

    fn take_receivers(&self, id: u32) -> Option<Receivers> {
        let mut state = self.lock();
        let stage = &mut state.entries.get_mut(&id)?.stage;
        match std::mem::replace(stage, Stage::Served) {
            Stage::Confirmed(receivers) => Some(receivers),
            other @ (Stage::Setup(_) | Stage::Served) => {
                *stage = other;
                None
            }
        }
    }

    /// Changes the setup of a session; `None` if there is no session that is being set up.
    pub(super) fn with_setup<T>(
        &self,
        id: ChannelId,
        change: impl FnOnce(&mut SessionSetup) -> T,
    ) -> Option<T> {
        let mut state = self.lock();
        match &mut state.entries.get_mut(&u32::from(id))?.stage {
            Stage::Setup(pending) => Some(change(&mut pending.setup)),
            Stage::Confirmed(_) | Stage::Served => None,
        }
    }

    /// Takes a session that shall run a program now.
    pub(super) fn start(&self, id: ChannelId) -> Option<(ServedChannel, SessionSetup)> {
        let id = u32::from(id);
        let pending = {
            let mut state = self.lock();
            let stage = &mut state.entries.get_mut(&id)?.stage;
            match std::mem::replace(stage, Stage::Served) {
                Stage::Setup(pending) => *pending,
                other @ (Stage::Confirmed(_) | Stage::Served) => {
                    *stage = other;
                    return None;
                }
            }
        };
        let channel = self.serve(id, pending.writer, pending.handle, pending.receivers)?;
        Some((channel, pending.setup))
    }

    /// Where the input of a channel goes; `None` when it takes none (any more).
    pub(super) fn input(&self, id: ChannelId) -> Option<InputSender> {
        self.lock().entries.get(&u32::from(id))?.input.clone()
    }

    /// The client has sent its last byte.
    pub(super) fn end_input(&self, id: ChannelId) {
        if let Some(entry) = self.lock().entries.get_mut(&u32::from(id)) {
            entry.input = None;
            entry.input_ended.store(true, Ordering::Release);
        }
    }

    /// Passes a message on; one too many is dropped.
    pub(super) fn control(&self, id: ChannelId, control: Control) {
        if let Some(entry) = self.lock().entries.get(&u32::from(id)) {
            let _ = entry.control.try_send(control);
        }
    }

    /// The client has closed a channel. A stream's task passes on what has come before.
    pub(super) fn close(&self, id: ChannelId) {
        let id = u32::from(id);
        let mut state = self.lock();
        let removed = match state.entries.get_mut(&id) {
            Some(entry) if entry.drains => {
                entry.input = None;
                entry.left.cancel();
                None
            }
            _ => state.entries.remove(&id),
        };
        drop(state);
        if let Some(entry) = removed {
            entry.closed.cancel();
        }
    }

    /// Closes the channel with the most input that nobody reads, if it keeps the connection from
    /// going on: because other channels wait for it, or because it waits itself for the client to
    /// read, which cannot be heard any more. Says which and how much it had.
    pub(super) fn close_stalled(&self) -> Option<(u32, usize)> {
        let mut state = self.lock();
        let entries = &mut state.entries;
        let (id, bytes) = entries
            .iter()
            .map(|(id, entry)| (*id, entry.backlog.bytes()))
            .max_by_key(|(_, size)| *size)?;
        let stuck = entries.len() > 1
            || entries
                .get(&id)
                .is_some_and(|entry| entry.blocked.is_blocked());
        if bytes == 0 || !stuck {
            return None;
        }
        let removed = entries.remove(&id);
        drop(state);
        removed?.closed.cancel();
        Some((id, bytes))
    }

    fn insert(&self, id: u32, place: Place) -> Option<Receivers> {
        let (input_sender, input) = input::channel();
        let (control_sender, control) = mpsc::channel(CONTROL_QUEUE);
        let closed = self.connection.child_token();
        let entry = Entry {
            stage: Stage::Served,
            backlog: input_sender.backlog(),
            input: Some(input_sender),
            control: control_sender,
            left: closed.child_token(),
            closed,
            drains: place != Place::Session,
            blocked: Blocked::default(),
            input_ended: Arc::default(),
        };
        let mut state = self.lock();
        let refused = place != Place::Expected && self.is_full(&state);
        if refused || state.entries.contains_key(&id) {
            return None;
        }
        state.entries.insert(id, entry);
        Some(Receivers { input, control })
    }

    /// Whether there may be no more channels.
    fn is_full(&self, state: &State) -> bool {
        state.entries.len() + state.expected >= MAX_CHANNELS || self.closing.is_worn_out()
    }

    fn serve(
        &self,
        id: u32,
        writer: ChannelWriteHalf<Msg>,
        handle: Handle,
        receivers: Receivers,
    ) -> Option<ServedChannel> {
        let state = self.lock();
        let entry = state.entries.get(&id)?;
        let output = Output::new(
            writer,
            handle,
            OutputState {
                blocked: entry.blocked.clone(),
                unsent: self.unsent.clone(),
                traffic: self.traffic.clone(),
                closing: self.closing.clone(),
                left: entry.left.clone(),
                input_ended: Arc::clone(&entry.input_ended),
            },
        );
        Some(ServedChannel {
            input: receivers.input,
            control: receivers.control,
            output,
            closed: entry.closed.clone(),
            left: entry.left.clone(),
            registration: Registration {
                state: Arc::downgrade(&self.state),
                id,
            },
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let Some(state) = self.state.upgrade() else {
            return;
        };
        let removed = state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entries
            .remove(&self.id);
        // Dropped outside the lock.
        drop(removed);
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if let Some(state) = self.0.upgrade() {
            state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .expected -= 1;
        }
    }
}
