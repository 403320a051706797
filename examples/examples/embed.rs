//! Provisions a workspace from another Rust service: the in-memory store, and a provisioner of one's own.
//! Run it with: cargo run -p coder-examples --example embed

use async_trait::async_trait;
use coder_core::workspace_build::WorkspaceTransition;
use coder_examples::Platform;
use coder_provisioner::protocol::*;
use coder_provisioner::{LogSink, Provisioner, Result, Session, StateSink};
use std::{io::Write as _, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Imagines one machine per started workspace.
struct Machines;

#[async_trait]
impl Provisioner for Machines {
    async fn session(&self, _: Config, _: Arc<dyn LogSink>) -> Result<Box<dyn Session>> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl Session for Machines {
    async fn parse(&mut self, _: &CancellationToken) -> Result<ParseComplete> {
        Ok(ParseComplete::default())
    }

    async fn plan(&mut self, request: PlanRequest, _: &CancellationToken) -> Result<PlanComplete> {
        let mut resources = Vec::new();
        if request.metadata.workspace_transition == WorkspaceTransition::Start {
            let (kind, name) = ("machine".to_owned(), "main".to_owned());
            resources.push(Resource {
                kind,
                name,
                ..Resource::default()
            });
        }
        let handle = PlanHandle::new(resources.clone());
        Ok(PlanComplete::new(resources, handle))
    }

    async fn apply(
        &mut self,
        plan: PlanHandle,
        _: ApplyRequest,
        _: Arc<dyn StateSink>,
        _: &CancellationToken,
    ) -> Result<ApplyComplete, ApplyFailed> {
        let resources = plan.into_inner().unwrap_or_default();
        Ok(ApplyComplete {
            state: "{}".into(),
            resources,
            timings: Vec::new(),
        })
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let platform = Platform::start(Arc::new(Machines)).await?;
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    archive.append_data(&mut header, "main.tf", &b""[..])?;
    let workspace = platform.create_workspace(archive.into_inner()?).await?;
    let build = &workspace.latest_build;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} is {}", workspace.workspace().name, build.status())?;
    platform.stop();
    Ok(())
}
