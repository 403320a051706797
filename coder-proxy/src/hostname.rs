//! The wildcard host below which apps live.

use crate::{AppUrl, ProxyError, ProxyErrorKind};

/// A host with one `*` in its first label, alone (`*.apps.example.com`) or before a suffix
/// (`*-apps.example.com`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppHostname {
    suffix: String,
}

impl AppHostname {
    /// Reads the configured form. A port is ignored.
    ///
    /// # Errors
    /// [`InvalidWildcard`](ProxyErrorKind::InvalidWildcard) for any other form.
    pub fn parse(pattern: &str) -> Result<Self, ProxyError> {
        let host = without_port(pattern).to_ascii_lowercase();
        let invalid = |why: &str| {
            let message =
                format!("the wildcard host {pattern:?} {why}, write it like *.apps.example.com");
            ProxyError::new(ProxyErrorKind::InvalidWildcard, message)
        };
        let suffix = host
            .strip_prefix('*')
            .ok_or_else(|| invalid("must begin with '*'"))?;
        if suffix.contains('*') {
            return Err(invalid("has more than one '*'"));
        }
        let (rest_of_label, parent) = suffix
            .split_once('.')
            .ok_or_else(|| invalid("has no dot"))?;
        let word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let valid_rest =
            rest_of_label.is_empty() || (rest_of_label.starts_with('-') && word(rest_of_label));
        if !valid_rest || !parent.split('.').all(word) {
            return Err(invalid("is not a host name"));
        }
        Ok(Self {
            suffix: suffix.to_owned(),
        })
    }

    /// The part of `host` that stands for the `*`; `None` for hosts that are not below this one. Case, a
    /// port and one trailing dot do not matter.
    #[must_use]
    pub fn label(&self, host: &str) -> Option<String> {
        let host = without_port(host).to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let label = host.strip_suffix(&self.suffix)?;
        (!label.is_empty() && !label.contains('.')).then(|| label.to_owned())
    }

    /// The host of an app.
    ///
    /// # Errors
    /// [`InvalidHost`](ProxyErrorKind::InvalidHost) when its first label would exceed the 63 bytes that
    /// DNS allows (RFC 1035).
    pub fn host(&self, url: &AppUrl) -> Result<String, ProxyError> {
        let host = format!("{url}{}", self.suffix);
        if host.split('.').next().is_some_and(|label| label.len() > 63) {
            let message = format!("the host name of {url} is too long, use shorter names");
            return Err(ProxyError::new(ProxyErrorKind::InvalidHost, message));
        }
        Ok(host)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        let plain = AppHostname::parse("*.Apps.example.com:8443").expect("valid");
        assert_eq!(
            plain.label("a--b--c.apps.example.com."),
            Some("a--b--c".to_owned())
        );
        let suffixed = AppHostname::parse("*-apps.example.com").expect("valid");
        assert_eq!(
            suffixed.label("A--b--c-apps.example.com:1"),
            Some("a--b--c".to_owned())
        );
    }

    #[test]
    fn other_hosts_do_not_match() {
        let host = AppHostname::parse("*.apps.example.com").expect("valid");
        for other in [
            "apps.example.com",
            ".apps.example.com",
            "x.y.apps.example.com",
            "x.apps.example.com.evil",
            "",
        ] {
            assert_eq!(host.label(other), None, "{other}");
        }
    }

    #[test]
    fn refuses_other_patterns() {
        for pattern in [
            "",
            "*",
            "apps.example.com",
            "*.*.example.com",
            "a*.example.com",
            "*x.example.com",
            "https://*.example.com",
            "*..com",
            "*.exa mple.com",
        ] {
            let error = AppHostname::parse(pattern).expect_err(pattern);
            assert_eq!(error.kind(), ProxyErrorKind::InvalidWildcard);
        }
    }
}
