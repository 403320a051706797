//! What Terraform, its providers and the template's own commands see of this process and of the
//! build.
//!
//! Nothing of this process's environment is passed on but a short list of what programs need to
//! run at all. Credentials of the server (its database, its keys, a cloud role) stay out of reach
//! of template authors.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;

use coder_core::parameter::ParameterValue;
use coder_core::secret::Secret;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::protocol::{Metadata, PlanRequest, ProvisionerLogLevel, terraform_transition};
use crate::{Error, ErrorKind, Result};

pub(super) type Environment = BTreeMap<OsString, OsString>;

/// Variables of this process that are passed on.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "LANG",
    "LANGUAGE",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
const PASSED_PREFIX: &str = "LC_";
/// Prefixes that stay out even when they are asked for, and why.
const REFUSED_PREFIXES: [(&str, &str); 3] = [
    (
        "CODER_",
        "holds the server's own settings, or would look like a fact about a build",
    ),
    ("TF_", "would change how Terraform is run"),
    ("PG", "is how PostgreSQL's clients find the database"),
];
/// A common name for the URL of a database.
const DATABASE_URL: &str = "DATABASE_URL";

/// Why the variable `name` can never be passed on to templates; `None` when it can.
#[must_use]
pub fn environment_refusal(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Some("is no name of a variable");
    }
    if name == DATABASE_URL {
        return Some("is how programs find their database");
    }
    let refused = REFUSED_PREFIXES
        .iter()
        .find(|(prefix, _)| name.starts_with(prefix));
    refused.map(|(_, reason)| *reason)
}

/// The environment of every command: what is passed on, and our settings for Terraform.
pub(super) fn basic(
    own: impl IntoIterator<Item = (OsString, OsString)>,
    more: &[String],
    cli_config: &Path,
    plugin_cache: &Path,
) -> Environment {
    let allowed = |name: &OsStr| {
        name.to_str().is_some_and(|name| {
            let asked = PASSED.contains(&name)
                || name.starts_with(PASSED_PREFIX)
                || more.iter().any(|more| more == name);
            asked && environment_refusal(name).is_none()
        })
    };
    let mut environment: Environment = own.into_iter().filter(|(name, _)| allowed(name)).collect();
    let mut set = |name: &str, value: &OsStr| {
        environment.insert(name.into(), value.to_owned());
    };
    set("TF_CLI_CONFIG_FILE", cli_config.as_os_str());
    set("TF_PLUGIN_CACHE_DIR", plugin_cache.as_os_str());
    set("TF_IN_AUTOMATION", "1".as_ref());
    set("CHECKPOINT_DISABLE", "1".as_ref());
    // The plugin's socket is in a private directory; TLS on it costs 100 ms in each plan.
    set("TF_DISABLE_PLUGIN_TLS", "1".as_ref());
    environment
}

/// The environment of a plan: the build's facts, its parameters and its external logins.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] when a value or an id cannot be in an environment.
pub(super) fn for_plan(
    basic: &Environment,
    request: &PlanRequest,
    log_level: Option<ProvisionerLogLevel>,
) -> Result<Environment> {
    let mut build = BuildEnvironment(basic.clone());
    build.facts(&request.metadata, log_level)?;
    build.parameters("CODER_PARAMETER_", &request.rich_parameter_values)?;
    build.parameters(
        "CODER_PARAMETER_PREVIOUS_",
        &request.previous_parameter_values,
    )?;
    for token in &request.external_auth_tokens {
        if token.id.contains(['=', '\0']) {
            return Err(refused(&token.id));
        }
        for prefix in [
            "CODER_EXTERNAL_AUTH_ACCESS_TOKEN_",
            "CODER_GIT_AUTH_ACCESS_TOKEN_",
        ] {
            build.set(
                &format!("{prefix}{}", token.id),
                token.access_token.expose(),
            )?;
        }
    }
    Ok(build.0)
}

/// The environment of an apply: the build's facts. Parameters and tokens are in the plan.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] when a value cannot be in an environment.
pub(super) fn for_apply(
    basic: &Environment,
    metadata: &Metadata,
    log_level: Option<ProvisionerLogLevel>,
) -> Result<Environment> {
    let mut build = BuildEnvironment(basic.clone());
    build.facts(metadata, log_level)?;
    Ok(build.0)
}

struct BuildEnvironment(Environment);

