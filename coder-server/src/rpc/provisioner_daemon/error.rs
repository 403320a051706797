use coder_core::{Error, ErrorKind};

/// The error as daemons understand it.
pub(super) fn to_daemon(error: Error) -> coder_provisioner::Error {
    use coder_provisioner::ErrorKind as Kind;
    let kind = match error.kind() {
        ErrorKind::PreconditionFailed => Kind::LeaseLost,
        ErrorKind::Unavailable => Kind::Unavailable,
        ErrorKind::InvalidInput
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Unauthenticated => Kind::InvalidRequest,
        _ => Kind::Internal,
    };
    // The detail of an internal error is for our log, not for the build's.
    if kind == Kind::Internal {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "call of a daemon failed"
        );
        return coder_provisioner::Error::new(kind, "the server failed");
    }
    coder_provisioner::Error::new(kind, error.message())
}
