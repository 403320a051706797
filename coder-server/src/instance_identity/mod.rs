//! Documents in which a cloud says which machine somebody runs on, and whether that is true.
//!
//! | cloud | document | signature |
//! |---|---|---|
//! | Amazon | JSON | RSA with SHA-256 by a certificate of the region |
//! | Azure | JSON inside of PKCS #7 | RSA, by a certificate for `metadata.azure.com` that a given one issued |
//! | Google | JSON Web Token | RS256, by a key that Google publishes |
//!
//! What the certificates of Amazon and Microsoft are is for the administrator to say: they are downloaded
//! from the clouds' own pages. Verification is a pure function of the document, the certificates and the
//! time; only Google's keys are fetched.

mod aws;
mod azure;
mod certificates;
mod error;
mod google;
mod google_keys;
mod signed_data;
mod verifier;

pub use error::VerifyError;
pub use verifier::InstanceIdentityVerifier;
