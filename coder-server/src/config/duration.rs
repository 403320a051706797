//! Durations as the field writes them: `24h0m0s`, `90m`, `1.5s`, `100ms`.

use chrono::TimeDelta;

/// Parses a duration such as `1h30m`; a plain `0` needs no unit.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("{text:?} is no duration such as 24h0m0s or 500ms");
    if text == "0" {
        return Ok(TimeDelta::zero());
    }
    let mut rest = text;
    let mut nanoseconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let unit = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let factor = match unit {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            _ => return Err(wrong()),
        };
        nanoseconds += number.parse::<f64>().map_err(|_| wrong())? * factor;
        rest = after;
    }
    // 292 years fit into nanoseconds; the longest option is 100 years.
    if text.is_empty() || nanoseconds > 9.2e18 {
        return Err(wrong());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked above"
    )]
    let nanoseconds = nanoseconds as i64;
    Ok(TimeDelta::nanoseconds(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, milliseconds) in [
            ("24h0m0s", 86_400_000),
            ("876600h0m0s", 3_155_760_000_000),
            ("1.5s", 1_500),
            ("100ms", 100),
            ("0", 0),
            ("1h30m", 5_400_000),
        ] {
            let parsed = parse_duration(text).expect(text);
            assert_eq!(parsed.num_milliseconds(), milliseconds, "{text}");
        }
        for bad in ["", "1", "h", "1x", "-1h", "1h2", "1..5s", "99999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
