//! What can go wrong around the bundled PostgreSQL.

use std::path::PathBuf;

use super::locate::MINIMUM_MAJOR;

/// Why the bundled PostgreSQL could not be started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// No usable installation.
    #[error(
        "no PostgreSQL {MINIMUM_MAJOR} or newer is installed (looked in {searched}). On Debian or \
         Ubuntu install it with `{command}`, name its directory of binaries with \
         CODER_PG_BIN_DIR, or use another server with --postgres-url"
    )]
    NotInstalled {
        /// The places that were searched.
        searched: String,
        /// The command that installs it.
        command: &'static str,
    },
    /// The data directory belongs to a major version that is not installed.
    #[error(
        "the data in {} was written by PostgreSQL {data}, but only {installed} is installed; \
         install postgresql-{data}, or move the data with pg_upgrade", directory.display()
    )]
    OtherVersion {
        /// The data directory.
        directory: PathBuf,
        /// Its major version.
        data: u32,
        /// The major versions found, for display.
        installed: String,
    },
    /// Another process holds the lock of this directory.
    #[error("{} is in use by another coder server", directory.display())]
    InUse {
        /// The directory of the bundled PostgreSQL.
        directory: PathBuf,
    },
    /// Running as root without an account to change to.
    #[error("running as root, but neither the account `postgres` nor `nobody` exists")]
    NoAccount,
    /// A program ended with a failure.
    #[error("{program} failed ({status}): {output}")]
    Failed {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: String,
        /// The end of its output.
        output: String,
    },
    /// PostgreSQL did not accept connections in time.
    #[error("PostgreSQL did not accept connections within {seconds} s: {output}")]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// The end of its output.
        output: String,
    },
    /// PostgreSQL did not stop.
    #[error("PostgreSQL (process {pid}) did not stop")]
    NotStopped {
        /// Its process number.
        pid: u32,
    },
    /// The role or the database of the application could not be made.
    #[error("cannot prepare the database")]
    Prepare(#[source] sqlx::Error),
    /// A file or process operation failed.
    #[error("cannot {action}")]
    Io {
        /// What was being done.
        action: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// Adds what was being done to an I/O error.
pub(super) trait IoContext<T> {
    /// `action` completes the sentence "cannot …".
    fn during(self, action: impl FnOnce() -> String) -> Result<T, PostgresError>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn during(self, action: impl FnOnce() -> String) -> Result<T, PostgresError> {
        self.map_err(|source| PostgresError::Io {
            action: action(),
            source,
        })
    }
}
