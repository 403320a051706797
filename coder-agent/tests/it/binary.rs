//! The slim binary as a workspace runs it: init script, signals, proxy and TLS.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use coder_agent::init_script;
use coder_agent::protocol::LifecycleState as S;
use coder_agent::testing::FakeAgentApi;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::{ConnectProxy, TOKEN, TestServer, manifest, script, soon, until};

const BINARY: &str = env!("CARGO_BIN_EXE_coder-agent");

pub(crate) fn agent(server: &TestServer, home: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command
        .arg("agent")
        .arg("--no-reap")
        .env("CODER_AGENT_URL", server.url.as_str())
        .env("CODER_AGENT_TOKEN", TOKEN)
        .env("CODER_AGENT_AUTH", "token")
        .env("HOME", home)
        .env("TMPDIR", home)
        .kill_on_drop(true);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
}

pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args([format!("-{name}"), id])
        .status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn the_binary_says_what_it_is() {
    for argument in ["--version", "version"] {
        let output = Command::new(BINARY).arg(argument).output().await.unwrap();
        assert!(output.status.success());
        assert!(
            String::from_utf8(output.stdout)
                .unwrap()
                .lines()
                .next()
                .unwrap()
                .contains("Coder")
        );
    }
    for (arguments, code) in [
        (&["help"][..], 0),
        (&["agent", "--help"], 0),
        (&[], 2),
        (&["wat"], 2),
        (&["agent", "--wat"], 2),
    ] {
        let output = Command::new(BINARY)
            .args(arguments)
            .env_clear()
            .output()
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
    let output = Command::new(BINARY)
        .arg("agent")
        .env_clear()
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("CODER_AGENT_URL: is not set"));
    for what in ["cpu", "mem", "disk"] {
        let output = Command::new(BINARY)
            .args(["stat", what])
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8(output.stdout).unwrap().contains('%'));
    }
}

