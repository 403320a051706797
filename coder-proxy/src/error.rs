//! The error of this crate.

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyErrorKind {
    /// The host name cannot be read as an app's.
    InvalidHost,
    /// The configured wildcard host is not of the right form.
    InvalidWildcard,
    /// The agent cannot be reached now.
    AgentUnavailable,
    /// The agent is there, nothing listens on the port.
    ConnectionRefused,
}

/// Why an app cannot be named or reached.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ProxyError {
    kind: ProxyErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ProxyError {
    /// An error with a message for the person who follows the link.
    pub fn new(kind: ProxyErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn kind(&self) -> ProxyErrorKind {
        self.kind
    }
}
