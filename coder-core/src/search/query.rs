//! What each list understands.

use super::terms::{Terms, flag, id, time, word};
use crate::{
    Error, Timestamp,
    connection_log::ConnectionLogFilter,
    id::{OrganizationId, UserId},
    template::TemplateFilter,
    user::UserFilter,
    workspace::{AgentFilter, WorkspaceFilter},
};

/// A parsed query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search<F> {
    /// What the store can do by itself.
    pub filter: F,
    /// The name of an organization: the caller looks it up and sets `organization_id`. A name that nobody
    /// bears matches nothing.
    pub organization: Option<String>,
    /// The username of a template's author: the caller looks it up and sets `author_id`. A name that
    /// nobody bears matches nothing.
    pub author: Option<String>,
}

/// What a search for workspaces depends on beside its text.
#[derive(Clone, Copy, Debug)]
pub struct WorkspaceContext {
    /// Who `me` is.
    pub requester: UserId,
    /// The time.
    pub now: Timestamp,
    /// Silence after which an agent counts as disconnected, milliseconds.
    pub agent_inactive_after_ms: i64,
}

/// A search for users. Free words and `search:` look into username, e-mail and name; further keys:
/// `status`, `role` (both lists).
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming each wrong key, or `q`.
pub fn users(query: &str) -> Result<Search<UserFilter>, Error> {
    let mut terms = Terms::parse(query)?;
    let search = default_text(&mut terms, "search");
    let filter = UserFilter {
        search,
        status: terms.list("status", word),
        roles: terms.list("role", |role| Ok(role.to_lowercase())),
    };
    terms.finish()?;
    Ok(Search {
        filter,
        organization: None,
        author: None,
    })
}

/// A search for templates. Free words look into the display name; keys: `name`, `exact_name`,
/// `display_name`, `ids` (a list), `organization` (name or id), `author` (`me` or a username),
/// `author_id`, `deprecated`, `deleted`.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming each wrong key, or `q`.
pub fn templates(query: &str, requester: UserId) -> Result<Search<TemplateFilter>, Error> {
    let mut terms = Terms::parse(query)?;
    let (organization_id, organization) = organization(&mut terms);
    let author = terms.text("author");
    let me = author.as_deref().is_some_and(is_me);
    let filter = TemplateFilter {
        display_name: default_text(&mut terms, "display_name"),
        organization_id,
        name: terms.text("name"),
        exact_name: terms.text("exact_name"),
        ids: terms.list("ids", id),
        deprecated: terms.value("deprecated", flag),
        author_id: terms.value("author_id", id).or(me.then_some(requester)),
        deleted: terms.value("deleted", flag).unwrap_or_default(),
    };
    terms.finish()?;
    Ok(Search {
        filter,
        organization,
        author: author.filter(|name| !is_me(name)),
    })
}

/// A search for workspaces. A free word is a part of the name, or `owner/name`; keys: `name`, `id`,
/// `owner` (`me` or a username), `template`, `status`, `has-agent`, `dormant`, `outdated`,
/// `last_used_after`, `last_used_before`, `organization` (name or id).
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming each wrong key, or `q`.
pub fn workspaces(
    query: &str,
    context: &WorkspaceContext,
) -> Result<Search<WorkspaceFilter>, Error> {
    let mut terms = Terms::parse(query)?;
    let (mut owner, mut name) = (terms.text("owner"), terms.text("name"));
    let mut words = terms.words();
    if let Some(free) = words.pop() {
        let (free_owner, free_name) = match free.split_once('/') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, free.as_str()),
        };
        let again = !words.is_empty()
            || name.is_some()
            || (free_owner.is_some() && owner.is_some())
            || free_name.contains('/');
        if again {
            terms.refuse("q", "may hold one name, or one owner/name");
        }
        owner = owner.or_else(|| free_owner.map(str::to_owned));
        name = name.or_else(|| Some(free_name.to_owned()));
    }
    let me = owner.as_deref().is_some_and(is_me);
    let (organization_id, organization) = organization(&mut terms);
    let filter = WorkspaceFilter {
        ids: terms.list("id", id),
        owner_id: me.then_some(context.requester),
        owner_username: owner.filter(|owner| !me && !owner.is_empty()),
        name: name.filter(|name| !name.is_empty()),
        exact_name: None,
        template_name: terms.text("template"),
        template_ids: Vec::new(),
        organization_id,
        status: terms.value("status", word),
        has_agent: terms.value("has_agent", word).map(|status| AgentFilter {
            status,
            now: context.now,
            inactive_after_ms: context.agent_inactive_after_ms,
        }),
        dormant: terms.value("dormant", flag),
        outdated: terms.value("outdated", flag),
        last_used_after: terms.value("last_used_after", time),
        last_used_before: terms.value("last_used_before", time),
    };
    terms.finish()?;
    Ok(Search {
        filter,
        organization,
        author: None,
    })
}