/// Everything comes through the tunnel: there is no port to find.
#[tokio::test]
async fn the_agent_listens_on_nothing() {
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    let home = tempfile::tempdir().unwrap();
    let running = agent(&server, home.path()).spawn().unwrap();
    let tunnel = server.tunnel().await;
    tunnel.ping().await.unwrap();
    let pid = running.id().unwrap();
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
        .filter_map(|target| {
            let target = target.to_str()?.strip_prefix("socket:[")?;
            Some(target.trim_end_matches(']').to_owned())
        })
        .collect();
    assert!(!sockets.is_empty(), "the tunnel is one");
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // The state: 0A listens, 07 is an open UDP socket.
            let open = matches!(fields[3], "0A" | "07");
            assert!(
                !(open && sockets.iter().any(|inode| inode == fields[9])),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn both_signals_end_the_agent_cleanly() {
    for name in ["TERM", "INT"] {
        let home = tempfile::tempdir().unwrap();
        let server = TestServer::start(FakeAgentApi::new(manifest())).await;
        let mut child = agent(&server, home.path()).spawn().unwrap();
        until("ready", || server.api().states().contains(&S::Ready)).await;
        signal(&child, name);
        assert!(soon(child.wait()).await.unwrap().success());
        assert_eq!(
            server.api().states(),
            [S::Starting, S::Ready, S::ShuttingDown, S::Off]
        );
    }
}

#[tokio::test]
async fn a_killed_agent_is_missed_and_a_new_one_takes_over() {
    let home = tempfile::tempdir().unwrap();
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    let mut child = agent(&server, home.path()).spawn().unwrap();
    let tunnel = server.tunnel().await;
    tunnel.ping().await.unwrap();
    child.kill().await.unwrap();
    soon(tunnel.closed()).await;
    let _child = agent(&server, home.path()).spawn().unwrap();
    server.tunnel().await.ping().await.unwrap();
    assert_eq!(server.state.tunnels.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn https_through_a_proxy_works() {
    let home = tempfile::tempdir().unwrap();
    let (tls, certificate) = tls(home.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = TestServer::serve(FakeAgentApi::new(manifest()), listener, Some(tls)).await;
    let proxy = ConnectProxy::start().await;
    let mut child = agent(&server, home.path())
        .env("HTTPS_PROXY", &proxy.url)
        .env("SSL_CERT_FILE", &certificate)
        .spawn()
        .unwrap();
    server.tunnel().await.ping().await.unwrap();
    until("ready", || server.api().states().contains(&S::Ready)).await;
    assert!(
        proxy.connections.load(Ordering::SeqCst) >= 2,
        "calls and tunnel go by the proxy"
    );
    signal(&child, "TERM");
    assert!(soon(child.wait()).await.unwrap().success());

    // Without the certificate nothing is told.
    let before = server.api().recorded().manifests;
    let mut child = agent(&server, home.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = String::new();
    let mut stderr = child.stderr.take().unwrap();
    soon(async {
        let mut buffer = [0; 1_024];
        while !log.contains("cannot connect") {
            let length = stderr.read(&mut buffer).await.unwrap();
            log.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    })
    .await;
    assert_eq!(server.api().recorded().manifests, before);
    assert!(!log.contains(TOKEN), "no secret in the log");
    child.kill().await.unwrap();
}

/// A certificate for localhost made by openssl, and what serves it.
fn tls(folder: &Path) -> (TlsAcceptor, std::path::PathBuf) {
    let (key, certificate) = (folder.join("key.pem"), folder.join("cert.pem"));
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "extendedKeyUsage=serverAuth"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let chain = vec![CertificateDer::from_pem_file(&certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate)
}

/// Serves `first` to the first request and `then` to later ones, as downloads.
async fn downloads(first: Option<Vec<u8>>, then: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut first = first;
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let length = socket.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let found = request.starts_with("GET /bin/coder-linux-amd64 ");
            let (status, body) = match first.take() {
                _ if !found => ("404 Not Found", Vec::new()),
                Some(body) => ("503 Service Unavailable", body),
                None => ("200 OK", then.clone()),
            };
            let header = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = socket.write_all(header.as_bytes()).await;
            let _ = socket.write_all(&body).await;
        }
    });
    url
}

/// The init script for Linux in a POSIX shell, with a `sleep` that does not.
async fn init(url: &str, home: &Path, path: &str) -> (Option<i32>, String) {
    let tools = home.join("tools");
    std::fs::create_dir_all(&tools).unwrap();
    executable(&tools.join("sleep"), "#!/bin/sh\necho \"slept $1\"\n");
    let text = init_script::render(init_script::LINUX, url, "token", "amd64");
    let output = Command::new("dash")
        .args(["-c", &text])
        .env_clear()
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("TMPDIR", home)
        .output();
    let output = soon(output).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Stands for the agent: says its name, or shows how it was called.
const FAKE_AGENT: &str = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'Coder v9'; echo more; \
    else echo \"$0 $* $CODER_AGENT_AUTH $CODER_AGENT_URL\"; fi\n";

#[tokio::test]
async fn the_init_script_fetches_and_starts_the_agent() {
    if !Path::new("/usr/bin/dash").exists() {
        eprintln!("skipped: there is no dash");
        return;
    }
    let fake = FAKE_AGENT.as_bytes().to_vec();
    for tool in ["curl", "wget"] {
        let home = tempfile::tempdir().unwrap();
        let tools = home.path().join("only");
        std::fs::create_dir(&tools).unwrap();
        for name in [tool, "mktemp", "chmod", "mv", "head", "grep", "id", "rm"] {
            let found = ["/usr/bin", "/bin"].map(|dir| Path::new(dir).join(name));
            let found = found.iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(found, tools.join(name)).unwrap();
        }
        executable(&tools.join("sh"), "");
        std::fs::remove_file(tools.join("sh")).unwrap();
        std::os::unix::fs::symlink("/bin/sh", tools.join("sh")).unwrap();
        std::os::unix::fs::symlink("/usr/bin/dash", tools.join("dash")).unwrap();
        let path = tools.display().to_string();
        // The first answer fails, the second is the binary.
        let url = downloads(Some(b"busy".to_vec()), fake.clone()).await;
        let (code, output) = init(&url, home.path(), &path).await;
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains("slept 30"), "{output}");
        assert!(
            output.contains(&format!("/coder agent token {url}/")),
            "{output}"
        );
    }
}

#[tokio::test]
async fn a_damaged_download_is_fetched_again() {
    if !Path::new("/usr/bin/dash").exists() {
        eprintln!("skipped: there is no dash");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let fake = FAKE_AGENT.as_bytes();
    let hash: String = Sha256::digest(fake)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut binaries = vec![fake.to_vec(), fake[1..].to_vec()];
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let length = socket.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let body = if request.starts_with("GET /bin/coder-linux-amd64.sha256 ") {
                format!("{hash}  coder-linux-amd64\n").into_bytes()
            } else {
                binaries.pop().unwrap()
            };
            let length = body.len();
            let header =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(header.as_bytes()).await;
            let _ = socket.write_all(&body).await;
        }
    });
    let (code, output) = init(&url, home.path(), "/usr/bin:/bin").await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("slept 30"), "{output}");
    assert!(output.contains("/coder agent token"), "{output}");
}

#[tokio::test]
async fn busybox_is_enough_for_the_init_script() {
    let Some(busybox) = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).exists())
    else {
        eprintln!("skipped: there is no busybox");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let tools = home.path().join("only");
    std::fs::create_dir(&tools).unwrap();
    for name in [
        "busybox", "mktemp", "chmod", "mv", "head", "grep", "id", "sh", "dash",
    ] {
        std::os::unix::fs::symlink(busybox, tools.join(name)).unwrap();
    }
    std::fs::remove_file(tools.join("dash")).unwrap();
    executable(&tools.join("dash"), "#!/bin/sh\nexec sh \"$@\"\n");
    let url = downloads(None, FAKE_AGENT.as_bytes().to_vec()).await;
    let (code, output) = init(&url, home.path(), &tools.display().to_string()).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("/coder agent token"), "{output}");
}

