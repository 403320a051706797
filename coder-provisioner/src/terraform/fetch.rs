//! Fetching a pinned Terraform.
//!
//! Layout below the folder of fetched binaries: `terraform_<version>_<platform>_<checksum of the archive>/terraform`.
//! A folder has that name only when it is whole, and the checksum in the name tells which archive it came from. What
//! is being made is in a folder whose name begins with `.fetch-`; only who holds the lock makes one.

use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::clock::OsEntropy;
use coder_core::id::random_uuid;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};
use url::Url;

use super::binary::{Binary, unavailable};
use super::cli_config::platform;
use super::product::Product;
use super::provisioner::blocking;
use super::unpack::unpack;
use super::version::Version;
use super::workdir::create_private;
use crate::{Error, Result};

/// Where Terraform's maker publishes it.
pub const DEFAULT_TERRAFORM_URL: &str = "https://releases.hashicorp.com";
/// The version that is fetched unless another is asked for.
pub const DEFAULT_TERRAFORM_VERSION: &str = "1.15.5";

/// Largest archive, in bytes. Those of 2026 have 30 MB.
const MAX_ARCHIVE: u64 = 256 * 1024 * 1024;
/// Largest list of checksums, in bytes. Those of 2026 have 2 kB.
const MAX_SUMS: u64 = 256 * 1024;
/// How long everything may take, others' turns included.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How often a lock is tried that another process has.
const LOCK_POLL: Duration = Duration::from_millis(100);
const SCRATCH: &str = ".fetch-";
const PROGRAM: &str = "terraform";

/// The bytes of a download, as they come.
pub type DownloadStream = BoxStream<'static, Result<Bytes>>;

/// Gets what is at a URL.
#[async_trait]
pub trait Download: std::fmt::Debug + Send + Sync {
    /// Begins to read what is at `url`. The caller stops at its own bound.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unavailable`] when nothing can be had there; the message names the URL. The stream fails
    /// in the same way when it breaks off, or when nothing comes for a while.
    async fn open(&self, url: &Url) -> Result<DownloadStream>;
}

/// Which Terraform to fetch, and from where.
#[derive(Debug, Clone)]
pub struct TerraformFetch {
    /// Below it is `terraform/<version>/terraform_<version>_<platform>.zip`, as at [`DEFAULT_TERRAFORM_URL`].
    pub base_url: Url,
    /// The version, such as [`DEFAULT_TERRAFORM_VERSION`].
    pub version: String,
    /// The SHA-256 of the archive. Without it the list of checksums at `base_url` counts, which protects against
    /// broken downloads but not against a hostile host.
    pub sha256: Option<[u8; 32]>,
    /// Whether it is used even when there is a Terraform on `PATH`.
    pub always: bool,
    /// Gets the files.
    pub download: Arc<dyn Download>,
}

impl TerraformFetch {
    /// The default version from `base_url`, when there is none on `PATH`.
    #[must_use]
    pub fn new(base_url: Url, download: Arc<dyn Download>) -> Self {
        Self {
            base_url,
            version: DEFAULT_TERRAFORM_VERSION.to_owned(),
            sha256: None,
            always: false,
            download,
        }
    }

    /// Why `version` cannot be fetched; `None` when it can.
    #[must_use]
    pub fn refusal(version: &str) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let parsed = Version::parse(version).filter(|_| version.chars().all(plain));
        match parsed {
            None => Some(format!(
                "{version:?} is no version such as {DEFAULT_TERRAFORM_VERSION}"
            )),
            Some(parsed) if parsed < Product::Terraform.minimum() => Some(format!(
                "Terraform {version} is too old: {} is the first that works",
                Product::Terraform.minimum()
            )),
            Some(_) => None,
        }
    }

    /// The SHA-256 that `text` writes in hexadecimal.
    #[must_use]
    pub fn parse_sha256(text: &str) -> Option<[u8; 32]> {
        let mut digest = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(digest)
    }

    fn archive_name(&self) -> String {
        format!("terraform_{}_{}.zip", self.version, platform())
    }

    fn url_of(&self, name: &str) -> Result<Url> {
        let base = self.base_url.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/terraform/{}/{name}", self.version))
            .map_err(|error| Error::internal("make the URL of Terraform", error))
    }
}

/// The Terraform that `wanted` describes, from `folder` or fetched into it. However many processes ask at once, one
/// fetches.
pub(super) async fn fetch(wanted: &TerraformFetch, folder: &Path) -> Result<Binary> {
    if let Some(refusal) = TerraformFetch::refusal(&wanted.version) {
        return Err(unavailable(refusal));
    }
    let folder = std::path::absolute(folder)
        .map_err(|error| Error::internal(format!("resolve {}", folder.display()), error))?;
    if let Some(kept) = kept(wanted, &folder).await? {
        return Ok(kept);
    }
    timeout(FETCH_TIMEOUT, fetch_alone(wanted, &folder))
        .await
        .unwrap_or_else(|_| Err(unavailable("it did not come in time".to_owned())))
}

