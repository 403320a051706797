//! The file that the section is part of.

use crate::cli::error::{CliError, CliResult};
use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

pub(super) const BEGIN: &str = "# ------------START-CODER-----------";
pub(super) const END: &str = "# ------------END-CODER------------";

/// The text of the file; none when there is none.
pub(super) fn read(file: &Path) -> CliResult<String> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|error| {
            CliError::new(format!("{} cannot be read", file.display())).caused_by(error)
        }),
    }
}

/// A text in three parts, the section in the middle with its first and last line.
pub(super) fn split(text: &str) -> CliResult<(&str, Option<&str>, &str)> {
    let lines = |mark: &str| text.lines().filter(|line| line.trim() == mark).count();
    let broken = || {
        CliError::new("the SSH configuration holds a broken section").hint(format!(
            "Remove the lines {BEGIN:?} and {END:?} and what is between them."
        ))
    };
    match (lines(BEGIN), lines(END)) {
        (0, 0) => Ok((text, None, "")),
        (1, 1) => {
            let begin = text.find(BEGIN).ok_or_else(broken)?;
            let end = text.find(END).ok_or_else(broken)?;
            let (head, rest) = text.split_at(begin);
            let length = end.checked_sub(begin).ok_or_else(broken)? + END.len();
            let (section, tail) = rest.split_at(length);
            Ok((head, Some(section), tail.strip_prefix('\n').unwrap_or(tail)))
        }
        _ => Err(broken()),
    }
}

/// The text with the section in place of the old one, or at the end.
pub(super) fn replaced(before: &str, section: &str) -> CliResult<String> {
    let (head, old, tail) = split(before)?;
    if old.is_some() {
        return Ok(format!("{head}{section}{tail}"));
    }
    let newline = if head.is_empty() || head.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let gap = if head.is_empty() || head.ends_with("\n\n") {
        ""
    } else {
        "\n"
    };
    Ok(format!("{head}{newline}{gap}{section}"))
}

/// Replaces the file in one step, so that a full disk leaves the old one. Links are followed.
pub(super) fn write(file: &Path, text: &str) -> CliResult {
    let failed =
        |error| CliError::new(format!("{} cannot be written", file.display())).caused_by(error);
    let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let temporary = folder.join(format!(".coder-ssh-config.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let opened = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&temporary, &target));
    renamed.map_err(|error| {
        drop(std::fs::remove_file(&temporary));
        failed(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_added_once_and_replaced() {
        let section = format!("{BEGIN}\nnew\n{END}\n");
        let added = replaced("Host a\n\tUser x", &section).expect("added");
        assert_eq!(added, format!("Host a\n\tUser x\n\n{section}"));
        assert_eq!(replaced(&added, &section).expect("same"), added);
        let old = format!("Host a\n{BEGIN}\nold\n{END}\nHost b\n");
        assert_eq!(
            replaced(&old, &section).expect("replaced"),
            format!("Host a\n{section}Host b\n")
        );
        for broken in [
            format!("{BEGIN}\n"),
            format!("{END}\n{BEGIN}\n"),
            format!("{section}{section}"),
        ] {
            replaced(&broken, &section).expect_err("broken");
        }
    }
}
