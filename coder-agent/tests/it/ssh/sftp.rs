//! The sftp subsystem with OpenSSH's `sftp`, and with clients that mean no good.

use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, eventually};
use super::tools::{checksum, is_installed, options, output, program, random_file, succeed};

/// Runs the commands of a batch file; relative local paths begin in `local`.
async fn sftp(address: SocketAddr, local: &Path, batch: &str) -> String {
    succeed(command(address, local, batch)).await
}

fn command(address: SocketAddr, local: &Path, batch: &str) -> tokio::process::Command {
    let file = local.join("batch");
    std::fs::write(&file, batch).unwrap();
    let mut sftp = program("sftp");
    sftp.args(options(address))
        .arg("-b")
        .arg(&file)
        .arg("alice@127.0.0.1")
        .current_dir(local);
    sftp
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_both_ways_as_they_are() {
    if !is_installed(&["sftp"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let (file, remote) = (local.path().join("file"), server.home.path().join("there"));
    random_file(&file, 50_000_000).await;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::open(&file)
        .unwrap()
        .set_modified(time)
        .unwrap();
    sftp(
        address,
        local.path(),
        "put -pf file there\nget -p there back\n",
    )
    .await;
    for copy in [&remote, &local.path().join("back")] {
        assert_eq!(checksum(copy), checksum(&file));
        let metadata = copy.metadata().unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o640);
        assert_eq!(metadata.modified().unwrap(), time);
    }
    // A tree, and a file of no bytes.
    std::fs::create_dir_all(local.path().join("tree/a/b")).unwrap();
    std::fs::write(local.path().join("tree/a/b/deep"), "deep").unwrap();
    std::fs::write(local.path().join("tree/empty"), "").unwrap();
    sftp(address, local.path(), "put -r tree\nget -r tree again\n").await;
    let deep = std::fs::read_to_string(local.path().join("again/a/b/deep")).unwrap();
    assert_eq!(deep, "deep");
    assert_eq!(
        local.path().join("again/empty").metadata().unwrap().len(),
        0
    );
    server.idle().await;
}

#[tokio::test]
async fn every_command_does_what_it_says() {
    if !is_installed(&["sftp"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let home = server.home.path();
    std::fs::write(home.join("one"), "one").unwrap();
    let said = sftp(
        address,
        local.path(),
        "pwd\nmkdir dir\nln one dir/hard\nln -s ../one dir/soft\ncp one copy\nrename copy dir/moved\n\
         chmod 600 one\nls -l dir\ndf -h .\ncd dir\npwd\nrename moved hard\n-rm missing\n",
    )
    .await;
    let real_home = home.canonicalize().unwrap();
    assert!(said.contains(&format!("directory: {}\n", real_home.display())));
    assert!(said.contains(&format!("{}/dir\n", real_home.display())));
    assert!(said.contains("lrwxrwxrwx"), "{said}");
    assert!(said.contains("Capacity"), "{said}");
    let read = |path| std::fs::read_to_string(home.join(path)).unwrap();
    // The client's own rename replaces, for it asks for `posix-rename`.
    assert_eq!(read("dir/hard"), "one");
    assert_eq!(read("dir/soft"), "one");
    assert!(!home.join("dir/moved").exists());
    assert_eq!(home.join("one").metadata().unwrap().mode() & 0o7777, 0o600);
    let link = std::fs::read_link(home.join("dir/soft")).unwrap();
    assert_eq!(link, Path::new("../one"));
    sftp(
        address,
        local.path(),
        "rm dir/hard\nrm dir/soft\nrmdir dir\n",
    )
    .await;
    assert!(!home.join("dir").exists());

    // What fails is said, and how.
    for (batch, message) in [
        ("get missing", "not found"),
        ("rmdir one", "No such file"),
        ("mkdir one", "Failure"),
        ("ls missing/x", "not found"),
        ("chmod 600 missing", "No such file"),
    ] {
        let ran = output(command(address, local.path(), batch)).await;
        let error = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success(), "{batch}");
        assert!(error.contains(message), "{batch}: {error}");
    }
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_are_resumed() {
    if !is_installed(&["sftp"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let whole = server.home.path().join("whole");
    random_file(&whole, 10_000_000).await;
    let part = local.path().join("part");
    std::fs::write(&part, &std::fs::read(&whole).unwrap()[..3_000_001]).unwrap();
    std::fs::copy(&part, server.home.path().join("up")).unwrap();
    sftp(address, local.path(), "reget whole part\nreput part up\n").await;
    assert_eq!(checksum(&part), checksum(&whole));
    assert_eq!(checksum(&server.home.path().join("up")), checksum(&whole));
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_may_be_longer_than_four_gigabytes() {
    const SIZE: u64 = 5 * 1024 * 1024 * 1024;
    const TAIL: u64 = 1_000_000;
    if !is_installed(&["sftp"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    // Nothing but holes and an end, of which only the end has to travel.
    let sparse = |file: &Path, size: u64| {
        let file = std::fs::File::create(file).unwrap();
        file.set_len(size).unwrap();
        file
    };
    let mut huge = sparse(&server.home.path().join("huge"), SIZE - TAIL);
    huge.seek(SeekFrom::End(0)).unwrap();
    let tail: Vec<u8> = (0..TAIL).map(|index| (index % 251) as u8).collect();
    huge.write_all(&tail).unwrap();
    drop(sparse(&local.path().join("huge"), SIZE - TAIL));
    drop(sparse(&server.home.path().join("up"), SIZE - TAIL));
    sftp(address, local.path(), "reget huge\nreput huge up\n").await;
    for file in [&local.path().join("huge"), &server.home.path().join("up")] {
        let mut file = std::fs::File::open(file).unwrap();
        assert_eq!(file.metadata().unwrap().len(), SIZE);
        file.seek(SeekFrom::Start(SIZE - TAIL)).unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == tail);
    }
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_names_are_listed() {
    if !is_installed(&["sftp"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let many = server.home.path().join("many");
    std::fs::create_dir(&many).unwrap();
    for index in 0..10_000 {
        std::fs::write(many.join(format!("file-{index:05}")), "").unwrap();
    }
    // A name that is no text, which people have.
    let latin = std::ffi::OsString::from_vec(b"latin-\xe9".to_vec());
    std::fs::write(many.join(&latin), "x").unwrap();
    let started = std::time::Instant::now();
    let said = sftp(address, local.path(), "ls -1 many\nget many/latin-* got\n").await;
    println!("10,001 names: {:.0?}", started.elapsed());
    assert_eq!(said.matches("many/file-").count(), 10_000);
    assert_eq!(std::fs::read(local.path().join("got")).unwrap(), b"x");
    server.idle().await;
}

/// Two blocked reads: of a pipe without a writer, and of a directory.
#[tokio::test]
async fn odd_files_do_not_hang() {
    if !is_installed(&["sftp", "mkfifo"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let mut mkfifo = program("mkfifo");
    mkfifo.arg(server.home.path().join("pipe"));
    succeed(mkfifo).await;
    std::fs::write(local.path().join("file"), "x").unwrap();
    for batch in ["get pipe", "put file pipe"] {
        // The client refuses or the server does; neither waits.
        output(command(address, local.path(), batch)).await;
    }
    server.idle().await;
}

/// Starts the subsystem over the library's client.
async fn subsystem(server: &TestServer) -> russh::Channel<russh::client::Msg> {
    let client = server.raw_client().await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "sftp").await.unwrap();
    assert!(matches!(
        channel.wait().await,
        Some(russh::ChannelMsg::Success)
    ));
    // The connection lives as long as the channel.
    tokio::spawn(async move {
        let _ = client.await;
    });
    channel
}

#[tokio::test]
async fn clients_that_do_not_speak_sftp_are_left() {
    let server = TestServer::new();
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[255; 64],
        // A request before the greeting.
        &[0, 0, 0, 9, 16, 0, 0, 0, 1, 0, 0, 0, 0],
        // A greeting, then a packet of 4 GB.
        &[0, 0, 0, 5, 1, 0, 0, 0, 3, 255, 255, 255, 255],
    ] {
        let mut channel = subsystem(&server).await;
        channel.data_bytes(bytes.to_vec()).await.unwrap();
        let mut status = None;
        loop {
            match timeout(DEADLINE, channel.wait()).await.unwrap() {
                Some(russh::ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status),
                Some(_) => {}
                None => break,
            }
        }
        assert_eq!(status, Some(255));
    }
    server.idle().await;
}

#[tokio::test]
async fn a_client_that_only_asks_is_bounded() {
    let server = TestServer::new();
    std::fs::write(server.home.path().join("file"), vec![7; 300_000]).unwrap();
    let channel = subsystem(&server).await;
    let mut requests = vec![0, 0, 0, 5, 1, 0, 0, 0, 3];
    let packet = |kind: u8, id: u32, fields: &[u8]| {
        let mut packet = u32::try_from(fields.len() + 5)
            .unwrap()
            .to_be_bytes()
            .to_vec();
        packet.push(kind);
        packet.extend(id.to_be_bytes());
        packet.extend(fields);
        packet
    };
    let path = [&[0, 0, 0, 4][..], b"file", &[0, 0, 0, 1], &[0; 4]].concat();
    requests.extend(packet(3, 0, &path));
    let read = [&[0, 0, 0, 4, 0, 0, 0, 0][..], &[0; 8], &[0, 4, 0, 0]].concat();
    for id in 1..20_000 {
        requests.extend(packet(5, id, &read));
    }
    // Nobody takes the answers, of which there are 5 GB: the server waits with the requests.
    let (mut reader, writer) = channel.split();
    let asking = tokio::spawn(async move { writer.data_bytes(requests).await.map(|()| writer) });
    eventually("the server answers", || server.server.task_count() == 1).await;
    let first = timeout(DEADLINE, reader.wait()).await.unwrap();
    assert!(first.is_some());
    drop(reader);
    asking.abort();
    server.server.close().await;
    server.idle().await;
}
