//! Clouds of the tests: keys and certificates made by openssl.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use coder_core::Timestamp;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A folder with keys and certificates.
pub(super) struct Cloud {
    folder: tempfile::TempDir,
}

impl Cloud {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("openssl is installed");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {text}");
    }

    /// A key and a certificate that it signed itself.
    pub(super) fn authority(&self, name: &str, bits: u16, days: u16) -> PathBuf {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let (rsa, days) = (format!("rsa:{bits}"), days.to_string());
        let subject = format!("/O=Test/CN={name}");
        self.openssl(&[
            "req",
            "-x509",
            "-newkey",
            &rsa,
            "-nodes",
            "-sha256",
            "-days",
            &days,
            "-subj",
            &subject,
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]);
        self.path(&certificate)
    }

    /// A key with a certificate that `issuer` signed, for a host or for issuing others.
    pub(super) fn certificate(&self, name: &str, issuer: &str, host: Option<&str>) {
        let extensions = match host {
            Some(host) => format!(
                "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:{host}\n"
            ),
            None => "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n".to_owned(),
        };
        std::fs::write(self.path("extensions"), extensions).unwrap();
        let (key, request) = (format!("{name}.key"), format!("{name}.csr"));
        let subject = format!("/O=Test/CN={name}");
        self.openssl(&[
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &key, "-out",
            &request,
        ]);
        let (authority, authority_key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        let certificate = format!("{name}.pem");
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &authority,
            "-CAkey",
            &authority_key,
            "-CAcreateserial",
            "-sha256",
            "-days",
            "30",
            "-extfile",
            "extensions",
            "-out",
            &certificate,
        ]);
    }

    /// The signature of a text by a key, as Amazon's service gives it: base64 in lines.
    pub(super) fn sign(&self, key: &str, text: &str) -> String {
        std::fs::write(self.path("text"), text).unwrap();
        let key = format!("{key}.key");
        self.openssl(&[
            "dgst",
            "-sha256",
            "-sign",
            &key,
            "-out",
            "signature",
            "text",
        ]);
        let text = STANDARD.encode(std::fs::read(self.path("signature")).unwrap());
        let (first, second) = text.split_at(64);
        format!("{first}\n{second}")
    }

    /// A text inside of PKCS #7, signed by `signer`, with the certificates in `others`.
    pub(super) fn pkcs7(&self, signer: &str, others: &[&str], text: &str, more: &[&str]) -> String {
        std::fs::write(self.path("text"), text).unwrap();
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let mut arguments = vec![
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            "-nosmimecap",
            "-md",
            "sha256",
            "-outform",
            "DER",
            "-signer",
            &certificate,
            "-inkey",
            &key,
            "-in",
            "text",
            "-out",
            "signed",
        ];
        let chain: String = others
            .iter()
            .map(|name| self.read(&format!("{name}.pem")))
            .collect();
        if !others.is_empty() {
            std::fs::write(self.path("chain.pem"), chain).unwrap();
            arguments.extend(["-certfile", "chain.pem"]);
        }
        arguments.extend(more);
        self.openssl(&arguments);
        STANDARD.encode(std::fs::read(self.path("signed")).unwrap())
    }

    /// A fresh RSA key as PKCS #1 in DER.
    pub(super) fn rsa_key(&self, name: &str) -> Vec<u8> {
        self.openssl(&["genrsa", "-traditional", "-out", name, "2048"]);
        let der = format!("{name}.der");
        self.openssl(&[
            "rsa",
            "-in",
            name,
            "-traditional",
            "-outform",
            "DER",
            "-out",
            &der,
        ]);
        std::fs::read(self.path(&der)).unwrap()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

/// What Amazon says of a machine that was started at `time`.
pub(super) fn aws_document(machine: &str, time: Timestamp) -> String {
    let document = serde_json::json!({
        "accountId": "123456789012",
        "architecture": "x86_64",
        "imageId": "ami-5fb8c835",
        "instanceId": machine,
        "pendingTime": time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "region": "us-east-1",
        "version": "2017-09-30",
    });
    serde_json::to_string_pretty(&document).unwrap()
}

/// What Azure says of a machine at `time`.
pub(super) fn azure_document(machine: &str, time: Timestamp) -> String {
    let text = |time: Timestamp| time.format("%m/%d/%y %H:%M:%S -0000").to_string();
    let document = serde_json::json!({
        "licenseType": "",
        "nonce": "0123456789",
        "subscriptionId": "8d10da13-8125-4ba9-a717-bf7490507b3d",
        "timeStamp": {
            "createdOn": text(time),
            "expiresOn": text(time + chrono::TimeDelta::hours(6)),
        },
        "vmId": machine,
    });
    document.to_string()
}

/// Writes PEM files into one, and gives its path.
pub(super) fn bundle(folder: &Path, files: &[PathBuf]) -> PathBuf {
    let text: String = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let path = folder.join("bundle.pem");
    std::fs::write(&path, text).unwrap();
    path
}
