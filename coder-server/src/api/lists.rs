//! What lists are narrowed to, as clients write it.

use coder_core::{Error, provisioner_job::Tags};
use std::str::FromStr;

/// Rows answered when no limit is given, and at most.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 1_000;

/// How many rows to answer.
pub(crate) fn limit(asked: Option<u32>) -> u32 {
    let asked = asked.filter(|&limit| limit > 0);
    asked.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)
}

/// The words of a list, separated by commas.
///
/// # Errors
/// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) naming `field`.
pub(crate) fn words<T: FromStr>(field: &str, text: Option<&str>) -> Result<Vec<T>, Error> {
    let words = text.unwrap_or_default().split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(|word| {
            let refused = |_| Error::invalid_field(field, format!("{word:?} is not known"));
            word.parse::<T>().map_err(refused)
        })
        .collect()
}

/// Tags as a JSON object of strings.
///
/// # Errors
/// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) naming `tags`.
pub(crate) fn tags(text: Option<&str>) -> Result<Tags, Error> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(Tags::new());
    };
    let refused = |_| Error::invalid_field("tags", "must be a JSON object of strings");
    serde_json::from_str(text).map_err(refused)
}
