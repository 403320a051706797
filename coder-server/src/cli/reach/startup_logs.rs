//! What start scripts print while one waits for them.

use crate::cli::{
    client::Client,
    error::CliResult,
    output::{error_line, printable},
    types::{Agent, AgentLog},
};

/// Shows what start scripts print while one waits for them.
#[derive(Default)]
pub(super) struct StartupLogs {
    after: i64,
    began: bool,
}

impl StartupLogs {
    /// Prints what is new.
    pub(super) async fn print(&mut self, client: &Client, agent: &Agent) -> CliResult {
        if !self.began {
            self.began = true;
            error_line("Waiting for the start scripts to end (--wait no goes on at once).");
        }
        let path = format!(
            "api/v2/workspaceagents/{}/logs?after={}",
            agent.id, self.after
        );
        for log in client.get::<Vec<AgentLog>>(&path).await? {
            self.after = self.after.max(log.id);
            error_line(&printable(&log.output));
        }
        Ok(())
    }

    /// Prints the rest, if anything was printed. What cannot be read is not worth a failure now.
    pub(super) async fn end(&mut self, client: &Client, agent: &Agent) {
        if self.began {
            drop(self.print(client, agent).await);
        }
    }
}
