use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::platform::files::{create_log, make_private_folders};

/// The most that is written to one file, so that a script cannot fill the disk by talking.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Where a script's output is kept in the workspace. Cheap to clone; all clones are one file.
///
/// Failing to write is not failing to run: the first failure is logged and the rest dropped.
#[derive(Clone, Debug)]
pub(super) struct LogFile {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    file: Option<File>,
    written: u64,
}

impl LogFile {
    /// Opens `path` anew, readable by the user only.
    pub(super) fn create(path: &Path) -> Self {
        let file = match open(path) {
            Ok(file) => Some(file),
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "log file of a script cannot be written");
                None
            }
        };
        Self {
            inner: Arc::new(Mutex::new(Inner { file, written: 0 })),
        }
    }

    pub(super) fn write(&self, bytes: &[u8]) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { file, written } = &mut *inner;
        let Some(open) = file else { return };
        *written += bytes.len() as u64;
        if *written > MAX_BYTES {
            let _ = open.write_all(b"\n[the rest of the output is not kept]\n");
            *file = None;
        } else if let Err(error) = open.write_all(bytes) {
            tracing::warn!(%error, "log file of a script cannot be written any more");
            *file = None;
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        make_private_folders(parent)?;
    }
    create_log(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_start_anew_and_links_are_not_followed() {
        let base = tempfile::tempdir().unwrap();
        let victim = base.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let path = base.path().join("logs/a.log");
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        LogFile::create(&path).write(b"first");
        std::fs::remove_file(&path).unwrap();
        LogFile::create(&path).write(b"first");
        let file = LogFile::create(&path);
        file.clone().write(b"sec");
        file.write(b"ond");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[test]
    fn an_unwritable_place_is_no_failure() {
        LogFile::create(Path::new("/proc/no/such/file")).write(b"x");
    }

    #[test]
    fn a_file_has_a_bound() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a.log");
        let file = LogFile::create(&path);
        let chunk = vec![b'x'; 8 * 1024 * 1024];
        for _ in 0..20 {
            file.write(&chunk);
        }
        let length = std::fs::metadata(&path).unwrap().len();
        assert!(length <= MAX_BYTES + 100, "{length}");
    }
}
