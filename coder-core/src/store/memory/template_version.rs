use super::{MemoryTransaction, table::unique, text};
use crate::{
    id::{ProvisionerJobId, TemplateId, TemplateVersionId, TemplateVersionPresetId},
    parameter::RichParameter,
    store::{Page, StoreResult, TemplateVersionStore},
    template_version::{
        TemplateVersion, TemplateVersionPreset, TemplateVersionTerraformValues,
        TemplateVersionVariable,
    },
};
use async_trait::async_trait;
use std::cmp::Reverse;

impl MemoryTransaction {
    fn check_version(&self, version: &TemplateVersion) -> StoreResult<()> {
        text::check([
            ("name", version.name.as_str()),
            ("message", &version.message),
            ("readme", &version.readme),
        ])?;
        let taken = self.data.template_versions.any(|other| {
            other.id != version.id
                && other.template_id == version.template_id
                && text::same(&other.name, &version.name)
        });
        let constraint = "template_versions_template_id_name_key";
        unique(constraint, version.template_id.is_none() || !taken)
    }
}

#[async_trait]
impl TemplateVersionStore for MemoryTransaction {
    async fn insert(&mut self, version: &TemplateVersion) -> StoreResult<()> {
        self.check_version(version)?;
        let versions = &mut self.data.template_versions;
        versions.insert("template_versions_pkey", version.id, version.clone())
    }

    async fn get(&mut self, id: TemplateVersionId) -> StoreResult<Option<TemplateVersion>> {
        Ok(self.data.template_versions.get(&id).cloned())
    }

    async fn get_many(&mut self, ids: &[TemplateVersionId]) -> StoreResult<Vec<TemplateVersion>> {
        Ok(self.data.template_versions.get_many(ids))
    }

    async fn by_job(&mut self, job: ProvisionerJobId) -> StoreResult<Option<TemplateVersion>> {
        let versions = &self.data.template_versions;
        Ok(versions.find(|row| row.job_id == job).cloned())
    }

    async fn by_name(
        &mut self,
        template: TemplateId,
        name: &str,
    ) -> StoreResult<Option<TemplateVersion>> {
        let found = self
            .data
            .template_versions
            .find(|row| row.template_id == Some(template) && text::same(&row.name, name));
        Ok(found.cloned())
    }

    async fn list(
        &mut self,
        template: TemplateId,
        include_archived: bool,
        page: Page,
    ) -> StoreResult<Vec<TemplateVersion>> {
        let versions = self.data.template_versions.values();
        let mut found: Vec<&TemplateVersion> = versions
            .filter(|row| row.template_id == Some(template) && (include_archived || !row.archived))
            .collect();
        found.sort_by_key(|row| Reverse(row.created_at));
        Ok(page.apply(found.into_iter().cloned()))
    }

    async fn update(&mut self, version: &TemplateVersion) -> StoreResult<()> {
        self.check_version(version)?;
        if let Some(row) = self.data.template_versions.update(&version.id) {
            *row = TemplateVersion {
                id: row.id,
                organization_id: row.organization_id,
                job_id: row.job_id,
                created_by: row.created_by,
                created_at: row.created_at,
                ..version.clone()
            };
        }
        Ok(())
    }

    async fn set_parameters(
        &mut self,
        id: TemplateVersionId,
        parameters: &[RichParameter],
    ) -> StoreResult<()> {
        text::check(parameters.iter().flat_map(|parameter| {
            [
                ("name", parameter.name.as_str()),
                ("description", &parameter.description),
                ("default_value", &parameter.default_value),
            ]
        }))?;
        if self.data.template_versions.contains(&id) {
            let mut parameters = parameters.to_vec();
            parameters.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
            self.data.version_parameters.put(id, parameters);
        }
        Ok(())
    }

    async fn parameters(&mut self, id: TemplateVersionId) -> StoreResult<Vec<RichParameter>> {
        let parameters = self.data.version_parameters.get(&id);
        Ok(parameters.cloned().unwrap_or_default())
    }

    async fn set_variables(
        &mut self,
        id: TemplateVersionId,
        variables: &[TemplateVersionVariable],
    ) -> StoreResult<()> {
        text::check(variables.iter().flat_map(|variable| {
            [
                ("name", variable.name.as_str()),
                ("description", &variable.description),
                ("value", variable.value.expose()),
                ("default_value", &variable.default_value),
            ]
        }))?;
        if self.data.template_versions.contains(&id) {
            self.data.version_variables.put(id, variables.to_vec());
        }
        Ok(())
    }

    async fn variables(
        &mut self,
        id: TemplateVersionId,
    ) -> StoreResult<Vec<TemplateVersionVariable>> {
        let variables = self.data.version_variables.get(&id);
        Ok(variables.cloned().unwrap_or_default())
    }

    async fn insert_presets(&mut self, presets: &[TemplateVersionPreset]) -> StoreResult<()> {
        for preset in presets {
            text::check(
                [
                    ("name", preset.name.as_str()),
                    ("description", &preset.description),
                    ("icon", &preset.icon),
                ]
                .into_iter()
                .chain(preset.parameters.iter().flat_map(|parameter| {
                    let value = ("value", parameter.value.as_str());
                    [("name", parameter.name.as_str()), value]
                })),
            )?;
            let rows = &mut self.data.version_presets;
            let taken = rows.any(|(_, row)| {
                row.template_version_id == preset.template_version_id && row.name == preset.name
            });
            unique(
                "template_version_presets_template_version_id_name_key",
                !taken,
            )?;
            let position = rows.values().count();
            let row = (position, preset.clone());
            rows.insert("template_version_presets_pkey", preset.id, row)?;
        }
        Ok(())
    }

    async fn presets(&mut self, id: TemplateVersionId) -> StoreResult<Vec<TemplateVersionPreset>> {
        let rows = self.data.version_presets.values();
        let mut found: Vec<_> = rows
            .filter(|(_, row)| row.template_version_id == id)
            .collect();
        found.sort_by_key(|(position, _)| *position);
        Ok(found.into_iter().map(|(_, row)| row.clone()).collect())
    }

    async fn preset(
        &mut self,
        id: TemplateVersionPresetId,
    ) -> StoreResult<Option<TemplateVersionPreset>> {
        let row = self.data.version_presets.get(&id);
        Ok(row.map(|(_, preset)| preset.clone()))
    }

    async fn set_terraform_values(
        &mut self,
        id: TemplateVersionId,
        values: &TemplateVersionTerraformValues,
    ) -> StoreResult<()> {
        let written = &values.workspace_tags;
        let maps = [&written.tags, &written.locals, &written.parameters];
        let pairs = maps.into_iter().flatten();
        let tags = pairs
            .flat_map(|(key, value)| [key, value])
            .chain(&written.maps)
            .map(|text| ("workspace_tags", text.as_str()));
        let providers = values.external_auth_providers.iter();
        let providers = providers.map(|one| ("external_auth_providers", one.id.as_str()));
        text::check(tags.chain(providers))?;
        if self.data.template_versions.contains(&id) {
            self.data.version_terraform_values.put(id, values.clone());
        }
        Ok(())
    }

    async fn terraform_values(
        &mut self,
        id: TemplateVersionId,
    ) -> StoreResult<TemplateVersionTerraformValues> {
        let values = self.data.version_terraform_values.get(&id);
        Ok(values.cloned().unwrap_or_default())
    }
}
