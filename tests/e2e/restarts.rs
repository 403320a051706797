//! A server that ends under open shells: ssh says so and ends, and the next server takes over.

use coder_tests::poll;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// How long a client may take to notice that its server is gone.
const NOTICED: Duration = Duration::from_secs(10);

#[test]
fn ssh_ends_with_a_word_when_its_server_does() {
    let Some(mut deployment) = super::deployment() else {
        return;
    };
    if super::require("ssh").is_none() {
        return;
    }
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    let config = deployment.folder().join("ssh_config");
    let config = config.to_str().expect("UTF-8").to_owned();
    deployment.must(&["config-ssh", "--yes", "--ssh-config-file", &config]);
    for gently in [false, true] {
        deployment.wait_for_agent("dev", "connected", PATIENCE);
        let mut openssh = Command::new("ssh");
        openssh
            .args(["-F", &config, "coder.dev"])
            .env("CODER_CONFIG_DIR", deployment.folder().join("cli"));
        let openssh = open(openssh.arg("echo up; sleep 600"));
        let mut own = deployment.command();
        let own = open(own.args(["ssh", "dev", "echo up; sleep 600"]));
        if gently {
            assert!(deployment.stop_server(PATIENCE), "the server ends well");
        } else {
            deployment.kill_server();
        }
        let (code, said) = ended(openssh);
        assert_eq!(code, Some(255), "{said}");
        assert!(
            said.contains("the connection to admin/dev was lost"),
            "{said}"
        );
        let (code, said) = ended(own);
        assert_eq!(code, Some(229), "{said}");
        assert!(said.contains("error: "), "{said}");

        let begin = Instant::now();
        deployment.start_server();
        let answered = poll(PATIENCE, || {
            let again = deployment.coder(&["ssh", "dev", "echo again"]);
            (again.stdout == "again\n").then_some(())
        });
        assert!(answered.is_some(), "no new connection");
        // The agent waits at most ten seconds between two tries.
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "{:?}",
            begin.elapsed()
        );
    }
}

/// A client whose remote command has said that it runs.
fn open(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert_eq!(line, "up\n");
    (child, output)
}

fn ended(
    (mut child, _output): (Child, BufReader<std::process::ChildStdout>),
) -> (Option<i32>, String) {
    let status = poll(NOTICED, || child.try_wait().ok().flatten());
    if status.is_none() {
        let _ = child.kill();
    }
    let mut said = String::new();
    let mut errors = child.stderr.take().expect("a pipe");
    let _ = errors.read_to_string(&mut said);
    let _ = child.wait();
    (status.and_then(|status| status.code()), said)
}
