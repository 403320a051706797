//! Certificates from files.

use coder_core::Error;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Most files that are read, and bytes of each: hundreds of certificates.
const MAX_FILES: usize = 256;
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The certificates of a PEM file, or of the files in a folder that end in `.pem` or `.crt`.
///
/// # Errors
/// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) naming `option` when there is none, or a file
/// cannot be read.
pub(super) fn read(
    option: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let failed = |path: &Path, why: &dyn std::fmt::Display| {
        Error::invalid(format!("{option}: {}: {why}", path.display()))
    };
    let files = files(path).map_err(|error| failed(path, &error))?;
    let mut certificates = Vec::new();
    for file in &files {
        let size = fs::metadata(file).map_err(|error| failed(file, &error))?;
        if size.len() > MAX_FILE_BYTES {
            return Err(failed(file, &"is too large"));
        }
        let bytes = fs::read(file).map_err(|error| failed(file, &error))?;
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let certificate = certificate.map_err(|error| failed(file, &error))?;
            certificates.push(certificate.into_owned());
        }
    }
    if certificates.is_empty() {
        return Err(failed(path, &"holds no certificate in PEM form"));
    }
    Ok(certificates)
}

fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("pem" | "crt")) {
            found.push(path);
        }
        if found.len() > MAX_FILES {
            return Err(io::Error::other("holds too many files"));
        }
    }
    found.sort();
    Ok(found)
}
