//! Finding templates.

use crate::{
    Error,
    id::{OrganizationId, TemplateId, UserId},
    organization::Organization,
    rbac::{Action, AsObject as _, Subject},
    search::Search,
    service::{Deps, organizations},
    store::{Page, Transaction},
    template::{Template, TemplateFilter},
    user::User,
};
use std::collections::BTreeMap;

/// A template with what clients show beside it.
#[derive(Clone, Debug)]
pub struct TemplateDetails {
    /// The template.
    pub template: Template,
    /// Where it belongs.
    pub organization: Organization,
    /// The username of who made it.
    pub created_by_name: String,
}

/// Finds a template that the caller may see, with an action the caller wants.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn find(
    deps: &Deps,
    tx: &mut dyn Transaction,
    subject: &Subject,
    action: Action,
    id: TemplateId,
) -> Result<Template, Error> {
    let found = tx.templates().get(id).await?;
    deps.permitted(subject, action, found.filter(|template| !template.deleted))
}

/// A template that the caller may see.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn get(deps: &Deps, subject: &Subject, id: TemplateId) -> Result<TemplateDetails, Error> {
    let mut tx = deps.begin().await?;
    let template = find(deps, &mut *tx, subject, Action::Read, id).await?;
    let details = with_details(&mut *tx, template).await?;
    tx.commit().await?;
    Ok(details)
}

/// A template by its name in an organization.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound).
pub async fn get_by_name(
    deps: &Deps,
    subject: &Subject,
    organization: &str,
    name: &str,
) -> Result<TemplateDetails, Error> {
    let mut tx = deps.begin().await?;
    let organization = organizations::find(deps, &mut *tx, subject, organization).await?;
    let found = tx.templates().by_name(organization.id, name).await?;
    let template = deps.permitted(subject, Action::Read, found)?;
    let details = with_details(&mut *tx, template).await?;
    tx.commit().await?;
    Ok(details)
}

/// Those that match and that the caller may see, by name; in one organization if one is named.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) for an unknown organization in the path.
pub async fn list(
    deps: &Deps,
    subject: &Subject,
    organization: Option<&str>,
    search: Search<TemplateFilter>,
) -> Result<Vec<TemplateDetails>, Error> {
    let mut tx = deps.begin().await?;
    let mut filter = search.filter;
    if let Some(name) = organization {
        let organization = organizations::find(deps, &mut *tx, subject, name).await?;
        // A query for another one matches nothing.
        if filter
            .organization_id
            .is_some_and(|asked| asked != organization.id)
        {
            return Ok(Vec::new());
        }
        filter.organization_id = Some(organization.id);
    }
    if let Some(name) = search.organization {
        match organizations::find(deps, &mut *tx, subject, &name).await {
            Ok(found) if filter.organization_id.is_none_or(|id| id == found.id) => {
                filter.organization_id = Some(found.id);
            }
            Ok(_) => return Ok(Vec::new()),
            Err(error) if error.kind() == crate::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    }
    if let Some(name) = search.author {
        match tx.users().by_username(&name).await? {
            Some(author) => filter.author_id = Some(author.id),
            None => return Ok(Vec::new()),
        }
    }
    let mut templates = tx.templates().list(&filter, Page::ALL).await?;
    templates.retain(|template| deps.allows(subject, Action::Read, &template.as_object()));
    let details = add_details(&mut *tx, templates).await?;
    tx.commit().await?;
    Ok(details)
}

pub(super) async fn with_details(
    tx: &mut dyn Transaction,
    template: Template,
) -> Result<TemplateDetails, Error> {
    let mut details = add_details(tx, vec![template]).await?;
    details
        .pop()
        .ok_or_else(|| Error::internal("a template has no organization"))
}

async fn add_details(
    tx: &mut dyn Transaction,
    templates: Vec<Template>,
) -> Result<Vec<TemplateDetails>, Error> {
    let mut ids: Vec<OrganizationId> = templates.iter().map(|t| t.organization_id).collect();
    ids.sort();
    ids.dedup();
    let organizations = tx.organizations().get_many(&ids).await?;
    let organizations: BTreeMap<OrganizationId, Organization> = organizations
        .into_iter()
        .map(|organization| (organization.id, organization))
        .collect();
    let mut authors: Vec<UserId> = templates.iter().map(|t| t.created_by).collect();
    authors.sort();
    authors.dedup();
    let authors = tx.users().get_many(&authors).await?;
    let authors: BTreeMap<UserId, User> = authors.into_iter().map(|user| (user.id, user)).collect();
    let details = templates.into_iter().filter_map(|template| {
        Some(TemplateDetails {
            organization: organizations.get(&template.organization_id)?.clone(),
            created_by_name: authors
                .get(&template.created_by)
                .map(|user| user.username.clone())
                .unwrap_or_default(),
            template,
        })
    });
    Ok(details.collect())
}
