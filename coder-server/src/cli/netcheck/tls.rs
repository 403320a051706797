//! The TLS handshake, with the certificates that the command line trusts.

use super::{
    certificate::{explain, issuer},
    report::Finding,
    route::Endpoint,
};
use crate::cli::{error::CliResult, global::GlobalArgs};
use coder_agent::tunnel::BoxedIo;
use coder_core::clock::{Clock as _, SystemClock};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsConnector;

/// Checks as usual, and keeps what the server sent.
#[derive(Debug)]
struct Recorder {
    verifier: rustls_platform_verifier::Verifier,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

/// Speaks TLS over a connection.
pub(super) async fn handshake(
    global: &GlobalArgs,
    stream: BoxedIo,
    endpoint: &Endpoint,
) -> Result<(Finding, BoxedIo), Finding> {
    let unusable = |error: &dyn std::fmt::Display| {
        Finding::error(format!("the TLS settings are not usable: {error}"))
    };
    let (config, recorder) = config(global).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        unusable(&format!(
            "{error}{}",
            cause.map(|cause| format!(": {cause}")).unwrap_or_default()
        ))
    })?;
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| unusable(&error))?;
    let connected = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let chain = recorder
        .chain
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let stream = connected.map_err(|error| {
        let cause = error
            .get_ref()
            .and_then(|cause| cause.downcast_ref::<Error>());
        match cause {
            Some(cause) => explain(cause, &chain, SystemClock.now()),
            None => Finding::error(format!("the handshake was cut off: {error}")).hint(
                "Something on the way may forbid the host or the port, or what answers speaks no TLS.",
            ),
        }
    })?;
    let version = stream.get_ref().1.protocol_version();
    let version = version.map_or_else(|| "TLS".to_owned(), |version| format!("{version:?}"));
    let from = issuer(&chain).unwrap_or_default();
    let finding = Finding::ok(format!("{version}, the certificate is from {from}"));
    Ok((finding, Box::new(stream)))
}

fn config(global: &GlobalArgs) -> CliResult<(ClientConfig, Arc<Recorder>)> {
    let failed =
        |error: Error| crate::cli::error::CliError::new("TLS cannot be set up").caused_by(error);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let trusted = global.trusted_certificates()?;
    let verifier =
        rustls_platform_verifier::Verifier::new_with_extra_roots(trusted, Arc::clone(&provider));
    let recorder = Arc::new(Recorder {
        verifier: verifier.map_err(failed)?,
        chain: Mutex::default(),
    });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>);
    let config = match global.client_certificate()? {
        Some((certificates, key)) => builder
            .with_client_auth_cert(certificates, key)
            .map_err(failed)?,
        None => builder.with_no_client_auth(),
    };
    Ok((config, recorder))
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.map(|one| one.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
