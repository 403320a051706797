//! Between columns and the types of the core.

use std::str::FromStr;

use coder_core::{
    secret::TokenHash,
    store::{StoreError, StoreResult},
};
use sea_orm::{
    FromQueryResult,
    entity::prelude::{Json, Uuid},
};
use serde::{Serialize, de::DeserializeOwned};

/// A word of an enumeration.
pub(super) fn word<T>(table: &'static str, text: &str) -> StoreResult<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error: T::Err| corrupt(table, error))
}

/// A word that may be absent.
pub(super) fn optional_word<T>(table: &'static str, text: Option<&str>) -> StoreResult<Option<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.map(|text| word(table, text)).transpose()
}

/// A structure kept as JSON.
pub(super) fn from_json<T: DeserializeOwned>(table: &'static str, json: Json) -> StoreResult<T> {
    serde_json::from_value(json).map_err(|error| corrupt(table, error))
}

/// A structure as JSON.
pub(super) fn to_json(value: &impl Serialize) -> StoreResult<Json> {
    serde_json::to_value(value).map_err(|error| StoreError::Backend(error.into()))
}

/// A hash of 32 bytes.
pub(super) fn token_hash(table: &'static str, bytes: &[u8]) -> StoreResult<TokenHash> {
    bytes
        .try_into()
        .map(TokenHash)
        .map_err(|error| corrupt(table, error))
}

/// Ids as they are bound.
pub(super) fn uuids<T: Copy + Into<Uuid>>(ids: &[T]) -> Vec<Uuid> {
    ids.iter().map(|&id| id.into()).collect()
}

/// What can be read from a row of a table.
pub(super) trait FromRow: Sized {
    /// The row.
    type Row: FromQueryResult + Send;

    /// Fails with [`StoreError::Corrupt`] when the row is not one that this version writes.
    fn from_row(row: Self::Row) -> StoreResult<Self>;
}

pub(super) fn corrupt(
    table: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Corrupt {
        table,
        source: Box::new(source),
    }
}
