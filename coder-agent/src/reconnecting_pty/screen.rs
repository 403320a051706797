use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use uuid::Uuid;

use crate::platform::account;
use crate::platform::files::{is_executable, is_secret_folder, make_private_folder};
use crate::ssh::Environment;
use crate::ssh::command::spawn;

/// Makes `screen` as little visible as it can be: no greeting, no messages, which would hold the
/// program's output up, no key of its own (the byte 255 is in no UTF-8), the outer terminal's
/// scrollback stays of use.
const CONFIG: &str = "startup_message off
defutf8 on
altscreen on
defscrollback 10000
vbell off
autodetach on
deflogin off
msgwait 0
term xterm-256color
termcapinfo xterm* ti@:te@
escape \\377\\377
";

/// How long ending a session may take.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A session of the program `screen`, which goes on when the agent is killed.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    program: PathBuf,
    /// Where sessions have their sockets; of this user alone.
    sockets: PathBuf,
    session: String,
}

impl Screen {
    /// The session of a terminal, where `screen` can be used.
    pub(super) fn find(terminal: Uuid, environment: &Environment) -> Option<Self> {
        let path = environment.get(OsStr::new("PATH"))?;
        let program = std::env::split_paths(path)
            .map(|folder| folder.join("screen"))
            .find(|file| is_executable(file))?;
        let user = account::number();
        // A short path, since those of sockets must be.
        let sockets = std::env::temp_dir().join(format!("coder-screen-{user}"));
        match prepare(&sockets) {
            Ok(()) => Some(Self {
                program,
                sockets,
                session: terminal.simple().to_string(),
            }),
            Err(error) => {
                let sockets = sockets.display();
                tracing::warn!(%error, %sockets, "screen has no place for its sockets");
                None
            }
        }
    }

    /// The command that goes on with the session, or begins it with `inner`.
    pub(super) fn around(
        &self,
        inner: &Command,
        directory: &Path,
        environment: &Environment,
    ) -> Command {
        let inner = inner.as_std();
        let mut command = Command::new(&self.program);
        command
            .args(["-U", "-d", "-RR", "-S", &self.session, "-c"])
            .arg(self.config())
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear()
            .envs(environment)
            .env("SCREENDIR", &self.sockets)
            .current_dir(directory);
        command
    }

    /// Ends the session, if it has not ended.
    pub(super) async fn quit(&self) {
        let mut command = Command::new(&self.program);
        command
            .args(["-S", &self.session, "-X", "quit"])
            .env("SCREENDIR", &self.sockets)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if let Ok(mut child) = spawn(&mut command) {
            let _ = timeout(QUIT_TIMEOUT, child.wait()).await;
        }
    }

    fn config(&self) -> PathBuf {
        self.sockets.join("config")
    }
}

/// Makes the folder, or checks that it is this user's alone: another one could have made it first.
fn prepare(sockets: &Path) -> io::Result<()> {
    match make_private_folder(sockets) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !is_secret_folder(sockets)? {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
        }
        Err(error) => return Err(error),
    }
    fs::write(sockets.join("config"), CONFIG)
}
