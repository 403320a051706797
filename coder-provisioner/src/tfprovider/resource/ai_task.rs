//! `coder_ai_task`.

use crate::attributes::AiTask;
use crate::tfprovider::diagnostics::{Diagnostic, Path};
use crate::tfprovider::kind::{Context, Resource};
use crate::tfprovider::task::{task_id, task_prompt};
use crate::tfprovider::value::{Object, Value, get, set};

pub(super) const RESOURCE: Resource = Resource {
    validate,
    create,
    ..Resource::new::<AiTask>(AiTask::TYPE_NAME)
};

fn validate(task: &Object) -> Vec<Diagnostic> {
    let no_app = get(task, "app_id") == &Value::Null;
    if no_app && get(task, "sidebar_app") == &Value::List(Vec::new()) {
        let detail = "Give \"app_id\": the id of the app that shows the task.";
        return vec![Diagnostic::error("No app", detail)];
    }
    if !get(task, "sidebar_app").as_list().is_empty() {
        let detail = "Give the id of the app as \"app_id\" instead.";
        let path = Path::root().attribute("sidebar_app").attribute("id");
        return vec![Diagnostic::warning("sidebar_app is deprecated", detail).at(&path)];
    }
    Vec::new()
}

fn create(context: &Context<'_>, task: &mut Object) -> Result<(), Diagnostic> {
    let id = task_id(context.environment);
    set(task, "enabled", id.is_some());
    set(task, "prompt", task_prompt(context.environment));
    if let Some(id) = id {
        set(task, "id", id);
    }
    let sidebar_app = get(task, "sidebar_app")
        .as_list()
        .first()
        .and_then(Value::as_object);
    if get(task, "app_id") == &Value::Unknown
        && let Some(app) = sidebar_app
    {
        let id = get(app, "id").clone();
        task.insert("app_id".to_owned(), id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfprovider::diagnostics::Severity;
    use crate::tfprovider::environment::Environment;
    use crate::tfprovider::kind::random_id;

    const ID: &str = "3b0c4e3f-8f0a-4a5c-9f3b-0d7b2f6f2a11";

    fn created(variables: &[(&str, &str)]) -> Object {
        let environment: Environment = variables.iter().copied().collect();
        let url = "http://example.com";
        let context = Context {
            environment: &environment,
            access_url: url,
            new_id: random_id,
        };
        let app = Value::Map([("id".to_owned(), "app".into())].into_iter().collect());
        let mut task = Object::new();
        task.insert("id".into(), "random".into());
        task.insert("app_id".into(), Value::Unknown);
        task.insert("sidebar_app".into(), Value::List(vec![app]));
        create(&context, &mut task).unwrap();
        task
    }

    #[test]
    fn a_task_gives_the_id() {
        let task = created(&[("CODER_TASK_ID", ID), ("CODER_TASK_PROMPT", "do")]);
        assert_eq!(get(&task, "id").as_str(), Some(ID));
        assert_eq!(get(&task, "enabled").as_bool(), Some(true));
        assert_eq!(get(&task, "prompt").as_str(), Some("do"));
        assert_eq!(get(&task, "app_id").as_str(), Some("app"));
    }

    #[test]
    fn outside_a_task_it_is_disabled() {
        for id in ["", "x", "00000000-0000-0000-0000-000000000000"] {
            let task = created(&[("CODER_TASK_ID", id)]);
            assert_eq!(get(&task, "enabled").as_bool(), Some(false));
            assert_eq!(get(&task, "id").as_str(), Some("random"));
        }
    }

    #[test]
    fn an_app_must_be_given() {
        let mut task = Object::new();
        task.insert("sidebar_app".into(), Value::List(vec![]));
        assert_eq!(validate(&task).len(), 1);
        task.insert("app_id".into(), Value::Unknown);
        assert_eq!(validate(&task).len(), 0);
    }

    #[test]
    fn the_older_block_is_a_warning() {
        let mut task = Object::new();
        let block = Value::Map(Object::new());
        task.insert("sidebar_app".into(), Value::List(vec![block]));
        let found = validate(&task);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].path.to_string(), "sidebar_app.id");
    }
}
