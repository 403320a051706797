use std::fmt;

/// Variable in which clients tell what they are; not meant for the process.
pub(super) const VARIABLE: &str = "CODER_SSH_SESSION_TYPE";

/// The longest name of a kind of client.
const MAX_NAME: usize = 32;

/// What a client is, for statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SessionType {
    /// Some SSH client, the default.
    #[default]
    Ssh,
    /// Visual Studio Code with its extension.
    VsCode,
    /// An IDE of JetBrains.
    JetBrains,
    /// Another kind by the name that it gave itself.
    Other(String),
}

impl SessionType {
    /// Reads the value of `CODER_SSH_SESSION_TYPE`; `None` for what cannot be the name of a kind.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let name = value.trim().to_ascii_lowercase();
        let is_name = !name.is_empty()
            && name.len() <= MAX_NAME
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        match name.as_str() {
            _ if !is_name => None,
            "ssh" => Some(Self::Ssh),
            "vscode" => Some(Self::VsCode),
            "jetbrains" => Some(Self::JetBrains),
            _ => Some(Self::Other(name)),
        }
    }
}

impl fmt::Display for SessionType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ssh => "ssh",
            Self::VsCode => "vscode",
            Self::JetBrains => "jetbrains",
            Self::Other(name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (value, expected) in [
            ("ssh", Some(SessionType::Ssh)),
            ("VSCode", Some(SessionType::VsCode)),
            (" jetbrains ", Some(SessionType::JetBrains)),
            ("zed", Some(SessionType::Other("zed".into()))),
            ("", None),
            ("a\nb", None),
            ("a b", None),
        ] {
            assert_eq!(SessionType::parse(value), expected, "{value}");
        }
        assert_eq!(SessionType::parse(&"x".repeat(33)), None);
        assert_eq!(SessionType::VsCode.to_string(), "vscode");
    }
}
