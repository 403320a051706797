//! The `coder` command: one file per verb.

mod builds;
mod client;
mod config_dir;
mod config_ssh;
mod create;
mod dry_run;
mod duration;
mod entry;
mod error;
mod favorite;
mod global;
mod list;
mod login;
mod logs;
mod netcheck;
mod open;
mod output;
mod parameters;
mod ping;
mod port_forward;
mod presets;
mod progress;
mod provisioner;
mod publickey;
mod reach;
mod rename;
mod server;
mod show;
mod speedtest;
mod ssh;
mod state;
mod stdio;
mod templates;
mod tokens;
mod types;
mod update;
mod version;
mod workspace;

pub use entry::entry;

use clap::{Parser, Subcommand};
use error::CliResult;
use global::GlobalArgs;
use std::{ffi::OsString, process::ExitCode};

/// Remote development environments, described by Terraform, reached over SSH.
#[derive(Parser)]
#[command(name = "coder", version = version::LONG, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
#[command(rename_all = "kebab-case")]
enum Command {
    /// Run the server.
    Server(Box<server::ServerCommand>),
    /// Sign in to a deployment, or create its first user.
    Login(login::LoginArgs),
    /// Sign out.
    Logout(login::LogoutArgs),
    /// Show the signed-in user.
    Whoami(output::OutputArgs),
    /// Manage templates.
    #[command(subcommand, alias = "template")]
    Templates(templates::TemplatesCommand),
    /// Create a workspace.
    Create(create::CreateArgs),
    /// Show workspaces.
    #[command(alias = "ls")]
    List(list::ListArgs),
    /// Show resources and agents of a workspace.
    Show(show::ShowArgs),
    /// Start a workspace.
    Start(builds::StartArgs),
    /// Stop a workspace.
    Stop(builds::StopArgs),
    /// Stop a workspace, then start it.
    Restart(builds::StartArgs),
    /// Move a workspace to its template's active version and start it.
    Update(builds::StartArgs),
    /// Delete a workspace.
    #[command(alias = "rm")]
    Delete(builds::DeleteArgs),
    /// Provisioner daemons, their keys and their jobs.
    #[command(subcommand, visible_alias = "provisioners", alias = "provisionerd")]
    Provisioner(provisioner::ProvisionerCommand),
    /// Terraform state of a workspace.
    #[command(subcommand)]
    State(state::StateCommand),
    /// Show the logs of a workspace's build and agents.
    Logs(logs::LogsArgs),
    /// Open a shell or run a command in a workspace.
    Ssh(Box<ssh::SshArgs>),
    /// The ProxyCommand of the VS Code extension.
    #[command(name = "vscodessh", hide = true)]
    VsCodeSsh(ssh::VsCodeSshArgs),
    /// Forward ports of a workspace to this machine.
    #[command(alias = "tunnel")]
    PortForward(port_forward::PortForwardArgs),
    /// Measure how long it is to a workspace.
    Ping(ping::PingArgs),
    /// Measure how fast bytes get to a workspace or back.
    Speedtest(speedtest::SpeedtestArgs),
    /// Go the way to the deployment hop by hop, and name the one that fails.
    Netcheck(netcheck::NetcheckArgs),
    /// Open things of a workspace on the desktop.
    #[command(subcommand)]
    Open(open::OpenCommand),
    /// Rename a workspace.
    Rename(rename::RenameArgs),
    /// Pin a workspace, so that lists show it first.
    #[command(alias = "fav", alias = "favourite")]
    Favorite(favorite::FavoriteArgs),
    /// Unpin a workspace.
    #[command(alias = "unfav", alias = "unfavourite")]
    Unfavorite(favorite::FavoriteArgs),
    /// Print the key with which your workspaces reach Git hosts, or replace it.
    #[command(visible_alias = "pubkey", name = "publickey")]
    PublicKey(publickey::PublicKeyArgs),
    /// Write a section for workspaces into the SSH configuration.
    ConfigSsh(config_ssh::ConfigSshArgs),
    /// Tokens: keys for scripts.
    #[command(subcommand, alias = "token")]
    Tokens(tokens::TokensCommand),
    /// Print the version.
    Version(output::OutputArgs),
    /// Run the agent, in a workspace.
    #[command(hide = true, disable_help_flag = true)]
    Agent,
    /// Show the use of CPU, memory and disk where this runs.
    #[command(disable_help_flag = true)]
    Stat,
    /// Run ssh for Git with your Coder key, in a workspace.
    #[command(hide = true, disable_help_flag = true)]
    Gitssh,
    /// Answer Git's question for a name or password, in a workspace.
    #[command(hide = true, disable_help_flag = true)]
    Gitaskpass,
    /// Print the OpenAPI document of the HTTP API.
    #[command(hide = true)]
    Openapi,
}