impl BuildEnvironment {
    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        if value.contains('\0') {
            return Err(refused(name));
        }
        self.0.insert(name.into(), value.into());
        Ok(())
    }

    fn parameters(&mut self, prefix: &str, values: &[ParameterValue]) -> Result<()> {
        for parameter in values {
            self.set(
                &format!("{prefix}{}", sha256_hex(&parameter.name)),
                &parameter.value,
            )?;
        }
        Ok(())
    }

    fn facts(&mut self, metadata: &Metadata, log_level: Option<ProvisionerLogLevel>) -> Result<()> {
        // An unknown fact is left out, so that the provider falls back to its own default.
        let facts = workspace_facts(metadata)
            .into_iter()
            .chain(owner_facts(metadata)?);
        for (name, value) in facts.filter(|(_, value)| !value.is_empty()) {
            self.set(&format!("CODER_{name}"), &value)?;
        }
        for (target, script) in &metadata.agent_scripts {
            if target.contains(['=', '\0']) {
                return Err(refused(target));
            }
            self.set(&format!("CODER_AGENT_SCRIPT_{target}"), script)?;
        }
        for (agent_id, token) in &metadata.running_agent_tokens {
            let name = format!(
                "CODER_RUNNING_WORKSPACE_AGENT_TOKEN_{}",
                sha256_hex(agent_id)
            );
            self.set(&name, token.expose())?;
        }
        if log_level == Some(ProvisionerLogLevel::Debug) {
            self.set("TF_LOG", "JSON")?;
        }
        Ok(())
    }
}

/// Names, without `CODER_`, and values; an empty value stands for "unknown".
type Facts = Vec<(&'static str, String)>;

fn workspace_facts(metadata: &Metadata) -> Facts {
    let flag = |on: bool| if on { "true".to_owned() } else { String::new() };
    let transition = terraform_transition(metadata.workspace_transition);
    vec![
        ("AGENT_URL", metadata.coder_url.clone()),
        ("WORKSPACE_TRANSITION", transition.to_owned()),
        ("WORKSPACE_ID", id(Some(metadata.workspace_id))),
        ("WORKSPACE_NAME", metadata.workspace_name.clone()),
        ("WORKSPACE_BUILD_ID", id(metadata.workspace_build_id)),
        ("WORKSPACE_TEMPLATE_ID", id(Some(metadata.template_id))),
        ("WORKSPACE_TEMPLATE_NAME", metadata.template_name.clone()),
        (
            "WORKSPACE_TEMPLATE_VERSION",
            metadata.template_version.clone(),
        ),
        ("WORKSPACE_IS_PREBUILD", flag(metadata.is_prebuild)),
        (
            "WORKSPACE_IS_PREBUILD_CLAIM",
            flag(metadata.is_prebuild_claim),
        ),
        ("TASK_ID", id(metadata.task_id)),
        ("TASK_PROMPT", metadata.task_prompt.clone()),
    ]
}

fn owner_facts(metadata: &Metadata) -> Result<Facts> {
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| Error::internal("encode the owner's groups and roles", error))
    };
    let groups = json(serde_json::to_string(&metadata.workspace_owner_groups))?;
    let roles = json(serde_json::to_string(&metadata.workspace_owner_rbac_roles))?;
    let secret = |secret: &Secret| secret.expose().to_owned();
    // The provider calls whoever has no name "default", which would sign their commits.
    let name = match metadata.workspace_owner_name.as_str() {
        "" => metadata.workspace_owner.clone(),
        name => name.to_owned(),
    };
    Ok(vec![
        ("WORKSPACE_OWNER_ID", id(Some(metadata.workspace_owner_id))),
        ("WORKSPACE_OWNER", metadata.workspace_owner.clone()),
        ("WORKSPACE_OWNER_NAME", name),
        (
            "WORKSPACE_OWNER_EMAIL",
            metadata.workspace_owner_email.clone(),
        ),
        (
            "WORKSPACE_OWNER_LOGIN_TYPE",
            metadata.workspace_owner_login_type.clone(),
        ),
        ("WORKSPACE_OWNER_GROUPS", groups),
        ("WORKSPACE_OWNER_RBAC_ROLES", roles),
        (
            "WORKSPACE_OWNER_SESSION_TOKEN",
            secret(&metadata.workspace_owner_session_token),
        ),
        (
            "WORKSPACE_OWNER_OIDC_ACCESS_TOKEN",
            secret(&metadata.workspace_owner_oidc_access_token),
        ),
        (
            "WORKSPACE_OWNER_SSH_PUBLIC_KEY",
            metadata.workspace_owner_ssh_public_key.clone(),
        ),
        (
            "WORKSPACE_OWNER_SSH_PRIVATE_KEY",
            secret(&metadata.workspace_owner_ssh_private_key),
        ),
    ])
}

fn id(id: Option<Uuid>) -> String {
    id.filter(|id| !id.is_nil())
        .map(|id| id.to_string())
        .unwrap_or_default()
}

