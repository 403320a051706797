//! The examples do what they say.

#![expect(clippy::expect_used, reason = "the helper of tests is a test too")]

/// Runs an example, which was built with the tests, and answers its standard output.
fn run(name: &str) -> String {
    let test = std::env::current_exe().expect("this test's file");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("deps/ is below the profile's folder");
    let output = std::process::Command::new(folder.join("examples").join(name)).output();
    let output = output.expect("cargo builds examples with the tests");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn embed() {
    assert_eq!(run("embed"), "dev is running\n");
}
