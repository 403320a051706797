//! Terraform with the settings of this program.

use super::download::HttpDownload;
use crate::{
    agent_binaries::{self, AgentBinary},
    config::{FetchPolicy, ProviderSource, TerraformConfig},
};
use coder_provisioner::terraform::{TerraformFetch, TerraformOptions, TerraformProvisioner};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Terraform with the files that it needs below `cache`. It is looked for, and fetched, in the background: jobs wait
/// for that. That there is none is only logged, since it may be installed later, and each job says the same.
///
/// # Errors
/// When `cache` cannot be written.
pub(crate) fn provisioner(
    cache: &Path,
    config: &TerraformConfig,
) -> std::io::Result<TerraformProvisioner> {
    let terraform = TerraformProvisioner::new(options(cache, config)?);
    let early = terraform.clone();
    tokio::spawn(async move {
        match early.check().await {
            Ok(found) => tracing::info!(found, "terraform found"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "terraform cannot be used; the flags --terraform-* say where it is or comes from"
            ),
        }
    });
    Ok(terraform)
}

/// `--cache-dir`, or `~/.cache/coder`, or `cache` below a folder of one's own.
pub(crate) fn cache_folder(given: Option<&Path>, folder: &Path) -> PathBuf {
    let home = || std::env::var_os("HOME").filter(|home| !home.is_empty());
    match (given, home()) {
        (Some(given), _) => given.to_owned(),
        (None, Some(home)) => PathBuf::from(home).join(".cache").join("coder"),
        (None, None) => folder.join("cache"),
    }
}

/// The name of this machine.
pub(crate) fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "coder".to_owned()
    } else {
        name
    }
}

/// Terraform with our launcher and, unless the published one is wanted, our provider. Both are this program unless a
/// slim provider is at hand.
fn options(cache: &Path, config: &TerraformConfig) -> std::io::Result<TerraformOptions> {
    let own = std::env::current_exe()?;
    let mut options = TerraformOptions::new(cache.join("terraform"));
    options.terraform_path.clone_from(&config.terraform_binary);
    options.fetch = fetch(config)?;
    options.provider_binary = match config.terraform_provider {
        ProviderSource::Bundled => Some(provider_binary(cache, &own)?),
        ProviderSource::Registry => None,
    };
    options.environment.clone_from(&config.terraform_env);
    options.launcher = Some(own);
    Ok(options)
}

fn fetch(config: &TerraformConfig) -> std::io::Result<Option<TerraformFetch>> {
    if config.terraform_fetch == FetchPolicy::Never || config.terraform_binary.is_some() {
        return Ok(None);
    }
    let download = Arc::new(HttpDownload::new().map_err(std::io::Error::other)?);
    let mut fetch = TerraformFetch::new(config.terraform_url.clone(), download);
    fetch.version.clone_from(&config.terraform_version);
    fetch.sha256 = config.terraform_sha256;
    fetch.always = config.terraform_fetch == FetchPolicy::Always;
    Ok(Some(fetch))
}

