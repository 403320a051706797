use super::field::{DAY, Field, HOUR, MINUTE, MONTH, SECOND, WEEKDAY};
use crate::Timestamp;
use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};
use std::collections::BTreeSet;

/// The 29th of February is at most eight years away; what does not come by then never does.
const HORIZON_DAYS: usize = 9 * 366;

/// No zone changes its clocks so often within the horizon.
const MAX_CHANGES: usize = 100;

/// Ten years: no workspace lives longer.
const MAX_PERIOD_SECONDS: f64 = 10.0 * 366.0 * 86_400.0;

/// When something runs: six fields, seconds first, of which the last, the day of the week, may be left out;
/// or a word such as `@daily`, or `@every 1h30m`. A prefix `TZ=Europe/Zurich ` or `CRON_TZ=…` names a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    zone: Option<String>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Fields(Box<Fields>),
    Every(TimeDelta),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fields {
    seconds: BTreeSet<u32>,
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    days: BTreeSet<u32>,
    months: BTreeSet<u32>,
    weekdays: BTreeSet<u32>,
    /// Whether the day of the month or that of the week is left open.
    any_day: bool,
}

impl Schedule {
    /// Reads a schedule. One of five fields is read as one without a day of the week, so that its first field
    /// means the seconds.
    ///
    /// # Errors
    /// What is wrong, to follow a colon.
    pub fn parse_with_seconds(text: &str) -> Result<Self, String> {
        let (zone, text) = split_zone(text);
        let kind = match text.strip_prefix('@') {
            Some(word) => of_word(word)?,
            None => Kind::Fields(Box::new(Fields::parse(text)?)),
        };
        let zone = zone.map(str::to_owned);
        Ok(Self { zone, kind })
    }

    /// The same schedule with seconds in front, if it has five fields and so may have been meant to begin with the minutes.
    #[must_use]
    pub fn with_seconds(text: &str) -> Option<String> {
        let (_, schedule) = split_zone(text);
        let before = text.strip_suffix(schedule)?;
        (schedule.split_whitespace().count() == 5).then(|| format!("{before}0 {}", schedule.trim()))
    }

    /// The time zone that the schedule names; without one that of whoever runs it.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// The first time after `after` at which it comes, to the second, or `None` when it never does. `offset` says
    /// how many seconds the zone's clocks are ahead of UTC at a time. Clock times that the zone skips do not
    /// come; those it repeats come twice.
    #[must_use]
    pub fn next_after(
        &self,
        after: Timestamp,
        offset: impl Fn(Timestamp) -> i32,
    ) -> Option<Timestamp> {
        let fields = match &self.kind {
            Kind::Every(period) => return whole_second(after).checked_add_signed(*period),
            Kind::Fields(fields) => fields,
        };
        let mut from = whole_second(after);
        let mut ahead = offset(from);
        for _ in 0..MAX_CHANGES {
            let there = TimeDelta::try_seconds(ahead.into())?;
            let local = fields.next_after(from.naive_utc().checked_add_signed(there)?)?;
            let found = local.checked_sub_signed(there)?.and_utc();
            // The zone may change its clocks on the way there.
            let Some(changed) = first_change(from, found, ahead, &offset) else {
                return Some(found);
            };
            from = changed.checked_sub_signed(TimeDelta::seconds(1))?;
            ahead = offset(changed);
        }
        None
    }
}

