//! The schedules that templates write.

use std::collections::BTreeSet;

use chrono_tz::Tz;

/// Fields of a schedule, in order, with their bounds.
const SECOND: Field = Field {
    name: "second",
    least: 0,
    most: 59,
    names: &[],
};
const MINUTE: Field = Field {
    name: "minute",
    least: 0,
    most: 59,
    names: &[],
};
const HOUR: Field = Field {
    name: "hour",
    least: 0,
    most: 23,
    names: &[],
};
const DAY: Field = Field {
    name: "day of the month",
    least: 1,
    most: 31,
    names: &[],
};
const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const WEEKDAY: Field = Field {
    name: "day of the week",
    least: 0,
    most: 6,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

#[derive(Debug)]
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

/// Checks a schedule of six fields that begins with the seconds and of which the last, the day of
/// the week, may be left out; or one of the words for common schedules.
///
/// # Errors
/// What is wrong, to follow a colon.
pub(super) fn validate_with_seconds(text: &str) -> Result<(), String> {
    if let Some(word) = text.strip_prefix('@') {
        return validate_word(word);
    }
    let (zone, schedule) = split_time_zone(text);
    if let Some(zone) = zone.filter(|zone| zone.parse::<Tz>().is_err()) {
        return Err(format!("{zone:?} is not the name of a time zone"));
    }
    let fields: Vec<_> = schedule.split_whitespace().collect();
    if !matches!(fields.len(), 5 | 6) {
        return Err(format!("it has {} fields, six are expected", fields.len()));
    }
    let kinds = [SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY];
    fields
        .iter()
        .zip(&kinds)
        .try_for_each(|(text, field)| field.parse(text).map(drop))
}

/// The same schedule with seconds in front, if it has five fields and so may have been meant to begin with the minutes.
pub(super) fn with_seconds(text: &str) -> Option<String> {
    let (_, schedule) = split_time_zone(text);
    let before = text.strip_suffix(schedule)?;
    (schedule.split_whitespace().count() == 5).then(|| format!("{before}0 {}", schedule.trim()))
}

/// The hours of the week that a schedule covers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hours {
    hours: BTreeSet<u32>,
    months: BTreeSet<u32>,
    days: Option<BTreeSet<u32>>,
    weekdays: Option<BTreeSet<u32>>,
}

impl Hours {
    /// Reads a schedule of five fields of which the minute is `*`, with lists and ranges of numbers
    /// only.
    ///
    /// # Errors
    /// What is wrong, to follow a colon.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<_> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!("it has {} fields, five are expected", fields.len()));
        };
        if *minute != "*" {
            return Err("the minute must be *, as whole hours are meant".to_owned());
        }
        if text.contains(|c: char| c == '/' || c == '?' || c.is_alphabetic()) {
            return Err("only numbers, lists and ranges are understood here".to_owned());
        }
        let unless_any = |field: &Field, text: &str| match text {
            "*" => Ok(None),
            text => field.parse(text).map(Some),
        };
        Ok(Self {
            hours: HOUR.parse(hour)?,
            months: MONTH.parse(month)?,
            days: unless_any(&DAY, day)?,
            weekdays: unless_any(&WEEKDAY, weekday)?,
        })
    }

    /// Whether some hour of some day may belong to both.
    pub(super) fn overlap(&self, other: &Self) -> bool {
        let share = |one: &BTreeSet<u32>, two: &BTreeSet<u32>| !one.is_disjoint(two);
        share(&self.hours, &other.hours)
            && share(&self.months, &other.months)
            && self.share_a_day(other)
    }

    /// A day counts when the day of the month or the day of the week fits, if both are given.
    fn share_a_day(&self, other: &Self) -> bool {
        let share = |one: &Option<BTreeSet<u32>>, two: &Option<BTreeSet<u32>>| match (one, two) {
            (Some(one), Some(two)) => !one.is_disjoint(two),
            _ => true,
        };
        let restricted = |hours: &Self| (hours.days.is_some(), hours.weekdays.is_some());
        match (restricted(self), restricted(other)) {
            ((true, false), (true, false)) => share(&self.days, &other.days),
            ((false, true), (false, true)) => share(&self.weekdays, &other.weekdays),
            // Every day of the month falls on every day of the week at some time.
            _ => true,
        }
    }
}

