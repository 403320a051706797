//! Splitting a query into terms, and taking them one key at a time.

use crate::{Error, FieldError};
use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// The longest query, bytes.
pub const MAX_QUERY_BYTES: usize = 2_048;
/// The most terms of a query.
pub const MAX_TERMS: usize = 64;

/// The terms of a query that were not taken yet, and what was wrong with those that were.
#[derive(Debug, Default)]
pub(super) struct Terms {
    /// Free words.
    words: Vec<String>,
    /// Values by key, in the order in which they were given.
    values: BTreeMap<String, Vec<String>>,
    errors: Vec<FieldError>,
}

impl Terms {
    /// Splits a query.
    pub(super) fn parse(query: &str) -> Result<Self, Error> {
        if query.len() > MAX_QUERY_BYTES {
            let detail = format!("must have at most {MAX_QUERY_BYTES} bytes");
            return Err(malformed(detail));
        }
        let mut terms = Self::default();
        for (count, term) in split(query)?.into_iter().enumerate() {
            if count == MAX_TERMS {
                return Err(malformed(format!("must have at most {MAX_TERMS} terms")));
            }
            match term.key {
                None => terms.words.push(term.value),
                Some(key) if key.is_empty() || term.value.is_empty() => {
                    let detail =
                        format!("has a key or a value missing at \"{key}:{}\"", term.value);
                    return Err(malformed(detail));
                }
                Some(key) => {
                    let key = key.to_lowercase().replace('-', "_");
                    terms.values.entry(key).or_default().push(term.value);
                }
            }
        }
        Ok(terms)
    }

    /// All free words.
    pub(super) fn words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words)
    }

    /// The one value of a key.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let mut values = self.values.remove(key)?;
        if values.len() > 1 {
            self.refuse(key, "may be given once only");
        }
        values.pop()
    }

    /// The one value of a key, as something else.
    pub(super) fn value<T>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(key)?;
        parse(&text).map_err(|detail| self.refuse(key, detail)).ok()
    }

    /// All values of a key, separated by commas or given one by one.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let values = self.values.remove(key).unwrap_or_default();
        let texts = values.iter().flat_map(|value| value.split(','));
        let parsed: Result<Vec<T>, String> = texts.map(|text| parse(text.trim())).collect();
        parsed.unwrap_or_else(|detail| {
            self.refuse(key, detail);
            Vec::new()
        })
    }

    /// Notes that the value of `key` is wrong.
    pub(super) fn refuse(&mut self, key: &str, detail: impl Into<String>) {
        self.errors.push(FieldError {
            field: key.to_owned(),
            detail: detail.into(),
        });
    }

    /// Fails when something was wrong or a key is left that nobody took.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        for key in std::mem::take(&mut self.values).into_keys() {
            self.refuse(&key, "is not a key of this search");
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        let error = Error::invalid("The search query is not valid.");
        let errors = self.errors.into_iter();
        Err(errors.fold(error, |error, field| {
            error.with_field(&field.field, field.detail)
        }))
    }
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// One of the words of an enumeration, in any case.
pub(super) fn word<T: FromStr<Err = impl Display>>(text: &str) -> Result<T, String> {
    text.to_lowercase()
        .parse()
        .map_err(|error: T::Err| error.to_string())
}

/// An identifier.
pub(super) fn id<T: From<uuid::Uuid>>(text: &str) -> Result<T, String> {
    let id = text.parse::<uuid::Uuid>();
    id.map(T::from)
        .map_err(|_| format!("{text:?} is not a UUID"))
}

/// A point in time as RFC 3339 has it.
pub(super) fn time(text: &str) -> Result<crate::Timestamp, String> {
    use chrono::SubsecRound as _;
    let time = chrono::DateTime::parse_from_rfc3339(&text.to_uppercase());
    time.map(|time| time.to_utc().trunc_subsecs(6))
        .map_err(|_| format!("{text:?} is not a time like 2006-01-02T15:04:05Z"))
}

struct Term {
    key: Option<String>,
    value: String,
}

/// Terms without their quotes. The first colon outside of quotes ends the key.
fn split(query: &str) -> Result<Vec<Term>, Error> {
    let mut terms = Vec::new();
    let (mut key, mut text) = (None, String::new());
    let (mut quoted, mut begun) = (false, false);
    for letter in query.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            ':' if !quoted && key.is_none() => {
                key = Some(std::mem::take(&mut text));
                begun = true;
            }
            blank if blank.is_whitespace() && !quoted => {
                if begun {
                    let value = std::mem::take(&mut text);
                    terms.push(Term {
                        key: key.take(),
                        value,
                    });
                    begun = false;
                }
            }
            other => {
                text.push(other);
                begun = true;
            }
        }
    }
    if quoted {
        return Err(malformed("has a quotation mark that is not closed"));
    }
    if begun {
        terms.push(Term { key, value: text });
    }
    Ok(terms)
}

fn malformed(detail: impl Into<String>) -> Error {
    Error::invalid("The search query is not valid.").with_field("q", detail)
}
