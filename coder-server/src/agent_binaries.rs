//! The agents that workspaces download: `/bin/coder-<os>-<arch>[.exe]`.
//!
//! What was put into `coder-server/binaries` before this crate was built is part of the binary. For
//! this machine's own system there is always one: this program itself, which is an agent too.

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

#[derive(rust_embed::Embed)]
#[folder = "binaries"]
#[allow_missing = true]
struct Embedded;

/// An agent binary.
#[derive(Clone, Debug)]
pub enum AgentBinary {
    /// Part of this program.
    Embedded(Arc<EmbeddedBinary>),
    /// This program.
    SelfFile {
        /// Where it is.
        path: PathBuf,
    },
}

/// A binary that is part of this program.
pub struct EmbeddedBinary {
    /// Its bytes.
    pub bytes: Bytes,
    /// Hexadecimal SHA-256.
    pub sha256: String,
    /// Hexadecimal SHA-1, by which clients know the copy that they have.
    pub sha1: String,
    gzip: OnceLock<Bytes>,
}

impl EmbeddedBinary {
    fn new(data: Cow<'static, [u8]>) -> Self {
        let bytes = match data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        Self {
            sha256: hexadecimal(&Sha256::digest(&bytes)),
            sha1: hexadecimal(&Sha1::digest(&bytes)),
            bytes,
            gzip: OnceLock::new(),
        }
    }

    /// The bytes compressed, made at the first call, which takes a second.
    pub fn gzip(&self) -> Bytes {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            let written = encoder.write_all(&self.bytes);
            // Writing to memory does not fail.
            written
                .and_then(|()| encoder.finish())
                .map_or_else(|_| Bytes::new(), Into::into)
        };
        self.gzip.get_or_init(compress).clone()
    }
}

impl std::fmt::Debug for EmbeddedBinary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedBinary")
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

/// The binary of this file name, such as `coder-linux-amd64`.
#[must_use]
pub fn find(file: &str) -> Option<AgentBinary> {
    if let Some(found) = embedded(file) {
        return Some(AgentBinary::Embedded(found));
    }
    let own = format!(
        "coder-{}-{}{}",
        os(),
        architecture(),
        std::env::consts::EXE_SUFFIX
    );
    let path = std::env::current_exe().ok().filter(|_| file == own)?;
    Some(AgentBinary::SelfFile { path })
}

/// What is embedded under this name. Read and hashed once, since a thousand workspaces may ask for it together.
fn embedded(file: &str) -> Option<Arc<EmbeddedBinary>> {
    static KNOWN: Mutex<BTreeMap<String, Arc<EmbeddedBinary>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(file) {
        return Some(Arc::clone(found));
    }
    let found = Arc::new(EmbeddedBinary::new(Embedded::get(file)?.data));
    known.insert(file.to_owned(), Arc::clone(&found));
    Some(found)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This machine's system, in the words of Terraform templates.
#[must_use]
pub fn os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// This machine's architecture, in the words of Terraform templates.
#[must_use]
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "armv7",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read as _;

    #[test]
    fn the_own_system_always_has_one_and_no_path_escapes() {
        let own = format!("coder-{}-{}", os(), architecture());
        assert!(find(&own).is_some());
        for name in ["", "coder-plan9-mips", "../Cargo.toml", "/etc/passwd"] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn what_is_compressed_is_the_same() {
        let binary = EmbeddedBinary::new(Cow::Borrowed(b"abc"));
        assert_eq!(binary.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(binary.sha256.starts_with("ba7816bf8f01cfea"));
        let mut text = String::new();
        let compressed = binary.gzip();
        let mut decoder = GzDecoder::new(&*compressed);
        decoder.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
        assert_eq!(binary.gzip().as_ptr(), compressed.as_ptr());
    }
}
