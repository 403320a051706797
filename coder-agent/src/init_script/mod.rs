//! What a machine runs to become a workspace: fetches the agent and starts it.
//!
//! Templates hand these texts to their machines as `coder_agent.….init_script`. Before that,
//! [`render`] or the provisioner replaces three markers by plain text replacement:
//! `${ACCESS_URL}` by the server's address with a slash at its end, `${AUTH_TYPE}` by how the
//! agent proves who it is (`token` and others), `${ARCH}` by `amd64`, `arm64` or `armv7`. The
//! token itself comes as `CODER_AGENT_TOKEN` from the template.

/// The script for Linux: POSIX shell; curl, wget or busybox.
pub const LINUX: &str = include_str!("linux.sh");

/// The script for macOS: POSIX shell; curl.
pub const DARWIN: &str = include_str!("darwin.sh");

/// The script for Windows: PowerShell.
pub const WINDOWS: &str = include_str!("windows.ps1");

/// The text for an operating system as templates name it (`linux`, `darwin`, `windows`), with its
/// markers; `None` for others.
#[must_use]
pub fn for_os(os: &str) -> Option<&'static str> {
    match os {
        "linux" => Some(LINUX),
        "darwin" => Some(DARWIN),
        "windows" => Some(WINDOWS),
        _ => None,
    }
}

/// Replaces the three markers.
#[must_use]
pub fn render(script: &str, access_url: &str, auth_type: &str, arch: &str) -> String {
    let slash = if access_url.ends_with('/') { "" } else { "/" };
    script
        .replace("${ACCESS_URL}", &format!("{access_url}{slash}"))
        .replace("${AUTH_TYPE}", auth_type)
        .replace("${ARCH}", arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_has_the_markers_and_nothing_is_left_of_them() {
        for os in ["linux", "darwin", "windows"] {
            let script = for_os(os).unwrap();
            for marker in ["${ACCESS_URL}", "${AUTH_TYPE}", "${ARCH}"] {
                assert!(script.contains(marker), "{os} lacks {marker}");
            }
            let rendered = render(script, "https://coder.example.com", "token", "arm64");
            let suffix = if os == "windows" { ".exe" } else { "" };
            let url = format!("https://coder.example.com/bin/coder-{os}-arm64{suffix}");
            assert!(rendered.contains(&url), "{os}");
            for marker in ["${ACCESS_URL}", "${AUTH_TYPE}", "${ARCH}"] {
                assert!(!rendered.contains(marker));
            }
        }
        assert_eq!(for_os("plan9"), None);
    }
}
