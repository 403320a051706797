use async_trait::async_trait;

use crate::Result;
use crate::protocol::{
    AwsInstanceIdentityToken, AzureInstanceIdentityToken, GoogleInstanceIdentityToken,
};

/// A document to be exchanged for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityDocument {
    /// Of Amazon.
    Aws(AwsInstanceIdentityToken),
    /// Of Azure.
    Azure(AzureInstanceIdentityToken),
    /// Of Google.
    Google(GoogleInstanceIdentityToken),
}

/// Where documents come from.
#[async_trait]
pub trait IdentitySource: Send + Sync {
    /// A fresh document.
    async fn document(&self) -> Result<IdentityDocument>;
}
