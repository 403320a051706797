//! The daemon inside the server.

use super::provisioner_daemon::{DaemonApi, DaemonSettings};
use coder_core::{
    Error,
    id::OrganizationId,
    provisioner_job::{ProvisionerType, Tags},
    service::{Deps, daemons::DaemonIdentity, jobs::LEASE_SECONDS},
};
use coder_provisioner::{Daemon, DaemonOptions, Provisioner, protocol::PROTOCOL_VERSION};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long to wait between two looks for the organization, or tries to join.
const PAUSE: Duration = Duration::from_secs(1);

/// The options that fit this server's leases: a daemon gives a job up before the server gives it away.
#[must_use]
pub fn daemon_options() -> DaemonOptions {
    let lease = u64::try_from(LEASE_SECONDS).unwrap_or_default();
    DaemonOptions {
        unreachable_timeout: Duration::from_secs(lease.saturating_sub(5)),
        ..DaemonOptions::default()
    }
}

/// Runs a daemon for the default organization in this process, until `shutdown` and the end of its jobs.
/// It joins under `name` as soon as there is a default organization.
pub async fn run(
    deps: Deps,
    settings: DaemonSettings,
    name: &str,
    options: DaemonOptions,
    provisioners: BTreeMap<ProvisionerType, Arc<dyn Provisioner>>,
    shutdown: CancellationToken,
) {
    let mut identity = DaemonIdentity {
        organization_id: OrganizationId(uuid::Uuid::nil()),
        name: name.to_owned(),
        version: crate::VERSION.to_owned(),
        api_version: PROTOCOL_VERSION.to_owned(),
        provisioners: provisioners.keys().copied().collect(),
        tags: Tags::new(),
    };
    let api = loop {
        match join(&deps, &settings, &mut identity).await {
            Ok(Some(api)) => break api,
            Ok(None) => {}
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the built-in daemon could not join");
            }
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = shutdown.cancelled() => return,
        }
    };
    let daemon = Daemon::new(options, Arc::new(api), provisioners);
    daemon
        .with_clock(Arc::clone(&deps.clock))
        .run(shutdown)
        .await;
}

async fn join(
    deps: &Deps,
    settings: &DaemonSettings,
    identity: &mut DaemonIdentity,
) -> Result<Option<DaemonApi>, Error> {
    let mut tx = deps.begin().await?;
    let organization = tx.organizations().default_organization().await?;
    tx.commit().await?;
    let Some(organization) = organization else {
        return Ok(None);
    };
    identity.organization_id = organization.id;
    DaemonApi::join(deps.clone(), settings.clone(), identity)
        .await
        .map(Some)
}
