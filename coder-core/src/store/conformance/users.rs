//! Users.

use super::{
    backend::{Backend, Outcome, assert_conflict, assert_same, assert_texts, present},
    fixture::{self, at, id},
};
use crate::{
    id::UserId,
    store::{Page, Transaction},
    user::{LoginType, User, UserFilter, UserStatus},
};

/// What was inserted is found by id, username and e-mail, whole; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    let mut user = fixture::user(1, "Ann");
    user.roles = vec!["owner".to_owned(), "auditor".to_owned()];
    user.last_seen_at = Some(at(7));
    tx.users().insert(&user).await?;
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    assert_eq!(tx.users().get(user.id).await?, Some(user.clone()));
    let found = tx.users().by_username("aNN").await?;
    assert_eq!(found, Some(user.clone()));
    let found = tx.users().by_email("ANN@Example.Com").await?;
    assert_eq!(found, Some(user));
    assert_eq!(tx.users().get(id(9)).await?, None);
    assert_eq!(tx.users().by_username("an").await?, None);
    assert_eq!(tx.users().by_email("nn@example.com").await?, None);
    tx.rollback().await?;
    Ok(())
}

/// An account without password, names or roles is kept as it is.
pub async fn optional_columns(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    let user = User {
        name: String::new(),
        avatar_url: String::new(),
        password_hash: None,
        login_type: LoginType::None,
        status: UserStatus::Dormant,
        ..fixture::user(1, "robot")
    };
    tx.users().insert(&user).await?;
    assert_eq!(tx.users().get(user.id).await?, Some(user));
    tx.rollback().await?;
    Ok(())
}

