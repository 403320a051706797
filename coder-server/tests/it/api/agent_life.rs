//! What agents tell all the time, over real connections: signs of life, use, connections, resources, logs of old builds.

use super::{
    harness::{Person, TestServer},
    live::{Live, eventually, script},
};
use chrono::TimeDelta;
use coder_agent::{
    AgentApi as _, AgentClient, ErrorKind,
    protocol::{
        ConnectionAction, ConnectionType, Log, LogLevel, MemoryUsage, PatchLogs, ReportConnection,
        ResourcesDatapoint, ResourcesMonitoringUsage, Stats,
    },
    tunnel::TunnelAcceptor,
};
use coder_core::{Timestamp, id::ConnectionId, service::agents::Agents};
use coder_provisioner::protocol::{MemoryMonitor, VolumeMonitor};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70004";

struct Scene {
    live: Live,
    admin: Person,
    ann: Person,
    workspace: String,
    agent: String,
}

impl Scene {
    async fn new() -> Self {
        Self::on(TestServer::new().await).await
    }

    async fn on(server: TestServer) -> Self {
        let live = Live::serve(server).await;
        let admin = live.server.person("admin", &["owner"]).await;
        let ann = live.server.person("ann", &[]).await;
        let mut script = script(TOKEN);
        for agent in script
            .plan
            .start_resources
            .iter_mut()
            .flat_map(|one| &mut one.agents)
        {
            let monitoring = &mut agent.resources_monitoring;
            monitoring.memory = Some(MemoryMonitor {
                enabled: true,
                threshold: 80,
            });
            for (path, enabled) in [("/home", true), ("/data", false)] {
                monitoring.volumes.push(VolumeMonitor {
                    path: path.to_owned(),
                    enabled,
                    threshold: 90,
                });
            }
        }
        let template = live.template(&admin, "echo", &script).await;
        let created = live.create(&ann, &template, "dev").await;
        let workspace = created["id"].as_str().unwrap().to_owned();
        let running = live.until(&ann, &workspace, "running").await;
        let agents = running["latest_build"]["resources"].as_array().unwrap();
        let agent = agents.iter().find_map(|one| one["agents"].get(0)).unwrap();
        let agent = agent["id"].as_str().unwrap().to_owned();
        Self {
            live,
            admin,
            ann,
            workspace,
            agent,
        }
    }

    fn client(&self) -> AgentClient {
        self.live.agent(TOKEN)
    }

    async fn get(&self, path: &str, person: &Person) -> Value {
        self.live.server.get(path, person).await.expect(200)
    }

