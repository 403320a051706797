//! Git in a workspace: a real `sshd` as the Git host, real `git`, the real binary as its helper.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use coder_agent::ErrorKind;
use coder_agent::protocol::{ExternalAuthResponse, GitSshKey, LifecycleState};
use coder_agent::testing::FakeAgentApi;
use coder_core::clock::OsEntropy;
use coder_core::git_ssh_key::{self, SshKeygenAlgorithm};
use coder_core::id::UserId;
use coder_core::secret::Secret;
use uuid::Uuid;

use crate::support::{TOKEN, TestServer, manifest, script, soon, until};

const BINARY: &str = env!("CARGO_BIN_EXE_coder-agent");

/// An `sshd` that lets in one key, with a repository.
struct GitHost {
    folder: tempfile::TempDir,
    sshd: Child,
    port: u16,
}

/// The programs that the tests need, or `None` with the printed reason.
fn programs() -> Option<PathBuf> {
    let sshd = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
    let sshd = sshd
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    let git = Command::new("git").arg("--version").output().is_ok();
    if sshd.is_none() || !git {
        eprintln!("skipped: git and an SSH server are needed (apt-get install git openssh-server)");
    }
    sshd.filter(|_| git)
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

impl GitHost {
    async fn start(sshd: &Path, key: &GitSshKey) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        done(
            Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(at("host")),
        );
        std::fs::write(at("authorized_keys"), &key.public_key).unwrap();
        let port = free_port();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             AuthenticationMethods publickey\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
             LogLevel VERBOSE\n",
            at("host").display(),
            at("authorized_keys").display(),
        );
        std::fs::write(at("sshd_config"), config).unwrap();
        // As root it insists on this folder.
        let _ = std::fs::create_dir_all("/run/sshd");
        let sshd = Command::new(sshd)
            .args(["-D", "-f"])
            .arg(at("sshd_config"))
            .arg("-E")
            .arg(at("log"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        // Connecting would not do: to a free port a client may reach itself.
        let log = at("log");
        let listens =
            || std::fs::read_to_string(&log).is_ok_and(|log| log.contains("Server listening"));
        until("sshd", listens).await;
        let repository = at("repository.git");
        done(
            Command::new("git")
                .args(["init", "-q", "--bare", "-b", "main"])
                .arg(&repository),
        );
        Self { folder, sshd, port }
    }

    fn url(&self) -> String {
        let path = self.folder.path().join("repository.git");
        format!("ssh://127.0.0.1:{}{}", self.port, path.display())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for GitHost {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn key(algorithm: SshKeygenAlgorithm) -> GitSshKey {
    let (user, now) = (UserId(Uuid::from_u128(1)), coder_core::Timestamp::default());
    let pair = git_ssh_key::GitSshKey::generate(user, algorithm, &OsEntropy, now).unwrap();
    GitSshKey {
        public_key: pair.public_key,
        private_key: pair.private_key,
    }
}

/// A home with an `ssh` in front of the real one that has a known-hosts file of its own: OpenSSH takes
/// the home of the account, whatever `HOME` says.
fn home() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    std::fs::create_dir(at("bin")).unwrap();
    let config = format!(
        "StrictHostKeyChecking accept-new\nUserKnownHostsFile {}\nIdentityAgent none\n",
        at("known_hosts").display()
    );
    std::fs::write(at("ssh_config"), config).unwrap();
    let ssh = format!(
        "#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n",
        at("ssh_config").display()
    );
    std::fs::write(at("bin/ssh"), ssh).unwrap();
    std::fs::set_permissions(at("bin/ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let git = "[user]\nname = Alice\nemail = alice@example.com\n[init]\ndefaultBranch = main\n";
    std::fs::write(at(".gitconfig"), git).unwrap();
    home
}

/// Runs a script in a workspace whose owner has this key, and answers what it wrote.
async fn in_workspace(key: &GitSshKey, home: &Path, text: &str, fails: bool) -> String {
    let mut manifest = manifest();
    manifest.scripts = vec![script(1, text)];
    let server = TestServer::start(FakeAgentApi::new(manifest)).await;
    server.api().set_git_ssh_key(key.clone());
    let path = format!("{}/bin:{}", home.display(), std::env::var("PATH").unwrap());
    let mut agent = tokio::process::Command::new(BINARY)
        .args(["agent", "--agent-url", server.url.as_str()])
        .env("CODER_AGENT_TOKEN", TOKEN)
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("PATH", path)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("SSH_AUTH_SOCK")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let end = [LifecycleState::Ready, LifecycleState::StartError];
    let ended = || {
        server
            .api()
            .states()
            .iter()
            .any(|state| end.contains(state))
    };
    until("the script to end", ended).await;
    let output = server.api().lines().join("\n");
    let failed = server.api().states().contains(&LifecycleState::StartError);
    assert_eq!(failed, fails, "{output}");
    agent.kill().await.unwrap();
    let left = std::fs::read_dir(home).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    let key_files = left
        .iter()
        .filter(|name| name.to_string_lossy().contains("git-key"));
    assert_eq!(
        key_files.count(),
        0,
        "a private key is left behind: {left:?}"
    );
    output
}

#[tokio::test]
async fn git_uses_the_owners_key_and_no_other_lets_it_in() {
    let Some(sshd) = programs() else { return };
    for algorithm in [SshKeygenAlgorithm::Ed25519, SshKeygenAlgorithm::Ecdsa] {
        let (mine, home) = (key(algorithm), home());
        let host = GitHost::start(&sshd, &mine).await;
        let url = host.url();
        let work = format!(
            "set -e; cd ~; git clone -q {url} work; cd work; echo hello >file; git add file; \
             git commit -qm first; git push -q origin HEAD; git log --format='pushed %s' origin/main"
        );
        let output = in_workspace(&mine, home.path(), &work, false).await;
        assert!(output.contains("pushed first"), "{output}");

        let other = key(algorithm);
        let clone = format!("cd ~; git clone -q {url} other");
        let output = in_workspace(&other, home.path(), &clone, true).await;
        assert!(
            output.contains("Permission denied (publickey)"),
            "{output}\n{}",
            host.log()
        );
    }
}

#[tokio::test]
async fn the_users_own_identity_comes_first() {
    let Some(sshd) = programs() else { return };
    let (own, home) = (key(SshKeygenAlgorithm::Ed25519), home());
    let file = home.path().join("own");
    std::fs::write(&file, own.private_key.expose()).unwrap();
    done(Command::new("chmod").arg("600").arg(&file));
    let config = home.path().join("ssh_config");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str(&format!("IdentityFile {}\n", file.display()));
    std::fs::write(&config, text).unwrap();
    let host = GitHost::start(&sshd, &own).await;
    let clone = format!("cd ~; git clone -q {} work", host.url());
    in_workspace(
        &key(SshKeygenAlgorithm::Ed25519),
        home.path(),
        &clone,
        false,
    )
    .await;
    let log = host.log();
    assert!(
        !log.contains("Failed publickey"),
        "the other key was tried first: {log}"
    );
}

#[tokio::test]
async fn without_the_server_git_goes_on_with_the_users_keys() {
    let Some(sshd) = programs() else { return };
    let (own, home) = (key(SshKeygenAlgorithm::Ed25519), home());
    let file = home.path().join("own");
    std::fs::write(&file, own.private_key.expose()).unwrap();
    done(Command::new("chmod").arg("600").arg(&file));
    let host = GitHost::start(&sshd, &own).await;
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    server.api().fail_with(Some(ErrorKind::Forbidden));
    let clone = async |name: &str, address: &str| {
        let command = format!("{BINARY} gitssh -- -i {}", file.display());
        let path = format!(
            "{}/bin:{}",
            home.path().display(),
            std::env::var("PATH").unwrap()
        );
        let output = tokio::process::Command::new("git")
            .args(["clone", "-q", &host.url()])
            .arg(home.path().join(name))
            .env("GIT_SSH_COMMAND", command)
            .env("CODER_AGENT_URL", address)
            .env("CODER_AGENT_TOKEN", TOKEN)
            .env("PATH", path)
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .output();
        let output = soon(output).await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        assert!(text.contains("going on with your own keys"), "{text}");
    };
    clone("refused", server.url.as_str()).await;
    clone("unreachable", "http://127.0.0.1:1").await;
}

#[tokio::test]
async fn commits_are_signed_with_the_owners_key() {
    if programs().is_none() {
        return;
    }
    let (mine, home) = (key(SshKeygenAlgorithm::Ed25519), home());
    let public = mine.public_key.trim_end();
    let text = format!(
        "set -e; cd ~; git init -q signed; cd signed; git config gpg.format ssh; \
         git config gpg.ssh.program coder; git config user.signingkey \"key::$(coder publickey)\"; \
         echo 'alice@example.com {public}' >../signers; \
         git config gpg.ssh.allowedSignersFile ~/signers; \
         git commit -q --allow-empty -S -m signed; git verify-commit HEAD 2>&1"
    );
    let output = in_workspace(&mine, home.path(), &text, false).await;
    assert!(
        output.contains("Good \"git\" signature for alice@example.com"),
        "{output}"
    );
}

fn askpass(server: &TestServer, arguments: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(BINARY);
    command
        .args(arguments)
        .env("CODER_AGENT_URL", server.url.as_str())
        .env("CODER_AGENT_TOKEN", TOKEN)
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn questions_for_credentials_are_answered() {
    let server = TestServer::start(FakeAgentApi::new(manifest())).await;
    let answer = ExternalAuthResponse {
        access_token: Secret::new("token"),
        username: "oauth2".into(),
        password: Secret::new("token"),
        ..ExternalAuthResponse::default()
    };
    server.api().set_external_auth("git.test", answer.clone());
    for (arguments, expected) in [
        (&["Username for 'https://git.test': "][..], "oauth2\n"),
        (&["Password for 'https://oauth2@git.test': "], "token\n"),
        (
            &["gitaskpass", "Password for 'https://git.test/x': "],
            "token\n",
        ),
    ] {
        let output = soon(askpass(&server, arguments).output()).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
    let unknown = askpass(&server, &["Username for 'https://other.test': "]).output();
    let unknown = soon(unknown).await.unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    assert!(unknown.stdout.is_empty());
    let text = String::from_utf8_lossy(&unknown.stderr);
    assert!(text.contains("no external login for other.test"), "{text}");

    // Who has to sign in first is told where, and waited for.
    let sign_in = ExternalAuthResponse {
        url: "https://coder.test/external-auth/git".into(),
        ..ExternalAuthResponse::default()
    };
    server.api().set_external_auth("git.test", sign_in);
    let mut waiting = askpass(&server, &["Password for 'https://git.test': "])
        .spawn()
        .unwrap();
    let mut told = String::new();
    let mut stderr = tokio::io::BufReader::new(waiting.stderr.take().unwrap());
    let line = tokio::io::AsyncBufReadExt::read_line(&mut stderr, &mut told);
    soon(line).await.unwrap();
    assert!(
        told.contains("https://coder.test/external-auth/git"),
        "{told}"
    );
    server.api().set_external_auth("git.test", answer);
    let output = soon(waiting.wait_with_output()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "token\n");
}
