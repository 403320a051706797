//! The one place where everything is put together: database, use cases, provisioners, HTTP.

mod database;
mod error;
mod provisioners;
mod run;

pub use error::ServerError;
pub(crate) use provisioners::agent_scripts;
pub use run::{Server, run};