impl Field {
    /// The values of a field: a list of `*`, numbers, names and ranges, each with an optional step.
    fn parse(&self, text: &str) -> Result<BTreeSet<u32>, String> {
        let mut values = BTreeSet::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(self.step(step)?)),
                None => (part, None),
            };
            let (least, most) = match range.split_once('-') {
                _ if matches!(range, "*" | "?") => (self.least, self.most),
                Some((least, most)) => (self.value(least)?, self.value(most)?),
                // A single value with a step runs to the end.
                None if step.is_some() => (self.value(range)?, self.most),
                None => (self.value(range)?, self.value(range)?),
            };
            if least > most {
                return Err(format!(
                    "the range {range:?} of the {} runs backwards",
                    self.name
                ));
            }
            values.extend((least..=most).step_by(step.unwrap_or(1)));
        }
        Ok(values)
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        match text.parse() {
            Ok(step) if step > 0 => Ok(step),
            _ => Err(format!("{text:?} is no step of the {}", self.name)),
        }
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        let value = match named.and_then(|position| u32::try_from(position).ok()) {
            Some(position) => Some(position + self.least),
            None => text.parse().ok(),
        };
        value
            .filter(|value| (self.least..=self.most).contains(value))
            .ok_or_else(|| {
                let Self {
                    name, least, most, ..
                } = self;
                format!("{text:?} is no {name}, which goes from {least} to {most}")
            })
    }
}

fn validate_word(word: &str) -> Result<(), String> {
    match word {
        "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly" => Ok(()),
        word => match word.strip_prefix("every ") {
            Some(duration) if is_duration(duration) => Ok(()),
            _ => Err(format!("\"@{word}\" is not known")),
        },
    }
}

/// Whether the text is a sequence of numbers with units, such as `1h30m`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if unit.len() == rest.len() {
            return false;
        }
        let units = ["ms", "us", "ns", "h", "m", "s"];
        let Some(next) = units.iter().find_map(|name| unit.strip_prefix(name)) else {
            return false;
        };
        rest = next;
    }
    !text.trim().is_empty()
}

/// The time zone that may come first, and the rest.
fn split_time_zone(text: &str) -> (Option<&str>, &str) {
    let zoned = text
        .strip_prefix("TZ=")
        .or_else(|| text.strip_prefix("CRON_TZ="));
    match zoned.and_then(|rest| rest.split_once(' ')) {
        Some((zone, schedule)) => (Some(zone), schedule),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_of_scripts() {
        for valid in [
            "0 0 22 * * *",
            "*/5 1-10/2 0,12 1 jan-mar MON",
            "0 0 22 * *",
            "@daily",
            "@every 1h30m",
            "TZ=Europe/Zurich 0 0 8 * * 1-5",
            "0 0 0 ? * ?",
        ] {
            assert_eq!(validate_with_seconds(valid), Ok(()), "{valid}");
        }
        for invalid in [
            "",
            "* * * *",
            "* * * * * * *",
            "60 * * * * *",
            "* * 24 * * *",
            "* * * 0 * *",
            "* * * * 13 *",
            "* * * * * 7",
            "5-1 * * * * *",
            "*/0 * * * * *",
            "a * * * * *",
            "@sometimes",
            "@every soon",
            "@every 5",
            "0 0 , * * *",
            "TZ=Europe/Zuerich 0 0 8 * * *",
        ] {
            assert!(validate_with_seconds(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn five_fields_may_lack_the_seconds() {
        for (text, expected) in [
            ("30 8 * * 1-5", Some("0 30 8 * * 1-5")),
            (
                "TZ=Asia/Tokyo 30 8 * * 1",
                Some("TZ=Asia/Tokyo 0 30 8 * * 1"),
            ),
            ("0 30 8 * * 1-5", None),
            ("TZ=Asia/Tokyo 0 30 8 * * 1", None),
            ("@daily", None),
        ] {
            assert_eq!(with_seconds(text).as_deref(), expected);
        }
    }

    #[test]
    fn schedules_of_prebuilds_are_whole_hours() {
        for invalid in [
            "0 * * * *",
            "* */2 * * *",
            "* 8-18 * * mon",
            "* 8 * *",
            "* 25 * * *",
        ] {
            assert!(Hours::parse(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn schedules_of_prebuilds_may_overlap() {
        let overlap = |one, two| {
            Hours::parse(one)
                .unwrap()
                .overlap(&Hours::parse(two).unwrap())
        };
        assert!(overlap("* 8-18 * * 1-5", "* 18-20 * * 5-6"));
        assert!(!overlap("* 8-18 * * 1-5", "* 19-20 * * 1-5"));
        assert!(!overlap("* 8-18 * * 1-5", "* 8-18 * * 0,6"));
        assert!(!overlap("* * 1-5 * *", "* * 6-9 * *"));
        assert!(overlap("* * 1-5 * *", "* * * * 1"));
        assert!(!overlap("* * * 1 *", "* * * 2 *"));
    }
}
