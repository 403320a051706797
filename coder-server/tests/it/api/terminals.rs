//! Web terminals and listening ports: a real agent, real WebSockets.

use super::{
    harness::Person,
    live::{Live, eventually, script},
};
use coder_agent::{Agent, AgentOptions, ErrorKind, ssh::Environment};
use coder_core::{id::WorkspaceAgentId, user::UserStatus};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::CloseFrame},
};
use tokio_util::sync::{CancellationToken, DropGuard};

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70003";
const TERMINAL: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c7aaaa";

/// A workspace of Ann's with a real agent.
struct Scene {
    live: Live,
    ann: Person,
    workspace: String,
    agent: WorkspaceAgentId,
    _home: tempfile::TempDir,
    _stop: DropGuard,
}

impl Scene {
    async fn new() -> Self {
        let live = Live::new().await;
        let admin = live.server.person("admin", &["owner"]).await;
        let ann = live.server.person("ann", &[]).await;
        let template = live.template(&admin, "echo", &script(TOKEN)).await;
        let created = live.create(&ann, &template, "dev").await;
        let workspace = created["id"].as_str().unwrap().to_owned();
        let running = live.until(&ann, &workspace, "running").await;
        let resources = running["latest_build"]["resources"].as_array().unwrap();
        let mut agents = resources
            .iter()
            .filter_map(|one| one["agents"].as_array()?.first());
        let agent = agents.next().unwrap()["id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let home = tempfile::tempdir().unwrap();
        let stop = run_agent(&live, home.path());
        let scene = Self {
            live,
            ann,
            workspace,
            agent,
            _home: home,
            _stop: stop,
        };
        scene.connected().await;
        scene
    }

    async fn connected(&self) {
        eventually("connected", || async {
            let path = format!("/api/v2/workspaceagents/{}", self.agent);
            let seen = self.live.server.get(&path, &self.ann).await.expect(200);
            (seen["status"] == "connected").then_some(())
        })
        .await;
    }

    fn path(&self, query: &str) -> String {
        format!(
            "/api/v2/workspaceagents/{}/pty?reconnect={TERMINAL}&height=24&width=80{query}",
            self.agent
        )
    }

    async fn terminal(&self, query: &str) -> Terminal {
        let socket = self.live.open(&self.ann, &self.path(query)).await;
        Terminal {
            socket,
            shown: String::new(),
        }
    }
}

/// Runs a real agent until the guard is dropped.
fn run_agent(live: &Live, home: &std::path::Path) -> DropGuard {
    let mut environment: Environment = std::env::vars_os().collect();
    environment.insert("HOME".into(), home.into());
    let options = AgentOptions {
        process_environment: environment,
        log_dir: home.join("logs"),
        script_data_dir: home.join("data"),
        ..AgentOptions::default()
    };
    let client = Arc::new(live.agent(TOKEN));
    let agent = Agent::new(options, Arc::clone(&client) as Arc<_>, client);
    let stop = CancellationToken::new();
    tokio::spawn(agent.run(stop.clone()));
    stop.drop_guard()
}

struct Terminal {
    socket: WebSocketStream<TcpStream>,
    shown: String,
}

impl Terminal {
    async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    async fn types(&mut self, text: &str) {
        self.send(Message::text(json!({ "data": text }).to_string()))
            .await;
    }

    async fn until(&mut self, text: &str) {
        while !self.shown.contains(text) {
            let ended = self.step().await;
            assert!(
                ended.is_none(),
                "{ended:?} without {text:?} but with {:?}",
                self.shown
            );
        }
    }

    /// The code with which the server closes; 0 when it just breaks off.
    async fn closed(&mut self) -> u16 {
        loop {
            if let Some(code) = self.step().await {
                return code;
            }
        }
    }

