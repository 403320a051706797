//! Names and texts, which are Unicode here; what is none is shown as well as it can be.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The directory that always exists.
pub(crate) const ROOT: &str = "C:\\";

/// Used when the agent itself has no `PATH`.
pub(crate) const DEFAULT_PATH: &str = "C:\\Windows\\System32;C:\\Windows";

/// Between the folders of `PATH`.
pub(crate) const PATH_SEPARATOR: &str = ";";

/// Before what the standard library calls the true name of a path.
const VERBATIM: &str = "\\\\?\\";

pub(crate) fn os_string(bytes: Vec<u8>) -> OsString {
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => String::from_utf8_lossy(error.as_bytes())
            .into_owned()
            .into(),
    }
}

pub(crate) fn os_str(bytes: &[u8]) -> Cow<'_, OsStr> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(OsStr::new(text)),
        Cow::Owned(text) => Cow::Owned(text.into()),
    }
}

/// A path as SFTP names it: `/C:/folder/file`, as OpenSSH's server for Windows has it.
pub(crate) fn path_from_sftp(path: &[u8]) -> PathBuf {
    let text = String::from_utf8_lossy(path);
    let drive = text.strip_prefix('/').filter(|rest| is_drive(rest));
    match drive {
        // `C:` alone is whatever the current folder of that drive is.
        Some(drive) if drive.len() == 2 => format!("{drive}\\").into(),
        Some(path) => path.replace('/', "\\").into(),
        None => text.replace('/', "\\").into(),
    }
}

/// The name that SFTP has for a path.
pub(crate) fn path_to_sftp(path: &Path) -> Cow<'_, [u8]> {
    let text = path.to_string_lossy();
    let text = text
        .strip_prefix(VERBATIM)
        .unwrap_or(&text)
        .replace('\\', "/");
    let text = if is_drive(&text) {
        format!("/{text}")
    } else {
        text
    };
    Cow::Owned(text.into_bytes())
}

fn is_drive(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.get(1) == Some(&b':')
        && matches!(bytes.get(2), None | Some(b'/' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_there_and_back() {
        for (sftp, path) in [
            ("/C:/Users/a b", "C:\\Users\\a b"),
            ("/c:", "c:\\"),
            ("folder/file", "folder\\file"),
            ("/Cx/y", "\\Cx\\y"),
        ] {
            assert_eq!(path_from_sftp(sftp.as_bytes()), Path::new(path), "{sftp}");
        }
        let back = |path| String::from_utf8(path_to_sftp(Path::new(path)).into_owned()).unwrap();
        assert_eq!(back("\\\\?\\C:\\Users"), "/C:/Users");
        assert_eq!(back("folder\\file"), "folder/file");
    }
}
