//! A folder as the archive that is uploaded.

use crate::cli::error::{CliError, CliResult};
use std::{fs, path::Path};

/// Bytes that an archive may have, as with the field's own command line.
const MAX_ARCHIVE: usize = 1_048_576;

/// The tar of a template's folder, without hidden files, state and variable values.
pub(super) fn of_folder(folder: &Path) -> CliResult<Vec<u8>> {
    let unreadable = |error| {
        CliError::new(format!("the folder {} cannot be read", folder.display())).caused_by(error)
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name());
    }
    let has_template = names.iter().filter_map(|name| name.to_str());
    if !has_template
        .into_iter()
        .any(|name| name.ends_with(".tf") || name.ends_with(".tf.json"))
    {
        return Err(
            CliError::new(format!("{} holds no .tf file", folder.display()))
                .hint("Name the template's folder with --directory."),
        );
    }
    let mut archive = tar::Builder::new(Vec::new());
    archive.mode(tar::HeaderMode::Deterministic);
    append(&mut archive, folder, Path::new("")).map_err(unreadable)?;
    let bytes = archive.into_inner().map_err(unreadable)?;
    if bytes.len() > MAX_ARCHIVE {
        return Err(
            CliError::new(format!("the folder is too large: {} bytes", bytes.len())).hint(format!(
                "A template may have {MAX_ARCHIVE} bytes; move large files elsewhere."
            )),
        );
    }
    Ok(bytes)
}

fn append(archive: &mut tar::Builder<Vec<u8>>, folder: &Path, below: &Path) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let path = below.join(&name);
        if is_left_out(&name.to_string_lossy()) {
            continue;
        }
        // Links are followed: the server takes none.
        let found = fs::metadata(entry.path())?;
        if found.is_dir() {
            archive.append_dir(&path, entry.path())?;
            append(archive, &entry.path(), &path)?;
        } else if found.is_file() {
            archive.append_path_with_name(entry.path(), &path)?;
            if archive.get_ref().len() > 8 * MAX_ARCHIVE {
                // Far beyond the bound: no use in reading on.
                return Ok(());
            }
        }
    }
    Ok(())
}

fn is_left_out(name: &str) -> bool {
    let hidden = name.starts_with('.') && name != ".terraform.lock.hcl";
    let variables = name == "terraform.tfvars"
        || name == "terraform.tfvars.json"
        || name.ends_with(".auto.tfvars")
        || name.ends_with(".auto.tfvars.json");
    hidden || variables || name.contains(".tfstate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_and_secrets_stay_at_home() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("below the folder")).expect("made");
            fs::write(file, "x").expect("written");
        };
        assert!(of_folder(folder.path()).is_err(), "no .tf file");
        for name in [
            "main.tf",
            "modules/a/main.tf",
            ".terraform.lock.hcl",
            ".git/config",
            "terraform.tfstate",
            "terraform.tfstate.backup",
            "x.auto.tfvars",
            "terraform.tfvars",
        ] {
            write(name);
        }
        let bytes = of_folder(folder.path()).expect("an archive");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names: Vec<String> = archive
            .entries()
            .expect("entries")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .path()
                    .expect("a path")
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(
            names,
            [
                ".terraform.lock.hcl",
                "main.tf",
                "modules",
                "modules/a",
                "modules/a/main.tf"
            ]
        );
    }
}
