//! Fetching Terraform: what is taken, what is refused, and what stays on disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use coder_provisioner::terraform::{Download, DownloadStream, TerraformFetch};
use coder_provisioner::{Error, ErrorKind, Result, TerraformOptions, TerraformProvisioner};
use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use url::Url;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const VERSION: &str = "1.15.5";

/// Files by their URL, given in small pieces, and what was asked for.
#[derive(Debug, Default)]
struct Host {
    files: BTreeMap<String, Vec<u8>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Download for Host {
    async fn open(&self, url: &Url) -> Result<DownloadStream> {
        self.asked.lock().unwrap().push(url.to_string());
        let Some(file) = self.files.get(url.as_str()) else {
            let text = format!("{url} answers 404 Not Found");
            return Err(Error::new(ErrorKind::Unavailable, text));
        };
        let pieces: Vec<_> = file.chunks(100).map(Bytes::copy_from_slice).collect();
        Ok(futures_util::stream::iter(pieces).map(Ok).boxed())
    }
}

fn platform() -> &'static str {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "darwin_arm64",
        ("macos", _) => "darwin_amd64",
        (_, "aarch64") => "linux_arm64",
        _ => "linux_amd64",
    }
}

fn terraform_script(version: &str) -> String {
    format!("#!/bin/sh\necho '{{\"terraform_version\":\"{version}\"}}'\n")
}

