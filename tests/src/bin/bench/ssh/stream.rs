//! A TCP stream through server and tunnel: opened, one byte there and back, closed.

use crate::figures::{milliseconds, percentile, row};
use coder_agent::AgentConn;
use coder_core::id::WorkspaceAgentId;
use coder_tests::Deployment;
use std::time::Instant;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    runtime::Builder,
};

const STREAMS: usize = 500;

pub(crate) fn measure(deployment: &Deployment) {
    let path = "/api/v2/users/me/workspace/dev";
    let (_, workspace) = deployment.api("GET", path, None);
    let resources = workspace["latest_build"]["resources"].as_array();
    let agents = resources.expect("resources").iter();
    let agent = agents.flat_map(|resource| resource["agents"][0]["id"].as_str());
    let agent = agent.last().expect("an agent").parse().expect("an id");
    let agent = WorkspaceAgentId(agent);
    let url = deployment.url().parse().expect("a URL");
    let client = AgentConn::new(&url, deployment.token().trim()).expect("a client");
    let runtime = Builder::new_current_thread().enable_all().build();
    let (mut times, mut alone) = runtime.expect("a runtime").block_on(async {
        let echo = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = echo.local_addr().expect("an address").port();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = echo.accept().await.expect("a stream");
                tokio::spawn(async move {
                    let (mut reader, mut writer) = stream.split();
                    let _ = tokio::io::copy(&mut reader, &mut writer).await;
                });
            }
        });
        let tunnel = client.tunnel(agent).await.expect("a connection");
        let (mut times, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..STREAMS {
            let begin = Instant::now();
            echo_once(tunnel.open(port).await.expect("a stream")).await;
            times.push(begin.elapsed());
            let begin = Instant::now();
            echo_once(client.dial(agent, port).await.expect("a stream")).await;
            alone.push(begin.elapsed());
        }
        (times, alone)
    });
    let what = format!("new tunnelled TCP stream, open and echo, p50 of {STREAMS}, ms");
    row(&what, milliseconds(percentile(&mut times, 50)), 0.5);
    let what = "the same, each by a request of its own (no limit)";
    row(what, milliseconds(percentile(&mut alone, 50)), 5.0);
}

async fn echo_once(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    stream.write_u8(1).await.expect("written");
    stream.flush().await.expect("written");
    assert_eq!(stream.read_u8().await.expect("echoed"), 1);
    let _ = stream.shutdown().await;
}
