use coder_core::Timestamp;
use tz::TimeZone;

/// The clocks of a time zone, as the workspace's own files know them.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// That of the workspace: what the variable `TZ` says, else the system's, else UTC.
    pub(crate) fn local(variable: Option<&str>) -> Self {
        let named = variable.and_then(|name| TimeZone::from_posix_tz(name).ok());
        Self(named.unwrap_or_else(|| TimeZone::local().unwrap_or_else(|_| TimeZone::utc())))
    }

    /// The one with this name, such as `Europe/Zurich`.
    ///
    /// # Errors
    /// What is wrong, to follow a colon.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        if matches!(name, "UTC" | "Local") {
            return Ok(if name == "UTC" {
                Self(TimeZone::utc())
            } else {
                Self::local(None)
            });
        }
        TimeZone::from_posix_tz(name).map(Self).map_err(|_| {
            format!(
                "the time zone {name:?} is not known here; the package tzdata has the usual ones"
            )
        })
    }

    /// How many seconds its clocks are ahead of UTC at `time`.
    pub(crate) fn offset(&self, time: Timestamp) -> i32 {
        let found = self.0.find_local_time_type(time.timestamp());
        found.map_or(0, tz::LocalTimeType::ut_offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_their_clocks() {
        let offset = |zone: &Zone, time: &str| zone.offset(time.parse().unwrap());
        let fixed = Zone::named("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(offset(&fixed, "2026-07-01T00:00:00Z"), 7_200);
        assert_eq!(offset(&fixed, "2026-12-01T00:00:00Z"), 3_600);
        let utc = Zone::named("UTC").unwrap();
        assert_eq!(offset(&utc, "2026-07-01T00:00:00Z"), 0);
        assert!(Zone::named("Middle/Earth").unwrap_err().contains("tzdata"));
        let local = Zone::local(Some("CET-1CEST,M3.5.0,M10.5.0/3"));
        assert_eq!(offset(&local, "2026-12-01T00:00:00Z"), 3_600);
    }
}
