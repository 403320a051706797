//! The whole agent against a fake of the server, over an in-memory tunnel or real HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coder_agent::protocol::{
    AppHealth, ConnectionAction, ConnectionType, LifecycleState as S, LogLevel, Manifest,
    ResourcesMonitoringConfiguration, ScriptStage, ScriptStatus,
};
use coder_agent::ssh::Environment;
use coder_agent::testing::FakeAgentApi;
use coder_agent::tunnel::datagram::{MAX_DATAGRAM_BYTES, read_datagram, write_datagram};
use coder_agent::tunnel::{MAX_STREAMS, port};
use coder_agent::{Agent, AgentClient, AgentConn, AgentOptions, ErrorKind, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use coder_core::clock::Entropy;

use crate::support::{TOKEN, TestServer, app, manifest, metadata, script, soon, until};

/// A running agent and the fake server it is connected to.
pub(crate) struct Running {
    pub(crate) server: TestServer,
    shutdown: CancellationToken,
    agent: JoinHandle<Result<()>>,
    home: tempfile::TempDir,
}

impl Running {
    pub(crate) async fn start(manifest: Manifest) -> Self {
        Self::with(TestServer::start(FakeAgentApi::new(manifest)).await)
    }

    fn with(server: TestServer) -> Self {
        let home = tempfile::tempdir().unwrap();
        let shutdown = CancellationToken::new();
        let client = Arc::new(AgentClient::new(&server.url, TOKEN).unwrap());
        let agent = Agent::new(options(home.path()), Arc::clone(&client) as Arc<_>, client);
        let agent = tokio::spawn(agent.run(shutdown.clone()));
        Self {
            server,
            shutdown,
            agent,
            home,
        }
    }

    pub(crate) async fn stop(self) -> TestServer {
        self.shutdown.cancel();
        soon(self.agent).await.unwrap().unwrap();
        self.server
    }

    async fn reaches(&self, state: S) {
        until(&format!("{state}"), || {
            self.server.api().states().contains(&state)
        })
        .await;
    }
}

fn options(home: &Path) -> AgentOptions {
    let mut environment: Environment = std::env::vars_os().collect();
    environment.insert("HOME".into(), home.into());
    AgentOptions {
        process_environment: environment,
        log_dir: home.join("logs"),
        script_data_dir: home.join("data"),
        entropy: Arc::new(NoSpread),
        executable: Some(env!("CARGO_BIN_EXE_coder-agent").into()),
        ..AgentOptions::default()
    }
}

/// Nobody else is there from whom an agent should keep apart.
struct NoSpread;

impl Entropy for NoSpread {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[tokio::test]
async fn an_agent_without_scripts_is_ready_and_ends_well() {
    let running = Running::start(manifest()).await;
    running.server.tunnel().await.ping().await.unwrap();
    running.reaches(S::Ready).await;
    let server = running.stop().await;
    assert_eq!(
        server.api().states(),
        [S::Starting, S::Ready, S::ShuttingDown, S::Off]
    );
    let recorded = server.api().recorded();
    assert_eq!(recorded.startups.len(), 1);
    assert!(recorded.startups[0].version.starts_with('v'));
    assert!(
        recorded
            .lifecycle
            .is_sorted_by_key(|report| report.changed_at)
    );
}

#[tokio::test]
async fn scripts_run_with_their_environment_and_are_logged() {
    let mut manifest = manifest();
    manifest.directory = "~/project".into();
    manifest.scripts = vec![
        script(
            1,
            "echo \"$GREETING for $CODER_WORKSPACE_OWNER_NAME in $PWD\"; echo oops >&2; \
             printf 'a\\000b\\377\\n'; coder --version; echo kept > $CODER_SCRIPT_DATA_DIR/x; \
             ls $CODER_SCRIPT_BIN_DIR; coder stat mem --host -o json; printf unfinished",
        ),
        script(2, "sleep 0.1; exit 0"),
    ];
    let home_dir = |running: &Running| running.home.path().to_string_lossy().into_owned();
    let running = Running::start(manifest).await;
    running.reaches(S::Ready).await;
    let home = home_dir(&running);
    let recorded = running.server.api().recorded();
    assert_eq!(
        recorded.startups[0].expanded_directory,
        format!("{home}/project")
    );
    let lines: Vec<(LogLevel, String)> = recorded
        .logs
        .iter()
        .map(|(_, log)| (log.level, log.output.clone()))
        .collect();
    let has = |level, text: &str| lines.contains(&(level, text.to_owned()));
    assert!(
        has(
            LogLevel::Info,
            &format!("hello from dev for alice in {home}")
        ),
        "{lines:?}"
    );
    assert!(has(LogLevel::Error, "oops"), "{lines:?}");
    assert!(has(LogLevel::Info, "ab\u{fffd}"), "{lines:?}");
    assert!(has(LogLevel::Info, "coder"), "{lines:?}");
    assert!(has(LogLevel::Info, "unfinished"), "{lines:?}");
    assert!(
        lines.iter().any(|(_, line)| line.starts_with("Coder v")),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .any(|(_, line)| line.contains("\"unit\":\"GiB\"")),
        "{lines:?}"
    );
    let file = running
        .home
        .path()
        .join(format!("logs/coder-script-{}.log", recorded.logs[0].0));
    let kept = std::fs::read(file).unwrap();
    assert!(
        kept.starts_with(b"hello from dev"),
        "the file has the bytes as they came"
    );
    until("both results", || {
        running.server.api().recorded().scripts.len() == 2
    })
    .await;
    for completed in running.server.api().recorded().scripts {
        assert_eq!(
            (completed.stage, completed.status),
            (ScriptStage::Start, ScriptStatus::Ok)
        );
        assert!(completed.start <= completed.end);
    }
    running.stop().await;
}

#[tokio::test]
async fn a_failing_script_is_told() {
    let mut manifest = manifest();
    manifest.scripts = vec![
        script(
            1,
            "echo before; for i in $(seq 20); do echo \"no $i\" >&2; done; exit 3",
        ),
        script(2, "echo warning >&2"),
        script(3, "echo only this; exit 4"),
    ];
    let running = Running::start(manifest).await;
    running.reaches(S::StartError).await;
    let server = running.stop().await;
    let states = server.api().states();
    assert_eq!(
        states,
        [S::Starting, S::StartError, S::ShuttingDown, S::Off]
    );
    let scripts = server.api().recorded().scripts;
    let failed = scripts
        .iter()
        .find(|completed| completed.exit_code == 3)
        .unwrap();
    assert_eq!(failed.status, ScriptStatus::ExitFailure);
    assert!(failed.last_lines.starts_with("no 11\n") && failed.last_lines.ends_with("\nno 20"));
    let last_lines = |code| {
        let mut scripts = scripts.iter();
        let found = scripts.find(|completed| completed.exit_code == code);
        found.unwrap().last_lines.as_str()
    };
    assert_eq!(last_lines(0), "", "it did not fail");
    assert_eq!(last_lines(4), "only this", "nothing was said on stderr");
    assert!(server.api().lines().contains(&"before".to_owned()));
}

#[tokio::test]
async fn a_script_that_never_ends_is_killed_with_what_it_started() {
    let mut manifest = manifest();
    let marker = tempfile::tempdir().unwrap();
    let pid = marker.path().join("pid");
    let text = format!(
        "trap '' TERM; (sleep 1000 & echo $! > {}; wait); sleep 1000",
        pid.display()
    );
    manifest.scripts = vec![script(1, &text)];
    manifest.scripts[0].timeout = 1;
    let running = Running::start(manifest).await;
    running.reaches(S::StartTimeout).await;
    let grandchild: i32 = std::fs::read_to_string(&pid)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    until("the grandchild is gone", || !is_alive(grandchild)).await;
    let server = running.stop().await;
    let scripts = server.api().recorded().scripts;
    assert_eq!(scripts[0].status, ScriptStatus::TimedOut);
    assert!(
        server
            .api()
            .lines()
            .iter()
            .any(|line| line.contains("ended after 1 s"))
    );
}

#[tokio::test]
async fn a_background_process_does_not_hold_the_agent_up() {
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, "(sleep 13; echo late) & echo started")];
    let begin = Instant::now();
    let running = Running::start(manifest).await;
    running.reaches(S::Ready).await;
    assert!(
        begin.elapsed() >= Duration::from_secs(9),
        "the pipes got their time"
    );
    let scripts = running.server.api().recorded().scripts;
    assert_eq!(scripts[0].status, ScriptStatus::PipesLeftOpen);
    // Its output is still taken.
    until("the late line", || {
        running.server.api().lines().contains(&"late".to_owned())
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn stop_scripts_run_and_their_failure_is_told() {
    let mut manifest = manifest();
    let mut stop = script(1, "echo stopping; exit 1");
    (stop.run_on_start, stop.run_on_stop) = (false, true);
    manifest.scripts = vec![stop];
    let running = Running::start(manifest).await;
    running.reaches(S::Ready).await;
    let server = running.stop().await;
    let states = server.api().states();
    assert_eq!(
        states,
        [S::Starting, S::Ready, S::ShuttingDown, S::ShutdownError]
    );
    assert!(server.api().lines().contains(&"stopping".to_owned()));
    assert_eq!(server.api().recorded().scripts[0].stage, ScriptStage::Stop);
}

#[tokio::test]
async fn shutting_down_ends_start_scripts() {
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, "echo running; sleep 1000")];
    let running = Running::start(manifest).await;
    until("the script runs", || {
        running.server.api().lines().contains(&"running".into())
    })
    .await;
    let begin = Instant::now();
    let server = running.stop().await;
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(
        server.api().states(),
        [S::Starting, S::ShuttingDown, S::Off]
    );
    assert!(
        server.api().recorded().scripts.is_empty(),
        "it did not complete"
    );
}

#[tokio::test]
async fn a_reconnect_runs_nothing_again() {
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, "echo once")];
    let running = Running::start(manifest.clone()).await;
    running.reaches(S::Ready).await;
    manifest
        .environment_variables
        .insert("GREETING".into(), "new".into());
    running.server.api().set_manifest(manifest);
    for _ in 0..3 {
        let tunnel = running.server.tunnel().await;
        tunnel.close();
        tunnel.closed().await;
    }
    running.server.tunnel().await.ping().await.unwrap();
    until("the manifest is asked for anew", || {
        let recorded = running.server.api().recorded();
        recorded.manifests >= 2 && recorded.startups.len() >= 2
    })
    .await;
    let server = running.stop().await;
    assert_eq!(server.api().lines(), ["once"]);
    assert_eq!(
        server.api().states(),
        [S::Starting, S::Ready, S::ShuttingDown, S::Off]
    );
}

