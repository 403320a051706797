//! The agents that workspaces download: `/bin/coder-<os>-<arch>[.exe]`.
//!
//! What was put into `coder-server/binaries` before this crate was built is part of the binary. For
//! this machine's own system there is always one: this program itself, which is an agent too.

use sha2::{Digest as _, Sha256};
use std::{borrow::Cow, path::PathBuf};

#[derive(rust_embed::Embed)]
#[folder = "binaries"]
#[allow_missing = true]
struct Embedded;

/// An agent binary.
#[derive(Clone, Debug)]
pub enum AgentBinary {
    /// Part of this program.
    Embedded {
        /// The bytes.
        bytes: Cow<'static, [u8]>,
        /// Hexadecimal SHA-256.
        hash: String,
    },
    /// This program.
    SelfFile {
        /// Where it is.
        path: PathBuf,
    },
}

/// The binary of this file name, such as `coder-linux-amd64`.
#[must_use]
pub fn find(file: &str) -> Option<AgentBinary> {
    if let Some(found) = Embedded::get(file) {
        let hash = Sha256::digest(&found.data)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        return Some(AgentBinary::Embedded {
            bytes: found.data,
            hash,
        });
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

    #[test]
    fn the_own_system_always_has_one_and_no_path_escapes() {
        let own = format!("coder-{}-{}", os(), architecture());
        assert!(find(&own).is_some());
        for name in ["", "coder-plan9-mips", "../Cargo.toml", "/etc/passwd"] {
            assert!(find(name).is_none(), "{name}");
        }
    }
}
