//! Mutual TLS with certificates that both sides make for one run.
//!
//! Terraform passes its certificate in the environment, the provider its own in the handshake line;
//! each trusts exactly that one. Terraform's is an authority used as a client certificate, which
//! ordinary verification refuses, and its key is on P-521.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use super::serve::ServeError;

/// The settings of the server side, and the certificate that the client must trust.
pub(super) struct Identity {
    pub(super) config: Arc<ServerConfig>,
    pub(super) certificate: Vec<u8>,
}

/// Makes a certificate, to be used with the client whose certificate is given as PEM.
pub(super) fn identity(client_pem: &str) -> Result<Identity, ServeError> {
    let client = CertificateDer::from_pem_slice(client_pem.as_bytes())
        .map_err(|error| ServeError::Certificate(Box::new(error)))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = PinnedClient {
        certificate: client,
        provider: Arc::clone(&provider),
    };

    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .map_err(|error| ServeError::Certificate(Box::new(error)))?;
    let certificate = own.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));

    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_client_cert_verifier(Arc::new(verifier))
                .with_single_cert(vec![certificate.clone()], key)
        })
        .map_err(|error| ServeError::Certificate(Box::new(error)))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Identity {
        config: Arc::new(config),
        certificate: certificate.to_vec(),
    })
}

/// Accepts one certificate, byte for byte, whose key the client must hold.
#[derive(Debug)]
struct PinnedClient {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if end_entity.as_ref() == self.certificate.as_ref() {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        for hostile in [
            "",
            "x",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                matches!(identity(hostile), Err(ServeError::Certificate(_))),
                "{hostile:?}"
            );
        }
    }

    #[test]
    fn another_certificate_than_the_pinned_is_refused() {
        let make = || {
            rcgen::generate_simple_self_signed(["localhost".to_owned()])
                .unwrap()
                .cert
        };
        let (known, other) = (make(), make());
        let verifier = PinnedClient {
            certificate: known.der().clone(),
            provider: Arc::new(aws_lc_rs::default_provider()),
        };
        let now = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        verifier.verify_client_cert(known.der(), &[], now).unwrap();
        verifier
            .verify_client_cert(other.der(), &[], now)
            .unwrap_err();
    }
}
