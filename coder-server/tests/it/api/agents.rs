use super::{
    harness::Person,
    live::{Live, eventually, script},
};
use coder_agent::{
    AgentApi as _, AgentClient, ErrorKind,
    protocol::{
        API_VERSION, LifecycleReport, Log, MetadataResult, PatchLogs, PostLogSourceRequest,
        ReportMetadata, Startup,
    },
    ssh::HostKey,
    tunnel::{
        BoxedIo, TunnelAcceptor,
        datagram::{read_datagram, write_datagram},
        frame::{OpenRequest, OpenStatus},
    },
};
use coder_core::{
    id::WorkspaceAgentId, provisioner_job::LogLevel, user::UserStatus,
    workspace_agent::LifecycleState,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, split};
use tokio::task::JoinHandle;
use uuid::Uuid;

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70002";
/// The port on which the agent of the tests answers with what it hears.
pub(super) const ECHO: u16 = 8_000;

pub(super) struct Scene {
    pub(super) live: Live,
    pub(super) ann: Person,
    pub(super) workspace: String,
    pub(super) agent: WorkspaceAgentId,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let live = Live::new().await;
        let admin = live.server.person("admin", &["owner"]).await;
        let ann = live.server.person("ann", &[]).await;
        let template = live.template(&admin, "echo", &script(TOKEN)).await;
        let created = live.create(&ann, &template, "dev").await;
        let workspace = created["id"].as_str().unwrap().to_owned();
        let running = live.until(&ann, &workspace, "running").await;
        let agent = agent_of(&running)["id"].as_str().unwrap().parse().unwrap();
        Self {
            live,
            ann,
            workspace,
            agent,
        }
    }

    async fn seen(&self) -> Value {
        let path = format!("/api/v2/workspaceagents/{}", self.agent);
        self.live.server.get(&path, &self.ann).await.expect(200)
    }

    /// A client with the agent's token.
    pub(super) fn token_client(&self) -> AgentClient {
        self.live.agent(TOKEN)
    }

    pub(super) async fn until(&self, status: &'static str) {
        eventually(status, || async {
            (self.seen().await["status"] == status).then_some(())
        })
        .await;
    }

    /// Runs the agent until it is seen as connected.
    pub(super) async fn connected(&self) -> (AgentClient, JoinHandle<()>) {
        let agent = self.live.agent(TOKEN);
        let running = run_agent(&agent).await;
        self.until("connected").await;
        (agent, running)
    }

    pub(super) async fn dial(&self) -> impl AsyncRead + AsyncWrite + Unpin {
        let client = self.live.client(&self.ann);
        client.dial(self.agent, ECHO).await.unwrap()
    }

    /// Sends and receives through a stream to the agent.
    async fn echo(&self, text: &str) -> String {
        let mut stream = self.dial().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = String::new();
        stream.read_to_string(&mut back).await.unwrap();
        back
    }
}

pub(super) fn agent_of(workspace: &Value) -> &Value {
    let resources = workspace["latest_build"]["resources"].as_array().unwrap();
    resources
        .iter()
        .find_map(|one| one["agents"].as_array()?.first())
        .expect("an agent")
}

/// An agent that answers on one port with what it hears and refuses all others.
async fn run_agent(client: &AgentClient) -> JoinHandle<()> {
    echo_streams(TunnelAcceptor::new(client.tunnel().await.unwrap()))
}

pub(super) fn echo_streams(mut acceptor: TunnelAcceptor) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Ok(stream) = acceptor.accept().await {
            tokio::spawn(async move {
                match stream.any_request().await {
                    // Whole datagrams or not: what comes goes back.
                    Ok(Some((OpenRequest::Tcp(ECHO) | OpenRequest::Udp(ECHO), stream))) => {
                        let (mut reader, mut writer) = split(stream.accept().await.unwrap());
                        let _ = copy(&mut reader, &mut writer).await;
                        let _ = writer.shutdown().await;
                    }
                    Ok(Some((_, stream))) => {
                        let _ = stream.refuse(OpenStatus::Refused, "nothing listens").await;
                    }
                    Ok(None) | Err(_) => {}
                }
            });
        }
    })
}

