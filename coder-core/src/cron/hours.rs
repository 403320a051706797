use super::field::{DAY, Field, HOUR, MONTH, WEEKDAY};
use std::collections::BTreeSet;

/// The hours of the week that a schedule covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
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
    pub fn parse(text: &str) -> Result<Self, String> {
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
    #[must_use]
    pub fn overlap(&self, other: &Self) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
