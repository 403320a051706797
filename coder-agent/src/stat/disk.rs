use std::io;
use std::path::Path;

use super::{Prefix, Usage};
use crate::platform::volume;

/// What is used of the file system that holds `path`. What only root may use counts as used.
///
/// # Errors
/// When there is no such path.
pub fn disk(path: &Path, prefix: Prefix) -> io::Result<Usage> {
    let found = volume::of(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.fragment_size);
    let total = bytes(found.blocks);
    Ok(Usage::of_bytes(
        total.saturating_sub(bytes(found.available_blocks)),
        Some(total),
        prefix,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_neither_empty_nor_overfull() {
        let usage = disk(Path::new("/"), Prefix::Mebi).unwrap();
        assert!(usage.used > 0.0 && usage.used <= usage.total.unwrap());
        assert_eq!(usage.unit, "MiB");
        assert!(disk(Path::new("/no/such/path"), Prefix::Mebi).is_err());
    }
}
