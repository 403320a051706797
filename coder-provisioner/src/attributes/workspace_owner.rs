//! `data.coder_workspace_owner`.

use super::schema::computed;
use super::{AttributeType, Type};

attributes! {
    /// The user that owns the workspace.
    WorkspaceOwner = "coder_workspace_owner" {
        /// The id of the user.
        id: String = computed();
        /// The username.
        name: String = computed();
        /// The name of the person.
        full_name: String = computed();
        /// The e-mail address.
        email: String = computed();
        /// The public half of the user's Git SSH key.
        ssh_public_key: String = computed();
        /// The private half of the user's Git SSH key.
        ssh_private_key: String = computed().sensitive();
        /// The groups of the user.
        groups: Vec<String> = computed();
        /// A session of the user, new at each start.
        session_token: String = computed().sensitive();
        /// The access token of the user's OpenID Connect login, while it is valid.
        oidc_access_token: String = computed().sensitive();
        /// How the user logs in.
        login_type: String = computed();
        /// The roles of the user.
        rbac_roles: Vec<RbacRole> = computed();
    }
}

/// A role, and the organization that it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct RbacRole {
    /// The name of the role.
    pub name: String,
    /// The id of the organization, empty for a role of the whole deployment.
    pub org_id: String,
}

impl AttributeType for RbacRole {
    const TYPE: Type = Type::Object(&[("name", Type::String), ("org_id", Type::String)]);
}
