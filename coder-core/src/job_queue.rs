//! The order in which waiting jobs are given to daemons.
//!
//! Jobs that want the same daemons — the same organization, provisioner and tags — form a queue. In a queue
//! users take turns: a job is given a turn when it is queued, and the lowest turn goes first. A user's first
//! job goes into the present round; each further one, while an earlier one is not over, into the round after
//! that one's. So whoever queues a hundred jobs does not keep others waiting for more than one of them.
//!
//! Rounds count by twos: in a round, those who newly came (even) go before those who had a job in the round
//! before (odd). Equal turns go by age. Jobs of the system user [`PREBUILDS`] come after all jobs of people.

use crate::id::UserId;

/// The system user that makes workspaces in advance; nobody waits for them.
pub const PREBUILDS: UserId = UserId(uuid::Uuid::from_u128(
    0xc42f_df75_3097_471c_8c33_fb52_454d_81c0,
));

/// What a new job finds in its queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueState {
    /// The lowest turn that waits; else the highest one that runs; else the turn of the job that would be
    /// given next in the organization; else 0.
    pub present: i64,
    /// The highest turn of the same user's jobs that are not over.
    pub own_last: Option<i64>,
}

impl QueueState {
    /// The turn of a job that is queued now.
    #[must_use]
    pub fn next_turn(self) -> i64 {
        let newcomer = self.present & !1;
        let follower = self.own_last.map(|last| (last & !1).saturating_add(3));
        follower.map_or(newcomer, |follower| follower.max(newcomer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(present: i64, own_last: Option<i64>) -> i64 {
        QueueState { present, own_last }.next_turn()
    }

    #[test]
    fn newcomers_go_before_those_who_had_their_turn() {
        // Ann queues four jobs.
        let mut ann = vec![turn(0, None)];
        for _ in 0..3 {
            ann.push(turn(0, ann.last().copied()));
        }
        assert_eq!(ann, [0, 3, 5, 7]);
        // Two were given; Bob comes before her third, with his second after it.
        let bob = turn(5, None);
        assert_eq!((bob, turn(5, Some(bob))), (4, 7));
        // Cid comes after Bob, by age, and before Ann.
        assert_eq!(turn(4, None), 4);
    }

    #[test]
    fn who_waited_for_a_slow_job_is_not_set_back() {
        // Others have gone on to round 50 while this user's job of round 1 still runs.
        assert_eq!(turn(100, Some(3)), 100);
        assert_eq!(turn(0, Some(i64::MAX)), i64::MAX);
    }
}
