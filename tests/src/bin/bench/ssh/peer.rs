//! The two sides that one client reaches.

use super::{CIPHER, KEX, PATIENCE};
use coder_tests::{Deployment, Outcome, wait_for};
use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// How a client reaches one side.
pub(crate) struct Side {
    options: Vec<String>,
    host: String,
    environment: Vec<(String, PathBuf)>,
    /// Processes that work for it and live longer than a connection.
    pub(crate) daemons: Vec<u32>,
}

impl Side {
    /// The workspace, as `config-ssh` has it.
    pub(crate) fn ours(deployment: &Deployment, daemons: Vec<u32>) -> Self {
        let config = deployment.folder().join("ssh_config");
        let path = config.to_str().expect("UTF-8");
        deployment.must(&["config-ssh", "--yes", "--ssh-config-file", path]);
        Self {
            options: vec!["-F".into(), path.into()],
            host: "coder.dev".into(),
            environment: vec![
                ("CODER_CONFIG_DIR".into(), deployment.folder().join("cli")),
                ("HOME".into(), deployment.home()),
            ],
            daemons,
        }
    }

    /// A client with further options, without a host yet.
    pub(crate) fn client(&self) -> Command {
        let mut command = Command::new("ssh");
        command
            .args(&self.options)
            .args(["-o", &format!("KexAlgorithms={KEX}")])
            .args(["-o", &format!("Ciphers={CIPHER}")])
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// A client that runs `script` there.
    pub(crate) fn ssh(&self, script: &str) -> Command {
        let mut command = self.client();
        command.args([&self.host, script]);
        command
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The words that rsync starts its client with.
    pub(crate) fn rsh(&self) -> String {
        let mut words = vec!["ssh".to_owned()];
        words.extend(self.client().get_args().map(|word| {
            let word = word.to_str().expect("UTF-8");
            assert!(!word.contains([' ', '\'']), "{word}");
            word.to_owned()
        }));
        words.join(" ")
    }

    pub(crate) fn environment(&self) -> impl Iterator<Item = (&String, &PathBuf)> {
        self.environment.iter().map(|(name, value)| (name, value))
    }
}

/// An sshd of this machine that takes one key.
pub(crate) struct Sshd {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Sshd {
    /// `None` where there is no sshd.
    pub(crate) fn start(deployment: &Deployment) -> Option<Self> {
        let daemon = Path::new("/usr/sbin/sshd");
        if !daemon.exists() {
            return None;
        }
        let folder = deployment.folder().join("sshd");
        fs::create_dir(&folder).expect("a folder");
        let _ = fs::create_dir_all("/run/sshd");
        for name in ["host_key", "user_key"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
            let made = Outcome::of(keygen.arg(folder.join(name)).output());
            drop(made.expect_success("ssh-keygen"));
        }
        let port = free_port();
        let config = config(&folder, port, &deployment.home());
        fs::write(folder.join("config"), config).expect("written");
        let child = Command::new(daemon)
            .arg("-D")
            .arg("-f")
            .arg(folder.join("config"))
            .arg("-E")
            .arg(folder.join("log"))
            .stdin(Stdio::null())
            .spawn()
            .expect("sshd starts");
        wait_for("sshd", PATIENCE, || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Some(Self {
            child,
            port,
            folder,
        })
    }

    pub(crate) fn side(&self, deployment: &Deployment) -> Side {
        let key = self.folder.join("user_key");
        let options = [
            "-F",
            "/dev/null",
            "-p",
            &self.port.to_string(),
            "-i",
            key.to_str().expect("UTF-8"),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ];
        Side {
            options: options.map(str::to_owned).to_vec(),
            host: "127.0.0.1".into(),
            environment: vec![("HOME".into(), deployment.home())],
            daemons: vec![self.child.id()],
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(folder: &Path, port: u16, home: &Path) -> String {
    let (folder, home) = (folder.display(), home.display());
    // The same home as the workspace's: shells begin with the files that are there.
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n\
         AuthorizedKeysFile {folder}/user_key.pub\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
         PidFile none\nSetEnv HOME={home}\n"
    )
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
