//! A TCP stream through server and tunnel: opened, one byte there and back, closed.

use crate::figures::{milliseconds, percentile, row};
use coder_agent::AgentConn;
use coder_core::id::WorkspaceAgentId;
use coder_tests::Deployment;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
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
    let mut times = runtime.expect("a runtime").block_on(async {
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
        let mut times = Vec::new();
        for _ in 0..STREAMS {
            times.push(one(&client, agent, port).await);
        }
        times
    });
    let what = format!("new tunnelled TCP stream, open and echo, p50 of {STREAMS}, ms");
    row(&what, milliseconds(percentile(&mut times, 50)), 0.5);
    let what = "the same, p99, ms (no limit of its own)";
    row(what, milliseconds(percentile(&mut times, 99)), 5.0);
}

async fn one(client: &AgentConn, agent: WorkspaceAgentId, port: u16) -> Duration {
    let begin = Instant::now();
    let mut stream = client.dial(agent, port).await.expect("a stream");
    stream.write_u8(1).await.expect("written");
    stream.flush().await.expect("written");
    assert_eq!(stream.read_u8().await.expect("echoed"), 1);
    let took = begin.elapsed();
    let _ = stream.shutdown().await;
    took
}
