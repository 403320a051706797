//! The error of this crate.

use std::error::Error as StdError;

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller has to tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The template archive holds something that is refused: an upward path, a link, too much.
    InvalidArchive,
    /// The template cannot be used: a syntax error, a duplicate name, a broken reference.
    InvalidTemplate,
    /// A request is wrong in itself, such as applying the plan of another session.
    InvalidRequest,
    /// The work was stopped by its cancellation token.
    Canceled,
    /// The provisioner ran and reported a failure: `terraform plan` or `apply` exited non-zero.
    Failed,
    /// Something needed is not there now: no terraform binary, no connection to the server.
    /// The only kind that is worth a retry.
    Unavailable,
    /// The job is leased to somebody else, or is over. Nothing may be written for it any more.
    LeaseLost,
    /// A fault on this side: I/O, a broken invariant.
    Internal,
}

/// An error with its [`ErrorKind`], a message for people, and its cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error without a cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The same error with the cause attached.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// True when the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }

    /// The messages of the error and of its causes, joined by `: `, for logs and job results.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// A fault on this side, with its cause.
    pub fn internal(
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(ErrorKind::Internal, message).with_source(source)
    }

    /// The work was stopped by its cancellation token.
    #[must_use]
    pub fn canceled() -> Self {
        Self::new(ErrorKind::Canceled, "canceled")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_prints_its_own_level_and_chain_prints_all() {
        let error = Error::internal("write state", std::io::Error::other("disk full"));
        assert_eq!(error.to_string(), "write state");
        assert_eq!(error.chain(), "write state: disk full");
        assert!(!error.is_temporary());
    }
}