/// The first second after `from` and up to `until` at which the clocks are not `ahead` by as much as before.
fn first_change(
    from: Timestamp,
    until: Timestamp,
    ahead: i32,
    offset: &impl Fn(Timestamp) -> i32,
) -> Option<Timestamp> {
    // No zone changes its clocks and back within a day.
    let mut low = from;
    let mut high = low;
    while high < until {
        low = high;
        high = (low + TimeDelta::days(1)).min(until);
        if offset(high) != ahead {
            while high - low > TimeDelta::seconds(1) {
                let middle = low + TimeDelta::seconds((high - low).num_seconds() / 2);
                if offset(middle) == ahead {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            return Some(high);
        }
    }
    None
}

fn whole_second(time: Timestamp) -> Timestamp {
    time.with_nanosecond(0).unwrap_or(time)
}

impl Fields {
    fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<_> = text.split_whitespace().collect();
        let (&[second, minute, hour, day, month], rest) = fields
            .split_first_chunk()
            .filter(|(_, rest)| rest.len() < 2)
            .ok_or_else(|| format!("it has {} fields, six are expected", fields.len()))?;
        let weekday = rest.first().copied().unwrap_or("*");
        Ok(Self {
            seconds: SECOND.parse(second)?,
            minutes: MINUTE.parse(minute)?,
            hours: HOUR.parse(hour)?,
            days: DAY.parse(day)?,
            months: MONTH.parse(month)?,
            weekdays: WEEKDAY.parse(weekday)?,
            any_day: Field::is_any(day) || Field::is_any(weekday),
        })
    }

    /// The first fitting second after `after`, all by one clock.
    fn next_after(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let from = after
            .with_nanosecond(0)?
            .checked_add_signed(TimeDelta::seconds(1))?;
        let mut days = from.date().iter_days().take(HORIZON_DAYS);
        days.find_map(|date| {
            let earliest = if date == from.date() {
                from.time()
            } else {
                NaiveTime::MIN
            };
            let fits = self.fits(date).then(|| self.first_time(earliest)).flatten();
            fits.map(|time| date.and_time(time))
        })
    }

    fn fits(&self, date: NaiveDate) -> bool {
        let day = self.days.contains(&date.day());
        let weekday = self
            .weekdays
            .contains(&date.weekday().num_days_from_sunday());
        let fits = if self.any_day {
            day && weekday
        } else {
            day || weekday
        };
        fits && self.months.contains(&date.month())
    }

    /// The first fitting time of a day from `earliest` on.
    fn first_time(&self, earliest: NaiveTime) -> Option<NaiveTime> {
        let from = (earliest.hour(), earliest.minute(), earliest.second());
        self.hours.range(from.0..).find_map(|&hour| {
            let least = if hour == from.0 { from.1 } else { 0 };
            self.minutes.range(least..).find_map(|&minute| {
                let now = (hour, minute) == (from.0, from.1);
                let least = if now { from.2 } else { 0 };
                let second = *self.seconds.range(least..).next()?;
                NaiveTime::from_hms_opt(hour, minute, second)
            })
        })
    }
}

fn of_word(word: &str) -> Result<Kind, String> {
    let fields = match word {
        "yearly" | "annually" => "0 0 0 1 1 *",
        "monthly" => "0 0 0 1 * *",
        "weekly" => "0 0 0 * * 0",
        "daily" | "midnight" => "0 0 0 * * *",
        "hourly" => "0 0 * * * *",
        word => {
            let period = word.strip_prefix("every ").and_then(period);
            return period
                .map(Kind::Every)
                .ok_or_else(|| format!("\"@{word}\" is not known"));
        }
    };
    Ok(Kind::Fields(Box::new(Fields::parse(fields)?)))
}

/// A sequence of numbers with units, such as `1h30m`, in whole seconds and at least one.
fn period(text: &str) -> Option<TimeDelta> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number: f64 = rest.strip_suffix(unit)?.parse().ok()?;
        let units = [
            ("ms", 1e-3),
            ("us", 1e-6),
            ("ns", 1e-9),
            ("h", 3_600.0),
            ("m", 60.0),
            ("s", 1.0),
        ];
        let (next, factor) = units
            .iter()
            .find_map(|&(name, factor)| Some((unit.strip_prefix(name)?, factor)))?;
        seconds += number * factor;
        rest = next;
    }
    let known = !text.trim().is_empty() && seconds < MAX_PERIOD_SECONDS;
    #[expect(clippy::cast_possible_truncation, reason = "it is below the bound")]
    known.then(|| TimeDelta::seconds((seconds as i64).max(1)))
}

