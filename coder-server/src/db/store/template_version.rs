//! Template versions, their parameters and variables.

use async_trait::async_trait;
use coder_core::{
    id::{ProvisionerJobId, TemplateId, TemplateVersionId, TemplateVersionPresetId},
    parameter::RichParameter,
    secret::Secret,
    store::{Page, StoreResult, TemplateVersionStore},
    template_version::{
        TemplateVersion, TemplateVersionPreset, TemplateVersionTerraformValues,
        TemplateVersionVariable,
    },
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::NotSet, IntoActiveModel as _, QueryOrder as _,
    entity::prelude::*,
};

use crate::db::{
    convert::{FromRow, from_json, to_json, uuids},
    entity::{
        template_version, template_version_parameter, template_version_preset,
        template_version_terraform_value, template_version_variable,
    },
    query::Query,
    transaction::PgTransaction,
};

#[async_trait]
impl TemplateVersionStore for PgTransaction {
    async fn insert(&mut self, version: &TemplateVersion) -> StoreResult<()> {
        self.insert_row(row(version)).await
    }

    async fn get(&mut self, id: TemplateVersionId) -> StoreResult<Option<TemplateVersion>> {
        self.find_one(template_version::Entity::find_by_id(id.0))
            .await
    }

    async fn get_many(&mut self, ids: &[TemplateVersionId]) -> StoreResult<Vec<TemplateVersion>> {
        let select = template_version::Entity::find();
        self.find_all(select.filter(template_version::Column::Id.eq_any(uuids(ids))))
            .await
    }

    async fn by_job(&mut self, job: ProvisionerJobId) -> StoreResult<Option<TemplateVersion>> {
        let select = template_version::Entity::find();
        self.find_one(select.filter(template_version::Column::JobId.eq(job.0)))
            .await
    }

    async fn by_name(
        &mut self,
        template: TemplateId,
        name: &str,
    ) -> StoreResult<Option<TemplateVersion>> {
        let mut query = Query::new("SELECT * FROM template_versions WHERE template_id = ");
        query
            .bind(template.0)
            .push(" AND lower(name) = lower(")
            .bind(name)
            .push(")");
        self.query_one(&query).await
    }

    async fn list(
        &mut self,
        template: TemplateId,
        include_archived: bool,
        page: Page,
    ) -> StoreResult<Vec<TemplateVersion>> {
        let mut query = Query::new("SELECT * FROM template_versions WHERE template_id = ");
        query.bind(template.0);
        if !include_archived {
            query.push(" AND NOT archived");
        }
        query.push(" ORDER BY created_at DESC, id DESC").page(page);
        self.query_all(&query).await
    }

    async fn update(&mut self, version: &TemplateVersion) -> StoreResult<()> {
        let mut values = row(version).into_active_model().reset_all();
        values.id = NotSet;
        values.organization_id = NotSet;
        values.job_id = NotSet;
        values.created_by = NotSet;
        values.created_at = NotSet;
        self.update_rows(values, template_version::Column::Id.eq(version.id.0))
            .await
    }

    async fn set_parameters(
        &mut self,
        id: TemplateVersionId,
        parameters: &[RichParameter],
    ) -> StoreResult<()> {
        let mut delete =
            Query::new("DELETE FROM template_version_parameters WHERE template_version_id = ");
        self.execute(delete.bind(id.0)).await?;
        if !exists(self, id).await? {
            return Ok(());
        }
        let rows = parameters.iter().map(|parameter| {
            Ok(template_version_parameter::Model {
                template_version_id: id.0,
                name: parameter.name.clone(),
                display_order: parameter.order,
                definition: to_json(parameter)?,
            })
        });
        self.insert_rows(rows.collect::<StoreResult<Vec<_>>>()?)
            .await
    }

    async fn parameters(&mut self, id: TemplateVersionId) -> StoreResult<Vec<RichParameter>> {
        let mut query =
            Query::new("SELECT * FROM template_version_parameters WHERE template_version_id = ");
        query
            .bind(id.0)
            .push(" ORDER BY display_order, name COLLATE \"C\"");
        self.query_all(&query).await
    }

    async fn set_variables(
        &mut self,
        id: TemplateVersionId,
        variables: &[TemplateVersionVariable],
    ) -> StoreResult<()> {
        let mut delete =
            Query::new("DELETE FROM template_version_variables WHERE template_version_id = ");
        self.execute(delete.bind(id.0)).await?;
        if !exists(self, id).await? {
            return Ok(());
        }
        let rows =
            (0..)
                .zip(variables)
                .map(|(position, variable)| template_version_variable::Model {
                    template_version_id: id.0,
                    name: variable.name.clone(),
                    position,
                    description: variable.description.clone(),
                    kind: variable.kind.clone(),
                    value: variable.value.expose().to_owned(),
                    default_value: variable.default_value.clone(),
                    required: variable.required,
                    sensitive: variable.sensitive,
                });
        self.insert_rows(rows.collect()).await
    }

    async fn variables(
        &mut self,
        id: TemplateVersionId,
    ) -> StoreResult<Vec<TemplateVersionVariable>> {
        self.find_all(
            template_version_variable::Entity::find()
                .filter(template_version_variable::Column::TemplateVersionId.eq(id.0))
                .order_by_asc(template_version_variable::Column::Position),
        )
        .await
    }

