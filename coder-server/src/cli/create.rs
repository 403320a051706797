//! `coder create`.

use super::{
    client::Client,
    dry_run,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{ask, confirm, error_line, printable, require_answers},
    parameters::ParameterArgs,
    presets,
    progress::{Followed, warn_unmatched},
    types::{Template, Workspace, values_json},
    workspace::WorkspaceName,
};
use serde_json::{Value, json};

/// Flags of `coder create`.
#[derive(clap::Args)]
pub(crate) struct CreateArgs {
    /// Name of the workspace, `owner/name` for someone else's.
    workspace: Option<String>,
    /// The template.
    #[arg(short, long, env = "CODER_TEMPLATE_NAME")]
    template: Option<String>,
    /// A version other than the active one.
    #[arg(long, env = "CODER_TEMPLATE_VERSION")]
    template_version: Option<String>,
    /// A preset of the template, or `none`; the template's default when not given.
    #[arg(long, env = "CODER_PRESET_NAME")]
    preset: Option<String>,
    /// Time after which it stops, such as `8h` or `90m`.
    #[arg(long, env = "CODER_WORKSPACE_STOP_AFTER")]
    stop_after: Option<String>,
    /// Whether each start moves it to the active version.
    #[arg(long, env = "CODER_WORKSPACE_AUTOMATIC_UPDATES", default_value = "never", value_parser = ["always", "never"])]
    automatic_updates: String,
    /// Do not wait for the build.
    #[arg(long, env = "CODER_CREATE_NO_WAIT")]
    no_wait: bool,
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
    #[command(flatten)]
    parameters: ParameterArgs,
}

/// Creates a workspace and waits for its first build.
pub(crate) async fn run(global: &GlobalArgs, args: CreateArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let text = match args.workspace.clone() {
        Some(name) => name,
        None => ask("name of the workspace")?.ok_or_else(|| {
            CliError::new("no name is given")
                .hint("Write: coder create <name> --template <template>")
        })?,
    };
    let name = WorkspaceName::parse(&text)?;
    let template = choose_template(&client, &args).await?;
    let version = version_id(&client, &template, args.template_version.as_deref()).await?;
    let presets = presets::of_version(&client, &version).await?;
    let preset = presets::choose(presets, args.preset.as_deref(), args.yes)?;
    let values = args
        .parameters
        .for_create(&client, &version, preset.as_ref(), args.yes)
        .await?;
    if !args.yes {
        require_answers()?;
        dry_run::show(&client, &version, &name.name, &values).await?;
        confirm(&format!("Create {}?", name.name), false)?;
    }
    let mut body = json!({
        "name": name.name,
        "rich_parameter_values": values_json(&values),
        "automatic_updates": args.automatic_updates,
    });
    if let Some(object) = body.as_object_mut() {
        match &args.template_version {
            Some(_) => object.insert("template_version_id".to_owned(), json!(version)),
            None => object.insert("template_id".to_owned(), json!(template.id)),
        };
        if let Some(preset) = &preset {
            object.insert("template_version_preset_id".to_owned(), json!(preset.id));
        }
        if let Some(ttl) = &args.stop_after {
            object.insert("ttl_ms".to_owned(), json!(milliseconds(ttl)?));
        }
    }
    let path = format!("api/v2/users/{}/workspaces", name.owner);
    let workspace: Workspace = client.post(&path, &body).await?;
    if args.no_wait {
        let build = &workspace.latest_build;
        warn_unmatched(&build.job, build.matched_provisioners.as_ref());
        error_line(&format!(
            "The workspace {} is being created.",
            printable(&workspace.full_name())
        ));
        return Ok(());
    }
    Followed::build(&workspace.latest_build.id)
        .wait(&client)
        .await
        .map_err(|error| {
            error.hint(format!(
                "See the whole log with: coder logs {}",
                workspace.full_name()
            ))
        })?;
    error_line(&format!(
        "The workspace {} has been created.",
        printable(&workspace.full_name())
    ));
    Ok(())
}

async fn choose_template(client: &Client, args: &CreateArgs) -> CliResult<Template> {
    let path = format!("api/v2/organizations/{}/templates", args.org);
    if let Some(name) = &args.template {
        coder_core::name::check_name("template", name).map_err(|error| {
            CliError::new(format!("{name:?} is not the name of a template")).caused_by(error)
        })?;
        let found = client.find(&format!("{path}/{name}")).await?;
        return found.ok_or_else(|| {
            CliError::new(format!("there is no template {name:?}"))
                .hint("See all with: coder templates list")
        });
    }
    let mut templates: Vec<Template> = client.get(&path).await?;
    match (templates.pop(), templates.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(CliError::new("there is no template")
            .hint("Make one with: coder templates init, then coder templates push")),
        (Some(_), false) => Err(CliError::new("there are several templates")
            .hint("Pass --template; see all with: coder templates list")),
    }
}

/// The id of a template's version by name, or of the active one.
pub(crate) async fn version_id(
    client: &Client,
    template: &Template,
    name: Option<&str>,
) -> CliResult<String> {
    let Some(name) = name else {
        return Ok(template.active_version_id.clone());
    };
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let version: Value = client
        .get(&format!("api/v2/templates/{}/versions/{name}", template.id))
        .await?;
    // Answered as a list of one by some versions of the API.
    let version = version.get(0).unwrap_or(&version);
    let id = version.get("id").and_then(Value::as_str);
    id.map(str::to_owned)
        .ok_or_else(|| CliError::new("the answer is not understood"))
}

/// Reads a duration such as `1h30m`, `90m` or `45s`.
pub(crate) fn milliseconds(text: &str) -> CliResult<i64> {
    let invalid = || {
        CliError::new(format!("{text:?} is not a duration")).hint("Write it like 8h, 90m or 1h30m.")
    };
    let (mut total, mut number) = (0_i64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            'd' => 86_400_000,
            'h' => 3_600_000,
            'm' => 60_000,
            's' => 1_000,
            _ => return Err(invalid()),
        };
        let count: i64 = number.parse().map_err(|_| invalid())?;
        total = count
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(invalid)?;
        number.clear();
    }
    if number.is_empty() && !text.is_empty() {
        Ok(total)
    } else {
        Err(invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn durations() {
        assert_eq!(milliseconds("1h30m").expect("valid"), 5_400_000);
        for text in ["", "5", "h", "1x", "99999999999999999d"] {
            milliseconds(text).expect_err(text);
        }
    }
}
