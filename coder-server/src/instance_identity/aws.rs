//! Documents of Amazon.

use super::VerifyError;
use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use coder_core::{
    Error, Timestamp,
    instance_identity::{Cloud, InstanceIdentity},
};
use rustls::pki_types::CertificateDer;
use x509_cert::{Certificate, der::Decode as _};

/// A region's certificate, as far as it is needed.
#[derive(Clone, Debug)]
pub(super) struct RegionCertificate {
    /// As `RSAPublicKey` of PKCS #1.
    key: Vec<u8>,
    not_before: i64,
    not_after: i64,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    instance_id: String,
    /// When the machine was started.
    pending_time: Timestamp,
}

impl RegionCertificate {
    /// # Errors
    /// [`InvalidInput`](coder_core::ErrorKind::InvalidInput).
    pub(super) fn parse(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        let wrong = |error: x509_cert::der::Error| {
            Error::invalid("a certificate of Amazon cannot be read").with_source(error)
        };
        let certificate = Certificate::from_der(certificate).map_err(wrong)?;
        let certificate = certificate.tbs_certificate();
        let key = certificate.subject_public_key_info();
        let seconds = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
        };
        let validity = certificate.validity();
        Ok(Self {
            key: key.subject_public_key.raw_bytes().to_vec(),
            not_before: seconds(validity.not_before),
            not_after: seconds(validity.not_after),
        })
    }

    fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now.timestamp())
    }

    /// The keys of the regions have 1024 bits; larger ones are welcome.
    fn signed(&self, document: &[u8], signature: &[u8]) -> bool {
        let algorithm = &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
        let key = UnparsedPublicKey::new(algorithm, &self.key);
        key.verify(document, signature).is_ok()
    }
}

/// Which machine a document names, if one of the certificates signed exactly these bytes. Nothing in the
/// document is looked at before.
pub(super) fn verify(
    document: &str,
    signature: &str,
    certificates: &[RegionCertificate],
    now: Timestamp,
) -> Result<InstanceIdentity, VerifyError> {
    let signature: String = signature.split_ascii_whitespace().collect();
    let signature = STANDARD.decode(signature);
    let signature = signature.map_err(|_| VerifyError::Malformed("the signature is not base64"))?;
    let signer = certificates
        .iter()
        .find(|certificate| certificate.signed(document.as_bytes(), &signature));
    let signer = signer
        .ok_or_else(|| VerifyError::Untrusted("no certificate of a region fits".to_owned()))?;
    if !signer.is_valid_at(now) {
        let message =
            "the region's certificate has ended, the administrator has to get the new one";
        return Err(VerifyError::Invalid(message));
    }
    let document: Document = serde_json::from_str(document)
        .map_err(|_| VerifyError::Malformed("it does not name a machine and its start"))?;
    if document.instance_id.is_empty() {
        return Err(VerifyError::Malformed("it does not name a machine"));
    }
    Ok(InstanceIdentity {
        cloud: Cloud::Aws,
        instance_id: document.instance_id,
        issued_at: document.pending_time,
    })
}
