//! Organizations and memberships.

use super::{
    backend::{Backend, Outcome, assert_conflict, assert_same, assert_texts},
    fixture::{self, at, id},
};
use crate::organization::{Organization, OrganizationMember};

/// What was inserted is found by id and by name; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    assert_eq!(tx.organizations().default_organization().await?, None);
    let mut acme = fixture::organization(1, "Acme");
    let other = fixture::organization(2, "other");
    acme.is_default = true;
    tx.organizations().insert(&other).await?;
    tx.organizations().insert(&acme).await?;
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    assert_eq!(tx.organizations().get(acme.id).await?, Some(acme.clone()));
    assert_eq!(
        tx.organizations().by_name("aCME").await?,
        Some(acme.clone())
    );
    let default = tx.organizations().default_organization().await?;
    assert_eq!(default, Some(acme));
    assert_eq!(tx.organizations().get(id(9)).await?, None);
    assert_eq!(tx.organizations().by_name("acm").await?, None);
    let found = tx.organizations().get_many(&[id(2), id(9), id(2)]).await?;
    assert_eq!(found, [other]);
    tx.rollback().await?;
    Ok(())
}

/// All are listed by their lower-case name.
pub async fn list_order(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    assert!(tx.organizations().list().await?.is_empty());
    for (number, name) in (1..).zip(["b1", "C", "b-2", "a"]) {
        tx.organizations()
            .insert(&fixture::organization(number, name))
            .await?;
    }
    let all = tx.organizations().list().await?;
    assert_texts(&all, |row| &row.name, &["a", "b-2", "b1", "C"]);
    tx.rollback().await?;
    Ok(())
}

/// Names are unique, ignoring case, and there is one default.
pub async fn conflicts(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    let first = Organization {
        is_default: true,
        ..fixture::organization(1, "acme")
    };
    tx.organizations().insert(&first).await?;
    tx.commit().await?;
    let second = Organization {
        is_default: true,
        ..fixture::organization(2, "other")
    };
    let cases = [
        (fixture::organization(2, "ACME"), "organizations_name_key"),
        (second, "organizations_is_default_key"),
    ];
    for (organization, constraint) in cases {
        let mut tx = backend.begin().await?;
        let result = tx.organizations().insert(&organization).await;
        assert_conflict(result, constraint);
        tx.rollback().await?;
    }
    Ok(())
}

/// Members are found one by one, by user and by organization.
pub async fn members(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    let (acme, other) = (
        fixture::organization(1, "acme"),
        fixture::organization(2, "other"),
    );
    let (ann, bob) = (fixture::user(1, "ann"), fixture::user(2, "bob"));
    for organization in [&acme, &other] {
        tx.organizations().insert(organization).await?;
    }
    for user in [&ann, &bob] {
        tx.users().insert(user).await?;
    }
    let mut admin = fixture::member(&other, &ann);
    admin.roles = vec!["organization-admin".to_owned()];
    let (plain, third) = (fixture::member(&acme, &ann), fixture::member(&acme, &bob));
    for member in [&third, &admin, &plain] {
        tx.organizations().insert_member(member).await?;
    }
    let found = tx.organizations().member(other.id, ann.id).await?;
    assert_eq!(found, Some(admin.clone()));
    assert_eq!(tx.organizations().member(other.id, bob.id).await?, None);
    let found = tx.organizations().members(acme.id).await?;
    assert_eq!(found, [plain.clone(), third.clone()]);
    let found = tx.organizations().memberships(&[ann.id, id(9)]).await?;
    assert_eq!(found, [plain.clone(), admin.clone()]);
    let found = tx.organizations().memberships(&[ann.id, bob.id]).await?;
    assert_eq!(found.last(), Some(&admin));
    let users = found.iter().map(|member| member.user_id);
    assert_same(users, [ann.id, ann.id, bob.id]);
    assert!(tx.organizations().memberships(&[]).await?.is_empty());

    let result = tx.organizations().insert_member(&plain).await;
    assert_conflict(result, "organization_members_pkey");
    tx.rollback().await?;
    Ok(())
}

/// Roles are replaced, members removed; others stay.
pub async fn update_and_delete_member(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    let acme = fixture::organization(1, "acme");
    let (ann, bob) = (fixture::user(1, "ann"), fixture::user(2, "bob"));
    tx.organizations().insert(&acme).await?;
    for user in [&ann, &bob] {
        tx.users().insert(user).await?;
        tx.organizations()
            .insert_member(&fixture::member(&acme, user))
            .await?;
    }
    let changed = OrganizationMember {
        roles: vec!["organization-admin".to_owned()],
        created_at: at(60),
        updated_at: at(61),
        ..fixture::member(&acme, &ann)
    };
    tx.organizations().update_member(&changed).await?;
    let expected = OrganizationMember {
        created_at: at(2),
        ..changed
    };
    let found = tx.organizations().member(acme.id, ann.id).await?;
    assert_eq!(found, Some(expected));
    let found = tx.organizations().member(acme.id, bob.id).await?;
    assert_eq!(found, Some(fixture::member(&acme, &bob)));

    tx.organizations().delete_member(acme.id, ann.id).await?;
    tx.organizations().delete_member(acme.id, ann.id).await?;
    assert_eq!(tx.organizations().member(acme.id, ann.id).await?, None);
    assert_eq!(tx.organizations().members(acme.id).await?.len(), 1);
    tx.rollback().await?;
    Ok(())
}
