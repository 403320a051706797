//! What Terraform and the provider say to each other before they are connected.

use std::ffi::OsStr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::BINARY_NAME;

/// The variable by which Terraform shows that it is the one who starts the provider.
const COOKIE_VARIABLE: &str = "TF_PLUGIN_MAGIC_COOKIE";

/// Its value; no secret, it only keeps people from starting a provider by hand.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// The version of the line below.
const CORE_VERSION: u32 = 1;

/// The version of the protocol that follows.
const PROTOCOL_VERSION: u32 = 6;

/// Whether Terraform started this process as its `coder` provider: the name of the program is the
/// provider's and the cookie is there.
#[must_use]
pub fn is_plugin_invocation() -> bool {
    let program = std::env::args_os().next().unwrap_or_default();
    is_invocation(&program, std::env::var_os(COOKIE_VARIABLE).as_deref())
}

fn is_invocation(program: &OsStr, cookie: Option<&OsStr>) -> bool {
    let name = Path::new(program).file_name().and_then(OsStr::to_str);
    let named = name.is_some_and(|name| name.starts_with(BINARY_NAME));
    named && cookie == Some(OsStr::new(COOKIE))
}

/// Whether the client speaks our version, by its list of versions; without a list it is tried.
pub(super) fn speaks_our_version(versions: Option<&str>) -> bool {
    let Some(versions) = versions else {
        return true;
    };
    versions
        .split(',')
        .any(|version| version.trim().parse() == Ok(PROTOCOL_VERSION))
}

/// The line that tells Terraform where to connect, and whom to trust there.
pub(super) fn line(socket: &str, certificate: Option<&[u8]>) -> String {
    let certificate = certificate
        .map(|der| STANDARD_NO_PAD.encode(der))
        .unwrap_or_default();
    format!("{CORE_VERSION}|{PROTOCOL_VERSION}|unix|{socket}|grpc|{certificate}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terraform_invokes_the_provider() {
        let invoked = |program: &str, cookie: Option<&str>| {
            is_invocation(OsStr::new(program), cookie.map(OsStr::new))
        };
        assert!(invoked("/m/terraform-provider-coder", Some(COOKIE)));
        assert!(invoked("terraform-provider-coder_v2.99.0", Some(COOKIE)));
        assert!(!invoked("/m/terraform-provider-coder", None));
        assert!(!invoked("/m/terraform-provider-coder", Some("other")));
        assert!(!invoked("coder", Some(COOKIE)));
        assert!(!invoked("", Some(COOKIE)));
    }

    #[test]
    fn the_line_has_six_fields() {
        assert_eq!(line("/tmp/s", None), "1|6|unix|/tmp/s|grpc|\n");
        assert_eq!(line("/tmp/s", Some(&[1])), "1|6|unix|/tmp/s|grpc|AQ\n");
    }

    #[test]
    fn versions_are_a_list() {
        assert!(speaks_our_version(None));
        assert!(speaks_our_version(Some("5,6")));
        assert!(!speaks_our_version(Some("5")));
        assert!(!speaks_our_version(Some("")));
    }
}
