//! `coder templates init`.

use crate::cli::{
    error::{CliError, CliResult},
    output::error_line,
};
use std::path::PathBuf;

/// The starter templates: id, then files by name.
const STARTERS: &[(&str, &[(&str, &str)])] = &[(
    "local",
    &[
        (
            "main.tf",
            include_str!("../../../../examples/templates/local/main.tf"),
        ),
        (
            "README.md",
            include_str!("../../../../examples/templates/local/README.md"),
        ),
    ],
)];

/// Flags of `coder templates init`.
#[derive(clap::Args)]
pub(crate) struct InitArgs {
    /// Where to write it; a folder named like the starter by default.
    directory: Option<PathBuf>,
    /// Which starter.
    #[arg(long, default_value = "local")]
    id: String,
}

/// Writes a starter. Files that exist are left alone.
pub(crate) fn run(args: &InitArgs) -> CliResult {
    let starter = STARTERS.iter().find(|(id, _)| *id == args.id);
    let (id, files) = starter.ok_or_else(|| {
        let ids: Vec<&str> = STARTERS.iter().map(|(id, _)| *id).collect();
        CliError::new(format!("there is no starter {:?}", args.id))
            .hint(format!("The starters are: {}", ids.join(", ")))
    })?;
    let folder = args.directory.clone().unwrap_or_else(|| PathBuf::from(id));
    let failed =
        |error| CliError::new(format!("{} cannot be written", folder.display())).caused_by(error);
    std::fs::create_dir_all(&folder).map_err(failed)?;
    for (name, text) in *files {
        let file = folder.join(name);
        let opened = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&file);
        let mut opened = opened.map_err(|error| {
            CliError::new(format!("{} cannot be written", file.display()))
                .caused_by(error)
                .hint("Name an empty folder.")
        })?;
        std::io::Write::write_all(&mut opened, text.as_bytes()).map_err(failed)?;
    }
    error_line(&format!(
        "Written to {0}. Go on with: coder templates push -d {0}",
        folder.display()
    ));
    Ok(())
}
