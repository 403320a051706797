//! The agent inside of a running dev container.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use coder_core::secret::Secret;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;

use super::configuration::Wishes;
use super::engine::Engine;
use super::program::words;
use crate::platform::process::lead_group;
use crate::ssh::command::spawn;

/// Where the binary is, inside.
const FOLDER: &str = "/.coder-agent";
/// The longest line of its log that is passed on, in bytes.
const MAX_LINE_BYTES: u64 = 8 * 1024;

/// Starts the binary, after ending one that an earlier agent of the workspace started: that has a token which
/// is worth nothing any more. `$1` is the folder.
const START: &str = r#"
pid_file="${TMPDIR:-/tmp}/.coder-agent-$(id -u).pid"
old="$(cat "$pid_file" 2>/dev/null)"
if [ -n "$old" ] && [ "$(readlink "/proc/$old/exe" 2>/dev/null)" = "$1/coder" ]; then kill "$old"; fi
echo "$$" >"$pid_file"
exec "$1/coder" agent --devcontainers-enable=false --no-reap
"#;

/// Ends the binary.
const STOP: &str = r#"
old="$(cat "${TMPDIR:-/tmp}/.coder-agent-$(id -u).pid" 2>/dev/null)"
if [ -n "$old" ] && [ "$(readlink "/proc/$old/exe" 2>/dev/null)" = "$1/coder" ]; then kill "$old"; fi
"#;

/// One container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside<'a> {
    pub(super) engine: &'a Engine,
    pub(super) container: &'a str,
    pub(super) wishes: &'a Wishes,
}

impl Inside<'_> {
    /// Brings the binary in.
    pub(super) async fn prepare(&self, executable: &Path) -> io::Result<()> {
        let Self {
            engine, container, ..
        } = self;
        engine
            .exec(container, "root", &["mkdir", "-p", FOLDER])
            .await?;
        // Under another name first: the present one may be running.
        let (new, usual) = (format!("{FOLDER}/coder.new"), format!("{FOLDER}/coder"));
        engine.copy(executable, container, &new).await?;
        engine
            .exec(container, "root", &["chmod", "755", &new])
            .await?;
        engine
            .exec(container, "root", &["mv", "-f", &new, &usual])
            .await
            .map(drop)
    }

    /// Runs the binary until it ends. `line` gets its log.
    pub(super) async fn run(
        &self,
        url: &str,
        token: &Secret,
        mut line: impl FnMut(&str),
    ) -> io::Result<ExitStatus> {
        let mut command = Command::new(self.engine.program());
        command
            .args(self.arguments())
            .env_clear()
            .envs(self.engine.environment())
            // By name on the command line, by value here: everybody sees command lines.
            .env("CODER_AGENT_TOKEN", token.expose())
            .env("CODER_AGENT_URL", url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        lead_group(&mut command);
        let mut child = spawn(&mut command)?;
        if let Some(stderr) = child.stderr.take() {
            let mut stderr = BufReader::new(stderr);
            let mut bytes = Vec::new();
            while (&mut stderr)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut bytes)
                .await?
                > 0
            {
                line(String::from_utf8_lossy(&bytes).trim_end());
                bytes.clear();
            }
        }
        child.wait().await
    }

    /// Ends the binary.
    pub(super) async fn stop(&self) -> io::Result<()> {
        let command = ["sh", "-c", STOP, "sh", FOLDER];
        let Self {
            engine, container, ..
        } = self;
        engine
            .exec(container, &self.wishes.user, &command)
            .await
            .map(drop)
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments = words(["exec"]);
        for name in ["CODER_AGENT_TOKEN", "CODER_AGENT_URL"] {
            arguments.extend(words(["--env", name]));
        }
        arguments.extend(words(["--env", "CODER_AGENT_AUTH=token"]));
        if !self.wishes.user.is_empty() {
            arguments.extend(words(["--user", &self.wishes.user]));
        }
        arguments.extend(words([self.container, "sh", "-c", START, "sh", FOLDER]));
        arguments
    }
}
