use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncWrite};

/// Moves bytes both ways until both directions have ended, or one breaks. What one side has received
/// is written to the other from where it was received; there are no buffers in between.
///
/// # Errors
/// Of either side.
pub async fn splice<A, B>(mut one: A, mut other: B) -> io::Result<()>
where
    A: AsyncBufRead + AsyncWrite + Unpin,
    B: AsyncBufRead + AsyncWrite + Unpin,
{
    let (mut there, mut back) = (
        Direction::Open { unflushed: false },
        Direction::Open { unflushed: false },
    );
    poll_fn(|cx| {
        let there = there.poll(&mut one, &mut other, cx)?;
        let back = back.poll(&mut other, &mut one, cx)?;
        match (there, back) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    })
    .await
}

/// How much is moved before others get their turn, in bytes.
const TURN: usize = 2 * 1024 * 1024;

#[derive(Debug)]
enum Direction {
    Open { unflushed: bool },
    Ending,
    Ended,
}

impl Direction {
    fn poll<R, W>(&mut self, from: &mut R, to: &mut W, cx: &mut Context<'_>) -> io::Result<Poll<()>>
    where
        R: AsyncBufRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        match self.poll_move(from, to, cx) {
            Poll::Ready(Ok(())) => Ok(Poll::Ready(())),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn poll_move<R, W>(
        &mut self,
        from: &mut R,
        to: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncBufRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut moved = 0;
        loop {
            match self {
                Self::Open { unflushed } => {
                    let Poll::Ready(bytes) = Pin::new(&mut *from).poll_fill_buf(cx) else {
                        // Nothing more for now: let out what is there.
                        if *unflushed {
                            ready!(Pin::new(to).poll_flush(cx))?;
                            *unflushed = false;
                        }
                        return Poll::Pending;
                    };
                    let bytes = bytes?;
                    if bytes.is_empty() {
                        *self = Self::Ending;
                        continue;
                    }
                    let written = ready!(Pin::new(&mut *to).poll_write(cx, bytes))?;
                    if written == 0 {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                    Pin::new(&mut *from).consume(written);
                    *unflushed = true;
                    moved += written;
                    if moved >= TURN {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Self::Ending => {
                    ready!(Pin::new(to).poll_shutdown(cx))?;
                    *self = Self::Ended;
                    return Poll::Ready(Ok(()));
                }
                Self::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}
