//! What the first label of an app's host says.

use crate::{ProxyError, ProxyErrorKind};
use coder_core::name::is_app_slug;
use std::{fmt, str::FromStr};

/// What is opened: a declared app, or any port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppTarget {
    /// An app by its slug.
    Slug(String),
    /// A port on the agent's loopback interface.
    Port {
        /// 1000 to 65535: the form has four or five digits.
        port: u16,
        /// Whether the port itself speaks TLS; written as a trailing `s`.
        https: bool,
    },
}

/// An app's address: `<prefix--->target[--agent]--workspace--user`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppUrl {
    /// Kept as it is, `---` included; tells several front ends of one app apart.
    pub prefix: String,
    /// What is opened.
    pub target: AppTarget,
    /// Which agent; only a slug may do without.
    pub agent: Option<String>,
    /// Name of the workspace.
    pub workspace: String,
    /// Name of its owner.
    pub username: String,
}

impl FromStr for AppUrl {
    type Err = ProxyError;

    fn from_str(label: &str) -> Result<Self, Self::Err> {
        let invalid = || {
            let form = "<app or port>--<agent>--<workspace>--<user>";
            let message = format!("{label:?} is not an app's host name, the form is {form}");
            ProxyError::new(ProxyErrorKind::InvalidHost, message)
        };
        let (prefix, rest) = match label.rfind("---") {
            Some(at) => label.split_at_checked(at + 3).ok_or_else(invalid)?,
            None => ("", label),
        };
        let names: Vec<&str> = rest.split("--").collect();
        let (target, agent, workspace, username) = match names.as_slice() {
            [target, agent, workspace, user] => (*target, Some(*agent), *workspace, *user),
            [target, workspace, user] => (*target, None, *workspace, *user),
            _ => return Err(invalid()),
        };
        let words = [Some(target), agent, Some(workspace), Some(username)];
        if !words
            .into_iter()
            .flatten()
            .all(|word| is_app_slug(&word.to_ascii_lowercase()))
        {
            return Err(invalid());
        }
        let target = parse_target(target).ok_or_else(invalid)?;
        if agent.is_none() && matches!(target, AppTarget::Port { .. }) {
            return Err(invalid());
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            target,
            agent: agent.map(str::to_owned),
            workspace: workspace.to_owned(),
            username: username.to_owned(),
        })
    }
}

/// Four or five digits with an optional `s` are a port, all else is a slug. `None` for an impossible port.
fn parse_target(word: &str) -> Option<AppTarget> {
    let (digits, https) = match word.strip_suffix('s') {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let is_port = (4..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_port {
        return Some(AppTarget::Slug(word.to_owned()));
    }
    let port = digits.parse().ok().filter(|&port| port > 0)?;
    // A leading zero would give one port several names.
    (!digits.starts_with('0')).then_some(AppTarget::Port { port, https })
}

impl fmt::Display for AppTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slug(slug) => f.write_str(slug),
            Self::Port { port, https } => write!(f, "{port}{}", if *https { "s" } else { "" }),
        }
    }
}

impl fmt::Display for AppUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.target)?;
        if let Some(agent) = &self.agent {
            write!(f, "--{agent}")?;
        }
        write!(f, "--{}--{}", self.workspace, self.username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(label: &str) -> AppUrl {
        label.parse().expect(label)
    }

    #[test]
    fn reads_slugs_ports_and_prefixes() {
        let url = parse("code-server--dev--ann");
        assert_eq!(
            (url.target, url.agent),
            (AppTarget::Slug("code-server".to_owned()), None)
        );
        let url = parse("8443s--main--dev--ann");
        assert_eq!(
            url.target,
            AppTarget::Port {
                port: 8443,
                https: true
            }
        );
        assert_eq!(url.agent.as_deref(), Some("main"));
        let url = parse("a---b---app--dev--ann");
        assert_eq!(
            (url.prefix.as_str(), url.workspace.as_str()),
            ("a---b---", "dev")
        );
        assert_eq!(
            parse("123--dev--ann").target,
            AppTarget::Slug("123".to_owned())
        );
    }

    #[test]
    fn refuses_what_has_another_form() {
        for label in [
            "",
            "app",
            "app--dev",
            "8080--dev--ann",
            "a--b--c--d--e",
            "-a--b--c",
            "a--b--c-",
            "99999--main--dev--ann",
            "00080--main--dev--ann",
            "a b--dev--ann",
            "a--dev--ann---",
            "ä--b--c",
        ] {
            let error = label.parse::<AppUrl>().expect_err(label);
            assert_eq!(error.kind(), ProxyErrorKind::InvalidHost);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            port in prop::option::of((1000_u16.., any::<bool>())),
            slug in "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?",
            agent in "[a-z][a-z0-9]{0,8}",
            workspace in "[a-z0-9]{1,8}(-[a-z0-9]{1,4})?",
            username in "[a-z0-9]{1,8}",
            prefix in "([a-z]{1,4}---)?",
        ) {
            let target = port.map_or_else(|| AppTarget::Slug(slug), |(port, https)| AppTarget::Port { port, https });
            let url = AppUrl { prefix, target, agent: Some(agent), workspace, username };
            prop_assert_eq!(url.to_string().parse::<AppUrl>().expect("own form"), url);
        }

        #[test]
        fn no_label_panics(label in "\\PC{0,80}") {
            let _ = label.parse::<AppUrl>();
        }
    }
}
