//! Storage on PostgreSQL: the storage traits of the core, its events, and the schema.
//!
//! [`PgStore`] begins transactions, each on a connection of its own; one file per aggregate in
//! `store/` implements that aggregate's trait for the transaction. Rows are read and written by
//! the object mapper through `entity/`, or by SQL where that says it better; neither leaves this
//! module. [`PgPubSub`] delivers the events that transactions publish. [`migrate`] brings the
//! schema up to date.
//!
//! To add an aggregate: its tables in a new file of `migration/`, an entity per table, and a file
//! in `store/`. Name a unique index as the trait's documentation names the conflict: that name is
//! what callers see.

mod convert;
mod encryption;
mod entity;
mod error;
mod log_budget;
mod migration;
mod pg_store;
mod pubsub;
mod query;
mod store;
mod transaction;

#[cfg(feature = "testing")]
pub mod testing;

pub use encryption::{EncryptionError, TokenEncryption};
pub use migration::{migrate, revert};
pub use pg_store::{DatabaseOptions, PgStore};
pub use pubsub::PgPubSub;
