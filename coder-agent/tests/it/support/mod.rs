//! Fakes of the other side, and waiting for things to happen.

mod link;
mod proxy;
mod server;

use std::future::Future;
use std::time::Duration;

use coder_agent::protocol::{App, AppHealth, Healthcheck, Manifest, MetadataDescription, Script};
use coder_core::id::{LogSourceId, ScriptId, WorkspaceAgentId, WorkspaceAppId, WorkspaceId};
use coder_core::template::SharingLevel;
use uuid::Uuid;

pub(crate) use link::Line;
pub(crate) use proxy::ConnectProxy;
pub(crate) use server::{TOKEN, TestServer};

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Ends a test that waits for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("nothing happened in time")
}

/// Polls until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(
            std::time::Instant::now() < deadline,
            "in vain waited for: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A manifest without scripts.
pub(crate) fn manifest() -> Manifest {
    Manifest {
        agent_id: WorkspaceAgentId(Uuid::from_u128(1)),
        agent_name: "main".into(),
        parent_id: None,
        owner_username: "alice".into(),
        workspace_id: WorkspaceId(Uuid::from_u128(2)),
        workspace_name: "dev".into(),
        environment_variables: [("GREETING".into(), "hello from $CODER_WORKSPACE_NAME".into())]
            .into(),
        directory: String::new(),
        motd_path: String::new(),
        vs_code_port_proxy_uri: String::new(),
        disable_direct_connections: false,
        scripts: Vec::new(),
        apps: Vec::new(),
        metadata: Vec::new(),
        devcontainers: Vec::new(),
        git_auth_configs: 0,
        logs_length: 0,
        ssh_host_key_seed: None,
    }
}

/// A script that runs at start.
pub(crate) fn script(number: u128, text: &str) -> Script {
    Script {
        id: ScriptId(Uuid::from_u128(100 + number)),
        log_source_id: LogSourceId(Uuid::from_u128(200 + number)),
        log_path: String::new(),
        script: text.into(),
        cron: String::new(),
        run_on_start: true,
        run_on_stop: false,
        start_blocks_login: false,
        timeout: 0,
        display_name: format!("Script {number}"),
    }
}

/// An app that is checked every second.
pub(crate) fn app(number: u128, url: &str) -> App {
    App {
        id: WorkspaceAppId(Uuid::from_u128(300 + number)),
        url: url.into(),
        external: false,
        slug: format!("app-{number}"),
        display_name: String::new(),
        command: String::new(),
        icon: String::new(),
        subdomain: false,
        subdomain_name: String::new(),
        sharing_level: SharingLevel::Owner,
        healthcheck: Healthcheck {
            url: url.into(),
            interval: 1,
            threshold: 1,
        },
        health: AppHealth::Initializing,
        hidden: false,
    }
}

/// A value that is collected every second.
pub(crate) fn metadata(key: &str, script: &str) -> MetadataDescription {
    MetadataDescription {
        display_name: key.to_uppercase(),
        key: key.into(),
        script: script.into(),
        interval: 1,
        timeout: 2,
    }
}
