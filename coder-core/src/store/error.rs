//! The error of every store.

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something with this identity exists. The constraint is named `<table>_<columns>_key` for the
    /// caller to tell which, for example `workspaces_owner_id_name_key`.
    #[error("conflicts with {constraint}")]
    Conflict {
        /// Which uniqueness rule.
        constraint: String,
    },
    /// Text that the store cannot keep, such as one with a NUL character.
    #[error("the text of {field} cannot be stored")]
    InvalidText {
        /// The column, or `text` where it is not known.
        field: String,
    },
    /// Two transactions met; try the whole transaction again.
    #[error("the transaction met another one")]
    Serialization,
    /// Not reachable or too slow. Temporary.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// A row that this version cannot read.
    #[error("{table} holds a row that cannot be read")]
    Corrupt {
        /// Where.
        table: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Anything else the database says.
    #[error("the database refused")]
    Backend(#[source] Cause),
}

impl StoreError {
    /// Whether it conflicts with this uniqueness rule.
    #[must_use]
    pub fn is_conflict_with(&self, name: &str) -> bool {
        matches!(self, Self::Conflict { constraint } if constraint == name)
    }
}
