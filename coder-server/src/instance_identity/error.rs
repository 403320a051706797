use coder_core::{Error, ErrorKind};

/// Why a document is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The administrator has not said whom to trust.
    #[error("This server knows no certificates of this cloud: its administrator has to set {0}.")]
    NotConfigured(&'static str),
    /// It has not the form that this cloud gives.
    #[error("The document is not one of this cloud: {0}.")]
    Malformed(&'static str),
    /// Nobody who is trusted signed it.
    #[error("The signature of the document is not that of a trusted certificate or key: {0}.")]
    Untrusted(String),
    /// It is not valid now, or not for us.
    #[error("The document is not valid: {0}.")]
    Invalid(&'static str),
    /// The keys to check it with cannot be had now.
    #[error("The keys of this cloud cannot be fetched.")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<VerifyError> for Error {
    fn from(error: VerifyError) -> Self {
        let kind = match error {
            VerifyError::NotConfigured(_) => ErrorKind::Forbidden,
            VerifyError::Unavailable(_) => ErrorKind::Unavailable,
            VerifyError::Malformed(_) | VerifyError::Untrusted(_) | VerifyError::Invalid(_) => {
                ErrorKind::Unauthenticated
            }
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}
