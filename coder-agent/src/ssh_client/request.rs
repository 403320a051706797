use std::collections::BTreeMap;

/// What a session shall run and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRequest {
    /// A text for the user's shell; `None` for the login shell.
    pub command: Option<String>,
    /// Variables to set; a server may refuse any of them silently.
    pub environment: BTreeMap<String, String>,
    /// The terminal to open; `None` for pipes.
    pub terminal: Option<TerminalRequest>,
    /// Whether programs may use the SSH agent of
    /// [`SshClientOptions::agent`](super::SshClientOptions::agent).
    pub agent_forward: bool,
}

/// A terminal to open at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalRequest {
    /// The terminal's type, as in `TERM`.
    pub term: String,
    /// Its first size.
    pub size: TerminalSize,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

impl Default for TerminalSize {
    /// 80 by 24, the size of terminals that do not tell theirs.
    fn default() -> Self {
        Self {
            columns: 80,
            rows: 24,
        }
    }
}
