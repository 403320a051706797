use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use coder_core::id::{LogSourceId, WorkspaceAgentId};
use tokio::process::Command;

use crate::platform::files::{is_own_folder, link_program, make_private_folders};
use crate::protocol::Script;
use crate::ssh::environment::expand;
use crate::ssh::{Environment, Program, User, command};

/// The name under which templates call the agent's binary.
const BINARY_NAME: &str = if cfg!(windows) { "coder.exe" } else { "coder" };

/// Who runs scripts, where, and with what around them.
#[derive(Clone, Debug)]
pub(crate) struct ScriptContext {
    /// Who.
    pub(crate) user: User,
    /// The environment of every session and script.
    pub(crate) environment: Environment,
    /// Where sessions and scripts start.
    pub(crate) directory: String,
    /// Where their output is kept.
    pub(crate) log_dir: PathBuf,
    /// What scripts may write to.
    pub(crate) data_dir: PathBuf,
}

impl ScriptContext {
    /// The folder of an agent's scripts below `--script-data-dir`; its own, because agents of
    /// several workspaces can share a machine.
    pub(crate) fn data_dir(base: &Path, agent: WorkspaceAgentId) -> PathBuf {
        base.join("coder-script-data").join(agent.to_string())
    }

    /// The folder of programs that scripts offer to each other and to sessions.
    pub(crate) fn bin_dir(data_dir: &Path) -> PathBuf {
        data_dir.join("bin")
    }

    /// A command that runs `text` in the user's shell.
    pub(crate) fn command(&self, text: &str) -> Command {
        let directory = command::working_directory(&self.directory, &self.user, &self.environment);
        let program = Program::Command(text.into());
        command::command(&program, &self.user, &directory, &self.environment)
    }

    /// A command that runs a script of the template, which gets folders of its own.
    pub(crate) fn script_command(&self, script: &Script) -> io::Result<Command> {
        let data_dir = self.data_dir.join(script.log_source_id.to_string());
        create_private(&data_dir)?;
        let mut command = self.command(&script.script);
        command
            .env("CODER_SCRIPT_DATA_DIR", data_dir)
            .env("CODER_SCRIPT_BIN_DIR", Self::bin_dir(&self.data_dir));
        Ok(command)
    }

    /// The file that a script's output is kept in.
    pub(crate) fn log_path(&self, script: &Script) -> PathBuf {
        if script.log_path.is_empty() {
            return self.log_dir.join(log_name(script.log_source_id));
        }
        let path = PathBuf::from(expand(OsStr::new(&script.log_path), &self.environment));
        match path.strip_prefix("~") {
            Ok(rest) => self.user.home.join(rest),
            Err(_) => self.log_dir.join(path),
        }
    }
}

/// Makes the folder of programs, with the agent's own binary in it under the name `coder` unless
/// it has that name already.
pub(crate) fn create_bin_dir(data_dir: &Path, executable: Option<&Path>) -> io::Result<()> {
    create_private(data_dir)?;
    let bin_dir = ScriptContext::bin_dir(data_dir);
    create_private(&bin_dir)?;
    let Some(executable) = executable else {
        return Ok(());
    };
    if executable.file_name() == Some(OsStr::new(BINARY_NAME)) {
        return Ok(());
    }
    let link = bin_dir.join(BINARY_NAME);
    if fs::read_link(&link).is_ok_and(|target| target == executable) {
        return Ok(());
    }
    // Renaming replaces an old link at once, so that nobody finds none.
    let fresh = bin_dir.join(OsString::from(".coder.new"));
    let _ = fs::remove_file(&fresh);
    link_program(executable, &fresh)?;
    fs::rename(fresh, link)
}

/// Makes a folder that nobody else can write to, and refuses one that somebody else prepared.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    make_private_folders(path)?;
    if is_own_folder(path)? {
        return Ok(());
    }
    let message = format!("{} belongs to somebody else", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

fn log_name(source: LogSourceId) -> String {
    format!("coder-script-{source}.log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn the_binary_is_called_coder() {
        let base = tempfile::tempdir().unwrap();
        let data = base.path().join("data");
        let executable = base.path().join("coder-agent");
        fs::write(&executable, "").unwrap();
        for _ in 0..2 {
            create_bin_dir(&data, Some(&executable)).unwrap();
            let link = ScriptContext::bin_dir(&data).join("coder");
            assert_eq!(fs::read_link(link).unwrap(), executable);
        }
        let other = base.path().join("newer-agent");
        create_bin_dir(&data, Some(&other)).unwrap();
        let link = ScriptContext::bin_dir(&data).join("coder");
        assert_eq!(fs::read_link(&link).unwrap(), other);

        let data = base.path().join("second");
        create_bin_dir(&data, Some(Path::new("/usr/bin/coder"))).unwrap();
        assert!(!ScriptContext::bin_dir(&data).join("coder").exists());
    }

    #[test]
    fn folders_that_others_can_write_to_are_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("shared");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(
            create_private(&path).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
        let link = base.path().join("link");
        symlink(base.path(), &link).unwrap();
        assert!(create_private(&link).is_err());
    }
}