/// A search for connections. Keys: `workspace` (a name), `workspace_id`, `workspace_owner` (`me` or a username),
/// `connection_id`, `type`, `status`, `connected_after`, `connected_before`, `organization` (name or id).
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming each wrong key, or `q`.
pub fn connection_logs(
    query: &str,
    requester: UserId,
) -> Result<Search<ConnectionLogFilter>, Error> {
    let mut terms = Terms::parse(query)?;
    let (organization_id, organization) = organization(&mut terms);
    if !terms.words().is_empty() {
        terms.refuse("q", "must be made of keys and values");
    }
    let owner = terms.text("workspace_owner");
    let me = owner.as_deref().is_some_and(is_me);
    let filter = ConnectionLogFilter {
        organization_id,
        workspace_owner_id: me.then_some(requester),
        workspace_owner: owner.filter(|owner| !is_me(owner)),
        workspace_id: terms.value("workspace_id", id),
        workspace_name: terms.text("workspace"),
        connection_id: terms.value("connection_id", id),
        kind: terms.value("type", word),
        status: terms.value("status", word),
        connected_after: terms.value("connected_after", time),
        connected_before: terms.value("connected_before", time),
    };
    terms.finish()?;
    Ok(Search {
        filter,
        organization,
        author: None,
    })
}

fn is_me(name: &str) -> bool {
    name.eq_ignore_ascii_case("me")
}

/// The value of `key`, or else the free words.
fn default_text(terms: &mut Terms, key: &str) -> Option<String> {
    let words = terms.words().join(" ");
    let text = terms.text(key);
    if words.is_empty() {
        return text;
    }
    if text.is_some() {
        terms.refuse(key, "may not be given together with free words");
    }
    Some(words)
}

