//! Stopping PostgreSQL when the server itself was killed.

use std::{path::Path, process::Stdio};

use tokio::{io::AsyncWriteExt as _, process::Child};

use super::{PostgresError, command::command, error::IoContext};

/// Waits for a line, meaning that the server has stopped PostgreSQL, or for the end of input,
/// meaning that the server is gone. In the second case PostgreSQL is asked to stop as soon as the
/// data directory names it as its holder, and temporary files are removed afterwards.
const SCRIPT: &str = r#"
read -r line && exit 0
pid=$1 data=$2 remove=$3 asked=
tries=0
while kill -0 "$pid" && [ $tries -lt 300 ]; do
  if [ -z "$asked" ] && read -r holder < "$data/postmaster.pid" && [ "$holder" = "$pid" ]; then
    kill -INT "$pid" && asked=yes
  fi
  [ -n "$asked" ] && [ -z "$remove" ] && exit 0
  sleep 0.1
  tries=$((tries + 1))
done
[ -z "$remove" ] || rm -rf -- "$remove"
"#;

/// A shell that outlives the server for as long as it takes to stop PostgreSQL.
///
/// The standard library has no safe way to set the parent death signal, and a pipe also works when
/// the thread that started PostgreSQL ends before the server does.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
}

impl Guard {
    /// Watches over the process `pid` with the data directory `data`. `remove` is a directory to
    /// remove afterwards.
    pub(super) fn start(
        pid: u32,
        data: &Path,
        remove: Option<&Path>,
    ) -> Result<Self, PostgresError> {
        let mut command = command(Path::new("/bin/sh"), None);
        command
            .args(["-c", SCRIPT, "coder-postgres-guard"])
            .arg(pid.to_string())
            .arg(data)
            .arg(remove.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let shell = tokio::process::Command::from(command)
            .spawn()
            .during(|| "start the guard of PostgreSQL".to_owned())?;
        Ok(Self { shell })
    }

    /// Ends the guard without consequences.
    pub(super) async fn release(mut self) {
        if let Some(mut stdin) = self.shell.stdin.take()
            && let Err(error) = stdin.write_all(b"\n").await
        {
            tracing::debug!(%error, "the guard of PostgreSQL is gone");
        }
        if let Err(error) = self.shell.wait().await {
            tracing::debug!(%error, "cannot wait for the guard of PostgreSQL");
        }
    }
}
