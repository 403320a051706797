//! `--remote-forward`: ports of the workspace that lead to this side.

use crate::cli::output::error_line;
use coder_agent::{Result, ssh_client::SshClient};
use tokio::task::JoinSet;

/// A port of the workspace and where what connects to it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RemoteForward {
    /// Listened at in the workspace, by localhost alone; 0 for one that the workspace chooses.
    remote_port: u16,
    local_address: String,
    local_port: u16,
}

/// Parses `remote_port:local_address:local_port`. An IPv6 address is written in brackets.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn parse(text: &str) -> std::result::Result<RemoteForward, String> {
    let parsed = || {
        let (remote_port, target) = text.split_once(':')?;
        let (address, local_port) = target.rsplit_once(':')?;
        let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
        let local_address = match bare {
            Some(address) => address,
            None if address.contains(':') => return None,
            None => address,
        };
        Some(RemoteForward {
            remote_port: remote_port.parse().ok()?,
            local_address: local_address.to_owned(),
            local_port: local_port.parse().ok().filter(|port| *port > 0)?,
        })
    };
    parsed()
        .filter(|forward| !forward.local_address.is_empty())
        .ok_or_else(|| {
            "it is written like 8080:localhost:3000, with the workspace's port first".to_owned()
        })
}

/// Listens in the workspace and passes on what comes, until the answer is dropped.
///
/// # Errors
/// When a port is in use there, or the agent does not allow it.
pub(super) async fn begin(ssh: &SshClient, forwards: &[RemoteForward]) -> Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for forward in forwards.iter().cloned() {
        let mut listener = ssh.listen("localhost", forward.remote_port).await?;
        let target = (forward.local_address, forward.local_port);
        if forward.remote_port == 0 {
            let (address, local) = &target;
            error_line(&format!(
                "Port {} of the workspace leads to {address}:{local}",
                listener.port()
            ));
        }
        tasks.spawn(async move { listener.forward_to(target).await });
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards_are_written_as_ports_and_an_address() {
        for (text, expected) in [
            ("8080:localhost:3000", (8080, "localhost", 3000)),
            ("0:10.0.0.1:80", (0, "10.0.0.1", 80)),
            ("1:[::1]:2", (1, "::1", 2)),
        ] {
            let forward = parse(text).expect(text);
            let (remote_port, address, local_port) = expected;
            assert_eq!(forward.local_address, address);
            assert_eq!(
                (forward.remote_port, forward.local_port),
                (remote_port, local_port)
            );
        }
        for text in [
            "",
            "80",
            "80:80",
            "x:a:1",
            "1:a:0",
            "1::2",
            "1:::1:2",
            "1:a:70000",
        ] {
            parse(text).expect_err(text);
        }
    }
}
