//! Programs in terminals: pseudoconsoles, which talk in blocking pipes, so that each direction has a thread.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::windows::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};
use tokio::process::Command;
use tokio::sync::watch;
use tokio_util::io::SyncIoBridge;

use super::process::Group;
use crate::ssh::command::named;
use crate::ssh::{Child, TerminalRequest, TerminalSize};

/// What a direction holds, in bytes.
const PIPE_BYTES: usize = 64 * 1024;

/// What it says.
pub(crate) type TerminalReader = ReadHalf<DuplexStream>;
/// What it is told.
pub(crate) type TerminalWriter = WriteHalf<DuplexStream>;

/// A program and the controlling side of its terminal.
pub(crate) struct Terminal {
    pub(crate) child: TerminalChild,
    pub(crate) reader: TerminalReader,
    pub(crate) writer: TerminalWriter,
    pub(crate) control: TerminalControl,
}

/// The program in a terminal.
pub(crate) struct TerminalChild {
    /// Until it is asked for.
    group: Mutex<Option<Group>>,
    ended: watch::Receiver<Option<u32>>,
}

/// The console; closed when this is dropped, which the program is told.
pub(crate) struct TerminalControl(Arc<Console>);

/// Open until its program has ended or nobody wants it any more.
struct Console(Mutex<Option<Box<dyn MasterPty + Send>>>);

/// Opens a terminal and starts a program in it. `build` makes the command from the variables that tell of the terminal.
pub(crate) fn open(
    request: &TerminalRequest,
    build: impl FnOnce(Vec<(&str, OsString)>) -> Command,
) -> io::Result<Terminal> {
    let pair = native_pty_system()
        .openpty(request.size.into())
        .map_err(|error| io::Error::other(format!("no terminal can be opened: {error}")))?;
    let mut variables = Vec::new();
    if !request.term.is_empty() {
        variables.push(("TERM", OsString::from(&request.term)));
    }
    let command = build(variables);
    let program = command.as_std().get_program().to_owned();
    let mut child = pair
        .slave
        .spawn_command(builder(&command))
        .map_err(|error| named(&program, &io::Error::other(error)))?;
    let (reader, writer) = (
        pair.master.try_clone_reader().map_err(io::Error::other)?,
        pair.master.take_writer().map_err(io::Error::other)?,
    );
    let group = Group::of_handle(child.as_raw_handle());
    let console = Arc::new(Console(Mutex::new(Some(pair.master))));
    let control = TerminalControl(Arc::clone(&console));
    let (tell, ended) = watch::channel(None);
    std::thread::spawn(move || {
        let code = child.wait().map_or(1, |status| status.exit_code());
        // Only a closed console ends what is read from it.
        console.close();
        let _ = tell.send(Some(code));
    });
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let (from_near, to_near) = tokio::io::split(far);
    pump(reader, SyncIoBridge::new(to_near));
    pump(SyncIoBridge::new(from_near), writer);
    let (reader, writer) = tokio::io::split(near);
    Ok(Terminal {
        child: TerminalChild {
            group: Mutex::new(Some(group)),
            ended,
        },
        reader,
        writer,
        control,
    })
}

/// Moves what one end says to the other, until either has gone.
fn pump(mut from: impl Read + Send + 'static, mut to: impl Write + Send + 'static) {
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.flush();
    });
}

fn builder(command: &Command) -> CommandBuilder {
    let command = command.as_std();
    let mut builder = CommandBuilder::new(command.get_program());
    builder.args(command.get_args());
    builder.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            builder.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        builder.cwd(folder);
    }
    builder
}

impl Child for TerminalChild {
    fn group(&self) -> Group {
        let group = self
            .group
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        group.unwrap_or_else(|| Group::of_handle(None))
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let ended = self.ended.wait_for(Option::is_some).await;
        let code = ended.ok().and_then(|code| *code);
        code.map(ExitStatus::from_raw)
            .ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl TerminalControl {
    /// Tells the program how large the terminal is now.
    pub(crate) fn resize(&self, size: TerminalSize) {
        if let Some(console) = &*self.0.lock() {
            // A terminal that cannot be resized has been closed by its program.
            let _ = console.resize(size.into());
        }
    }

    /// Consoles keep their picture themselves.
    #[expect(clippy::unused_self, reason = "a console elsewhere has to be asked")]
    pub(crate) const fn ask_to_redraw(&self) {}
}

impl Drop for TerminalControl {
    fn drop(&mut self) {
        let console = Arc::clone(&self.0);
        // It waits for what the program still has to say.
        std::thread::spawn(move || console.close());
    }
}

impl Console {
    fn close(&self) {
        let console = self.lock().take();
        drop(console);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn MasterPty + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<TerminalSize> for PtySize {
    fn from(size: TerminalSize) -> Self {
        // A client without a terminal of its own says 0, which consoles do not take.
        let usual = |value: u16, usual: u16| if value == 0 { usual } else { value };
        Self {
            rows: usual(size.rows, 24),
            cols: usual(size.columns, 80),
            pixel_width: size.pixel_width,
            pixel_height: size.pixel_height,
        }
    }
}