    async fn step(&mut self) -> Option<u16> {
        let next = tokio::time::timeout(Duration::from_secs(30), self.socket.next());
        match next.await.expect("something happens") {
            Some(Ok(Message::Binary(bytes))) => {
                self.shown.push_str(&String::from_utf8_lossy(&bytes));
                None
            }
            Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) => Some(code.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => Some(0),
        }
    }
}

#[tokio::test]
async fn a_terminal_is_used_left_and_found_again() {
    let scene = Scene::new().await;
    let mut first = scene.terminal("&command=sh").await;
    first.types("stty -echo; PS1=; stty size; KEPT=1\r").await;
    first.until("24 80\r\n").await;
    // JSON in binary messages, cut anywhere.
    for piece in [
        &b"{\"height\":3"[..],
        b"0,\"width\":90}{\"da",
        b"ta\":\"stty size\\r\"}",
    ] {
        first.send(Message::binary(piece)).await;
    }
    first.until("30 90\r\n").await;
    first.socket.close(None).await.unwrap();
    drop(first);

    let mut again = scene.terminal("").await;
    again.until("30 90\r\n").await;
    again.types("echo kept:$KEPT; stty size; exit\r").await;
    again.until("kept:1\r\n24 80\r\n").await;
    assert_eq!(again.closed().await, 1000);
}

#[tokio::test]
async fn raw_messages_are_typed_as_they_are() {
    let scene = Scene::new().await;
    let command = "stty+raw+-echo;echo+up;head+-c+258|od+-An+-v+-tu1";
    let mut terminal = scene
        .terminal(&format!("&raw=true&command={command}"))
        .await;
    terminal.until("up").await;
    let all: Vec<u8> = (0..=u8::MAX).collect();
    terminal.send(Message::binary(all.clone())).await;
    terminal.types("{}").await;
    assert_eq!(terminal.closed().await, 1000);
    let numbers: Vec<u8> = terminal
        .shown
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    assert_eq!(numbers[..256], all);
    assert_eq!(numbers[256..], *b"{}");
}

#[tokio::test]
async fn a_terminal_survives_a_server_that_starts_anew() {
    let mut scene = Scene::new().await;
    let mut before = scene.terminal("&command=sh").await;
    before
        .types("stty -echo; PS1=; echo be''fore; KEPT=yes\r")
        .await;
    before.until("before").await;
    scene.live = scene.live.restart().await;
    assert_eq!(before.closed().await, 1001);
    scene.connected().await;
    // The agent may be seen as connected by what the first server wrote.
    let mut after = eventually("the terminal opens", || async {
        let path = scene.path("");
        let socket = scene.live.try_open(&scene.ann, &path).await.ok()?;
        Some(Terminal {
            socket,
            shown: String::new(),
        })
    })
    .await;
    after.until("before").await;
    after.types("echo kept:$KEPT\r").await;
    after.until("kept:yes").await;
}

#[tokio::test]
async fn a_lost_agent_is_told_from_an_ended_terminal() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal("&command=cat").await;
    terminal.types("x\r").await;
    terminal.until("x\r\nx").await;
    // Another tunnel takes the place of the agent's.
    let intruder = scene.live.agent(TOKEN).tunnel().await.unwrap();
    assert_eq!(terminal.closed().await, 1013);
    drop(intruder);
}

#[tokio::test]
async fn what_ends_the_permission_ends_the_terminal() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal("&command=cat").await;
    terminal.types("x\r").await;
    terminal.until("x\r\nx").await;
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
    let begin = std::time::Instant::now();
    let code = terminal.closed().await;
    assert!([1008, 1013].contains(&code), "{code}");
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_newer_build_ends_terminals() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal("&command=cat").await;
    terminal.types("x\r").await;
    terminal.until("x\r\nx").await;
    scene.live.build(&scene.ann, &scene.workspace, "stop").await;
    assert_ne!(terminal.closed().await, 1000);
    let gone = scene.live.try_open(&scene.ann, &scene.path("")).await;
    assert_eq!(gone.unwrap_err(), 404);
}

