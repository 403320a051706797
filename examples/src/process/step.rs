//! A command that runs to its end, with its output in the job's log.

use super::processes::{command, kill_all};
use coder_core::provisioner_job::LogLevel;
use coder_provisioner::{Error, ErrorKind, LogSink, Result, protocol::Log};
use std::{path::Path, process::Stdio};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::sync::CancellationToken;

/// Longer lines are cut in pieces.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// Runs a shell command in a folder. What it has started is ended with it.
pub(super) async fn run(
    shell_command: &str,
    folder: &Path,
    environment: &[(String, String)],
    logs: &dyn LogSink,
    cancel: &CancellationToken,
) -> Result<()> {
    let failed = |error| Error::internal("run a command", error);
    let marker = super::session::random_id();
    let mut child = command("sh", marker)
        .args(["-c", &format!("exec 2>&1\n{shell_command}")])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let finished = async {
        if let Some(output) = child.stdout.take() {
            log_lines(output, logs).await;
        }
        child.wait().await
    };
    let status = tokio::select! {
        status = finished => Some(status),
        () = cancel.cancelled() => None,
    };
    kill_all(marker).await;
    let Some(status) = status else {
        return Err(Error::canceled());
    };
    let status = status.map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let text = format!("the command ended with {status}");
    logs.log(Log::new(LogLevel::Error, &text));
    Err(Error::new(ErrorKind::Failed, text))
}

async fn log_lines(mut output: impl AsyncRead + Unpin, logs: &dyn LogSink) {
    let line = |bytes: &[u8]| logs.log(Log::new(LogLevel::Info, String::from_utf8_lossy(bytes)));
    let (mut chunk, mut pending) = ([0; 4096], Vec::new());
    while let Ok(length @ 1..) = output.read(&mut chunk).await {
        pending.extend_from_slice(chunk.get(..length).unwrap_or_default());
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let rest = pending.split_off(end + 1);
            line(pending.get(..end).unwrap_or_default());
            pending = rest;
        }
        if pending.len() >= MAX_LINE_BYTES {
            line(&pending);
            pending.clear();
        }
    }
    if !pending.is_empty() {
        line(&pending);
    }
}
