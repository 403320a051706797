//! Projects with a dev container, in the folder where sessions begin.

use std::fs;
use std::path::{Path, PathBuf};

/// The most folders that are looked at.
const MAX_FOLDERS: usize = 1_000;

/// The folder itself and those in it that have a `devcontainer.json`. Folders behind links are left out.
pub(super) fn projects(folder: &Path) -> Vec<PathBuf> {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = inside
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path());
    let mut found: Vec<PathBuf> = std::iter::once(folder.to_owned())
        .chain(folders)
        .take(MAX_FOLDERS)
        .filter(|folder| has_configuration(folder))
        .collect();
    found.sort();
    found
}

fn has_configuration(folder: &Path) -> bool {
    let usual = [".devcontainer/devcontainer.json", ".devcontainer.json"];
    usual.iter().any(|file| folder.join(file).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_are_found_one_level_deep() {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        };
        write("one/.devcontainer/devcontainer.json");
        write("two/.devcontainer.json");
        write("three/src/.devcontainer.json");
        let names: Vec<PathBuf> = projects(home.path());
        assert_eq!(names, [home.path().join("one"), home.path().join("two")]);
        assert_eq!(projects(&home.path().join("two")).len(), 1);
        assert!(projects(Path::new("/nowhere")).is_empty());
    }
}