    async fn status(&self) -> String {
        let path = format!("/api/v2/workspaceagents/{}", self.agent);
        let seen = self.get(&path, &self.ann).await;
        seen["status"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn agents_of_a_server_that_stops_are_not_gone_before_they_are_silent() {
    let scene = Scene::new().await;
    let mut acceptor = TunnelAcceptor::new(scene.client().tunnel().await.unwrap());
    let agent = tokio::spawn(async move {
        while let Ok(stream) = acceptor.accept().await {
            let _ = stream.request().await;
        }
    });
    eventually("connected", || async {
        (scene.status().await == "connected").then_some(())
    })
    .await;
    scene.live.server.state.shutdown.cancel();
    scene.live.server.state.tasks.close();
    let ended = tokio::time::timeout(
        Duration::from_secs(20),
        scene.live.server.state.tasks.wait(),
    );
    ended.await.expect("everything ends");
    let _ = agent.await;
    assert_eq!(scene.status().await, "connected", "it will come back");
    scene.live.server.clock.advance(Duration::from_secs(31));
    assert_eq!(scene.status().await, "disconnected", "it has not");
}

#[tokio::test]
async fn use_is_stored_and_noted() {
    let server = TestServer::with_config(|config| {
        config.http.dangerous_disable_rate_limits = true;
        config.client.agent_stats_refresh_interval = TimeDelta::seconds(7);
    });
    let scene = Scene::on(server.await).await;
    scene.live.server.clock.advance(Duration::from_secs(60));
    let now = scene.live.server.state.deps.now();
    let stats = Stats {
        connection_count: 2,
        connection_median_latency_ms: -1.0,
        rx_bytes: 1_000_000,
        session_count_ssh: 1,
        ..Stats::default()
    };
    let answer = scene.client().report_stats(stats).await.unwrap();
    assert_eq!(answer.report_interval, 7);
    scene.client().report_stats(Stats::default()).await.unwrap();
    let stored = eventually("stored", || async {
        let mut tx = scene.live.server.begin().await.unwrap();
        let stored = tx
            .workspace_agent_stats()
            .since(Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        tx.rollback().await.unwrap();
        (!stored.is_empty()).then_some(stored)
    })
    .await;
    let [stats] = stored.as_slice() else {
        panic!("{stored:?}");
    };
    assert_eq!(
        (stats.rx_bytes, stats.sessions.ssh, stats.created_at),
        (1_000_000, 1, now)
    );
    assert_eq!(stats.connection_median_latency_ms, None, "it has no tunnel");
    let workspace = scene.live.workspace(&scene.ann, &scene.workspace).await;
    let used: Timestamp = workspace["last_used_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(used, now);
}

#[tokio::test]
async fn connections_can_be_looked_up() {
    let scene = Scene::new().await;
    let report = |number: u128, kind, action, exit_code| ReportConnection {
        id: ConnectionId(Uuid::from_u128(number)),
        action,
        kind,
        timestamp: scene.live.server.state.deps.now(),
        ip: "203.0.113.9".parse().ok(),
        exit_code,
        reason: String::new(),
    };
    let client = scene.client();
    let (connect, disconnect) = (ConnectionAction::Connect, ConnectionAction::Disconnect);
    let (ssh, vscode) = (ConnectionType::Ssh, ConnectionType::Vscode);
    client
        .report_connection(report(1, ssh, connect, None))
        .await
        .unwrap();
    scene.live.server.clock.advance(Duration::from_secs(5));
    client
        .report_connection(report(2, vscode, connect, None))
        .await
        .unwrap();
    client
        .report_connection(report(1, ssh, disconnect, Some(3)))
        .await
        .unwrap();

    let auditor = scene.live.server.person("eve", &["auditor"]).await;
    let found = scene.get("/api/v2/connectionlog", &auditor).await;
    assert_eq!(found["count"], 2);
    let entries = found["connection_logs"].as_array().unwrap();
    assert_eq!(
        (&entries[0]["type"], &entries[1]["type"]),
        (&json!("vscode"), &json!("ssh"))
    );
    let ended = &entries[1];
    for (field, expected) in [
        ("workspace_name", "dev"),
        ("workspace_owner_username", "ann"),
        ("agent_name", "main"),
        ("ip", "203.0.113.9"),
    ] {
        assert_eq!(ended[field], expected);
    }
    assert_eq!(ended["ssh_info"]["exit_code"], 3);
    assert!(ended["ssh_info"]["disconnect_time"].is_string());
    assert!(entries[0]["ssh_info"].get("disconnect_time").is_none());
    let path =
        "/api/v2/connectionlog?q=status:ongoing%20workspace_owner:ann%20organization:default";
    assert_eq!(scene.get(path, &auditor).await["count"], 1);
    let path = "/api/v2/connectionlog?q=organization:nowhere";
    assert_eq!(scene.get(path, &scene.admin).await["count"], 0);
    let path = "/api/v2/connectionlog?limit=1&offset=1";
    let part = scene.get(path, &auditor).await;
    assert_eq!(part["connection_logs"][0]["type"], "ssh");
    let wrong = scene
        .live
        .server
        .get("/api/v2/connectionlog?q=x:1", &auditor)
        .await;
    wrong.expect(400);
    scene
        .live
        .server
        .get("/api/v2/connectionlog", &scene.ann)
        .await
        .expect(403);
}

#[tokio::test]
async fn monitored_resources_are_told_and_their_state_is_kept() {
    let scene = Scene::new().await;
    let client = scene.client();
    let configuration = client.resources_monitoring_configuration().await.unwrap();
    assert_eq!(
        (configuration.memory, configuration.volumes),
        (true, vec!["/home".to_owned()])
    );
    let memory = MemoryUsage {
        used: 95,
        total: 100,
    };
    let datapoint = ResourcesDatapoint {
        collected_at: Timestamp::UNIX_EPOCH,
        memory: Some(memory),
        volumes: Vec::new(),
    };
    let usage = ResourcesMonitoringUsage {
        datapoints: vec![datapoint; 20],
    };
    client.push_resources_monitoring_usage(usage).await.unwrap();
    let mut tx = scene.live.server.begin().await.unwrap();
    let agent = scene.agent.parse().unwrap();
    let monitors = tx
        .workspace_agents()
        .resource_monitors(agent)
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    let states: Vec<_> = monitors.iter().map(|one| one.state.as_str()).collect();
    assert_eq!(states, ["NOK", "OK", "OK"], "memory, then volumes");
}

#[tokio::test]
async fn logs_of_earlier_builds_can_be_read() {
    let scene = Scene::new().await;
    let client = scene.client();
    let manifest = client.manifest().await.unwrap();
    let log = Log {
        created_at: Timestamp::UNIX_EPOCH,
        output: "from the first build".to_owned(),
        level: LogLevel::Info,
    };
    let logs = PatchLogs {
        log_source_id: manifest.scripts[0].log_source_id,
        logs: vec![log],
    };
    client.patch_logs(logs).await.unwrap();
    let length = client.manifest().await.unwrap().logs_length;
    assert_eq!(
        length,
        "from the first build".len(),
        "an agent is told what is used up"
    );
    for (transition, status) in [("stop", "stopped"), ("start", "running")] {
        scene
            .live
            .build(&scene.ann, &scene.workspace, transition)
            .await;
        scene.live.until(&scene.ann, &scene.workspace, status).await;
    }
    let path = format!("/api/v2/workspaceagents/{}/logs", scene.agent);
    let lines = scene.get(&path, &scene.ann).await;
    assert_eq!(lines[0]["output"], "from the first build");
    let follow = format!("{path}?follow=true");
    let followed = scene.live.follow(&scene.ann, &follow, |_| false).await;
    assert_eq!(
        followed[0][0]["output"], "from the first build",
        "it ends by itself"
    );
    let eve = scene.live.server.person("eve", &[]).await;
    scene.live.server.get(&path, &eve).await.expect(404);
    let old = scene.client().manifest().await;
    // The same token came back with the newest build; the old agent is not reached by it.
    assert_ne!(old.unwrap().agent_id, manifest.agent_id);
    let gone = scene
        .live
        .client(&scene.ann)
        .dial(manifest.agent_id, 22)
        .await;
    assert_eq!(gone.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_stream_waits_for_an_agent_that_comes_back() {
    let scene = Scene::new().await;
    let deps = scene.live.server.state.deps.clone();
    let agents = Agents::new(deps);
    let owner = agents.authenticate(TOKEN).await.unwrap();
    // As the server before this one noted.
    agents.connected(&owner).await.unwrap();
    let client = scene.live.client(&scene.ann);
    let id = owner.agent.id;
    let dialled = tokio::spawn(async move { client.dial(id, 8_000).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!dialled.is_finished(), "it is waited for");
    let mut acceptor = TunnelAcceptor::new(scene.client().tunnel().await.unwrap());
    let agent = tokio::spawn(async move {
        while let Ok(stream) = acceptor.accept().await {
            if let Ok(Some((_, stream))) = stream.request().await {
                let _ = stream.accept().await;
            }
        }
    });
    let dialled = tokio::time::timeout(Duration::from_secs(10), dialled).await;
    dialled.expect("in time").unwrap().expect("reached");
    agent.abort();
}
