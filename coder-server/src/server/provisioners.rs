//! The built-in provisioner daemon.

use super::ServerError;
use crate::{
    app_state::AppState,
    rpc::provisioner_daemon::{DaemonApi, DaemonSettings},
    terraform::{self, host_name},
};
use coder_core::{
    id::{ProvisionerKeyId, UserId},
    provisioner_job::{ProvisionerType, Tags, with_scope},
    service::{daemons::DaemonIdentity, organizations::ensure_default_organization},
};
use coder_provisioner::{
    Daemon, DaemonOptions, EchoProvisioner, Provisioner, protocol::PROTOCOL_VERSION,
};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Time that running jobs get when the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(15);

/// Runs the built-in daemon until `shutdown`; it may work on as many jobs as the options say.
pub(super) async fn start(
    state: &AppState,
    access_url: &str,
    cache: &Path,
    shutdown: CancellationToken,
) -> Result<(), ServerError> {
    let jobs = state.config.provisioner.provisioner_daemons;
    if jobs == 0 {
        return Ok(());
    }
    let provisioners = provisioners(state, cache)?;
    let organization = ensure_default_organization(&state.deps).await?;
    let identity = DaemonIdentity {
        organization_id: organization.id,
        key_id: ProvisionerKeyId::BUILT_IN,
        name: format!("{}-built-in", host_name()),
        version: crate::VERSION.to_owned(),
        api_version: PROTOCOL_VERSION.to_string(),
        provisioners: provisioners.keys().copied().collect(),
        tags: with_scope(Tags::new(), UserId(uuid::Uuid::nil())),
    };
    let settings = DaemonSettings {
        access_url: access_url.to_owned(),
        agent_scripts: agent_scripts(),
    };
    let api = DaemonApi::join(state.deps.clone(), settings, &state.bells, &identity).await?;
    let options = DaemonOptions {
        max_jobs: usize::try_from(jobs).unwrap_or(usize::MAX),
        shutdown_grace: SHUTDOWN_GRACE,
        force_cancel_interval: force_cancel_interval(state),
        ..DaemonOptions::default()
    };
    let daemon = Daemon::new(options, Arc::new(api), provisioners);
    // Before anybody looks for silent jobs: those of the server that ran here before have their states on this disk.
    daemon.recover().await;
    state.tasks.spawn(async move { daemon.run(shutdown).await });
    Ok(())
}

fn provisioners(
    state: &AppState,
    cache: &Path,
) -> Result<BTreeMap<ProvisionerType, Arc<dyn Provisioner>>, ServerError> {
    let mut provisioners: BTreeMap<_, Arc<dyn Provisioner>> = BTreeMap::new();
    for kind in &state.config.provisioner.provisioner_types {
        let provisioner: Arc<dyn Provisioner> = match kind {
            ProvisionerType::Echo => Arc::new(EchoProvisioner::new()),
            ProvisionerType::Terraform => {
                let failed = |source| ServerError::File {
                    path: cache.to_owned(),
                    source,
                };
                let config = &state.config.terraform;
                Arc::new(terraform::provisioner(cache, config).map_err(failed)?)
            }
        };
        provisioners.insert(*kind, provisioner);
    }
    Ok(provisioners)
}

fn force_cancel_interval(state: &AppState) -> Duration {
    state
        .config
        .provisioner
        .provisioner_force_cancel_interval
        .to_std()
        .unwrap_or_default()
}

/// The bootstrap script of each system and architecture that agents exist for.
pub(crate) fn agent_scripts() -> BTreeMap<String, String> {
    let systems = [
        ("linux", &["amd64", "arm64", "armv7"][..]),
        ("darwin", &["amd64", "arm64"]),
        ("windows", &["amd64", "arm64"]),
    ];
    let mut scripts = BTreeMap::new();
    for (os, architectures) in systems {
        let Some(script) = coder_agent::init_script::for_os(os) else {
            continue;
        };
        for architecture in architectures {
            scripts.insert(
                format!("{os}_{architecture}"),
                script.replace("${ARCH}", architecture),
            );
        }
    }
    scripts
}
