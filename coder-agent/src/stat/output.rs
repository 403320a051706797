use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A multiple of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// 2¹⁰.
    Kibi,
    /// 2²⁰.
    Mebi,
    /// 2³⁰.
    Gibi,
    /// 2⁴⁰.
    Tebi,
}

/// How much is used of how much.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Usage {
    /// What is used, in `unit`.
    pub used: f64,
    /// What there is, in `unit`; absent when nothing limits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// `cores`, or bytes with a [`Prefix`].
    pub unit: String,
}

impl Prefix {
    /// How many bytes.
    #[must_use]
    pub const fn bytes(self) -> f64 {
        let kibi = 1024.0;
        match self {
            Self::Kibi => kibi,
            Self::Mebi => kibi * kibi,
            Self::Gibi => kibi * kibi * kibi,
            Self::Tebi => kibi * kibi * kibi * kibi,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kibi => "Ki",
            Self::Mebi => "Mi",
            Self::Gibi => "Gi",
            Self::Tebi => "Ti",
        })
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "Ki" => Ok(Self::Kibi),
            "Mi" => Ok(Self::Mebi),
            "Gi" => Ok(Self::Gibi),
            "Ti" => Ok(Self::Tebi),
            _ => Err(format!("{text:?} is not one of Ki, Mi, Gi, Ti")),
        }
    }
}

impl Usage {
    /// Bytes, shown in multiples of `prefix`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "2^53 bytes are 8 PiB; beyond that the last bytes do not matter"
    )]
    #[must_use]
    pub fn of_bytes(used: u64, total: Option<u64>, prefix: Prefix) -> Self {
        Self {
            used: used as f64 / prefix.bytes(),
            total: total.map(|total| total as f64 / prefix.bytes()),
            unit: format!("{prefix}B"),
        }
    }
}

impl fmt::Display for Usage {
    /// `1.5/4 cores (38%)`: at most three significant digits.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { used, total, unit } = self;
        match total {
            Some(total) if *total > 0.0 => {
                let percent = used / total * 100.0;
                let (used, total) = (short(*used), short(*total));
                write!(formatter, "{used}/{total} {unit} ({percent:.0}%)")
            }
            _ => write!(formatter, "{} {unit}", short(*used)),
        }
    }
}

fn short(number: f64) -> String {
    let decimals = match number {
        number if number < 10.0 => 2,
        number if number < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{number:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text() {
        let usage = |used, total| Usage {
            used,
            total,
            unit: "cores".into(),
        };
        for (usage, expected) in [
            (usage(1.5, Some(4.0)), "1.5/4 cores (38%)"),
            (usage(0.0, Some(0.5)), "0/0.5 cores (0%)"),
            (usage(0.256, None), "0.26 cores"),
            (usage(31.96, Some(128.0)), "32/128 cores (25%)"),
            (
                Usage::of_bytes(3 << 29, Some(1 << 34), Prefix::Gibi),
                "1.5/16 GiB (9%)",
            ),
            (Usage::of_bytes(1 << 20, None, Prefix::Kibi), "1024 KiB"),
        ] {
            assert_eq!(usage.to_string(), expected);
        }
    }

    #[test]
    fn prefixes_are_read_as_written() {
        for prefix in [Prefix::Kibi, Prefix::Mebi, Prefix::Gibi, Prefix::Tebi] {
            assert_eq!(prefix.to_string().parse(), Ok(prefix));
        }
        assert!("GB".parse::<Prefix>().is_err());
    }
}
