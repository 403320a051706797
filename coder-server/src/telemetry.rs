//! Where the server's own log goes.

use crate::config::IntrospectionConfig;
use std::{fs::OpenOptions, io::IsTerminal as _, os::unix::fs::OpenOptionsExt as _, sync::Mutex};
use tracing_subscriber::{
    EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Filters unless the options say otherwise: our own words, and what libraries warn of.
const DEFAULT_FILTER: &str =
    "warn,coder_server=info,coder_core=info,coder_provisioner=info,coder_agent=info";

/// Sends the log of this process where the options say. Does nothing when that was done before.
///
/// # Errors
/// When a log file cannot be opened.
pub(crate) fn init(config: &IntrospectionConfig) -> std::io::Result<()> {
    let filter = || {
        let given = config.log_filter.join(",");
        let text = if given.is_empty() {
            DEFAULT_FILTER
        } else {
            &given
        };
        EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER))
    };
    let human = match config.log_human.as_str() {
        "" | "/dev/null" => None,
        "/dev/stderr" => {
            let colour = std::io::stderr().is_terminal();
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(colour);
            Some(layer.with_filter(filter()).boxed())
        }
        path => {
            let file = Mutex::new(open(path)?);
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(file)
                .with_ansi(false);
            Some(layer.with_filter(filter()).boxed())
        }
    };
    let json = match config.log_json.as_str() {
        "" | "/dev/null" => None,
        path => {
            let file = Mutex::new(open(path)?);
            Some(
                tracing_subscriber::fmt::layer()
                    .json()
                    .with_writer(file)
                    .with_filter(filter())
                    .boxed(),
            )
        }
    };
    // A second server in one process, as in tests, keeps the first one's log.
    let _ = tracing_subscriber::registry()
        .with(human)
        .with(json)
        .try_init();
    Ok(())
}

fn open(path: &str) -> std::io::Result<std::fs::File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}
