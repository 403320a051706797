//! `coder_workspace_owner`.

use serde::de::DeserializeOwned;

use crate::attributes::{RbacRole, WorkspaceOwner};
use crate::tfprovider::diagnostics::Diagnostic;
use crate::tfprovider::environment::Environment;
use crate::tfprovider::kind::{Context, DataSource};
use crate::tfprovider::value::{Object, Value, set};

pub(super) const DATA_SOURCE: DataSource = DataSource {
    read: |context, owner| read(context, owner).map_err(|error| vec![error]),
    ..DataSource::new::<WorkspaceOwner>(WorkspaceOwner::TYPE_NAME)
};

fn read(context: &Context<'_>, owner: &mut Object) -> Result<(), Diagnostic> {
    let environment = context.environment;
    if let Some(id) = environment.get("CODER_WORKSPACE_OWNER_ID") {
        set(owner, "id", id);
    }
    for (attribute, variable, fallback) in [
        ("name", "CODER_WORKSPACE_OWNER", "default"),
        ("full_name", "CODER_WORKSPACE_OWNER_NAME", "default"),
        (
            "email",
            "CODER_WORKSPACE_OWNER_EMAIL",
            "default@example.com",
        ),
        ("ssh_public_key", "CODER_WORKSPACE_OWNER_SSH_PUBLIC_KEY", ""),
        (
            "ssh_private_key",
            "CODER_WORKSPACE_OWNER_SSH_PRIVATE_KEY",
            "",
        ),
        ("session_token", "CODER_WORKSPACE_OWNER_SESSION_TOKEN", ""),
        (
            "oidc_access_token",
            "CODER_WORKSPACE_OWNER_OIDC_ACCESS_TOKEN",
            "",
        ),
    ] {
        set(
            owner,
            attribute,
            environment.get(variable).unwrap_or(fallback),
        );
    }
    if let Some(login_type) = environment.get("CODER_WORKSPACE_OWNER_LOGIN_TYPE") {
        set(owner, "login_type", login_type);
    }
    let groups: Vec<String> = list(environment, "CODER_WORKSPACE_OWNER_GROUPS")?;
    let groups = groups.into_iter().map(Value::from).collect();
    owner.insert("groups".to_owned(), Value::List(groups));
    let roles: Vec<RbacRole> = list(environment, "CODER_WORKSPACE_OWNER_RBAC_ROLES")?;
    let roles = roles.into_iter().map(role).collect();
    owner.insert("rbac_roles".to_owned(), Value::List(roles));
    Ok(())
}

fn role(role: RbacRole) -> Value {
    let fields = [("name", role.name), ("org_id", role.org_id)];
    Value::Map(
        fields
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.into()))
            .collect(),
    )
}

fn list<T: DeserializeOwned>(
    environment: &Environment,
    variable: &str,
) -> Result<Vec<T>, Diagnostic> {
    let Some(json) = environment.get(variable) else {
        return Ok(Vec::new());
    };
    let list: serde_json::Result<Option<_>> = serde_json::from_str(json);
    list.map(Option::unwrap_or_default).map_err(|error| {
        Diagnostic::error(
            format!("{variable} cannot be read"),
            format!("It is no list: {error}."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfprovider::kind::random_id;
    use crate::tfprovider::value::get;

    fn owner(variables: &[(&str, &str)]) -> Result<Object, Diagnostic> {
        let environment: Environment = variables.iter().copied().collect();
        let url = "http://example.com";
        let context = Context {
            environment: &environment,
            access_url: url,
            new_id: random_id,
        };
        let mut owner = Object::new();
        read(&context, &mut owner).map(|()| owner)
    }

    #[test]
    fn by_hand_everything_has_a_fallback() {
        let owner = owner(&[]).unwrap();
        assert_eq!(get(&owner, "email").as_str(), Some("default@example.com"));
        assert_eq!(get(&owner, "groups"), &Value::List(vec![]));
        assert_eq!(get(&owner, "login_type"), &Value::Null);
    }

    #[test]
    fn groups_and_roles_are_lists() {
        let owner = owner(&[
            ("CODER_WORKSPACE_OWNER_GROUPS", r#"["a","b"]"#),
            (
                "CODER_WORKSPACE_OWNER_RBAC_ROLES",
                r#"[{"name":"owner","org_id":""}]"#,
            ),
        ])
        .unwrap();
        assert_eq!(get(&owner, "groups").as_list().len(), 2);
        let role = get(&owner, "rbac_roles").as_list()[0].as_object().unwrap();
        assert_eq!(get(role, "name").as_str(), Some("owner"));
    }

    #[test]
    fn no_list_at_all_is_an_empty_one() {
        let owner = owner(&[
            ("CODER_WORKSPACE_OWNER_GROUPS", "null"),
            ("CODER_WORKSPACE_OWNER_RBAC_ROLES", "null"),
        ])
        .unwrap();
        assert_eq!(get(&owner, "groups"), &Value::List(vec![]));
        assert_eq!(get(&owner, "rbac_roles"), &Value::List(vec![]));
    }

    #[test]
    fn groups_that_are_no_list_are_refused() {
        let error = owner(&[("CODER_WORKSPACE_OWNER_GROUPS", "a,b")]).unwrap_err();
        assert!(error.summary.contains("CODER_WORKSPACE_OWNER_GROUPS"));
    }
}
