//! Durations on the command line.

use std::time::Duration;

/// Parses a duration such as `1m30s` or `500ms`.
///
/// # Errors
/// A sentence that says what is wrong.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed = crate::config::parse_duration(text)?;
    parsed
        .to_std()
        .map_err(|_| format!("{text:?} is no duration such as 1m30s or 500ms"))
}

/// Parses a duration above zero.
///
/// # Errors
/// As [`parse_duration`].
pub(crate) fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("it must be more than nothing".to_owned()),
        duration => Ok(duration),
    }
}
