//! `coder_secret`.

use crate::attributes::Secret;
use crate::tfprovider::diagnostics::{Diagnostic, Path};
use crate::tfprovider::environment::hex;
use crate::tfprovider::kind::{Context, DataSource};
use crate::tfprovider::value::{Object, Value, get, set};

pub(super) const DATA_SOURCE: DataSource = DataSource {
    validate,
    read,
    ..DataSource::new::<Secret>(Secret::TYPE_NAME)
};

fn validate(secret: &Object) -> Vec<Diagnostic> {
    if get(secret, "env") == &Value::Null && get(secret, "file") == &Value::Null {
        return vec![Diagnostic::error(
            "No target",
            "Give one of \"env\" and \"file\".",
        )];
    }
    Vec::new()
}

fn read(context: &Context<'_>, secret: &mut Object) -> Result<(), Vec<Diagnostic>> {
    let (target, id, variable) = match (get(secret, "env").as_str(), get(secret, "file").as_str()) {
        (Some(env), _) => (
            "env",
            format!("env:{env}"),
            format!("CODER_SECRET_ENV_{env}"),
        ),
        (None, file) => {
            let file = file.unwrap_or_default();
            let variable = format!("CODER_SECRET_FILE_{}", hex(file.as_bytes()));
            ("file", format!("file:{file}"), variable)
        }
    };
    let environment = context.environment;
    let value = environment.text(&variable);
    // Whatever is missing, a workspace can be stopped and deleted.
    if value.is_empty() && environment.is_build() && environment.transition() == "start" {
        let help = get(secret, "help_message").as_str().unwrap_or_default();
        let error = Diagnostic::error(format!("The secret {id} is missing"), help);
        return Err(vec![error.at(&Path::root().attribute(target))]);
    }
    set(secret, "value", value);
    set(secret, "id", id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfprovider::environment::Environment;
    use crate::tfprovider::kind::random_id;

    fn read_file(variables: &[(&str, &str)]) -> Result<Object, Vec<Diagnostic>> {
        let environment: Environment = variables.iter().copied().collect();
        let url = "http://example.com";
        let context = Context {
            environment: &environment,
            access_url: url,
            new_id: random_id,
        };
        let mut secret = Object::new();
        set(&mut secret, "file", "~/.k");
        set(&mut secret, "help_message", "Add a key.");
        read(&context, &mut secret).map(|()| secret)
    }

    #[test]
    fn only_a_start_needs_the_secret() {
        let build = ("CODER_WORKSPACE_BUILD_ID", "x");
        let error = read_file(&[build]).unwrap_err();
        assert_eq!(error[0].detail, "Add a key.");
        let stopped = read_file(&[build, ("CODER_WORKSPACE_TRANSITION", "stop")]).unwrap();
        assert_eq!(get(&stopped, "value").as_str(), Some(""));
        assert_eq!(get(&stopped, "id").as_str(), Some("file:~/.k"));
        let given = read_file(&[build, ("CODER_SECRET_FILE_7e2f2e6b", "hush")]).unwrap();
        assert_eq!(get(&given, "value").as_str(), Some("hush"));
    }
}
