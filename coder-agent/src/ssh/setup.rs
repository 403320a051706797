use std::ffi::OsStr;
use std::path::PathBuf;

use russh::Pty;

use super::Environment;
use super::environment::is_settable;
use super::limits::{MAX_ENV_BYTES, MAX_ENV_VARIABLES, MAX_TERM_BYTES};
use super::session_type::VARIABLE as SESSION_TYPE;
use super::x11::Display;

/// What a client asked for before it started a program.
#[derive(Debug, Default)]
pub(super) struct SessionSetup {
    pub(super) environment: Environment,
    pub(super) terminal: Option<TerminalRequest>,
    pub(super) display: Option<Display>,
    /// The socket of the client's SSH agent.
    pub(super) agent: Option<PathBuf>,
    environment_bytes: usize,
    environment_requests: usize,
}

/// A terminal to be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TerminalRequest {
    /// Empty when the client's terminal has no usable name.
    pub(crate) term: String,
    pub(crate) size: TerminalSize,
    pub(crate) modes: Vec<(Pty, u32)>,
}

/// The size of a terminal in characters and, where known, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TerminalSize {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
    pub(crate) pixel_width: u16,
    pub(crate) pixel_height: u16,
}

impl SessionSetup {
    /// Takes a variable, or says that it is not acceptable.
    pub(super) fn set_variable(&mut self, name: &str, value: &str) -> bool {
        self.environment_requests += 1;
        self.environment_bytes += name.len() + value.len();
        let accepted = self.environment_requests <= MAX_ENV_VARIABLES
            && self.environment_bytes <= MAX_ENV_BYTES
            && is_settable(OsStr::new(name), OsStr::new(value));
        if accepted && name != SESSION_TYPE {
            self.environment.insert(name.into(), value.into());
        }
        accepted
    }
}

impl TerminalRequest {
    pub(crate) fn new(term: &str, size: TerminalSize, modes: &[(Pty, u32)]) -> Self {
        let usable = term.len() <= MAX_TERM_BYTES
            && term
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte));
        Self {
            term: if usable {
                term.to_owned()
            } else {
                String::new()
            },
            size,
            modes: modes.to_vec(),
        }
    }
}

impl TerminalSize {
    /// Sizes beyond what a terminal can have are cut.
    pub(crate) fn new(columns: u32, rows: u32, pixel_width: u32, pixel_height: u32) -> Self {
        let cut = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        Self {
            columns: cut(columns),
            rows: cut(rows),
            pixel_width: cut(pixel_width),
            pixel_height: cut(pixel_height),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_bounded() {
        let mut setup = SessionSetup::default();
        assert!(setup.set_variable("LANG", "C.UTF-8"));
        assert!(!setup.set_variable("A=B", "x"));
        assert!(!setup.set_variable("", "x"));
        assert!(!setup.set_variable("NUL", "a\0b"));
        assert!(setup.set_variable(SESSION_TYPE, "vscode"));
        assert_eq!(setup.environment.len(), 1);
        for index in setup.environment_requests..MAX_ENV_VARIABLES {
            assert!(setup.set_variable(&format!("V{index}"), "x"));
        }
        assert!(!setup.set_variable("ONE_MORE", "x"));

        let mut setup = SessionSetup::default();
        assert!(!setup.set_variable("BIG", &"x".repeat(MAX_ENV_BYTES)));
    }

    #[test]
    fn odd_terminals_are_tamed() {
        let size = TerminalSize::new(100_000, 0, 1, 2);
        assert_eq!((size.columns, size.rows), (u16::MAX, 0));
        assert_eq!(
            TerminalRequest::new("xterm-256color", size, &[]).term,
            "xterm-256color"
        );
        assert_eq!(TerminalRequest::new("../../etc", size, &[]).term, "");
        assert_eq!(TerminalRequest::new(&"x".repeat(65), size, &[]).term, "");
    }
}
