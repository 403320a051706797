use super::{MemoryTransaction, table::unique, text};
use crate::{
    id::{OrganizationId, TemplateId},
    store::{Page, StoreResult, TemplateStore},
    template::{Template, TemplateFilter},
};
use async_trait::async_trait;

impl MemoryTransaction {
    fn check_template(&self, template: &Template) -> StoreResult<()> {
        text::check([
            ("name", template.name.as_str()),
            ("display_name", &template.display_name),
            ("description", &template.description),
            ("icon", &template.icon),
            ("deprecation_message", &template.policy.deprecation_message),
        ])?;
        let taken = self.data.templates.any(|other| {
            other.id != template.id
                && other.organization_id == template.organization_id
                && !other.deleted
                && text::same(&other.name, &template.name)
        });
        let constraint = "templates_organization_id_name_key";
        unique(constraint, template.deleted || !taken)
    }
}

#[async_trait]
impl TemplateStore for MemoryTransaction {
    async fn insert(&mut self, template: &Template) -> StoreResult<()> {
        self.check_template(template)?;
        let templates = &mut self.data.templates;
        templates.insert("templates_pkey", template.id, template.clone())
    }

    async fn get(&mut self, id: TemplateId) -> StoreResult<Option<Template>> {
        Ok(self.data.templates.get(&id).cloned())
    }

    async fn get_many(&mut self, ids: &[TemplateId]) -> StoreResult<Vec<Template>> {
        Ok(self.data.templates.get_many(ids))
    }

    async fn by_name(
        &mut self,
        organization: OrganizationId,
        name: &str,
    ) -> StoreResult<Option<Template>> {
        let found = self.data.templates.find(|row| {
            row.organization_id == organization && !row.deleted && text::same(&row.name, name)
        });
        Ok(found.cloned())
    }

    async fn list(&mut self, filter: &TemplateFilter, page: Page) -> StoreResult<Vec<Template>> {
        let templates = self.data.templates.values();
        let mut found: Vec<&Template> = templates.filter(|row| matches(filter, row)).collect();
        found.sort_by_cached_key(|row| row.name.to_lowercase());
        Ok(page.apply(found.into_iter().cloned()))
    }

    async fn update(&mut self, template: &Template) -> StoreResult<()> {
        let Some(row) = self.data.templates.get(&template.id) else {
            return Ok(());
        };
        let new = Template {
            organization_id: row.organization_id,
            created_by: row.created_by,
            created_at: row.created_at,
            ..template.clone()
        };
        self.check_template(&new)?;
        self.data.templates.put(new.id, new);
        Ok(())
    }
}

fn matches(filter: &TemplateFilter, row: &Template) -> bool {
    let shown = if row.display_name.is_empty() {
        &row.name
    } else {
        &row.display_name
    };
    let deprecated = !row.policy.deprecation_message.is_empty();
    let organization = filter.organization_id;
    let exact = filter.exact_name.as_ref();
    row.deleted == filter.deleted
        && organization.is_none_or(|id| row.organization_id == id)
        && filter
            .name
            .as_ref()
            .is_none_or(|part| text::holds(&row.name, part))
        && exact.is_none_or(|name| text::same(&row.name, name))
        && filter
            .display_name
            .as_ref()
            .is_none_or(|part| text::holds(shown, part))
        && (filter.ids.is_empty() || filter.ids.contains(&row.id))
        && filter.deprecated.is_none_or(|wanted| wanted == deprecated)
        && filter
            .author_id
            .is_none_or(|author| row.created_by == author)
}
