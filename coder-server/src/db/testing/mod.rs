//! A throw-away PostgreSQL for tests, with a database of its own for each test.
//!
//! The first test that asks starts one PostgreSQL for the whole run, without the guarantees
//! against power loss, and migrates a template database. Every [`TestDatabase`] is a copy of it,
//! dropped when the value is. Under `cargo nextest`, where every test is a process, all of them
//! share the server; it ends with the run, also when that is killed, and nothing is left on disk.
//!
//! Works as root and as any user. Needs an installed PostgreSQL, and panics with its install
//! command when there is none.

#![expect(
    clippy::expect_used,
    reason = "a test that gets no database has to fail"
)]

mod cluster;
mod database;

pub use database::TestDatabase;
