use std::fmt;
use std::time::Duration;

/// What went wrong between an agent, the server and a client.
///
/// [`Display`](fmt::Display) prints this level only; causes are reached through
/// [`source`](std::error::Error::source).
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    retry_after: Option<Duration>,
}

/// The result of everything fallible in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The classes of failure that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The token is missing, unknown, expired or of an old build (401).
    Unauthenticated,
    /// The token is good, the act is not allowed (403).
    Forbidden,
    /// No such thing, or none that the token may see (404).
    NotFound,
    /// The request makes no sense (400 and other 4xx).
    InvalidInput,
    /// The request contradicts the present state (409).
    Conflict,
    /// Too much: a body, or the agent's log is full (413).
    TooLarge,
    /// The peer cannot do that: an unknown version, network or reserved port.
    Unsupported,
    /// Something inside the workspace refused: nothing listens on the port.
    Refused,
    /// A bound on things in flight was reached (429); later it may work.
    Busy,
    /// Nothing came back in time.
    TimedOut,
    /// The peer cannot be reached or answered 5xx; later it may work.
    Unavailable,
    /// The connection ended.
    Closed,
    /// The peer broke the protocol.
    Protocol,
    /// A fault of our own or of the local machine.
    Internal,
}

impl Error {
    /// An error without a cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            retry_after: None,
        }
    }

    /// Says when the server wants to be asked again.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after;
        self
    }

    /// When the server wants to be asked again, if it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Names the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The class of the failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What happened, without the causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Busy | ErrorKind::TimedOut | ErrorKind::Unavailable | ErrorKind::Closed
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind {
            ErrorKind::Unauthenticated | ErrorKind::Forbidden => Io::PermissionDenied,
            ErrorKind::NotFound => Io::NotFound,
            ErrorKind::InvalidInput | ErrorKind::Conflict | ErrorKind::TooLarge => Io::InvalidInput,
            ErrorKind::Unsupported => Io::Unsupported,
            ErrorKind::Refused => Io::ConnectionRefused,
            ErrorKind::Busy => Io::ResourceBusy,
            ErrorKind::TimedOut => Io::TimedOut,
            ErrorKind::Unavailable => Io::HostUnreachable,
            ErrorKind::Closed => Io::ConnectionReset,
            ErrorKind::Protocol => Io::InvalidData,
            ErrorKind::Internal => Io::Other,
        };
        Self::new(kind, error)
    }
}
