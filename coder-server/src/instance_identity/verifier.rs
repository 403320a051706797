use super::{
    VerifyError, aws, aws::RegionCertificate, azure, certificates, google, google_keys::GoogleKeys,
};
use crate::config::IdentityConfig;
use coder_core::{Error, Timestamp, clock::Clock, instance_identity::InstanceIdentity};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

/// The option that names Amazon's certificates.
const AWS: &str = "--aws-instance-identity-certificates";
/// The option that names Azure's.
const AZURE: &str = "--azure-instance-identity-certificates";

/// Knows whom to believe.
pub struct InstanceIdentityVerifier {
    aws: Vec<RegionCertificate>,
    azure: Vec<CertificateDer<'static>>,
    google: GoogleKeys,
    clock: Arc<dyn Clock>,
}

impl InstanceIdentityVerifier {
    /// Reads the certificates that the options name.
    ///
    /// # Errors
    /// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) naming the option.
    pub fn new(config: &IdentityConfig, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let read = |option, path: &Option<std::path::PathBuf>| match path {
            Some(path) => certificates::read(option, path),
            None => Ok(Vec::new()),
        };
        let aws = read(AWS, &config.aws_instance_identity_certificates)?;
        let aws = aws.iter().map(RegionCertificate::parse);
        let keys_url = config.google_instance_identity_keys_url.clone();
        Ok(Self {
            aws: aws.collect::<Result<_, _>>()?,
            azure: read(AZURE, &config.azure_instance_identity_certificates)?,
            google: GoogleKeys::new(keys_url, Arc::clone(&clock)),
            clock,
        })
    }

    /// Checks a document of Amazon: the text itself, and the signature as base64.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn aws(&self, document: &str, signature: &str) -> Result<InstanceIdentity, VerifyError> {
        if self.aws.is_empty() {
            return Err(VerifyError::NotConfigured(AWS));
        }
        aws::verify(document, signature, &self.aws, self.now())
    }

    /// Checks a document of Azure: PKCS #7 as base64.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn azure(&self, signature: &str, encoding: &str) -> Result<InstanceIdentity, VerifyError> {
        if self.azure.is_empty() {
            return Err(VerifyError::NotConfigured(AZURE));
        }
        azure::verify(signature, encoding, &self.azure, self.now())
    }

    /// Checks a token of Google.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub async fn google(&self, token: &str) -> Result<InstanceIdentity, VerifyError> {
        let keys = self.google.with(&google::key_id(token)?).await?;
        google::verify(token, &keys, self.now())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl std::fmt::Debug for InstanceIdentityVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstanceIdentityVerifier")
            .field("aws", &self.aws.len())
            .field("azure", &self.azure.len())
            .field("google", &self.google)
            .finish_non_exhaustive()
    }
}
