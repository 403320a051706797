//! `coder ssh -G`: a workspace signs with a key that never leaves this side.

use coder_tests::{Deployment, Outcome};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// A folder of GnuPG's, whose agent ends with it.
struct Keyring(PathBuf);

impl Keyring {
    /// Below `/tmp`, since paths of sockets have to be short.
    fn new(deployment: &Deployment, name: &str) -> Self {
        let path = deployment.folder().join(name);
        fs::create_dir(&path).expect("a folder");
        fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("a private folder");
        Self(path)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).env("GNUPGHOME", &self.0);
        Outcome::of(command.output()).expect_success(program)
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        let mut kill = Command::new("gpgconf");
        let _ = kill
            .args(["--kill", "all"])
            .env("GNUPGHOME", &self.0)
            .status();
    }
}

#[test]
fn a_workspace_signs_with_a_key_of_this_side() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    for program in ["gpg", "gpgconf", "gpg-agent"] {
        if super::require(program).is_none() {
            return;
        }
    }
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", Duration::from_secs(60));
    let (here, there) = (
        Keyring::new(&deployment, "here"),
        Keyring::new(&deployment, "there"),
    );
    let ssh = |command: &str| {
        let mut ssh = deployment.command();
        ssh.env("GNUPGHOME", &here.0)
            .args(["ssh", "-G", "-e"])
            .arg(format!("GNUPGHOME={}", there.0.display()))
            .args(["dev", command]);
        Outcome::of(ssh.output())
    };
    let none = ssh("true");
    assert!(
        none.code != 0 && none.stderr.contains("no GnuPG keys"),
        "{}",
        none.stderr
    );

    let who = "lent@example.com";
    let make = ["--batch", "--passphrase", "", "--quick-gen-key", who];
    here.run(
        "gpg",
        &[&make[..], &["default", "default", "never"]].concat(),
    );
    let signed = ssh("echo signed there | gpg --batch --clearsign; gpg --batch --list-secret-keys");
    let signed = signed.expect_success("coder ssh -G");
    let file = deployment.folder().join("signed");
    fs::write(&file, &signed).expect("written");
    let verified = verify(&here, &file);
    assert!(verified.contains("GOODSIG"), "{verified}");
    assert!(verified.contains("TRUST_ULTIMATE"), "{verified}");
    // With the session the agent is gone, and the key was never there.
    let mut alone = Command::new("gpg");
    alone.args(["--batch", "--no-autostart", "--clearsign"]);
    let alone = Outcome::of(alone.arg(&file).env("GNUPGHOME", &there.0).output());
    assert_ne!(alone.code, 0);
    let keys = fs::read_dir(there.0.join("private-keys-v1.d"));
    assert_eq!(keys.map_or(0, Iterator::count), 0);
}

fn verify(keyring: &Keyring, file: &Path) -> String {
    let file = file.to_str().expect("UTF-8");
    keyring.run("gpg", &["--batch", "--status-fd", "1", "--verify", file])
}
