//! Versions of templates, with the parameters and variables found at import.

use crate::{
    Timestamp,
    id::{OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId, UserId},
    secret::Secret,
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

/// A value that a user gives for a Terraform variable.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VariableValue {
    /// Name in Terraform.
    pub name: String,
    /// The value as text.
    pub value: Secret,
}
