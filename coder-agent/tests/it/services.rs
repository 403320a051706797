//! What streams of the tunnel reach, through the whole agent and a fake of the server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use coder_agent::reconnecting_pty::ReconnectingPtyInit;
use coder_agent::speedtest::{Direction, SpeedtestOptions};
use coder_agent::tunnel::port;
use coder_agent::{AgentConn, ErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::agent::Running;
use crate::support::{TOKEN, manifest, soon};

async fn listen(address: impl Into<std::net::IpAddr>, port: u16) -> TcpListener {
    TcpListener::bind(SocketAddr::new(address.into(), port))
        .await
        .unwrap()
}

fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_terminal_outlives_the_tunnel() {
    let running = Running::start(manifest()).await;
    running.server.tunnel().await;
    let conn = AgentConn::new(&running.server.url, TOKEN).unwrap();
    let init = ReconnectingPtyInit {
        id: Uuid::from_u128(1),
        command: "read line; echo \"got $line in $CODER_WORKSPACE_NAME\"".into(),
        ..ReconnectingPtyInit::default()
    };
    let agent = manifest().agent_id;
    let mut first = conn.reconnecting_pty(agent, &init).await.unwrap();
    first.send(b"o").await.unwrap();
    // The terminal has got it when it echoes it.
    assert_eq!(soon(first.read_u8()).await.unwrap(), b'o');
    let tunnel = running.server.tunnel().await;
    tunnel.close();
    tunnel.closed().await;
    running.server.tunnel().await;
    let mut second = conn.reconnecting_pty(agent, &init).await.unwrap();
    second.send(b"ne\n").await.unwrap();
    let mut shown = String::new();
    soon(second.read_to_string(&mut shown)).await.unwrap();
    assert!(shown.contains("got one in dev\r\n"), "{shown:?}");
    running.stop().await;
}

#[tokio::test]
async fn an_agent_that_ends_ends_its_terminals() {
    let running = Running::start(manifest()).await;
    running.server.tunnel().await;
    let conn = AgentConn::new(&running.server.url, TOKEN).unwrap();
    let init = ReconnectingPtyInit {
        command: "echo up; exec sleep 1000".into(),
        ..ReconnectingPtyInit::default()
    };
    let mut terminal = conn
        .reconnecting_pty(manifest().agent_id, &init)
        .await
        .unwrap();
    let mut shown = [0; 4];
    soon(terminal.read_exact(&mut shown)).await.unwrap();
    let begin = std::time::Instant::now();
    running.stop().await;
    assert!(begin.elapsed().as_secs() < 15);
    let mut rest = Vec::new();
    soon(terminal.read_to_end(&mut rest)).await.unwrap();
}

#[tokio::test]
async fn listening_ports_are_told_and_reached() {
    let v4 = listen(Ipv4Addr::LOCALHOST, 0).await;
    let v6 = listen(Ipv6Addr::LOCALHOST, 0).await;
    let other = listen(Ipv4Addr::new(127, 0, 0, 53), 0).await;
    let running = Running::start(manifest()).await;
    running.server.tunnel().await;
    let conn = AgentConn::new(&running.server.url, TOKEN).unwrap();
    let agent = manifest().agent_id;
    let found = soon(conn.listening_ports(agent)).await.unwrap().ports;
    assert!(found.is_sorted_by_key(|found| found.port));
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    for listener in [&v4, &v6] {
        let port = port_of(listener);
        let found = found.iter().find(|found| found.port == port).unwrap();
        assert_eq!(found.process_name, name.trim_end());
        assert_eq!(found.network, "tcp");
    }
    assert!(found.iter().all(|found| found.port != port_of(&other)));
    assert!(
        found
            .iter()
            .all(|found| found.port >= port::FIRST_WORKSPACE_PORT)
    );

    for listener in [v4, v6] {
        let mut stream = conn.dial(agent, port_of(&listener)).await.unwrap();
        let (mut accepted, peer) = soon(listener.accept()).await.unwrap();
        assert!(peer.ip().is_loopback());
        accepted.write_all(b"here").await.unwrap();
        let mut said = [0; 4];
        soon(stream.read_exact(&mut said)).await.unwrap();
        assert_eq!(&said, b"here");
    }
    // On another address of this machine nothing is dialled.
    let tunnel = running.server.tunnel().await;
    let refused = tunnel.open(port_of(&other)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    running.stop().await;
}

#[tokio::test]
async fn low_ports_of_the_workspace_are_not_reached() {
    let running = Running::start(manifest()).await;
    let tunnel = running.server.tunnel().await;
    for port in 0..port::FIRST_WORKSPACE_PORT {
        // Where the system lets us listen, nobody connects.
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let listener = match port {
            0 => None,
            _ => TcpListener::bind(address).await.ok(),
        };
        let opened = tunnel.open(port).await;
        match port {
            0 | 5.. => assert_eq!(opened.unwrap_err().kind(), ErrorKind::Unsupported),
            _ => drop(opened.unwrap()),
        }
        if let Some(listener) = listener {
            let accepted =
                tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept());
            assert!(accepted.await.is_err(), "{port}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn throughput_is_measured_both_ways() {
    let running = Running::start(manifest()).await;
    running.server.tunnel().await;
    let conn = AgentConn::new(&running.server.url, TOKEN).unwrap();
    for direction in [Direction::Down, Direction::Up] {
        let options = SpeedtestOptions {
            direction,
            seconds: 2,
        };
        let mut intervals = Vec::new();
        let total = conn.speedtest(manifest().agent_id, options, |one| intervals.push(one));
        let total = soon(total).await.unwrap();
        let sum: u64 = intervals.iter().map(|one| one.bytes).sum();
        assert_eq!(sum, total.bytes);
        assert!(intervals.len() >= 2, "{intervals:?}");
        assert!(total.end.as_millis() >= 1_500, "{total:?}");
        assert!(total.megabytes_per_second() > 1.0, "{total:?}");
    }
    running.stop().await;
}
