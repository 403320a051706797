//! `coder_workspace_preset`.

use chrono_tz::Tz;

use crate::attributes::WorkspacePreset;
use crate::tfprovider::diagnostics::{Diagnostic, Path};
use crate::tfprovider::kind::DataSource;
use crate::tfprovider::value::{Object, Value, get};
use coder_core::cron::Hours;

/// Seconds for which an unclaimed workspace may be kept, besides 0 for ever: an hour to a year.
const TTL: std::ops::RangeInclusive<i64> = 3_600..=31_536_000;

pub(super) const DATA_SOURCE: DataSource = DataSource {
    validate,
    read: |_, preset| {
        let name = get(preset, "name").clone();
        preset.insert("id".to_owned(), name);
        Ok(())
    },
    ..DataSource::new::<WorkspacePreset>(WorkspacePreset::TYPE_NAME)
};

fn validate(preset: &Object) -> Vec<Diagnostic> {
    let Some(prebuilds) = first(preset, "prebuilds") else {
        return Vec::new();
    };
    let path = Path::root().attribute("prebuilds");
    let mut found = Vec::new();
    let ttl = first(prebuilds, "expiration_policy").and_then(|policy| get(policy, "ttl").as_int());
    if let Some(ttl) = ttl.filter(|ttl| *ttl != 0 && !TTL.contains(ttl)) {
        let detail = format!(
            "{ttl} is neither 0 nor from {} to {}.",
            TTL.start(),
            TTL.end()
        );
        let path = path.attribute("expiration_policy").attribute("ttl");
        found.push(Diagnostic::error("Invalid ttl", detail).at(&path));
    }
    if let Some(scheduling) = first(prebuilds, "scheduling") {
        let path = path.attribute("scheduling").index(0);
        found.extend(check_time_zone(scheduling, &path));
        found.extend(check_schedules(scheduling, &path));
    }
    found
}

fn check_time_zone(scheduling: &Object, path: &Path) -> Option<Diagnostic> {
    let zone = get(scheduling, "timezone").as_str()?;
    if zone.parse::<Tz>().is_ok() {
        return None;
    }
    let detail = format!("{zone:?} is not the name of a time zone, such as \"Europe/Zurich\".");
    Some(Diagnostic::error("Invalid timezone", detail).at(&path.attribute("timezone")))
}

fn check_schedules(scheduling: &Object, path: &Path) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut parsed: Vec<(&str, Hours)> = Vec::new();
    for (index, schedule) in get(scheduling, "schedule").as_list().iter().enumerate() {
        let cron = schedule.as_object().map(|schedule| get(schedule, "cron"));
        let Some(text) = cron.and_then(Value::as_str) else {
            continue;
        };
        let path = path.attribute("schedule").index(index).attribute("cron");
        match Hours::parse(text) {
            Err(error) => {
                let detail = format!("{text:?} is not such a schedule: {error}.");
                found.push(Diagnostic::error("Invalid cron", detail).at(&path));
            }
            Ok(hours) => {
                if let Some((other, _)) = parsed.iter().find(|(_, other)| hours.overlap(other)) {
                    let detail = format!("{text:?} and {other:?} cover the same time.");
                    found.push(Diagnostic::error("Overlapping schedules", detail).at(&path));
                }
                parsed.push((text, hours));
            }
        }
    }
    found
}

fn first<'a>(object: &'a Object, block: &str) -> Option<&'a Object> {
    get(object, block).as_list().first()?.as_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(
            entries
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.clone()))
                .collect(),
        )
    }

    fn block(entries: &[(&str, Value)]) -> Value {
        Value::List(vec![map(entries)])
    }

    /// The places of errors.
    fn errors(prebuilds: &[(&str, Value)]) -> Vec<String> {
        let preset = [("prebuilds".to_owned(), block(prebuilds))]
            .into_iter()
            .collect();
        let found = validate(&preset).into_iter();
        found.map(|error| error.path.to_string()).collect()
    }

    #[test]
    fn an_unclaimed_workspace_is_kept_for_an_hour_at_least() {
        let ttl = "prebuilds.expiration_policy.ttl";
        for (seconds, expected) in [
            (0, &[][..]),
            (3_600, &[]),
            (31_536_000, &[]),
            (1, &[ttl]),
            (31_536_001, &[ttl]),
        ] {
            let policy = block(&[("ttl", seconds.into())]);
            let found = errors(&[("expiration_policy", policy)]);
            assert_eq!(found, expected, "{seconds}");
        }
    }

    #[test]
    fn schedules_are_whole_hours_and_do_not_overlap() {
        let scheduling = |zone: &str, crons: &[&str]| {
            let schedules = crons
                .iter()
                .map(|cron| map(&[("cron", (*cron).into())]))
                .collect();
            block(&[
                ("timezone", zone.into()),
                ("schedule", Value::List(schedules)),
            ])
        };
        let zone = "prebuilds.scheduling[0].timezone";
        let first = "prebuilds.scheduling[0].schedule[0].cron";
        let second = "prebuilds.scheduling[0].schedule[1].cron";
        let apart = ["* 8-18 * * 1-5", "* 8-18 * * 0,6"];
        for (name, crons, expected) in [
            ("UTC", &apart[..], &[][..]),
            ("US/Eastern", &apart, &[]),
            (
                "Europe/Zurich",
                &["* 8-18 * * 1-5", "* 18 * * 5"],
                &[second],
            ),
            ("America/Argentina/Buenos_Aires", &["0 8 * * *"], &[first]),
            ("Mars", &["* 8 * * *"], &[zone]),
            ("Europe/Zuerich", &["* 8 * * *"], &[zone]),
            ("Singapore", &["* 8 * * *"], &[]),
        ] {
            let scheduling = scheduling(name, crons);
            let found = errors(&[("scheduling", scheduling)]);
            assert_eq!(found, expected, "{name} {crons:?}");
        }
    }
}