#[tokio::test]
async fn terminals_are_for_those_who_may() {
    let scene = Scene::new().await;
    let eve = scene.live.server.person("eve", &[]).await;
    let auditor = scene.live.server.person("auditor", &["auditor"]).await;
    let ports = format!("/api/v2/workspaceagents/{}/listening-ports", scene.agent);
    for stranger in [&eve, &auditor] {
        let refused = scene.live.try_open(stranger, &scene.path("")).await;
        assert_eq!(refused.unwrap_err(), 404);
        scene.live.server.get(&ports, stranger).await.expect(404);
    }
    let absent = scene.path("").replace(&scene.agent.to_string(), TERMINAL);
    assert_eq!(
        scene.live.try_open(&scene.ann, &absent).await.unwrap_err(),
        404
    );
    for odd in [
        "&reconnect=1",
        "&height=-1",
        "&width=70000",
        "&backend_type=x",
        &format!("&command={}", "%01".repeat(12_000)),
    ] {
        let path = if odd.starts_with("&reconnect") {
            scene.path("").replace(TERMINAL, "1")
        } else {
            let path = scene.path("");
            path.replace("&height=24&width=80", "") + odd
        };
        let refused = scene.live.try_open(&scene.ann, &path).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused, 400, "{odd:.40}");
    }
    // A page of another site, with the session's cookie.
    let cross = http::Request::get(scene.path(""))
        .header("host", "coder.test")
        .header("origin", "https://evil.example")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("cookie", format!("coder_session_token={}", scene.ann.token));
    let cross = cross.body(axum::body::Body::empty()).unwrap();
    assert_eq!(scene.live.server.send(cross).await.status, 403);
    // No WebSocket at all.
    let plain = scene.live.server.get(&scene.path(""), &scene.ann).await;
    plain.expect(400);
}

#[tokio::test]
async fn hostile_messages_end_the_terminal_of_their_sender_only() {
    let scene = Scene::new().await;
    let mut good = scene.terminal("&command=cat").await;
    for message in [
        Message::text("no object"),
        Message::text("{".repeat(100)),
        Message::text(format!("{{\"data\":\"{}\"}}", "x".repeat(1 << 20))),
    ] {
        let mut bad = scene.terminal("").await;
        // The server may close before it has read all.
        let _ = bad.socket.send(message).await;
        // One that is too large for a WebSocket ends it without a word.
        assert!([1000, 0].contains(&bad.closed().await));
    }
    good.types("still\r").await;
    good.until("still\r\nstill").await;
}

#[tokio::test]
async fn ports_of_the_workspace_are_listed() {
    let scene = Scene::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let path = format!("/api/v2/workspaceagents/{}/listening-ports", scene.agent);
    let answer = scene.live.server.get(&path, &scene.ann).await.expect(200);
    let ports = answer["ports"].as_array().unwrap();
    let found = ports.iter().find(|found| found["port"] == port);
    let found = found.expect("the listener of the test");
    assert_eq!(found["network"], "tcp");
    assert!(!found["process_name"].as_str().unwrap().is_empty());
    // The template's app is at 8080.
    let hidden = |found: &Value| [22, 5432, 8080].contains(&found["port"].as_u64().unwrap());
    assert!(!ports.iter().any(hidden));
    // The library's client goes to the agent.
    let client = scene.live.client(&scene.ann);
    let direct = client.listening_ports(scene.agent).await.unwrap();
    assert!(direct.ports.iter().any(|found| found.port == port));
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_said() {
    let live = Live::new().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let template = live.template(&admin, "echo", &script(TOKEN)).await;
    let created = live.create(&admin, &template, "dev").await;
    let workspace = created["id"].as_str().unwrap();
    let running = live.until(&admin, workspace, "running").await;
    let resources = running["latest_build"]["resources"].as_array().unwrap();
    let agent = resources
        .iter()
        .find_map(|one| one["agents"].as_array()?.first());
    let agent = agent.unwrap()["id"].as_str().unwrap();
    let path = format!("/api/v2/workspaceagents/{agent}/listening-ports");
    live.server.get(&path, &admin).await.expect(503);
    let path = format!("/api/v2/workspaceagents/{agent}/pty?reconnect={TERMINAL}");
    assert_eq!(live.try_open(&admin, &path).await.unwrap_err(), 503);
    let refused = live
        .client(&admin)
        .listening_ports(agent.parse().unwrap())
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
}
