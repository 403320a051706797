use std::ffi::OsString;
use std::path::PathBuf;

use super::Environment;
use crate::platform::account;

/// The user that the agent, and so everything in the workspace, runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: OsString,
    /// The home directory.
    pub home: PathBuf,
    /// The login shell, an absolute path.
    pub shell: PathBuf,
}

impl User {
    /// Finds out who we are: by the system's accounts, else by the variables that tell of it in `environment`.
    pub async fn current(environment: &Environment) -> Self {
        account::current(environment).await
    }
}
