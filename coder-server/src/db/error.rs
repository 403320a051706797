//! What the database says, in the words of the core.

use coder_core::store::StoreError;
use sea_orm::{DbErr, RuntimeErr};

/// Translates an error of the object mapper.
pub(super) fn database_error(error: DbErr) -> StoreError {
    let class = match &error {
        DbErr::ConnectionAcquire(_) => Class::Unavailable,
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => classify(cause),
        _ => Class::Other,
    };
    class.with_cause(error)
}

/// Translates an error of the driver.
pub(super) fn sqlx_error(error: sqlx::Error) -> StoreError {
    classify(&error).with_cause(error)
}

/// What a caller can do about an error.
#[derive(Debug, PartialEq, Eq)]
enum Class {
    Conflict { constraint: String },
    InvalidText,
    Serialization,
    Unavailable,
    Other,
}

impl Class {
    fn with_cause(self, cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        match self {
            // The cause repeats the values that are in conflict: not kept.
            Self::Conflict { constraint } => StoreError::Conflict { constraint },
            Self::InvalidText => StoreError::InvalidText {
                field: "text".to_owned(),
            },
            Self::Serialization => StoreError::Serialization,
            Self::Unavailable => StoreError::Unavailable(Box::new(cause)),
            Self::Other => StoreError::Backend(Box::new(cause)),
        }
    }
}

fn classify(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Database(answer) => {
            classify_code(answer.code().as_deref().unwrap_or_default(), answer.constraint())
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        // The answer of a server that goes away while it is read.
        | sqlx::Error::Protocol(_) => Class::Unavailable,
        _ => Class::Other,
    }
}

/// By the code of PostgreSQL's error table (appendix A of its manual).
fn classify_code(code: &str, constraint: Option<&str>) -> Class {
    match code {
        "23505" => Class::Conflict {
            constraint: constraint.unwrap_or("unknown").to_owned(),
        },
        // Invalid byte sequence; unsupported Unicode escape in JSON. Both mean a NUL character,
        // since our text is UTF-8 already.
        "22021" | "22P05" => Class::InvalidText,
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => Class::Serialization,
        // Statement time-out, idle transaction time-out, read-only standby after a failover.
        "57014" | "25P03" | "25006" => Class::Unavailable,
        _ => match code.get(..2) {
            // Connection, insufficient resources, operator intervention (shutdown, crash, recovery),
            // failure of the operating system.
            Some("08" | "53" | "57" | "58") => Class::Unavailable,
            _ => Class::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_classified() {
        let conflict = Class::Conflict {
            constraint: "users_email_key".to_owned(),
        };
        for (code, class) in [
            ("23505", conflict),
            ("22021", Class::InvalidText),
            ("40001", Class::Serialization),
            ("40P01", Class::Serialization),
            ("57014", Class::Unavailable),
            ("57P01", Class::Unavailable),
            ("57P03", Class::Unavailable),
            ("53300", Class::Unavailable),
            ("08006", Class::Unavailable),
            ("42P01", Class::Other),
            ("23503", Class::Other),
            ("", Class::Other),
        ] {
            assert_eq!(
                classify_code(code, Some("users_email_key")),
                class,
                "{code}"
            );
        }
    }
}
