//! Makes lines that a template or a workspace wrote fit to be stored and shown.

/// Longest stored line of a log, in bytes; the rest of a longer one is dropped.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// What is shown where a line was cut.
const CUT: &str = " […]";

/// The line without what could trick its reader: of control characters only tabs and colours stay.
/// A carriage return, with which a later text would cover an earlier one, becomes a blank, as does a line
/// end inside. The result has at most [`MAX_LINE_BYTES`] bytes.
#[must_use]
pub fn clean(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let mut clean = String::with_capacity(line.len().min(MAX_LINE_BYTES));
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        let taken = if next == '\u{1b}' {
            let (kept, length) = escape_sequence(rest);
            clean.push_str(kept);
            length
        } else {
            match next {
                '\t' => clean.push('\t'),
                '\r' | '\n' => clean.push(' '),
                _ if is_hidden(next) => {}
                _ => clean.push(next),
            }
            next.len_utf8()
        };
        if clean.len() > MAX_LINE_BYTES {
            return cut(&clean, MAX_LINE_BYTES);
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    clean
}

/// The first `max` bytes or fewer, cut between characters, with a mark when something was cut.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let room = max.checked_sub(CUT.len());
    let kept = text.get(..text.floor_char_boundary(room.unwrap_or(max)));
    let mark = room.map_or("", |_| CUT);
    format!("{}{mark}", kept.unwrap_or_default())
}

/// Control characters, and the marks that turn the direction of text around.
fn is_hidden(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What to keep of the escape sequence at the start of `text`, and its length in bytes. Only sequences
/// that set colours and weights are kept.
fn escape_sequence(text: &str) -> (&str, usize) {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        Some(b'[') => {
            let parameters = bytes
                .iter()
                .skip(2)
                .take_while(|byte| (0x20..0x40).contains(*byte));
            let length = 2 + parameters.count();
            match bytes.get(length) {
                Some(b'm') => (text.get(..=length).unwrap_or_default(), length + 1),
                Some(0x40..=0x7e) => ("", length + 1),
                _ => ("", length),
            }
        }
        // Strings such as window titles (OSC), ended by BEL or ESC \. Looking no further than the next
        // escape keeps this linear.
        Some(b']' | b'P' | b'_' | b'^' | b'X') => {
            let inside = bytes
                .iter()
                .skip(2)
                .take_while(|&&byte| byte != 0x07 && byte != 0x1b);
            let length = 2 + inside.count();
            match (bytes.get(length), bytes.get(length + 1)) {
                (Some(0x1b), Some(b'\\')) => ("", length + 2),
                (Some(0x07), _) => ("", length + 1),
                _ => ("", length),
            }
        }
        _ => ("", 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_and_the_rest_of_terminal_control_goes() {
        assert_eq!(
            clean("\u{1b}[1;31mred\u{1b}[0m"),
            "\u{1b}[1;31mred\u{1b}[0m"
        );
        for (line, expected) in [
            ("a\u{1b}]52;c;aGk=\u{7}b", "ab"),
            ("a\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "alink"),
            ("a\u{1b}[2Jb\u{1b}[1;1Hc", "abc"),
            ("good\rbad", "good bad"),
            ("end\r\n", "end"),
            ("nul\0bell\u{7}", "nulbell"),
            ("tab\there", "tab\there"),
            ("\u{202e}evil", "evil"),
            ("\u{1b}", ""),
            ("\u{1b}]never ended", ""),
            ("\u{9b}31mc1", "31mc1"),
        ] {
            assert_eq!(clean(line), expected, "{line:?}");
        }
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let line = clean(&"ä".repeat(10 * 1024 * 1024));
        assert!(line.len() <= MAX_LINE_BYTES && line.ends_with(CUT));
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("ääää", 3), "ä");
    }
}
