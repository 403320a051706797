//! How the programs of PostgreSQL are called.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
};

use super::account::Account;

/// A command with nothing of this process about it: an empty environment, so that no secret of the
/// server reaches it; a directory that every account can enter; and its own process group, so that
/// a Ctrl-C in the terminal, or a signal to the server's group, does not reach it.
pub(crate) fn command(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .process_group(0);
    if let Some(account) = account {
        // The standard library also drops the supplementary groups when root changes its user.
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// The arguments of `postgres` for a private server: no TCP, a socket that only its owner may
/// open, times in UTC, and a log that repeats neither statements nor values.
pub(crate) fn server_arguments(data: &Path, socket_dir: &Path, durable: bool) -> Vec<OsString> {
    let mut arguments = vec![
        OsString::from("-D"),
        data.as_os_str().to_owned(),
        OsString::from("-k"),
        socket_dir.as_os_str().to_owned(),
    ];
    let mut set = |setting: &str| {
        arguments.push(OsString::from("-c"));
        arguments.push(OsString::from(setting));
    };
    set("listen_addresses=");
    set("port=5432");
    set("unix_socket_permissions=0700");
    set("timezone=UTC");
    set("log_timezone=UTC");
    set("log_line_prefix=");
    set("log_error_verbosity=terse");
    set("log_min_error_statement=panic");
    set("logging_collector=off");
    if !durable {
        set("fsync=off");
        set("full_page_writes=off");
        set("synchronous_commit=off");
    }
    arguments
}
