use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::system;
use crate::tunnel::port::FIRST_WORKSPACE_PORT;

/// How long an answer is good.
const CACHE: Duration = Duration::from_secs(1);

/// A port with a program that listens on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) port: u16,
    /// Empty where it may not be known.
    pub(crate) process_name: String,
}

/// Looks which ports are in use, at most once in a second.
#[derive(Debug, Default)]
pub(crate) struct PortScanner {
    /// Ports that the agent itself listens on.
    own_ports: BTreeSet<u16>,
    last: Mutex<Option<(Instant, Arc<[Listener]>)>>,
}

impl PortScanner {
    /// A scanner that leaves out the agent's own ports.
    pub(crate) fn new(own_ports: BTreeSet<u16>) -> Self {
        Self {
            own_ports,
            last: Mutex::default(),
        }
    }

    /// The ports in use, by number.
    pub(crate) async fn listeners(&self) -> io::Result<Arc<[Listener]>> {
        // Held while looking: who comes meanwhile gets the same answer.
        let mut last = self.last.lock().await;
        if let Some((when, listeners)) = &*last
            && when.elapsed() < CACHE
        {
            return Ok(Arc::clone(listeners));
        }
        let looked = tokio::task::spawn_blocking(system::listeners).await;
        let found = offered(looked.map_err(io::Error::other)??, &self.own_ports);
        *last = Some((Instant::now(), Arc::clone(&found)));
        Ok(found)
    }
}

fn offered(found: BTreeMap<u16, String>, own_ports: &BTreeSet<u16>) -> Arc<[Listener]> {
    found
        .into_iter()
        .filter(|(port, _)| *port >= FIRST_WORKSPACE_PORT && !own_ports.contains(port))
        .map(|(port, process_name)| Listener { port, process_name })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_the_agent_are_left_out() {
        let found = [
            (1, "x"),
            (8, "x"),
            (9, "discard"),
            (2112, "agent"),
            (8080, "web"),
        ];
        let found = found.map(|(port, name)| (port, name.to_owned())).into();
        let ports: Vec<_> = offered(found, &[2112].into())
            .iter()
            .map(|listener| listener.port)
            .collect();
        assert_eq!(ports, [9, 8080]);
    }
}
