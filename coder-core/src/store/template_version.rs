use super::{Page, StoreResult};
use crate::{
    id::{ProvisionerJobId, TemplateId, TemplateVersionId, TemplateVersionPresetId},
    parameter::RichParameter,
    template_version::{
        TemplateVersion, TemplateVersionPreset, TemplateVersionTerraformValues,
        TemplateVersionVariable,
    },
};
use async_trait::async_trait;

/// Template versions, their parameters and variables.
#[async_trait]
pub trait TemplateVersionStore: Send {
    /// Adds one. Conflict: `template_versions_template_id_name_key` (ignoring case; only with a template).
    async fn insert(&mut self, version: &TemplateVersion) -> StoreResult<()>;
    /// By id.
    async fn get(&mut self, id: TemplateVersionId) -> StoreResult<Option<TemplateVersion>>;
    /// Several by id, in no order.
    async fn get_many(&mut self, ids: &[TemplateVersionId]) -> StoreResult<Vec<TemplateVersion>>;
    /// The version that a job imports.
    async fn by_job(&mut self, job: ProvisionerJobId) -> StoreResult<Option<TemplateVersion>>;
    /// By name, ignoring case.
    async fn by_name(
        &mut self,
        template: TemplateId,
        name: &str,
    ) -> StoreResult<Option<TemplateVersion>>;
    /// A part of a template's versions, newest first.
    async fn list(
        &mut self,
        template: TemplateId,
        include_archived: bool,
        page: Page,
    ) -> StoreResult<Vec<TemplateVersion>>;
    /// Replaces everything but `id`, `organization_id`, `job_id`, `created_by` and `created_at`. Conflicts
    /// as [`insert`](Self::insert).
    async fn update(&mut self, version: &TemplateVersion) -> StoreResult<()>;
    /// Replaces all parameters.
    async fn set_parameters(
        &mut self,
        id: TemplateVersionId,
        parameters: &[RichParameter],
    ) -> StoreResult<()>;
    /// All parameters, by order, then by name.
    async fn parameters(&mut self, id: TemplateVersionId) -> StoreResult<Vec<RichParameter>>;
    /// Replaces all variables.
    async fn set_variables(
        &mut self,
        id: TemplateVersionId,
        variables: &[TemplateVersionVariable],
    ) -> StoreResult<()>;
    /// All variables in the order in which they were set.
    async fn variables(
        &mut self,
        id: TemplateVersionId,
    ) -> StoreResult<Vec<TemplateVersionVariable>>;
    /// Adds presets. Conflict: `template_version_presets_template_version_id_name_key`.
    async fn insert_presets(&mut self, presets: &[TemplateVersionPreset]) -> StoreResult<()>;
    /// All presets of a version in the order in which they were added.
    async fn presets(&mut self, id: TemplateVersionId) -> StoreResult<Vec<TemplateVersionPreset>>;
    /// A preset by id.
    async fn preset(
        &mut self,
        id: TemplateVersionPresetId,
    ) -> StoreResult<Option<TemplateVersionPreset>>;
    /// Replaces what a version asks of the deployment.
    async fn set_terraform_values(
        &mut self,
        id: TemplateVersionId,
        values: &TemplateVersionTerraformValues,
    ) -> StoreResult<()>;
    /// What a version asks of the deployment; nothing when that was never set.
    async fn terraform_values(
        &mut self,
        id: TemplateVersionId,
    ) -> StoreResult<TemplateVersionTerraformValues>;
}
