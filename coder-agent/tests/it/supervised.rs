//! The binary with its supervisor, as the first process of a container, and where little is to be had.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use coder_agent::protocol::{LifecycleState as S, Script, ScriptStatus};
use coder_agent::testing::FakeAgentApi;
use tokio::process::{Child, Command};

use crate::support::{TOKEN, TestServer, manifest, script, soon, until};

const BINARY: &str = env!("CARGO_BIN_EXE_coder-agent");

/// Ends if a process of the namespace stays a zombie for ten seconds.
const NO_ZOMBIES: &str = "sh -c '(sleep 0.1; exit 0) & exit 0'; sleep 0.3; \
    for i in $(seq 100); do grep -q '^State:.Z' /proc/[0-9]*/status || exit 0; sleep 0.1; done; exit 7";

/// `wrapper` is what the agent is called by, if anything.
fn agent(server: &TestServer, home: &Path, wrapper: &[&str]) -> Command {
    let mut command = match wrapper {
        [] => Command::new(BINARY),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(BINARY);
            command
        }
    };
    command
        .arg("agent")
        .env("CODER_AGENT_URL", server.url.as_str())
        .env("CODER_AGENT_TOKEN", TOKEN)
        .env("HOME", home)
        .env("TMPDIR", home)
        .kill_on_drop(true);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
}

fn kill(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill")
        .args([format!("-{signal}"), pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// The only child of a process.
fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.ok()?.split_whitespace().next()?.parse().ok()
}

fn is_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

async fn end(child: &mut Child) {
    kill(child.id().unwrap(), "TERM");
    assert!(soon(child.wait()).await.unwrap().success());
}

/// Whether this machine lets us make a namespace; says why not.
#[expect(
    clippy::print_stderr,
    reason = "a skipped test says why, and clippy does not know helpers of tests"
)]
fn namespaces(kinds: &str) -> bool {
    let tried = std::process::Command::new("unshare")
        .args([kinds, "true"])
        .output();
    match tried {
        Ok(output) if output.status.success() => true,
        tried => {
            eprintln!("skipped: unshare {kinds} does not work here: {tried:?}");
            false
        }
    }
}

#[tokio::test]
async fn a_killed_agent_is_back_within_five_seconds() {
    let home = tempfile::tempdir().unwrap();
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    let mut supervisor = agent(&server, home.path(), &[]).spawn().unwrap();
    until("ready", || server.api().states().contains(&S::Ready)).await;
    let tunnel = server.tunnel().await;
    let first = child_of(supervisor.id().unwrap()).expect("the agent runs below it");
    kill(first, "KILL");
    let killed = Instant::now();
    soon(tunnel.closed()).await;
    server.tunnel().await.ping().await.unwrap();
    assert!(killed.elapsed().as_secs() < 5, "{:?}", killed.elapsed());
    assert_eq!(server.state.tunnels.load(Ordering::SeqCst), 2);
    end(&mut supervisor).await;
    assert_eq!(server.api().states().last(), Some(&S::Off));
}

#[tokio::test]
async fn signals_are_passed_on_and_the_exit_code_back() {
    let home = tempfile::tempdir().unwrap();
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    for signal in ["TERM", "INT"] {
        let mut supervisor = agent(&server, home.path(), &[]).spawn().unwrap();
        server.tunnel().await.ping().await.unwrap();
        kill(supervisor.id().unwrap(), signal);
        assert!(soon(supervisor.wait()).await.unwrap().success());
    }
    assert_eq!(server.api().states().last(), Some(&S::Off));
}

/// As a process group gets it that both are in: the agent hears it twice.
#[tokio::test]
async fn a_signal_to_both_lets_stop_scripts_end() {
    let home = tempfile::tempdir().unwrap();
    let farewell = home.path().join("farewell");
    let mut manifest = manifest();
    let text = format!("sleep 1; echo whole > '{}'", farewell.display());
    manifest.scripts = vec![Script {
        run_on_stop: true,
        run_on_start: false,
        ..script(1, &text)
    }];
    let server = TestServer::start(FakeAgentApi::new(manifest)).await;
    let mut supervisor = agent(&server, home.path(), &[]).spawn().unwrap();
    until("ready", || server.api().states().contains(&S::Ready)).await;
    let inner = child_of(supervisor.id().unwrap()).unwrap();
    kill(inner, "TERM");
    until("the stop script runs", || {
        server.api().states().contains(&S::ShuttingDown)
    })
    .await;
    kill(supervisor.id().unwrap(), "TERM");
    assert!(soon(supervisor.wait()).await.unwrap().success());
    assert_eq!(std::fs::read_to_string(farewell).unwrap(), "whole\n");
    assert_eq!(server.api().states().last(), Some(&S::Off));
}

