//! Presets: found at import, chosen for builds.

use super::harness::{Harness, value};
use coder_core::{
    ErrorKind,
    id::{TemplateVersionId, TemplateVersionPresetId},
    parameter::{ParameterValue, RichParameter},
    service::{
        builds::NewBuild,
        jobs::{ImportResult, JobResult},
        template_versions,
        workspaces::NewWorkspace,
    },
    store::conformance::fixture,
    template_version::{ExternalAuthProvider, TemplateVersionPreset},
    workspace_build::WorkspaceTransition,
};

fn parameter(name: &str) -> RichParameter {
    RichParameter {
        name: name.to_owned(),
        mutable: true,
        default_value: "default".to_owned(),
        ..RichParameter::default()
    }
}

fn preset(name: &str, parameters: Vec<ParameterValue>) -> TemplateVersionPreset {
    TemplateVersionPreset {
        id: fixture::id(0),
        template_version_id: fixture::id(0),
        name: name.to_owned(),
        description: String::new(),
        icon: String::new(),
        default: false,
        prebuild_instances: None,
        parameters,
    }
}

/// Adds presets to a version, whose ids are its number and up.
async fn add(harness: &Harness, version: TemplateVersionId, presets: Vec<TemplateVersionPreset>) {
    let numbered = |(number, preset)| TemplateVersionPreset {
        id: fixture::id(version.0.as_u128() * 100 + number),
        template_version_id: version,
        ..preset
    };
    let presets: Vec<_> = (0..).zip(presets).map(numbered).collect();
    harness
        .write(async |tx| {
            tx.template_versions()
                .insert_presets(&presets)
                .await
                .expect("added");
        })
        .await;
}

async fn values(harness: &Harness, workspace: &coder_core::workspace::Workspace) -> Vec<String> {
    let build = harness.latest(workspace).await;
    let values = harness
        .write(async |tx| tx.workspace_builds().parameters(build.id).await)
        .await
        .expect("values");
    let shown = |value: ParameterValue| format!("{}={}", value.name, value.value);
    values.into_iter().map(shown).collect()
}

#[tokio::test]
async fn an_import_stores_presets_and_external_logins() {
    let harness = Harness::new().await;
    let version = harness.version(2, "v2").await;
    let (_, claim) = harness.acquire().await;
    let result = JobResult::Import(ImportResult {
        presets: vec![preset("b", Vec::new()), preset("a", Vec::new())],
        external_auth_providers: vec![ExternalAuthProvider {
            id: "github".to_owned(),
            optional: false,
        }],
        ..ImportResult::default()
    });
    harness.jobs.complete(claim, &result).await.expect("stored");
    let (deps, ann) = (&harness.deps, harness.ann());
    let found = template_versions::presets(deps, &ann, version.id).await;
    let found = found.expect("presets");
    let names: Vec<_> = found.iter().map(|preset| preset.name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    assert!(
        found
            .iter()
            .all(|one| one.template_version_id == version.id)
    );
    assert_ne!(found[0].id, found[1].id);
    let asked = template_versions::external_auth_providers(deps, &ann, version.id).await;
    assert_eq!(asked.expect("logins")[0].id, "github");
}

#[tokio::test]
async fn what_a_preset_sets_counts_more_than_the_request_and_that_more_than_before() {
    let harness = Harness::new().await;
    let names = ["a", "b", "c", "d"];
    harness.set_parameters(&names.map(parameter)).await;
    let of_version = vec![preset(
        "large",
        vec![value("a", "preset"), value("gone", "x")],
    )];
    add(&harness, harness.world.version.id, of_version).await;
    let preset_id: TemplateVersionPresetId = fixture::id(100);
    let request = NewWorkspace {
        template_version_preset_id: Some(preset_id),
        parameters: vec![value("a", "asked"), value("b", "asked")],
        ..harness.new_workspace("dev")
    };
    let workspace = harness
        .workspaces
        .create(&harness.ann(), &request)
        .await
        .expect("created");
    let expected = ["a=preset", "b=asked", "c=default", "d=default"];
    assert_eq!(values(&harness, &workspace).await, expected);
    let build = harness.latest(&workspace).await;
    assert_eq!(build.template_version_preset_id, Some(preset_id));
    harness.finish("state", Vec::new()).await;

    let request = NewBuild {
        parameters: vec![value("a", "later"), value("c", "later")],
        ..NewBuild::of(WorkspaceTransition::Start)
    };
    let (ann, id) = (harness.ann(), workspace.id);
    let build = harness.builds.create(&ann, id, &request).await;
    assert_eq!(build.expect("queued").template_version_preset_id, None);
    let expected = ["a=later", "b=asked", "c=later", "d=default"];
    assert_eq!(values(&harness, &workspace).await, expected);
}

#[tokio::test]
async fn presets_of_other_versions_are_refused() {
    let harness = Harness::new().await;
    let other = harness.version(2, "v2").await;
    add(&harness, other.id, vec![preset("x", Vec::new())]).await;
    for number in [200, 999] {
        let request = NewWorkspace {
            template_version_preset_id: Some(fixture::id(number)),
            ..harness.new_workspace("dev")
        };
        let refused = harness.workspaces.create(&harness.ann(), &request).await;
        let error = refused.expect_err("not of the version");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.fields()[0].field, "template_version_preset_id");
    }
}

#[tokio::test]
async fn a_preset_with_a_value_that_is_not_allowed_is_refused() {
    let harness = Harness::new().await;
    let number = RichParameter {
        kind: coder_core::parameter::ParameterType::Number,
        default_value: "1".to_owned(),
        validation_max: Some(4),
        ..parameter("cpus")
    };
    harness.set_parameters(&[number]).await;
    let of_version = vec![preset("huge", vec![value("cpus", "64")])];
    add(&harness, harness.world.version.id, of_version).await;
    let request = NewWorkspace {
        template_version_preset_id: Some(fixture::id(100)),
        ..harness.new_workspace("dev")
    };
    let refused = harness.workspaces.create(&harness.ann(), &request).await;
    assert_eq!(refused.expect_err("too many").fields()[0].field, "cpus");
}
