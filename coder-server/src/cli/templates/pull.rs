//! `coder templates pull`.

use crate::cli::{
    client::Client,
    create::version_id,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{confirm, error_line},
    types::TemplateVersion,
};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Flags of `coder templates pull`.
#[derive(clap::Args)]
pub(crate) struct PullArgs {
    /// The template.
    name: String,
    /// The folder to write to; one with the template's name by default.
    destination: Option<PathBuf>,
    /// Write the archive to standard output instead.
    #[arg(long, conflicts_with = "destination")]
    tar: bool,
    /// A version other than the active one.
    #[arg(long)]
    version: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// The organization.
    #[arg(
        short = 'O',
        long,
        env = "CODER_ORGANIZATION",
        default_value = "default"
    )]
    org: String,
}

/// Downloads the source of a version.
pub(crate) async fn run(global: &GlobalArgs, args: PullArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let template = super::get(&client, &args.org, &args.name).await?;
    let id = version_id(&client, &template, args.version.as_deref()).await?;
    let path = format!("api/v2/templateversions/{id}");
    let version: TemplateVersion = client.get(&path).await?;
    let path = format!("api/v2/files/{}", version.job.file_id);
    let archive = client.bytes(&path).await?;
    if args.tar {
        let mut out = io::stdout().lock();
        out.write_all(&archive)?;
        return Ok(out.flush()?);
    }
    let folder = args
        .destination
        .unwrap_or_else(|| PathBuf::from(&template.name));
    let failed = |error| {
        let message = format!("{} cannot be written", folder.display());
        CliError::new(message).caused_by(error)
    };
    fs::create_dir_all(&folder).map_err(failed)?;
    if fs::read_dir(&folder).map_err(failed)?.next().is_some() {
        let question = format!("Overwrite files in {}?", folder.display());
        confirm(&question, args.yes)?;
    }
    unpack(&archive, &folder).map_err(failed)?;
    error_line(&format!(
        "The version {} of {} is in {}.",
        crate::cli::output::printable(&version.name),
        template.name,
        folder.display()
    ));
    Ok(())
}

/// Writes the files and folders of an archive; links, which no template has, are left out, and so is what would
/// lead out of the folder.
fn unpack(archive: &[u8], folder: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_dir() {
            entry.unpack_in(folder)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_outside_and_no_link_is_made() {
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("inner");
        fs::create_dir(&folder).expect("made");
        let mut archive = tar::Builder::new(Vec::new());
        let mut add = |name: &str, kind: tar::EntryType| {
            let mut header = tar::Header::new_old();
            // Names that the library itself would refuse to write.
            let field = &mut header.as_old_mut().name;
            field[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(kind);
            header.set_mode(0o644);
            header.set_size(if kind.is_file() { 1 } else { 0 });
            if kind.is_symlink() {
                header.set_link_name("/etc").expect("a target");
            }
            header.set_cksum();
            let data: &[u8] = if kind.is_file() { b"x" } else { b"" };
            archive.append(&header, data).expect("appended");
        };
        add("main.tf", tar::EntryType::Regular);
        add("module/main.tf", tar::EntryType::Regular);
        add("../outside", tar::EntryType::Regular);
        add("link", tar::EntryType::Symlink);
        let archive = archive.into_inner().expect("an archive");
        unpack(&archive, &folder).expect("unpacked");
        assert!(folder.join("main.tf").is_file() && folder.join("module/main.tf").is_file());
        assert!(!outer.path().join("outside").exists());
        assert!(!folder.join("link").exists());
    }
}
