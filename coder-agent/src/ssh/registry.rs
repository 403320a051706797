use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelWriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::input::{self, InputReceiver, InputSender};
use super::limits::{CONTROL_QUEUE, MAX_CHANNELS};
use super::output::{Blocked, Output};
use super::setup::{SessionSetup, TerminalSize};
use super::transport::Unsent;

/// What a client says to a running session besides its input.
#[derive(Clone, Copy, Debug)]
pub(super) enum Control {
    Resize(TerminalSize),
    Signal(rustix::process::Signal),
}

/// The open channels of one connection.
#[derive(Clone)]
pub(super) struct Registry {
    entries: Arc<Mutex<BTreeMap<u32, Entry>>>,
    connection: CancellationToken,
    unsent: Unsent,
}

struct Entry {
    /// A session whose program was not started yet.
    pending: Option<Pending>,
    /// `None` after the client's end of input.
    input: Option<InputSender>,
    control: mpsc::Sender<Control>,
    closed: CancellationToken,
    blocked: Blocked,
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

/// A channel, from the side of the task that serves it.
pub(super) struct ServedChannel {
    pub(super) input: InputReceiver,
    pub(super) control: mpsc::Receiver<Control>,
    pub(super) output: Output,
    /// Cancelled when the channel, its connection or the agent ends.
    pub(super) closed: CancellationToken,
    /// Keeps the channel known.
    pub(super) registration: Registration,
}

/// Forgets the channel when its task ends.
pub(super) struct Registration {
    entries: Weak<Mutex<BTreeMap<u32, Entry>>>,
    id: u32,
}

impl Registry {
    pub(super) fn new(connection: CancellationToken, unsent: Unsent) -> Self {
        Self {
            entries: Arc::default(),
            connection,
            unsent,
        }
    }

    /// Opens a session, unless there are too many channels.
    pub(super) fn open_session(&self, writer: ChannelWriteHalf<Msg>, handle: Handle) -> bool {
        let id = u32::from(writer.id());
        let Some(receivers) = self.insert(id) else {
            return false;
        };
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.pending = Some(Pending {
                writer,
                handle,
                receivers,
                setup: SessionSetup::default(),
            });
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
        let receivers = self.insert(id)?;
        self.serve(id, writer, handle, receivers)
    }

    /// Changes the setup of a session; `None` if there is no session that is being set up.
    pub(super) fn with_setup<T>(
        &self,
        id: ChannelId,
        change: impl FnOnce(&mut SessionSetup) -> T,
    ) -> Option<T> {
        let mut entries = self.lock();
        let pending = entries.get_mut(&u32::from(id))?.pending.as_mut()?;
        Some(change(&mut pending.setup))
    }

    /// Takes a session that shall run a program now.
    pub(super) fn start(&self, id: ChannelId) -> Option<(ServedChannel, SessionSetup)> {
        let id = u32::from(id);
        let pending = self.lock().get_mut(&id)?.pending.take()?;
        let channel = self.serve(id, pending.writer, pending.handle, pending.receivers)?;
        Some((channel, pending.setup))
    }

    /// Where the input of a channel goes; `None` when it takes none (any more).
    pub(super) fn input(&self, id: ChannelId) -> Option<InputSender> {
        self.lock().get(&u32::from(id))?.input.clone()
    }

    /// The client has sent its last byte.
    pub(super) fn end_input(&self, id: ChannelId) {
        if let Some(entry) = self.lock().get_mut(&u32::from(id)) {
            entry.input = None;
        }
    }

    /// Passes a message on; one too many is dropped.
    pub(super) fn control(&self, id: ChannelId, control: Control) {
        if let Some(entry) = self.lock().get(&u32::from(id)) {
            let _ = entry.control.try_send(control);
        }
    }

    /// The client has closed a channel.
    pub(super) fn close(&self, id: ChannelId) {
        let removed = self.lock().remove(&u32::from(id));
        if let Some(entry) = removed {
            entry.closed.cancel();
        }
    }

    /// Closes the channel with the most input that nobody reads, if it keeps the connection from
    /// going on: because other channels wait for it, or because it waits itself for the client to
    /// read, which cannot be heard any more. Says which and how much it had.
    pub(super) fn close_stalled(&self) -> Option<(u32, usize)> {
        let mut entries = self.lock();
        let backlog = |entry: &Entry| entry.input.as_ref().map_or(0, InputSender::backlog);
        let (id, bytes) = entries
            .iter()
            .map(|(id, entry)| (*id, backlog(entry)))
            .max_by_key(|(_, size)| *size)?;
        let stuck = entries.len() > 1
            || entries
                .get(&id)
                .is_some_and(|entry| entry.blocked.is_blocked());
        if bytes == 0 || !stuck {
            return None;
        }
        let removed = entries.remove(&id);
        drop(entries);
        removed?.closed.cancel();
        Some((id, bytes))
    }

    fn insert(&self, id: u32) -> Option<Receivers> {
        let (input_sender, input) = input::channel();
        let (control_sender, control) = mpsc::channel(CONTROL_QUEUE);
        let entry = Entry {
            pending: None,
            input: Some(input_sender),
            control: control_sender,
            closed: self.connection.child_token(),
            blocked: Blocked::default(),
        };
        let mut entries = self.lock();
        if entries.len() >= MAX_CHANNELS || entries.contains_key(&id) {
            return None;
        }
        entries.insert(id, entry);
        Some(Receivers { input, control })
    }

    fn serve(
        &self,
        id: u32,
        writer: ChannelWriteHalf<Msg>,
        handle: Handle,
        receivers: Receivers,
    ) -> Option<ServedChannel> {
        let entries = self.lock();
        let entry = entries.get(&id)?;
        Some(ServedChannel {
            input: receivers.input,
            control: receivers.control,
            output: Output::new(writer, handle, entry.blocked.clone(), self.unsent.clone()),
            closed: entry.closed.clone(),
            registration: Registration {
                entries: Arc::downgrade(&self.entries),
                id,
            },
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let Some(entries) = self.entries.upgrade() else {
            return;
        };
        let removed = entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
        // Dropped outside the lock.
        drop(removed);
    }
}
