use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::protocol::GitSshKey;

/// The private key in a file of its own, readable by the user alone, removed with the value.
#[derive(Debug)]
pub(super) struct KeyFile(NamedTempFile);

impl KeyFile {
    pub(super) fn write(key: &GitSshKey) -> io::Result<Self> {
        // Made with mode 0600 from the start.
        let mut file = tempfile::Builder::new()
            .prefix("coder-git-key-")
            .tempfile()?;
        let text = key.private_key.expose();
        file.write_all(text.as_bytes())?;
        // OpenSSH refuses a key whose last line does not end.
        if !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        file.flush()?;
        Ok(Self(file))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}
