//! What is wrong with a certificate, in words. Pure.

use super::report::Finding;
use coder_core::Timestamp;
use rustls::{CertificateError, Error, pki_types::CertificateDer};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, X509Name};

/// Names of a certificate that are shown.
const MAX_NAMES: usize = 5;

/// What is known of a server's certificate.
#[derive(Debug)]
struct Facts {
    subject: String,
    issuer: String,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
    names: Vec<String>,
}

/// Why a handshake failed. `chain` is what the server sent, its own certificate first.
pub(super) fn explain(error: &Error, chain: &[CertificateDer<'_>], now: Timestamp) -> Finding {
    let facts = chain.first().and_then(Facts::of);
    match (error, facts) {
        (Error::InvalidCertificate(problem), Some(facts)) => {
            of_certificate(problem, &facts, chain, now)
        }
        (Error::InvalidCertificate(problem), None) => Finding::error(format!(
            "the server's certificate is not usable: {problem:?}"
        )),
        (Error::AlertReceived(alert), _) => {
            let alert = format!("{alert:?}");
            let finding = Finding::error(format!("the server refuses the handshake: {alert}"));
            if alert.contains("CertificateRequired") || alert.contains("BadCertificate") {
                finding.hint("It wants a client certificate: --client-tls-cert-file and --client-tls-key-file.")
            } else {
                finding
            }
        }
        (Error::InvalidMessage(_), _) => Finding::error("what answers does not speak TLS")
            .hint("Is the URL one of http://, or the port another one?"),
        (error, _) => Finding::error(format!("the handshake failed: {error}")),
    }
}

fn of_certificate(
    problem: &CertificateError,
    facts: &Facts,
    chain: &[CertificateDer<'_>],
    now: Timestamp,
) -> Finding {
    let day = |time: Option<Timestamp>| {
        time.map_or_else(
            || "?".to_owned(),
            |time| time.format("%Y-%m-%d").to_string(),
        )
    };
    let Facts {
        subject, issuer, ..
    } = facts;
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let (end, now) = (day(facts.not_after), day(Some(now)));
            Finding::error(format!("the certificate of {subject} expired on {end}")).hint(format!(
                "This machine's clock says {now}: if that is wrong, set it; else the server needs a new certificate."
            ))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let (begin, now) = (day(facts.not_before), day(Some(now)));
            Finding::error(format!("the certificate of {subject} is valid from {begin} on")).hint(format!(
                "This machine's clock says {now}; it is probably wrong."
            ))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = match facts.names.is_empty() {
                true => subject.clone(),
                false => facts.names.join(", "),
            };
            Finding::error(format!("the certificate is for {names}, not for this host"))
                .hint("Use one of these names in the URL, or another server answers here than you think.")
        }
        CertificateError::UnknownIssuer if subject == issuer => {
            Finding::error(format!("the certificate of {subject} is signed by itself")).hint(
                "If that is meant, trust it: --client-tls-ca-file with its PEM file (agents: SSL_CERT_FILE).",
            )
        }
        CertificateError::UnknownIssuer => {
            let top = chain.last().and_then(Facts::of);
            let top = top.map_or_else(|| issuer.clone(), |top| top.issuer);
            Finding::error(format!("the certificate of {subject} comes from {top:?}, which nobody here trusts")).hint(
                "If that is your company's proxy, which opens TLS on the way, or your own authority, trust its \
                 certificate: --client-tls-ca-file with its PEM file (agents: SSL_CERT_FILE).",
            )
        }
        other => Finding::error(format!("the certificate of {subject} is refused: {other:?}")),
    }
}

/// Who vouches for a server, for people.
pub(super) fn issuer(chain: &[CertificateDer<'_>]) -> Option<String> {
    chain.first().and_then(Facts::of).map(|facts| facts.issuer)
}

impl Facts {
    fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let time =
            |time: x509_parser::time::ASN1Time| Timestamp::from_timestamp(time.timestamp(), 0);
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names
            .into_iter()
            .flat_map(|names| &names.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        });
        Some(Self {
            subject: shown(certificate.subject()),
            issuer: shown(certificate.issuer()),
            not_before: time(certificate.validity().not_before),
            not_after: time(certificate.validity().not_after),
            names: names.take(MAX_NAMES).collect(),
        })
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let six = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(six).to_string())
}

/// The common name, or the whole name.
fn shown(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().next();
    let common = common.and_then(|common| common.as_str().ok());
    common.map_or_else(|| name.to_string(), str::to_owned)
}
