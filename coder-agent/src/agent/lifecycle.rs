//! Which state follows from what happened. No I/O, no clock.

use crate::protocol::{LifecycleState, ScriptStatus};

/// The agent's own view of its state, which only moves forward.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifecycle {
    current: LifecycleState,
}

impl Lifecycle {
    pub(super) const fn new() -> Self {
        Self {
            current: LifecycleState::Created,
        }
    }

    /// Moves to `next` and says whether that was forward. The start phase ends only once: what
    /// ends it is not followed by another end of it.
    pub(super) fn advance(&mut self, next: LifecycleState) -> bool {
        let ended_twice =
            self.current.is_started() && next.is_started() && !next.is_shutting_down();
        let forward = next.may_follow(self.current) && !ended_twice;
        if forward {
            self.current = next;
        }
        forward
    }
}

/// The state after the start scripts. One that failed outweighs one that took too long.
pub(super) fn after_start(results: &[ScriptStatus]) -> LifecycleState {
    outcome(
        results,
        LifecycleState::Ready,
        LifecycleState::StartTimeout,
        LifecycleState::StartError,
    )
}

/// The state after the stop scripts.
pub(super) fn after_stop(results: &[ScriptStatus]) -> LifecycleState {
    outcome(
        results,
        LifecycleState::Off,
        LifecycleState::ShutdownTimeout,
        LifecycleState::ShutdownError,
    )
}

fn outcome(
    results: &[ScriptStatus],
    good: LifecycleState,
    timeout: LifecycleState,
    error: LifecycleState,
) -> LifecycleState {
    if results.contains(&ScriptStatus::ExitFailure) {
        error
    } else if results.contains(&ScriptStatus::TimedOut) {
        timeout
    } else {
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LifecycleState as S;
    use ScriptStatus as R;

    #[test]
    fn states_move_forward_only() {
        let mut lifecycle = Lifecycle::new();
        assert!(!lifecycle.advance(S::Created));
        assert!(lifecycle.advance(S::Starting));
        assert!(lifecycle.advance(S::StartError));
        assert!(
            !lifecycle.advance(S::Ready),
            "the start phase has ended already"
        );
        assert!(!lifecycle.advance(S::Starting));
        assert!(lifecycle.advance(S::ShuttingDown));
        assert!(!lifecycle.advance(S::Ready));
        assert!(lifecycle.advance(S::Off));
        assert!(!lifecycle.advance(S::ShutdownError));
    }

    #[test]
    fn outcomes() {
        for (results, start, stop) in [
            (vec![], S::Ready, S::Off),
            (vec![R::Ok, R::PipesLeftOpen], S::Ready, S::Off),
            (
                vec![R::Ok, R::TimedOut],
                S::StartTimeout,
                S::ShutdownTimeout,
            ),
            (
                vec![R::TimedOut, R::ExitFailure],
                S::StartError,
                S::ShutdownError,
            ),
        ] {
            assert_eq!(after_start(&results), start);
            assert_eq!(after_stop(&results), stop);
        }
    }
}
