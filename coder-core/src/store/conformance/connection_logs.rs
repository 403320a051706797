//! Who was connected.

use super::{
    World,
    backend::{Backend, Outcome},
    fixture::{at, id},
};
use crate::{
    connection_log::{ConnectionLog, ConnectionLogFilter, ConnectionLogStatus, ConnectionType},
    store::Page,
};

const ALL: Page = Page {
    offset: 0,
    limit: 0,
};

fn log(world: &World, number: u128, connect: i64) -> ConnectionLog {
    ConnectionLog {
        id: id(number),
        connect_time: at(connect),
        organization_id: world.organization.id,
        workspace_owner_id: world.user.id,
        workspace_id: id(50),
        workspace_name: "dev".to_owned(),
        agent_name: "main".to_owned(),
        ip: None,
        kind: ConnectionType::Ssh,
        connection_id: id(100 + number),
        disconnect_time: None,
        disconnect_reason: String::new(),
        exit_code: None,
    }
}

/// A connection is one row, whose end is noted once, also when it is the first that is heard of it.
pub async fn upsert(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let rows = tx.connection_logs();
    let open = log(&world, 1, 10);
    rows.upsert(&open).await?;
    let ended = |number: u128, reason: &str| ConnectionLog {
        id: id(number),
        connect_time: at(12),
        disconnect_time: Some(at(13)),
        disconnect_reason: reason.to_owned(),
        exit_code: Some(7),
        ..open.clone()
    };
    let again = ConnectionLog {
        id: id(9),
        ..open.clone()
    };
    rows.upsert(&again).await?;
    assert_eq!(
        rows.list(&ConnectionLogFilter::default(), ALL).await?,
        (vec![open.clone()], 1)
    );
    rows.upsert(&ended(2, "logout")).await?;
    rows.upsert(&ended(3, "late")).await?;
    rows.upsert(&again).await?;
    let expected = ConnectionLog {
        id: open.id,
        connect_time: open.connect_time,
        ..ended(1, "logout")
    };
    assert_eq!(
        rows.list(&ConnectionLogFilter::default(), ALL).await?,
        (vec![expected], 1)
    );
    // The same name of another workspace is another connection.
    let elsewhere = ConnectionLog {
        workspace_id: id(51),
        ip: "2001:db8::1".parse().ok(),
        kind: ConnectionType::ReconnectingPty,
        ..ended(4, "gone")
    };
    rows.upsert(&elsewhere).await?;
    let (found, count) = rows.list(&ConnectionLogFilter::default(), ALL).await?;
    assert_eq!((found.first(), count), (Some(&elsewhere), 2));
    tx.rollback().await?;
    Ok(())
}

/// Lists come newest first, in parts, and by each filter.
pub async fn filters(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let rows = tx.connection_logs();
    let ended = ConnectionLog {
        disconnect_time: Some(at(40)),
        kind: ConnectionType::Vscode,
        ..log(&world, 2, 20)
    };
    let other = ConnectionLog {
        organization_id: id(60),
        workspace_owner_id: id(61),
        workspace_id: id(62),
        workspace_name: "Other".to_owned(),
        ..log(&world, 3, 30)
    };
    for one in [&log(&world, 1, 10), &ended, &other] {
        rows.upsert(one).await?;
    }
    let page = Page {
        offset: 1,
        limit: 1,
    };
    let (found, count) = rows.list(&ConnectionLogFilter::default(), page).await?;
    assert_eq!((found, count), (vec![ended], 3));
    for (filter, expected) in cases(&world) {
        let (found, count) = rows.list(&filter, ALL).await?;
        let found: Vec<_> = found.iter().map(|row| row.id).collect();
        let expected: Vec<_> = expected.iter().map(|&number| id(number)).collect();
        assert_eq!(found, expected, "{filter:?}");
        assert_eq!(count, expected.len() as u64);
    }
    tx.rollback().await?;
    Ok(())
}

/// Filters, and which of the rows 1 to 3 they find.
fn cases(world: &World) -> Vec<(ConnectionLogFilter, &'static [u128])> {
    fn with(change: impl FnOnce(&mut ConnectionLogFilter)) -> ConnectionLogFilter {
        let mut filter = ConnectionLogFilter::default();
        change(&mut filter);
        filter
    }
    let owner = world.user.username.to_uppercase();
    let (organization, other) = (world.organization.id, Some("nobody".to_owned()));
    let (ongoing, completed) = (
        Some(ConnectionLogStatus::Ongoing),
        Some(ConnectionLogStatus::Completed),
    );
    vec![
        (with(|_| ()), &[3, 2, 1]),
        (with(|f| f.organization_id = Some(organization)), &[2, 1]),
        (with(|f| f.workspace_owner_id = Some(id(61))), &[3]),
        (with(|f| f.workspace_owner = Some(owner)), &[2, 1]),
        (with(|f| f.workspace_owner = other), &[]),
        (with(|f| f.workspace_id = Some(id(62))), &[3]),
        (with(|f| f.workspace_name = Some("oTHER".to_owned())), &[3]),
        (with(|f| f.connection_id = Some(id(101))), &[1]),
        (with(|f| f.kind = Some(ConnectionType::Ssh)), &[3, 1]),
        (with(|f| f.status = completed), &[2]),
        (with(|f| f.status = ongoing), &[3, 1]),
        (with(|f| f.connected_after = Some(at(20))), &[3]),
        (with(|f| f.connected_before = Some(at(20))), &[1]),
    ]
}

/// Old ones go, a part at a time.
pub async fn delete_before(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let rows = tx.connection_logs();
    for number in 1..=5 {
        rows.upsert(&log(
            &world,
            number,
            10 * i64::try_from(number).unwrap_or_default(),
        ))
        .await?;
    }
    assert_eq!(rows.delete_before(at(40), 2).await?, 2);
    assert_eq!(rows.delete_before(at(40), 2).await?, 1);
    assert_eq!(rows.delete_before(at(40), 2).await?, 0);
    assert_eq!(rows.list(&ConnectionLogFilter::default(), ALL).await?.1, 2);
    tx.rollback().await?;
    Ok(())
}
