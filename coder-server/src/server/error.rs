//! Why a server could not run.

use crate::postgres::PostgresError;
use coder_core::store::StoreError;

/// Why a server could not run. The cause says more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The bundled PostgreSQL.
    #[error("the bundled PostgreSQL cannot be used (--postgres-url names another one)")]
    Postgres(#[from] PostgresError),
    /// The database.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// An option or the first steps.
    #[error("the server cannot be set up")]
    Setup(#[from] coder_core::Error),
    /// An option's value.
    #[error("the option {option} is not valid: {reason}")]
    Option {
        /// Its flag.
        option: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A socket.
    #[error("{address} cannot be listened on, choose another one with --http-address")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder.
    #[error("{path} cannot be used")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