async fn fetch_alone(wanted: &TerraformFetch, folder: &Path) -> Result<Binary> {
    let _turn = turn(folder.to_owned()).await?;
    // Somebody else may have fetched it meanwhile.
    if let Some(kept) = kept(wanted, folder).await? {
        return Ok(kept);
    }
    let url = wanted.url_of(&wanted.archive_name())?;
    tracing::info!(%url, "fetching Terraform");
    let expected = match wanted.sha256 {
        Some(given) => given,
        None => published_sum(wanted).await?,
    };
    let scratch = scratch(folder.to_owned()).await?;
    let archive = scratch.0.join("archive.zip");
    let actual = save(wanted.download.open(&url).await?, &url, &archive).await?;
    if actual != expected {
        return Err(unavailable(format!(
            "{url} has the SHA-256 {} and not {}, so it was changed or damaged; nothing of it is kept",
            hex(&actual),
            hex(&expected)
        )));
    }
    let program = scratch.0.join(PROGRAM);
    let made = program.clone();
    blocking(move || {
        unpack(&archive, PROGRAM, &made)?;
        fs::remove_file(&archive).map_err(|error| Error::internal("remove the archive", error))
    })
    .await?;
    let binary = Binary::probe(program).await?;
    if Version::parse(&wanted.version) != Some(binary.version) {
        return Err(unavailable(format!(
            "{url} holds {} {}, which is not what its name says",
            binary.product, binary.version
        )));
    }
    let place = folder.join(format!("{}{}", prefix(wanted), hex(&expected)));
    let path = place.join(PROGRAM);
    blocking(move || scratch.keep(&place)).await?;
    tracing::info!(path = %path.display(), "Terraform fetched");
    Ok(Binary { path, ..binary })
}

fn prefix(wanted: &TerraformFetch) -> String {
    format!("terraform_{}_{}_", wanted.version, platform())
}

/// What was fetched before. Without a checksum from the settings any archive of the version will do, since it was
/// checked when it came.
async fn kept(wanted: &TerraformFetch, folder: &Path) -> Result<Option<Binary>> {
    let prefix = prefix(wanted);
    let sum = wanted.sha256.map(|sum| hex(&sum));
    for found in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = found.file_name();
        let matches = name
            .to_str()
            .and_then(|name| name.strip_prefix(&prefix))
            .is_some_and(|rest| match &sum {
                Some(sum) => rest == sum,
                None => TerraformFetch::parse_sha256(rest).is_some(),
            });
        if !matches {
            continue;
        }
        match Binary::probe(found.path().join(PROGRAM)).await {
            Ok(binary) => return Ok(Some(binary)),
            Err(error) => {
                let (path, reason) = (found.path(), error.chain());
                tracing::warn!(path = %path.display(), reason, "a fetched Terraform is broken");
                let _ = fs::remove_dir_all(path);
            }
        }
    }
    Ok(None)
}

/// Waits until nobody else fetches into `folder`, and removes what a killed process left of its attempt.
async fn turn(folder: PathBuf) -> Result<File> {
    let failed = |error| Error::internal("lock the folder of fetched binaries", error);
    let at = folder.clone();
    let file = blocking(move || {
        create_private(&at).map_err(failed)?;
        let mut open = File::options();
        open.create(true).truncate(false).write(true);
        open.open(at.join("lock")).map_err(failed)
    })
    .await?;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => sleep(LOCK_POLL).await,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    for found in fs::read_dir(&folder).into_iter().flatten().flatten() {
        if found.file_name().to_string_lossy().starts_with(SCRATCH) {
            let _ = fs::remove_dir_all(found.path());
        }
    }
    Ok(file)
}

/// The checksum that the host of the archive publishes beside it.
async fn published_sum(wanted: &TerraformFetch) -> Result<[u8; 32]> {
    let url = wanted.url_of(&format!("terraform_{}_SHA256SUMS", wanted.version))?;
    let mut stream = wanted.download.open(&url).await?;
    let mut text = Vec::new();
    while let Some(piece) = stream.next().await {
        text.extend_from_slice(&piece?);
        if text.len() as u64 > MAX_SUMS {
            return Err(too_large(&url, MAX_SUMS));
        }
    }
    let name = wanted.archive_name();
    find_sum(&String::from_utf8_lossy(&text), &name)
        .ok_or_else(|| unavailable(format!("{url} has no SHA-256 of {name}")))
}

/// The sum of one file in a list as `sha256sum` prints it.
fn find_sum(sums: &str, name: &str) -> Option<[u8; 32]> {
    sums.lines().find_map(|line| {
        let (sum, file) = line.trim_end().split_once(char::is_whitespace)?;
        let file = file.trim_start().trim_start_matches('*');
        (file == name).then(|| TerraformFetch::parse_sha256(sum))?
    })
}

/// Writes a download to a file and answers with its checksum.
async fn save(mut stream: DownloadStream, url: &Url, path: &Path) -> Result<[u8; 32]> {
    let failed = |error| Error::internal("write the archive of Terraform", error);
    let mut file = tokio::fs::File::create_new(path).await.map_err(failed)?;
    let (mut hash, mut length) = (Sha256::new(), 0_u64);
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        length += piece.len() as u64;
        if length > MAX_ARCHIVE {
            return Err(too_large(url, MAX_ARCHIVE));
        }
        hash.update(&piece);
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    Ok(hash.finalize().into())
}

fn too_large(url: &Url, limit: u64) -> Error {
    unavailable(format!("{url} is larger than {limit} bytes"))
}

fn hex(digest: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A folder that goes away unless it is kept.
struct Scratch(PathBuf);

async fn scratch(folder: PathBuf) -> Result<Scratch> {
    blocking(move || {
        let path = folder.join(format!("{SCRATCH}{}", random_uuid(&OsEntropy)));
        create_private(&path)
            .map_err(|error| Error::internal(format!("create {}", path.display()), error))?;
        Ok(Scratch(path))
    })
    .await
}

impl Scratch {
    /// Gives the folder its final name. Blocks.
    fn keep(mut self, place: &Path) -> Result<()> {
        let failed = |error| Error::internal(format!("create {}", place.display()), error);
        fs::rename(&self.0, place).map_err(failed)?;
        self.0 = PathBuf::new();
        // So that the name does not outlive a power failure without the content, which is written out already.
        let folder = place.parent().unwrap_or(place);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
