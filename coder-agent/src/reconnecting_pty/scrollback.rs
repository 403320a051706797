use std::collections::VecDeque;

use super::replay::may_be_repeated;
use super::screen_state::ScreenState;

/// How much of a terminal's output is kept, in bytes.
pub(super) const SCROLLBACK_BYTES: usize = 64 * 1024;

const ESCAPE: u8 = 0x1b;

/// Ends a text for the terminal.
const END_OF_TEXT: &[u8] = b"\x1b\\";

/// Colours and characters as a terminal has them at first.
const PLAIN: &[u8] = b"\x1b[m\x1b(B";

/// The end of a program's output, which is also the queue of everybody who watches it: nobody has
/// one of their own that could grow. No I/O.
#[derive(Debug, Default)]
pub(super) struct Scrollback {
    bytes: VecDeque<u8>,
    /// How many bytes there were in all.
    end: u64,
    /// How things stood before the first byte that is kept.
    at_start: ScreenState,
}

/// Up to where somebody has seen the output.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    position: u64,
    seen: ScreenState,
    begun: bool,
    /// What came before this was meant for others.
    replay_end: u64,
}

impl Scrollback {
    /// Takes output, and forgets the oldest of it.
    pub(super) fn push(&mut self, output: &[u8]) {
        for chunk in output.chunks(SCROLLBACK_BYTES) {
            let overflow = (self.bytes.len() + chunk.len()).saturating_sub(SCROLLBACK_BYTES);
            self.at_start.advance(self.bytes.drain(..overflow));
            self.bytes.extend(chunk);
            self.end += chunk.len() as u64;
        }
    }

    /// How many bytes there were in all.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Somebody who has seen nothing yet.
    pub(super) fn reader(&self) -> Reader {
        Reader {
            position: self.start(),
            seen: ScreenState::default(),
            begun: false,
            replay_end: self.end,
        }
    }

    /// What comes next for a reader, about `limit` bytes of it; empty when it has seen all.
    ///
    /// A reader that begins, or that was too slow and lost its place, goes on at the oldest place
    /// where the output may be cut, in the modes that the terminal had there. What was there before
    /// it came is replayed, without what [may not be repeated](may_be_repeated).
    pub(super) fn read(&self, reader: &mut Reader, limit: usize) -> Vec<u8> {
        let mut next = Vec::new();
        if !reader.begun || reader.position < self.start() {
            let (position, state) = self.oldest_cut();
            next = reader.seen.way_to(&state);
            if reader.begun {
                next.extend_from_slice(PLAIN);
            }
            reader.position = position;
            reader.seen = state;
            reader.begun = true;
        }
        if let Some(old) = reader.replay_end.checked_sub(reader.position) {
            let old = usize::try_from(old).unwrap_or(usize::MAX);
            reader.replay(self.range(reader.position, old), limit, &mut next);
        }
        if reader.position >= reader.replay_end {
            let room = limit.saturating_sub(next.len());
            let output = self.range(reader.position, room);
            reader.seen.advance(output.clone());
            reader.position += output.len() as u64;
            next.extend(output);
        }
        next
    }

    /// At most `limit` bytes from a place on.
    fn range(&self, from: u64, limit: usize) -> impl ExactSizeIterator<Item = u8> + Clone + '_ {
        let from = usize::try_from(from - self.start()).unwrap_or(usize::MAX);
        let until = from.saturating_add(limit).min(self.bytes.len());
        self.bytes.range(from.min(until)..until).copied()
    }

    /// How the terminal stands after all output.
    pub(super) fn state(&self) -> ScreenState {
        let mut state = self.at_start.clone();
        state.advance(self.bytes.iter().copied());
        state
    }

    fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    fn oldest_cut(&self) -> (u64, ScreenState) {
        let (mut position, mut state) = (self.start(), self.at_start.clone());
        for byte in &self.bytes {
            if state.is_between() {
                break;
            }
            state.advance([*byte]);
            position += 1;
        }
        (position, state)
    }
}

impl Reader {
    /// Takes old output until there are `limit` bytes, and the rest of the sequence they end in.
    fn replay(&mut self, old: impl Iterator<Item = u8>, limit: usize, next: &mut Vec<u8>) {
        let (mut sequence, mut open) = (Vec::new(), false);
        for byte in old {
            if byte == ESCAPE && !sequence.is_empty() {
                open = repeat(&mut sequence, next);
            }
            sequence.push(byte);
            self.seen.advance([byte]);
            self.position += 1;
            if self.seen.is_between() {
                if !repeat(&mut sequence, next) && open {
                    // It was what ended the one before.
                    next.extend_from_slice(END_OF_TEXT);
                }
                open = false;
                if next.len() >= limit {
                    return;
                }
            }
        }
        // What is not complete yet goes on with what comes.
        next.append(&mut sequence);
    }

    /// How many bytes it has seen or lost.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }
}

