//! What of a program's output may be shown a second time. No I/O.

/// Window operations (`CSI … t`) that report something.
const WINDOW_REPORTS: [&[u8]; 9] = [
    b"11", b"13", b"14", b"15", b"16", b"18", b"19", b"20", b"21",
];

/// Texts for the terminal (`OSC …`) that act outside of it: notifications and the clipboard.
const ACTING_TEXTS: [&[u8]; 3] = [b"9;", b"52;", b"777;"];

/// Whether an escape sequence may be shown again; of a text that ESC ends, that is left out. One that asks the terminal something may not: the
/// answer would be typed into the program, which does not expect it any more. Neither may one that
/// acts outside of the terminal, such as setting the clipboard.
pub(super) fn may_be_repeated(sequence: &[u8]) -> bool {
    match sequence {
        [0x1b, b'[', parameters @ .., last] => !is_question(parameters, *last),
        [0x1b, b']', text @ ..] => {
            let text = text.strip_suffix(b"\x07").unwrap_or(text);
            !text.ends_with(b";?") && !ACTING_TEXTS.iter().any(|acting| text.starts_with(acting))
        }
        // DECRQSS and XTGETTCAP.
        [0x1b, b'P', b'$' | b'+', b'q', ..] | [0x1b, b'Z'] => false,
        _ => true,
    }
}

/// Whether a control sequence wants an answer.
fn is_question(parameters: &[u8], last: u8) -> bool {
    let (first, before_last) = (parameters.first(), parameters.last());
    match last {
        // What the terminal is, and whether it is well or where its cursor stands.
        b'c' => true,
        b'n' => first != Some(&b'>'),
        // Modes, version, keyboard, graphics.
        b'p' => before_last == Some(&b'$'),
        b'q' => first == Some(&b'>'),
        b'u' | b'S' => first == Some(&b'?'),
        b'x' => parameters.iter().all(u8::is_ascii_digit),
        b't' => {
            let kind = parameters.split(|byte| *byte == b';').next();
            kind.is_some_and(|kind| WINDOW_REPORTS.contains(&kind))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_acts_are_not_repeated() {
        for sequence in [
            "\x1b[c",
            "\x1b[>0c",
            "\x1b[6n",
            "\x1b[?6n",
            "\x1b[?2026$p",
            "\x1b[>q",
            "\x1b[?u",
            "\x1b[18t",
            "\x1b[14;2t",
            "\x1b[x",
            "\x1b[?1;1;0S",
            "\x1bZ",
            "\x1bP$qm",
            "\x1bP+q544e",
            "\x1b]10;?\x07",
            "\x1b]4;1;?",
            "\x1b]52;c;aGk=\x07",
            "\x1b]52;c;?\x07",
            "\x1b]9;done\x07",
            "\x1b]777;notify;a;b\x07",
        ] {
            assert!(!may_be_repeated(sequence.as_bytes()), "{sequence:?}");
        }
        for sequence in [
            "\x1b[m",
            "\x1b[38;5;6m",
            "\x1b[2J",
            "\x1b[?1049h",
            "\x1b[2 q",
            "\x1b[!p",
            "\x1b[8;24;80t",
            "\x1b[22;0t",
            "\x1b[u",
            "\x1b[3S",
            "\x1b[>4;1m",
            "\x1b[>4n",
            "\x1b(B",
            "\x1b=",
            "\x1b7",
            "\x1b]0;title?\x07",
            "\x1b]8;;http://example.com",
            "\x1b]133;A\x07",
            "\x1bPq#0~",
            "\x1b\\",
            "\x1b",
            "",
        ] {
            assert!(may_be_repeated(sequence.as_bytes()), "{sequence:?}");
        }
    }
}
