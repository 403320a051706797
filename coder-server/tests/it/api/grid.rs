//! Every operation of the OpenAPI document: it declares its security and permission, refuses those who are
//! not signed in, and shows another tenant's objects to nobody. A new operation without a row in
//! [`grid_rows`](super::grid_rows) fails.

use super::{
    grid_rows::{PUBLIC, Row, World, rows},
    harness::Answer,
};
use coder_core::rbac::{Action, ResourceType};
use serde_json::Value;
use std::collections::BTreeMap;

/// Method, path and declaration of every operation.
fn operations() -> BTreeMap<String, Value> {
    let document: Value =
        serde_json::from_str(&coder_server::http::openapi::json().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| {
            (
                format!("{} {path}", method.to_uppercase()),
                operation.clone(),
            )
        })
    });
    all.collect()
}

fn needs_credentials(operation: &Value) -> bool {
    let schemes = operation["security"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    schemes
        .iter()
        .any(|scheme| scheme.as_object().is_some_and(|scheme| !scheme.is_empty()))
}

#[test]
fn every_operation_declares_its_security_and_permission() {
    for (name, operation) in operations() {
        assert!(
            operation["security"].is_array(),
            "{name} declares no security"
        );
        let public = PUBLIC.contains(&name.as_str());
        assert_eq!(
            needs_credentials(&operation),
            !public,
            "{name} is not what PUBLIC says"
        );
        let permission = operation["x-permission"].as_str().unwrap_or_default();
        assert!(!permission.is_empty(), "{name} declares no permission");
        for word in permission.split(" or ").flat_map(|words| words.split(", ")) {
            let known = ["none", "self", "agent", "provisioner"].contains(&word)
                || word.split_once(':').is_some_and(|(kind, action)| {
                    kind.parse::<ResourceType>().is_ok() && action.parse::<Action>().is_ok()
                });
            assert!(known, "{name} declares the unknown permission {word:?}");
        }
        assert_eq!(
            permission == "none",
            public,
            "{name}: only what is public needs nothing"
        );
        let description = operation["summary"].as_str().unwrap_or_default();
        assert!(!description.is_empty(), "{name} has no summary");
    }
    for name in PUBLIC {
        assert!(
            operations().contains_key(*name),
            "{name} is in PUBLIC but does not exist"
        );
    }
}

#[test]
fn operation_ids_are_unique() {
    let mut seen = BTreeMap::new();
    for (name, operation) in operations() {
        let id = operation["operationId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let before = seen.insert(id.clone(), name.clone());
        assert!(
            before.is_none(),
            "{name} and {before:?} are both called {id}"
        );
    }
}

#[tokio::test]
async fn every_operation_refuses_strangers() {
    let world = World::new().await;
    let wrong = [
        None,
        Some("0123456789-0123456789012345678901"),
        Some(world.agent_like.as_str()),
    ];
    for (name, operation) in operations() {
        if !needs_credentials(&operation) {
            continue;
        }
        let (method, path) = name.split_once(' ').unwrap();
        let path = world.fill(path, true);
        for token in wrong {
            let body = (method != "GET").then(|| serde_json::json!({}));
            let answer = world.server.call(method, &path, token, body).await;
            assert_eq!(
                answer.status,
                401,
                "{name} with {token:?}: {:?}",
                answer.json()
            );
        }
    }
}

#[tokio::test]
async fn every_operation_hides_other_tenants() {
    let world = World::new().await;
    let mut rows = rows();
    for (name, _) in operations() {
        let row = rows.remove(name.as_str());
        let row = row.unwrap_or_else(|| panic!("{name} has no row in grid_rows.rs"));
        let (method, path) = name.split_once(' ').unwrap();
        let body = match row {
            Row::Hidden(body) | Row::Forbidden(body) => body,
            Row::NoObject => continue,
        };
        let body = |answers: &str| match body {
            _ if answers == "GET" => None,
            "" => Some(serde_json::json!({})),
            text => Some(serde_json::from_str(text).unwrap()),
        };
        let ask = async |path: &str| -> Answer {
            world
                .server
                .call(method, path, Some(&world.stranger.token), body(method))
                .await
        };
        let theirs = ask(&world.fill(path, true)).await;
        let expected = if matches!(row, Row::Forbidden(_)) {
            403
        } else {
            404
        };
        assert_eq!(theirs.status, expected, "{name}: {:?}", theirs.json());
        if expected == 404 {
            let absent = ask(&world.fill(path, false)).await;
            assert_eq!(absent.status, theirs.status, "{name}: {:?}", absent.json());
            assert_eq!(
                absent.json(),
                theirs.json(),
                "{name} tells absent from hidden"
            );
        }
    }
    let left: Vec<_> = rows.keys().collect();
    assert!(left.is_empty(), "rows without an operation: {left:?}");
}
