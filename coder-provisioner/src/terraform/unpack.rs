//! One program out of a zip archive.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::binary::unavailable;
use crate::{Error, Result};

/// Largest program, in bytes. Those of 2026 have 100 MB.
const MAX_PROGRAM: u64 = 1024 * 1024 * 1024;
/// Entries that an archive may have. Those of 2026 have two, the program and its licence.
const MAX_ENTRIES: usize = 64;

/// Writes the entry `name` of the archive to `target`, which must not exist, executable and on disk. Blocks.
///
/// # Errors
/// [`crate::ErrorKind::Unavailable`] when the archive is not one, has no such file, or one that is not as long as it
/// says; then `target` may hold a part of it.
pub(super) fn unpack(archive: &Path, name: &str, target: &Path) -> Result<()> {
    let failed = |error| Error::internal("unpack the program", error);
    let file = File::open(archive).map_err(failed)?;
    let broken = |error: zip::result::ZipError| {
        unavailable("the archive cannot be read".to_owned()).with_source(error)
    };
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(broken)?;
    if archive.len() > MAX_ENTRIES {
        return Err(unavailable(format!(
            "the archive has more than {MAX_ENTRIES} entries"
        )));
    }
    let mut entry = archive
        .by_name(name)
        .map_err(|_| unavailable(format!("the archive has no entry {name}")))?;
    let size = entry.size();
    if !entry.is_file() || entry.is_symlink() || size > MAX_PROGRAM {
        return Err(unavailable(format!(
            "the entry {name} of the archive is no file of at most {MAX_PROGRAM} bytes"
        )));
    }
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o755);
    let mut out = options.open(target).map_err(failed)?;
    let copied = io::copy(&mut entry.by_ref().take(size + 1), &mut out);
    let copied = copied.map_err(|error| {
        unavailable(format!("the entry {name} cannot be unpacked")).with_source(error)
    })?;
    if copied != size {
        return Err(unavailable(format!(
            "the entry {name} is not as long as it says"
        )));
    }
    // The mode above is less what the process's mask takes away.
    out.set_permissions(std::fs::Permissions::from_mode(0o755))
        .map_err(failed)?;
    out.sync_all().map_err(failed)
}