#[tokio::test]
async fn what_happened_offline_is_told_later() {
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, "echo before; sleep 1; echo after")];
    let running = Running::start(manifest).await;
    until("the first line", || {
        running.server.api().lines().contains(&"before".into())
    })
    .await;
    running.server.api().fail_with(Some(ErrorKind::Unavailable));
    running.server.tunnel().await.close();
    // Long enough for the script to end while nobody listens.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(running.server.api().states(), [S::Starting]);
    running.server.api().fail_with(None);
    running.reaches(S::Ready).await;
    until("the last line", || {
        running.server.api().lines() == ["before", "after"]
    })
    .await;
    until("the result", || {
        running.server.api().recorded().scripts.len() == 1
    })
    .await;
    running.server.tunnel().await;
    running.stop().await;
}

#[tokio::test]
async fn an_agent_waits_for_a_server_and_gives_up_when_told() {
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    server.api().fail_with(Some(ErrorKind::Unauthenticated));
    let running = Running::with(server);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let server = running.stop().await;
    assert!(server.api().states().is_empty());

    server.api().fail_with(Some(ErrorKind::Unavailable));
    let running = Running::with(server);
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.server.api().fail_with(None);
    running.reaches(S::Ready).await;
    running.stop().await;
}

#[tokio::test]
async fn a_flood_of_output_is_cut_and_harms_nobody() {
    let mut manifest = manifest();
    // 100 MB, a line of 10 MB, and what is no text.
    let flood = "echo first; yes 0123456789 | head -c 100000000; \
                 head -c 10000000 /dev/zero | tr '\\0' x; echo; \
                 head -c 100000 /dev/urandom; echo; echo last";
    manifest.scripts = vec![script(1, flood)];
    let running = Running::start(manifest).await;
    running.reaches(S::Ready).await;
    let server = running.stop().await;
    let lines = server.api().lines();
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!(bytes <= 1_048_576);
    assert_eq!(lines.first().unwrap(), "first");
    assert_eq!(lines.last().unwrap(), "last");
    let said = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(said("The log of this agent is long"), 1);
    assert_eq!(said("are left out here"), 1);
}

