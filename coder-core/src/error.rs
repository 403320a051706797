//! The error of every use case, and of nothing lower: stores have [`StoreError`].

use crate::store::StoreError;

/// What a use case answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault it is and what the caller can do; an HTTP layer maps each to one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Absent, or present but hidden from the caller: both look the same on purpose.
    NotFound,
    /// The state of the object does not allow it, or a name is taken.
    Conflict,
    /// The request is malformed; [`Error::fields`] names the offending fields.
    InvalidInput,
    /// No or no valid credentials.
    Unauthenticated,
    /// The caller may see the object but not do this.
    Forbidden,
    /// A precondition that the caller stated does not hold.
    PreconditionFailed,
    /// Something that must be finished first is still running.
    NotReady,
    /// The body is larger than the documented bound.
    TooLarge,
    /// A dependency is not reachable now; trying again later may help.
    Unavailable,
    /// A bug or a broken dependency. The detail is for the log only.
    Internal,
}

/// One field of a request that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The JSON key or query parameter.
    pub field: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// An error with a message meant for the person who made the request.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    fields: Vec<FieldError>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a message for the caller.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            fields: Vec::new(),
            source: None,
        }
    }

    /// The one text for absent and for hidden objects.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            ErrorKind::NotFound,
            "Resource not found or you do not have access to this resource",
        )
    }

    /// A request that cannot be right.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// A request with one wrong field.
    pub fn invalid_field(field: &str, detail: impl Into<String>) -> Self {
        Self::invalid(format!("The field {field:?} is not valid.")).with_field(field, detail)
    }

    /// A conflict with the present state.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A failure that is ours; `message` is logged, never shown.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Adds a refused field.
    #[must_use]
    pub fn with_field(mut self, field: &str, detail: impl Into<String>) -> Self {
        self.fields.push(FieldError {
            field: field.to_owned(),
            detail: detail.into(),
        });
        self
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

    /// What kind of failure this is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text for the caller; for [`ErrorKind::Internal`] only for the log.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The refused fields, empty unless the input was invalid or in conflict.
    #[must_use]
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { ref constraint } => {
                let message = format!("This conflicts with an existing object ({constraint}).");
                Self::conflict(message).with_source(error)
            }
            StoreError::InvalidText { ref field } => {
                let detail = "must not contain the NUL character";
                Self::invalid_field(field, detail).with_source(error)
            }
            StoreError::Serialization | StoreError::Unavailable(_) => {
                let message = "The database is not available right now, try again.";
                Self::new(ErrorKind::Unavailable, message).with_source(error)
            }
            StoreError::Corrupt { .. } | StoreError::Backend(_) => {
                Self::internal("the store failed").with_source(error)
            }
        }
    }
}
