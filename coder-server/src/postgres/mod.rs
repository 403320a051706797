//! The bundled PostgreSQL: an installed server, run privately for `coder server`.
//!
//! Nothing is downloaded. [`locate`] finds the newest installed server, `initdb` makes a data
//! directory once, and [`BundledPostgres`] starts it, restarts it if it dies, and stops it.
//!
//! Who may connect: the server listens on no TCP port, only on a unix socket whose directory has
//! mode 0700. Whoever can open that socket can also read the data files, so connections are
//! trusted and there is no password to keep or to leak. The application uses the role `coder`,
//! which owns its database and is no superuser; the superuser is `postgres`.
//!
//! Started by root, PostgreSQL runs as `postgres`, or else `nobody`, since it refuses to run as
//! root. Where that account cannot reach the wanted directory (a home directory of mode 0700), the
//! files live in `/var/lib/coder` and the wanted path is a symbolic link to them.
//!
//! Faults provided for: a `postmaster.pid` left behind by a crash, with its process gone or its
//! number taken by another process; a PostgreSQL left running by a server that was killed (it is
//! stopped by a small guard process at once, and otherwise at the next start); an interrupted
//! `initdb`; a second server on the same directory (refused).

mod account;
mod bundled;
mod command;
mod error;
mod guard;
mod initdb;
mod layout;
mod leftover;
pub mod locate;
mod output;
mod postmaster;

pub use bundled::{BundledOptions, BundledPostgres};
pub use error::PostgresError;

#[cfg(feature = "testing")]
pub(crate) use {
    account::Account,
    command::{command, server_arguments},
    initdb::initdb,
    leftover::clear as clear_leftover,
    postmaster::connect_options,
};
