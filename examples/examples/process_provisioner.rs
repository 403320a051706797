//! A platform whose workspaces are processes of this machine: the store in memory, the HTTP API, the provisioner of
//! `coder_examples::process`, and the real agent, which is this program again.
//!
//! ```sh
//! cargo run -p coder-examples --example process_provisioner            # a workspace is made, shown and deleted
//! cargo run --release -p coder-examples --example process_provisioner -- --bench 30
//! ```
//!
//! The benchmark stops and starts the workspace again and again and prints how long it takes from the request until
//! the server knows that the agent is ready: the time of the platform itself, as nothing else is done.

use coder_core::workspace_build::WorkspaceTransition::{Delete, Start, Stop};
use coder_examples::{
    Platform,
    process::{ProcessProvisioner, Template},
};
use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

const STARTS: usize = 30;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|argument| argument == "agent").is_some() {
        return coder_agent::cli::agent_main(arguments);
    }
    let bench = arguments
        .next_if(|argument| argument == "--bench")
        .is_some();
    let starts = arguments
        .next()
        .and_then(|count| count.to_str()?.parse().ok());
    let starts = bench.then(|| starts.unwrap_or(STARTS));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let folder = std::env::temp_dir().join(format!("coder-processes-{}", std::process::id()));
    let ended = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(folder.clone(), starts)));
    // Gone already unless something failed.
    let _ = std::fs::remove_dir_all(folder);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(folder: PathBuf, bench: Option<usize>) -> Result<(), Box<dyn std::error::Error>> {
    let agent = std::env::current_exe()?;
    let template = Template {
        command: vec![agent.to_string_lossy().into_owned(), "agent".to_owned()],
        ..Template::default()
    };
    let archive = template.to_archive("# A process\n")?;
    let platform = Platform::serve(Arc::new(ProcessProvisioner::new(folder))).await?;
    let begin = Instant::now();
    let workspace = platform.create_workspace(archive).await?;
    let id = workspace.workspace().id;
    let ended = async {
        platform.ready(id).await?;
        let mut out = std::io::stdout().lock();
        let Some(starts) = bench else {
            let taken = begin.elapsed().as_millis();
            writeln!(
                out,
                "dev has an agent, which is ready after {taken} ms, import of the template included"
            )?;
            return Ok(());
        };
        let mut times = Vec::with_capacity(starts);
        for _ in 0..starts {
            platform.build(id, Stop).await?;
            let begin = Instant::now();
            platform.build(id, Start).await?;
            platform.ready(id).await?;
            times.push(begin.elapsed());
        }
        times.sort_unstable();
        let at = |percent: usize| {
            let place = (times.len() * percent).div_ceil(100).max(1) - 1;
            times.get(place).map_or(0, Duration::as_millis)
        };
        writeln!(
            out,
            "request to agent ready, {starts} starts: p50 {} ms, p90 {} ms, p99 {} ms",
            at(50),
            at(90),
            at(99)
        )?;
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    let ended = ended.await;
    platform.build(id, Delete).await?;
    platform.stop();
    ended
}
