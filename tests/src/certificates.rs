//! An authority of a test's own, and what it signs.

#![expect(clippy::expect_used, reason = "this is how a test fails")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// An authority whose files are in a folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    params: CertificateParams,
    key: KeyPair,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Files {
    /// PEM.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

impl Authority {
    /// An authority of this name, whose certificate is in `authority.pem`.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        fs::create_dir_all(folder).expect("a folder");
        let file = folder.join("authority.pem");
        fs::write(&file, pem("CERTIFICATE", certificate.der())).expect("written");
        Self {
            folder: folder.to_owned(),
            params,
            key,
        }
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// A certificate for hosts, or for a client when there are none.
    #[must_use]
    pub fn sign(&self, name: &str, hosts: &[&str]) -> Files {
        self.sign_params(name, params(name, hosts))
    }

    /// A certificate that has expired.
    #[must_use]
    pub fn sign_expired(&self, name: &str, hosts: &[&str]) -> Files {
        let mut params = params(name, hosts);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 2, 3);
        self.sign_params(name, params)
    }

    fn sign_params(&self, name: &str, params: CertificateParams) -> Files {
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).expect("signed");
        let files = Files {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        let text = pem("CERTIFICATE", certificate.der());
        fs::write(&files.certificate, text).expect("written");
        let text = pem("PRIVATE KEY", &key.serialize_der());
        fs::write(&files.key, text).expect("written");
        files
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("names of hosts");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = vec![format!("-----BEGIN {kind}-----")];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        lines.push(line.to_owned());
        rest = after;
    }
    lines.push(format!("-----END {kind}-----\n"));
    lines.join("\n")
}
