//! Text that not every store can keep, and text that every store must.

use super::{
    World,
    backend::{Backend, Outcome, assert_invalid_text},
    fixture::{self, agent_log, at, id, job_log},
    start,
};
use crate::{
    parameter::ParameterValue,
    store::{JobEnd, StoreError},
    workspace_agent::MetadataUpdate,
    workspace_build::WorkspaceTransition,
};

const NUL: &str = "a\0b";

/// A NUL character is refused in whatever a person or a template writes.
pub async fn nul_of_people(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let mut user = fixture::user(2, "bob");
    user.name = NUL.to_owned();
    assert_invalid_text(tx.users().insert(&user).await);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let mut template = world.template.clone();
    template.description = NUL.to_owned();
    assert_invalid_text(tx.templates().update(&template).await);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    template.description.clear();
    template.policy.deprecation_message = NUL.to_owned();
    assert_invalid_text(tx.templates().update(&template).await);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let workspace = fixture::workspace(1, &world.user, &world.template, NUL);
    assert_invalid_text(tx.workspaces().insert(&workspace).await);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    assert_invalid_text(tx.settings().set("key", NUL).await);
    tx.rollback().await?;
    Ok(())
}

/// So it is in the values of a build and in a job's tags.
pub async fn nul_of_builds(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let job = world.add_job(&mut *tx, 11).await?;
    let build = fixture::build(&dev, &job, world.version.id, 1);
    let value = ParameterValue {
        name: "a".to_owned(),
        value: NUL.to_owned(),
    };
    assert_invalid_text(tx.workspace_builds().insert(&build, &[value], b"").await);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let mut job = world.job(12);
    job.tags.insert("a".to_owned(), NUL.to_owned());
    assert_invalid_text(tx.provisioner_jobs().insert(&job).await);
    tx.rollback().await?;
    Ok(())
}

/// So it is in whatever a daemon says of its job.
pub async fn nul_of_daemons(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    let lease = start(&mut *tx, &world, id(2)).await?;
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    let result = tx
        .provisioner_jobs()
        .append_logs(id(2), &[job_log(NUL)])
        .await;
    assert_invalid_text(result);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let end = JobEnd {
        error: Some(NUL.to_owned()),
        ..JobEnd::default()
    };
    let result = tx
        .provisioner_jobs()
        .finish(id(2), Some(lease), &end, at(400))
        .await;
    assert_invalid_text(result);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let mut resource = fixture::resource(1, id(2), "main");
    for fact in &mut resource.metadata {
        fact.value = Some(NUL.to_owned());
    }
    let result = tx.workspace_resources().insert(&[resource]).await;
    assert_invalid_text(result);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let resource = fixture::resource(1, id(2), NUL);
    let result = tx.workspace_resources().insert(&[resource]).await;
    assert_invalid_text(result);
    tx.rollback().await?;
    Ok(())
}

/// So it is in whatever an agent says.
pub async fn nul_of_agents(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let transition = WorkspaceTransition::Start;
    let build = world.add_build(&mut *tx, 11, &dev, 1, transition).await?;
    let (_, mut agent) = world.add_agent(&mut *tx, 10, &build).await?;
    let source = fixture::log_source(1, agent.id, "Startup");
    tx.workspace_agents().insert_log_sources(&[source]).await?;
    let metadatum = fixture::metadatum(agent.id, "cpu", 0);
    tx.workspace_agents().insert_metadata(&[metadatum]).await?;
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    let lines = [agent_log(id(1), NUL)];
    assert_invalid_text(tx.workspace_agents().append_logs(agent.id, &lines).await);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let update = MetadataUpdate {
        key: "cpu".to_owned(),
        value: NUL.to_owned(),
        error: String::new(),
        collected_at: at(1),
    };
    let result = tx
        .workspace_agents()
        .update_metadata(&[(agent.id, update)])
        .await;
    assert_invalid_text(result);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    agent.version = NUL.to_owned();
    assert_invalid_text(tx.workspace_agents().set_startup(&agent).await);
    tx.rollback().await?;
    Ok(())
}

/// A lookup of a NUL character finds nothing, or is refused the same way.
pub async fn nul_in_lookups(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let owner = world.user.id;
    let mut tx = backend.begin().await?;
    let found = tx.users().by_username(NUL).await;
    assert!(
        matches!(found, Ok(None) | Err(StoreError::InvalidText { .. })),
        "{found:?}"
    );
    tx.rollback().await?;
    let mut tx = backend.begin().await?;
    let found = tx.workspaces().by_owner_and_name(owner, NUL, true).await;
    assert!(
        matches!(found, Ok(None) | Err(StoreError::InvalidText { .. })),
        "{found:?}"
    );
    tx.rollback().await?;
    Ok(())
}

/// Everything else is kept letter by letter.
pub async fn odd_text_is_kept(backend: Backend) -> Outcome {
    let texts = [
        "",
        " leading and trailing ",
        "line\r\nline\ttab",
        "quotes ' \" ` $1 ; --",
        "back\\slash \\u0000 %_",
        "ünïcödé \u{1f980} \u{202e}rtl",
        "\u{1}\u{1b}[31m\u{7f}",
        "\u{feff}\u{fffd}\u{10ffff}",
    ];
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    let lines: Vec<_> = texts.map(job_log).into();
    tx.provisioner_jobs().append_logs(id(2), &lines).await?;
    let found = tx.provisioner_jobs().logs(id(2), 0, None, 0).await?;
    super::backend::assert_texts(&found, |line| &line.output, &texts);
    for text in texts {
        let mut template = world.template.clone();
        template.description = text.to_owned();
        template.policy.deprecation_message = text.to_owned();
        tx.templates().update(&template).await?;
        let found = tx.templates().get(template.id).await?;
        assert_eq!(found, Some(template));
    }
    tx.rollback().await?;
    Ok(())
}