#[tokio::test]
async fn metadata_is_collected_and_reported() {
    let mut manifest = manifest();
    manifest.metadata = vec![
        metadata("owner", "echo $CODER_WORKSPACE_OWNER_NAME"),
        metadata("broken", "echo partial; echo why >&2; exit 4"),
        metadata("slow", "sleep 1000"),
        metadata("large", "head -c 1000000 /dev/zero | tr '\\0' x"),
    ];
    let running = Running::start(manifest).await;
    let find = |key: &str| {
        let reports = running.server.api().recorded().metadata;
        let mut results = reports.into_iter().flat_map(|report| report.metadata);
        results.find(|result| result.key == key)
    };
    until("all values", || {
        ["owner", "broken", "slow", "large"]
            .iter()
            .all(|key| find(key).is_some())
    })
    .await;
    let owner = find("owner").unwrap();
    assert_eq!((owner.value.as_str(), owner.error.as_str()), ("alice", ""));
    let broken = find("broken").unwrap();
    assert_eq!(
        (broken.value.as_str(), broken.error.as_str()),
        ("partial", "exit status 4: why")
    );
    assert_eq!(find("slow").unwrap().error, "not done after 2 s");
    assert_eq!(find("large").unwrap().value.len(), 10 * 1_024);
    let count = |key: &str| {
        let reports = running.server.api().recorded().metadata;
        reports
            .iter()
            .flat_map(|report| &report.metadata)
            .filter(|r| r.key == key)
            .count()
    };
    until("it is collected again", || count("owner") >= 3).await;
    running.stop().await;
}

