//! `coder ping`: how long it is to the server and on to the agent.

use super::{
    client::Client,
    duration::{parse_duration, parse_interval},
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{error_line, line, printable},
    reach::{Reached, Wait, Wish, fate, reach},
    types::Agent,
    workspace::WorkspaceName,
};
use coder_core::clock::{Clock as _, SystemClock};
use std::time::Duration;
use tokio::{
    signal,
    time::{Instant, timeout},
};

/// Flags of `coder ping`.
#[derive(clap::Args)]
pub(crate) struct PingArgs {
    /// The workspace.
    workspace: String,
    /// Time between two pings.
    #[arg(long, default_value = "1s", value_parser = parse_duration, value_name = "DURATION")]
    wait: Duration,
    /// How long an answer may take.
    #[arg(short, long, default_value = "5s", value_parser = parse_interval, value_name = "DURATION")]
    timeout: Duration,
    /// How many pings; without it they go on until Ctrl-C.
    #[arg(short, long, value_parser = clap::value_parser!(u32).range(1..))]
    num: Option<u32>,
    /// Show the time of each answer.
    #[arg(long)]
    time: bool,
    /// Show the time in UTC.
    #[arg(long)]
    utc: bool,
}

/// How long an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pong {
    /// From here to the agent and back.
    pub(crate) total: Duration,
    /// The part of it from the server to the agent and back.
    pub(crate) agent: Duration,
}

impl Pong {
    /// The part of it from here to the server and back.
    pub(crate) const fn to_server(self) -> Duration {
        self.total.saturating_sub(self.agent)
    }
}

/// Asks an agent for a sign of life. The first call also pays for the connection to the server.
pub(crate) async fn ping(client: &Client, agent: &Agent) -> CliResult<Pong> {
    #[derive(serde::Deserialize)]
    struct Answer {
        round_trip_ms: f64,
    }
    let begin = Instant::now();
    let path = format!("api/v2/workspaceagents/{}/ping", agent.id);
    let answer: Answer = client.get(&path).await?;
    let agent = Duration::try_from_secs_f64(answer.round_trip_ms / 1_000.0);
    Ok(Pong {
        total: begin.elapsed(),
        agent: agent.unwrap_or_default(),
    })
}

/// Pings until enough have been answered, or Ctrl-C.
pub(crate) async fn run(global: &GlobalArgs, args: PingArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let name = WorkspaceName::parse(&args.workspace)?;
    let wish = Wish {
        autostart: false,
        wait: Wait::No,
    };
    let reached = reach(&client, &name, wish).await?;
    // The connection to the server is not what is measured.
    drop(timeout(args.timeout, ping(&client, &reached.agent)).await);
    let mut figures = Figures::default();
    tokio::select! {
        () = series(&client, &reached, &args, &mut figures) => {}
        interrupted = signal::ctrl_c() => interrupted?,
    }
    figures.summary(&reached)?;
    if figures.answered.is_empty() {
        let why = fate(&client, &reached).await;
        let error = CliError::new("no ping was answered");
        return Err(match why {
            Some(why) => error.hint(format!("It seems that {why}.")),
            None => error,
        });
    }
    Ok(())
}

async fn series(client: &Client, reached: &Reached, args: &PingArgs, figures: &mut Figures) {
    let server = client.url.host_str().unwrap_or_default().to_owned();
    let agent = printable(&reached.agent.name);
    while args.num.is_none_or(|num| figures.sent < num) {
        let begin = Instant::now();
        figures.sent += 1;
        let stamp = stamp(args);
        match timeout(args.timeout, ping(client, &reached.agent)).await {
            Ok(Ok(pong)) => {
                figures.answered.push(pong.total);
                let text = format!(
                    "{stamp}pong from {agent} through {server} in {} (server {}, agent {})",
                    millis(pong.total),
                    millis(pong.to_server()),
                    millis(pong.agent),
                );
                if line(&text).is_err() {
                    return;
                }
            }
            Ok(Err(error)) => error_line(&format!("{stamp}no answer from {agent}: {error}")),
            Err(_) => error_line(&format!(
                "{stamp}no answer from {agent} within {:?}",
                args.timeout
            )),
        }
        if args.num.is_none_or(|num| figures.sent < num) {
            tokio::time::sleep_until(begin + args.wait).await;
        }
    }
}

fn stamp(args: &PingArgs) -> String {
    const FORM: &str = "%Y-%m-%dT%H:%M:%S%.3f%:z ";
    let now = SystemClock.now();
    match (args.time, args.utc) {
        (_, true) => now.format(FORM).to_string(),
        (true, false) => now.with_timezone(&chrono::Local).format(FORM).to_string(),
        (false, false) => String::new(),
    }
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}

/// What came of a series.
#[derive(Debug, Default)]
struct Figures {
    sent: u32,
    answered: Vec<Duration>,
}

impl Figures {
    fn summary(&self, reached: &Reached) -> CliResult {
        let name = printable(&reached.workspace.full_name());
        line(&format!("\n{name}: {}", self.text()))
    }

    fn text(&self) -> String {
        let mut sorted = self.answered.clone();
        sorted.sort_unstable();
        let counts = format!("{} sent, {} answered", self.sent, sorted.len());
        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else {
            return counts;
        };
        let median = sorted.get(sorted.len() / 2).unwrap_or(max);
        format!(
            "{counts}; least {}, median {}, most {}",
            millis(*min),
            millis(*median),
            millis(*max)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_summed_up() {
        let mut figures = Figures {
            sent: 4,
            answered: Vec::new(),
        };
        assert_eq!(figures.text(), "4 sent, 0 answered");
        figures.answered = [3, 1, 2].map(Duration::from_millis).to_vec();
        assert_eq!(
            figures.text(),
            "4 sent, 3 answered; least 1.0 ms, median 2.0 ms, most 3.0 ms"
        );
    }
}
