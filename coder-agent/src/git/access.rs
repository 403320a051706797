use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;

use url::Url;

use crate::{AgentClient, Error, ErrorKind, Result};

/// The agent's own access to the server, from the variables that every session has.
pub(super) fn client(variables: &BTreeMap<OsString, OsString>) -> Result<AgentClient> {
    let text = |name: &str| {
        let value = variables.get(OsStr::new(name));
        value
            .and_then(|value| value.to_str())
            .filter(|value| !value.is_empty())
    };
    let missing = |what: &str| {
        let message = format!("{what} is not set: this works in sessions of a workspace");
        Error::new(ErrorKind::InvalidInput, message)
    };
    let url = text("CODER_AGENT_URL").ok_or_else(|| missing("CODER_AGENT_URL"))?;
    let url = Url::parse(url)
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "CODER_AGENT_URL is not an address"))?;
    let token = match (text("CODER_AGENT_TOKEN"), text("CODER_AGENT_TOKEN_FILE")) {
        (Some(token), _) => token.to_owned(),
        (None, Some(path)) => read(path)?,
        (None, None) => return Err(missing("CODER_AGENT_TOKEN")),
    };
    AgentClient::new(&url, token.trim())
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error: io::Error| {
        let message = "the file that CODER_AGENT_TOKEN_FILE names cannot be read";
        Error::new(ErrorKind::Internal, message).with_source(error)
    })
}
