//! A provisioner without Terraform: a workspace is a folder and a process on this machine.
//!
//! A template is an archive with a [`TEMPLATE_FILE`]; see [`Template`]. A start makes the folder, runs the
//! template's setup and starts its command with the agent's token and the server's address in its environment; a
//! stop ends the process; a delete removes the folder, too.
//!
//! The state names the process by its id, its start time and a random marker in its environment, which everything
//! that it starts inherits. Before a signal is sent, the marker is looked for in the very process that gets it
//! (through a pidfd), so a recycled process id never hits somebody else's process. A program that clears its
//! environment and leaves its parent is not found again: whoever needs more than a demonstration puts workspaces
//! into containers.

mod processes;
mod session;
mod state;
mod step;
mod template;

use async_trait::async_trait;
use coder_provisioner::{LogSink, Provisioner, Result, Session, protocol::Config};
use std::{path::PathBuf, sync::Arc};

pub use template::{TEMPLATE_FILE, Template, Variable};

/// Makes workspaces that are processes.
#[derive(Clone, Debug)]
pub struct ProcessProvisioner {
    folder: PathBuf,
}

impl ProcessProvisioner {
    /// One that keeps the folders of workspaces, by their ids, below `folder`.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl Provisioner for ProcessProvisioner {
    async fn session(&self, config: Config, logs: Arc<dyn LogSink>) -> Result<Box<dyn Session>> {
        let (template, readme) = Template::read(&config.template_archive)?;
        let folder = self.folder.clone();
        Ok(Box::new(session::ProcessSession::new(
            template, readme, logs, folder,
        )))
    }
}