#[tokio::test]
async fn an_agent_ends_with_its_supervisor() {
    let home = tempfile::tempdir().unwrap();
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    let mut supervisor = agent(&server, home.path(), &[]).spawn().unwrap();
    until("ready", || server.api().states().contains(&S::Ready)).await;
    let agent = child_of(supervisor.id().unwrap()).unwrap();
    supervisor.kill().await.unwrap();
    until("the agent to end", || !is_there(agent)).await;
    assert_eq!(server.api().states().last(), Some(&S::Off));
}

#[tokio::test]
async fn as_first_process_it_reaps_and_ends_in_order() {
    if !namespaces("-Urpf") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, NO_ZOMBIES)];
    let server = TestServer::start(FakeAgentApi::new(manifest)).await;
    let wrapper = ["unshare", "-Urpf", "--mount-proc", "--kill-child"];
    let mut unshare = agent(&server, home.path(), &wrapper).spawn().unwrap();
    until("ready", || server.api().states().len() > 1).await;
    assert_eq!(server.api().recorded().scripts[0].status, ScriptStatus::Ok);
    assert_eq!(server.api().states(), [S::Starting, S::Ready]);
    // `unshare` waits for the first process of the namespace and keeps signals to itself.
    let first = child_of(unshare.id().unwrap()).unwrap();
    kill(first, "TERM");
    assert!(soon(unshare.wait()).await.unwrap().success());
    assert_eq!(server.api().states().last(), Some(&S::Off));
}

#[tokio::test]
async fn without_a_supervisor_zombies_would_stay() {
    if !namespaces("-Urpf") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, NO_ZOMBIES)];
    let server = TestServer::start(FakeAgentApi::new(manifest)).await;
    let wrapper = ["unshare", "-Urpf", "--mount-proc", "--kill-child"];
    let mut command = agent(&server, home.path(), &wrapper);
    let _unshare = command.arg("--no-reap").spawn().unwrap();
    until("an end of the start", || server.api().states().len() > 1).await;
    assert_eq!(server.api().recorded().scripts[0].exit_code, 7);
}

#[tokio::test]
async fn a_user_without_home_name_or_shell_is_served() {
    let home = tempfile::tempdir().unwrap();
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    // A user that /etc/passwd does not know, if we may become one.
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    let wrapper = [
        "setpriv",
        "--reuid=54321",
        "--regid=54321",
        "--clear-groups",
    ];
    let wrapper = if root { &wrapper[..] } else { &[] };
    let binary = home.path().join("coder-agent");
    std::fs::copy(BINARY, &binary).unwrap();
    open_to_all(home.path());
    let mut command = Command::new(wrapper.first().copied().unwrap_or("env"));
    command
        .args(wrapper.get(1..).unwrap_or_default())
        .arg(&binary)
        .arg("agent")
        .env_clear()
        .env("CODER_AGENT_URL", server.url.as_str())
        .env("CODER_AGENT_TOKEN", TOKEN)
        .env("TMPDIR", home.path())
        .current_dir("/")
        .kill_on_drop(true);
    let mut supervisor = command.spawn().unwrap();
    until("ready", || server.api().states().contains(&S::Ready)).await;
    server.tunnel().await.ping().await.unwrap();
    end(&mut supervisor).await;
}

#[tokio::test]
async fn a_full_disk_keeps_nobody_out() {
    if !namespaces("-Urm") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, "echo hello")];
    let server = TestServer::start(FakeAgentApi::new(manifest)).await;
    let full = "mount -t tmpfs -o size=16k tmpfs \"$TMPDIR\" && \
        { cat /dev/zero >\"$TMPDIR/full\" 2>/dev/null; exec \"$@\"; }";
    let wrapper = ["unshare", "-Urm", "sh", "-c", full, "sh"];
    let mut supervisor = agent(&server, home.path(), &wrapper).spawn().unwrap();
    until("an end of the start", || server.api().states().len() > 1).await;
    server.tunnel().await.ping().await.unwrap();
    // The output is told all the same, though its file has no room.
    assert_eq!(server.api().recorded().scripts[0].status, ScriptStatus::Ok);
    assert_eq!(server.api().lines(), ["hello"]);
    end(&mut supervisor).await;
}

#[tokio::test]
async fn a_home_that_cannot_be_written_to_is_enough() {
    if !namespaces("-Urm") {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, "echo hello; ! touch \"$HOME/x\" 2>/dev/null")];
    let server = TestServer::start(FakeAgentApi::new(manifest)).await;
    let temporary = tempfile::tempdir().unwrap();
    let read_only = "mount -t tmpfs -o ro tmpfs \"$HOME\" && exec \"$@\"";
    let wrapper = ["unshare", "-Urm", "sh", "-c", read_only, "sh"];
    let mut supervisor = agent(&server, home.path(), &wrapper)
        .env("TMPDIR", temporary.path())
        .spawn()
        .unwrap();
    until("ready", || server.api().states().contains(&S::Ready)).await;
    assert_eq!(server.api().lines(), ["hello"]);
    end(&mut supervisor).await;
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder, all).unwrap();
}
