//! Processes that an agent started which was killed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Ended;
use super::process::TERMINATE_GRACE;
use crate::platform::process::{Group, Signal, exists};

/// How often is looked whether a process is there: nobody tells when somebody else's child ends.
const LOOK: Duration = Duration::from_millis(200);

/// A process that may be somebody else's child, and its group, which has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leftover {
    id: i32,
    /// When it was born, in the kernel's ticks, so that another one that got its number is not taken for it. `None`
    /// where the kernel does not tell.
    born: Option<u64>,
}

impl Leftover {
    /// A process that runs now.
    pub(crate) fn of(id: u32) -> Option<Self> {
        let id = i32::try_from(id).ok()?;
        let born = birth(id);
        Some(Self { id, born })
    }

    fn is_there(self) -> bool {
        exists(self.id) && birth(self.id) == self.born
    }

    /// Waits for its end, as far as it can be seen, and kills the group after `limit` or when `cancel` asks for it.
    /// `None` when it ended by itself: with what, only its parent could have known.
    pub(crate) async fn wait(
        self,
        limit: Option<Duration>,
        cancel: &CancellationToken,
    ) -> Option<Ended> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        while self.is_there() {
            let ended = if cancel.is_cancelled() {
                Ended::Cancelled
            } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                Ended::TimedOut
            } else {
                sleep(LOOK).await;
                continue;
            };
            self.end().await;
            return Some(ended);
        }
        None
    }

    async fn end(self) {
        let group = Group::with_id(self.id);
        group.signal(Signal::TERM);
        let deadline = Instant::now() + TERMINATE_GRACE;
        while self.is_there() && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        // Also those that outlived the process itself.
        group.signal(Signal::KILL);
    }
}

/// When a process was born, in the kernel's ticks since the machine was. `None` for one that has ended, also when nobody
/// took notice yet.
pub(super) fn birth(id: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before, in parentheses, may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    let born = fields.nth(18)?.parse().ok();
    born.filter(|_| !matches!(state, "Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    #[tokio::test]
    async fn ends_are_seen() {
        let mut child = Command::new("sleep").arg("0.3").spawn().unwrap();
        let process = Leftover::of(child.id()).unwrap();
        assert!(process.is_there());
        let never = CancellationToken::new();
        assert_eq!(process.wait(None, &never).await, None);
        child.wait().unwrap();
        assert!(!process.is_there());
        let other = Leftover {
            born: Some(1),
            ..Leftover::of(std::process::id()).unwrap()
        };
        assert!(!other.is_there(), "another process has the number now");
    }

    #[tokio::test]
    async fn groups_are_ended() {
        let mut group = Command::new("sh");
        let group = group.args(["-c", "sleep 1000 & wait"]).process_group(0);
        let mut child = group.spawn().unwrap();
        let process = Leftover::of(child.id()).unwrap();
        let never = CancellationToken::new();
        let limit = Some(Duration::from_millis(100));
        assert_eq!(process.wait(limit, &never).await, Some(Ended::TimedOut));
        assert!(!child.wait().unwrap().success());
        never.cancel();
        assert_eq!(process.wait(None, &never).await, None, "it has ended");
    }
}
