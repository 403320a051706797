//! The text of `q=`: what a person types to narrow a list.
//!
//! A query is a row of blank-separated terms: `key:value`, or a free word that belongs to a key of the
//! list's choice. A value with blanks is quoted (`name:"my template"`). Keys ignore case and take `-` for
//! `_`. Lists are separated by commas or by naming the key again. A key that the list does not know is an
//! error, so that nobody takes an unfiltered list for the answer.
//!
//! Names that only a store can turn into ids are handed back beside the filter, see [`Search`].

mod query;
mod terms;

pub use query::{Search, WorkspaceContext, connection_logs, templates, users, workspaces};
pub use terms::{MAX_QUERY_BYTES, MAX_TERMS};
