//! Events: delivered when a transaction commits, to those who asked for the topic.

use super::{
    backend::{Backend, Outcome, next_event},
    fixture::{at, id},
};
use crate::{
    event::{Event, Topic},
    provisioner_job::ProvisionerType,
};

/// Only what was committed is heard of, in order.
pub async fn only_on_commit(backend: Backend) -> Outcome {
    let mut subscription = backend.subscribe(Topic::User(id(1))).await?;
    let event = |seconds: i64| Event::UserUpdated {
        user_id: id(1),
        at: at(seconds),
    };
    let mut tx = backend.begin().await?;
    tx.publish(event(1)).await?;
    tx.rollback().await?;
    let mut tx = backend.begin().await?;
    tx.publish(event(2)).await?;
    drop(tx);
    let mut tx = backend.begin().await?;
    tx.publish(event(3)).await?;
    tx.publish(event(4)).await?;
    tx.commit().await?;
    // No more than the queue of a subscriber holds anywhere.
    let mut tx = backend.begin().await?;
    tx.publish(event(5)).await?;
    tx.publish_all((6..10).map(event).collect()).await?;
    tx.publish_all(Vec::new()).await?;
    tx.commit().await?;
    for seconds in 3..10 {
        assert_eq!(next_event(&mut subscription).await?, event(seconds));
    }
    Ok(())
}

/// Every kind of event reaches its own topics, and every subscriber of them, and no others.
pub async fn topics(backend: Backend) -> Outcome {
    let (job_id, agent_id) = (id(3), id(5));
    let posted = Event::JobPosted {
        organization_id: id(2),
        provisioner: ProvisionerType::Terraform,
    };
    let workspace = Event::WorkspaceUpdated {
        workspace_id: id(4),
        owner_id: id(1),
    };
    let user = Event::UserUpdated {
        user_id: id(1),
        at: at(1),
    };
    let (state, lines) = (Event::JobUpdated { job_id }, Event::JobLogs { job_id });
    let output = Event::AgentLogs { agent_id };
    let measured = Event::AgentMetadata { agent_id };
    let unlocked = Event::ProvisionerKeyDeleted { key_id: id(6) };
    let cases: [(Topic, Vec<Event>); 8] = [
        (Topic::JobsPosted, vec![posted.clone()]),
        (Topic::Job(job_id), vec![state.clone(), lines.clone()]),
        (Topic::Workspace(id(4)), vec![workspace.clone()]),
        (Topic::WorkspacesOf(id(1)), vec![workspace.clone()]),
        (
            Topic::Agent(agent_id),
            vec![output.clone(), measured.clone()],
        ),
        (Topic::User(id(1)), vec![user.clone()]),
        (Topic::User(id(1)), vec![user.clone()]),
        (Topic::ProvisionerKey(id(6)), vec![unlocked.clone()]),
    ];
    let mut subscriptions = Vec::new();
    for (topic, events) in cases {
        subscriptions.push((backend.subscribe(topic).await?, events));
    }
    let mut tx = backend.begin().await?;
    // The same of others first: whoever wrongly hears of them does so before anything else.
    let others = [
        Event::JobUpdated { job_id: id(9) },
        Event::WorkspaceUpdated {
            workspace_id: id(9),
            owner_id: id(9),
        },
        Event::AgentLogs { agent_id: id(9) },
        Event::ProvisionerKeyDeleted { key_id: id(9) },
        Event::UserUpdated {
            user_id: id(9),
            at: at(1),
        },
    ];
    let all = [
        posted, state, lines, workspace, output, measured, user, unlocked,
    ];
    for event in others.into_iter().chain(all) {
        tx.publish(event).await?;
    }
    tx.commit().await?;
    for (mut subscription, events) in subscriptions {
        for event in events {
            assert_eq!(next_event(&mut subscription).await?, event);
        }
    }
    Ok(())
}

/// What a subscriber hears of is already in the store.
pub async fn after_the_data(backend: Backend) -> Outcome {
    let mut subscription = backend.subscribe(Topic::User(id(1))).await?;
    let mut tx = backend.begin().await?;
    let user_id = id(1);
    tx.publish(Event::UserUpdated { user_id, at: at(1) })
        .await?;
    tx.settings().set("a", "b").await?;
    tx.commit().await?;
    next_event(&mut subscription).await?;
    let mut tx = backend.begin().await?;
    assert_eq!(tx.settings().get("a").await?.as_deref(), Some("b"));
    tx.rollback().await?;
    Ok(())
}
