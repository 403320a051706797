//! The `SignedData` of PKCS #7, as far as clouds use it: one signer, RSA, the content inside.

use super::VerifyError;
use aws_lc_rs::digest;
use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber, x509},
    content_info::ContentInfo,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use webpki::{EndEntityCert, aws_lc_rs as algorithms};
use x509::{
    Certificate,
    attr::Attribute,
    der::{Any, Decode as _, Encode as _, asn1::ObjectIdentifier, asn1::OctetStringRef},
    ext::pkix::SubjectKeyIdentifier,
};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The hash functions with what goes with each.
type Algorithm = (
    ObjectIdentifier,
    ObjectIdentifier,
    &'static digest::Algorithm,
    &'static dyn SignatureVerificationAlgorithm,
);

/// By the hash's own name, and the name of RSA with it.
fn supported() -> [Algorithm; 3] {
    let with = |text| ObjectIdentifier::new_unwrap(text);
    [
        (
            SHA_256,
            with("1.2.840.113549.1.1.11"),
            &digest::SHA256,
            algorithms::RSA_PKCS1_2048_8192_SHA256,
        ),
        (
            SHA_384,
            with("1.2.840.113549.1.1.12"),
            &digest::SHA384,
            algorithms::RSA_PKCS1_2048_8192_SHA384,
        ),
        (
            SHA_512,
            with("1.2.840.113549.1.1.13"),
            &digest::SHA512,
            algorithms::RSA_PKCS1_2048_8192_SHA512,
        ),
    ]
}

/// A content that [`signer`](Self::signer) signed. Whether that one is to be believed is not said.
pub(super) struct Signed {
    pub(super) content: Vec<u8>,
    /// The certificate whose key made the signature.
    pub(super) signer: CertificateDer<'static>,
    /// What came along, for a chain from the signer to somebody who is trusted.
    pub(super) others: Vec<CertificateDer<'static>>,
}

impl Signed {
    /// Reads `SignedData` in DER and checks the signature.
    pub(super) fn verify(der: &[u8]) -> Result<Self, VerifyError> {
        let data = parse(der)?;
        let content = data.encap_content_info.econtent.as_ref();
        let content = content.ok_or(VerifyError::Malformed("nothing was signed"))?;
        let content = content.decode_as::<&OctetStringRef>();
        let content = content.map_err(|_| VerifyError::Malformed("the content is not bytes"))?;
        let content = content.as_bytes();
        let [info] = data.signer_infos.0.as_slice() else {
            return Err(VerifyError::Malformed("it has not exactly one signer"));
        };
        let (signer, others) = certificates(&data, &info.sid)?;
        let (_, _, hash, algorithm) = algorithm(info)?;
        let message = signed_message(info, &data, content, hash)?;
        let untrusted = |error: webpki::Error| VerifyError::Untrusted(error.to_string());
        let key = EndEntityCert::try_from(&signer).map_err(untrusted)?;
        key.verify_signature(algorithm, &message, info.signature.as_bytes())
            .map_err(untrusted)?;
        Ok(Self {
            content: content.to_vec(),
            signer,
            others,
        })
    }
}

fn parse(der: &[u8]) -> Result<SignedData, VerifyError> {
    let wrong = |_| VerifyError::Malformed("it is not PKCS #7 in DER");
    let info = ContentInfo::from_der(der).map_err(wrong)?;
    if info.content_type != SIGNED_DATA {
        return Err(VerifyError::Malformed("it is not signed data"));
    }
    info.content.decode_as().map_err(wrong)
}

fn algorithm(info: &SignerInfo) -> Result<Algorithm, VerifyError> {
    let (hash, signature) = (info.digest_alg.oid, info.signature_algorithm.oid);
    let found = supported()
        .into_iter()
        .find(|(own, with, ..)| *own == hash && (signature == RSA || signature == *with));
    found.ok_or(VerifyError::Malformed(
        "it is not signed by RSA with SHA-256 or better",
    ))
}

/// What the signature is over: the attributes, which have to name the content's hash, or the content itself.
fn signed_message(
    info: &SignerInfo,
    data: &SignedData,
    content: &[u8],
    hash: &'static digest::Algorithm,
) -> Result<Vec<u8>, VerifyError> {
    let Some(attributes) = &info.signed_attrs else {
        return Ok(content.to_vec());
    };
    let value = |kind| {
        let mut found = attributes.iter().filter(|attribute| attribute.oid == kind);
        match (found.next(), found.next()) {
            (Some(attribute), None) => only_value(attribute),
            _ => None,
        }
    };
    let own_type = value(CONTENT_TYPE)
        .and_then(|value| value.decode_as::<ObjectIdentifier>().ok())
        .is_some_and(|kind| kind == data.encap_content_info.econtent_type);
    let own_hash = value(MESSAGE_DIGEST)
        .and_then(|value| value.decode_as::<&OctetStringRef>().ok())
        .is_some_and(|found| found.as_bytes() == digest::digest(hash, content).as_ref());
    if !own_type || !own_hash {
        let message = "the signed attributes are of another content".to_owned();
        return Err(VerifyError::Untrusted(message));
    }
    let malformed = |_| VerifyError::Malformed("the signed attributes cannot be read");
    attributes.to_der().map_err(malformed)
}

fn only_value(attribute: &Attribute) -> Option<&Any> {
    match attribute.values.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// The signer's certificate and the others.
fn certificates(
    data: &SignedData,
    signer: &SignerIdentifier,
) -> Result<(CertificateDer<'static>, Vec<CertificateDer<'static>>), VerifyError> {
    let mut found = None;
    let mut others = Vec::new();
    let all = data.certificates.iter().flat_map(|set| set.0.iter());
    for choice in all {
        let CertificateChoices::Certificate(certificate) = choice else {
            continue;
        };
        let der = certificate.to_der();
        let der = der.map_err(|_| VerifyError::Malformed("a certificate cannot be read"))?;
        let der = CertificateDer::from(der);
        if found.is_none() && is(certificate, signer) {
            found = Some(der);
        } else {
            others.push(der);
        }
    }
    let found = found.ok_or(VerifyError::Malformed(
        "the signer's certificate is missing",
    ))?;
    Ok((found, others))
}

fn is(certificate: &Certificate, signer: &SignerIdentifier) -> bool {
    let certificate = certificate.tbs_certificate();
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer,
            serial_number,
        }) => certificate.issuer() == issuer && certificate.serial_number() == serial_number,
        SignerIdentifier::SubjectKeyIdentifier(wanted) => {
            let own = certificate.get_extension::<SubjectKeyIdentifier>();
            own.is_ok_and(|own| own.is_some_and(|(_, own)| own == *wanted))
        }
    }
}
