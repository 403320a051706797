//! Ends transactions, and refuses in the right words.

use super::Deps;
use crate::{
    Error, ErrorKind, Result, Timestamp,
    rbac::{Action, AsObject, Subject},
    store::{StoreError, StoreResult, Transaction},
};
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use std::error::Error as _;

/// How often a transaction that met another one is tried in all.
pub(super) const ATTEMPTS: usize = 4;

/// Commits on success, rolls back on failure.
pub(super) async fn settle<T>(tx: Box<dyn Transaction>, result: Result<T>) -> Result<T> {
    match result {
        Ok(value) => {
            tx.commit().await?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = tx.rollback().await {
                tracing::debug!(%rollback, "roll back failed");
            }
            Err(error)
        }
    }
}

/// Removes what is older than `retention` by calling `delete` with the time before which it goes, and with `at_once`,
/// the most that one transaction shall remove. Answers how much went.
pub(super) async fn forget_old(
    deps: &Deps,
    retention: TimeDelta,
    at_once: u32,
    delete: impl for<'a> Fn(&'a mut dyn Transaction, Timestamp, u32) -> BoxFuture<'a, StoreResult<u64>>,
) -> Result<u64> {
    let Some(before) = deps.now().checked_sub_signed(retention) else {
        return Ok(0);
    };
    let mut forgotten = 0;
    loop {
        let mut tx = deps.begin().await?;
        let some = delete(tx.as_mut(), before, at_once).await;
        let some = settle(tx, some.map_err(Error::from)).await?;
        forgotten += some;
        if some < u64::from(at_once) {
            return Ok(forgotten);
        }
    }
}

/// Whether the failed transaction met another one, so that the same again may succeed.
pub(super) fn met_another(error: &Error) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<StoreError>());
    matches!(source, Some(StoreError::Serialization))
}

/// Unwraps a lookup of something that is acted upon: hidden from those who may not read it, refused to
/// those who may read it but not do this.
pub(super) fn permitted_visibly<T: AsObject>(
    deps: &Deps,
    subject: &Subject,
    action: Action,
    found: Option<T>,
) -> Result<T> {
    let found = deps.permitted(subject, Action::Read, found)?;
    if deps.allows(subject, action, &found.as_object()) {
        return Ok(found);
    }
    let message = format!("You are not permitted to {action} this.");
    Err(Error::new(ErrorKind::Forbidden, message))
}