#[tokio::test]
async fn apps_become_healthy_and_unhealthy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/health", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 1_024];
            let _ = socket.read(&mut request).await;
            let answer =
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = socket.write_all(answer).await;
        }
    });
    let mut manifest = manifest();
    manifest.apps = vec![app(1, &address)];
    let running = Running::start(manifest).await;
    let health = || {
        let reports = running.server.api().recorded().app_health;
        reports
            .iter()
            .flat_map(|r| &r.healths)
            .map(|update| update.health)
            .collect::<Vec<_>>()
    };
    until("healthy", || health() == [AppHealth::Healthy]).await;
    serving.abort();
    let _ = serving.await;
    until("unhealthy", || {
        health() == [AppHealth::Healthy, AppHealth::Unhealthy]
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn ports_of_the_workspace_are_reached_through_the_tunnel() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut reader, mut writer) = socket.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
        }
    });
    let running = Running::start(manifest()).await;
    running.server.tunnel().await;
    let conn = AgentConn::new(&running.server.url, TOKEN).unwrap();
    let id = manifest().agent_id;
    let mut stream = conn.dial(id, open).await.unwrap();
    stream.write_all(b"through and back").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert_eq!(answer, "through and back");

    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let tunnel = running.server.tunnel().await;
    assert_eq!(
        tunnel.open(closed).await.unwrap_err().kind(),
        ErrorKind::Refused
    );
    for port in [0, 5, 8] {
        assert_eq!(
            tunnel.open(port).await.unwrap_err().kind(),
            ErrorKind::Unsupported,
            "{port}"
        );
    }
    for port in [port::SSH, port::STANDARD_SSH] {
        let mut stream = tunnel.open(port).await.unwrap();
        let mut greeting = [0; 8];
        soon(stream.read_exact(&mut greeting)).await.unwrap();
        assert_eq!(&greeting, b"SSH-2.0-");
    }
    // Streams that are not closed by who opened them end with the tunnel.
    let mut streams = Vec::new();
    for _ in 0..MAX_STREAMS.min(50) {
        streams.push(tunnel.open(open).await.unwrap());
    }
    tunnel.close();
    running.stop().await;
}

#[tokio::test]
async fn use_is_measured_in_bytes_and_connections_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 10_000];
        socket.read_exact(&mut request).await.unwrap();
        socket.write_all(&[1; 3_000]).await.unwrap();
        let _ = socket.read(&mut request).await;
    });
    let running = Running::start(manifest()).await;
    let tunnel = running.server.tunnel().await;
    let sum = || {
        let stats = running.server.api().recorded().stats;
        stats.iter().fold((0, 0), |(received, sent), stats| {
            (received + stats.rx_bytes, sent + stats.tx_bytes)
        })
    };
    let newest = || {
        running
            .server
            .api()
            .recorded()
            .stats
            .last()
            .cloned()
            .unwrap()
    };
    until("a report", || {
        !running.server.api().recorded().stats.is_empty()
    })
    .await;
    assert_eq!((sum(), newest().connection_count), ((0, 0), 0));

    let mut stream = tunnel.open(port).await.unwrap();
    stream.write_all(&[0; 10_000]).await.unwrap();
    stream.flush().await.unwrap();
    soon(stream.read_exact(&mut [0; 3_000])).await.unwrap();
    let mut ssh = tunnel.open(port::SSH).await.unwrap();
    soon(ssh.read_exact(&mut [0; 8])).await.unwrap();
    until("both are counted", || {
        // What SSH says before anybody has logged in is no use of the workspace.
        sum() == (10_000, 3_000) && newest().connection_count == 2
    })
    .await;
    let stats = newest();
    assert_eq!(
        (stats.session_count_ssh, stats.connections_by_proto["TCP"]),
        (1, 2)
    );
    let before = running.server.api().recorded().stats.len();
    until("a quiet report", || {
        let stats = running.server.api().recorded().stats;
        stats.len() > before + 1 && stats.last().unwrap().rx_bytes == 0
    })
    .await;
    assert_eq!(newest().connection_count, 2, "open and idle");

    drop((stream, ssh));
    until("both have gone", || newest().connection_count == 0).await;
    let told = running.server.api().recorded().connections;
    let [connect, disconnect] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (connect.action, connect.kind),
        (ConnectionAction::Connect, ConnectionType::Ssh)
    );
    assert_eq!(disconnect.action, ConnectionAction::Disconnect);
    assert!(connect.id == disconnect.id && connect.timestamp <= disconnect.timestamp);
    running.stop().await;
}

