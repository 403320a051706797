//! scp, rsync and Git, as people use them.

use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use super::harness::TestServer;
use super::tools::{checksum, is_installed, options, output, program, random_file, succeed};

/// A folder with all that may go wrong in copies of it.
async fn tree(root: &Path) {
    std::fs::create_dir_all(root.join("a/b c")).unwrap();
    random_file(&root.join("a/large"), 5_000_000).await;
    std::fs::write(root.join("a/b c/it's $(here).txt"), "quoted").unwrap();
    std::fs::write(root.join("empty"), "").unwrap();
    std::fs::write(root.join("run"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(root.join("run"), std::fs::Permissions::from_mode(0o750)).unwrap();
    for index in 0..500 {
        std::fs::write(root.join(format!("a/small-{index}")), index.to_string()).unwrap();
    }
    let time = std::time::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    let run = std::fs::File::open(root.join("run")).unwrap();
    run.set_modified(time).unwrap();
}

fn check(copy: &Path, original: &Path) {
    assert_eq!(
        checksum(&copy.join("a/large")),
        checksum(&original.join("a/large"))
    );
    let quoted = std::fs::read(copy.join("a/b c/it's $(here).txt")).unwrap();
    assert_eq!(quoted, b"quoted");
    assert_eq!(copy.join("empty").metadata().unwrap().len(), 0);
    let run = copy.join("run").metadata().unwrap();
    assert_eq!(run.mode() & 0o777, 0o750);
    assert_eq!(run.mtime(), 1_234_567_890);
    assert_eq!(copy.join("a").read_dir().unwrap().count(), 502);
}

/// The command by which other programs start ssh.
fn ssh_command(address: SocketAddr) -> String {
    format!("ssh {}", options(address).join(" "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scp_copies_trees_with_both_protocols() {
    if !is_installed(&["scp"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let original = local.path().join("original");
    tree(&original).await;
    for protocol in ["-s", "-O"] {
        let remote = format!("there{protocol}");
        let back = local.path().join(format!("back{protocol}"));
        let copies = [
            (
                original.to_str().unwrap(),
                format!("alice@127.0.0.1:{remote}"),
            ),
            (
                &format!("alice@127.0.0.1:{remote}"),
                back.display().to_string(),
            ),
        ];
        for (from, to) in &copies {
            let mut scp = program("scp");
            scp.args(options(address))
                .args(["-rpq", protocol, from, to]);
            succeed(scp).await;
        }
        check(&server.home.path().join(&remote), &original);
        check(&back, &original);
        // What is not there is an error, and says what.
        let mut scp = program("scp");
        scp.args(options(address))
            .args(["-q", protocol, "alice@127.0.0.1:missing"])
            .arg(local.path());
        let ran = output(scp).await;
        assert_eq!(ran.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&ran.stderr).contains("No such file"));
    }
    // A home by its sign, which scp asks the server about.
    let mut scp = program("scp");
    scp.args(options(address))
        .arg("-q")
        .arg(original.join("run"))
        .arg("alice@127.0.0.1:~/by-sign");
    succeed(scp).await;
    assert!(server.home.path().join("by-sign").exists());
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rsync_goes_both_ways_and_sends_only_changes() {
    if !is_installed(&["ssh", "rsync"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let original = local.path().join("original");
    tree(&original).await;
    let rsync = |from: &str, to: &str| {
        let mut rsync = program("rsync");
        rsync
            .args(["-a", "--stats", "-e", &ssh_command(address)])
            .args([from, to]);
        rsync
    };
    let up = format!("{}/", original.display());
    succeed(rsync(&up, "alice@127.0.0.1:there/")).await;
    check(&server.home.path().join("there"), &original);
    std::fs::write(original.join("a/small-7"), "changed").unwrap();
    let stats = succeed(rsync(&up, "alice@127.0.0.1:there/")).await;
    assert!(stats.contains("regular files transferred: 1"), "{stats}");
    let back = local.path().join("back/");
    succeed(rsync("alice@127.0.0.1:there/", back.to_str().unwrap())).await;
    check(&back, &original);
    assert_eq!(std::fs::read(back.join("a/small-7")).unwrap(), b"changed");
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn git_clones_and_pushes() {
    if !is_installed(&["ssh", "git"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let git = |folder: &Path, arguments: &[&str]| {
        let mut git = program("git");
        git.current_dir(folder)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(arguments)
            .env("GIT_SSH_COMMAND", ssh_command(address))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", local.path());
        succeed(git)
    };
    let home = server.home.path();
    git(home, &["init", "-q", "--bare", "-b", "main", "repo.git"]).await;
    let first = local.path().join("first");
    let url = format!("alice@127.0.0.1:{}/repo.git", home.display());
    git(local.path(), &["clone", "-q", &url, "first"]).await;
    random_file(&first.join("blob"), 10_000_000).await;
    git(&first, &["add", "."]).await;
    git(&first, &["commit", "-q", "-m", "one"]).await;
    git(&first, &["push", "-q", "origin", "HEAD:main"]).await;
    git(local.path(), &["clone", "-q", &url, "second"]).await;
    let second = local.path().join("second");
    assert_eq!(
        checksum(&second.join("blob")),
        checksum(&first.join("blob"))
    );
    std::fs::write(first.join("more"), "more").unwrap();
    git(&first, &["add", "."]).await;
    git(&first, &["commit", "-q", "-m", "two"]).await;
    git(&first, &["push", "-q", "origin", "HEAD:main"]).await;
    git(&second, &["pull", "-q"]).await;
    assert_eq!(std::fs::read(second.join("more")).unwrap(), b"more");
    server.idle().await;
}
