//! Where the bundled PostgreSQL keeps its files.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{PostgresError, account::Account, error::IoContext};

/// Where the files go when the account of PostgreSQL cannot reach the wanted directory.
const SYSTEM_DIR: &str = "/var/lib/coder";
/// Longest path of a unix socket, without the final NUL of `sun_path`.
const SOCKET_PATH_LIMIT: usize = 107;
/// The name of the socket in its directory.
const SOCKET_NAME: &str = "/.s.PGSQL.5432";

/// The directories of one bundled PostgreSQL, locked against a second server.
#[derive(Debug)]
pub(super) struct Layout {
    /// Everything else is below it, except a socket that would have too long a path.
    pub(super) root: PathBuf,
    /// The data directory; made by `initdb`.
    pub(super) data: PathBuf,
    /// The directory of the socket, mode 0700.
    pub(super) socket_dir: PathBuf,
    /// What is removed in the end.
    _temporary: Vec<TempDir>,
    _lock: File,
}

impl Layout {
    /// Prepares `directory`, or a temporary directory when there is none.
    pub(super) fn prepare(
        directory: Option<&Path>,
        account: Option<&Account>,
    ) -> Result<Self, PostgresError> {
        let mut temporary = Vec::new();
        let root = match directory {
            Some(directory) => persistent_root(directory, account)?,
            None => {
                let dir = temporary_dir(account)?;
                let path = dir.path().to_path_buf();
                temporary.push(dir);
                path
            }
        };
        let lock = lock(&root)?;
        let data = root.join("data");
        let mut socket_dir = root.join("run");
        if socket_dir.as_os_str().len() + SOCKET_NAME.len() > SOCKET_PATH_LIMIT {
            let dir = short_temporary_dir(account)?;
            socket_dir = dir.path().to_path_buf();
            temporary.push(dir);
        } else {
            private_dir(&socket_dir, account)?;
        }
        Ok(Self {
            root,
            data,
            socket_dir,
            _temporary: temporary,
            _lock: lock,
        })
    }

    /// The major version that wrote the data, if there is data.
    pub(super) fn data_major(&self) -> Result<Option<u32>, PostgresError> {
        let path = self.data.join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).during(|| format!("read {}", path.display())),
        }
    }
}

/// Makes `directory` if need be, and answers where its content really is.
fn persistent_root(directory: &Path, account: Option<&Account>) -> Result<PathBuf, PostgresError> {
    let directory = std::path::absolute(directory)
        .during(|| format!("find out where {} is", directory.display()))?;
    let parent = directory.parent().unwrap_or(&directory);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .during(|| format!("create {}", parent.display()))?;
    if let Some(account) = account
        && !directory.exists()
        && !account
            .reaches(parent)
            .during(|| format!("examine {}", parent.display()))?
    {
        link_elsewhere(&directory, account)?;
    }
    private_dir(&directory, account)?;
    directory
        .canonicalize()
        .during(|| format!("find out where {} is", directory.display()))
}

/// Makes `directory` a link to a new directory that the account can reach.
fn link_elsewhere(directory: &Path, account: &Account) -> Result<(), PostgresError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(SYSTEM_DIR)
        .during(|| format!("create {SYSTEM_DIR}"))?;
    let made = tempfile::Builder::new()
        .prefix("postgres-")
        .tempdir_in(SYSTEM_DIR)
        .during(|| format!("create a directory in {SYSTEM_DIR}"))?;
    private_dir(made.path(), Some(account))?;
    // A dangling link, whose target was removed, is replaced.
    if directory.is_symlink() {
        fs::remove_file(directory).during(|| format!("remove {}", directory.display()))?;
    }
    match std::os::unix::fs::symlink(made.path(), directory) {
        Ok(()) => {
            tracing::info!(
                directory = ?directory, data = ?made.path(),
                "the account of PostgreSQL cannot reach the directory; its files are elsewhere"
            );
            // From here on the link owns it.
            let _: PathBuf = made.keep();
            Ok(())
        }
        // Another server was faster; its directory is as good.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).during(|| format!("create {}", directory.display())),
    }
}

/// Makes sure that a directory exists, belongs to the account and is closed to others.
fn private_dir(dir: &Path, account: Option<&Account>) -> Result<(), PostgresError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .during(|| format!("create {}", dir.display()))?;
    fs::set_permissions(dir, Permissions::from_mode(0o700))
        .during(|| format!("close {} to other users", dir.display()))?;
    if let Some(account) = account {
        std::os::unix::fs::chown(dir, Some(account.uid), Some(account.gid))
            .during(|| format!("change the owner of {}", dir.display()))?;
    }
    Ok(())
}

/// A temporary directory for everything, which the account can reach.
fn temporary_dir(account: Option<&Account>) -> Result<TempDir, PostgresError> {
    let parent = std::env::temp_dir();
    let reached = match account {
        Some(account) => account.reaches(&parent).unwrap_or(false),
        None => true,
    };
    if !reached {
        return short_temporary_dir(account);
    }
    temporary_dir_in(&parent, account)
}

fn short_temporary_dir(account: Option<&Account>) -> Result<TempDir, PostgresError> {
    temporary_dir_in(Path::new("/tmp"), account)
}

fn temporary_dir_in(parent: &Path, account: Option<&Account>) -> Result<TempDir, PostgresError> {
    let dir = tempfile::Builder::new()
        .prefix("coder-pg-")
        .tempdir_in(parent)
        .during(|| format!("create a directory in {}", parent.display()))?;
    private_dir(dir.path(), account)?;
    Ok(dir)
}

fn lock(root: &Path) -> Result<File, PostgresError> {
    let path = root.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .during(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PostgresError::InUse {
            directory: root.to_path_buf(),
        }),
        Err(TryLockError::Error(error)) => Err(error).during(|| format!("lock {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_directory_gets_a_short_socket() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("d".repeat(100)).join("postgres");
        let layout = Layout::prepare(Some(&long), None).unwrap();
        let socket = layout.socket_dir.as_os_str().len() + SOCKET_NAME.len();
        assert!(socket <= SOCKET_PATH_LIMIT, "{:?}", layout.socket_dir);
        assert!(layout.data.starts_with(long.canonicalize().unwrap()));
        let mode = fs::metadata(&layout.socket_dir)
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn second_server_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let first = Layout::prepare(Some(dir.path()), None).unwrap();
        let second = Layout::prepare(Some(dir.path()), None);
        assert!(
            matches!(second, Err(PostgresError::InUse { .. })),
            "{second:?}"
        );
        drop(first);
        Layout::prepare(Some(dir.path()), None).unwrap();
    }
}