/// Runs the command line.
fn main(arguments: Vec<OsString>) -> ExitCode {
    // One provider of cryptography for everything that does not name its own.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse_from(arguments);
    let mut runtime = match &cli.command {
        // A second thread would only be woken for each piece that passes.
        Command::Ssh(args) if args.only_copies() => tokio::runtime::Builder::new_current_thread(),
        Command::VsCodeSsh(_) => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return error::CliError::from(error).report(),
    };
    let result = runtime.block_on(run(cli));
    // What still runs, such as a blocking read of the terminal, must not hold up the exit.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

async fn run(cli: Cli) -> CliResult {
    let global = &cli.global;
    match cli.command {
        Command::Server(args) => server::run(global, *args).await,
        Command::Login(args) => login::login(global, args).await,
        Command::Logout(args) => login::logout(global, args).await,
        Command::Whoami(args) => login::whoami(global, args).await,
        Command::Templates(command) => templates::run(global, command).await,
        Command::Create(args) => create::run(global, args).await,
        Command::List(args) => list::run(global, args).await,
        Command::Show(args) => show::run(global, args).await,
        Command::Start(args) => builds::start(global, args).await,
        Command::Stop(args) => builds::stop(global, args).await,
        Command::Restart(args) => builds::restart(global, args).await,
        Command::Update(args) => update::run(global, args).await,
        Command::Delete(args) => builds::delete(global, args).await,
        Command::Provisioner(command) => provisioner::run(global, command).await,
        Command::State(command) => state::run(global, command).await,
        Command::Logs(args) => logs::run(global, args).await,
        Command::Ssh(args) => ssh::run(global, *args).await,
        Command::VsCodeSsh(args) => ssh::run_vscode(global, args).await,
        Command::PortForward(args) => port_forward::run(global, args).await,
        Command::Ping(args) => ping::run(global, args).await,
        Command::Speedtest(args) => speedtest::run(global, args).await,
        Command::Netcheck(args) => netcheck::run(global, args).await,
        Command::Open(command) => open::run(global, command).await,
        Command::Rename(args) => rename::run(global, args).await,
        Command::Favorite(args) => favorite::favorite(global, args).await,
        Command::Unfavorite(args) => favorite::unfavorite(global, args).await,
        Command::PublicKey(args) => publickey::run(global, args).await,
        Command::ConfigSsh(args) => config_ssh::run(global, args).await,
        Command::Tokens(command) => tokens::run(global, command).await,
        Command::Version(args) => version::run(&args),
        // These are told apart from the command line before that is parsed, see `entry`.
        Command::Agent | Command::Stat | Command::Gitssh | Command::Gitaskpass => Ok(()),
        Command::Openapi => {
            let document = crate::http::openapi::json();
            let document = document.map_err(|error| {
                error::CliError::new("the document cannot be written").caused_by(error)
            })?;
            output::line(document.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_flags_do_not_clash() {
        super::Cli::command().debug_assert();
    }

    /// An argument with the id of a global one is taken for it, which only login wants.
    #[test]
    fn no_command_has_an_argument_of_all_commands() {
        fn check(command: &clap::Command, global: &[&str]) {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                if (command.get_name(), id) == ("login", "url") {
                    continue;
                }
                assert!(!global.contains(&id), "{} has {id}", command.get_name());
            }
            for command in command.get_subcommands() {
                check(command, global);
            }
        }
        let all = super::Cli::command();
        let global = all
            .get_arguments()
            .filter(|argument| argument.is_global_set());
        let global: Vec<&str> = global.map(|argument| argument.get_id().as_str()).collect();
        assert!(global.contains(&"token"));
        for command in all.get_subcommands() {
            check(command, &global);
        }
    }
}
