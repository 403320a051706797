//! `limit` and `offset`.

use crate::http::error::ApiError;
use axum::extract::FromRequestParts;
use coder_core::{Error, store::Page};
use http::request::Parts;
use uuid::Uuid;

/// Which part of a list the query asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Pagination {
    /// Most entries to give; 0 or absent for all.
    #[param(required = false)]
    pub limit: u32,
    /// Entries to skip.
    #[param(required = false)]
    pub offset: u32,
    /// Begin after the entry with this id.
    #[param(required = false)]
    pub after_id: Option<Uuid>,
}

impl Pagination {
    /// The part as stores know it, for lists without `after_id`.
    #[must_use]
    pub const fn page(self) -> Page {
        Page {
            offset: self.offset,
            limit: self.limit,
        }
    }

    /// The part of a list that is at hand.
    pub fn apply<T>(self, entries: Vec<T>, id: impl Fn(&T) -> Uuid) -> Vec<T> {
        let skip = self.after_id.map_or(0, |after| {
            let position = entries.iter().position(|entry| id(entry) == after);
            position.map_or(entries.len(), |position| position + 1)
        });
        self.page().apply(entries.into_iter().skip(skip))
    }
}

impl<S: Sync> FromRequestParts<S> for Pagination {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(parse(parts.uri.query().unwrap_or_default())?)
    }
}

fn parse(query: &str) -> Result<Pagination, Error> {
    let mut pagination = Pagination::default();
    let number = |field: &str, text: &str| {
        let number = text
            .parse::<u32>()
            .ok()
            .filter(|&number| number <= i32::MAX as u32);
        number.ok_or_else(|| Error::invalid_field(field, "must be a number from 0 to 2147483647"))
    };
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        match key.as_ref() {
            "limit" => pagination.limit = number("limit", &value)?,
            "offset" => pagination.offset = number("offset", &value)?,
            "after_id" => {
                let id = value.parse::<Uuid>();
                let id = id.map_err(|_| Error::invalid_field("after_id", "must be a UUID"))?;
                pagination.after_id = (!id.is_nil()).then_some(id);
            }
            _ => {}
        }
    }
    Ok(pagination)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_parsed_and_refused() {
        let parsed = parse("limit=10&q=x&offset=5").expect("valid");
        assert_eq!((parsed.limit, parsed.offset), (10, 5));
        for (query, field) in [
            ("limit=-1", "limit"),
            ("limit=99999999999", "limit"),
            ("offset=a", "offset"),
            ("after_id=1", "after_id"),
        ] {
            assert_eq!(parse(query).expect_err(query).fields()[0].field, field);
        }
    }

    #[test]
    fn a_cursor_skips_to_its_entry() {
        let ids: Vec<Uuid> = (1..6).map(Uuid::from_u128).collect();
        let query = format!("limit=2&after_id={}", ids[1]);
        let part = parse(&query).expect("valid").apply(ids.clone(), |id| *id);
        assert_eq!(part, ids[2..4]);
    }
}
