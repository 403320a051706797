//! What each operation answers to someone of another organization, and whose objects they try.

use super::{
    grid_workspaces::{WORKSPACES, objects},
    harness::{Person, TestServer},
};
use coder_core::{
    id::{FileId, OrganizationId},
    organization::Organization,
    store::JobEnd,
};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Operations that need no credentials.
pub(crate) const PUBLIC: &[&str] = &[
    "GET /api/v2",
    "GET /api/v2/appearance",
    "GET /api/v2/auth/scopes",
    "GET /api/v2/buildinfo",
    "GET /api/v2/updatecheck",
    "GET /api/v2/users/authmethods",
    "GET /api/v2/users/first",
    "POST /api/v2/users/first",
    "POST /api/v2/users/login",
    "POST /api/v2/users/validate-password",
    "POST /api/v2/workspaceagents/aws-instance-identity",
    "POST /api/v2/workspaceagents/azure-instance-identity",
    "POST /api/v2/workspaceagents/google-instance-identity",
];

/// What an operation answers to a stranger, who sends this body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Row {
    /// 404, the same as for what does not exist.
    Hidden(&'static str),
    /// 403: no object is named, but the action is not permitted.
    Forbidden(&'static str),
    /// No object of somebody else can be named.
    NoObject,
}

use Row::{Forbidden, Hidden, NoObject};

/// One row per operation that is described in the OpenAPI document.
pub(crate) fn rows() -> BTreeMap<&'static str, Row> {
    let tables = [
        GENERAL,
        USERS,
        ORGANIZATIONS,
        TEMPLATES,
        VERSIONS,
        WORKSPACES,
    ];
    let mut rows = BTreeMap::new();
    for (name, row) in tables.into_iter().flatten() {
        let before = rows.insert(*name, *row);
        assert!(before.is_none(), "{name} has two rows");
    }
    rows
}

const GENERAL: &[(&str, Row)] = &[
    ("GET /api/v2", NoObject),
    ("GET /api/v2/appearance", NoObject),
    ("GET /api/v2/applications/host", NoObject),
    ("GET /api/v2/auth/scopes", NoObject),
    ("POST /api/v2/authcheck", NoObject),
    ("GET /api/v2/buildinfo", NoObject),
    ("GET /api/v2/connectionlog", Forbidden("")),
    ("GET /api/v2/debug/ws", NoObject),
    ("GET /api/v2/debug/metrics", Hidden("")),
    ("GET /api/v2/deployment/ssh", NoObject),
    ("GET /api/v2/entitlements", NoObject),
    ("GET /api/v2/experiments", NoObject),
    ("GET /api/v2/experiments/available", NoObject),
    ("POST /api/v2/files", NoObject),
    ("GET /api/v2/external-auth", NoObject),
    ("GET /api/v2/external-auth/{externalauth}", NoObject),
    ("GET /api/v2/files/{fileID}", Hidden("")),
    ("GET /api/v2/regions", NoObject),
    ("GET /api/v2/updatecheck", NoObject),
];

