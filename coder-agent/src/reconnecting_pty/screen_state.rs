//! Follows a program's output just far enough to know where it may be cut. No I/O.

/// The private modes (`CSI ? … h` and `l`) that a terminal must be in to show what follows. Which
/// screen is shown comes first, the others belong to it.
const MODES: [u16; 15] = [
    47, 1047, 1049, // the alternate screen
    1, 7, 25, // cursor keys, wrapping, the cursor is seen
    1000, 1002, 1003, 1004, 1005, 1006, 1015, // the mouse and focus are reported
    2004, // pasted text is marked
    2026, // output is shown when complete
];

/// What a terminal begins with: lines wrap and the cursor is seen.
const INITIAL_MODES: u32 = 1 << 4 | 1 << 5;

/// The bits of the alternate screen in its three forms.
const ALTERNATE_SCREEN: u32 = 0b111;

/// Parameters of a sequence that are looked at; nothing sets more modes at once.
const MAX_PARAMETERS: usize = 8;

/// Where a program's output stands: within a character or an escape sequence or not, and which
/// modes it has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScreenState {
    place: Place,
    modes: u32,
    application_keypad: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Between characters and sequences.
    Ground,
    /// Within a character of UTF-8, so many bytes before its end.
    Character(u8),
    /// Behind ESC.
    Escape,
    /// Behind ESC and an intermediate byte.
    EscapeIntermediate,
    /// Within a control sequence.
    Control(Control),
    /// Within a text for the terminal, such as a title, which BEL or ESC ends.
    Text,
}

/// The part of a control sequence that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Control {
    private: bool,
    /// It is none of those that set or reset private modes.
    other: bool,
    parameters: [u16; MAX_PARAMETERS],
    count: usize,
}

impl Default for ScreenState {
    /// A terminal that has seen nothing.
    fn default() -> Self {
        Self {
            place: Place::Ground,
            modes: INITIAL_MODES,
            application_keypad: false,
        }
    }
}

impl ScreenState {
    /// Whether the output may be cut here.
    pub(super) fn is_between(&self) -> bool {
        self.place == Place::Ground
    }

    /// Whether a program has the whole screen to itself.
    pub(super) const fn is_full_screen(&self) -> bool {
        self.modes & ALTERNATE_SCREEN != 0
    }

    /// Follows output.
    pub(super) fn advance(&mut self, output: impl IntoIterator<Item = u8>) {
        for byte in output {
            // Most output is plain text.
            if self.place != Place::Ground || byte == 0x1b || byte >= 0x80 {
                self.advance_byte(byte);
            }
        }
    }

    /// What brings a terminal from this state into `other`, which must be between sequences.
    pub(super) fn way_to(&self, other: &Self) -> Vec<u8> {
        let mut way = Vec::new();
        if !self.is_between() {
            // Ends a text, breaks any other sequence off, and is nothing else.
            way.extend_from_slice(b"\x1b\\");
        }
        for (index, mode) in MODES.iter().enumerate() {
            let bit = 1 << index;
            if (self.modes ^ other.modes) & bit != 0 {
                let end = if other.modes & bit == 0 { 'l' } else { 'h' };
                way.extend_from_slice(format!("\x1b[?{mode}{end}").as_bytes());
            }
        }
        if self.application_keypad != other.application_keypad {
            let end = if other.application_keypad { "=" } else { ">" };
            way.extend_from_slice(format!("\x1b{end}").as_bytes());
        }
        way
    }

    fn advance_byte(&mut self, byte: u8) {
        let place = std::mem::replace(&mut self.place, Place::Ground);
        self.place = match (place, byte) {
            (_, 0x1b) => Place::Escape,
            // CAN and SUB break off whatever it is.
            (_, 0x18 | 0x1a) => Place::Ground,
            (Place::Text, 0x07) => Place::Ground,
            (Place::Text, _) => Place::Text,
            (Place::Character(1), 0x80..=0xbf) => Place::Ground,
            (Place::Character(more), 0x80..=0xbf) => Place::Character(more - 1),
            (Place::Ground | Place::Character(_), byte) => character(byte),
            (Place::Escape, byte) => self.escape(byte),
            // Other control characters count as if they stood before the sequence.
            (place, 0x00..=0x1f) => place,
            (Place::EscapeIntermediate, 0x20..=0x2f) => Place::EscapeIntermediate,
            (Place::EscapeIntermediate, _) => Place::Ground,
            (Place::Control(control), byte) => self.control(control, byte),
        };
    }

