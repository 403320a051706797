//! The `sftp` subsystem: version 3 of SFTP with OpenSSH's extensions, as everybody speaks it.
//!
//! There is a library for this, `russh-sftp`. Its paths are texts, so that a file with a name that
//! is not UTF-8 could be neither listed nor fetched; it answers one request at a time with a flush
//! for each; and it runs in a task that nobody can end. What is here answers all requests that
//! have arrived in one go, off the threads that serve connections.
//!
//! [`Server`](server::Server) takes packets and gives answers, [`run`] moves them. Paths are not
//! confined: a client may run any program, so it may name any file.

mod attributes;
mod directories;
mod extensions;
mod files;
mod handles;
mod limits;
mod long_name;
mod paths;
mod reply;
mod run;
mod server;
mod status;
#[cfg(test)]
mod tests;
mod wire;

pub(super) use run::run;
