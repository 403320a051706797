//! End-to-end: the real binary, PostgreSQL, Terraform, agent and OpenSSH client.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "helpers of tests are tests too, and a life is told in one piece"
)]

mod agents_hardened;
mod api_only;
mod bad_templates;
mod cancels;
mod client;
mod crashes;
mod external;
mod faults;
mod full_disks;
mod gateways;
mod gpg;
mod killed_daemons;
mod lifecycle;
mod names;
mod offline;
mod openssh;
mod openssh_tools;
mod port_forward;
mod presets;
mod python_agent;
mod restarts;
mod scripts;
mod shapes;
mod template_verbs;
mod terminals;

use coder_tests::Deployment;

/// A deployment of the binary under test, or `None` with the printed reason why there can be none.
fn deployment() -> Option<Deployment> {
    require("terraform")?;
    Some(Deployment::start(env!("CARGO_BIN_EXE_coder-under-test")))
}

/// Says and answers `None` when a program is missing.
#[expect(clippy::print_stderr, reason = "a skip has a printed reason")]
fn require(program: &str) -> Option<()> {
    let found = std::process::Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(());
    }
    eprintln!("skipped: {program} is not installed");
    None
}
