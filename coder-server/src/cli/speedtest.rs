//! `coder speedtest`: how fast bytes get to a workspace or back, through the server as everything does.

use super::{
    client::Client,
    duration::parse_interval,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{OutputArgs, error_line, listing, printable},
    reach::{Wait, Wish, dial, reach},
    workspace::WorkspaceName,
};
use coder_agent::{
    speedtest::{self, Interval, MAX_SECONDS, SpeedtestOptions},
    tunnel::port,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Flags of `coder speedtest`.
#[derive(clap::Args)]
pub(crate) struct SpeedtestArgs {
    /// The workspace, `workspace.agent` where there are several agents.
    workspace: String,
    /// Which way bytes go: `down` is from the workspace.
    #[arg(long, value_enum, default_value = "down")]
    direction: Direction,
    /// How long to measure, in whole seconds.
    #[arg(short, long, default_value = "5s", value_parser = parse_seconds, value_name = "DURATION")]
    time: u16,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Direction {
    /// To the workspace.
    Up,
    /// From the workspace.
    Down,
}

/// Measures, and prints each second and the whole.
pub(crate) async fn run(global: &GlobalArgs, args: SpeedtestArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let name = WorkspaceName::parse(&args.workspace)?;
    let wish = Wish {
        autostart: false,
        wait: Wait::No,
    };
    let reached = reach(&client, &name, wish).await?;
    let (to, direction) = match args.direction {
        Direction::Up => ("to", speedtest::Direction::Up),
        Direction::Down => ("from", speedtest::Direction::Down),
    };
    let options = SpeedtestOptions {
        direction,
        seconds: args.time,
    };
    let name = printable(&reached.workspace.full_name());
    error_line(&format!("Measuring {} s {to} {name}…", args.time));
    let failed = |error| {
        CliError::new(format!("the speed {to} {name} cannot be measured"))
            .caused_by(error)
            .hint("See what is between you and it with: coder netcheck")
    };
    let stream = dial(&client, &reached.agent, port::SPEEDTEST).await;
    let stream = stream.map_err(failed)?;
    let mut intervals = Vec::new();
    let overall = speedtest::run(stream, options, |interval| intervals.push(interval)).await;
    let overall = overall.map_err(failed)?;
    let all = intervals.iter().map(as_json);
    let value = json!({ "overall": as_json(&overall), "intervals": all.collect::<Vec<_>>() });
    let rows = intervals.iter().map(|interval| row("", interval));
    let rows: Vec<_> = rows.chain([row("total ", &overall)]).collect();
    listing(&args.output, &value, &["Interval", "Throughput"], &rows)
}

fn as_json(interval: &Interval) -> Value {
    json!({
        "start_time_seconds": interval.start.as_secs_f64(),
        "end_time_seconds": interval.end.as_secs_f64(),
        "throughput_mbits": megabits_per_second(interval),
    })
}

fn row(label: &str, interval: &Interval) -> Vec<String> {
    let (start, end) = (interval.start.as_secs_f64(), interval.end.as_secs_f64());
    vec![
        format!("{label}{start:.2}-{end:.2} sec"),
        format!("{:.4} Mbits/sec", megabits_per_second(interval)),
    ]
}

fn megabits_per_second(interval: &Interval) -> f64 {
    interval.megabytes_per_second() * 8.0
}

/// Parses whole seconds that a test may take.
fn parse_seconds(text: &str) -> Result<u16, String> {
    let duration = parse_interval(text)?;
    u16::try_from(duration.as_secs())
        .ok()
        .filter(|seconds| (1..=MAX_SECONDS).contains(seconds))
        .filter(|seconds| duration == Duration::from_secs((*seconds).into()))
        .ok_or_else(|| format!("a speed test takes 1 to {MAX_SECONDS} whole seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_shown_in_megabits() {
        let interval = Interval {
            start: Duration::from_secs(1),
            end: Duration::from_millis(2_500),
            bytes: 3_000_000,
        };
        assert_eq!(
            row("total ", &interval),
            ["total 1.00-2.50 sec", "16.0000 Mbits/sec"]
        );
        assert_eq!(as_json(&interval)["throughput_mbits"], 16.0);
    }

    #[test]
    fn tests_take_whole_seconds() {
        assert_eq!(parse_seconds("1m"), Ok(60));
        for text in ["0", "500ms", "1500ms", "61s", "x"] {
            parse_seconds(text).expect_err(text);
        }
    }
}