fn refused(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("{name:?} cannot be passed to Terraform"),
    )
}

fn sha256_hex(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ExternalAuthToken;
    use coder_core::workspace_build::WorkspaceTransition;

    fn own(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    // Covers T53.
    #[test]
    fn only_listed_variables_are_passed_on() {
        let own = own(&[
            ("PATH", "/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("KUBECONFIG", "y"),
            ("CODER_PG_CONNECTION_URL", "z"),
            ("CODER_ASKED", "z"),
            ("TF_CLI_ARGS", "-lock=false"),
            ("TF_CLI_CONFIG_FILE", "/root/.terraformrc"),
            ("PGPASSWORD", "z"),
            ("DATABASE_URL", "z"),
        ]);
        let more = [
            "KUBECONFIG".to_owned(),
            "CODER_ASKED".to_owned(),
            "TF_CLI_ARGS".to_owned(),
            "PGPASSWORD".to_owned(),
            "DATABASE_URL".to_owned(),
        ];
        let environment = basic(own, &more, Path::new("/ours"), Path::new("/cache"));
        let names: Vec<_> = environment
            .keys()
            .filter_map(|name| name.to_str())
            .collect();
        assert_eq!(
            names,
            [
                "CHECKPOINT_DISABLE",
                "KUBECONFIG",
                "LC_ALL",
                "PATH",
                "TF_CLI_CONFIG_FILE",
                "TF_DISABLE_PLUGIN_TLS",
                "TF_IN_AUTOMATION",
                "TF_PLUGIN_CACHE_DIR",
            ]
        );
        assert_eq!(environment[OsStr::new("TF_CLI_CONFIG_FILE")], "/ours");
    }

    fn request() -> PlanRequest {
        let value = |name: &str| ParameterValue {
            name: name.into(),
            value: "8".into(),
        };
        PlanRequest {
            metadata: Metadata {
                coder_url: "https://example.com".into(),
                workspace_transition: WorkspaceTransition::Delete,
                workspace_owner_groups: vec!["Everyone".into()],
                agent_scripts: BTreeMap::from([("linux_amd64".into(), "#!/bin/sh".into())]),
                ..Metadata::default()
            },
            rich_parameter_values: vec![value("cpu")],
            previous_parameter_values: vec![value("cpu")],
            external_auth_tokens: vec![ExternalAuthToken {
                id: "github".into(),
                access_token: Secret::new("token"),
            }],
            ..PlanRequest::default()
        }
    }

    #[test]
    fn a_plan_sees_facts_parameters_and_tokens_and_an_apply_only_facts() {
        let request = request();
        let plan = for_plan(&Environment::new(), &request, None).unwrap();
        let get = |environment: &Environment, name: &str| {
            environment
                .get(OsStr::new(name))
                .and_then(|value| value.to_str().map(str::to_owned))
        };
        let parameter = format!("CODER_PARAMETER_{}", sha256_hex("cpu"));
        let previous = format!("CODER_PARAMETER_PREVIOUS_{}", sha256_hex("cpu"));
        let token = "CODER_EXTERNAL_AUTH_ACCESS_TOKEN_github";
        assert_eq!(
            get(&plan, "CODER_WORKSPACE_TRANSITION").as_deref(),
            Some("destroy")
        );
        assert_eq!(
            get(&plan, "CODER_AGENT_SCRIPT_linux_amd64").as_deref(),
            Some("#!/bin/sh")
        );
        assert_eq!(
            get(&plan, "CODER_WORKSPACE_OWNER_GROUPS").as_deref(),
            Some(r#"["Everyone"]"#)
        );
        assert_eq!(get(&plan, "CODER_WORKSPACE_ID"), None);
        assert_eq!(get(&plan, "CODER_WORKSPACE_OWNER_NAME"), None);
        let apply = for_apply(&Environment::new(), &request.metadata, None).unwrap();
        assert_eq!(
            get(&apply, "CODER_AGENT_URL").as_deref(),
            Some("https://example.com")
        );
        for name in [parameter.as_str(), previous.as_str(), token] {
            assert!(get(&plan, name).is_some(), "{name}");
            assert_eq!(get(&apply, name), None, "{name}");
        }
    }

    #[test]
    fn names_are_hashed_as_lower_case_hex() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(""), expected);
    }

    #[test]
    fn what_cannot_be_in_an_environment_is_refused() {
        let mut with_nul = request();
        with_nul.rich_parameter_values[0].value = "a\0b".into();
        let mut with_equals = request();
        with_equals.external_auth_tokens[0].id = "a=b".into();
        for request in [with_nul, with_equals] {
            let error = for_plan(&Environment::new(), &request, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        }
    }
}