/// An organization by id or by name.
fn organization(terms: &mut Terms) -> (Option<OrganizationId>, Option<String>) {
    let Some(text) = terms.text("organization") else {
        return (None, None);
    };
    match text.parse() {
        Ok(id) => (Some(id), None),
        Err(_) => (None, Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection_log::{ConnectionLogStatus, ConnectionType},
        user::UserStatus,
        workspace_agent::AgentStatus,
        workspace_build::WorkspaceStatus,
    };
    use proptest::prelude::*;

    const ME: UserId = UserId(uuid::Uuid::from_u128(7));

    fn context() -> WorkspaceContext {
        WorkspaceContext {
            requester: ME,
            now: Timestamp::UNIX_EPOCH,
            agent_inactive_after_ms: 60_000,
        }
    }

    fn find(query: &str) -> Search<WorkspaceFilter> {
        workspaces(query, &context()).expect(query)
    }

    fn refused(query: &str) -> Vec<String> {
        let error = workspaces(query, &context()).expect_err(query);
        let fields = error.fields().iter();
        fields.map(|error| error.field.clone()).collect()
    }

    #[test]
    fn an_empty_query_filters_nothing() {
        for query in ["", "   ", "\t\n"] {
            assert_eq!(find(query), Search::default());
            assert_eq!(users(query).expect("empty"), Search::default());
            assert_eq!(templates(query, ME).expect("empty"), Search::default());
        }
    }

    #[test]
    fn workspaces_by_free_word_and_by_key() {
        let both = WorkspaceFilter {
            owner_username: Some("ann".to_owned()),
            name: Some("dev".to_owned()),
            ..WorkspaceFilter::default()
        };
        assert_eq!(find("ann/dev").filter, both);
        assert_eq!(find("owner:ann dev").filter, both);
        assert_eq!(find("name:dev OWNER:ann").filter, both);
        assert_eq!(find("owner:me").filter.owner_id, Some(ME));
        assert_eq!(find("me/dev").filter.owner_id, Some(ME));
        assert_eq!(find("me/").filter.name, None);
        let filter = find("template:\"a b\" status:Running dormant:true outdated:false").filter;
        assert_eq!(filter.template_name.as_deref(), Some("a b"));
        assert_eq!(filter.status, Some(WorkspaceStatus::Running));
        assert_eq!((filter.dormant, filter.outdated), (Some(true), Some(false)));
    }

    #[test]
    fn agents_times_ids_and_organizations() {
        for key in ["has-agent", "has_agent"] {
            let agent = find(&format!("{key}:disconnected")).filter.has_agent;
            let agent = agent.expect("asked for");
            assert_eq!(agent.status, AgentStatus::Disconnected);
            assert_eq!(agent.inactive_after_ms, 60_000);
        }
        let quoted = find("last_used_after:\"2024-01-02T03:04:05Z\"").filter;
        let plain = find("last_used_after:2024-01-02t04:04:05+01:00").filter;
        assert_eq!(quoted, plain);
        let one = uuid::Uuid::from_u128(1);
        let found = find(&format!("id:{one},{one} organization:{one}"));
        assert_eq!(found.filter.ids.len(), 2);
        assert_eq!(found.filter.organization_id, Some(one.into()));
        assert_eq!(
            find("organization:Acme").organization.as_deref(),
            Some("Acme")
        );
    }

    #[test]
    fn wrong_terms_are_named() {
        assert_eq!(refused("colour:red"), ["colour"]);
        assert_eq!(
            refused("status:odd dormant:perhaps x:1"),
            ["status", "dormant", "x"]
        );
        assert_eq!(refused("status:running status:stopped"), ["status"]);
        assert_eq!(refused("last_used_before:today"), ["last_used_before"]);
        assert_eq!(refused("id:1"), ["id"]);
        for query in [
            "a b",
            "name:a b",
            "owner:a b/c",
            "a/b/c",
            "name:",
            ":a",
            ":",
            "\"a",
            "name:\"\"",
        ] {
            assert_eq!(refused(query), ["q"], "{query}");
        }
        assert_eq!(
            refused(&"x".repeat(super::super::MAX_QUERY_BYTES + 1)),
            ["q"]
        );
        let many = "id:1 ".repeat(super::super::MAX_TERMS + 1);
        assert_eq!(refused(&many), ["q"]);
    }

    #[test]
    fn users_by_words_states_and_roles() {
        let filter = users("ann smith status:active,suspended status:dormant role:Owner,auditor");
        let filter = filter.expect("valid").filter;
        assert_eq!(filter.search.as_deref(), Some("ann smith"));
        let states = [
            UserStatus::Active,
            UserStatus::Suspended,
            UserStatus::Dormant,
        ];
        assert_eq!(filter.status, states);
        assert_eq!(filter.roles, ["owner", "auditor"]);
        assert!(users("ann search:bob").is_err());
        assert!(users("status:asleep").is_err());
    }

    #[test]
    fn templates_by_words_and_author() {
        let found = templates("my template author:me deprecated:false", ME).expect("valid");
        assert_eq!(found.filter.display_name.as_deref(), Some("my template"));
        assert_eq!(found.filter.author_id, Some(ME));
        assert_eq!((found.author, found.filter.deprecated), (None, Some(false)));
        let found = templates("author:ann exact_name:docker deleted:true", ME).expect("valid");
        assert_eq!(found.author.as_deref(), Some("ann"));
        assert_eq!(found.filter.exact_name.as_deref(), Some("docker"));
        assert!(found.filter.deleted && found.filter.author_id.is_none());
    }

    #[test]
    fn connections_by_workspace_type_and_time() {
        let text = "workspace_owner:me workspace:dev type:vscode status:ongoing organization:acme \
                    connected_after:2024-01-02T03:04:05Z";
        let found = connection_logs(text, ME).expect("valid");
        assert_eq!(found.organization.as_deref(), Some("acme"));
        let filter = found.filter;
        assert_eq!(
            (filter.workspace_owner_id, filter.workspace_owner),
            (Some(ME), None)
        );
        assert_eq!(filter.workspace_name.as_deref(), Some("dev"));
        assert_eq!(filter.kind, Some(ConnectionType::Vscode));
        assert_eq!(filter.status, Some(ConnectionLogStatus::Ongoing));
        assert!(filter.connected_after.is_some() && filter.connected_before.is_none());
        for wrong in ["dev", "type:telnet", "connection_id:1", "colour:red"] {
            assert!(connection_logs(wrong, ME).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in ".{0,200}") {
            let _ = workspaces(&query, &context());
            let _ = (users(&query), templates(&query, ME), connection_logs(&query, ME));
        }

        #[test]
        fn a_quoted_name_is_kept(name in "[a-zA-Z0-9 :,/ä-]{1,40}") {
            let found = find(&format!("name:\"{name}\"")).filter.name;
            prop_assert_eq!(found, Some(name));
        }
    }
}
