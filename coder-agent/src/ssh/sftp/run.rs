use std::path::PathBuf;

use bytes::{Buf, Bytes, BytesMut};

use super::limits::{BATCH, MAX_PACKET};
use super::server::Server;
use super::wire::{Malformed, Packets};
use crate::ssh::exit::Exit;
use crate::ssh::input::InputReceiver;
use crate::ssh::output::{Gone, Output, Stream};
use crate::ssh::registry::ServedChannel;

/// A session and what it has received and not answered yet.
struct Session {
    server: Server,
    received: BytesMut,
    answers: Packets,
}

/// Why a session stops taking packets from what it has received.
#[derive(Debug, PartialEq, Eq)]
enum Pause {
    /// The next packet has not arrived completely.
    Incomplete,
    /// There are enough answers to be sent.
    Full,
    /// The client does not speak SFTP.
    Broken,
}

/// Serves a client until it has sent its last request, or leaves.
pub(in crate::ssh) async fn run(home: PathBuf, channel: ServedChannel) {
    let ServedChannel {
        mut input,
        output,
        closed,
        registration,
        control: _,
    } = channel;
    let session = Session {
        server: Server::new(home, closed.clone()),
        received: BytesMut::new(),
        answers: Packets::default(),
    };
    let ended = tokio::select! {
        exit = serve(session, &mut input, &output) => match exit {
            Ok(exit) => output.exit(exit).await,
            Err(Gone) => Err(Gone),
        },
        () = closed.cancelled() => Err(Gone),
    };
    drop(registration);
    if ended.is_err() {
        output.abandon().await;
    }
}

async fn serve(
    mut session: Session,
    input: &mut InputReceiver,
    output: &Output,
) -> Result<Exit, Gone> {
    while let Some(bytes) = input.next().await {
        session.received.extend_from_slice(&bytes);
        loop {
            // More requests in one go cost less than each alone.
            while session.received.len() < BATCH {
                match input.next_if_ready() {
                    Some(bytes) => session.received.extend_from_slice(&bytes),
                    None => break,
                }
            }
            // A file system may keep this waiting for as long as it likes; if the client leaves
            // meanwhile, the session ends when the file system has answered.
            let answered = tokio::task::spawn_blocking(move || {
                let pause = session.answer();
                (session, pause)
            });
            let Ok((returned, pause)) = answered.await else {
                return Ok(Exit::FAILED);
            };
            session = returned;
            let answers = std::mem::take(&mut session.answers.0);
            if !answers.is_empty() {
                output.send(Stream::Stdout, Bytes::from(answers)).await?;
            }
            match pause {
                Pause::Full => {}
                Pause::Incomplete => break,
                Pause::Broken => return Ok(Exit::UNKNOWN),
            }
        }
    }
    // Closing files may wait, too.
    drop(tokio::task::spawn_blocking(move || drop(session)).await);
    Ok(Exit::Status(0))
}

impl Session {
    /// Answers what has arrived.
    fn answer(&mut self) -> Pause {
        while self.answers.0.len() < BATCH && !self.server.ended.is_cancelled() {
            let packet = match take_packet(&mut self.received) {
                Ok(Some(packet)) => packet,
                Ok(None) => return Pause::Incomplete,
                Err(Malformed) => return Pause::Broken,
            };
            if self.server.answer(&packet, &mut self.answers).is_err() {
                return Pause::Broken;
            }
        }
        Pause::Full
    }
}

/// Takes a packet off the front, without its length, if it is complete.
fn take_packet(received: &mut BytesMut) -> Result<Option<BytesMut>, Malformed> {
    let Some(length) = received.first_chunk().copied().map(u32::from_be_bytes) else {
        return Ok(None);
    };
    let length = usize::try_from(length).map_err(|_too_long| Malformed)?;
    if length == 0 || length > MAX_PACKET {
        return Err(Malformed);
    }
    if received.len() < size_of::<u32>() + length {
        return Ok(None);
    }
    received.advance(size_of::<u32>());
    Ok(Some(received.split_to(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_taken_when_complete() {
        let mut received = BytesMut::from(&[0, 0, 0, 2, 1][..]);
        assert_eq!(take_packet(&mut received), Ok(None));
        received.extend_from_slice(&[2, 0, 0, 0]);
        assert_eq!(
            take_packet(&mut received),
            Ok(Some(BytesMut::from(&[1, 2][..])))
        );
        assert_eq!(take_packet(&mut received), Ok(None));
        assert_eq!(received.len(), 3);
    }

    #[test]
    fn impossible_lengths_break_the_session() {
        for bytes in [[0, 0, 0, 0], [255; 4], [0, 4, 0, 1]] {
            assert_eq!(take_packet(&mut BytesMut::from(&bytes[..])), Err(Malformed));
        }
    }
}
