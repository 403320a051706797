//! `coder templates push`.

use super::{archive, variables::VariableArgs};
use crate::cli::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{confirm, error_line, printable},
    parameters::pairs,
    progress::Followed,
    types::{Template, TemplateVersion},
};
use reqwest::Method;
use serde_json::json;
use std::path::PathBuf;

/// What pins the versions of providers.
const LOCK_FILE: &str = ".terraform.lock.hcl";

/// Flags of `coder templates push`.
#[derive(clap::Args)]
pub(crate) struct PushArgs {
    /// Name of the template, that of the folder by default.
    template: Option<String>,
    /// The template's folder.
    #[arg(short, long, default_value = ".")]
    directory: PathBuf,
    /// Name of the version, made up by default.
    #[arg(long)]
    name: Option<String>,
    /// What changed.
    #[arg(short, long, default_value = "")]
    message: String,
    /// Whether the new version becomes the active one.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    activate: bool,
    #[command(flatten)]
    variables: VariableArgs,
    /// Tag of the provisioners that may run it, `name=value`.
    #[arg(long, value_name = "NAME=VALUE")]
    provisioner_tag: Vec<String>,
    /// Say nothing when there is no lock file.
    #[arg(long)]
    ignore_lockfile: bool,
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

/// Uploads, imports, and makes or updates the template.
pub(crate) async fn run(global: &GlobalArgs, args: PushArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let name = match &args.template {
        Some(name) => name.clone(),
        None => folder_name(&args)?,
    };
    let template = super::find(&client, &args.org, &name).await?;
    let archive = archive::of_folder(&args.directory)?;
    let verb = if template.is_some() {
        "Update"
    } else {
        "Create"
    };
    confirm(
        &format!(
            "{verb} the template {name} from {}?",
            args.directory.display()
        ),
        args.yes,
    )?;
    if !args.ignore_lockfile && !args.directory.join(LOCK_FILE).exists() {
        error_line(&format!(
            "There is no {LOCK_FILE}: each import takes the newest providers that fit. Make one with `terraform init`, \
             or pass --ignore-lockfile."
        ));
    }
    let file = client.upload_tar(archive).await?;
    let version = import(&client, &args, template.as_ref(), &file).await?;
    Followed::version(&version.id).wait(&client).await?;
    match template {
        None => create(&client, &args, &name, &version).await?,
        Some(template) if args.activate => {
            let path = format!("api/v2/templates/{}/versions", template.id);
            client
                .send(Method::PATCH, &path, Some(&json!({ "id": version.id })))
                .await?;
        }
        Some(_) => {}
    }
    error_line(&format!(
        "The template {name} has the version {}.",
        printable(&version.name)
    ));
    Ok(())
}

async fn import(
    client: &Client,
    args: &PushArgs,
    template: Option<&Template>,
    file: &str,
) -> CliResult<TemplateVersion> {
    let variables = args.variables.values(&args.directory)?;
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let mut body = json!({
        "message": args.message, "storage_method": "file", "file_id": file, "provisioner": "terraform",
        "tags": pairs(&args.provisioner_tag)?, "user_variable_values": variables,
    });
    if let Some(object) = body.as_object_mut() {
        if let Some(name) = &args.name {
            object.insert("name".to_owned(), json!(name));
        }
        if let Some(template) = template {
            object.insert("template_id".to_owned(), json!(template.id));
        }
    }
    client
        .post(
            &format!("api/v2/organizations/{}/templateversions", args.org),
            &body,
        )
        .await
}

async fn create(
    client: &Client,
    args: &PushArgs,
    name: &str,
    version: &TemplateVersion,
) -> CliResult {
    let body = json!({ "name": name, "template_version_id": version.id });
    let _: Template = client
        .post(
            &format!("api/v2/organizations/{}/templates", args.org),
            &body,
        )
        .await?;
    Ok(())
}

fn folder_name(args: &PushArgs) -> CliResult<String> {
    let folder = std::fs::canonicalize(&args.directory).map_err(|error| {
        CliError::new(format!(
            "the folder {} cannot be read",
            args.directory.display()
        ))
        .caused_by(error)
    })?;
    let name = folder.file_name().and_then(|name| name.to_str());
    name.map(str::to_lowercase).ok_or_else(|| {
        CliError::new("the folder has no name").hint("Pass the name of the template.")
    })
}
