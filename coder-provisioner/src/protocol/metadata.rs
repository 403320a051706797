//! What a template may know about the build it runs in.

use std::collections::BTreeMap;

use coder_core::secret::Secret;
use coder_core::workspace_build::WorkspaceTransition;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A role of the workspace's owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RbacRole {
    /// Name of the role.
    pub name: String,
    /// The organization it holds in, empty for a site-wide role.
    pub org_id: String,
}

/// A token of an external login that the owner has linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalAuthToken {
    /// Id of the configured provider.
    pub id: String,
    /// The owner's access token there.
    pub access_token: Secret,
}

/// Facts about the deployment, the workspace, its owner and its template.
///
/// They reach Terraform as environment variables, and so the `coder_workspace` and
/// `coder_workspace_owner` data sources. An empty text means "unknown".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Access URL of the deployment, where agents connect to.
    pub coder_url: String,
    /// What the build does.
    pub workspace_transition: WorkspaceTransition,
    /// The workspace.
    pub workspace_id: Uuid,
    /// Name of the workspace.
    pub workspace_name: String,
    /// The build, absent in a template import.
    pub workspace_build_id: Option<Uuid>,
    /// The workspace's owner.
    pub workspace_owner_id: Uuid,
    /// Username of the owner.
    pub workspace_owner: String,
    /// Full name of the owner.
    pub workspace_owner_name: String,
    /// E-mail address of the owner.
    pub workspace_owner_email: String,
    /// Names of the owner's groups; an import has `["Everyone"]`.
    pub workspace_owner_groups: Vec<String>,
    /// Roles of the owner.
    pub workspace_owner_rbac_roles: Vec<RbacRole>,
    /// How the owner logs in, such as `password` or `oidc`.
    pub workspace_owner_login_type: String,
    /// API token made for this build; a new one for each start.
    pub workspace_owner_session_token: Secret,
    /// The owner's token at the identity provider.
    pub workspace_owner_oidc_access_token: Secret,
    /// The owner's Git SSH key, public half.
    pub workspace_owner_ssh_public_key: String,
    /// The owner's Git SSH key, private half.
    pub workspace_owner_ssh_private_key: Secret,
    /// The template.
    pub template_id: Uuid,
    /// Name of the template.
    pub template_name: String,
    /// Name of the template version.
    pub template_version: String,
    /// Agent bootstrap scripts by `<os>_<arch>`, such as `linux_amd64`. The markers
    /// `${ACCESS_URL}` and `${AUTH_TYPE}` are filled in by the Terraform provider.
    pub agent_scripts: BTreeMap<String, String>,
    /// True when the workspace belongs to the prebuilds user.
    pub is_prebuild: bool,
    /// True when a prebuilt workspace is handed to a person in this build.
    pub is_prebuild_claim: bool,
    /// Tokens to keep, by agent id, when a prebuilt workspace is claimed.
    pub running_agent_tokens: BTreeMap<String, Secret>,
    /// The task this workspace works on.
    pub task_id: Option<Uuid>,
    /// The task's text.
    pub task_prompt: String,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            coder_url: Default::default(),
            workspace_transition: WorkspaceTransition::Start,
            workspace_id: Default::default(),
            workspace_name: Default::default(),
            workspace_build_id: Default::default(),
            workspace_owner_id: Default::default(),
            workspace_owner: Default::default(),
            workspace_owner_name: Default::default(),
            workspace_owner_email: Default::default(),
            workspace_owner_groups: Default::default(),
            workspace_owner_rbac_roles: Default::default(),
            workspace_owner_login_type: Default::default(),
            workspace_owner_session_token: Default::default(),
            workspace_owner_oidc_access_token: Default::default(),
            workspace_owner_ssh_public_key: Default::default(),
            workspace_owner_ssh_private_key: Default::default(),
            template_id: Default::default(),
            template_name: Default::default(),
            template_version: Default::default(),
            agent_scripts: Default::default(),
            is_prebuild: Default::default(),
            is_prebuild_claim: Default::default(),
            running_agent_tokens: Default::default(),
            task_id: Default::default(),
            task_prompt: Default::default(),
        }
    }
}
