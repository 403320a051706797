//! `coder logs`.

use super::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{line, printable},
    types::{AgentLog, Build, JobLog},
    workspace,
};
use std::{collections::BTreeMap, time::Duration};

/// Between two looks while following.
const POLL: Duration = Duration::from_millis(500);

/// Flags of `coder logs`.
#[derive(clap::Args)]
pub(crate) struct LogsArgs {
    /// The workspace.
    workspace: String,
    /// The build; 0 for the newest, negative ones count back from it.
    #[arg(short = 'n', long, default_value_t = 0, allow_negative_numbers = true)]
    build_number: i32,
    /// Go on until the build has ended and its agents are ready.
    #[arg(short, long)]
    follow: bool,
}

/// Prints the log of a build, then those of its agents.
pub(crate) async fn run(global: &GlobalArgs, args: LogsArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let found = workspace::find_by_text(&client, &args.workspace).await?;
    let newest = found.latest_build.build_number;
    let number = if args.build_number > 0 {
        args.build_number
    } else {
        newest + args.build_number
    };
    if number < 1 || number > newest {
        return Err(CliError::new(format!("there is no build {number}"))
            .hint(format!("The newest build is {newest}.")));
    }
    let path = format!(
        "api/v2/users/{}/workspace/{}/builds/{number}",
        found.owner_name, found.name
    );
    let (mut job_after, mut agents_after) = (0, BTreeMap::new());
    loop {
        let build: Build = client.get(&path).await?;
        print_job(&client, &build, &mut job_after).await?;
        print_agents(&client, &build, &mut agents_after).await?;
        let agents = build.resources.iter().flat_map(|resource| &resource.agents);
        let settled = agents
            .clone()
            .all(|agent| agent.lifecycle_state.is_started());
        if !args.follow || (build.job.status.is_final() && settled) {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn print_job(client: &Client, build: &Build, after: &mut i64) -> CliResult {
    let path = format!("api/v2/workspacebuilds/{}/logs?after={after}", build.id);
    for log in client.get::<Vec<JobLog>>(&path).await? {
        *after = log.id.max(*after);
        let text = format!(
            "[{}] {}: {}",
            log.log_level,
            printable(&log.stage),
            printable(&log.output)
        );
        line(text.trim_end_matches([':', ' ']))?;
    }
    Ok(())
}

async fn print_agents(
    client: &Client,
    build: &Build,
    after: &mut BTreeMap<String, i64>,
) -> CliResult {
    for agent in build.resources.iter().flat_map(|resource| &resource.agents) {
        let after = after.entry(agent.id.clone()).or_insert(0);
        let path = format!("api/v2/workspaceagents/{}/logs?after={after}", agent.id);
        for log in client.get::<Vec<AgentLog>>(&path).await? {
            *after = log.id.max(*after);
            line(&format!(
                "[{}] agent.{}: {}",
                log.level,
                printable(&agent.name),
                printable(&log.output)
            ))?;
        }
    }
    Ok(())
}