    fn escape(&mut self, byte: u8) -> Place {
        match byte {
            b'[' => return Place::Control(Control::default()),
            b']' | b'P' | b'X' | b'^' | b'_' => return Place::Text,
            0x00..=0x1f => return Place::Escape,
            0x20..=0x2f => return Place::EscapeIntermediate,
            b'=' => self.application_keypad = true,
            b'>' => self.application_keypad = false,
            // A full reset.
            b'c' => *self = Self::default(),
            _ => {}
        }
        Place::Ground
    }

    fn control(&mut self, mut control: Control, byte: u8) -> Place {
        match byte {
            b'?' if control.count == 0 && !control.private => control.private = true,
            b'0'..=b'9' => control.digit(byte - b'0'),
            b';' => control.count = (control.count + 1).min(MAX_PARAMETERS),
            b'h' | b'l' => {
                if control.private && !control.other {
                    self.set(&control, byte == b'h');
                }
                return Place::Ground;
            }
            0x40..=0x7e => return Place::Ground,
            _ => control.other = true,
        }
        Place::Control(control)
    }

    fn set(&mut self, control: &Control, on: bool) {
        for wanted in control.parameters.iter().take(control.count + 1) {
            let Some(index) = MODES.iter().position(|mode| mode == wanted) else {
                continue;
            };
            if on {
                self.modes |= 1 << index;
            } else {
                self.modes &= !(1 << index);
            }
        }
    }
}

impl Control {
    fn digit(&mut self, digit: u8) {
        if let Some(parameter) = self.parameters.get_mut(self.count) {
            *parameter = parameter
                .saturating_mul(10)
                .saturating_add(u16::from(digit));
        }
    }
}

/// Where the first byte of a character leads.
const fn character(byte: u8) -> Place {
    match byte {
        0xc2..=0xdf => Place::Character(1),
        0xe0..=0xef => Place::Character(2),
        0xf0..=0xf4 => Place::Character(3),
        _ => Place::Ground,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(output: &[u8]) -> ScreenState {
        let mut state = ScreenState::default();
        state.advance(output.iter().copied());
        state
    }

    #[test]
    fn nothing_is_cut_within() {
        let whole: [&[u8]; 12] = [
            "é".as_bytes(),
            "€".as_bytes(),
            "🦀".as_bytes(),
            b"\x1b[0;1;38;2;1;2;3m",
            b"\x1b[?1049;25h",
            b"\x1b(B",
            b"\x1b]0;a title\x07",
            b"\x1b]8;;http://example.com\x1b\\",
            b"\x1bP1$r0m\x1b\\",
            b"\x1b[!p",
            b"\x1b#8",
            b"\x1b[3\x0818m",
        ];
        for sequence in whole {
            for cut in 1..sequence.len() {
                let state = after(&sequence[..cut]);
                assert!(!state.is_between(), "{sequence:?} cut at {cut}");
            }
            assert!(after(sequence).is_between(), "{sequence:?}");
        }
    }

    #[test]
    fn broken_output_does_not_confuse_for_long() {
        for (broken, between) in [
            (&b"\xc3A"[..], true),
            (b"\xe2\x82\x1b", false),
            (b"\xff\xfe\x80", true),
            (b"\x1b[12\x18", true),
            (b"\x1b]52;c;\x1b[0m", true),
            (b"\x1b]0;no end", false),
            (b"\xc3\xe9", false),
        ] {
            assert_eq!(after(broken).is_between(), between, "{broken:?}");
        }
        let mut many = b"\x1b[?".to_vec();
        many.extend(b"9999999999;".repeat(100));
        many.push(b'h');
        assert_eq!(after(&many), ScreenState::default());
    }

    #[test]
    fn modes_are_remembered_and_brought_back() {
        let editor = after(b"\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?25l\x1b[4h\x1b[>4;1m");
        assert!(editor.is_full_screen());
        let fresh = ScreenState::default();
        let way = fresh.way_to(&editor);
        assert_eq!(way, b"\x1b[?1049h\x1b[?1h\x1b[?25l\x1b[?2004h\x1b=");
        assert_eq!(after(&way), editor);
        assert_eq!(editor.way_to(&editor), b"");
        let back = editor.way_to(&fresh);
        assert_eq!(back, b"\x1b[?1049l\x1b[?1l\x1b[?25h\x1b[?2004l\x1b>");
        let torn = after(b"\x1b]0;tit");
        assert_eq!(torn.way_to(&fresh), b"\x1b\\");
        assert_eq!(after(b"\x1b[?1000;1006h\x1bc"), fresh);
        let both = after(b"\x1b[?1000;1006h");
        assert_eq!(fresh.way_to(&both), b"\x1b[?1000h\x1b[?1006h");
        // Only private modes are meant, and only where nothing else stands in the sequence.
        assert_eq!(after(b"\x1b[1049h\x1b[?1049$h\x1b[?1049p"), fresh);
    }
}
