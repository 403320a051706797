//! Template versions, their parameters and variables.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_invalid_text, assert_texts},
    fixture::{self, at, id},
};
use crate::{
    parameter::{
        ParameterOption, ParameterType, ParameterValue, RichParameter, ValidationMonotonic,
    },
    secret::Secret,
    store::Page,
    template_version::{
        ExternalAuthProvider, TemplateVersion, TemplateVersionPreset,
        TemplateVersionTerraformValues, TemplateVersionVariable,
    },
    workspace_tags::WorkspaceTagExpressions,
};

/// What was inserted is found by id, job and name, whole; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let alone = world.add_version(&mut *tx, 2, "v2").await?;
    let linked = TemplateVersion {
        template_id: Some(id(1)),
        ..world.version
    };
    let versions = tx.template_versions();
    assert_eq!(versions.get(id(1)).await?, Some(linked.clone()));
    assert_eq!(versions.get(id(2)).await?, Some(alone.clone()));
    assert_eq!(versions.get(id(9)).await?, None);
    assert_eq!(versions.by_job(id(2)).await?, Some(alone.clone()));
    assert_eq!(versions.by_job(id(9)).await?, None);
    assert_eq!(versions.by_name(id(1), "V1").await?, Some(linked));
    assert_eq!(versions.by_name(id(1), "v2").await?, None);
    assert_eq!(versions.by_name(id(9), "v1").await?, None);
    assert_eq!(versions.get_many(&[id(2), id(9), id(2)]).await?, [alone]);
    tx.rollback().await?;
    Ok(())
}

/// Names are unique per template, ignoring case; versions without a template do not count.
pub async fn conflicts(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let constraint = "template_versions_template_id_name_key";
    let mut tx = backend.begin().await?;
    let job = world.add_job(&mut *tx, 2).await?;
    let mut same = fixture::version(2, &job, "V1");
    same.template_id = Some(id(1));
    let result = tx.template_versions().insert(&same).await;
    assert_conflict(result, constraint);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    world.add_version(&mut *tx, 2, "v1").await?;
    let mut alone = world.add_version(&mut *tx, 3, "v1").await?;
    alone.template_id = Some(id(1));
    let result = tx.template_versions().update(&alone).await;
    assert_conflict(result, constraint);
    tx.rollback().await?;
    Ok(())
}

/// An update replaces everything but what never changes.
pub async fn update(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let old = world.add_version(&mut *tx, 2, "v2").await?;
    let new = TemplateVersion {
        id: old.id,
        template_id: Some(id(1)),
        organization_id: id(9),
        name: "v3".to_owned(),
        message: String::new(),
        readme: "Much shorter".to_owned(),
        job_id: id(1),
        created_by: id(9),
        created_at: at(500),
        updated_at: at(501),
        archived: true,
        has_external_agent: true,
    };
    tx.template_versions().update(&new).await?;
    let expected = TemplateVersion {
        organization_id: old.organization_id,
        job_id: old.job_id,
        created_by: old.created_by,
        created_at: old.created_at,
        ..new
    };
    let found = tx.template_versions().get(old.id).await?;
    assert_eq!(found, Some(expected));
    tx.rollback().await?;
    Ok(())
}

/// A template's versions are listed newest first, archived ones only when asked for.
pub async fn list(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for (number, name, created) in [(2, "v2", 300), (3, "v3", 200), (4, "v4", 400)] {
        let job = world.add_job(&mut *tx, number).await?;
        let mut version = fixture::version(number, &job, name);
        version.template_id = Some(id(1));
        version.created_at = at(created);
        version.archived = name == "v2";
        tx.template_versions().insert(&version).await?;
    }
    world.add_version(&mut *tx, 5, "v5").await?;
    let cases: [(bool, u32, u32, &[&str]); 4] = [
        (false, 0, 0, &["v4", "v3", "v1"]),
        (true, 0, 0, &["v4", "v2", "v3", "v1"]),
        (true, 1, 2, &["v2", "v3"]),
        (false, 2, 5, &["v1"]),
    ];
    for (archived, offset, limit, expected) in cases {
        let page = Page { offset, limit };
        let found = tx.template_versions().list(id(1), archived, page).await?;
        assert_texts(&found, |row| &row.name, expected);
    }
    tx.rollback().await?;
    Ok(())
}

/// Parameters are replaced as a whole and come by order, then by name.
pub async fn parameters(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let named = |name: &str, order| RichParameter {
        name: name.to_owned(),
        order,
        ..RichParameter::default()
    };
    let full = full_parameter();
    let given = [named("b", 2), named("a", 2), full.clone(), named("z", 1)];
    tx.template_versions().set_parameters(id(1), &given).await?;
    tx.template_versions().set_parameters(id(9), &given).await?;
    let found = tx.template_versions().parameters(id(1)).await?;
    assert_texts(&found, |row| &row.name, &["full", "z", "a", "b"]);
    assert_eq!(found.first(), Some(&full));
    assert!(tx.template_versions().parameters(id(9)).await?.is_empty());

    let other = world.add_version(&mut *tx, 2, "v2").await?;
    tx.template_versions()
        .set_parameters(other.id, &[named("x", 0)])
        .await?;
    tx.template_versions().set_parameters(id(1), &[]).await?;
    assert!(tx.template_versions().parameters(id(1)).await?.is_empty());
    assert_eq!(tx.template_versions().parameters(other.id).await?.len(), 1);
    tx.rollback().await?;
    Ok(())
}

