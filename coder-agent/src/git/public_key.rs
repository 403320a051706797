use super::access;
use super::run::block_on;
use crate::ssh::Environment;
use crate::{AgentApi as _, Error, ErrorKind, Result};

/// The line that Git hosts have to know, for the agent that the variables name.
///
/// # Errors
/// As [`AgentApi::git_ssh_key`](crate::AgentApi::git_ssh_key), and outside of a workspace.
pub fn public_key(variables: &Environment) -> Result<String> {
    let key = block_on(async { access::client(variables)?.git_ssh_key().await });
    let key =
        key.map_err(|error| Error::new(ErrorKind::Internal, "this cannot run").with_source(error))?;
    Ok(key?.public_key)
}
