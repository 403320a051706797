//! What one connection may use.

use std::time::Duration;

/// Channels of one connection, whether they are sessions or forwarded streams.
pub(super) const MAX_CHANNELS: usize = 1024;

/// Channels that our end may close first: 64 MB, see `closing.rs`.
pub(super) const MAX_CLOSED_FIRST: usize = 16 * 1024;

/// Ports and sockets that one connection may have forwarded to its client.
pub(super) const MAX_LISTENERS: usize = 128;

/// Ports of a connection at which an IDE is looked for.
pub(super) const MAX_INSPECTED_PORTS: usize = 64;

/// Variables one session may set (OpenSSH's server has the same bound).
pub(super) const MAX_ENV_VARIABLES: usize = 128;

/// Bytes of names and values one session may set.
pub(super) const MAX_ENV_BYTES: usize = 64 * 1024;

/// The longest command: what Linux takes as one argument, without its closing NUL.
pub(super) const MAX_COMMAND_BYTES: usize = 128 * 1024 - 1;

/// The longest name of a terminal type.
pub(super) const MAX_TERM_BYTES: usize = 64;

/// Bytes of one channel that may be on their way to us at first, as with OpenSSH; see `window.rs`.
pub(super) const WINDOW_SIZE: u32 = 2 * 1024 * 1024;

/// The same for a client that is far away: enough for 50 MB/s over a round trip of 300 ms.
pub(super) const MAX_WINDOW_SIZE: u32 = 16 * 1024 * 1024;

/// The same while there is more than [`INPUT_BUSY`] that nobody has read. It has to be less than
/// what clients may have unread themselves, 2 MB with OpenSSH: else a client that echoes has more
/// on its way, in front of the message that it can take output again, than fits when what it can
/// take is written.
pub(super) const BUSY_WINDOW_SIZE: u32 = 1024 * 1024;

/// Unread bytes beyond which less may be on its way.
pub(super) const INPUT_BUSY: usize = 8 * 1024 * 1024;

/// Bytes a connection may hold that its processes and streams have not read yet: [`INPUT_BUSY`] and
/// a window that was on its way then.
pub(super) const INPUT_BUDGET: usize = 24 * 1024 * 1024;

/// What a queued piece of input costs beyond its bytes, so that one-byte messages are bounded too.
pub(super) const INPUT_OVERHEAD: usize = 128;

/// How long nobody may read anything before a connection that has used up its budget is allowed
/// [`INPUT_STEP`] more.
///
/// Behind the input that nobody reads there may be something that the connection has to know,
/// such as that the client can take output again, for which the reader is waiting.
pub(super) const INPUT_STALL: Duration = Duration::from_secs(1);

/// What is allowed at each of these times.
pub(super) const INPUT_STEP: usize = 1024 * 1024;

/// The budget with all that is allowed in addition. After that the channel with the most unread
/// input is closed, if others wait for it or it waits for the client.
pub(super) const INPUT_MAX: usize = 64 * 1024 * 1024;

/// Signals and resizes waiting for one session.
pub(super) const CONTROL_QUEUE: usize = 64;

/// How long a client may take from its first byte until it is logged in.
pub(super) const LOGIN_GRACE: Duration = Duration::from_secs(30);

/// How long the target of a forwarded stream may take to answer.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a finished forwarded stream waits for the client to close it first.
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// How long a client may take to hang up after it was told to.
pub(super) const DISCONNECT_GRACE: Duration = Duration::from_secs(1);

/// Bytes that the kernel shall keep between a process and its session, where it allows so many: the
/// more, the fewer times the two wait for each other.
pub(super) const PIPE_BYTES: usize = 256 * 1024;

/// Bytes of the message of the day that are shown.
pub(super) const MAX_MOTD_BYTES: u64 = 64 * 1024;

/// Below this the maximal time-out is an absolute deadline instead of a keep-alive setting.
pub(super) const MIN_KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
