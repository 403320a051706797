//! What a command ends with when it fails.

use std::process::ExitCode;

/// A failure, with the exit code and what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CliError {
    message: String,
    hint: Option<String>,
    code: u8,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What commands answer.
pub(crate) type CliResult<T = ()> = Result<T, CliError>;

impl CliError {
    /// A general failure, exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: 1,
            source: None,
        }
    }

    /// Says what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With another exit code.
    pub(crate) const fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// With this exit code where the error only has the general one.
    pub(crate) const fn instead_of_general(mut self, code: u8) -> Self {
        if self.code == 1 && !self.message.is_empty() {
            self.code = code;
        }
        self
    }

    /// Adds the cause.
    pub(crate) fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Ends without a message of its own, as after a remote command that failed.
    pub(crate) fn silent(code: u8) -> Self {
        Self::new("").code(code)
    }

    /// Writes the whole chain of causes to standard error.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            let mut text = format!("error: {}", self.message);
            let mut cause = std::error::Error::source(self);
            while let Some(error) = cause {
                text.push_str(&format!("\n  caused by: {error}"));
                cause = error.source();
            }
            if let Some(hint) = &self.hint {
                text.push_str(&format!("\n{hint}"));
            }
            super::output::error_line(&text);
        }
        ExitCode::from(self.code)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::new("input or output failed").caused_by(error)
    }
}
