//! `coder_workspace_preset`.

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
    // Elements of a set have no address of their own, so everything points at the block.
    let path = Path::root().attribute("prebuilds");
    let Some(prebuilds) = first(preset, "prebuilds") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let ttl = first(prebuilds, "expiration_policy").and_then(|policy| get(policy, "ttl").as_int());
    if let Some(ttl) = ttl.filter(|ttl| *ttl != 0 && !TTL.contains(ttl)) {
        let detail = format!(
            "{ttl} is neither 0 nor from {} to {}.",
            TTL.start(),
            TTL.end()
        );
        found.push(Diagnostic::error("Invalid ttl", detail).at(&path));
    }
    if let Some(scheduling) = first(prebuilds, "scheduling") {
        found.extend(
            check_scheduling(scheduling)
                .into_iter()
                .map(|error| error.at(&path)),
        );
    }
    found
}

fn check_scheduling(scheduling: &Object) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let zone = get(scheduling, "timezone").as_str();
    if let Some(zone) = zone.filter(|zone| !looks_like_time_zone(zone)) {
        let detail = format!("{zone:?} is not the name of a time zone, such as \"Europe/Zurich\".");
        found.push(Diagnostic::error("Invalid timezone", detail));
    }
    let mut parsed: Vec<(&str, Hours)> = Vec::new();
    let schedules = get(scheduling, "schedule")
        .as_list()
        .iter()
        .filter_map(Value::as_object);
    for text in schedules.filter_map(|schedule| get(schedule, "cron").as_str()) {
        match Hours::parse(text) {
            Err(error) => {
                let detail = format!("{text:?} is not such a schedule: {error}.");
                found.push(Diagnostic::error("Invalid cron", detail));
            }
            Ok(hours) => {
                if let Some((other, _)) = parsed.iter().find(|(_, other)| hours.overlap(other)) {
                    let detail = format!("{text:?} and {other:?} cover the same time.");
                    found.push(Diagnostic::error("Overlapping schedules", detail));
                }
                parsed.push((text, hours));
            }
        }
    }
    found
}

/// The names in the IANA time zone database that have no slash.
const SHORT_TIME_ZONES: &[&str] = &[
    "CET",
    "CST6CDT",
    "Cuba",
    "EET",
    "EST",
    "EST5EDT",
    "Egypt",
    "Eire",
    "GB",
    "GB-Eire",
    "GMT",
    "GMT+0",
    "GMT-0",
    "GMT0",
    "Greenwich",
    "HST",
    "Hongkong",
    "Iceland",
    "Iran",
    "Israel",
    "Jamaica",
    "Japan",
    "Kwajalein",
    "Libya",
    "MET",
    "MST",
    "MST7MDT",
    "NZ",
    "NZ-CHAT",
    "Navajo",
    "PRC",
    "PST8PDT",
    "Poland",
    "Portugal",
    "ROC",
    "ROK",
    "Singapore",
    "Turkey",
    "UCT",
    "UTC",
    "Universal",
    "W-SU",
    "WET",
    "Zulu",
];

/// Whether the text has the form of an IANA name; whether there is such a zone is known to the
/// server, which has the list.
fn looks_like_time_zone(text: &str) -> bool {
    SHORT_TIME_ZONES.contains(&text)
        || text.split('/').count() > 1
            && text.split('/').all(|part| {
                part.starts_with(|c: char| c.is_ascii_alphabetic())
                    && part
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "_-+".contains(c))
            })
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

    fn errors(prebuilds: &[(&str, Value)]) -> usize {
        let preset = [("prebuilds".to_owned(), block(prebuilds))]
            .into_iter()
            .collect();
        validate(&preset).len()
    }

    #[test]
    fn an_unclaimed_workspace_is_kept_for_an_hour_at_least() {
        for (ttl, expected) in [(0, 0), (3_600, 0), (31_536_000, 0), (1, 1), (31_536_001, 1)] {
            let policy = block(&[("ttl", ttl.into())]);
            assert_eq!(errors(&[("expiration_policy", policy)]), expected, "{ttl}");
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
        for (zone, crons, expected) in [
            ("UTC", &["* 8-18 * * 1-5", "* 8-18 * * 0,6"][..], 0),
            ("Europe/Zurich", &["* 8-18 * * 1-5", "* 18 * * 5"], 1),
            ("America/Argentina/Buenos_Aires", &["0 8 * * *"], 1),
            ("Mars", &["* 8 * * *"], 1),
            ("GMT", &["* 8 * * *"], 0),
            ("Singapore", &["* 8 * * *"], 0),
        ] {
            let scheduling = scheduling(zone, crons);
            assert_eq!(
                errors(&[("scheduling", scheduling)]),
                expected,
                "{zone} {crons:?}"
            );
        }
    }
}
