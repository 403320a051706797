use std::collections::BTreeMap;
use std::io;

/// Nothing is known here of other programs.
pub(super) fn listeners() -> io::Result<BTreeMap<u16, String>> {
    Ok(BTreeMap::new())
}
