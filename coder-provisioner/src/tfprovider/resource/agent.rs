//! `coder_agent`.

use crate::attributes::Agent;
use crate::tfprovider::diagnostics::{Diagnostic, Path};
use crate::tfprovider::environment::running_agent_token_variable;
use crate::tfprovider::kind::{Context, Resource};
use crate::tfprovider::value::{Object, Value, get, set};

pub(super) const RESOURCE: Resource = Resource {
    validate,
    create: give_token_and_script,
    // The token is new whenever the agent is read: a build never starts with the token of another.
    read: give_token_and_script,
    ..Resource::new::<Agent>(Agent::TYPE_NAME)
};

fn give_token_and_script(context: &Context<'_>, agent: &mut Object) -> Result<(), Diagnostic> {
    let running = context.environment.get(&running_agent_token_variable(""));
    let token = match running {
        Some(token) => token.to_owned(),
        None => context.id()?,
    };
    let script = init_script(context, agent)?;
    set(agent, "token", token);
    set(agent, "init_script", script);
    Ok(())
}

/// The script that the provisioner gives for the system of the agent, empty when it gives none.
fn init_script(context: &Context<'_>, agent: &Object) -> Result<String, Diagnostic> {
    let text = |name| get(agent, name).as_str().unwrap_or_default();
    let variable = format!("CODER_AGENT_SCRIPT_{}_{}", text("os"), text("arch"));
    let Some(script) = context.environment.get(&variable) else {
        return Ok(String::new());
    };
    let root = context.url()?.join("/").map_err(|error| {
        Diagnostic::error("Invalid access URL", format!("It has no root: {error}."))
    })?;
    Ok(script
        .replace("${ACCESS_URL}", root.as_str())
        .replace("${AUTH_TYPE}", text("auth")))
}

fn validate(agent: &Object) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Some(dir) = get(agent, "dir").as_str()
        && !matches!(dir, "" | "$HOME" | "~")
    {
        let path = Path::root().attribute("dir");
        found.push(
            Diagnostic::warning(
                "dir is deprecated",
                "Choose the folder in the application that is opened instead.",
            )
            .at(&path),
        );
        found.push(
            Diagnostic::warning(
                "dir is not the home directory",
                "Tools that look for their files in the home directory will not find them when \
                 sessions start elsewhere.",
            )
            .at(&path),
        );
    }
    let monitoring = get(agent, "resources_monitoring").as_list();
    if monitoring.iter().filter_map(Value::as_object).any(is_empty) {
        // What is missing in the block shows the block.
        let path = Path::root()
            .attribute("resources_monitoring")
            .attribute("memory");
        let detail = "At least one of \"memory\" and \"volume\" must be given.";
        found.push(Diagnostic::error("Empty resources_monitoring", detail).at(&path));
    }
    found
}

fn is_empty(monitoring: &Object) -> bool {
    let absent = |name| get(monitoring, name) == &Value::List(Vec::new());
    absent("memory") && absent("volume")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfprovider::environment::Environment;
    use crate::tfprovider::kind::random_id;

    fn created(variables: &[(&str, &str)], url: &str) -> Object {
        let environment: Environment = variables.iter().copied().collect();
        let context = Context {
            environment: &environment,
            access_url: url,
            new_id: random_id,
        };
        let mut agent = Object::new();
        set(&mut agent, "os", "linux");
        set(&mut agent, "arch", "amd64");
        set(&mut agent, "auth", "token");
        give_token_and_script(&context, &mut agent).unwrap();
        agent
    }

    #[test]
    fn the_script_is_completed() {
        let script = (
            "CODER_AGENT_SCRIPT_linux_amd64",
            "${ACCESS_URL}bin ${AUTH_TYPE} ${OTHER}",
        );
        let agent = created(&[script], "http://example.com:1/a");
        let expected = "http://example.com:1/bin token ${OTHER}";
        assert_eq!(get(&agent, "init_script").as_str(), Some(expected));
        let agent = created(&[], "http://example.com");
        assert_eq!(get(&agent, "init_script").as_str(), Some(""));
    }

    #[test]
    fn the_token_is_new_unless_an_agent_keeps_running() {
        let token = |agent: &Object| get(agent, "token").as_str().unwrap().to_owned();
        let (one, two) = (created(&[], "http://a"), created(&[], "http://a"));
        assert_ne!(token(&one), token(&two));
        let variable = running_agent_token_variable("");
        assert_eq!(token(&created(&[(&variable, "kept")], "http://a")), "kept");
    }

    #[test]
    fn a_monitoring_block_must_watch_something() {
        let empty = |name: &str| (name.to_owned(), Value::List(vec![]));
        let block = Value::Map([empty("memory"), empty("volume")].into_iter().collect());
        let mut agent = Object::new();
        agent.insert("resources_monitoring".into(), Value::List(vec![block]));
        assert_eq!(validate(&agent).len(), 1);
        set(&mut agent, "dir", "/work");
        assert_eq!(validate(&agent).len(), 3);
        set(&mut agent, "dir", "~");
        assert_eq!(validate(&agent).len(), 1);
    }
}