#[tokio::test]
async fn watched_resources_are_measured() {
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    server
        .api()
        .set_resources(ResourcesMonitoringConfiguration {
            collection_interval_seconds: 1,
            num_datapoints: 2,
            memory: true,
            volumes: vec!["/".into(), "/no/such/folder".into()],
        });
    let running = Running::with(server);
    until("two reports", || {
        running.server.api().recorded().resources.len() == 2
    })
    .await;
    let reports = running.server.api().recorded().resources;
    for report in &reports {
        assert_eq!(report.datapoints.len(), 2);
        let newest = report.datapoints.last().unwrap();
        assert!(
            newest
                .memory
                .is_some_and(|memory| memory.used <= memory.total)
        );
        assert_eq!(newest.volumes.len(), 1, "one is not there");
    }
    running.stop().await;
}

#[tokio::test]
async fn udp_ports_of_the_workspace_are_reached_through_the_tunnel() {
    let service = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let open = service.local_addr().unwrap().port();
    let service = tokio::spawn(async move {
        let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            let (length, from) = service.recv_from(&mut buffer).await.unwrap();
            service.send_to(&buffer[..length], from).await.unwrap();
        }
    });
    let running = Running::start(manifest()).await;
    let tunnel = running.server.tunnel().await;
    let mut stream = tunnel.open_udp(open).await.unwrap();
    let mut back = Vec::new();
    // The longest that IPv4 carries, and one that says nothing.
    for length in [1, 65_507, 0, 1_200] {
        let datagram = vec![u8::try_from(length % 251).unwrap(); length];
        write_datagram(&mut stream, &datagram).await.unwrap();
        assert!(soon(read_datagram(&mut stream, &mut back)).await.unwrap());
        assert!(back == datagram, "{length}");
    }
    // A datagram that cannot be sent is lost, and so is one to nobody; the stream goes on.
    write_datagram(&mut stream, &[0; 65_535]).await.unwrap();
    service.abort();
    let _ = service.await;
    for _ in 0..3 {
        write_datagram(&mut stream, b"nobody").await.unwrap();
    }
    let again = UdpSocket::bind(("127.0.0.1", open)).await.unwrap();
    let mut buffer = [0; 64];
    let heard = async {
        loop {
            write_datagram(&mut stream, b"somebody").await.unwrap();
            let wait = Duration::from_millis(100);
            if let Ok(heard) = tokio::time::timeout(wait, again.recv(&mut buffer)).await {
                return heard.unwrap();
            }
        }
    };
    let length = soon(heard).await;
    assert!([&b"nobody"[..], b"somebody"].contains(&&buffer[..length]));
    for port in [0, port::SSH, 8] {
        let refused = tunnel.open_udp(port).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{port}");
    }
    until("datagrams are counted", || {
        let stats = running.server.api().recorded().stats;
        let received: i64 = stats.iter().map(|stats| stats.rx_bytes).sum();
        let sent: i64 = stats.iter().map(|stats| stats.tx_bytes).sum();
        // What came back is what was sent, but for what was lost on the way.
        sent > 66_000 && received > sent
    })
    .await;
    running.stop().await;
}

pub(crate) fn is_alive(pid: i32) -> bool {
    // A zombie whose parent does not look is as dead as it gets.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .trim_start()
            .starts_with('Z')
    })
}

#[tokio::test]
async fn an_agent_that_is_not_known_any_more_ends_without_waiting() {
    let running = Running::start(manifest()).await;
    running.reaches(S::Ready).await;
    running
        .server
        .api()
        .fail_with(Some(ErrorKind::Unauthenticated));
    // Below the 5 s that a server which cannot be reached gets for the last reports.
    let ended = tokio::time::timeout(Duration::from_secs(4), running.stop()).await;
    assert!(!ended.unwrap().api().states().contains(&S::Off));
}