fn provider_binary(cache: &Path, own: &Path) -> std::io::Result<PathBuf> {
    const NAME: &str = "terraform-provider-coder";
    let Some(AgentBinary::Embedded(binary)) = agent_binaries::find(NAME) else {
        return Ok(own.to_owned());
    };
    let bytes = &binary.bytes;
    // Named by its content: what is there already is right, and an upgrade does not meet "text file busy".
    let folder = cache.join("provider").join(&binary.sha256);
    let path = folder.join(NAME);
    if std::fs::read(&path).is_ok_and(|present| *present == **bytes) {
        return Ok(path);
    }
    std::fs::create_dir_all(&folder)?;
    let new = tempfile::NamedTempFile::new_in(&folder)?;
    std::fs::write(new.path(), bytes)?;
    std::fs::set_permissions(
        new.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )?;
    new.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, body::Bytes, http::Uri};
    use sha2::{Digest as _, Sha256};
    use std::{collections::BTreeMap, fs, io::Write as _, sync::Mutex};

    /// A host with some files.
    struct Host {
        url: String,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Host {
        async fn start(files: BTreeMap<String, Bytes>) -> Self {
            let asked = Arc::<Mutex<Vec<String>>>::default();
            let noted = Arc::clone(&asked);
            let answer = move |uri: Uri| async move {
                noted.lock().unwrap().push(uri.path().to_owned());
                files
                    .get(uri.path())
                    .cloned()
                    .ok_or(axum::http::StatusCode::NOT_FOUND)
            };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/mirror/", listener.local_addr().unwrap());
            let router = Router::new().fallback(answer);
            tokio::spawn(async move { axum::serve(listener, router).await });
            Self { url, asked }
        }

        fn config(&self, version: &str) -> TerraformConfig {
            let mut config = crate::config::Config::defaults().unwrap().terraform;
            config.terraform_fetch = FetchPolicy::Always;
            config.terraform_url = self.url.parse().unwrap();
            config.terraform_version = version.to_owned();
            config
        }
    }

    fn files(version: &str, program: &Path) -> BTreeMap<String, Bytes> {
        let platform = match std::env::consts::ARCH {
            "x86_64" => "linux_amd64",
            _ => "linux_arm64",
        };
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .unix_permissions(0o755);
        zip.start_file("LICENSE.txt", stored).unwrap();
        zip.start_file("terraform", stored).unwrap();
        zip.write_all(&fs::read(program).unwrap()).unwrap();
        let zip = zip.finish().unwrap().into_inner();
        let sum: String = Sha256::digest(&zip)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let name = format!("terraform_{version}_{platform}.zip");
        let sums = format!("{}  other.zip\n{sum}  {name}\n", "0".repeat(64));
        let folder = format!("/mirror/terraform/{version}");
        BTreeMap::from([
            (format!("{folder}/{name}"), zip.into()),
            (
                format!("{folder}/terraform_{version}_SHA256SUMS"),
                sums.into(),
            ),
        ])
    }

    #[tokio::test]
    async fn a_real_terraform_is_fetched_over_http_and_runs() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&path).map(|folder| folder.join("terraform"));
        let Some(real) = found.find(|path| path.is_file()) else {
            println!("skipped: there is no terraform on PATH to serve");
            return;
        };
        let output = std::process::Command::new(&real)
            .args(["version", "-json"])
            .output()
            .unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let version = told["terraform_version"].as_str().unwrap();
        let host = Host::start(files(version, &real)).await;
        let cache = tempfile::tempdir().unwrap();
        let options = options(cache.path(), &host.config(version)).unwrap();
        let found = TerraformProvisioner::new(options.clone()).check().await;
        assert_eq!(found.unwrap(), format!("Terraform {version}"));
        let asked = host.asked.lock().unwrap().len();
        assert_eq!(asked, 2, "the list of checksums and the archive");
        // The next process finds it.
        TerraformProvisioner::new(options).check().await.unwrap();
        assert_eq!(host.asked.lock().unwrap().len(), asked);
    }

    #[tokio::test]
    async fn the_settings_reach_the_executor() {
        let cache = tempfile::tempdir().unwrap();
        let mut config = crate::config::Config::defaults().unwrap().terraform;
        let bundled = options(cache.path(), &config).unwrap();
        assert!(bundled.provider_binary.is_some() && bundled.fetch.is_some());
        config.terraform_provider = ProviderSource::Registry;
        config.terraform_env = vec!["AWS_PROFILE".to_owned()];
        config.terraform_binary = Some("tofu".into());
        let options = options(cache.path(), &config).unwrap();
        assert_eq!(options.provider_binary, None);
        assert_eq!(options.environment, ["AWS_PROFILE"]);
        assert_eq!(options.terraform_path.as_deref(), Some(Path::new("tofu")));
        assert!(options.fetch.is_none());
    }

    #[tokio::test]
    async fn a_host_without_the_version_is_named() {
        let host = Host::start(BTreeMap::new()).await;
        let cache = tempfile::tempdir().unwrap();
        let options = options(cache.path(), &host.config("1.15.5")).unwrap();
        let error = TerraformProvisioner::new(options)
            .check()
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("terraform_1.15.5_SHA256SUMS answers 404 Not Found"),
            "{text}"
        );
        assert!(text.contains("install Terraform 1.1.0"), "{text}");
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_named() {
        let mut config = crate::config::Config::defaults().unwrap().terraform;
        config.terraform_fetch = FetchPolicy::Always;
        config.terraform_url = "http://127.0.0.1:1".parse().unwrap();
        let cache = tempfile::tempdir().unwrap();
        let options = options(cache.path(), &config).unwrap();
        let error = TerraformProvisioner::new(options)
            .check()
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("127.0.0.1:1"), "{text}");
        assert!(text.contains("cannot be reached"), "{text}");
    }
}
