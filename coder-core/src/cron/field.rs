//! One field of a schedule.

use std::collections::BTreeSet;

/// Fields of a schedule, in order, with their bounds.
pub(super) const SECOND: Field = Field {
    name: "second",
    least: 0,
    most: 59,
    names: &[],
};
pub(super) const MINUTE: Field = Field {
    name: "minute",
    least: 0,
    most: 59,
    names: &[],
};
pub(super) const HOUR: Field = Field {
    name: "hour",
    least: 0,
    most: 23,
    names: &[],
};
pub(super) const DAY: Field = Field {
    name: "day of the month",
    least: 1,
    most: 31,
    names: &[],
};
pub(super) const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
pub(super) const WEEKDAY: Field = Field {
    name: "day of the week",
    least: 0,
    most: 6,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

impl Field {
    /// The values of a field: a list of `*`, numbers, names and ranges, each with an optional step.
    ///
    /// # Errors
    /// What is wrong, to follow a colon.
    pub(super) fn parse(&self, text: &str) -> Result<BTreeSet<u32>, String> {
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

    /// Whether the text leaves the field open: then a day of the month and a day of the week must both fit,
    /// instead of either.
    pub(super) fn is_any(text: &str) -> bool {
        text.split(',')
            .any(|part| matches!(part, "*" | "?" | "*/1" | "?/1"))
    }
}
