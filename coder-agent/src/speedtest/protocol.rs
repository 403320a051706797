use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// The longest test, in seconds.
pub const MAX_SECONDS: u16 = 60;

/// How long after its time a test is given up.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// Bytes that are sent at once.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

/// The version of the request.
const VERSION: u8 = 1;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the workspace to the client.
    #[default]
    Down,
    /// From the client to the workspace.
    Up,
}

/// What the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) direction: Direction,
    pub(super) seconds: u16,
}

/// What the agent answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(test, feature = "agent")),
    expect(dead_code, reason = "only an agent says this")
)]
pub(super) enum Answer {
    Begins,
    NotUnderstood,
    Busy,
}

/// What the agent has received so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) elapsed: Duration,
    pub(super) bytes: u64,
}

impl Request {
    pub(super) const LEN: usize = 4;

    pub(super) const fn encode(self) -> [u8; Self::LEN] {
        let direction = match self.direction {
            Direction::Down => 0,
            Direction::Up => 1,
        };
        let [high, low] = self.seconds.to_be_bytes();
        [VERSION, direction, high, low]
    }

    #[cfg(any(test, feature = "agent"))]
    pub(super) fn decode(bytes: [u8; Self::LEN]) -> Option<Self> {
        let [VERSION, direction, high, low] = bytes else {
            return None;
        };
        let direction = match direction {
            0 => Direction::Down,
            1 => Direction::Up,
            _ => return None,
        };
        let seconds = u16::from_be_bytes([high, low]);
        (1..=MAX_SECONDS)
            .contains(&seconds)
            .then_some(Self { direction, seconds })
    }
}

impl Answer {
    #[cfg(any(test, feature = "agent"))]
    pub(super) const fn encode(self) -> u8 {
        match self {
            Self::Begins => 0,
            Self::NotUnderstood => 1,
            Self::Busy => 2,
        }
    }

    /// The answer as a result.
    pub(super) fn check(byte: u8) -> Result<()> {
        let (kind, message) = match byte {
            0 => return Ok(()),
            1 => (ErrorKind::Unsupported, "agent does not know such a test"),
            2 => (ErrorKind::Busy, "agent runs other tests, try again later"),
            _ => (ErrorKind::Protocol, "agent answered something else"),
        };
        Err(Error::new(kind, message))
    }
}

impl Report {
    pub(super) const LEN: usize = 16;

    #[cfg(any(test, feature = "agent"))]
    pub(super) fn encode(self) -> [u8; Self::LEN] {
        let micros = u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX);
        (u128::from(micros) << 64 | u128::from(self.bytes)).to_be_bytes()
    }

    pub(super) const fn decode(bytes: [u8; Self::LEN]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self {
            elapsed: Duration::from_micros((both >> 64) as u64),
            bytes: both as u64,
        }
    }
}

/// Bytes that nobody on the way can compress: a linear congruential sequence.
pub(super) fn block() -> Vec<u8> {
    let mut state = 0_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(BLOCK_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire() {
        let request = Request {
            direction: Direction::Up,
            seconds: 5,
        };
        assert_eq!(request.encode(), [1, 1, 0, 5]);
        assert_eq!(Request::decode(request.encode()), Some(request));
        for nonsense in [[2, 0, 0, 5], [1, 2, 0, 5], [1, 0, 0, 0], [1, 0, 0, 61]] {
            assert_eq!(Request::decode(nonsense), None, "{nonsense:?}");
        }
        let report = Report {
            elapsed: Duration::from_millis(1_500),
            bytes: u64::MAX,
        };
        assert_eq!(Report::decode(report.encode()), report);
        for answer in [Answer::Begins, Answer::NotUnderstood, Answer::Busy] {
            let ok = Answer::check(answer.encode()).is_ok();
            assert_eq!(ok, answer == Answer::Begins);
        }
        assert!(Answer::check(7).is_err());
    }
}
