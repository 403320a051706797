//! `coder templates edit`.

use crate::cli::{
    client::Client,
    create::milliseconds,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{confirm, error_line},
};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// All days, as the API names them.
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Flags of `coder templates edit`. What is not given stays as it is.
#[derive(clap::Args)]
pub(crate) struct EditArgs {
    /// The template.
    template: String,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// Shown instead of the name.
    #[arg(long)]
    display_name: Option<String>,
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
    /// URL or path of an icon.
    #[arg(long)]
    icon: Option<String>,
    /// Why it should not be used any more; empty when it should.
    #[arg(long)]
    deprecated: Option<String>,
    /// Time after which workspaces stop, such as `8h`; `0h` for never.
    #[arg(long)]
    default_ttl: Option<String>,
    /// Time by which activity moves the stop.
    #[arg(long)]
    activity_bump: Option<String>,
    /// Time before a stop at which the owner is told.
    #[arg(long)]
    autostop_reminder: Option<String>,
    /// Time after which failed workspaces are stopped.
    #[arg(long)]
    failure_ttl: Option<String>,
    /// Time without use after which workspaces become dormant.
    #[arg(long)]
    dormancy_threshold: Option<String>,
    /// Time after which dormant workspaces are deleted.
    #[arg(long)]
    dormancy_auto_deletion: Option<String>,
    /// Days on which workspaces may start by themselves, or `all`.
    #[arg(long, value_delimiter = ',')]
    autostart_requirement_weekdays: Option<Vec<String>>,
    /// Days on which workspaces must stop, or `none`.
    #[arg(long, value_delimiter = ',')]
    autostop_requirement_weekdays: Option<Vec<String>>,
    /// Every how many weeks they must.
    #[arg(long)]
    autostop_requirement_weeks: Option<i64>,
    /// Whether users may cancel running builds.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_user_cancel_workspace_jobs: Option<bool>,
    /// Whether users may choose when workspaces start.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_user_autostart: Option<bool>,
    /// Whether users may choose when workspaces stop.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_user_autostop: Option<bool>,
    /// Whether each start takes the active version.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    require_active_version: Option<bool>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// The organization.
    #[arg(
        short = 'O',
        long,
        env = "CODER_ORGANIZATION",
        default_value = "default"
    )]
    org: String,
}

/// Changes a template.
pub(crate) async fn run(global: &GlobalArgs, args: EditArgs) -> CliResult {
    let body = args.change()?;
    if body.is_empty() {
        return Err(CliError::new("nothing is to be changed")
            .hint("See what can be with: coder templates edit --help"));
    }
    let client = Client::signed_in(global)?;
    let template = super::get(&client, &args.org, &args.template).await?;
    confirm(&format!("Change the template {}?", template.name), args.yes)?;
    let path = format!("api/v2/templates/{}", template.id);
    client
        .send(Method::PATCH, &path, Some(&Value::Object(body)))
        .await?;
    error_line(&format!("The template {} has been changed.", template.name));
    Ok(())
}

impl EditArgs {
    /// The fields of the request that are to be changed.
    fn change(&self) -> CliResult<Map<String, Value>> {
        let mut body = Map::new();
        let texts = [
            ("name", &self.name),
            ("display_name", &self.display_name),
            ("description", &self.description),
            ("icon", &self.icon),
            ("deprecation_message", &self.deprecated),
        ];
        for (field, text) in texts {
            body.extend(text.as_ref().map(|text| (field.to_owned(), json!(text))));
        }
        let times = [
            ("default_ttl_ms", &self.default_ttl),
            ("activity_bump_ms", &self.activity_bump),
            ("time_til_autostop_notify_ms", &self.autostop_reminder),
            ("failure_ttl_ms", &self.failure_ttl),
            ("time_til_dormant_ms", &self.dormancy_threshold),
            (
                "time_til_dormant_autodelete_ms",
                &self.dormancy_auto_deletion,
            ),
        ];
        for (field, text) in times {
            if let Some(text) = text {
                body.insert(field.to_owned(), json!(milliseconds(text)?));
            }
        }
        let permissions = [
            (
                "allow_user_cancel_workspace_jobs",
                self.allow_user_cancel_workspace_jobs,
            ),
            ("allow_user_autostart", self.allow_user_autostart),
            ("allow_user_autostop", self.allow_user_autostop),
            ("require_active_version", self.require_active_version),
        ];
        for (field, permitted) in permissions {
            body.extend(permitted.map(|permitted| (field.to_owned(), json!(permitted))));
        }
        if let Some(days) = &self.autostart_requirement_weekdays {
            let days = json!({ "days_of_week": days_of(days) });
            body.insert("autostart_requirement".to_owned(), days);
        }
        let (days, weeks) = (
            &self.autostop_requirement_weekdays,
            self.autostop_requirement_weeks,
        );
        if days.is_some() || weeks.is_some() {
            let days = days.as_deref().map(days_of);
            let requirement = json!({ "days_of_week": days, "weeks": weeks });
            body.insert("autostop_requirement".to_owned(), requirement);
        }
        Ok(body)
    }
}

fn days_of(days: &[String]) -> Vec<&str> {
    match days {
        [one] if one == "all" => DAYS.to_vec(),
        [one] if one == "none" => Vec::new(),
        days => days.iter().map(String::as_str).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Edit {
        #[command(flatten)]
        args: EditArgs,
    }

    fn change(flags: &[&str]) -> CliResult<Value> {
        let edit = Edit::try_parse_from(["edit", "dev"].iter().chain(flags)).expect("flags");
        edit.args.change().map(Value::Object)
    }

    #[test]
    fn only_what_is_given_is_sent() {
        assert_eq!(change(&[]).expect("nothing"), json!({}));
        let sent = change(&[
            "--description=",
            "--default-ttl=8h",
            "--allow-user-autostart=false",
            "--require-active-version",
            "--autostart-requirement-weekdays=all",
            "--autostop-requirement-weekdays=monday,friday",
        ]);
        let expected = json!({
            "description": "",
            "default_ttl_ms": 28_800_000,
            "allow_user_autostart": false,
            "require_active_version": true,
            "autostart_requirement": { "days_of_week": DAYS },
            "autostop_requirement": { "days_of_week": ["monday", "friday"], "weeks": null },
        });
        assert_eq!(sent.expect("fields"), expected);
        change(&["--failure-ttl=soon"]).expect_err("no duration");
    }
}