/// The name of a time zone in front, and the rest.
fn split_zone(text: &str) -> (Option<&str>, &str) {
    let zoned = text
        .strip_prefix("TZ=")
        .or_else(|| text.strip_prefix("CRON_TZ="));
    match zoned.and_then(|rest| rest.split_once(' ')) {
        Some((zone, schedule)) => (Some(zone), schedule.trim_start()),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Zurich in 2026: two hours ahead of UTC in summer, one in winter.
    fn zurich(time: Timestamp) -> i32 {
        let summer = self::time("2026-03-29T01:00:00Z")..self::time("2026-10-25T01:00:00Z");
        if summer.contains(&time) { 7_200 } else { 3_600 }
    }

    fn next(schedule: &str, after: &str, offset: impl Fn(Timestamp) -> i32) -> String {
        let schedule = Schedule::parse_with_seconds(schedule).unwrap();
        let next = schedule.next_after(time(after), offset);
        next.map_or_else(
            || "never".to_owned(),
            |next| next.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        )
    }

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
            assert!(Schedule::parse_with_seconds(valid).is_ok(), "{valid}");
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
            "@every 1000000h",
            "0 0 , * * *",
        ] {
            assert!(Schedule::parse_with_seconds(invalid).is_err(), "{invalid}");
        }
        let zoned = Schedule::parse_with_seconds("CRON_TZ=Asia/Tokyo 0 0 8 * * *").unwrap();
        assert_eq!(zoned.zone(), Some("Asia/Tokyo"));
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
            assert_eq!(Schedule::with_seconds(text).as_deref(), expected);
        }
    }

    #[test]
    fn what_comes_next() {
        let utc = |_| 0;
        for (schedule, after, expected) in [
            (
                "0 0 22 * * *",
                "2026-11-26T22:00:00Z",
                "2026-11-27T22:00:00Z",
            ),
            (
                "0 0 22 * * *",
                "2026-11-26T21:59:59.999Z",
                "2026-11-26T22:00:00Z",
            ),
            (
                "*/20 * * * * *",
                "2026-11-26T10:00:05.5Z",
                "2026-11-26T10:00:20Z",
            ),
            (
                "30 59 23 31 12 *",
                "2026-12-31T23:59:30Z",
                "2027-12-31T23:59:30Z",
            ),
            // Five fields begin with the seconds: minute 22 of every hour.
            ("0 22 * * *", "2026-11-26T10:30:00Z", "2026-11-26T11:22:00Z"),
            // Either day fits when both are given, both must when one is open.
            (
                "0 0 0 13 * fri",
                "2026-11-01T00:00:00Z",
                "2026-11-06T00:00:00Z",
            ),
            (
                "0 0 0 13 * *",
                "2026-11-01T00:00:00Z",
                "2026-11-13T00:00:00Z",
            ),
            (
                "0 0 0 ? * sun",
                "2026-11-02T00:00:00Z",
                "2026-11-08T00:00:00Z",
            ),
            (
                "0 0 0 29 2 *",
                "2096-02-29T00:00:00Z",
                "2104-02-29T00:00:00Z",
            ),
            ("0 0 0 30 2 *", "2026-01-01T00:00:00Z", "never"),
            ("@hourly", "2026-11-26T10:00:00Z", "2026-11-26T11:00:00Z"),
            (
                "@every 1h30m",
                "2026-11-26T10:00:00.7Z",
                "2026-11-26T11:30:00Z",
            ),
            ("@every 5ms", "2026-11-26T10:00:00Z", "2026-11-26T10:00:01Z"),
        ] {
            assert_eq!(
                next(schedule, after, utc),
                expected,
                "{schedule} after {after}"
            );
        }
    }

    #[test]
    fn clocks_that_change() {
        for (schedule, after, expected) in [
            (
                "0 0 8 * * *",
                "2026-03-28T12:00:00Z",
                "2026-03-29T06:00:00Z",
            ),
            (
                "0 0 8 * * *",
                "2026-10-24T12:00:00Z",
                "2026-10-25T07:00:00Z",
            ),
            // Half past two is skipped in spring…
            (
                "0 30 2 * * *",
                "2026-03-28T12:00:00Z",
                "2026-03-30T00:30:00Z",
            ),
            (
                "0 0 3 * * *",
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            // … and comes twice in autumn.
            (
                "0 30 2 * * *",
                "2026-10-24T12:00:00Z",
                "2026-10-25T00:30:00Z",
            ),
            (
                "0 30 2 * * *",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:30:00Z",
            ),
            (
                "0 30 2 * * *",
                "2026-10-25T01:30:00Z",
                "2026-10-26T01:30:00Z",
            ),
            (
                "0 */5 * * * *",
                "2026-10-25T00:55:00Z",
                "2026-10-25T01:00:00Z",
            ),
            (
                "0 0 12 1 7 *",
                "2026-01-01T00:00:00Z",
                "2026-07-01T10:00:00Z",
            ),
            (
                "0 0 12 1 12 *",
                "2026-02-01T00:00:00Z",
                "2026-12-01T11:00:00Z",
            ),
        ] {
            assert_eq!(
                next(schedule, after, zurich),
                expected,
                "{schedule} after {after}"
            );
        }
    }

    proptest! {
        /// What comes next is what counting the seconds finds.
        #[test]
        fn nothing_is_missed(
            schedule in "(\\*|[0-5]?[0-9])( (\\*|[0-5]?[0-9]|\\*/7)){1} (\\*|1|2|3|23) \\* \\* (\\*|sun|mon)",
            begin in 0_i64..4,
        ) {
            let schedule = Schedule::parse_with_seconds(&schedule).unwrap();
            let Kind::Fields(fields) = schedule.kind.clone() else { unreachable!() };
            let around = ["2026-03-28T23:59:30Z", "2026-03-29T00:59:58Z", "2026-10-24T23:00:00Z", "2026-10-25T00:59:58Z"];
            let after = time(around[usize::try_from(begin).unwrap()]);
            let found = schedule.next_after(after, zurich);
            let counted = (1..4 * 3_600).map(|second| after + TimeDelta::seconds(second)).find(|&second| {
                let local = second.naive_utc() + TimeDelta::seconds(zurich(second).into());
                fields.fits(local.date()) && fields.first_time(local.time()) == Some(local.time())
            });
            match counted {
                Some(counted) => prop_assert_eq!(found, Some(counted)),
                None => prop_assert!(found.is_none_or(|found| found >= after + TimeDelta::hours(4))),
            }
        }
    }
}
