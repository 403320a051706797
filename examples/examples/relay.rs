//! The way into workspaces inside of somebody else's service: an axum application that takes the tunnel of an agent
//! and reaches its workspace. Nothing here is coder-server's.
//! Run it with: cargo run -p coder-examples --example relay

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use coder_agent::{
    AgentClient, SessionToken,
    agent::{Agent, AgentOptions},
    protocol::SESSION_TOKEN_HEADER,
    ssh_client::{SessionRequest, SshClient, SshClientOptions, Streams, TerminalSize},
    tunnel::{AgentTunnel, port, ws},
};
use coder_core::secret::Secret;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{io::Write as _, sync::Arc};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What the service knows of its only workspace: a service of one's own has these in its database.
#[derive(Clone)]
struct Workspace {
    token: String,
    id: Uuid,
    /// The newest tunnel of its agent.
    tunnel: watch::Sender<Option<AgentTunnel>>,
}

impl Workspace {
    /// Whether a request is from its agent.
    fn is_agent(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(SESSION_TOKEN_HEADER);
        sent.is_some_and(|token| token == self.token.as_str())
    }
}

/// What an agent asks for, below the path that all agents know.
fn application(workspace: Workspace) -> Router {
    let calls = Router::new()
        .route("/manifest", get(manifest))
        .route("/tunnel", get(tunnel))
        .route(
            "/report-stats",
            post(async || Json(json!({ "report_interval": 30 }))),
        )
        // Startup, states, log lines and metadata: this service does not care.
        .route("/{call}", any(async || StatusCode::NO_CONTENT));
    Router::new()
        .route("/", get(async || "Somebody else's service"))
        .nest("/api/v2/workspaceagents/me", calls)
        .with_state(workspace)
}

async fn manifest(
    State(workspace): State<Workspace>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    if !workspace.is_agent(&headers) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    Ok(Json(json!({
        "agent_id": workspace.id,
        "agent_name": "main",
        "owner_username": "ann",
        "workspace_id": workspace.id,
        "workspace_name": "dev",
        "environment_variables": { "GREETING": "Hello" },
    })))
}

async fn tunnel(State(workspace): State<Workspace>, mut request: Request) -> Response {
    if !workspace.is_agent(request.headers()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(answer) = ws::upgrade_response(request.headers()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(connection) = upgrade.await {
            let tunnel = AgentTunnel::new(ws::server_io(TokioIo::new(connection)));
            workspace.tunnel.send_replace(Some(tunnel));
        }
    });
    answer.map(|()| Body::empty())
}

/// Runs a command in the workspace, by SSH through the tunnel.
async fn run(tunnel: &AgentTunnel, command: &str) -> coder_agent::Result<String> {
    let stream = tunnel.open(port::SSH).await?;
    let ssh = SshClient::connect(stream, SshClientOptions::default()).await?;
    let mut output = Vec::new();
    let streams = Streams {
        stdin: tokio::io::empty(),
        stdout: &mut output,
        stderr: tokio::io::sink(),
    };
    let request = SessionRequest {
        command: Some(command.to_owned()),
        ..SessionRequest::default()
    };
    let (_, size) = watch::channel(TerminalSize::default());
    ssh.run(request, streams, size).await?;
    ssh.disconnect().await;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (sender, mut tunnels) = watch::channel(None);
    let workspace = Workspace {
        token: Uuid::new_v4().to_string(),
        id: Uuid::new_v4(),
        tunnel: sender,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let token = workspace.token.clone();
    let service = axum::serve(listener, application(workspace)).into_future();
    let service = tokio::spawn(service);

    // An agent as it runs in any workspace; here it is in the same process.
    let client = Arc::new(AgentClient::new(&url.parse()?, &token)?);
    let options = AgentOptions {
        token: SessionToken::from(Secret::new(token)),
        process_environment: std::env::vars_os().collect(),
        url,
        ..AgentOptions::default()
    };
    let stop = CancellationToken::new();
    let agent = Agent::new(options, client.clone(), client);
    let agent = tokio::spawn(agent.run(stop.clone()));

    let connected = tunnels.wait_for(Option::is_some).await?.clone();
    let tunnel = connected.ok_or("the service has ended")?;
    let said = run(&tunnel, "echo $GREETING from $CODER_WORKSPACE_NAME").await?;
    std::io::stdout().lock().write_all(said.as_bytes())?;
    stop.cancel();
    agent.await??;
    service.abort();
    Ok(())
}
