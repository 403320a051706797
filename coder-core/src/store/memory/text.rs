//! How text is kept, compared and ordered.

use crate::store::{StoreError, StoreResult};

/// Refuses NUL characters, which Postgres cannot keep.
pub(super) fn check<'a>(
    fields: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> StoreResult<()> {
    match fields.into_iter().find(|(_, text)| text.contains('\0')) {
        Some((field, _)) => Err(StoreError::InvalidText {
            field: field.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Whether two names are the same, ignoring case.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Whether `part` is in `text`, ignoring case.
pub(super) fn holds(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}
