//! Every implementation of a trait with a conformance suite runs that suite.

/// Trait implementations in non-test code, and the macro that each must appear beside in some test.
const SUITES: &[(&str, &str, &[&str])] = &[
    (
        "Store for ",
        "store_conformance!",
        &["MemoryStore", "PgStore"],
    ),
    (
        "Provisioner for ",
        "provisioner_conformance!",
        &[
            "EchoProvisioner",
            "ProcessProvisioner",
            "TerraformProvisioner",
        ],
    ),
    (
        "ProvisionerDaemonApi for ",
        "daemon_api_conformance!",
        &["DaemonApi", "DaemonClient"],
    ),
    (
        "AgentApi for ",
        "agent_api_conformance!",
        &["AgentCalls", "AgentClient", "FakeAgentApi"],
    ),
];

#[test]
fn implementations_run_their_suites() {
    let files = super::rust_files();
    for (implementation, suite, known) in SUITES {
        for (path, text) in &files {
            let in_library = path.components().any(|part| part.as_os_str() == "src");
            let code = super::code_lines(text).filter(|line| !line.trim_start().starts_with("//"));
            for line in code.filter(|_| in_library) {
                let Some((_, rest)) = line.split_once(&format!("impl {implementation}")) else {
                    continue;
                };
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
                assert!(
                    known.contains(&name.as_str()),
                    "{}: {name} is new: run {suite} on it and add it here",
                    path.display()
                );
            }
        }
        for name in *known {
            let runs = files.iter().any(|(path, text)| {
                let is_test = path.components().any(|part| part.as_os_str() == "tests");
                is_test && text.contains(suite) && text.contains(name)
            });
            assert!(runs, "no test runs {suite} on {name}");
        }
    }
}
