//! Names and texts, which are bytes here.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The directory that always exists.
pub(crate) const ROOT: &str = "/";

/// Used when the agent itself has no `PATH`.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Between the folders of `PATH`.
pub(crate) const PATH_SEPARATOR: &str = ":";

pub(crate) fn os_string(bytes: Vec<u8>) -> OsString {
    OsString::from_vec(bytes)
}

pub(crate) fn os_str(bytes: &[u8]) -> Cow<'_, OsStr> {
    Cow::Borrowed(OsStr::from_bytes(bytes))
}

/// A path as SFTP names it.
pub(crate) fn path_from_sftp(path: &[u8]) -> PathBuf {
    OsStr::from_bytes(path).into()
}

/// The name that SFTP has for a path.
pub(crate) fn path_to_sftp(path: &Path) -> Cow<'_, [u8]> {
    Cow::Borrowed(path.as_os_str().as_bytes())
}