/// Several by id: each once, unknown ones left out, deleted ones too.
pub async fn get_many(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    insert(&mut *tx, &["ann", "bob", "cid"]).await?;
    let mut cid = fixture::user(3, "cid");
    cid.deleted = true;
    tx.users().update(&cid).await?;
    let found = tx.users().get_many(&[id(3), id(1), id(9), id(1)]).await?;
    assert_same(found.iter().map(|user| user.id), [id(1), id(3)]);
    assert!(tx.users().get_many(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// Usernames and e-mails are unique, ignoring case; so are ids.
pub async fn conflicts(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    insert(&mut *tx, &["ann", "bob"]).await?;
    tx.commit().await?;
    let new = fixture::user(3, "cid");
    let cases = [
        (
            User {
                username: "ANN".to_owned(),
                ..new.clone()
            },
            "users_username_key",
        ),
        (
            User {
                email: "Ann@example.com".to_owned(),
                ..new.clone()
            },
            "users_email_key",
        ),
        (
            User {
                id: id(1),
                ..new.clone()
            },
            "users_pkey",
        ),
    ];
    for (user, constraint) in cases {
        let mut tx = backend.begin().await?;
        assert_conflict(tx.users().insert(&user).await, constraint);
        tx.rollback().await?;
    }
    let bob = fixture::user(2, "bob");
    let cases = [
        (
            User {
                username: "Ann".to_owned(),
                ..bob.clone()
            },
            "users_username_key",
        ),
        (
            User {
                email: "ANN@example.com".to_owned(),
                ..bob.clone()
            },
            "users_email_key",
        ),
    ];
    for (user, constraint) in cases {
        let mut tx = backend.begin().await?;
        assert_conflict(tx.users().update(&user).await, constraint);
        tx.rollback().await?;
    }
    Ok(())
}

/// Deleted accounts free their names, and only a lookup by id finds them.
pub async fn names_are_free_after_delete(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    insert(&mut *tx, &["ann"]).await?;
    let mut old = fixture::user(1, "ann");
    old.deleted = true;
    tx.users().update(&old).await?;
    assert_eq!(tx.users().get(old.id).await?, Some(old.clone()));
    assert_eq!(tx.users().by_username("ann").await?, None);
    assert_eq!(tx.users().by_email(&old.email).await?, None);
    assert_eq!(tx.users().count().await?, 0);
    let (found, count) = tx.users().list(&UserFilter::default(), Page::ALL).await?;
    assert_eq!((found.len(), count), (0, 0));

    let new = User {
        id: id(2),
        ..fixture::user(2, "ann")
    };
    tx.users().insert(&new).await?;
    let found = present(tx.users().by_username("ann").await?)?;
    assert_eq!(found.id, new.id);
    assert_eq!(tx.users().count().await?, 1);
    tx.rollback().await?;
    Ok(())
}

/// An update replaces everything but the id and the time of creation, and nothing of others.
pub async fn update(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    insert(&mut *tx, &["ann", "bob"]).await?;
    let new = User {
        id: id(1),
        email: "new@example.com".to_owned(),
        username: "new-name".to_owned(),
        name: String::new(),
        avatar_url: "https://example.com/a.png".to_owned(),
        password_hash: None,
        created_at: at(50),
        updated_at: at(51),
        last_seen_at: Some(at(52)),
        status: UserStatus::Suspended,
        login_type: LoginType::Oidc,
        roles: vec!["auditor".to_owned()],
        deleted: false,
    };
    tx.users().update(&new).await?;
    let expected = User {
        created_at: at(0),
        ..new
    };
    assert_eq!(tx.users().get(id(1)).await?, Some(expected));
    let bob = fixture::user(2, "bob");
    assert_eq!(tx.users().get(id(2)).await?, Some(bob));
    tx.users().update(&fixture::user(9, "nobody")).await?;
    assert_eq!(tx.users().count().await?, 2);
    tx.rollback().await?;
    Ok(())
}

/// A sign of life changes one column.
pub async fn touch(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    insert(&mut *tx, &["ann"]).await?;
    tx.users().touch(id(1), at(77)).await?;
    tx.users().touch(id(9), at(78)).await?;
    let expected = User {
        last_seen_at: Some(at(77)),
        ..fixture::user(1, "ann")
    };
    assert_eq!(tx.users().get(id(1)).await?, Some(expected));
    tx.rollback().await?;
    Ok(())
}

/// Lists are ordered by the lower-case username, byte by byte, and cut into pages with the whole count.
pub async fn list_order_and_pages(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    insert(&mut *tx, &["b1", "Ab", "b-2", "aa", "C"]).await?;
    let filter = UserFilter::default();
    let pages: [(u32, u32, &[&str]); 5] = [
        (0, 0, &["aa", "Ab", "b-2", "b1", "C"]),
        (0, 2, &["aa", "Ab"]),
        (2, 2, &["b-2", "b1"]),
        (4, 0, &["C"]),
        (9, 2, &[]),
    ];
    for (offset, limit, expected) in pages {
        let page = Page { offset, limit };
        let (found, count) = tx.users().list(&filter, page).await?;
        assert_texts(&found, |user| &user.username, expected);
        assert_eq!(count, 5);
    }
    tx.rollback().await?;
    Ok(())
}

/// Every field of the filter narrows the list, and the count with it.
pub async fn list_filters(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    let mut ann = fixture::user(1, "ann");
    ann.email = "first@example.com".to_owned();
    ann.roles = vec!["owner".to_owned()];
    let mut bob = fixture::user(2, "bob");
    bob.name = "Robert 100% Tables".to_owned();
    bob.status = UserStatus::Suspended;
    let mut cid = fixture::user(3, "cid");
    cid.status = UserStatus::Dormant;
    cid.roles = vec!["auditor".to_owned(), "user-admin".to_owned()];
    for user in [&ann, &bob, &cid] {
        tx.users().insert(user).await?;
    }
    let search = |text: &str| UserFilter {
        search: Some(text.to_owned()),
        ..UserFilter::default()
    };
    let status = |status: &[UserStatus]| UserFilter {
        status: status.to_vec(),
        ..UserFilter::default()
    };
    let roles = |roles: &[&str]| UserFilter {
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        ..UserFilter::default()
    };
    let cases: [(UserFilter, &[&str]); 14] = [
        (search("NN"), &["ann"]),
        (search("FIRST@"), &["ann"]),
        (search("robert"), &["bob"]),
        (search("100% t"), &["bob"]),
        (search("%"), &["bob"]),
        (search("_"), &[]),
        (search("\\"), &[]),
        (search("@example"), &["ann", "bob", "cid"]),
        (status(&[UserStatus::Active]), &["ann"]),
        (
            status(&[UserStatus::Suspended, UserStatus::Dormant]),
            &["bob", "cid"],
        ),
        (roles(&["owner"]), &["ann"]),
        (roles(&["user-admin", "owner"]), &["ann", "cid"]),
        (roles(&["member"]), &["ann", "bob", "cid"]),
        (
            UserFilter {
                search: Some("b".to_owned()),
                ..status(&[UserStatus::Active])
            },
            &[],
        ),
    ];
    for (filter, expected) in cases {
        let (found, count) = tx.users().list(&filter, Page::ALL).await?;
        assert_texts(&found, |user| &user.username, expected);
        assert_eq!(count, found.len() as u64, "{filter:?}");
    }
    tx.rollback().await?;
    Ok(())
}

async fn insert(tx: &mut dyn Transaction, names: &[&str]) -> Outcome {
    for (number, name) in (1..).zip(names) {
        let user = fixture::user(number, name);
        tx.users().insert(&user).await?;
        assert_eq!(user.id, id::<UserId>(number));
    }
    Ok(())
}
