//! What failures mean.

use std::io;

use rustix::io::Errno;

/// Whether nothing can be found where the call was to lead.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    error.kind() == io::ErrorKind::NotFound
        || matches!(errno, Some(Errno::NOTDIR | Errno::BADF | Errno::LOOP))
}

/// Whether the call was not allowed.
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    error.kind() == io::ErrorKind::PermissionDenied || errno == Some(Errno::FAULT)
}
