//! Changes of what a template says of its workspaces.

use crate::{
    Error,
    template::{CorsBehavior, SharingLevel, TemplatePolicy},
};

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
/// The longest a forced stop may be away, in weeks.
const MAX_WEEKS: i64 = 16;

/// What is given replaces what was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is documented in TemplatePolicy")]
pub struct PolicyChange {
    pub default_ttl_ms: Option<i64>,
    pub activity_bump_ms: Option<i64>,
    pub time_til_autostop_notify_ms: Option<i64>,
    pub autostop_days_of_week: Option<Vec<String>>,
    pub autostop_weeks: Option<i64>,
    pub autostart_days_of_week: Option<Vec<String>>,
    pub allow_user_autostart: Option<bool>,
    pub allow_user_autostop: Option<bool>,
    pub allow_user_cancel_workspace_jobs: Option<bool>,
    pub failure_ttl_ms: Option<i64>,
    pub time_til_dormant_ms: Option<i64>,
    pub time_til_dormant_autodelete_ms: Option<i64>,
    pub require_active_version: Option<bool>,
    pub deprecation_message: Option<String>,
    pub max_port_share_level: Option<SharingLevel>,
    pub cors_behavior: Option<CorsBehavior>,
    pub use_classic_parameter_flow: Option<bool>,
    pub agents_allowed: Option<bool>,
    pub disable_module_cache: Option<bool>,
}

impl PolicyChange {
    /// The policy with the change.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the field.
    pub fn apply(mut self, policy: &mut TemplatePolicy) -> Result<(), Error> {
        duration(
            "default_ttl_ms",
            self.default_ttl_ms,
            &mut policy.default_ttl_ms,
        )?;
        duration(
            "activity_bump_ms",
            self.activity_bump_ms,
            &mut policy.activity_bump_ms,
        )?;
        duration(
            "time_til_autostop_notify_ms",
            self.time_til_autostop_notify_ms,
            &mut policy.time_til_autostop_notify_ms,
        )?;
        duration(
            "failure_ttl_ms",
            self.failure_ttl_ms,
            &mut policy.failure_ttl_ms,
        )?;
        duration(
            "time_til_dormant_ms",
            self.time_til_dormant_ms,
            &mut policy.time_til_dormant_ms,
        )?;
        duration(
            "time_til_dormant_autodelete_ms",
            self.time_til_dormant_autodelete_ms,
            &mut policy.time_til_dormant_autodelete_ms,
        )?;
        if let Some(days) = self.autostop_days_of_week.take() {
            policy.autostop_days_of_week = checked_days("autostop_requirement.days_of_week", days)?;
        }
        if let Some(days) = self.autostart_days_of_week.take() {
            policy.autostart_days_of_week =
                checked_days("autostart_requirement.days_of_week", days)?;
        }
        if let Some(weeks) = self.autostop_weeks {
            if !(0..=MAX_WEEKS).contains(&weeks) {
                let detail = format!("must be from 0 to {MAX_WEEKS}");
                return Err(Error::invalid_field("autostop_requirement.weeks", detail));
            }
            policy.autostop_weeks = weeks.max(1);
        }
        self.apply_switches(policy);
        Ok(())
    }

    fn apply_switches(self, policy: &mut TemplatePolicy) {
        set(self.allow_user_autostart, &mut policy.allow_user_autostart);
        set(self.allow_user_autostop, &mut policy.allow_user_autostop);
        set(
            self.allow_user_cancel_workspace_jobs,
            &mut policy.allow_user_cancel_workspace_jobs,
        );
        set(
            self.require_active_version,
            &mut policy.require_active_version,
        );
        set(self.deprecation_message, &mut policy.deprecation_message);
        set(self.max_port_share_level, &mut policy.max_port_share_level);
        set(self.cors_behavior, &mut policy.cors_behavior);
        set(
            self.use_classic_parameter_flow,
            &mut policy.use_classic_parameter_flow,
        );
        set(self.agents_allowed, &mut policy.agents_allowed);
        set(self.disable_module_cache, &mut policy.disable_module_cache);
    }
}

fn set<T>(change: Option<T>, field: &mut T) {
    if let Some(value) = change {
        *field = value;
    }
}

fn duration(name: &str, change: Option<i64>, field: &mut i64) -> Result<(), Error> {
    // A hundred years: beyond, adding it to a date might overflow.
    if change.is_some_and(|ms| !(0..=3_155_760_000_000).contains(&ms)) {
        return Err(Error::invalid_field(
            name,
            "must be 0 or a number of milliseconds",
        ));
    }
    set(change, field);
    Ok(())
}

fn checked_days(name: &str, days: Vec<String>) -> Result<Vec<String>, Error> {
    if let Some(day) = days.iter().find(|day| !DAYS.contains(&day.as_str())) {
        let detail = format!("{day:?} is no lower-case name of a weekday");
        return Err(Error::invalid_field(name, detail));
    }
    // In the order of the week, each once.
    let days = DAYS
        .iter()
        .filter(|known| days.iter().any(|day| day == *known));
    Ok(days.map(|day| (*day).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_changes() {
        let mut policy = TemplatePolicy::default();
        let days = ["sunday", "monday", "monday"].map(str::to_owned).to_vec();
        let change = PolicyChange {
            default_ttl_ms: Some(3_600_000),
            autostop_days_of_week: Some(days),
            allow_user_autostop: Some(false),
            ..PolicyChange::default()
        };
        change.apply(&mut policy).expect("valid");
        let expected = TemplatePolicy {
            default_ttl_ms: 3_600_000,
            autostop_days_of_week: vec!["monday".to_owned(), "sunday".to_owned()],
            allow_user_autostop: false,
            ..TemplatePolicy::default()
        };
        assert_eq!(policy, expected);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let negative = PolicyChange {
            failure_ttl_ms: Some(-1),
            ..PolicyChange::default()
        };
        let error = negative
            .apply(&mut TemplatePolicy::default())
            .expect_err("negative");
        assert_eq!(error.fields()[0].field, "failure_ttl_ms");
        let day = PolicyChange {
            autostart_days_of_week: Some(vec!["Montag".to_owned()]),
            ..PolicyChange::default()
        };
        assert!(day.apply(&mut TemplatePolicy::default()).is_err());
    }
}
