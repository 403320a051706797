//! `coder templates`.

mod archive;
mod delete;
mod edit;
mod init;
mod list;
mod presets;
mod pull;
mod push;
mod variables;
mod versions;

use super::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    types::Template,
};

/// The verbs of `coder templates`.
#[derive(clap::Subcommand)]
pub(crate) enum TemplatesCommand {
    /// Write a starter template to disk.
    Init(init::InitArgs),
    /// Upload a folder as a new version, creating the template if needed.
    #[command(alias = "create")]
    Push(push::PushArgs),
    /// Show templates.
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Change what a template is called and what is permitted.
    Edit(Box<edit::EditArgs>),
    /// Download the source of a version.
    Pull(pull::PullArgs),
    /// Versions of a template.
    #[command(subcommand, alias = "version")]
    Versions(versions::VersionsCommand),
    /// Presets of a template.
    #[command(subcommand, alias = "preset")]
    Presets(presets::PresetsCommand),
    /// Remove templates.
    #[command(alias = "rm")]
    Delete(delete::DeleteArgs),
}

/// Runs a verb.
pub(crate) async fn run(global: &GlobalArgs, command: TemplatesCommand) -> CliResult {
    match command {
        TemplatesCommand::Init(args) => init::run(&args),
        TemplatesCommand::Push(args) => push::run(global, args).await,
        TemplatesCommand::List(args) => list::run(global, args).await,
        TemplatesCommand::Edit(args) => edit::run(global, *args).await,
        TemplatesCommand::Pull(args) => pull::run(global, args).await,
        TemplatesCommand::Versions(command) => versions::run(global, command).await,
        TemplatesCommand::Presets(command) => presets::run(global, command).await,
        TemplatesCommand::Delete(args) => delete::run(global, args).await,
    }
}

/// The template of this name, if there is one.
async fn find(client: &Client, organization: &str, name: &str) -> CliResult<Option<Template>> {
    for word in [organization, name] {
        coder_core::name::check_name("name", word).map_err(|error| {
            CliError::new(format!("{word:?} is not a valid name")).caused_by(error)
        })?;
    }
    client
        .find(&format!(
            "api/v2/organizations/{organization}/templates/{name}"
        ))
        .await
}

/// The template of this name.
async fn get(client: &Client, organization: &str, name: &str) -> CliResult<Template> {
    find(client, organization, name).await?.ok_or_else(|| {
        CliError::new(format!("there is no template {name:?}"))
            .hint("See all with: coder templates list")
    })
}