#[tokio::test]
async fn the_init_script_refuses_what_is_no_agent() {
    if !Path::new("/usr/bin/dash").exists() {
        eprintln!("skipped: there is no dash");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let url = downloads(None, b"#!/bin/sh\necho '<html>sign in</html>'\n".to_vec()).await;
    let (code, output) = init(&url, home.path(), "/usr/bin:/bin").await;
    assert_eq!(code, Some(2), "{output}");
    assert!(output.contains("is not a Coder binary"), "{output}");
    assert!(output.contains("slept 86400"), "{output}");

    let empty = home.path().join("none");
    std::fs::create_dir(&empty).unwrap();
    for name in ["mktemp", "dash"] {
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(name), empty.join(name)).unwrap();
    }
    let (code, output) = init(&url, home.path(), &empty.display().to_string()).await;
    assert_eq!(code, Some(127), "{output}");
}

#[tokio::test]
async fn the_init_script_starts_the_real_agent() {
    if !Path::new("/usr/bin/dash").exists() {
        eprintln!("skipped: there is no dash");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, "command -v coder; coder --version")];
    let server = TestServer::start(FakeAgentApi::new(manifest)).await;
    let binaries = downloads(None, std::fs::read(BINARY).unwrap()).await;
    let text = init_script::render(init_script::LINUX, &binaries, "token", "amd64");
    // Binaries come from one server, calls go to another.
    let text = text.replace(
        &format!("export CODER_AGENT_URL='{binaries}/'"),
        &format!("export CODER_AGENT_URL='{}'", server.url),
    );
    let mut child = Command::new("dash")
        .args(["-c", &text])
        .env("CODER_AGENT_TOKEN", TOKEN)
        .env("TMPDIR", home.path())
        .env("HOME", home.path())
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("ready", || server.api().states().contains(&S::Ready)).await;
    let lines = server.api().lines();
    assert!(lines[0].ends_with("/coder"), "{lines:?}");
    assert!(lines[1].starts_with("Coder v"), "{lines:?}");
    // The shell became the agent.
    signal(&child, "TERM");
    assert!(soon(child.wait()).await.unwrap().success());
}
