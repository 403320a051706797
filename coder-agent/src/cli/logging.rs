use std::io::stderr;

use tracing::level_filters::LevelFilter;

/// Logs to standard error. What was set up before stays.
pub(super) fn set_up(json: bool, verbose: bool) {
    let level = if verbose {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    };
    let builder = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_max_level(level);
    // Fails only when the process logs already.
    let _ = if json {
        builder.json().try_init()
    } else {
        builder.with_ansi(false).with_target(false).try_init()
    };
}
