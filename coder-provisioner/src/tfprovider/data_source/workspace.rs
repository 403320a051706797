//! `coder_workspace`.

use crate::attributes::Workspace;
use crate::tfprovider::diagnostics::Diagnostic;
use crate::tfprovider::kind::{Context, DataSource};
use crate::tfprovider::value::{Object, set};

pub(super) const DATA_SOURCE: DataSource = DataSource {
    read: |context, workspace| read(context, workspace).map_err(|error| vec![error]),
    ..DataSource::new::<Workspace>(Workspace::TYPE_NAME)
};

fn read(context: &Context<'_>, workspace: &mut Object) -> Result<(), Diagnostic> {
    let environment = context.environment;
    if let Some(id) = environment.get("CODER_WORKSPACE_ID") {
        set(workspace, "id", id);
    }
    set(
        workspace,
        "name",
        environment.get("CODER_WORKSPACE_NAME").unwrap_or("default"),
    );
    set(workspace, "access_url", context.access_url);
    let port = context.url()?.port_or_known_default().unwrap_or_default();
    set(workspace, "access_port", i64::from(port));
    let transition = environment.transition();
    set(workspace, "transition", transition);
    set(workspace, "start_count", i64::from(transition == "start"));
    let claim = environment.flag("CODER_WORKSPACE_IS_PREBUILD_CLAIM");
    let prebuild = environment.flag("CODER_WORKSPACE_IS_PREBUILD") && !claim;
    set(workspace, "is_prebuild", prebuild);
    set(workspace, "prebuild_count", i64::from(prebuild));
    set(workspace, "is_prebuild_claim", claim);
    for (attribute, variable) in [
        ("template_id", "CODER_WORKSPACE_TEMPLATE_ID"),
        ("template_name", "CODER_WORKSPACE_TEMPLATE_NAME"),
        ("template_version", "CODER_WORKSPACE_TEMPLATE_VERSION"),
    ] {
        set(workspace, attribute, environment.required(variable)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfprovider::environment::Environment;
    use crate::tfprovider::kind::random_id;
    use crate::tfprovider::value::get;

    fn workspace(variables: &[(&str, &str)], url: &str) -> Result<Object, Diagnostic> {
        let environment: Environment = variables.iter().copied().collect();
        let context = Context {
            environment: &environment,
            access_url: url,
            new_id: random_id,
        };
        let mut workspace = Object::new();
        read(&context, &mut workspace).map(|()| workspace)
    }

    #[test]
    fn by_hand_everything_has_a_fallback() {
        let workspace = workspace(&[], "https://example.com").unwrap();
        assert_eq!(get(&workspace, "name").as_str(), Some("default"));
        assert_eq!(get(&workspace, "start_count").as_int(), Some(1));
        assert_eq!(get(&workspace, "access_port").as_int(), Some(443));
    }

    #[test]
    fn a_claim_is_no_prebuild() {
        let flags = [
            ("CODER_WORKSPACE_IS_PREBUILD", "True"),
            ("CODER_WORKSPACE_IS_PREBUILD_CLAIM", "true"),
            ("CODER_WORKSPACE_TRANSITION", "stop"),
        ];
        let prebuild = workspace(&flags[..1], "http://a:8080").unwrap();
        assert_eq!(get(&prebuild, "prebuild_count").as_int(), Some(1));
        assert_eq!(get(&prebuild, "access_port").as_int(), Some(8080));
        let claim = workspace(&flags, "http://a").unwrap();
        assert_eq!(get(&claim, "is_prebuild").as_bool(), Some(false));
        assert_eq!(get(&claim, "is_prebuild_claim").as_bool(), Some(true));
        assert_eq!(get(&claim, "start_count").as_int(), Some(0));
    }

    #[test]
    fn a_build_names_its_template() {
        let error = workspace(&[("CODER_WORKSPACE_BUILD_ID", "x")], "http://a").unwrap_err();
        assert!(error.summary.contains("CODER_WORKSPACE_TEMPLATE_ID"));
    }
}
