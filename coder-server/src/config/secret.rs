//! Options that must not be printed.

use coder_core::secret::Secret;

/// Wraps a value.
pub(crate) fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}
