//! What commands print: tables for people, JSON for scripts, progress on standard error.

use super::error::{CliError, CliResult};
use clap::ValueEnum;
use std::io::{IsTerminal as _, Write as _};

/// `--output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For scripts.
    Json,
}

/// The flag that every listing has.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// Output format.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// Columns to show, by name, separated by commas.
    #[arg(short, long, value_delimiter = ',')]
    pub(crate) column: Vec<String>,
}

/// Writes one line to standard output. A closed pipe ends the command quietly.
pub(crate) fn line(text: &str) -> CliResult {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(CliError::silent(0)),
        other => Ok(other?),
    }
}

/// Writes one line to standard error. Nothing can be done when that fails.
pub(crate) fn error_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &serde_json::Value) -> CliResult {
    line(&format!("{value:#}"))
}

/// Prints rows under headings as a table, or `value` as JSON.
pub(crate) fn listing(
    args: &OutputArgs,
    value: &serde_json::Value,
    headings: &[&str],
    rows: &[Vec<String>],
) -> CliResult {
    match args.output {
        Format::Json => json(value),
        Format::Table => table(args, headings, rows),
    }
}

fn table(args: &OutputArgs, headings: &[&str], rows: &[Vec<String>]) -> CliResult {
    let mut columns: Vec<usize> = (0..headings.len()).collect();
    if !args.column.is_empty() {
        columns = args
            .column
            .iter()
            .map(|name| column_index(headings, name))
            .collect::<CliResult<_>>()?;
    }
    let cell = |row: &[String], column: usize| {
        row.get(column)
            .map(|text| printable(text))
            .unwrap_or_default()
    };
    let heading_row: Vec<String> = headings
        .iter()
        .map(|&heading| heading.to_uppercase())
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .map(|&column| {
            let cells = rows.iter().map(|row| cell(row, column).chars().count());
            cells
                .chain([cell(&heading_row, column).chars().count()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    for row in std::iter::once(&heading_row).chain(rows) {
        let cells = columns.iter().zip(&widths);
        let cells = cells.map(|(&column, &width)| format!("{:width$}", cell(row, column)));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn column_index(headings: &[&str], name: &str) -> CliResult<usize> {
    headings
        .iter()
        .position(|heading| heading.eq_ignore_ascii_case(name.trim()))
        .ok_or_else(|| {
            CliError::new(format!("there is no column {name:?}"))
                .hint(format!("The columns are: {}", headings.join(", ")))
        })
}

/// The text without control characters, which could drive the terminal; names come from other people.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// How long ago, in the largest whole unit.
pub(crate) fn age(now: coder_core::Timestamp, then: coder_core::Timestamp) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Asks on the terminal; `None` when there is nobody to ask.
pub(crate) fn ask(question: &str) -> CliResult<Option<String>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut out = std::io::stderr().lock();
    write!(out, "{question}: ")?;
    out.flush()?;
    drop(out);
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(Some(answer.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Asks for a secret without showing it.
pub(crate) fn ask_secret(question: &str) -> CliResult<Option<String>> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(None);
    }
    let before = tcgetattr(&stdin).map_err(std::io::Error::from)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &hidden).map_err(std::io::Error::from)?;
    let answer = ask(question);
    tcsetattr(&stdin, OptionalActions::Now, &before).map_err(std::io::Error::from)?;
    error_line("");
    answer
}

/// Refuses when there is nobody to confirm anything.
pub(crate) fn require_answers() -> CliResult {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(CliError::new("this needs a confirmation").hint("Pass --yes to go ahead."))
}

/// Asks for a yes; without anyone to ask the answer is no, with the flag to use.
pub(crate) fn confirm(question: &str, yes: bool) -> CliResult {
    if yes {
        return Ok(());
    }
    match ask(&format!("{question} (yes/no)"))?
        .as_deref()
        .map(str::trim)
    {
        Some("y" | "Y" | "yes" | "Yes") => Ok(()),
        Some(_) => Err(CliError::new("canceled")),
        None => require_answers(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(
            printable("a\u{1b}]52;c;x\u{7}b"),
            "a\u{fffd}]52;c;x\u{fffd}b"
        );
    }

    #[test]
    fn ages_are_in_the_largest_unit() {
        let at = |seconds| coder_core::Timestamp::from_timestamp(seconds, 0).expect("in range");
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (7_200, "2h"),
            (200_000, "2d"),
            (-5, "0s"),
        ] {
            assert_eq!(age(at(seconds), at(0)), text);
        }
    }
}
