//! Checks of the tree itself: direction of dependencies, size of files, marks left behind.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests too, which clippy does not know"
)]

mod conformance;
mod direction;
mod files;
mod marks;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("tests/ is below the root").to_owned()
}

/// All Rust files of the workspace with their text.
fn rust_files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for member in [
        "coder-core",
        "coder-provisioner",
        "coder-agent",
        "coder-proxy",
        "coder-server",
        "examples",
        "tests",
    ] {
        collect(&root().join(member), &mut files);
    }
    assert!(files.len() > 100, "only {} Rust files found", files.len());
    files
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("Rust files are UTF-8");
            files.push((path, text));
        }
    }
}

/// The lines before a file's unit tests.
fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
}
