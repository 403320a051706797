//! The process in front of the agent: passes signals on, starts an agent that was killed again, and reaps what
//! nobody else does where it is the first process of a container.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Instant;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use tokio::signal::unix::{Signal as Heard, SignalKind, signal};

use super::restarts::{Next, Restarts};
use crate::platform::process::exit_code;

/// Tells the agent who watches over it. It is not passed on to sessions and scripts.
pub(super) const SUPERVISOR: &str = "CODER_AGENT_SUPERVISOR";

/// What is passed on, by the name that is logged.
const PASSED_ON: [(SignalKind, Signal, &str); 6] = [
    (SignalKind::terminate(), Signal::TERM, "SIGTERM"),
    (SignalKind::interrupt(), Signal::INT, "SIGINT"),
    (SignalKind::hangup(), Signal::HUP, "SIGHUP"),
    (SignalKind::quit(), Signal::QUIT, "SIGQUIT"),
    (SignalKind::user_defined1(), Signal::USR1, "SIGUSR1"),
    (SignalKind::user_defined2(), Signal::USR2, "SIGUSR2"),
];

/// Runs `agent <arguments>` of this program below this process until it ends by itself.
///
/// # Errors
/// When it cannot even be started once.
pub(super) fn supervise(arguments: &[OsString]) -> io::Result<ExitCode> {
    let program = program()?;
    // One thread: it must be this one that starts the agent, which ends with the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut children = signal(SignalKind::child())?;
        let mut signals = Signals::listen()?;
        let mut restarts = Restarts::default();
        loop {
            let begin = Instant::now();
            let agent = start(&program, arguments)?;
            let status = until_ended(agent, &mut children, &mut signals).await;
            let wait = match restarts.after(killed(status) && !signals.ending, begin.elapsed()) {
                Next::End => return Ok(exit_code(status)),
                Next::Restart(wait) => wait,
            };
            tracing::warn!(%status, "agent was killed, starting it again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = signals.next() => return Ok(exit_code(status)),
            }
        }
    })
}

/// Makes this process end with the one that watches over it, which `supervisor` names. `false` when that has ended
/// already.
pub(super) fn end_with(supervisor: &OsStr) -> bool {
    // Where the system cannot do that, an agent without its supervisor goes on.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().to_string());
    parent.is_some_and(|parent| OsStr::new(&parent) == supervisor)
}

/// This program's file. Without `/proc`, how it was called.
fn program() -> io::Result<PathBuf> {
    match std::env::current_exe() {
        Ok(path) => Ok(path),
        Err(error) => std::env::args_os().next().map(PathBuf::from).ok_or(error),
    }
}

fn start(program: &PathBuf, arguments: &[OsString]) -> io::Result<Pid> {
    let child = Command::new(program)
        .arg("agent")
        .args(arguments)
        .env(SUPERVISOR, std::process::id().to_string())
        .spawn()?;
    // From here on it is waited for together with everything else.
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the agent has no process id"))
}

async fn until_ended(agent: Pid, children: &mut Heard, signals: &mut Signals) -> ExitStatus {
    loop {
        // A SIGCHLD before this look is not missed: it is still to be received.
        if let Some(status) = reap(agent) {
            return status;
        }
        tokio::select! {
            _ = children.recv() => {}
            signal = signals.next() => {
                // It may have ended meanwhile.
                let _ = kill_process(agent, signal);
            }
        }
    }
}

/// Takes leave of all processes that have ended and gives the agent's status if it is among them.
fn reap(agent: Pid) -> Option<ExitStatus> {
    let mut ended = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == agent {
            ended = Some(std::os::unix::process::ExitStatusExt::from_raw(
                status.as_raw(),
            ));
        }
    }
    ended
}

/// By a signal that it did not send itself, such as that of a machine without memory.
fn killed(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status).is_some()
}

struct Signals {
    heard: Vec<(Heard, Signal, &'static str)>,
    /// Whether one was among them that asks the agent to end.
    ending: bool,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let heard = PASSED_ON
            .into_iter()
            .map(|(kind, number, name)| Ok((signal(kind)?, number, name)));
        Ok(Self {
            heard: heard.collect::<io::Result<_>>()?,
            ending: false,
        })
    }

    async fn next(&mut self) -> Signal {
        let number = std::future::poll_fn(|context| {
            for (heard, number, name) in &mut self.heard {
                if heard.poll_recv(context).is_ready() {
                    tracing::info!(signal = *name, "passing a signal on");
                    return std::task::Poll::Ready(*number);
                }
            }
            std::task::Poll::Pending
        })
        .await;
        self.ending |= matches!(number, Signal::TERM | Signal::INT);
        number
    }
}
