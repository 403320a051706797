//! Other programs, with bounds on time and output.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::platform::process::lead_group;
use crate::ssh::Environment;
use crate::ssh::command::spawn;

/// The most of one output that is kept, in bytes; the rest is read and dropped.
const MAX_OUTPUT_BYTES: u64 = 4 * 1024 * 1024;
/// The longest line that is passed on, in bytes.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// The most of what a failed program said that is told, in characters.
const MAX_TOLD_CHARS: usize = 1_000;

/// What a program wrote to its standard output, and whether it succeeded.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) success: bool,
}

/// A program as it is called.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: &'a Environment,
    pub(super) limit: Duration,
}

/// The first of these programs that is on the `PATH` of an environment.
pub(super) fn find(names: &[&str], environment: &Environment) -> Option<PathBuf> {
    let path = environment.get(OsStr::new("PATH"))?;
    names.iter().find_map(|name| {
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}

/// Arguments from texts.
pub(super) fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<OsString> {
    words.into_iter().map(OsString::from).collect()
}

impl Call<'_> {
    /// Runs it to its end, and gives each line of its standard error to `line` at once.
    pub(super) async fn run(self, line: impl FnMut(&str)) -> io::Result<Output> {
        let mut command = Command::new(self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // It may have children of its own that hold the pipes.
        lead_group(&mut command);
        let mut child = spawn(&mut command)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (stdout, stderr, status) =
                tokio::join!(collect(stdout), lines(stderr, line), child.wait());
            Ok(Output {
                stdout: stdout?,
                stderr: stderr?,
                success: status?.success(),
            })
        };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it took too long");
        timeout(self.limit, work).await.map_err(|_| late())?
    }

    /// Runs it to its end; its standard output, if it succeeded.
    pub(super) async fn output(self) -> io::Result<Vec<u8>> {
        let name = self.program.file_name().unwrap_or_default().to_owned();
        let output = self.run(|_| {}).await?;
        if output.success {
            return Ok(output.stdout);
        }
        let said = told(&output.stderr);
        Err(io::Error::other(format!(
            "{} failed: {said}",
            name.display()
        )))
    }
}

/// The end of what a program said, in one line.
pub(super) fn told(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let skip = text.chars().count().saturating_sub(MAX_TOLD_CHARS);
    let shown = text.chars().skip(skip);
    shown.filter(|character| !character.is_control()).collect()
}

async fn collect(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream)
            .take(MAX_OUTPUT_BYTES)
            .read_to_end(&mut kept)
            .await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

async fn lines(
    stream: Option<impl AsyncRead + Unpin>,
    mut line: impl FnMut(&str),
) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(stream) = stream else {
        return Ok(kept);
    };
    let mut stream = BufReader::new(stream);
    loop {
        let mut bytes = Vec::new();
        if (&mut stream)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut bytes)
            .await?
            == 0
        {
            return Ok(kept);
        }
        line(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']));
        if (kept.len() as u64) < MAX_OUTPUT_BYTES {
            kept.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(environment: &Environment, text: &str) -> Call<'static> {
        let environment: &'static Environment = Box::leak(Box::new(environment.clone()));
        Call {
            program: Path::new("/bin/sh"),
            arguments: words(["-c", text]),
            environment,
            limit: Duration::from_secs(20),
        }
    }

    #[tokio::test]
    async fn output_errors_and_time_are_told() {
        let none = Environment::new();
        let mut said = Vec::new();
        let call = shell(&none, "echo out; printf 'a\nb' >&2");
        let output = call.run(|line| said.push(line.to_owned())).await.unwrap();
        assert!(output.success);
        assert_eq!(
            (output.stdout.as_slice(), said),
            (&b"out\n"[..], vec!["a".to_owned(), "b".to_owned()])
        );
        let error = shell(&none, "echo 'no  such\nthing' >&2; exit 3")
            .output()
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "sh failed: no such thing");
        let mut call = shell(&none, "sleep 60");
        call.limit = Duration::from_millis(50);
        let error = call.output().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn programs_are_looked_for_in_absolute_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("podman"), "").unwrap();
        let path = |text: String| Environment::from([("PATH".into(), text.into())]);
        let there = path(format!("relative:{}", folder.path().display()));
        let found = find(&["docker", "podman"], &there);
        assert_eq!(found, Some(folder.path().join("podman")));
        assert_eq!(find(&["docker"], &there), None);
        assert_eq!(find(&["docker"], &Environment::new()), None);
    }
}
