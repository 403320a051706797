use coder_agent::ErrorKind;
use coder_agent::ssh::{HostKey, WorkspaceSettings};
use coder_agent::ssh_client::{SessionRequest, SshClient, SshClientOptions};
use russh::ChannelMsg;

use super::harness::{TestServer, command, run};

#[tokio::test]
async fn exit_statuses_and_signals() {
    let server = TestServer::new();
    let client = server.client().await;
    for (text, status) in [
        ("true", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
    ] {
        assert_eq!(
            run(&client, command(text), b"").await.status,
            status,
            "{text}"
        );
    }
    assert_eq!(
        run(&client, command("no-such-command"), b"").await.status,
        127
    );
    server.idle().await;
}

#[tokio::test]
async fn streams_are_kept_apart() {
    let server = TestServer::new();
    let client = server.client().await;
    let ran = run(&client, command("echo out; echo err >&2; exit 2"), b"").await;
    assert_eq!(
        (ran.status, &*ran.stdout, &*ran.stderr),
        (2, &b"out\n"[..], &b"err\n"[..])
    );
}

#[tokio::test]
async fn input_ends_when_the_client_says_so() {
    let server = TestServer::new();
    let client = server.client().await;
    assert_eq!(
        run(&client, command("cat; echo done"), b"hello")
            .await
            .text(),
        "hellodone\n"
    );
    assert_eq!(run(&client, command("cat"), b"").await.text(), "");
    // A program that does not read its input is no error.
    let much = vec![b'x'; 1024 * 1024];
    assert_eq!(
        run(&client, command("exec <&-; sleep 0.2; echo ok"), &much)
            .await
            .text(),
        "ok\n"
    );
}

#[tokio::test]
async fn the_environment_of_a_session() {
    let server = TestServer::new();
    let client = server.client().await;
    let mut request = command("env");
    for (name, value) in [
        ("LANG", "C.UTF-8"),
        ("CODER_WORKSPACE_NAME", "mine"),
        ("CODER_SSH_SESSION_TYPE", "vscode"),
    ] {
        request.environment.insert(name.into(), value.into());
    }
    let ran = run(&client, request, b"").await;
    let home = server.home.path().display();
    for expected in [
        "CODER=true".to_owned(),
        "CODER_WORKSPACE_NAME=dev".to_owned(),
        "CODER_WORKSPACE_AGENT_NAME=main".to_owned(),
        "CODER_WORKSPACE_OWNER_NAME=alice".to_owned(),
        "USER=alice".to_owned(),
        "LOGNAME=alice".to_owned(),
        "SHELL=/bin/bash".to_owned(),
        "LANG=C.UTF-8".to_owned(),
        "SSH_CLIENT=0.0.0.0 0 0".to_owned(),
        "SSH_CONNECTION=0.0.0.0 0 0.0.0.0 0".to_owned(),
        format!("HOME={home}"),
        format!("PWD={home}"),
        format!("FROM_TEMPLATE={home}/x"),
    ] {
        assert!(
            ran.text().lines().any(|line| line == expected),
            "{expected}: {}",
            ran.text()
        );
    }
    for absent in ["CODER_SSH_SESSION_TYPE", "TERM", "SSH_TTY"] {
        assert!(
            !ran.text()
                .lines()
                .any(|line| line.starts_with(&format!("{absent}="))),
            "{absent}"
        );
    }
}

#[tokio::test]
async fn sessions_start_where_the_template_says() {
    let server = TestServer::new();
    std::fs::create_dir(server.home.path().join("project")).unwrap();
    let client = server.client().await;
    for (directory, expected) in [("~/project", "project"), ("~/missing", "")] {
        server.server.update(WorkspaceSettings {
            directory: directory.into(),
            ..WorkspaceSettings::default()
        });
        let expected = server.home.path().join(expected);
        let ran = run(&client, command("pwd"), b"").await;
        assert_eq!(
            std::path::Path::new(ran.text().trim()),
            expected.components().as_path()
        );
    }
}

#[tokio::test]
async fn a_script_names_its_interpreter() {
    let server = TestServer::new();
    let client = server.client().await;
    let ran = run(&client, command("#!/bin/sh -u\necho \"$0\" $-"), b"").await;
    assert!(ran.text().contains('u'), "{ran:?}");
}

#[tokio::test]
async fn a_shell_without_a_terminal_reads_commands() {
    let server = TestServer::new();
    let client = server.client().await;
    let ran = run(&client, SessionRequest::default(), b"echo $0; exit 4").await;
    assert_eq!((ran.status, ran.text()), (4, "-bash\n"));
}

#[tokio::test]
async fn a_program_that_cannot_start_is_status_229() {
    let server = TestServer::new();
    let client = server.client().await;
    let ran = run(&client, command("#!/no/such/interpreter\n"), b"").await;
    assert_eq!(ran.status, 229);
    assert!(
        String::from_utf8_lossy(&ran.stderr).contains("could not be started"),
        "{ran:?}"
    );
    server.idle().await;
}

#[tokio::test]
async fn signals_reach_the_whole_group() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel
        .exec(
            true,
            "trap 'echo got it; exit 9' TERM; echo ready; sleep 60 & wait",
        )
        .await
        .unwrap();
    let (mut output, mut status) = (Vec::new(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                output.extend_from_slice(&data);
                if output == b"ready\n" {
                    channel.signal(russh::Sig::TERM).await.unwrap();
                }
            }
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            _ => {}
        }
    }
    assert_eq!((status, &*output), (Some(9), &b"ready\ngot it\n"[..]));
    server.idle().await;
}

#[tokio::test]
async fn what_is_not_offered_is_refused() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "netconf").await.unwrap();
    assert!(matches!(channel.wait().await, Some(ChannelMsg::Failure)));
    for bad in [vec![b'x'; 128 * 1024], b"a\0b".to_vec()] {
        channel.exec(true, bad).await.unwrap();
        assert!(matches!(channel.wait().await, Some(ChannelMsg::Failure)));
    }
    // The session is still good, once.
    for expected in [true, false] {
        channel.exec(true, "cat").await.unwrap();
        let answer = channel.wait().await;
        assert_eq!(
            matches!(answer, Some(ChannelMsg::Success)),
            expected,
            "{answer:?}"
        );
    }
    channel.eof().await.unwrap();
    server.idle().await;
}

#[tokio::test]
async fn the_host_key_can_be_pinned() {
    let server = TestServer::new();
    let expected = |key: String| SshClientOptions {
        expected_host_key: Some(key),
        ..SshClientOptions::default()
    };
    let key = server.server.host_key().public_key() + " comment";
    SshClient::connect(server.stream().0, expected(key))
        .await
        .unwrap();
    let other = HostKey::derive(b"other", "alice", "dev", "main").public_key();
    let error = SshClient::connect(server.stream().0, expected(other))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}
