//! How a stream moves out of the tunnel into a connection of its own. No I/O, no clock.
//!
//! Bytes of a stream inside the tunnel are framed, copied and handed between tasks once more on
//! both sides, which does not matter for a shell and costs half the speed of a large transfer. So
//! the server asks the agent to dial a connection for a stream that has moved much. The stream goes
//! on in the tunnel until the agent has the connection and says so; whether that works does not
//! matter for the stream.
//!
//! From the agent's yes on both directions end in the new connection, always. Each side completes
//! its direction in the tunnel, ends it there, and goes on in the new connection. While the answer
//! is out, the end of a direction in the tunnel can mean both: the server waits for the answer then,
//! and ends no direction itself. So no clock decides and no byte is lost, whatever is slow.

/// One side of one stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moving {
    phase: Phase,
    reads: Place,
    writes: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// In the tunnel.
    Still,
    /// The server has asked, the agent has not answered.
    Asked,
    /// The agent has said yes.
    Moved,
    /// The agent may have said yes and there is no connection: the stream is lost.
    Failed,
}

/// Where a direction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tunnel,
    Own,
    Ended,
}

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Moved,
    Refused,
    Failed,
}

/// What the end of the peer's direction in the tunnel means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TunnelEnd {
    /// The end.
    End,
    /// Go on in the new connection.
    Own,
    /// Nobody knows yet: ask again when the question is answered.
    Wait,
    /// The stream is lost.
    Lost,
}

/// What to do with bytes to be written, or with the end of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Into the tunnel.
    Tunnel,
    /// First complete and end the direction in the tunnel, and tell by [`Moving::left`].
    Leave,
    /// Into the new connection.
    Own,
    /// Not yet: ask again when the question is answered.
    Wait,
    /// The direction has ended, or the stream is lost.
    Closed,
}

impl Moving {
    pub(super) const fn new() -> Self {
        Self {
            phase: Phase::Still,
            reads: Place::Tunnel,
            writes: Place::Tunnel,
        }
    }

    /// Begins a move. Not when one is under way or done, nor when a direction has ended: there
    /// would not be much more to move.
    pub(super) fn begin(&mut self) -> bool {
        let can = self.phase == Phase::Still
            && self.reads == Place::Tunnel
            && self.writes == Place::Tunnel;
        if can {
            self.phase = Phase::Asked;
        }
        can
    }