    async fn insert_presets(&mut self, presets: &[TemplateVersionPreset]) -> StoreResult<()> {
        let rows = (0..).zip(presets).map(|(position, preset)| {
            Ok(template_version_preset::Model {
                id: preset.id.0,
                template_version_id: preset.template_version_id.0,
                position,
                name: preset.name.clone(),
                description: preset.description.clone(),
                icon: preset.icon.clone(),
                is_default: preset.default,
                prebuild_instances: preset.prebuild_instances,
                parameters: to_json(&preset.parameters)?,
            })
        });
        self.insert_rows(rows.collect::<StoreResult<Vec<_>>>()?)
            .await
    }

    async fn presets(&mut self, id: TemplateVersionId) -> StoreResult<Vec<TemplateVersionPreset>> {
        self.find_all(
            template_version_preset::Entity::find()
                .filter(template_version_preset::Column::TemplateVersionId.eq(id.0))
                .order_by_asc(template_version_preset::Column::Position),
        )
        .await
    }

    async fn preset(
        &mut self,
        id: TemplateVersionPresetId,
    ) -> StoreResult<Option<TemplateVersionPreset>> {
        self.find_one(template_version_preset::Entity::find_by_id(id.0))
            .await
    }

    async fn set_terraform_values(
        &mut self,
        id: TemplateVersionId,
        values: &TemplateVersionTerraformValues,
    ) -> StoreResult<()> {
        let mut delete = Query::new(
            "DELETE FROM template_version_terraform_values WHERE template_version_id = ",
        );
        self.execute(delete.bind(id.0)).await?;
        if !exists(self, id).await? {
            return Ok(());
        }
        self.insert_row(template_version_terraform_value::Model {
            template_version_id: id.0,
            external_auth_providers: to_json(&values.external_auth_providers)?,
            workspace_tags: to_json(&values.workspace_tags)?,
            module_files: values.module_files.map(Uuid::from),
        })
        .await
    }

    async fn terraform_values(
        &mut self,
        id: TemplateVersionId,
    ) -> StoreResult<TemplateVersionTerraformValues> {
        let found = self
            .find_one(template_version_terraform_value::Entity::find_by_id(id.0))
            .await?;
        Ok(found.unwrap_or_default())
    }
}

async fn exists(transaction: &PgTransaction, id: TemplateVersionId) -> StoreResult<bool> {
    let mut query = Query::new("SELECT EXISTS (SELECT FROM template_versions WHERE id = ");
    query.bind(id.0).push(")");
    Ok(transaction.query_value(&query).await?.unwrap_or(false))
}

fn row(version: &TemplateVersion) -> template_version::Model {
    template_version::Model {
        id: version.id.0,
        template_id: version.template_id.map(Uuid::from),
        organization_id: version.organization_id.0,
        name: version.name.clone(),
        message: version.message.clone(),
        readme: version.readme.clone(),
        job_id: version.job_id.0,
        created_by: version.created_by.0,
        created_at: version.created_at,
        updated_at: version.updated_at,
        archived: version.archived,
        has_external_agent: version.has_external_agent,
    }
}

impl FromRow for TemplateVersion {
    type Row = template_version::Model;

    fn from_row(row: template_version::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            template_id: row.template_id.map(TemplateId),
            organization_id: row.organization_id.into(),
            name: row.name,
            message: row.message,
            readme: row.readme,
            job_id: row.job_id.into(),
            created_by: row.created_by.into(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            archived: row.archived,
            has_external_agent: row.has_external_agent,
        })
    }
}

impl FromRow for RichParameter {
    type Row = template_version_parameter::Model;

    fn from_row(row: template_version_parameter::Model) -> StoreResult<Self> {
        from_json("template_version_parameters", row.definition)
    }
}

impl FromRow for TemplateVersionVariable {
    type Row = template_version_variable::Model;

    fn from_row(row: template_version_variable::Model) -> StoreResult<Self> {
        Ok(Self {
            name: row.name,
            description: row.description,
            kind: row.kind,
            value: Secret::new(row.value),
            default_value: row.default_value,
            required: row.required,
            sensitive: row.sensitive,
        })
    }
}

impl FromRow for TemplateVersionPreset {
    type Row = template_version_preset::Model;

    fn from_row(row: template_version_preset::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            template_version_id: row.template_version_id.into(),
            name: row.name,
            description: row.description,
            icon: row.icon,
            default: row.is_default,
            prebuild_instances: row.prebuild_instances,
            parameters: from_json("template_version_presets", row.parameters)?,
        })
    }
}

impl FromRow for TemplateVersionTerraformValues {
    type Row = template_version_terraform_value::Model;

    fn from_row(row: template_version_terraform_value::Model) -> StoreResult<Self> {
        let table = "template_version_terraform_values";
        Ok(Self {
            external_auth_providers: from_json(table, row.external_auth_providers)?,
            workspace_tags: from_json(table, row.workspace_tags)?,
            module_files: row.module_files.map(Into::into),
        })
    }
}
