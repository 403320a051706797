//! What agents report of use.

use super::{
    World,
    backend::{Backend, Outcome},
    fixture::{at, id},
};
use crate::agent_stats::{AgentStats, SessionCounts};
use std::collections::BTreeMap;

/// Reports come whole and by time, and old ones go.
pub async fn insert_and_delete(backend: Backend) -> Outcome {
    World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let stats = |time: i64, agent: u128| AgentStats {
        created_at: at(time),
        agent_id: id(agent),
        workspace_id: id(2),
        user_id: id(3),
        template_id: id(4),
        connections_by_proto: BTreeMap::from([("TCP".to_owned(), 3)]),
        connection_count: 3,
        connection_median_latency_ms: Some(0.75),
        rx_packets: 10,
        rx_bytes: i64::MAX,
        tx_packets: 11,
        tx_bytes: 21,
        sessions: SessionCounts {
            vscode: 1,
            jetbrains: 2,
            reconnecting_pty: 3,
            ssh: 4,
        },
    };
    let unmeasured = AgentStats {
        connections_by_proto: BTreeMap::new(),
        connection_median_latency_ms: None,
        ..stats(12, 1)
    };
    let rows = tx.workspace_agent_stats();
    rows.insert(&[unmeasured.clone(), stats(11, 2)]).await?;
    rows.insert(&[stats(10, 1), stats(11, 1), stats(11, 1)])
        .await?;
    rows.insert(&[]).await?;
    let found = rows.since(at(11)).await?;
    assert_eq!(
        found,
        [stats(11, 1), stats(11, 1), stats(11, 2), unmeasured]
    );
    assert_eq!(rows.since(at(10)).await?.len(), 5);
    assert_eq!(rows.delete_before(at(12), 3).await?, 3);
    assert_eq!(rows.delete_before(at(12), 3).await?, 1);
    assert_eq!(rows.delete_before(at(12), 3).await?, 0);
    assert_eq!(rows.since(at(0)).await?.len(), 1);
    tx.rollback().await?;
    Ok(())
}