/// Waits for the end of a stream, within `bound`, and of the agent's tunnel.
async fn cut_off(mut stream: impl AsyncRead + Unpin, bound: Duration, agent: &JoinHandle<()>) {
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(bound, stream.read_to_end(&mut rest)).await;
    let _ = ended.expect("the stream ends in time");
    eventually("the tunnel ends", || async {
        agent.is_finished().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_agent_reports_what_it_does() {
    let scene = Scene::new().await;
    let agent = scene.live.agent(TOKEN);
    let manifest = agent.manifest().await.unwrap();
    assert_eq!(
        (
            manifest.workspace_name.as_str(),
            manifest.owner_username.as_str()
        ),
        ("dev", "ann")
    );
    assert_eq!(manifest.environment_variables["EDITOR"], "vi");
    let startup = Startup {
        version: "v9".to_owned(),
        ..Startup::default()
    };
    agent.report_startup(startup).await.unwrap();
    let now = scene.live.server.state.deps.now();
    for state in [
        LifecycleState::Starting,
        LifecycleState::Ready,
        LifecycleState::Starting,
    ] {
        agent
            .report_lifecycle(LifecycleReport {
                state,
                changed_at: now,
            })
            .await
            .unwrap();
    }
    let line = |output: &str| Log {
        created_at: now,
        output: output.to_owned(),
        level: LogLevel::Info,
    };
    let log_source_id = manifest.scripts[0].log_source_id;
    let logs = vec![line("hello"), line("\u{1b}]8;;http://evil\u{7}wor\0ld")];
    agent
        .patch_logs(PatchLogs {
            log_source_id,
            logs,
        })
        .await
        .unwrap();
    let result = MetadataResult {
        key: "cpu".to_owned(),
        collected_at: now,
        age: 0,
        value: "7 %".to_owned(),
        error: String::new(),
    };
    agent
        .report_metadata(ReportMetadata {
            metadata: vec![result],
        })
        .await
        .unwrap();
    let source = PostLogSourceRequest {
        id: Uuid::from_u128(5).into(),
        display_name: "Mine".to_owned(),
        icon: String::new(),
    };
    let first = agent.post_log_source(source.clone()).await.unwrap();
    assert_eq!(agent.post_log_source(source).await.unwrap(), first);

    let seen = scene.seen().await;
    assert_eq!(
        (&seen["lifecycle_state"], &seen["version"]),
        (&json!("ready"), &json!("v9"))
    );
    assert_eq!(seen["log_sources"].as_array().unwrap().len(), 2);
    let path = format!("/api/v2/workspaceagents/{}/logs", scene.agent);
    let follow = format!("{path}?follow=true&after=0");
    let batches = scene
        .live
        .follow(&scene.ann, &follow, |batches| !batches.is_empty())
        .await;
    assert_eq!(
        (&batches[0][0]["output"], &batches[0][1]["output"]),
        (&json!("hello"), &json!("world"))
    );
    let path = format!("/api/v2/workspaceagents/{}/watch-metadata-ws", scene.agent);
    let measured = |event: &Value| event["data"][0]["result"]["value"] == "7 %";
    let events = scene
        .live
        .follow(&scene.ann, &path, |events| {
            events.last().is_some_and(measured)
        })
        .await;
    assert!(events.last().is_some_and(measured), "{events:?}");
}

#[tokio::test]
async fn streams_reach_the_agent_and_it_comes_back_after_it_was_killed() {
    let scene = Scene::new().await;
    let client = scene.live.client(&scene.ann);
    let absent = client
        .dial(scene.agent, ECHO)
        .await
        .expect_err("not connected");
    assert_eq!(absent.kind(), ErrorKind::Unavailable);

    let (agent, running) = scene.connected().await;
    let long = "x".repeat(3 << 20);
    assert_eq!(scene.echo("hello").await, "hello");
    assert_eq!(scene.echo(&long).await.len(), long.len());
    let refused = client
        .dial(scene.agent, 8_001)
        .await
        .expect_err("nothing listens");
    assert_eq!(refused.kind(), ErrorKind::Unavailable);

    running.abort();
    scene.until("disconnected").await;
    let _again = run_agent(&agent).await;
    scene.until("connected").await;
    assert_eq!(scene.echo("again").await, "again");
}

#[tokio::test]
async fn datagrams_reach_the_agent() {
    let scene = Scene::new().await;
    let (_, _running) = scene.connected().await;
    let client = scene.live.client(&scene.ann);
    let own = client.dial_udp(scene.agent, ECHO).await.unwrap();
    let shared = client.tunnel(scene.agent).await.unwrap();
    let shared = shared.open_udp(ECHO).await.unwrap();
    let streams: [BoxedIo; 2] = [Box::new(own), Box::new(shared)];
    for mut stream in streams {
        let mut back = Vec::new();
        for text in [&b"hello"[..], b"", b"again"] {
            write_datagram(&mut stream, text).await.unwrap();
            assert!(read_datagram(&mut stream, &mut back).await.unwrap());
            assert_eq!(back, text);
        }
    }
    // Streams and datagrams are told apart, and other networks refused.
    let tcp = client.dial(scene.agent, ECHO + 1).await;
    assert_eq!(tcp.expect_err("refused").kind(), ErrorKind::Unavailable);
    let path = format!("/api/v2/workspaceagents/{}/connect", scene.agent);
    let odd = format!("{path}?port=9&network=sctp");
    scene.live.server.get(&odd, &scene.ann).await.expect(400);
}

#[tokio::test]
async fn agents_are_pinged_through_the_server() {
    let scene = Scene::new().await;
    let path = format!("/api/v2/workspaceagents/{}/ping", scene.agent);
    let away = scene.live.server.get(&path, &scene.ann).await;
    away.expect(503);
    let (_, _running) = scene.connected().await;
    let pong = scene.live.server.get(&path, &scene.ann).await.expect(200);
    let millis = pong["round_trip_ms"].as_f64().unwrap();
    assert!((0.0..30_000.0).contains(&millis), "{pong}");
}

#[tokio::test]
async fn the_server_knows_the_host_key_that_it_gave() {
    let scene = Scene::new().await;
    let agent = scene.live.agent(TOKEN);
    let seed = async || agent.manifest().await.unwrap().ssh_host_key_seed.unwrap();
    let first = seed().await;
    let expected = HostKey::from_hex(first.expose()).unwrap().public_key();
    let path = format!("/api/v2/workspaceagents/{}/connection", scene.agent);
    let known = async || {
        let info = scene.live.server.get(&path, &scene.ann).await.expect(200);
        info["ssh_host_key"].clone()
    };
    let report = async |version: &str| {
        let startup = Startup {
            api_version: version.to_owned(),
            ..Startup::default()
        };
        agent.report_startup(startup).await.unwrap();
    };
    report("1.0").await;
    assert_eq!(known().await, Value::Null, "it has a key of its own");
    report(API_VERSION).await;
    assert_eq!(known().await, expected.as_str());

    let renamed = format!("/api/v2/workspaces/{}", scene.workspace);
    let body = json!({ "name": "other" });
    let token = Some(scene.ann.token.as_str());
    let answer = scene.live.server.call("PATCH", &renamed, token, Some(body));
    answer.await.expect(204);
    assert_eq!(seed().await, first, "the same under another name");
    let template = scene.live.workspace(&scene.ann, &scene.workspace).await["template_id"].clone();
    let another = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70003";
    let admin = scene.live.server.person("boss", &["owner"]).await;
    let template_of_another = scene
        .live
        .template(&admin, "another", &script(another))
        .await;
    assert_ne!(template, template_of_another.as_str());
    let created = scene
        .live
        .create(&scene.ann, &template_of_another, "dev")
        .await;
    let id = created["id"].as_str().unwrap().to_owned();
    scene.live.until(&scene.ann, &id, "running").await;
    let manifest = scene.live.agent(another).manifest().await.unwrap();
    assert_ne!(manifest.ssh_host_key_seed, Some(first), "another workspace");
    // Clients are told nothing that makes the private key.
    let info = scene.live.server.get(&path, &scene.ann).await;
    let secret = manifest.ssh_host_key_seed.unwrap();
    assert!(!String::from_utf8_lossy(&info.bytes).contains(secret.expose()));
}

#[tokio::test]
async fn the_newest_tunnel_of_an_agent_lives() {
    let scene = Scene::new().await;
    let (agent, first) = scene.connected().await;
    let _second = run_agent(&agent).await;
    eventually("the first ends", || async {
        first.is_finished().then_some(())
    })
    .await;
    assert_eq!(scene.echo("hello").await, "hello");
    assert_eq!(scene.seen().await["status"], "connected");
    assert_eq!(scene.live.server.state.tunnels.count(), 1);
}

#[tokio::test]
async fn a_newer_build_ends_tunnel_streams_and_token() {
    let scene = Scene::new().await;
    let (agent, running) = scene.connected().await;
    let mut stream = scene.dial().await;
    stream.write_all(b"x").await.unwrap();
    stream.flush().await.unwrap();
    let mut byte = [0];
    stream.read_exact(&mut byte).await.unwrap();
    scene.live.build(&scene.ann, &scene.workspace, "stop").await;
    cut_off(stream, Duration::from_secs(20), &running).await;
    let refused = agent.manifest().await.expect_err("an old build's token");
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    assert!(agent.tunnel().await.is_err());
    let gone = scene.live.client(&scene.ann).dial(scene.agent, ECHO).await;
    assert_eq!(gone.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_suspended_owner_is_cut_off() {
    let scene = Scene::new().await;
    let (_, running) = scene.connected().await;
    let stream = scene.dial().await;
    let deps = &scene.live.server.state.deps;
    let mut tx = deps.begin().await.unwrap();
    let mut user = tx.users().get(scene.ann.id).await.unwrap().unwrap();
    user.status = UserStatus::Suspended;
    tx.users().update(&user).await.unwrap();
    let event = coder_core::event::Event::UserUpdated {
        user_id: user.id,
        at: deps.now(),
    };
    tx.publish(event).await.unwrap();
    tx.commit().await.unwrap();
    cut_off(stream, Duration::from_secs(5), &running).await;
}

#[tokio::test]
async fn users_and_agents_do_not_take_each_others_calls() {
    let scene = Scene::new().await;
    let user_token = AgentClient::new(&scene.live.url(), &scene.ann.token).unwrap();
    let refused = user_token.manifest().await.expect_err("a user's token");
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    let path = format!("/api/v2/workspaceagents/{}", scene.agent);
    let answer = scene
        .live
        .server
        .call("GET", &path, Some(TOKEN), None)
        .await;
    answer.expect(401);
    let eve = scene.live.server.person("eve", &[]).await;
    let answer = scene.live.server.get(&path, &eve).await;
    answer.expect(404);
    let refused = scene.live.client(&eve).dial(scene.agent, ECHO).await;
    assert_eq!(refused.expect_err("not hers").kind(), ErrorKind::NotFound);
    // A plain request, no WebSocket.
    let plain = scene
        .live
        .server
        .get(&format!("{path}/connect?port=1"), &scene.ann)
        .await;
    plain.expect(400);
}
