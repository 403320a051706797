//! `--log-dir`: what the connection did, for whoever looks for a fault.

use crate::{
    cli::error::{CliError, CliResult},
    config::IntrospectionConfig,
    telemetry,
};
use coder_core::clock::{Clock as _, SystemClock};
use std::path::Path;

/// What is logged.
const FILTER: &str = "info,coder_server=debug,coder_agent=debug,reqwest=debug";

/// Begins a log of this process in a folder.
pub(super) fn begin(folder: &Path) -> CliResult {
    let failed = |error: std::io::Error| {
        CliError::new(format!("nothing can be logged into {}", folder.display())).caused_by(error)
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let time = SystemClock.now().format("%Y%m%d-%H%M%S");
    let file = folder.join(format!("coder-ssh-{time}-{}.log", std::process::id()));
    telemetry::init(&IntrospectionConfig {
        log_filter: vec![FILTER.to_owned()],
        log_human: file.to_string_lossy().into_owned(),
        log_json: String::new(),
        prometheus_enable: false,
        prometheus_address: String::new(),
    })
    .map_err(failed)
}
