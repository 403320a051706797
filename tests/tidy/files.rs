//! Small files, and the texts that belong to a repository.

/// Lines before the unit tests that a file may have.
const LONGEST: usize = 600;
/// Lines that half of all files stay below.
const MEDIAN: usize = 150;

#[test]
fn files_are_small() {
    let mut sizes: Vec<usize> = Vec::new();
    for (path, text) in super::rust_files() {
        // Tests may go on: each is read alone.
        if path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let lines = super::code_lines(&text).count();
        assert!(
            lines <= LONGEST,
            "{} has {lines} lines, at most {LONGEST}",
            path.display()
        );
        sizes.push(lines);
    }
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(
        median <= MEDIAN,
        "the median file has {median} lines, at most {MEDIAN}"
    );
}

#[test]
fn the_repository_has_its_texts() {
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "docs/ARCHITECTURE.md",
        "docs/api/openapi.json",
        "docs/benchmarks.md",
    ] {
        let length = std::fs::metadata(super::root().join(name)).map_or(0, |found| found.len());
        assert!(length > 100, "{name} is missing or empty");
    }
    let readme = std::fs::read_to_string(super::root().join("README.md")).expect("README.md");
    assert!(readme.contains("make run") && readme.contains("make test"));
}
