//! A server that listens, with the daemon inside it and scripted templates.

use super::harness::{Person, TestServer};
use coder_agent::{AgentClient, AgentConn};
use coder_core::{
    id::{ProvisionerKeyId, TemplateVersionId},
    provisioner_job::{ProvisionerType, Tags},
    secret::Secret,
    service::{
        daemons::DaemonIdentity,
        jobs::{FoundAgent, FoundResource},
    },
    workspace_agent::StartupScriptBehavior,
};
use coder_provisioner::{
    Daemon, DaemonOptions, EchoProvisioner, Provisioner,
    echo::{EchoApply, EchoPlan, EchoScript},
    protocol::{
        Agent, AgentAuth, AgentMetadata, App, DisplayApps, Resource, ResourcesMonitoring, Script,
    },
};
use coder_server::rpc::provisioner_daemon::{DaemonApi, DaemonSettings};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::{collections::BTreeMap, future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tokio_util::sync::DropGuard;
use url::Url;

/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn eventually<T, F: Future<Output = Option<T>>>(
    what: &'static str,
    mut ask: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let asking = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let answered = tokio::time::timeout(PATIENCE, asking).await;
        answered.unwrap_or_else(|_| panic!("never happened: {what} (at {place})"))
    }
}

pub(crate) struct Live {
    pub server: TestServer,
    pub address: SocketAddr,
    pub provisioner: EchoProvisioner,
    _stop: DropGuard,
}

impl Live {
    pub(crate) async fn new() -> Self {
        Self::serve(TestServer::new().await).await
    }

    /// Lets a server listen, with a daemon.
    pub(crate) async fn serve(server: TestServer) -> Self {
        let live = Self::listen(server).await;
        live.spawn_daemon("builtin").await;
        live
    }

    /// Lets a server listen.
    pub(crate) async fn listen(server: TestServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::listen_on(server, listener)
    }

