//! Templates.

use async_trait::async_trait;
use coder_core::{
    id::{OrganizationId, TemplateId},
    store::{Page, StoreResult, TemplateStore},
    template::{Template, TemplateFilter},
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::NotSet, IntoActiveModel as _, entity::prelude::*,
};

use crate::db::{
    convert::{FromRow, from_json, to_json, uuids, word},
    entity::template,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "templates";

#[async_trait]
impl TemplateStore for PgTransaction {
    async fn insert(&mut self, template: &Template) -> StoreResult<()> {
        self.insert_row(row(template)?).await
    }

    async fn get(&mut self, id: TemplateId) -> StoreResult<Option<Template>> {
        self.find_one(template::Entity::find_by_id(id.0)).await
    }

    async fn get_many(&mut self, ids: &[TemplateId]) -> StoreResult<Vec<Template>> {
        self.find_all(template::Entity::find().filter(template::Column::Id.eq_any(uuids(ids))))
            .await
    }

    async fn by_name(
        &mut self,
        organization: OrganizationId,
        name: &str,
    ) -> StoreResult<Option<Template>> {
        let mut query =
            Query::new("SELECT * FROM templates WHERE NOT deleted AND organization_id = ");
        query
            .bind(organization.0)
            .push(" AND lower(name) = lower(")
            .bind(name)
            .push(")");
        self.query_one(&query).await
    }

    async fn list(&mut self, filter: &TemplateFilter, page: Page) -> StoreResult<Vec<Template>> {
        let mut query = Query::new("SELECT * FROM templates WHERE deleted = ");
        query.bind(filter.deleted);
        narrow(&mut query, filter);
        query
            .push(" ORDER BY lower(name) COLLATE \"C\", id")
            .page(page);
        self.query_all(&query).await
    }

    async fn update(&mut self, template: &Template) -> StoreResult<()> {
        let mut values = row(template)?.into_active_model().reset_all();
        values.id = NotSet;
        values.organization_id = NotSet;
        values.created_by = NotSet;
        values.created_at = NotSet;
        self.update_rows(values, template::Column::Id.eq(template.id.0))
            .await
    }
}

fn narrow(query: &mut Query, filter: &TemplateFilter) {
    if let Some(organization) = filter.organization_id {
        query.push(" AND organization_id = ").bind(organization.0);
    }
    if let Some(name) = &filter.name {
        query
            .push(" AND strpos(lower(name), lower(")
            .bind(name)
            .push(")) > 0");
    }
    if let Some(name) = &filter.exact_name {
        query.push(" AND lower(name) = lower(").bind(name).push(")");
    }
    if let Some(name) = &filter.display_name {
        query.push(
            " AND strpos(lower(CASE display_name WHEN '' THEN name ELSE display_name END), lower(",
        );
        query.bind(name).push(")) > 0");
    }
    if !filter.ids.is_empty() {
        query
            .push(" AND id = ANY(")
            .bind(uuids(&filter.ids))
            .push(")");
    }
    if let Some(deprecated) = filter.deprecated {
        query
            .push(" AND (policy->>'deprecation_message' <> '') = ")
            .bind(deprecated);
    }
    if let Some(author) = filter.author_id {
        query.push(" AND created_by = ").bind(author.0);
    }
}

fn row(template: &Template) -> StoreResult<template::Model> {
    Ok(template::Model {
        id: template.id.0,
        organization_id: template.organization_id.0,
        name: template.name.clone(),
        display_name: template.display_name.clone(),
        description: template.description.clone(),
        icon: template.icon.clone(),
        provisioner: template.provisioner.to_string(),
        active_version_id: template.active_version_id.0,
        created_by: template.created_by.0,
        created_at: template.created_at,
        updated_at: template.updated_at,
        deleted: template.deleted,
        policy: to_json(&template.policy)?,
    })
}

impl FromRow for Template {
    type Row = template::Model;

    fn from_row(row: template::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            organization_id: row.organization_id.into(),
            name: row.name,
            display_name: row.display_name,
            description: row.description,
            icon: row.icon,
            provisioner: word(TABLE, &row.provisioner)?,
            active_version_id: row.active_version_id.into(),
            created_by: row.created_by.into(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted: row.deleted,
            policy: from_json(TABLE, row.policy)?,
        })
    }
}