    /// The question was answered.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        if self.phase == Phase::Asked {
            self.phase = match outcome {
                Outcome::Moved => Phase::Moved,
                Outcome::Refused => Phase::Still,
                Outcome::Failed => Phase::Failed,
            };
        }
    }

    /// Whether the stream is lost: what is still in the tunnel leads nowhere.
    pub(super) fn is_lost(&self) -> bool {
        self.phase == Phase::Failed
    }

    /// Where to read from.
    pub(super) const fn reading(&self) -> Place {
        self.reads
    }

    /// The peer's direction has ended in the tunnel.
    pub(super) const fn on_tunnel_end(&mut self) -> TunnelEnd {
        match self.phase {
            Phase::Still => {
                self.reads = Place::Ended;
                TunnelEnd::End
            }
            Phase::Asked => TunnelEnd::Wait,
            Phase::Moved => {
                self.reads = Place::Own;
                TunnelEnd::Own
            }
            Phase::Failed => TunnelEnd::Lost,
        }
    }

    /// What to do with bytes to be written.
    pub(super) const fn on_write(&self) -> Write {
        match (self.writes, self.phase) {
            (Place::Ended, _) | (_, Phase::Failed) => Write::Closed,
            (Place::Own, _) => Write::Own,
            (Place::Tunnel, Phase::Moved) => Write::Leave,
            (Place::Tunnel, Phase::Still | Phase::Asked) => Write::Tunnel,
        }
    }

    /// What to do with the end of what is written. `Tunnel` and `Own` end the direction; asking
    /// again says the same, since ending it may take more than one try.
    pub(super) const fn on_shutdown(&mut self) -> Write {
        match (self.writes, self.phase) {
            (_, Phase::Failed) => Write::Closed,
            (_, Phase::Asked) => Write::Wait,
            (Place::Tunnel | Place::Ended, Phase::Still) => {
                self.writes = Place::Ended;
                Write::Tunnel
            }
            (Place::Tunnel, Phase::Moved) => Write::Leave,
            (Place::Own | Place::Ended, Phase::Moved) | (Place::Own, Phase::Still) => Write::Own,
        }
    }

    /// The own direction in the tunnel is complete and ended.
    pub(super) const fn left(&mut self) {
        self.writes = Place::Own;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// What travels in one direction of one connection.
    #[derive(Debug, Default)]
    struct Pipe {
        items: VecDeque<Option<u32>>,
        ended: bool,
    }

    impl Pipe {
        fn send(&mut self, item: Option<u32>) {
            assert!(!self.ended, "sent after the end");
            self.ended = item.is_none();
            self.items.push_back(item);
        }
    }

    #[derive(Debug)]
    struct Side {
        moving: Moving,
        to_send: u32,
        sent: u32,
        shut_down: bool,
        received: Vec<u32>,
        end_seen: bool,
    }

    impl Side {
        fn new(to_send: u32) -> Self {
            Self {
                moving: Moving::new(),
                to_send,
                sent: 0,
                shut_down: false,
                received: Vec::new(),
                end_seen: false,
            }
        }

        fn write(&mut self, tunnel: &mut Pipe, own: &mut Pipe) {
            if self.shut_down {
                return;
            }
            let end = self.sent == self.to_send;
            let what = if end {
                self.moving.on_shutdown()
            } else {
                self.moving.on_write()
            };
            let pipe = match what {
                Write::Tunnel => tunnel,
                Write::Own => own,
                Write::Leave => {
                    tunnel.send(None);
                    return self.moving.left();
                }
                Write::Wait => return,
                Write::Closed => panic!("closed"),
            };
            if end {
                pipe.send(None);
                self.shut_down = true;
            } else {
                pipe.send(Some(self.sent));
                self.sent += 1;
            }
        }

        fn read(&mut self, tunnel: &mut Pipe, own: &mut Pipe) {
            match self.moving.reading() {
                Place::Ended => {}
                Place::Own => match own.items.pop_front() {
                    Some(Some(number)) => self.received.push(number),
                    Some(None) => self.end_seen = true,
                    None => {}
                },
                Place::Tunnel => match tunnel.items.front() {
                    Some(Some(_)) => self.received.extend(tunnel.items.pop_front().flatten()),
                    Some(None) => match self.moving.on_tunnel_end() {
                        TunnelEnd::End => self.end_seen = true,
                        TunnelEnd::Own | TunnelEnd::Wait => {}
                        TunnelEnd::Lost => panic!("lost"),
                    },
                    None => {}
                },
            }
        }
    }

    /// A server, an agent and all that is between them.
    struct World {
        server: Side,
        agent: Side,
        to_agent: [Pipe; 2],
        to_server: [Pipe; 2],
        question: Option<()>,
        answer: Option<Outcome>,
        refuse: bool,
    }

    impl World {
        fn step(&mut self, choice: u8) {
            let [to_agent, own_to_agent] = &mut self.to_agent;
            let [to_server, own_to_server] = &mut self.to_server;
            match choice % 7 {
                0 => self.server.write(to_agent, own_to_agent),
                1 => self.server.read(to_server, own_to_server),
                2 => self.agent.write(to_server, own_to_server),
                3 => self.agent.read(to_agent, own_to_agent),
                4 => {
                    if self.server.moving.begin() {
                        self.question = Some(());
                    }
                }
                5 => {
                    if self.question.take().is_some() {
                        // The agent dials between these two, while its stream goes on.
                        let outcome = if self.agent.moving.begin() && !self.refuse {
                            Outcome::Moved
                        } else {
                            Outcome::Refused
                        };
                        self.agent.moving.settle(outcome);
                        self.answer = Some(outcome);
                    }
                }
                _ => {
                    if let Some(outcome) = self.answer.take() {
                        self.server.moving.settle(outcome);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_byte_and_every_end_arrives_in_order(
            steps in prop::collection::vec(any::<u8>(), 0..200),
            lengths in (0_u32..20, 0_u32..20),
            refuse in any::<bool>(),
        ) {
            let mut world = World {
                server: Side::new(lengths.0),
                agent: Side::new(lengths.1),
                to_agent: Default::default(),
                to_server: Default::default(),
                question: None,
                answer: None,
                refuse,
            };
            for step in steps {
                world.step(step);
            }
            // Whatever happened, everything goes on to its end without another question.
            for _ in 0..100 {
                for step in [0, 1, 2, 3, 5, 6] {
                    world.step(step);
                }
            }
            prop_assert_eq!(&world.agent.received, &(0..lengths.0).collect::<Vec<_>>());
            prop_assert_eq!(&world.server.received, &(0..lengths.1).collect::<Vec<_>>());
            prop_assert!(world.agent.end_seen && world.server.end_seen);
        }
    }

    #[test]
    fn a_lost_connection_is_not_an_end() {
        let mut moving = Moving::new();
        assert!(moving.begin());
        assert_eq!(moving.on_tunnel_end(), TunnelEnd::Wait);
        assert_eq!(moving.on_shutdown(), Write::Wait);
        moving.settle(Outcome::Failed);
        assert_eq!(moving.on_tunnel_end(), TunnelEnd::Lost);
        assert_eq!(moving.on_write(), Write::Closed);
        assert_eq!(moving.on_shutdown(), Write::Closed);
        assert!(!moving.begin());
    }
}
