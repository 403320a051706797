//! Documents of Azure.

use super::{VerifyError, signed_data::Signed};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDateTime};
use coder_core::{
    Timestamp,
    instance_identity::{Cloud, InstanceIdentity},
};
use rustls::pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Whom the certificates of the metadata services are for: the public cloud, that of the government of the
/// United States, and that of China. Regions have names below these.
const NAMES: [&str; 3] = [
    "metadata.azure.com",
    "metadata.azure.us",
    "metadata.azure.cn",
];
/// How times are written; always with the offset `-0000`.
const TIME: &str = "%m/%d/%y %H:%M:%S";

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    vm_id: String,
    time_stamp: TimeStamp,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct TimeStamp {
    created_on: String,
    expires_on: String,
}

/// Which machine a document names, if its signature is by a certificate of the metadata service that one of
/// `trusted` issued, directly or by a chain that came along.
pub(super) fn verify(
    signature: &str,
    encoding: &str,
    trusted: &[CertificateDer<'static>],
    now: Timestamp,
) -> Result<InstanceIdentity, VerifyError> {
    if encoding != "pkcs7" {
        return Err(VerifyError::Malformed("the encoding is not pkcs7"));
    }
    let der = STANDARD.decode(signature.trim());
    let der = der.map_err(|_| VerifyError::Malformed("the signature is not base64"))?;
    let signed = Signed::verify(&der)?;
    check_signer(&signed, trusted, now)?;
    let document: Document = serde_json::from_slice(&signed.content)
        .map_err(|_| VerifyError::Malformed("it does not name a machine and its times"))?;
    let issued_at = time(&document.time_stamp.created_on)?;
    if now >= time(&document.time_stamp.expires_on)? {
        return Err(VerifyError::Invalid("it has expired"));
    }
    if document.vm_id.is_empty() {
        return Err(VerifyError::Malformed("it does not name a machine"));
    }
    Ok(InstanceIdentity {
        cloud: Cloud::Azure,
        // As Terraform has it.
        instance_id: document.vm_id.to_ascii_lowercase(),
        issued_at,
    })
}

fn check_signer(
    signed: &Signed,
    trusted: &[CertificateDer<'static>],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let untrusted = |error: webpki::Error| VerifyError::Untrusted(error.to_string());
    let anchors: Vec<_> = trusted
        .iter()
        .filter_map(|certificate| anchor_from_trusted_cert(certificate).ok())
        .collect();
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let signer = EndEntityCert::try_from(&signed.signer).map_err(untrusted)?;
    // The same certificates serve TLS.
    signer
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            &signed.others,
            time,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map_err(untrusted)?;
    // Whoever is trusted issues certificates for others as well.
    if signer.valid_dns_names().any(is_metadata_service) {
        return Ok(());
    }
    let message = "the certificate is not for the metadata service".to_owned();
    Err(VerifyError::Untrusted(message))
}

fn is_metadata_service(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|own| {
        let before = name.strip_suffix(own);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

fn time(text: &str) -> Result<Timestamp, VerifyError> {
    let wrong = || VerifyError::Malformed("a time cannot be read");
    let (time, offset) = text.rsplit_once(' ').ok_or_else(wrong)?;
    if !matches!(offset, "-0000" | "+0000") {
        return Err(wrong());
    }
    let time = NaiveDateTime::parse_from_str(time, TIME).map_err(|_| wrong())?;
    Ok(DateTime::from_naive_utc_and_offset(time, chrono::Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_metadata_service() {
        for good in [
            "metadata.azure.com",
            "eastus.metadata.azure.com",
            "*.METADATA.azure.us",
        ] {
            assert!(is_metadata_service(good), "{good}");
        }
        for bad in [
            "azure.com",
            "notmetadata.azure.com",
            "metadata.azure.com.example",
            "",
        ] {
            assert!(!is_metadata_service(bad), "{bad}");
        }
    }

    #[test]
    fn times() {
        let read = time("11/28/18 00:16:17 -0000").expect("a time");
        assert_eq!(read.to_rfc3339(), "2018-11-28T00:16:17+00:00");
        for bad in [
            "",
            "11/28/18 00:16:17",
            "11/28/18 00:16:17 +0100",
            "28/11/18 00:16:17 -0000",
        ] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