/// Moves a sequence on, if that is good to do again, and tells whether it was.
fn repeat(sequence: &mut Vec<u8>, next: &mut Vec<u8>) -> bool {
    let repeated = may_be_repeated(sequence);
    if repeated {
        next.append(sequence);
    }
    sequence.clear();
    repeated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(scrollback: &Scrollback, reader: &mut Reader) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let next = scrollback.read(reader, 1_000);
            if next.is_empty() {
                return all;
            }
            all.extend(next);
        }
    }

    #[test]
    fn all_is_replayed_until_it_is_too_much() {
        let mut scrollback = Scrollback::default();
        scrollback.push(b"hello ");
        let mut early = scrollback.reader();
        assert_eq!(read_all(&scrollback, &mut early), b"hello ");
        scrollback.push(b"world");
        assert_eq!(read_all(&scrollback, &mut early), b"world");
        assert_eq!(
            read_all(&scrollback, &mut scrollback.reader()),
            b"hello world"
        );

        scrollback.push(&[b'x'; SCROLLBACK_BYTES]);
        let replay = read_all(&scrollback, &mut scrollback.reader());
        assert_eq!(replay.len(), SCROLLBACK_BYTES);
        assert!(replay.iter().all(|byte| *byte == b'x'));
        assert_eq!(scrollback.end(), 11 + SCROLLBACK_BYTES as u64);
        scrollback.push(&[b'y'; 3 * SCROLLBACK_BYTES]);
        assert_eq!(scrollback.bytes.len(), SCROLLBACK_BYTES);
    }

    #[test]
    fn a_replay_begins_between_sequences_and_in_the_right_modes() {
        let mut scrollback = Scrollback::default();
        scrollback.push(b"\x1b[?1049h\x1b[?2004h");
        scrollback.push("é".repeat(SCROLLBACK_BYTES / 2 - 3).as_bytes());
        // The first é is torn by this, and the modes have gone.
        scrollback.push(b"\x1b[1mend");
        assert!(!scrollback.at_start.is_between());
        let replay = read_all(&scrollback, &mut scrollback.reader());
        let text = String::from_utf8(replay).unwrap();
        assert!(
            text.starts_with("\x1b[?1049h\x1b[?2004hé"),
            "{:?}",
            &text[..30]
        );
        assert!(text.ends_with("é\x1b[1mend"));
        assert!(scrollback.state().is_full_screen());
    }

    #[test]
    fn who_is_too_slow_goes_on_at_the_oldest_place() {
        let mut scrollback = Scrollback::default();
        scrollback.push(b"\x1b[?1049h\x1b]0;a ti");
        let mut slow = scrollback.reader();
        assert_eq!(read_all(&scrollback, &mut slow), b"\x1b[?1049h\x1b]0;a ti");
        scrollback.push(b"tle\x07\x1b[?1049l");
        scrollback.push(&[b'z'; 2 * SCROLLBACK_BYTES]);
        let rest = read_all(&scrollback, &mut slow);
        let start = b"\x1b\\\x1b[?1049l\x1b[m\x1b(Bz";
        assert_eq!(rest[..start.len()], start[..]);
        assert_eq!(rest.len(), SCROLLBACK_BYTES + start.len() - 1);
        assert_eq!(slow.position(), scrollback.end());
        assert!(scrollback.read(&mut slow, 10).is_empty());
    }

    #[test]
    fn a_replay_asks_nothing_again() {
        let mut scrollback = Scrollback::default();
        let mut first = scrollback.reader();
        let output = "a\x1b[6nb\x1b]52;c;aGk=\x1b\\c\x1b[1md\x1b]10;?\x07e\x1b]0;t\x1b[>ch\x1b[5";
        scrollback.push(output.as_bytes());
        assert_eq!(read_all(&scrollback, &mut first), output.as_bytes());
        let mut second = scrollback.reader();
        let replay = read_all(&scrollback, &mut second);
        let expected = "ab\x1b\\c\x1b[1mde\x1b]0;t\x1b\\h\x1b[5";
        assert_eq!(std::str::from_utf8(&replay).unwrap(), expected);
        // From here on it is meant for both.
        scrollback.push(b"n\x1b[c");
        for reader in [&mut first, &mut second] {
            assert_eq!(read_all(&scrollback, reader), b"n\x1b[c");
        }
        // A long one is dropped in one piece too.
        scrollback.push(format!("\x1b]52;c;{}\x07end", "x".repeat(20_000)).as_bytes());
        let replay = read_all(&scrollback, &mut scrollback.reader());
        assert!(replay.len() < 100 && replay.ends_with(b"end"));
    }

    #[test]
    fn output_without_any_place_to_cut_is_not_shown() {
        let mut scrollback = Scrollback::default();
        scrollback.push(b"\x1b]0;");
        scrollback.push(&[b'x'; 2 * SCROLLBACK_BYTES]);
        let mut reader = scrollback.reader();
        assert!(read_all(&scrollback, &mut reader).is_empty());
        scrollback.push(b"\x07shown");
        assert_eq!(read_all(&scrollback, &mut reader), b"\x07shown");
    }
}
