use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use lexopt::prelude::{Long, Short, Value, ValueExt as _};

use super::main::{complain, print};
use crate::stat::{Prefix, Scope, Source, Usage, cpu, disk, memory};

const HELP: &str = "\
Usage: coder stat [cpu|mem|disk] [OPTIONS]

Shows how much of the container, or of the machine outside of one, is used.

Options:
      --host             The machine, not the container (cpu, mem)
      --path <PATH>      The file system that holds PATH (disk) [default: /]
      --prefix <PREFIX>  Ki, Mi, Gi or Ti (mem, disk) [default: Gi]
  -o, --output <FORMAT>  text or json [default: text]
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Cpu,
    Memory,
    Disk,
}

#[derive(Debug)]
struct Arguments {
    what: Option<What>,
    scope: Scope,
    path: PathBuf,
    prefix: Prefix,
    json: bool,
    help: bool,
}

/// `coder stat`: the arguments after `stat`.
pub fn stat_main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return complain(&format!("coder stat: {error}\n\n{HELP}")),
    };
    if arguments.help {
        return print(HELP.trim_end());
    }
    match run(&arguments) {
        Ok(text) => print(&text),
        Err(error) => {
            complain(&format!("coder stat: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Arguments, lexopt::Error> {
    let mut parsed = Arguments {
        what: None,
        scope: Scope::Container,
        path: "/".into(),
        prefix: Prefix::Gibi,
        json: false,
        help: false,
    };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Value(word) if parsed.what.is_none() => {
                parsed.what = Some(match word.to_str() {
                    Some("cpu") => What::Cpu,
                    Some("mem") => What::Memory,
                    Some("disk") => What::Disk,
                    _ => return Err(Value(word).unexpected()),
                });
            }
            Long("host") => parsed.scope = Scope::Host,
            Long("path") => parsed.path = parser.value()?.into(),
            Long("prefix") => parsed.prefix = parser.value()?.parse()?,
            Short('o') | Long("output") => {
                parsed.json = match parser.value()?.string()?.as_str() {
                    "json" => true,
                    "text" => false,
                    other => return Err(format!("{other:?} is not text or json").into()),
                };
            }
            Short('h') | Long("help") => parsed.help = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(parsed)
}

fn run(arguments: &Arguments) -> io::Result<String> {
    let source = Source::system();
    let measure = |what| match what {
        What::Cpu => cpu(&source, arguments.scope, |wait| {
            let begin = Instant::now();
            std::thread::sleep(wait);
            begin.elapsed()
        }),
        What::Memory => memory(&source, arguments.scope, arguments.prefix),
        What::Disk => disk(&arguments.path, arguments.prefix),
    };
    match arguments.what {
        Some(what) => show(&measure(what)?, arguments.json),
        None => {
            let all = [
                ("cpu", What::Cpu),
                ("mem", What::Memory),
                ("disk", What::Disk),
            ];
            let all = all.map(|(name, what)| Ok((name, measure(what)?)));
            let all: Vec<(&str, Usage)> = all.into_iter().collect::<io::Result<_>>()?;
            show_all(&all, arguments.json)
        }
    }
}

fn show(usage: &Usage, json: bool) -> io::Result<String> {
    if json {
        Ok(serde_json::to_string(usage)?)
    } else {
        Ok(usage.to_string())
    }
}

fn show_all(all: &[(&str, Usage)], json: bool) -> io::Result<String> {
    if json {
        let all: std::collections::BTreeMap<_, _> =
            all.iter().map(|(name, usage)| (*name, usage)).collect();
        return Ok(serde_json::to_string(&all)?);
    }
    let lines: Vec<String> = all
        .iter()
        .map(|(name, usage)| format!("{name:<4}  {usage}"))
        .collect();
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Arguments, lexopt::Error> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn arguments() {
        let arguments = parsed(&["mem", "--prefix", "Mi", "--host", "-o", "json"]).unwrap();
        assert_eq!(arguments.what, Some(What::Memory));
        assert_eq!(
            (arguments.prefix, arguments.scope),
            (Prefix::Mebi, Scope::Host)
        );
        assert!(arguments.json);
        let arguments = parsed(&["disk", "--path=/home"]).unwrap();
        assert_eq!(arguments.path, PathBuf::from("/home"));
        for wrong in [
            &["gpu"][..],
            &["cpu", "mem"],
            &["--prefix", "G"],
            &["-o", "yaml"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