    /// The same at the same address with the same store, as after a new start. No daemon runs in it.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            server, address, ..
        } = self;
        server.state.shutdown.cancel();
        let server = server.restarted().await;
        let listener = eventually("the address is free", || async {
            TcpListener::bind(address).await.ok()
        })
        .await;
        Self::listen_on(server, listener)
    }

    fn listen_on(server: TestServer, listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let router = coder_server::http::router(server.state.clone());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let stop = server.state.shutdown.clone();
        let stopped = stop.clone();
        tokio::spawn(async move {
            let serve = axum::serve(listener, service);
            serve
                .with_graceful_shutdown(stopped.cancelled_owned())
                .await
                .unwrap();
        });
        Self {
            server,
            address,
            provisioner: EchoProvisioner::new(),
            _stop: stop.drop_guard(),
        }
    }

    /// Runs one more daemon until the server stops.
    async fn spawn_daemon(&self, name: &str) {
        let echo: Arc<dyn Provisioner> = Arc::new(self.provisioner.clone());
        let settings = DaemonSettings {
            access_url: format!("http://{}", self.address),
            agent_scripts: BTreeMap::new(),
        };
        let identity = DaemonIdentity {
            organization_id: self.server.organization,
            key_id: ProvisionerKeyId::BUILT_IN,
            name: name.to_owned(),
            version: "v1".to_owned(),
            api_version: "1.0".to_owned(),
            provisioners: vec![ProvisionerType::Echo],
            tags: Tags::new(),
        };
        let deps = self.server.state.deps.clone();
        let api = DaemonApi::join(deps, settings, &self.server.state.bells, &identity)
            .await
            .unwrap();
        let options = DaemonOptions {
            shutdown_grace: Duration::ZERO,
            force_cancel_interval: Duration::from_millis(100),
            ..DaemonOptions::default()
        };
        let provisioners = BTreeMap::from([(ProvisionerType::Echo, echo)]);
        let daemon = Daemon::new(options, Arc::new(api), provisioners);
        let stopped = self.server.state.shutdown.child_token();
        tokio::spawn(async move { daemon.run(stopped).await });
    }

    pub(crate) fn url(&self) -> Url {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub(crate) fn agent(&self, token: &str) -> AgentClient {
        AgentClient::new(&self.url(), token).unwrap()
    }

    pub(crate) fn client(&self, person: &Person) -> AgentConn {
        AgentConn::new(&self.url(), &person.token).unwrap()
    }

    /// Pushes a scripted template and waits for its import. Answers its id.
    pub(crate) async fn template(&self, admin: &Person, name: &str, script: &EchoScript) -> String {
        let archive = script.to_archive("# Read me").unwrap();
        let kind = "application/x-tar";
        let uploaded = self
            .server
            .upload_bytes(admin, kind, archive.to_vec())
            .await;
        let file = uploaded.json()["hash"].as_str().unwrap().to_owned();
        let body = json!({
            "name": "v1", "storage_method": "file", "file_id": file, "provisioner": "echo",
        });
        let path = "/api/v2/organizations/default/templateversions";
        let version = self.server.post(path, admin, body).await.expect(201);
        let version = version["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v2/templateversions/{version}");
        let import = eventually("the import ends", || async {
            let job = self.server.get(&path, admin).await.expect(200)["job"].clone();
            job["completed_at"].is_string().then_some(job)
        });
        let import = import.await;
        assert_eq!(import["status"], "succeeded", "{import}");
        let body = json!({ "name": name, "template_version_id": version });
        let path = "/api/v2/organizations/default/templates";
        let template = self.server.post(path, admin, body).await.expect(200);
        let _: TemplateVersionId = version.parse().unwrap();
        template["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn create(&self, person: &Person, template: &str, name: &str) -> Value {
        let body = json!({ "name": name, "template_id": template });
        self.server
            .post("/api/v2/users/me/workspaces", person, body)
            .await
            .expect(201)
    }

    pub(crate) async fn workspace(&self, person: &Person, id: &str) -> Value {
        let path = format!("/api/v2/workspaces/{id}?include_deleted=true");
        self.server.get(&path, person).await.expect(200)
    }

    /// Waits until the workspace has a state, and answers it.
    pub(crate) async fn until(&self, person: &Person, id: &str, status: &'static str) -> Value {
        eventually(status, || async {
            let workspace = self.workspace(person, id).await;
            (workspace["latest_build"]["status"] == status).then_some(workspace)
        })
        .await
    }

    pub(crate) async fn build(&self, person: &Person, id: &str, transition: &str) -> Value {
        let path = format!("/api/v2/workspaces/{id}/builds");
        self.server
            .post(&path, person, json!({ "transition": transition }))
            .await
            .expect(201)
    }

    /// Opens a WebSocket and reads until it closes or `enough`. Answers text messages as JSON.
    pub(crate) async fn follow(
        &self,
        person: &Person,
        path: &str,
        enough: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let mut socket = self.open(person, path).await;
        let mut messages = Vec::new();
        let reading = async {
            while !enough(&messages) {
                match socket.next().await {
                    Some(Ok(tungstenite::Message::Text(text))) => {
                        messages.push(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(tungstenite::Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the stream ends or says enough");
        messages
    }

    pub(crate) async fn open(&self, person: &Person, path: &str) -> WebSocketStream<TcpStream> {
        self.try_open(person, path).await.unwrap()
    }

    /// Opens a WebSocket, or tells the status with which it is refused.
    pub(crate) async fn try_open(
        &self,
        person: &Person,
        path: &str,
    ) -> Result<WebSocketStream<TcpStream>, u16> {
        let request = http::Request::get(format!("ws://{}{path}", self.address))
            .header("host", self.address.to_string())
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header(
                "sec-websocket-key",
                tungstenite::handshake::client::generate_key(),
            )
            .header("coder-session-token", &person.token)
            .body(())
            .unwrap();
        let stream = TcpStream::connect(self.address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A script whose running workspace has an agent with this token, and whose stopped one has a volume.
pub(crate) fn script(token: &str) -> EchoScript {
    let volume = Resource {
        name: "home".to_owned(),
        kind: "echo_volume".to_owned(),
        ..Resource::default()
    };
    let machine = Resource {
        name: "main".to_owned(),
        kind: "echo_machine".to_owned(),
        agents: vec![agent(token)],
        ..Resource::default()
    };
    EchoScript {
        plan: EchoPlan {
            start_resources: vec![machine, volume.clone()],
            stop_resources: vec![volume],
            ..EchoPlan::default()
        },
        apply: EchoApply::default(),
        ..EchoScript::default()
    }
}

fn agent(token: &str) -> Agent {
    Agent {
        id: "agent".to_owned(),
        name: "main".to_owned(),
        operating_system: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        directory: "~/work".to_owned(),
        env: BTreeMap::from([("EDITOR".to_owned(), "vi".to_owned())]),
        extra_envs: Vec::new(),
        auth: AgentAuth::Token(Secret::new(token)),
        apps: vec![App {
            slug: "web".to_owned(),
            url: "http://localhost:8080".to_owned(),
            ..App::default()
        }],
        scripts: vec![Script {
            display_name: "Startup Script".to_owned(),
            script: "true".to_owned(),
            run_on_start: true,
            ..Script::default()
        }],
        metadata: vec![AgentMetadata {
            key: "cpu".to_owned(),
            display_name: "CPU".to_owned(),
            script: "coder stat cpu".to_owned(),
            interval: 10,
            timeout: 1,
            order: 0,
        }],
        display_apps: DisplayApps::default(),
        connection_timeout_seconds: 120,
        troubleshooting_url: String::new(),
        motd_file: String::new(),
        order: 0,
        api_key_scope: "all".to_owned(),
        startup_script_behavior: StartupScriptBehavior::NonBlocking,
        devcontainers: Vec::new(),
        resources_monitoring: ResourcesMonitoring::default(),
    }
}

/// A resource with an agent, as the core takes it from a daemon.
pub(crate) fn found_agent() -> FoundResource {
    use coder_core::store::conformance::fixture;
    let resource = fixture::resource(1, fixture::id(1), "main");
    let agent = FoundAgent {
        agent: fixture::agent(2, &resource, "main"),
        apps: Vec::new(),
        scripts: Vec::new(),
        metadata: Vec::new(),
        devcontainers: Vec::new(),
        monitors: Vec::new(),
    };
    FoundResource {
        resource,
        agents: vec![agent],
    }
}
