//! Versions of templates, with the parameters and variables found at import.

use crate::{
    Timestamp,
    id::{
        FileId, OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId,
        TemplateVersionPresetId, UserId,
    },
    parameter::ParameterValue,
    secret::Secret,
    workspace_tags::WorkspaceTagExpressions,
};

/// A version of a template, made from one uploaded archive by one import job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateVersion {
    /// Identifier.
    pub id: TemplateVersionId,
    /// `None` until a template is made from it.
    pub template_id: Option<TemplateId>,
    /// Owner.
    pub organization_id: OrganizationId,
    /// Unique per template, ignoring case.
    pub name: String,
    /// Free text of whoever pushed it.
    pub message: String,
    /// `README.md` of the archive, empty when there is none.
    pub readme: String,
    /// The import job.
    pub job_id: ProvisionerJobId,
    /// Who pushed it.
    pub created_by: UserId,
    /// When it was pushed.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Archived versions cannot be used for new builds.
    pub archived: bool,
    /// Whether an agent of it runs outside of what Terraform creates.
    pub has_external_agent: bool,
}

/// A Terraform variable of a version.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TemplateVersionVariable {
    /// Name in Terraform.
    pub name: String,
    /// Free text.
    pub description: String,
    /// `string`, `number`, `bool` or another Terraform type as text.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value that builds use.
    pub value: Secret,
    /// The default written in the template.
    pub default_value: String,
    /// Whether a value must be given.
    pub required: bool,
    /// Whether the value is hidden from everyone.
    pub sensitive: bool,
}

/// A named set of parameter values: a `coder_workspace_preset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateVersionPreset {
    /// Identifier.
    pub id: TemplateVersionPresetId,
    /// Whose it is.
    pub template_version_id: TemplateVersionId,
    /// Unique per version.
    pub name: String,
    /// Free text.
    pub description: String,
    /// URL or path of an icon.
    pub icon: String,
    /// Chosen when the user chooses none; at most one of a version.
    pub default: bool,
    /// How many workspaces to keep ready, when that is asked for.
    pub prebuild_instances: Option<i32>,
    /// Values it sets, by name.
    pub parameters: Vec<ParameterValue>,
}

/// What a version asks of the deployment around its resources, found at import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateVersionTerraformValues {
    /// External logins by id.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
    /// `coder_workspace_tags` as written.
    pub workspace_tags: WorkspaceTagExpressions,
    /// The modules and the lock file that the import fetched, as a tar archive.
    pub module_files: Option<FileId>,
}

/// An external login that a template asks for: a `coder_external_auth`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ExternalAuthProvider {
    /// Id of the provider in the server's configuration.
    pub id: String,
    /// Whether a workspace can be built without it.
    pub optional: bool,
}

/// A value that a user gives for a Terraform variable.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VariableValue {
    /// Name in Terraform.
    pub name: String,
    /// The value as text.
    pub value: Secret,
}
