use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// No file in `/proc` or `/sys` that is read here is larger, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Where the files of the kernel are.
#[derive(Clone, Debug)]
pub struct Source {
    root: PathBuf,
}

impl Source {
    /// The real ones.
    #[must_use]
    pub fn system() -> Self {
        Self { root: "/".into() }
    }

    /// Files below `root` instead, for tests.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The text of a file; `None` when there is none.
    pub(super) fn read(&self, path: impl AsRef<Path>) -> io::Result<Option<String>> {
        let path = path.as_ref();
        let path = self.root.join(path.strip_prefix("/").unwrap_or(path));
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The text of a file that must be there.
    pub(super) fn need(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let path = path.as_ref();
        self.read(path)?.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("{} is missing", path.display()),
            )
        })
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

/// The error for a file that does not say what it should.
pub(super) fn unclear(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what} is not understood"),
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::Source;

    /// A source of the given files only.
    pub(in crate::stat) fn source(files: &[(&str, &str)]) -> (tempfile::TempDir, Source) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let source = Source::below(dir.path());
        (dir, source)
    }
}