/// A zip with a licence and the given program.
fn archive(name: &str, program: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    zip.start_file("LICENSE.txt", options).unwrap();
    zip.write_all(b"terms").unwrap();
    zip.start_file(name, options).unwrap();
    zip.write_all(program.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

fn hex(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn url(file: &str) -> String {
    format!("https://mirror.example.com/hashicorp/terraform/{VERSION}/{file}")
}

/// A host that publishes the checksum of `published` and gives `given`.
fn host(published: &[u8], given: &[u8]) -> Arc<Host> {
    let name = format!("terraform_{VERSION}_{}.zip", platform());
    let sums = format!(
        "{}  terraform_{VERSION}_plan9_arm.zip\n{}  {name}\n",
        hex(b"other"),
        hex(published)
    );
    let files = BTreeMap::from([
        (url(&format!("terraform_{VERSION}_SHA256SUMS")), sums.into()),
        (url(&name), given.to_vec()),
    ]);
    Arc::new(Host {
        files,
        ..Host::default()
    })
}

fn good_host() -> Arc<Host> {
    let archive = archive("terraform", &terraform_script(VERSION));
    host(&archive, &archive)
}

/// A provisioner that fetches from `host` into `folder`, with `path` as its PATH.
fn provisioner(
    folder: &Path,
    host: &Arc<Host>,
    path: &Path,
    change: impl FnOnce(&mut TerraformFetch),
) -> TerraformProvisioner {
    let base = Url::parse("https://mirror.example.com/hashicorp/").unwrap();
    let mut fetch = TerraformFetch::new(base, Arc::clone(host) as _);
    assert_eq!(fetch.version, VERSION);
    change(&mut fetch);
    let mut options = TerraformOptions::new(folder);
    options.fetch = Some(fetch);
    let environment: Vec<(OsString, OsString)> = vec![("PATH".into(), path.into())];
    TerraformProvisioner::with_environment(options, environment)
}

/// What is in the folder of fetched binaries, but for the lock.
fn fetched(folder: &Path) -> Vec<String> {
    let found = fs::read_dir(folder.join("cache/bin")).unwrap();
    let names = found.map(|found| found.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "lock").collect()
}

async fn refused(host: Arc<Host>, reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let provisioner = provisioner(folder.path(), &host, Path::new("/nowhere"), |_| {});
    let error = provisioner.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let text = error.to_string();
    assert!(
        text.starts_with("there is no terraform on PATH; "),
        "{text}"
    );
    assert!(
        text.contains("Terraform 1.15.5 cannot be fetched"),
        "{text}"
    );
    assert!(text.contains(reason), "{reason}: {text}");
    assert!(text.contains("install Terraform 1.1.0 or newer"), "{text}");
    assert!(fetched(folder.path()).is_empty(), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_fetch_once_and_later_ones_need_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let host = good_host();
    // What a killed process has left.
    fs::create_dir_all(folder.path().join("cache/bin/.fetch-old")).unwrap();
    let nowhere = Path::new("/nowhere");
    let checks = (0..4).map(|_| {
        let provisioner = provisioner(folder.path(), &host, nowhere, |_| {});
        async move { provisioner.check().await }
    });
    for found in futures_util::future::join_all(checks).await {
        assert_eq!(found.unwrap(), "Terraform 1.15.5");
    }
    assert_eq!(host.asked.lock().unwrap().len(), 2);
    let names = fetched(folder.path());
    let [name] = names.as_slice() else {
        panic!("{names:?}")
    };
    let program = folder.path().join("cache/bin").join(name).join("terraform");
    assert_eq!(
        fs::metadata(&program).unwrap().permissions().mode() & 0o777,
        0o755
    );
    let offline = Arc::new(Host::default());
    let later = provisioner(folder.path(), &offline, nowhere, |_| {});
    later.check().await.unwrap();
    assert_eq!(offline.asked.lock().unwrap().len(), 0);

    // One that does not run is fetched anew.
    fs::write(&program, "").unwrap();
    let later = provisioner(folder.path(), &host, nowhere, |_| {});
    later.check().await.unwrap();
    assert_eq!(host.asked.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn what_is_not_what_was_published_is_refused_and_leaves_nothing() {
    let good = archive("terraform", &terraform_script(VERSION));
    let mut tampered = good.clone();
    tampered[60] ^= 1;
    refused(host(&good, &tampered), "was changed or damaged").await;
    refused(
        host(&good, &good[..good.len() - 7]),
        "was changed or damaged",
    )
    .await;
    refused(host(&good, b""), "was changed or damaged").await;
    refused(Arc::new(Host::default()), "SHA256SUMS answers 404").await;

    let mut unlisted = host(&good, &good);
    let sums = url(&format!("terraform_{VERSION}_SHA256SUMS"));
    let files = &mut Arc::get_mut(&mut unlisted).unwrap().files;
    files.insert(sums, b"<html>Sign in</html>".to_vec());
    refused(unlisted, "has no SHA-256 of terraform_1.15.5").await;
}

#[tokio::test]
async fn an_archive_with_something_else_inside_is_refused() {
    let other_name = archive("bin/terraform", &terraform_script(VERSION));
    refused(host(&other_name, &other_name), "has no entry terraform").await;
    let no_zip = b"#!/bin/sh\n";
    refused(host(no_zip, no_zip), "archive cannot be read").await;
    let older = archive("terraform", &terraform_script("1.2.3"));
    refused(host(&older, &older), "holds Terraform 1.2.3, which is not").await;
    let silent = archive("terraform", "#!/bin/sh\n");
    refused(host(&silent, &silent), "did not tell its version").await;

    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("terraform", "/bin/sh", SimpleFileOptions::default())
        .unwrap();
    let link = zip.finish().unwrap().into_inner();
    refused(host(&link, &link), "is no file of at most").await;
}

#[tokio::test]
async fn a_given_checksum_counts_and_not_the_hosts() {
    let good = archive("terraform", &terraform_script(VERSION));
    let evil = archive(
        "terraform",
        &format!("{}# and more\n", terraform_script(VERSION)),
    );
    let sum = TerraformFetch::parse_sha256(&hex(&good)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Path::new("/nowhere");
    // The host has been taken over: it publishes the sum of what it gives. Without a given sum that is believed.
    let taken = host(&evil, &evil);
    let trusting = provisioner(folder.path(), &taken, nowhere, |_| {});
    trusting.check().await.unwrap();
    let given = |fetch: &mut TerraformFetch| fetch.sha256 = Some(sum);
    // What that left in the cache is not taken either.
    let careful = provisioner(folder.path(), &taken, nowhere, given);
    let error = careful.check().await.unwrap_err().to_string();
    assert!(error.contains("was changed or damaged"), "{error}");

    let honest = host(&evil, &good);
    let careful = provisioner(folder.path(), &honest, nowhere, given);
    careful.check().await.unwrap();
    let asked = honest.asked.lock().unwrap().clone();
    assert!(
        matches!(asked.as_slice(), [one] if one.ends_with(".zip")),
        "{asked:?}"
    );
    assert_eq!(fetched(folder.path()).len(), 2);
}

#[tokio::test]
async fn path_comes_first_unless_it_is_of_no_use_or_always_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let on_path = folder.path().join("path");
    fs::create_dir(&on_path).unwrap();
    let install = |version: &str| {
        let program = on_path.join("terraform");
        fs::write(&program, terraform_script(version)).unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    };
    install("1.11.4");
    let host = good_host();
    let installed = provisioner(folder.path(), &host, &on_path, |_| {});
    assert_eq!(installed.check().await.unwrap(), "Terraform 1.11.4");
    assert_eq!(host.asked.lock().unwrap().len(), 0);
    let always = |fetch: &mut TerraformFetch| fetch.always = true;
    let pinned = provisioner(folder.path(), &host, &on_path, always);
    assert_eq!(pinned.check().await.unwrap(), "Terraform 1.15.5");
    install("0.15.5");
    let too_old = provisioner(folder.path(), &host, &on_path, |_| {});
    assert_eq!(too_old.check().await.unwrap(), "Terraform 1.15.5");
}
