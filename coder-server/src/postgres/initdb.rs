//! Making a data directory.

use std::{fs, path::Path};

use super::{
    PostgresError, account::Account, command::command, error::IoContext, locate::Installation,
    output::tail_of,
};

/// The superuser of a cluster made here.
pub(super) const SUPERUSER: &str = "postgres";

/// How the extension of an unfinished data directory begins.
const UNFINISHED: &str = "new-";

/// Makes `data`, unless it exists.
///
/// The files are written beside it and moved into place when they are complete, so that an
/// interruption leaves nothing that looks like data. With `durable` they are also flushed to disk.
/// The directory above must exist and belong to `account`.
pub(crate) async fn initdb(
    installation: &Installation,
    data: &Path,
    account: Option<&Account>,
    durable: bool,
) -> Result<(), PostgresError> {
    if data.exists() {
        return Ok(());
    }
    remove_unfinished(data)?;
    // Under a name of its own: one that an earlier server began may still be running.
    let unfinished = data.with_extension(format!("{UNFINISHED}{}", std::process::id()));
    let mut command = command(&installation.bin_dir.join("initdb"), account);
    command.arg("-D").arg(&unfinished).args([
        "--username",
        SUPERUSER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]);
    if !durable {
        command.arg("--no-sync");
    }
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .during(|| "run initdb".to_owned())?;
    if !output.status.success() {
        return Err(PostgresError::Failed {
            program: "initdb",
            status: output.status.to_string(),
            output: tail_of(&[output.stdout, output.stderr].concat()),
        });
    }
    fs::rename(&unfinished, data).during(|| format!("create {}", data.display()))
}

/// Removes what interrupted runs have left beside `data`.
fn remove_unfinished(data: &Path) -> Result<(), PostgresError> {
    let Some(parent) = data.parent() else {
        return Ok(());
    };
    let entries = fs::read_dir(parent).during(|| format!("read {}", parent.display()))?;
    for entry in entries {
        let path = entry
            .during(|| format!("read {}", parent.display()))?
            .path();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if path.file_stem() == data.file_name() && extension.starts_with(UNFINISHED) {
            fs::remove_dir_all(&path).during(|| format!("remove {}", path.display()))?;
        }
    }
    Ok(())
}
