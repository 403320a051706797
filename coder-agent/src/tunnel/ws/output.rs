use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use tokio::io::AsyncWrite;
use tokio_util::io::poll_write_buf;

use super::SEND_MESSAGE_BYTES;
use super::wire::{Header, Key, Opcode, Role, apply_mask};
use crate::tunnel::elastic::WriteBuffer;

/// Waiting bytes beyond which a writer waits.
const HIGH_WATER: usize = 64 * 1024;

/// Larger writes become frames of their own, smaller ones are collected in one.
const COLLECT_BELOW: usize = 8 * 1024;

/// The largest payload of a collected frame: its length fits a header of a fixed size.
const MAX_COLLECTED: usize = u16::MAX as usize;

/// The size of the header of a collected frame before its length is known, without the mask.
const COLLECTED_HEADER: usize = 4;

/// How many masks are made at once.
const KEYS: usize = 64;

/// Makes frames and keeps those that the connection does not take yet.
#[derive(Debug)]
pub(super) struct Output {
    buffer: WriteBuffer,
    /// Where the collected frame begins that can still grow.
    open: Option<usize>,
    /// Of a client.
    keys: Option<Keys>,
}

/// Random masks, made many at a time.
#[derive(Debug)]
struct Keys(Vec<u8>);

impl Output {
    pub(super) fn new(role: Role) -> Self {
        Self {
            buffer: WriteBuffer::default(),
            open: None,
            keys: (role == Role::Client).then(|| Keys(Vec::new())),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.bytes.is_empty()
    }

    /// Takes payload: sends much at once where that spares a copy, and collects little until it is drained.
    pub(super) fn poll_write<T: AsyncWrite + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.buffer.bytes.len() >= HIGH_WATER {
            ready!(self.poll_drain(io, cx))?;
        }
        if bytes.len() < COLLECT_BELOW {
            return Poll::Ready(self.collect(bytes));
        }
        let length = bytes.len().min(SEND_MESSAGE_BYTES);
        let bytes = bytes.get(..length).unwrap_or_default();
        if self.keys.is_some() || !self.is_empty() {
            return Poll::Ready(self.frame(Opcode::Binary, bytes).map(|()| length));
        }
        let header = header(Opcode::Binary, None, length).encode();
        let mut frame = header.as_slice().chain(bytes);
        if ready!(poll_write_buf(Pin::new(io), cx, &mut frame))? == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        // What has begun must be completed.
        while frame.has_remaining() {
            let chunk = frame.chunk();
            self.buffer.bytes.extend_from_slice(chunk);
            let taken = chunk.len();
            frame.advance(taken);
        }
        Poll::Ready(Ok(length))
    }

    /// Adds a frame.
    pub(super) fn frame(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        self.close()?;
        let key = self.key()?;
        let bytes = &mut self.buffer.bytes;
        let header = header(opcode, key, payload.len()).encode();
        bytes.extend_from_slice(header.as_slice());
        let start = bytes.len();
        bytes.extend_from_slice(payload);
        if let Some(key) = key {
            apply_mask(bytes.get_mut(start..).unwrap_or_default(), key, 0);
        }
        Ok(())
    }

    /// Sends all frames, the collected one too.
    pub(super) fn poll_drain<T: AsyncWrite + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.close()?;
        self.buffer.poll_drain(io, cx)
    }

    /// Adds to the collected frame, or begins one.
    fn collect(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.payload().map_or(0, |payload| MAX_COLLECTED - payload);
        if room == 0 {
            self.close()?;
            self.open = Some(self.buffer.bytes.len());
            let header = [0; COLLECTED_HEADER];
            self.buffer.bytes.extend_from_slice(&header);
            let key = self.key()?.unwrap_or_default();
            let key = key.get(..self.key_size()).unwrap_or_default();
            self.buffer.bytes.extend_from_slice(key);
        }
        let room = self.payload().map_or(0, |payload| MAX_COLLECTED - payload);
        let length = bytes.len().min(room);
        let bytes = bytes.get(..length).unwrap_or_default();
        self.buffer.bytes.extend_from_slice(bytes);
        Ok(length)
    }

    /// Bytes in the collected frame.
    fn payload(&self) -> Option<usize> {
        let header = COLLECTED_HEADER + self.key_size();
        Some((self.buffer.bytes.len() - self.open?).saturating_sub(header))
    }

    /// Completes the collected frame: its header, its mask.
    fn close(&mut self) -> io::Result<()> {
        let (Some(length), Some(start)) = (self.payload(), self.open.take()) else {
            return Ok(());
        };
        let key_size = self.key_size();
        let Some(frame) = self.buffer.bytes.get_mut(start..) else {
            return Ok(());
        };
        let (head, payload) = frame.split_at_mut(COLLECTED_HEADER + key_size);
        let mut key = None;
        if let Some(found) = head.last_chunk().filter(|_| key_size > 0) {
            apply_mask(payload, *found, 0);
            key = Some(*found);
        }
        let header = header(Opcode::Binary, key, length).encode();
        let header = header.as_slice();
        // The header of a short frame is shorter than the place that was kept for it.
        let surplus = head.len() - header.len();
        frame.copy_within(
            head_end(key_size)..head_end(key_size) + length,
            header.len(),
        );
        if let Some(place) = frame.get_mut(..header.len()) {
            place.copy_from_slice(header);
        }
        let all = self.buffer.bytes.len() - surplus;
        self.buffer.bytes.truncate(all);
        Ok(())
    }

    fn key(&mut self) -> io::Result<Option<Key>> {
        self.keys.as_mut().map(Keys::next).transpose()
    }

    fn key_size(&self) -> usize {
        if self.keys.is_some() {
            size_of::<Key>()
        } else {
            0
        }
    }
}

impl Keys {
    fn next(&mut self) -> io::Result<Key> {
        if self.0.is_empty() {
            self.0.resize(KEYS * size_of::<Key>(), 0);
            getrandom::fill(&mut self.0)?;
        }
        let key = self.0.last_chunk().copied().unwrap_or_default();
        self.0.truncate(self.0.len() - size_of::<Key>());
        Ok(key)
    }
}

const fn header(opcode: Opcode, key: Option<Key>, length: usize) -> Header {
    Header {
        last: true,
        opcode,
        key,
        length,
    }
}

const fn head_end(key_size: usize) -> usize {
    COLLECTED_HEADER + key_size
}
