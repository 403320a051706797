//! `coder_app`.

use crate::attributes::App;
use crate::tfprovider::diagnostics::{Diagnostic, Path};
use crate::tfprovider::kind::Resource;
use crate::tfprovider::value::{Object, get};

pub(super) const RESOURCE: Resource = Resource {
    validate,
    ..Resource::new::<App>(App::TYPE_NAME)
};

fn validate(app: &Object) -> Vec<Diagnostic> {
    if get(app, "hidden").as_bool() != Some(true) {
        return Vec::new();
    }
    ["display_name", "icon", "order"]
        .into_iter()
        .filter(|name| get(app, name).is_given())
        .map(|name| {
            let detail = format!("The app is hidden, so \"{name}\" is shown nowhere.");
            Diagnostic::warning(format!("{name} without effect"), detail)
                .at(&Path::root().attribute(name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfprovider::value::set;

    #[test]
    fn a_hidden_app_shows_nothing() {
        let mut app = Object::new();
        set(&mut app, "icon", "/a.svg");
        assert_eq!(validate(&app), []);
        set(&mut app, "hidden", true);
        assert_eq!(validate(&app).len(), 1);
    }
}