fn full_parameter() -> RichParameter {
    RichParameter {
        name: "full".to_owned(),
        display_name: "Everything".to_owned(),
        description: "*All* of it".to_owned(),
        kind: ParameterType::Number,
        form_type: "slider".to_owned(),
        mutable: true,
        default_value: "3".to_owned(),
        icon: "/icon/memory.svg".to_owned(),
        options: vec![ParameterOption {
            name: "Three".to_owned(),
            description: "3".to_owned(),
            value: "3".to_owned(),
            icon: String::new(),
        }],
        validation_regex: "^[0-9]+$".to_owned(),
        validation_error: "not {value}".to_owned(),
        validation_min: Some(-1),
        validation_max: Some(i64::MAX),
        validation_monotonic: Some(ValidationMonotonic::Decreasing),
        required: true,
        ephemeral: true,
        order: -5,
    }
}

/// Variables are replaced as a whole and keep their order.
pub async fn variables(backend: Backend) -> Outcome {
    World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let variable = |name: &str, sensitive: bool| TemplateVersionVariable {
        name: name.to_owned(),
        description: "A variable".to_owned(),
        kind: "string".to_owned(),
        value: Secret::new("hunter2"),
        default_value: "hunter1".to_owned(),
        required: !sensitive,
        sensitive,
    };
    let given = [variable("b", true), variable("a", false)];
    tx.template_versions().set_variables(id(1), &given).await?;
    tx.template_versions().set_variables(id(9), &given).await?;
    assert_eq!(tx.template_versions().variables(id(1)).await?, given);
    assert!(tx.template_versions().variables(id(9)).await?.is_empty());
    let given = [variable("c", false)];
    tx.template_versions().set_variables(id(1), &given).await?;
    assert_eq!(tx.template_versions().variables(id(1)).await?, given);
    tx.rollback().await?;
    Ok(())
}

/// Presets keep their order, are found by id, and have names that are unique per version.
pub async fn presets(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_version(&mut *tx, 2, "v2").await?;
    let preset = |number: u128, version: u128, name: &str| TemplateVersionPreset {
        id: id(number),
        template_version_id: id(version),
        name: name.to_owned(),
        description: "A preset".to_owned(),
        icon: "/icon/docker.png".to_owned(),
        default: number == 2,
        prebuild_instances: (number == 2).then_some(3),
        parameters: vec![ParameterValue {
            name: "zone".to_owned(),
            value: name.to_owned(),
        }],
    };
    let given = [preset(3, 1, "b"), preset(2, 1, "a"), preset(1, 1, "B")];
    let versions = tx.template_versions();
    versions.insert_presets(&given).await?;
    versions.insert_presets(&[]).await?;
    versions.insert_presets(&[preset(4, 2, "b")]).await?;
    assert_eq!(versions.presets(id(1)).await?, given);
    assert_eq!(versions.presets(id(2)).await?, [preset(4, 2, "b")]);
    assert!(versions.presets(id(9)).await?.is_empty());
    assert_eq!(versions.preset(id(2)).await?, Some(preset(2, 1, "a")));
    assert_eq!(versions.preset(id(9)).await?, None);
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    let same = [preset(5, 1, "a")];
    let result = tx.template_versions().insert_presets(&same).await;
    assert_conflict(
        result,
        "template_version_presets_template_version_id_name_key",
    );
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let odd = preset(5, 1, "\0");
    assert_invalid_text(tx.template_versions().insert_presets(&[odd]).await);
    tx.rollback().await?;
    Ok(())
}

/// What a version asks of the deployment is replaced as a whole; a version without any asks nothing.
pub async fn terraform_values(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let nothing = TemplateVersionTerraformValues::default();
    let versions = tx.template_versions();
    assert_eq!(versions.terraform_values(id(1)).await?, nothing);
    let github = ExternalAuthProvider {
        id: "github".to_owned(),
        optional: true,
    };
    let tags = WorkspaceTagExpressions {
        tags: [("zone".to_owned(), "local.zone".to_owned())].into(),
        maps: vec!["local.tags".to_owned()],
        locals: [("zone".to_owned(), "1".to_owned())].into(),
        parameters: [("a".to_owned(), "A".to_owned())].into(),
    };
    let given = TemplateVersionTerraformValues {
        external_auth_providers: vec![github],
        workspace_tags: tags,
        module_files: Some(world.file.id),
    };
    versions.set_terraform_values(id(1), &given).await?;
    versions.set_terraform_values(id(9), &given).await?;
    assert_eq!(versions.terraform_values(id(1)).await?, given);
    assert_eq!(versions.terraform_values(id(9)).await?, nothing);
    versions.set_terraform_values(id(1), &nothing).await?;
    assert_eq!(versions.terraform_values(id(1)).await?, nothing);
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    let odd = TemplateVersionTerraformValues {
        workspace_tags: WorkspaceTagExpressions {
            maps: vec!["\0".to_owned()],
            ..WorkspaceTagExpressions::default()
        },
        ..nothing
    };
    let versions = tx.template_versions();
    assert_invalid_text(versions.set_terraform_values(id(1), &odd).await);
    tx.rollback().await?;
    Ok(())
}
