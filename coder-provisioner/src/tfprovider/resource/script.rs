//! `coder_script`.

use crate::attributes::Script;
use crate::tfprovider::diagnostics::{Diagnostic, Path};
use crate::tfprovider::kind::Resource;
use crate::tfprovider::value::{Object, Value, get};
use chrono_tz::Tz;
use coder_core::cron::Schedule;

pub(super) const RESOURCE: Resource = Resource {
    validate,
    ..Resource::new::<Script>(Script::TYPE_NAME)
};

fn validate(script: &Object) -> Vec<Diagnostic> {
    let mut found: Vec<_> = get(script, "cron")
        .as_str()
        .and_then(check_cron)
        .into_iter()
        .collect();
    let set = |name| match get(script, name) {
        Value::Unknown => true,
        value => value.as_bool() == Some(true),
    };
    let on_start = set("run_on_start");
    if !on_start && !set("run_on_stop") && get(script, "cron") == &Value::Null {
        let detail = "One of \"run_on_start\", \"run_on_stop\" and \"cron\" must be given.";
        found.push(Diagnostic::error("The script never runs", detail));
    }
    if get(script, "start_blocks_login").as_bool() == Some(true) && !on_start {
        let detail = "Only a script with \"run_on_start\" can block logins at the start.";
        let path = Path::root().attribute("start_blocks_login");
        found.push(Diagnostic::error("Invalid start_blocks_login", detail).at(&path));
    }
    found
}

fn check_cron(text: &str) -> Option<Diagnostic> {
    let path = Path::root().attribute("cron");
    let hint = Schedule::with_seconds(text).map(|meant| {
        format!(
            "{text:?} has five fields, of which the first is taken for the seconds. Write \
             {meant:?} when it was meant for the minutes."
        )
    });
    match (validate_cron(text), hint) {
        (Err(error), hint) => {
            let detail = format!(
                "{text:?} is not a schedule: {error}. {}",
                hint.unwrap_or_default()
            );
            Some(Diagnostic::error("Invalid cron", detail.trim_end()).at(&path))
        }
        (Ok(()), Some(detail)) => {
            Some(Diagnostic::warning("cron begins with the seconds", detail).at(&path))
        }
        (Ok(()), None) => None,
    }
}

/// The workspace may know fewer time zones than there are, but no others.
fn validate_cron(text: &str) -> Result<(), String> {
    let schedule = Schedule::parse_with_seconds(text)?;
    match schedule.zone() {
        Some(zone) if zone.parse::<Tz>().is_err() => {
            Err(format!("{zone:?} is not the name of a time zone"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tfprovider::diagnostics::{Severity, has_error};
    use crate::tfprovider::value::set;

    #[test]
    fn a_script_must_run_at_some_time() {
        let mut script = Object::new();
        assert!(has_error(&validate(&script)));
        set(&mut script, "run_on_stop", true);
        assert_eq!(validate(&script), []);
        set(&mut script, "start_blocks_login", true);
        assert!(has_error(&validate(&script)));
        script.insert("run_on_start".into(), Value::Unknown);
        assert_eq!(validate(&script), []);
    }

    #[test]
    fn five_fields_are_a_warning() {
        let mut script = Object::new();
        set(&mut script, "cron", "0 0 22 * * *");
        assert_eq!(validate(&script), []);
        set(&mut script, "cron", "0 22 * * 1-5");
        assert_eq!(validate(&script)[0].severity, Severity::Warning);
        set(&mut script, "cron", "61 * * * * *");
        assert_eq!(validate(&script)[0].severity, Severity::Error);
        set(&mut script, "cron", "TZ=Europe/Zuerich 0 0 8 * * *");
        assert!(validate(&script)[0].detail.contains("Europe/Zuerich"));
        // The days of the week are taken for the months, of which there is no 0.
        set(&mut script, "cron", "30 8 * * 0");
        let found = validate(&script);
        assert_eq!(found[0].severity, Severity::Error);
        assert!(found[0].detail.contains("0 30 8 * * 0"), "{found:?}");
    }
}
