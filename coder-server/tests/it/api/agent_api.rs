//! The server's side of the agent's calls, straight and over HTTP.

use super::live::{Live, script};
use coder_agent::{AgentApi, agent_api_conformance};
use coder_core::service::agents::Agents;
use coder_server::rpc::agent::AgentCalls;
use std::sync::Arc;

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70003";

async fn running() -> Live {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let template = live.template(&admin, "echo", &script(TOKEN)).await;
    let created = live.create(&admin, &template, "dev").await;
    live.until(&admin, created["id"].as_str().unwrap(), "running")
        .await;
    live
}

async fn calls() -> (Live, Box<dyn AgentApi>) {
    let live = running().await;
    let deps = live.server.state.deps.clone();
    let owner = Agents::new(deps.clone()).authenticate(TOKEN).await.unwrap();
    let calls = AgentCalls::new(&live.server.state, Arc::new(owner));
    (live, Box::new(calls))
}

async fn over_http() -> (Live, Box<dyn AgentApi>) {
    let live = running().await;
    let client = live.agent(TOKEN);
    (live, Box::new(client))
}

agent_api_conformance!(agent_calls, calls);
agent_api_conformance!(agent_endpoints, over_http);
