//! `data.coder_workspace_preset`.

use std::collections::BTreeMap;

use super::schema::{computed, default, list, optional, required, set};
use super::{DefaultValue, Rule};

attributes! {
    /// Parameter values under one name.
    WorkspacePreset = "coder_workspace_preset" {
        /// The name.
        id: String = computed();
        /// The name, unique over the whole template.
        name: String = required().rules(&[Rule::NotEmpty]);
        /// What the preset is for.
        description: String = optional().rules(&[Rule::MaxBytes(128)]);
        /// The URL or path of a picture.
        icon: String = optional().rules(&[Rule::Url, Rule::MaxBytes(256)]);
        /// Whether it is chosen at first; at most one of a template is.
        default: bool = default(DefaultValue::Bool(false));
        /// The values by the name of their parameter.
        parameters: BTreeMap<String, String> = optional().rules(&[Rule::NotEmpty]);
    } blocks {
        /// Workspaces that are built before somebody asks for them.
        prebuilds: Prebuilds = set().at_most(1);
    }
}

attributes! {
    /// Workspaces that are built before somebody asks for them.
    Prebuilds {
        /// How many are kept ready.
        instances: i64 = required().rules(&[Rule::AtLeast(0)]);
    } blocks {
        /// When an unclaimed one is given up.
        expiration_policy: ExpirationPolicy = set().at_most(1);
        /// Other numbers at some times of the week.
        scheduling: Scheduling = list().at_most(1);
    }
}

attributes! {
    /// When an unclaimed prebuilt workspace is given up.
    ExpirationPolicy {
        /// Seconds after which it is; 0 is never.
        ttl: i64 = required();
    }
}

attributes! {
    /// Other numbers of prebuilt workspaces at some times of the week.
    Scheduling {
        /// The time zone of the schedules, by its IANA name.
        timezone: String = required().rules(&[Rule::NotEmpty]);
    } blocks {
        /// Times, and the number kept ready then.
        schedule: Schedule = list().at_least(1);
    }
}

attributes! {
    /// Times, and the number of prebuilt workspaces kept ready then.
    Schedule {
        /// The times: five fields of which the minute must be `*`, as whole hours are meant.
        cron: String = required();
        /// How many are kept ready.
        instances: i64 = required().rules(&[Rule::AtLeast(0)]);
    }
}
