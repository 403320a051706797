//! Templates.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_same, assert_texts},
    fixture::{self, at, id},
};
use crate::{
    provisioner_job::ProvisionerType,
    store::Page,
    template::{CorsBehavior, SharingLevel, Template, TemplateFilter, TemplatePolicy},
};

/// What was inserted is found by id and by name, whole; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let template = world.template.clone();
    let mut tx = backend.begin().await?;
    let organization = world.organization.id;
    assert_eq!(
        tx.templates().get(template.id).await?,
        Some(template.clone())
    );
    let found = tx.templates().by_name(organization, "DOCKER").await?;
    assert_eq!(found, Some(template.clone()));
    assert_eq!(tx.templates().get(id(9)).await?, None);
    assert_eq!(tx.templates().by_name(organization, "dock").await?, None);
    assert_eq!(tx.templates().by_name(id(9), "docker").await?, None);
    let found = tx.templates().get_many(&[id(1), id(9), id(1)]).await?;
    assert_eq!(found, [template]);
    tx.rollback().await?;
    Ok(())
}

/// An update replaces everything but what never changes, the policy included.
pub async fn update(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let version = world.add_version(&mut *tx, 2, "v2").await?;
    let other = fixture::organization(2, "other");
    tx.organizations().insert(&other).await?;
    let new = Template {
        id: world.template.id,
        organization_id: other.id,
        name: "Podman".to_owned(),
        display_name: "With Podman".to_owned(),
        description: String::new(),
        icon: String::new(),
        provisioner: ProvisionerType::Terraform,
        active_version_id: version.id,
        created_by: id(9),
        created_at: at(500),
        updated_at: at(501),
        deleted: false,
        policy: policy(),
    };
    tx.templates().update(&new).await?;
    let expected = Template {
        organization_id: world.template.organization_id,
        created_by: world.template.created_by,
        created_at: world.template.created_at,
        ..new
    };
    let found = tx.templates().get(world.template.id).await?;
    assert_eq!(found, Some(expected));
    let absent = Template {
        id: id(9),
        ..world.template
    };
    tx.templates().update(&absent).await?;
    assert_eq!(tx.templates().get(id(9)).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// A policy in which nothing is as the default has it.
fn policy() -> TemplatePolicy {
    TemplatePolicy {
        default_ttl_ms: 1,
        activity_bump_ms: 2,
        time_til_autostop_notify_ms: 3,
        autostop_days_of_week: vec!["saturday".to_owned()],
        autostop_weeks: 2,
        autostart_days_of_week: Vec::new(),
        allow_user_autostart: false,
        allow_user_autostop: false,
        allow_user_cancel_workspace_jobs: false,
        failure_ttl_ms: 4,
        time_til_dormant_ms: 5,
        time_til_dormant_autodelete_ms: 6,
        require_active_version: true,
        deprecation_message: "Use another".to_owned(),
        max_port_share_level: SharingLevel::Public,
        cors_behavior: CorsBehavior::Passthru,
        use_classic_parameter_flow: false,
        agents_allowed: false,
        disable_module_cache: true,
    }
}

/// Names are unique per organization, ignoring case, and free again after a delete.
pub async fn names(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let constraint = "templates_organization_id_name_key";
    let mut tx = backend.begin().await?;
    let version = world.add_version(&mut *tx, 2, "v1").await?;
    let same = fixture::template(2, &version, "Docker");
    assert_conflict(tx.templates().insert(&same).await, constraint);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let other = world.add_template(&mut *tx, 2, "other").await?;
    let renamed = Template {
        name: "DOCKER".to_owned(),
        ..other
    };
    assert_conflict(tx.templates().update(&renamed).await, constraint);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let deleted = Template {
        deleted: true,
        ..world.template.clone()
    };
    tx.templates().update(&deleted).await?;
    let organization = world.organization.id;
    assert_eq!(tx.templates().by_name(organization, "docker").await?, None);
    assert_eq!(tx.templates().get(deleted.id).await?, Some(deleted));
    let new = world.add_template(&mut *tx, 2, "docker").await?;
    let found = tx.templates().by_name(organization, "docker").await?;
    assert_eq!(found, Some(new));
    let both = tx.templates().get_many(&[id(1), id(2)]).await?;
    assert_same(both.iter().map(|row| row.id), [id(1), id(2)]);
    tx.rollback().await?;
    Ok(())
}

/// The same name may be used in two organizations.
pub async fn names_of_two_organizations(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let other = fixture::organization(2, "other");
    tx.organizations().insert(&other).await?;
    let elsewhere = World {
        organization: other.clone(),
        ..world
    };
    let template = elsewhere.add_template(&mut *tx, 2, "docker").await?;
    let found = tx.templates().by_name(other.id, "docker").await?;
    assert_eq!(found, Some(template));
    tx.rollback().await?;
    Ok(())
}

/// Lists are ordered by the lower-case name and cut into pages.
pub async fn list_order_and_pages(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for (number, name) in (2..).zip(["d1", "E", "d-2", "a"]) {
        world.add_template(&mut *tx, number, name).await?;
    }
    let filter = TemplateFilter::default();
    let pages: [(u32, u32, &[&str]); 3] = [
        (0, 0, &["a", "d-2", "d1", "docker", "E"]),
        (1, 2, &["d-2", "d1"]),
        (4, 9, &["E"]),
    ];
    for (offset, limit, expected) in pages {
        let found = tx.templates().list(&filter, Page { offset, limit }).await?;
        assert_texts(&found, |row| &row.name, expected);
    }
    tx.rollback().await?;
    Ok(())
}

/// Every field of the filter narrows the list.
pub async fn list_filters(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let (bob, other) = (fixture::user(2, "bob"), fixture::organization(2, "other"));
    tx.users().insert(&bob).await?;
    tx.organizations().insert(&other).await?;
    let file = fixture::file(2, &bob);
    tx.files().insert(&file).await?;
    let elsewhere = World {
        organization: other,
        user: bob,
        file,
        ..world.clone()
    };
    let mut old = world.add_template(&mut *tx, 2, "dockerish").await?;
    old.display_name = "Old_One".to_owned();
    old.policy.deprecation_message = "Use docker".to_owned();
    tx.templates().update(&old).await?;
    elsewhere.add_template(&mut *tx, 3, "kubernetes").await?;
    let mut gone = world.add_template(&mut *tx, 4, "gone").await?;
    gone.deleted = true;
    tx.templates().update(&gone).await?;

    let cases: [(Change, &[&str]); 15] = [
        (|_| {}, &["docker", "dockerish", "kubernetes"]),
        (|f| f.organization_id = Some(id(2)), &["kubernetes"]),
        (|f| f.name = text("DOCK"), &["docker", "dockerish"]),
        (|f| f.name = text("%"), &[]),
        (|f| f.exact_name = text("Docker"), &["docker"]),
        (|f| f.exact_name = text("dock"), &[]),
        (|f| f.display_name = text("old_o"), &["dockerish"]),
        (|f| f.display_name = text("dock"), &["docker"]),
        (
            |f| f.ids = vec![id(3), id(1), id(9)],
            &["docker", "kubernetes"],
        ),
        (|f| f.deprecated = Some(true), &["dockerish"]),
        (|f| f.deprecated = Some(false), &["docker", "kubernetes"]),
        (|f| f.author_id = Some(id(2)), &["kubernetes"]),
        (|f| f.deleted = true, &["gone"]),
        (|f| (f.deleted, f.ids) = (true, vec![id(1)]), &[]),
        (
            |f| (f.name, f.deprecated) = (text("dock"), Some(true)),
            &["dockerish"],
        ),
    ];
    for (change, expected) in cases {
        let mut filter = TemplateFilter::default();
        change(&mut filter);
        let found = tx.templates().list(&filter, Page::ALL).await?;
        assert_texts(&found, |row| &row.name, expected);
    }
    tx.rollback().await?;
    Ok(())
}

type Change = fn(&mut TemplateFilter);

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}