const USERS: &[(&str, Row)] = &[
    ("GET /api/v2/users", Forbidden("")),
    (
        "POST /api/v2/users",
        Forbidden(r#"{"email":"x@example.com","username":"x","password":"SomeSecurePassword!"}"#),
    ),
    ("GET /api/v2/users/authmethods", NoObject),
    ("GET /api/v2/users/first", NoObject),
    ("POST /api/v2/users/first", NoObject),
    ("POST /api/v2/users/login", NoObject),
    ("POST /api/v2/users/logout", NoObject),
    ("GET /api/v2/users/roles", NoObject),
    ("POST /api/v2/users/validate-password", NoObject),
    ("GET /api/v2/users/{user}", Hidden("")),
    ("DELETE /api/v2/users/{user}", Hidden("")),
    ("GET /api/v2/users/{user}/appearance", Hidden("")),
    ("PUT /api/v2/users/{user}/appearance", Hidden("")),
    ("GET /api/v2/users/{user}/gitsshkey", Hidden("")),
    ("PUT /api/v2/users/{user}/gitsshkey", Hidden("")),
    ("POST /api/v2/users/{user}/keys", Hidden("")),
    ("GET /api/v2/users/{user}/keys/tokens", Hidden("")),
    ("POST /api/v2/users/{user}/keys/tokens", Hidden("")),
    (
        "GET /api/v2/users/{user}/keys/tokens/tokenconfig",
        Hidden(""),
    ),
    ("GET /api/v2/users/{user}/keys/tokens/{keyname}", Hidden("")),
    ("GET /api/v2/users/{user}/keys/{keyid}", Hidden("")),
    ("DELETE /api/v2/users/{user}/keys/{keyid}", Hidden("")),
    ("PUT /api/v2/users/{user}/keys/{keyid}/expire", Hidden("")),
    ("GET /api/v2/users/{user}/login-type", Hidden("")),
    ("GET /api/v2/users/{user}/organizations", Hidden("")),
    (
        "GET /api/v2/users/{user}/organizations/{organizationname}",
        Hidden(""),
    ),
    (
        "PUT /api/v2/users/{user}/password",
        Hidden(r#"{"password":"AnotherSecurePassword!"}"#),
    ),
    (
        "PUT /api/v2/users/{user}/profile",
        Hidden(r#"{"username":"x"}"#),
    ),
    ("GET /api/v2/users/{user}/roles", Hidden("")),
    (
        "PUT /api/v2/users/{user}/roles",
        Hidden(r#"{"roles":["owner"]}"#),
    ),
    ("PUT /api/v2/users/{user}/status/activate", Hidden("")),
    ("PUT /api/v2/users/{user}/status/suspend", Hidden("")),
];

const ORGANIZATIONS: &[(&str, Row)] = &[
    ("GET /api/v2/organizations", NoObject),
    (
        "POST /api/v2/organizations",
        Forbidden(r#"{"name":"mine"}"#),
    ),
    ("GET /api/v2/organizations/{organization}", Hidden("")),
    (
        "GET /api/v2/organizations/{organization}/members",
        Hidden(""),
    ),
    (
        "GET /api/v2/organizations/{organization}/members/roles",
        Hidden(""),
    ),
    (
        "GET /api/v2/organizations/{organization}/members/{user}",
        Hidden(""),
    ),
    (
        "POST /api/v2/organizations/{organization}/members/{user}",
        Hidden(""),
    ),
    (
        "DELETE /api/v2/organizations/{organization}/members/{user}",
        Hidden(""),
    ),
    (
        "PUT /api/v2/organizations/{organization}/members/{user}/roles",
        Hidden(""),
    ),
    (
        "GET /api/v2/organizations/{organization}/paginated-members",
        Hidden(""),
    ),
];

const TEMPLATES: &[(&str, Row)] = &[
    (
        "GET /api/v2/organizations/{organization}/templates",
        Hidden(""),
    ),
    (
        "POST /api/v2/organizations/{organization}/templates",
        Hidden(r#"{"name":"x"}"#),
    ),
    (
        "GET /api/v2/organizations/{organization}/templates/{templatename}",
        Hidden(""),
    ),
    ("GET /api/v2/templates", NoObject),
    ("GET /api/v2/templates/examples", NoObject),
    ("GET /api/v2/templates/{template}", Hidden("")),
    ("PATCH /api/v2/templates/{template}", Hidden("")),
    ("DELETE /api/v2/templates/{template}", Hidden("")),
];

const VERSIONS: &[(&str, Row)] = &[
    (
        "POST /api/v2/organizations/{organization}/templateversions",
        Hidden(
            r#"{"storage_method":"file","provisioner":"echo","file_id":"00000000-0000-0000-0000-000000000001"}"#,
        ),
    ),
    (
        "GET /api/v2/organizations/{organization}/templates/{templatename}/versions/{templateversionname}",
        Hidden(""),
    ),
    (
        "GET /api/v2/organizations/{organization}/templates/{templatename}/versions/{templateversionname}/previous",
        Hidden(""),
    ),
    ("GET /api/v2/templates/{template}/versions", Hidden("")),
    ("PATCH /api/v2/templates/{template}/versions", Hidden("")),
    (
        "POST /api/v2/templates/{template}/versions/archive",
        Hidden(""),
    ),
    (
        "GET /api/v2/templates/{template}/versions/{templateversionname}",
        Hidden(""),
    ),
    ("GET /api/v2/templateversions/{templateversion}", Hidden("")),
    (
        "PATCH /api/v2/templateversions/{templateversion}",
        Hidden(""),
    ),
    (
        "POST /api/v2/templateversions/{templateversion}/archive",
        Hidden(""),
    ),
    (
        "PATCH /api/v2/templateversions/{templateversion}/cancel",
        Hidden(""),
    ),
    (
        "POST /api/v2/templateversions/{templateversion}/dry-run",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/dry-run/{jobID}",
        Hidden(""),
    ),
    (
        "PATCH /api/v2/templateversions/{templateversion}/dry-run/{jobID}/cancel",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/dry-run/{jobID}/logs",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/dry-run/{jobID}/matched-provisioners",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/dry-run/{jobID}/resources",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/external-auth",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/logs",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/parameters",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/presets",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/resources",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/rich-parameters",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/schema",
        Hidden(""),
    ),
    (
        "POST /api/v2/templateversions/{templateversion}/unarchive",
        Hidden(""),
    ),
    (
        "GET /api/v2/templateversions/{templateversion}/variables",
        Hidden(""),
    ),
];

/// A deployment with two tenants.
pub(crate) struct World {
    pub(crate) server: TestServer,
    /// A member of the other organization, without roles.
    pub(crate) stranger: Person,
    /// The form of an agent's token that no agent has.
    pub(crate) agent_like: String,
    /// What stands for a parameter of a path: an object of the first tenant, and one that is not there.
    values: BTreeMap<&'static str, (String, String)>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let server = TestServer::new().await;
        let organization = server.organization;
        let owner = server.person("owner", &["owner"]).await;
        let victim = server
            .person_in("victim", &[], &[(organization, &["organization-admin"])])
            .await;
        let elsewhere = other_organization(&server).await;
        let stranger = server.person_in("stranger", &[], &[(elsewhere, &[])]).await;
        let token = json!({ "token_name": "mine", "lifetime": 3_600_000_000_000_i64 });
        server
            .post("/api/v2/users/me/keys/tokens", &victim, token)
            .await
            .expect(201);
        let tokens = server
            .get("/api/v2/users/me/keys/tokens", &victim)
            .await
            .expect(200);
        let key = tokens[0]["id"].as_str().unwrap().to_owned();
        let file = server.upload(&victim, "# template").await;
        let absent = Uuid::from_u128(0xAB5E_0000).to_string();
        let mut values = BTreeMap::new();
        let mut set = |name, theirs: String, absent: &str| {
            values.insert(name, (theirs, absent.to_owned()));
        };
        set("user", victim.id.to_string(), &absent);
        set("organization", organization.to_string(), &absent);
        set("organizationname", "coder".to_owned(), "absent");
        set("externalauth", "github".to_owned(), "absent");
        set("keyid", key, "AAAAAAAAAA");
        set("keyname", "mine".to_owned(), "absent");
        set("fileID", file.clone(), &absent);
        let (version, template) = template(&server, &victim, file.parse().unwrap()).await;
        let path = format!("/api/v2/templateversions/{version}/dry-run");
        let dry_run = server.post(&path, &victim, json!({})).await.expect(201);
        let dry_run = dry_run["id"].as_str().unwrap().to_owned();
        // Nothing of it shall wait in the queue.
        let cancel = format!("{path}/{dry_run}/cancel");
        server.patch(&cancel, &victim, json!({})).await.expect(200);
        set("jobID", dry_run, &absent);
        set("templateversion", version, &absent);
        set("templateversionname", "first".to_owned(), "absent");
        let template_id = template.parse().unwrap();
        set("template", template, &absent);
        set("templatename", "docker".to_owned(), "absent");
        for (name, theirs, absent) in objects(&server, &victim, template_id).await {
            values.insert(name, (theirs, absent.to_owned()));
        }
        drop(owner);
        Self {
            server,
            stranger,
            agent_like: absent,
            values,
        }
    }

    /// A path with the first tenant's objects, or with ones that are not there.
    pub(crate) fn fill(&self, path: &str, theirs: bool) -> String {
        let parts = path.split('/').map(|part| {
            let Some(name) = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            else {
                return part.to_owned();
            };
            let value = self.values.get(name);
            let (present, absent) =
                value.unwrap_or_else(|| panic!("World has no value for {{{name}}}"));
            if theirs {
                present.clone()
            } else {
                absent.clone()
            }
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

async fn other_organization(server: &TestServer) -> OrganizationId {
    let deps = &server.state.deps;
    let organization = Organization {
        id: OrganizationId::generate(&*deps.entropy),
        name: "elsewhere".to_owned(),
        display_name: String::new(),
        description: String::new(),
        icon: String::new(),
        is_default: false,
        created_at: deps.now(),
        updated_at: deps.now(),
    };
    let mut tx = server.begin().await.unwrap();
    tx.organizations().insert(&organization).await.unwrap();
    tx.commit().await.unwrap();
    organization.id
}

/// A template of one imported version. Answers the ids of version and template.
pub(crate) async fn template(
    server: &TestServer,
    person: &Person,
    file: FileId,
) -> (String, String) {
    use coder_core::{
        provisioner_job::ProvisionerType,
        service::{sessions, template_versions, templates},
    };
    let deps = &server.state.deps;
    let session = sessions::authenticate(deps, &person.token, false)
        .await
        .unwrap();
    let organization = server.organization.to_string();
    let new = template_versions::NewVersion {
        name: "first".to_owned(),
        message: String::new(),
        template_id: None,
        file_id: file,
        provisioner: ProvisionerType::Echo,
        tags: BTreeMap::new(),
        user_variable_values: Vec::new(),
    };
    let subject = &session.subject;
    let version = template_versions::create(deps, subject, &organization, new)
        .await
        .unwrap();
    let mut tx = server.begin().await.unwrap();
    let (job, end) = (version.version.job_id, JobEnd::default());
    tx.provisioner_jobs()
        .finish(job, None, &end, deps.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let new = templates::NewTemplate {
        name: "docker".to_owned(),
        display_name: String::new(),
        description: String::new(),
        icon: String::new(),
        version_id: version.version.id,
        policy: templates::PolicyChange::default(),
    };
    let template = templates::create(deps, subject, &organization, new)
        .await
        .unwrap();
    (
        version.version.id.to_string(),
        template.template.id.to_string(),
    )
}
